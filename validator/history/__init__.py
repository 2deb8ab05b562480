"""The history of figures: what coverage was, kept as one Parquet file a day and one for each year.

``records`` says what a day is; ``layout`` how it lies in a file, and is what any other engine needs
to know (docs/history.md); ``engine`` is DuckDB, which writes and reads them all; ``folder`` keeps
the files: names, the lock, commits that a crash cannot tear, and repair. On these stand
``writing``, ``compacting``, ``checking``, ``carrying`` (export and import), ``reading``, and
``following``, which writes beside the running service.

Files are never changed. Whatever is new is written under another name, made durable, and takes its
place by a rename; a reader holds whole files or none. DuckDB is an extra (``originsight[history]``)
and is loaded when first needed.
"""

"""The history: what coverage was, and what it rested on, as Parquet files of days and of years.

``records`` says what a day is; ``layout`` what all kinds of files have in common, and is with
``figure_layout`` and ``table_layouts`` what any other engine needs to know (docs/history.md);
``engine`` is DuckDB, which writes and reads them all; ``folder`` keeps the files of one kind:
names, the lock, commits that a crash cannot tear, and repair. ``compacting``, ``checking`` and
``asking`` serve every kind.

*Figures*: ``writing``, ``carrying`` (export and import), ``reading``. *Tables*: ``tables`` (folders
of all kinds, a day written as one), ``table_writing``, ``rebuilding`` (a past day's snapshot),
``moments`` (the last few that were asked for), ``runs`` (since when and until when). ``following``
writes both beside the running service; ``bulk_writing`` and ``bulk_tables`` write years at once.

Files are never changed. Whatever is new is written under another name, made durable, and takes its
place by a rename; a reader holds whole files or none. DuckDB is an extra (``originsight[history]``)
and is loaded when first needed.
"""

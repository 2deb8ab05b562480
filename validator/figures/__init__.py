"""What the tables come to, group by group: ``coverage``, and the figures beside it.

``counting`` takes every figure of every scheme from one look at the tables (``facts``); ``wider``,
``holdings`` and ``visibility`` say what each is. ``coverage_text`` and ``table_rows`` write rows.
"""

"""The tables of a snapshot, columnar, sorted and immutable: ``routes``, ``vrps``, ``resources``.

The ``rib`` beside them is mutable and private to the pipeline. ``addresses``, ``origins`` and
``surroundings`` look rows up; ``changes`` tells two published tables apart.
"""

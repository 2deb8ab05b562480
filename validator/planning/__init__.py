"""What could be done: who could raise coverage (``plan``), and which ROA would help (``fixes``).

``hypothetical`` works out the verdicts of a change that is not made; ``what_if`` and ``reach`` say
what these mean for coverage, and for address space.
"""

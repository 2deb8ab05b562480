"""Side-by-side benchmarks against real peers, one file a discipline, and the fuzz runner.

``python -m bench P1 P3`` runs some, without arguments all; ``python -m bench.fuzz`` the fuzzing.
docs/benchmarks.md says what is compared and how it is kept fair. What is made on the way lies in
``bench/out`` and can be thrown away.
"""

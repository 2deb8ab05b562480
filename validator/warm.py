"""Compiles every kernel: run once at set-up, so that no user waits for it.

``python -m validator.warm``: a process for each processor, each with its share of the modules; a
kernel that several need is compiled by each of them, and kept once.
"""

from __future__ import annotations

import multiprocessing
import os
import sys

import validator.cli.commands
import validator.service
from validator.kernels.core import ready_all

__all__ = ["validator"]


def main() -> int:
    """Returns the exit code: 0, or 1 if a kernel does not compile."""
    count = len(os.sched_getaffinity(0))
    others = [
        multiprocessing.get_context("fork").Process(target=ready_all, args=(each, count))
        for each in range(1, count)
    ]
    for process in others:
        process.start()
    ready_all(0, count)
    for process in others:
        process.join()
    return int(any(process.exitcode for process in others))


if __name__ == "__main__":
    sys.exit(main())

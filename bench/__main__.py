"""``python -m bench [P1 …]``: run disciplines and print a line for each peer.

Exit codes: 0 every discipline was run (whether or not its goal was met), 1 one could not be run or
its two sides gave different answers, 2 usage.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence

from bench import p1, p2, p3, p4, p5, p6, p7, p8, p9
from bench.common import NotRun, Unequal

DISCIPLINES: dict[str, Callable[[], Iterator[object]]] = {
    "P1": p1.run,
    "P2": p2.run,
    "P3": p3.run,
    "P4": p4.run,
    "P5": p5.run,
    "P6": p6.run,
    "P7": p7.run,
    "P8": p8.run,
    "P9": p9.run,
}


def main(chosen: Sequence[str]) -> int:
    names = [name.upper() for name in chosen] or list(DISCIPLINES)
    if unknown := [name for name in names if name not in DISCIPLINES]:
        print(f"no discipline {unknown[0]}; there are {', '.join(DISCIPLINES)}", file=sys.stderr)
        return 2
    code = 0
    for name in names:
        try:
            for result in DISCIPLINES[name]():
                print(result, flush=True)
        except NotRun as reason:
            print(f"{name} not run: {reason}", flush=True)
            code = 1
        except Unequal as reason:
            print(f"{name} answers differ: {reason}", flush=True)
            code = 1
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""RTRlib, driven from here: the peer of P1 and P2, a small C program over librtr.

The program (``rtrlib_peer.c``) is compiled into ``bench/out`` when first needed. VRPs and routes go
to it as files of fixed-size records; what it takes to read them is never timed.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from bench.common import OUT, NotRun, Unequal
from validator.model import I8, NO_ORIGIN, U1, Family, Prefixes, Verdict, VrpBatch, format_asn
from validator.tables.routes import SeenRoutes

_SOURCE = Path(__file__).with_name("rtrlib_peer.c")
_RECORD = np.dtype(
    [
        ("family", "u1"),
        ("length", "u1"),
        ("max_length", "u1"),
        ("unused", "u1"),
        ("asn", "u4"),
        ("address", "u4", 4),
    ]
)
_VALID, _NOT_FOUND, _INVALID = range(3)
_STATE_OF = np.array(
    [
        _NOT_FOUND
        if verdict is Verdict.NOT_FOUND
        else _VALID
        if verdict is Verdict.VALID
        else _INVALID
        for verdict in Verdict
    ],
    "u1",
)
_NAMES = ("valid", "not-found", "invalid")


class Rtrlib:
    """A running peer that holds these VRPs and routes, in this order."""

    def __init__(self, vrps: VrpBatch, prefixes: Prefixes, origin: I8, folder: Path = OUT) -> None:
        program = compiled(folder)
        self._scratch = tempfile.TemporaryDirectory(prefix="originsight-bench-")
        files = self._file("vrps"), self._file("routes")
        _records(vrps.prefixes, vrps.asn, vrps.max_length).tofile(files[0])
        # RTRlib knows no origin NONE. AS 0 serves: neither ever matches (RFC 6483 section 4).
        asn = np.where(origin == NO_ORIGIN, 0, origin).astype("u4")
        _records(prefixes, asn, prefixes.length).tofile(files[1])
        self._process = subprocess.Popen(
            [program, *files], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def build(self) -> float:
        """Seconds that it takes to add every VRP to a new table."""
        return float(self._ask("build")[0])

    def validate(self) -> float:
        """Seconds that it takes to find the state of every route."""
        return float(self._ask("validate")[0])

    def states(self) -> U1:
        """The states that the last validation found, in RTRlib's numbers."""
        path = self._file("states")
        self._ask(f"states {path}")
        return np.fromfile(path, "u1")

    def _file(self, name: str) -> Path:
        return Path(self._scratch.name) / name

    def _ask(self, command: str) -> list[str]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(command + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise NotRun("the RTRlib program ended") from None
        answer = self._process.stdout.readline().split()
        if not answer or answer[0] != command.split(maxsplit=1)[0]:
            raise NotRun(f"the RTRlib program failed at {command.split(maxsplit=1)[0]!r}")
        return answer[1:]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.communicate()
        self._scratch.cleanup()


def compiled(folder: Path = OUT) -> Path:
    """The program, compiled if it is not newer than its source.

    Raises:
        NotRun: no C compiler, no librtr, or they do not fit together.
    """
    program = folder / "rtrlib_peer"
    if program.exists() and program.stat().st_mtime > _SOURCE.stat().st_mtime:
        return program
    if not (shutil.which("gcc") and shutil.which("pkg-config")):
        raise NotRun("no gcc or pkg-config here; install gcc and pkg-config")
    flags = subprocess.run(
        ["pkg-config", "--cflags", "--libs", "rtrlib"], capture_output=True, text=True, check=False
    )
    if flags.returncode:
        raise NotRun("no RTRlib here; install librtr-dev")
    folder.mkdir(parents=True, exist_ok=True)
    # -O2 as Debian compiles librtr itself; the loop around the calls is all that is compiled here.
    made = subprocess.run(
        ["gcc", "-O2", "-Wall", "-o", program, _SOURCE, *flags.stdout.split()],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        raise NotRun(f"the RTRlib program does not compile: {made.stderr.splitlines()[0]}")
    return program


def compare(theirs: U1, verdict: U1, routes: SeenRoutes) -> None:
    """Both sides' answers, route by route.

    Raises:
        Unequal: naming the first route on which they differ.
    """
    ours = _STATE_OF[verdict]
    if len(ours) != len(theirs):
        raise Unequal(f"RTRlib validated {len(theirs)} routes, we {len(ours)}")
    different = np.flatnonzero(ours != theirs)
    if len(different):
        row = int(different[0])
        raise Unequal(
            f"{len(different)} of {len(ours)} routes differ, first {routes.prefixes[row]} "
            f"{format_asn(int(routes.origin[row]))}: RTRlib {_NAMES[theirs[row]]}, "
            f"we {_NAMES[ours[row]]}"
        )


def _records(prefixes: Prefixes, asn: Any, max_length: Any) -> NDArray[Any]:
    records = np.zeros(len(prefixes), _RECORD)
    records["family"], records["length"] = prefixes.family, prefixes.length
    records["max_length"], records["asn"] = max_length, asn
    for word, column in ((0, prefixes.high), (2, prefixes.low)):
        records["address"][:, word] = column >> np.uint64(32)
        records["address"][:, word + 1] = column & np.uint64(0xFFFF_FFFF)
    assert set(np.unique(prefixes.family)) <= set(map(int, Family))
    return records

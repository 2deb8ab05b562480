"""The command line as processes in a folder of small inputs.

Most commands are forks of one process that has everything imported, which saves each of them a
second; ``COMMAND`` is the installed command itself, for the tests where starting it matters.
"""

from __future__ import annotations

import atexit
import functools
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

COMMAND = str(Path(sys.executable).with_name("originsight"))
PATIENCE_SECONDS = 120

_FORKING = f"""
import json, os, signal, sys
import collectors.catalog, validator.cli.commands, validator.settings.file
from validator.cli import main
for line in sys.stdin:
    folder, arguments, out, err = json.loads(line)
    child = os.fork()
    if not child:
        signal.alarm({PATIENCE_SECONDS})
        os.chdir(folder)
        for number, path in ((0, "/dev/null"), (1, out), (2, err)):
            os.dup2(os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC), number)
        main(arguments, prog_name="originsight")
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""

VRPS = [
    {
        "asn": "AS1",
        "prefix": "11.0.0.0/16",
        "maxLength": 16,
        "ta": "arin",
        "expires": 1_800_000_000,
    },
    {"asn": 0, "prefix": "11.3.0.0/16", "maxLength": 32, "ta": "arin"},
    {"asn": 1, "prefix": "2a00::/32", "maxLength": 48, "ta": "ripe"},
]
ROUTES = """prefix,origin
11.0.0.0/16,1
11.0.0.0/17,1
11.0.128.0/17,2
11.3.0.0/24,1
11.9.0.0/16,3
2a00::/32,1
2a00:1::/32,3
"""
ROWS = [
    ("11.0.0.0/16", "AS1", "valid", "", 1),
    ("11.0.0.0/17", "AS1", "invalid", "length", 1),
    ("11.0.128.0/17", "AS2", "invalid", "origin", 1),
    ("11.3.0.0/24", "AS1", "invalid", "as0", 1),
    ("11.9.0.0/16", "AS3", "not-found", "", 1),
    ("2a00::/32", "AS1", "valid", "", 1),
    ("2a00:1::/32", "AS3", "not-found", "", 1),
]
"""What follows from the two above: ``prefix,origin,state,reason,peers``."""
DELEGATED = """2|arin|20260101|3|19830705|20260101|+0000
arin|*|ipv4|*|1|summary
arin|*|ipv6|*|1|summary
arin|*|asn|*|1|summary
arin|US|ipv4|11.0.0.0|65536|20200101|allocated|holder-1
arin|CA|ipv6|2a00::|32|20200101|allocated|holder-2
arin|US|asn|1|1|20200101|allocated|holder-1
"""
TABLE = ("validate", "--vrps", "vrps.json", "--routes", "routes.csv")
COVERAGE = ("coverage", *TABLE[1:], "--resources", "delegated")


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str


def write_inputs(folder: Path) -> None:
    """One input of each kind."""
    document = {"metadata": {"buildtime": "2026-01-01T00:00:00Z"}, "roas": VRPS}
    (folder / "vrps.json").write_text(json.dumps(document))
    (folder / "routes.csv").write_text(ROUTES)
    (folder / "delegated").write_text(DELEGATED)


def run(folder: Path, *arguments: str) -> Done:
    """Run ``originsight`` with these arguments in this folder."""
    parent, streams = _parent(), (folder.parent / "stdout", folder.parent / "stderr")
    assert parent.stdin is not None
    assert parent.stdout is not None
    request = (str(folder), arguments, *map(str, streams))
    parent.stdin.write(json.dumps(request) + "\n")
    parent.stdin.flush()
    code = int(parent.stdout.readline())
    return Done(code, *(stream.read_text("utf-8") for stream in streams))


def good(folder: Path, *arguments: str) -> str:
    """What is printed by a command that succeeds and has nothing to complain of."""
    done = run(folder, *arguments, "--quiet")
    assert (done.code, done.err) == (0, "")
    return done.out


def refusal(folder: Path, *arguments: str) -> str:
    """The one line that a command prints when an input fails; nothing else is printed."""
    done = run(folder, *arguments, "--quiet")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("originsight: ")
    assert done.err.endswith("\n")
    assert done.err.count("\n") == 1
    return done.err


@functools.cache
def _parent() -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", _FORKING], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    atexit.register(process.stdin.close)  # at which it ends
    return process

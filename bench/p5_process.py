"""The process that P5 measures: files in, every ASN's and every country's coverage out.

``python -m bench.p5_process OUT VRPS ROUTES RESOURCES…`` writes two CSV files into the folder OUT,
``asn.csv`` and ``country.csv``, as ``originsight coverage --format csv`` does, and prints as JSON
what was left out of them. It imports what the command needs for this and nothing of the benchmarks.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import msgspec

from collectors.base import LocalFile, ReadOptions
from collectors.catalog import Kind, read
from validator.figures import coverage_text
from validator.groupings import Attribution, Scheme
from validator.inputs.batches import gather
from validator.state.assembly import assemble
from validator.tables.announced import AnnouncedRules

WANTED = (Scheme.ASN, Attribution.ORIGIN), (Scheme.COUNTRY, Attribution.ADDRESS)


def main(out: Path, vrps: Path, routes: Path, resources: Sequence[Path]) -> None:
    gc.disable()  # as the command does
    sources = [(Kind.VRPS, vrps), (Kind.ROUTES, routes)]
    sources += [(Kind.RESOURCES, path) for path in resources]
    options = ReadOptions()
    batches = [read(kind, LocalFile(path, path.name), options) for kind, path in sources]
    snapshot = assemble(gather(batches), AnnouncedRules(), coverages=WANTED, coverage_alone=True)
    counted = time.process_time()
    for (scheme, _), figures in snapshot.coverages.items():
        with (out / f"{scheme}.csv").open("w", encoding="utf-8", newline="") as file:
            for text in coverage_text.csv_text(figures, partial(snapshot.group_name, scheme)):
                file.write(text.decode())
    report = {
        "routes": len(snapshot.routes),
        "excluded": snapshot.exclusions,
        "writing_cpu_seconds": time.process_time() - counted,
    }
    sys.stdout.write(msgspec.json.encode(report).decode() + "\n")


if __name__ == "__main__":
    _out, _vrps, _routes, *_resources = map(Path, sys.argv[1:])
    main(_out, _vrps, _routes, _resources)

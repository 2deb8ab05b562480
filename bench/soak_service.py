"""The service as a process of its own, which leaves its last table behind when it ends.

``python -m bench.soak_service SETTINGS FOLDER`` serves as ``originsight serve`` does, on a free
port; the URL is in ``FOLDER/url`` once it listens. Told to stop, it writes every row of the last
snapshot to ``FOLDER/table.npz``.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from bench.soak_table import write_table
from validator import pipeline, service
from validator.settings import file as settings

_last: list[pipeline.Pipeline] = []


class _Remembered(pipeline.Pipeline):
    """The product's own, which can be asked for its snapshot after the service has ended."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        _last.append(self)


def main() -> None:
    chosen, folder = settings.load(Path(sys.argv[1])), Path(sys.argv[2])
    vars(service)["Pipeline"] = _Remembered

    def ready(url: str) -> None:
        partial = folder / "url.partial"
        partial.write_text(url)
        partial.replace(folder / "url")

    service.run(chosen, ("127.0.0.1", 0), ready=ready)
    snapshot = _last[0].snapshot
    assert snapshot is not None, "the service ended before its first snapshot"
    write_table(snapshot, folder / "table.npz")


if __name__ == "__main__":
    main()

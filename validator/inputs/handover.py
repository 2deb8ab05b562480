"""Columns from a worker process to ours without copying them through a pipe.

Unpickling a full table would hold the interpreter, and so the event loop, for as long as it takes
to copy it. The worker writes the columns to a file instead and returns what is left (a few
kilobytes) with the file's name; :func:`take` maps the file and removes its name. Pickle's protocol
5 (PEP 574) does the splitting.
"""

from __future__ import annotations

import mmap
import pickle
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_ALIGNMENT = 64


@dataclass(frozen=True, slots=True)
class Parcel:
    """A value with its columns left in a file: ``(offset, length)`` of each."""

    body: bytes
    path: Path
    spans: Sequence[tuple[int, int]]


def give(value: Any, folder: Path) -> Parcel:
    """In the worker: leave the value's columns in a new file in ``folder``."""
    buffers: list[pickle.PickleBuffer] = []
    body = pickle.dumps(value, protocol=5, buffer_callback=buffers.append)
    spans = []
    with tempfile.NamedTemporaryFile(dir=folder, prefix="columns-", delete=False) as file:
        for buffer in buffers:
            column = buffer.raw()
            file.write(bytes(-file.tell() % _ALIGNMENT))
            spans.append((file.tell(), column.nbytes))
            file.write(column)
    return Parcel(body, Path(file.name), spans)


def take(parcel: Parcel) -> Any:
    """In the receiver: the value, its columns read-only and backed by the file, whose name goes.

    Trusted on both ends: a parcel is never read from anywhere but our own worker.
    """
    with parcel.path.open("rb") as file:
        parcel.path.unlink()
        size = file.seek(0, 2)
        if size == 0:
            return pickle.loads(parcel.body, buffers=[b""] * len(parcel.spans))  # noqa: S301
        mapped = memoryview(mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ))
    columns = [mapped[start : start + length] for start, length in parcel.spans]
    return pickle.loads(parcel.body, buffers=columns)  # noqa: S301

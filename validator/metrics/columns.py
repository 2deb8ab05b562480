"""Gauges by group as columns: thousands of series that become text in one compiled loop.

prometheus_client writes one series in some 8 µs, holding the interpreter; here the figures stay
numpy columns and :func:`validator.kernels.text.write_rows` writes them without holding it. A
:class:`Columns` is a metric of prometheus_client all the same: whoever asks for its ``samples``
gets them, and :func:`write` gives the same samples as prometheus_client's own encoders, to which it
leaves every other metric.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from validator.kernels.text import LONGEST_NUMBER, write_rows
from validator.model import I8, U1, U8
from validator.tables.columns import joined_text

GROUP = "group"
"""The label that tells the rows of a block apart."""

_BYTES_AT_ONCE = 256 << 10
_HOLE = "\0"
_UNSAFE = re.compile('[\\\\"\n]')
_END = b"# EOF\n"


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Some groups of one scheme: a row for each, a series for each of its columns.

    ``same``: labels that all of them have. ``kinds``: what the label ``across`` says of each
    column; a block of one column needs no such label (``across`` empty). ``rows``: i8, indexes into
    ``groups``. ``values``: u8 ``(rows, kinds)``, in parts of which ``parts`` are one unit.
    """

    same: Mapping[str, str]
    across: str
    kinds: tuple[str, ...]
    groups: Sequence[str]
    rows: I8
    values: U8
    parts: int = 1

    def labels(self, kind: str, group: str) -> dict[str, str]:
        named = {self.across: kind} if self.across else {}
        return {**self.same, **named, GROUP: group}


class Columns(Metric):
    """A gauge made of blocks."""

    def __init__(self, name: str, documentation: str, blocks: Iterable[Block] = ()) -> None:
        self.blocks = list(blocks)
        super().__init__(name, documentation, "gauge")

    @property
    def samples(self) -> list[Sample]:
        """One by one, as prometheus_client has them."""
        return [
            Sample(self.name, block.labels(kind, block.groups[row]), _in_units(value, block.parts))
            for block in self.blocks
            for row, values in zip(block.rows.tolist(), block.values.tolist(), strict=True)
            for kind, value in zip(block.kinds, values, strict=True)
        ]

    @samples.setter
    def samples(self, _: list[Sample]) -> None:
        """They follow from the blocks."""

    def __len__(self) -> int:
        """The number of series."""
        return sum(block.values.size for block in self.blocks)

    def __bool__(self) -> bool:
        return True

    def text(self) -> Iterator[bytes]:
        """The lines of all series, some 256 KiB at a time: the same in both formats."""
        stores: dict[int, tuple[U1, I8]] = {}
        for block in self.blocks:
            if not len(block.rows):
                continue
            store = stores.get(id(block.groups))
            if store is None:
                store = stores[id(block.groups)] = joined_text(_escaped(block.groups))
            yield from _lines(self.name, block, store)


def write(collector: Collector, accept: str) -> tuple[Iterator[bytes], str]:
    """All metrics in the format that an ``Accept`` header prefers, piece by piece; and what to call
    it: Prometheus's text format 0.0.4, or OpenMetrics."""
    encode, kind = choose_encoder(accept)
    return _pieces(collector, encode, kind.startswith("application/openmetrics-text")), kind


def _pieces(
    collector: Collector, encode: Callable[[Collector], bytes], open_metrics: bool
) -> Iterator[bytes]:
    ordinary: list[Metric] = []
    columns: list[Columns] = []
    for metric in collector.collect():
        if isinstance(metric, Columns):
            columns.append(metric)
        else:
            ordinary.append(metric)
    yield encode(_Some(ordinary)).removesuffix(_END)
    for each in columns:
        head = Metric(each.name, each.documentation, each.type)
        yield encode(_Some([head])).removesuffix(_END)
        yield from each.text()
    if open_metrics:
        yield _END


class _Some(Collector):
    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics


def _lines(name: str, block: Block, store: tuple[U1, I8]) -> Iterator[bytes]:
    texts, bounds = store
    cells = np.empty((len(block.rows), 2 * len(block.kinds)), "i8")
    cells[:, 0::2] = ~block.rows[:, None]
    whole = block.values // np.uint64(block.parts)
    cells[:, 1::2] = whole
    broken = block.values != whole * np.uint64(block.parts)
    if broken.any():
        written = [repr(value / block.parts) for value in block.values[broken].tolist()]
        fractions, more = joined_text(written)
        cells[:, 1::2][broken] = ~(np.arange(len(written)) + len(block.groups))
        texts = np.concatenate((texts, fractions))
        bounds = np.concatenate((bounds, bounds[-1] + more[1:]))
    frame, frame_bounds = _frame(name, tuple(block.same.items()), block.across, block.kinds)
    longest = int(np.diff(bounds).max(initial=0))
    room = len(frame) + len(block.kinds) * (longest + LONGEST_NUMBER)
    out = np.empty(max(_BYTES_AT_ONCE, room), "u1")
    at, flat = 0, cells.ravel()
    while at < len(cells):
        at, length = write_rows(flat, texts, bounds, frame, frame_bounds, at, out)
        yield out[:length].tobytes()


@lru_cache(maxsize=2048)  # the same few hundred in every scrape
def _frame(
    name: str, same: tuple[tuple[str, str], ...], across: str, kinds: tuple[str, ...]
) -> tuple[U1, I8]:
    """What stands before, between and after the cells of a row: group, value, group, value, …"""
    lines = []
    for kind in kinds:
        labels = {**dict(same), GROUP: _HOLE, **({across: kind} if across else {})}
        told = ",".join(f'{key}="{_escape(value)}"' for key, value in sorted(labels.items()))
        lines.append(f"{name}{{{told}}} {_HOLE}\n")
    return joined_text("".join(lines).split(_HOLE))


def _escaped(texts: Sequence[str]) -> Sequence[str]:
    if _UNSAFE.search("".join(texts)) is None:
        return texts
    return [_escape(text) for text in texts]


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def _in_units(value: int, parts: int) -> float:
    whole, left = divmod(value, parts)
    return float(whole) if not left else value / parts

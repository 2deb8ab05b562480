"""The figures of every network at once: a file, gzipped, for those who ask for it.

Half a million series are nothing to make while a scrape waits. They are written in the background,
to a temporary file that takes the place of the one before when it is complete and on the disk; at
most every so often, and only if coverage was counted again. ``/metrics/networks`` serves the file.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import structlog
from isal import isal_zlib
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from validator.figures.coverage import Coverage
from validator.groupings import Attribution, Scheme
from validator.metrics.columns import write
from validator.metrics.figures import Chosen, families
from validator.model import U8, Family
from validator.snapshot import Snapshot

log = structlog.get_logger()

MOST_NETWORK_SERIES = 1_000_000
"""What the file is meant for; a test holds it on the real table."""
KIND = "text/plain; version=0.0.4; charset=utf-8"
_GZIP_WINDOW = 31
_LEVEL = 2
_TEXT = ""
"""As an ``Accept`` header: the text format, which every Prometheus reads."""


class Published(Protocol):
    """Where snapshots come from."""

    async def published(self, after: int) -> Snapshot: ...


class NetworksFile(Collector):
    """Keeps the file at ``path``; without one it does nothing. ``written`` is when (Unix seconds),
    0 until it has been."""

    def __init__(self, path: Path | None, every_seconds: float) -> None:
        self.path = path
        self._every = every_seconds
        self._shown: weakref.ref[U8] | None = None
        # A column of the coverage in the file, to know it again; not the coverage, which can go.
        self.written = 0.0
        self.series = 0
        self.failures_total = 0

    async def run(self, source: Published) -> None:
        """Follow ``source`` until cancelled."""
        generation = 0
        while self.path is not None:
            snapshot = await source.published(generation)
            generation = snapshot.generation
            if await self.update(snapshot):
                del snapshot  # it can go as soon as there is another
                await asyncio.sleep(self._every)

    async def update(self, snapshot: Snapshot) -> bool:
        """Write the file if the figures are not those in it. Returns whether it was tried."""
        coverage = snapshot.coverages.get((Scheme.ASN, Attribution.ORIGIN))
        if self.path is None or coverage is None:
            return False
        column = coverage.space[Family.IPV4]
        if self._shown is not None and self._shown() is column:
            return False
        try:
            self.series = await asyncio.to_thread(_replace, self.path, snapshot, coverage)
        except OSError as error:
            self.failures_total += 1
            log.error("networks file not written", path=str(self.path), error=str(error))
        else:
            self._shown, self.written = weakref.ref(column), time.time()
        return True

    def collect(self) -> Iterator[Metric]:
        if self.path is None:
            return
        yield GaugeMetricFamily(
            "originsight_networks_file_written_timestamp_seconds",
            "When the file of all networks was last written; 0 until it is.",
            value=self.written,
        )
        yield GaugeMetricFamily(
            "originsight_networks_file_series", "Series in that file.", value=self.series
        )
        yield CounterMetricFamily(
            "originsight_networks_file_failures",
            "How often the file of all networks could not be written.",
            value=self.failures_total,
        )


class _Networks(Collector):
    """What is in the file."""

    def __init__(self, snapshot: Snapshot, coverage: Coverage) -> None:
        self._snapshot, self._coverage = snapshot, coverage
        self.series = 0

    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily(
            "originsight_snapshot_created_timestamp_seconds",
            "When the snapshot that is served was made.",
            value=self._snapshot.created,
        )
        self.series = 1
        for each in families([Chosen.all_of(self._coverage)], announcing=True):
            self.series += len(each)
            yield each


def _replace(path: Path, snapshot: Snapshot, coverage: Coverage) -> int:
    """Write all networks, and put them in the place of the file at once. Returns the series."""
    networks = _Networks(snapshot, coverage)
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with new.open("wb") as file:
            packer = isal_zlib.compressobj(_LEVEL, isal_zlib.DEFLATED, _GZIP_WINDOW)
            for part in write(networks, _TEXT)[0]:
                file.write(packer.compress(part))
            file.write(packer.flush())
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            new.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return networks.series

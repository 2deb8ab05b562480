"""One group, whichever: what ``/probe`` answers (Prometheus's multi-target pattern).

The metrics are those of ``/metrics``, with the same labels, and one that says whether there is such
a group at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from validator.figures.coverage import Coverage
from validator.groupings import Scheme
from validator.metrics.coverage import names
from validator.metrics.figures import Chosen, families
from validator.model import GROUP_IDENTIFIER, format_asn, parse_asn
from validator.snapshot import Snapshot

SCHEME_GROUP = f"[a-z][a-z0-9-]{{0,79}}:{GROUP_IDENTIFIER}"
_SCHEME_GROUP = re.compile(SCHEME_GROUP)
FORMS = "AS64496, or SCHEME:GROUP such as country:NL"


@dataclass(frozen=True, slots=True)
class Target:
    """A group of a scheme, which need not exist."""

    scheme: str
    group: str


def parse(text: str) -> Target:
    """Read ``AS3333``, ``country:NL``, or any other scheme with one of its groups.

    Raises:
        ValueError: it is neither.
    """
    if _SCHEME_GROUP.fullmatch(text):
        scheme, _, group = text.partition(":")
        return Target(scheme, group)
    try:
        return Target(Scheme.ASN, format_asn(parse_asn(text)))
    except ValueError as error:
        raise ValueError(f"{error}; expected {FORMS}") from None


class ProbeCollector(Collector):
    """The figures of one group in a snapshot."""

    def __init__(self, snapshot: Snapshot, target: Target) -> None:
        self._snapshot, self._target = snapshot, target

    def collect(self) -> Iterator[Metric]:
        found = [
            chosen
            for (scheme, _), coverage in self._snapshot.coverages.items()
            if scheme == self._target.scheme
            and (chosen := _only(coverage, self._target.group)) is not None
        ]
        yield GaugeMetricFamily(
            "originsight_probe_success",
            "1 if there is such a group, else 0: a network that announces nothing is not there.",
            value=bool(found),
        )
        if found:
            yield from families(found)
            yield names(self._snapshot, found)


def _only(coverage: Coverage, group: str) -> Chosen | None:
    row = coverage.index(group)
    return None if row is None else Chosen.one_of(coverage, row)

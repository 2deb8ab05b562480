"""Columns written by the compiled loop say what prometheus_client's own encoders say."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text
from prometheus_client.registry import Collector

from validator.metrics.columns import Block, Columns, write

_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=12)
_VALUE = st.one_of(
    st.integers(0, 2**64 - 1), st.integers(0, 20), st.sampled_from([2**53 + 1, 65536, 65537, 98304])
)


@st.composite
def _blocks(draw: st.DrawFn, number: int) -> Block:
    groups = draw(st.lists(_TEXT, min_size=1, max_size=6, unique=True))
    rows = draw(st.lists(st.integers(0, len(groups) - 1), unique=True, max_size=6))
    kinds = draw(st.sampled_from([("valid",), ("valid", "invalid"), ('a"b', "c\\d", "e\nf")]))
    parts = draw(st.sampled_from([1, 65536]))
    # Whole numbers fit 63 bits, as counts and spaces in their units do.
    values = [[draw(_VALUE) // (1 if parts > 1 else 2) for _ in kinds] for _ in rows]
    return Block(
        {"scheme": draw(_TEXT), "number": str(number)},
        "kind",
        kinds,
        groups,
        np.array(rows, "i8"),
        np.array(values, "u8").reshape(len(rows), len(kinds)),
        parts,
    )


class _One(Collector):
    def __init__(self, metric: Metric) -> None:
        self._metric = metric

    def collect(self) -> Iterable[Metric]:
        return [self._metric]


def _samples(found: Iterable[Metric]) -> list[tuple[str, dict[str, str], float]]:
    """As Prometheus takes them, to which every number is a float."""
    (metric,) = found
    assert (metric.name, metric.type, metric.documentation) == ("things", "gauge", "What they are.")
    return [(sample.name, sample.labels, float(sample.value)) for sample in metric.samples]


@settings(max_examples=80, deadline=None)
@given(st.data(), st.integers(1, 3))
def test_both_formats_have_the_samples_of_prometheus_client(data: st.DataObject, many: int) -> None:
    metric = Columns("things", "What they are.", [data.draw(_blocks(n)) for n in range(many)])
    for accept, encode, parse in (
        ("", generate_latest, parse_text),
        ("application/openmetrics-text; version=1.0.0", generate_openmetrics, parse_openmetrics),
    ):
        parts, kind = write(_One(metric), accept)
        ours = b"".join(parts).decode()
        theirs = encode(_One(metric)).decode()
        assert kind.startswith("application/openmetrics" if accept else "text/plain")
        assert _samples(parse(ours)) == _samples(parse(theirs))
        assert len(_samples(parse(ours))) == len(metric)

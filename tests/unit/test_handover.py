"""Columns cross from a worker to us without a copy, and leave no file behind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.oracle import R, route_batch
from validator.inputs import handover
from validator.model import RouteBatch


def test_a_batch_arrives_as_it_was_and_its_file_is_gone(tmp_path: Path) -> None:
    from ipaddress import ip_network

    sent = route_batch([R(ip_network(f"10.{n}.0.0/16"), n) for n in range(200)])
    parcel = handover.give(sent, tmp_path)
    assert len(parcel.body) < 3000, "the columns are not in the pickle"
    assert [path.name for path in tmp_path.iterdir()] == [parcel.path.name]
    received = handover.take(parcel)
    assert isinstance(received, RouteBatch)
    assert not list(tmp_path.iterdir())
    for name in ("prefix", "peer", "origin", "neighbour", "path_id", "flags"):
        column = getattr(received, name)
        assert column.dtype == getattr(sent, name).dtype
        assert (column == getattr(sent, name)).all()
    assert (received.prefixes.high == sent.prefixes.high).all()
    assert received.peers == sent.peers


def test_what_arrives_cannot_be_written_to(tmp_path: Path) -> None:
    received = handover.take(handover.give(np.arange(5), tmp_path))
    with pytest.raises(ValueError, match="read-only"):
        received[0] = 1


@pytest.mark.parametrize("value", [np.empty(0, "u8"), {"a": 1}, [np.empty(0), np.arange(3)], ()])
def test_empty_columns_and_plain_values_cross_too(value: object, tmp_path: Path) -> None:
    received = handover.take(handover.give(value, tmp_path))
    assert repr(received) == repr(value)
    assert not list(tmp_path.iterdir())

"""Whatever bytes come, the MRT decoder answers with entries or a SourceError, and with the same
answer however the bytes are cut into pieces."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.fuzz_mrt import cases, decode
from collectors.mrt import read_stream
from validator.model import RouteBatch, SourceError

((_, SEED),) = cases(Path("no data"))


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """The seed with some bytes changed, cut out, doubled or cut off."""
    raw = bytearray(SEED)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(raw) - 1)) if raw else 0
        match draw(st.integers(0, 3)):
            case 0 if raw:
                raw[at] = draw(st.sampled_from((0, 1, 2, 127, 128, 255)))
            case 1:
                del raw[at : at + draw(st.integers(1, 20))]
            case 2:
                raw[at:at] = raw[at : at + draw(st.integers(1, 60))]
            case _:
                del raw[len(raw) - draw(st.integers(0, len(raw))) :]
    return bytes(raw)


def answer(raw: bytes, step: int) -> tuple[object, ...]:
    pieces = (raw[at : at + step] for at in range(0, len(raw), step))
    try:
        batch: RouteBatch = read_stream("x", pieces, allow_truncated=True)
    except SourceError as failure:
        return (str(failure),)
    columns = (batch.prefix, batch.peer, batch.origin, batch.neighbour, batch.path_id, batch.flags)
    return (*(np.asarray(column).tolist() for column in columns), batch.peers, batch.report)


def test_the_seed_itself_is_decoded() -> None:
    decode(SEED)
    assert len(read_stream("x", [SEED], allow_truncated=False)) == 10


@settings(max_examples=300, deadline=None)
@given(raw=mutated(), step=st.integers(1, 200))
def test_a_mutated_file_has_one_answer_however_it_is_cut(raw: bytes, step: int) -> None:
    assert answer(raw, step) == answer(raw, len(raw) + 1)


@settings(max_examples=100, deadline=None)
@given(raw=st.binary(max_size=400))
def test_arbitrary_bytes_are_refused_in_one_line_or_read(raw: bytes) -> None:
    (first, *_) = answer(raw, 100)
    assert not isinstance(first, str) or "\n" not in first


@pytest.mark.real_data
def test_there_are_seeds_of_the_real_files(real_data: Path) -> None:
    names = [name for name, raw in cases(real_data) if raw]
    assert len(names) > 10

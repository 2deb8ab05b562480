"""Whatever bytes come, the live decoders answer with rows or a SourceError of one line, and with
the same answer however the bytes are cut into pieces."""

from __future__ import annotations

from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.fuzz_live import cases, decode, mutate
from collectors.wire.bmp import BmpDecoder
from collectors.wire.bmp_events import Routes, TableKind
from collectors.wire.mrt_updates import UpdateDecoder, UpdateRows
from validator.model import SourceError

SEEDS = [raw for _, raw in cases(Path("no data"))]


def answer(raw: bytes, step: int) -> tuple[list[object], dict[str, int], str]:
    """All rows and other events in order, what was counted, and the error if there was one."""
    content, out, error = raw[1:], list[object](), ""
    decoder: UpdateDecoder | BmpDecoder
    decoder = UpdateDecoder("x") if raw[:1] == b"M" else BmpDecoder("x", frozenset(TableKind))
    try:
        for at in range(0, len(content), step):
            for found in decoder.feed(content[at : at + step]):
                if isinstance(found, Routes | UpdateRows):
                    rows = (np.asarray(column).tolist() for column in found.rows)
                    out += zip(*rows, strict=True)
                elif isinstance(decoder, UpdateDecoder):
                    out.append(found)
        decoder.feed(b"")
    except SourceError as failure:
        error = str(failure)
    return out, decoder.counts(), error


def test_the_seeds_are_decoded_without_an_error() -> None:
    for raw in SEEDS:
        decode(raw)
    assert {raw[:1] for raw in SEEDS} == {b"U", b"M", b"B"}


@settings(max_examples=300, deadline=None)
@given(seed=st.integers(0, 1 << 32))
def test_mutated_input_is_decoded_or_refused(seed: int) -> None:
    rng, error = Random(seed), ""
    try:
        decode(mutate(rng, rng.choice(SEEDS), SEEDS))
    except SourceError as failure:
        error = str(failure)
    assert "\n" not in error


@settings(max_examples=200, deadline=None)
@given(seed=st.integers(0, 1 << 32), step=st.integers(1, 200))
def test_the_answer_does_not_depend_on_how_bytes_are_cut(seed: int, step: int) -> None:
    rng = Random(seed)
    framed = [raw for raw in SEEDS if raw[:1] != b"U"]
    raw = mutate(rng, rng.choice(framed), framed)
    assert answer(raw, step) == answer(raw, len(raw) + 1)


@pytest.mark.real_data
def test_there_are_seeds_of_the_real_captures_and_files(real_data: Path) -> None:
    kinds = [raw[:1] for _, raw in cases(real_data)]
    assert kinds.count(b"B") > 10
    assert kinds.count(b"M") > 10

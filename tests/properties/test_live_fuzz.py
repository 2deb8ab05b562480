"""Whatever bytes come, the live decoders answer with rows or a SourceError of one line, and what is
malformed costs what is documented; and the fuzzing that checks this sees it if it is not so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench import fuzz_live, fuzz_plain_update
from bench.fuzz_invariants import Broken
from bench.fuzz_live_mutations import Form, mutate_messages
from bench.fuzz_live_seeds import bmp_seeds, mrt_seeds, update_seeds
from collectors.bmp_router import BmpRouter
from collectors.wire import mrt_updates
from collectors.wire.bmp import BmpDecoder
from tests.bgp_bytes import content, reach, unreach
from tests.mrt_bytes import attribute, sequence
from validator.model import SourceError

NOWHERE = Path("no data")
Decoder = Callable[[bytes, Path], None]
FORMS: dict[Form, tuple[list[bytes], Decoder]] = {
    Form.UPDATES: (list(update_seeds(NOWHERE, NOWHERE)), fuzz_live.decode_updates),
    Form.MRT: (list(mrt_seeds(NOWHERE, NOWHERE)), fuzz_live.decode_mrt_updates),
    Form.BMP: (list(bmp_seeds(NOWHERE, NOWHERE)), fuzz_live.decode_bmp),
}
((MRT_SEED,), (BMP_SEED,)) = FORMS[Form.MRT][0], FORMS[Form.BMP][0]


@pytest.mark.parametrize("form", [Form.UPDATES, Form.MRT])
def test_the_seeds_are_taken_as_they_are(form: Form) -> None:
    seeds, decode = FORMS[form]
    for raw in seeds:
        decode(raw, NOWHERE)


def test_the_seed_of_bmp_has_each_update_under_headers_of_both_widths() -> None:
    with pytest.raises(SourceError, match="a segment of the AS_PATH"):
        fuzz_live.decode_bmp(BMP_SEED, NOWHERE)


def problem(decode: Decoder, raw: bytes) -> str:
    """The error that ends it, if one does."""
    try:
        decode(raw, NOWHERE)
    except SourceError as failure:
        return str(failure)
    return ""


@settings(max_examples=300, deadline=None)
@given(form=st.sampled_from(Form), seed=st.integers(0, 1 << 32))
def test_mutated_input_is_decoded_or_refused_in_one_line(form: Form, seed: int) -> None:
    rng, (seeds, decode) = Random(seed), FORMS[form]
    raw = mutate_messages(form, rng, rng.choice(seeds), seeds)
    assert "\n" not in problem(decode, raw)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 1 << 32))
def test_a_router_that_sends_anything_is_followed_afterwards_and_forgotten_at_last(
    seed: int,
) -> None:
    raw = mutate_messages(Form.BMP, Random(seed), BMP_SEED, [BMP_SEED])
    assert "\n" not in problem(fuzz_live.follow_router, raw)


PATH = sequence(64501, 64510)


@pytest.mark.parametrize(
    ("raw", "cost", "announced", "withdrawn"),
    [
        (content(["10.0.0.0/8"], PATH, ["10.0.0.0/9"]), "decoded", 1, 1),
        (content(["10.0.0.0/8"], PATH + reach(["2001:db8::/32"])), "decoded", 2, 0),
        (content([], unreach(["2001:db8::/32"])), "decoded", 0, 1),
        (content(), "end of IPv4", 0, 0),
        (content([], unreach([])), "end of IPv6", 0, 0),
        (content([], unreach([], safi=128)), "end of another family", 0, 0),
        (content(["10.0.0.0/8"], attribute(1, b"\7"), ["10.0.0.0/9"]), "treated as withdraw", 0, 2),
        (content(["10.0.0.0/8"], attribute(2, b"\5\1")), "treated as withdraw", 0, 1),
        (content(["10.0.0.0/8"], PATH + b"\x40"), "treated as withdraw", 0, 1),
        (content([], PATH + b"\x40"), "dropped", 0, 0),
        (content(["10.0.0.0/8"], PATH) + b"\x21", "dropped", 0, 0),
        (content(["10.0.0.0/8"], reach([]) + reach([])), "dropped", 0, 0),
        (content([], attribute(14, b"\0\2\1\x10")), "dropped", 0, 0),
        (content()[:3], "dropped", 0, 0),
    ],
)
def test_the_plain_reading_of_an_update_costs_it_what_rfc_7606_says(
    raw: bytes, cost: str, announced: int, withdrawn: int
) -> None:
    found, rows = fuzz_plain_update.read(raw, 4, 0)
    assert found == cost
    assert [row.withdrawn for row in rows].count(False) == announced
    assert [row.withdrawn for row in rows].count(True) == withdrawn


# ------------------------------------------------------------------------------- what must be seen


def test_a_decoder_that_reads_otherwise_than_the_plain_reading_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fuzz_plain_update, "read", lambda *_: ("dropped", []))
    with pytest.raises(Broken, match="was read as"):
        fuzz_live.decode_updates(FORMS[Form.UPDATES][0][0], NOWHERE)


def test_a_decoder_that_loses_what_lies_between_pieces_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def forgetful(self: mrt_updates.UpdateDecoder, chunk: bytes, pieces: list[object]) -> None:
        self._decode(chunk, pieces)  # type: ignore[arg-type]
        self._tail.clear()

    monkeypatch.setattr(mrt_updates.UpdateDecoder, "_feed", forgetful)
    with pytest.raises(Broken, match="in pieces"):
        fuzz_live.decode_mrt_updates(MRT_SEED, NOWHERE)


def test_a_decoder_that_stays_confused_by_a_bad_message_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def confused(self: BmpDecoder, chunk: bytes) -> Sequence[object]:
        return [] if self.counts() else feed(self, chunk)

    feed = BmpDecoder.feed
    monkeypatch.setattr(BmpDecoder, "feed", confused)
    with pytest.raises(Broken, match="a good peer after it"):
        fuzz_live.decode_bmp(BMP_SEED[: int.from_bytes(BMP_SEED[1:5], "big")], NOWHERE)


def test_a_router_whose_routes_are_held_for_ever_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    async def patient(self: BmpRouter, channel: object) -> None:
        pass

    monkeypatch.setattr(BmpRouter, "_give_up", patient)
    with pytest.raises(Broken, match="are held"):
        fuzz_live.follow_router(BMP_SEED, NOWHERE)


@pytest.mark.real_data
def test_there_are_seeds_of_the_real_captures_and_files(real_data: Path) -> None:
    for form, seeds in ((Form.UPDATES, update_seeds), (Form.MRT, mrt_seeds), (Form.BMP, bmp_seeds)):
        assert len(list(seeds(real_data, NOWHERE))) > len(FORMS[form][0]) + 10

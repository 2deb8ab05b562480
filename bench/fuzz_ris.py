"""RIS Live's messages, damaged: one to a line, as a connection would bring them.

Checked: a message means the same whether it comes alone or among others; rows are well formed; a
damaged message alters no other, so that a good one after them gives its row.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

from bench.fuzz_invariants import Broken, check_rows
from bench.fuzz_mutations import LARGEST_CASE, mutate_json
from collectors.wire.ris_live import RisDecoder, RisRows, ServerError, SessionChanged
from collectors.wire.ris_wanted import Wanted
from validator.model import Prefix, SourceError

_HOSTS = frozenset(("rrc98", "rrc99"))
_WANTED = (Wanted(_HOSTS), Wanted(_HOSTS, prefix=Prefix.parse("192.0.2.0/24")))
_GOOD_PREFIX, _GOOD_ORIGIN = "192.0.2.128/25", 64510


def _message(kind: str, **more: object) -> bytes:
    body = {"timestamp": 1.5e9, "peer": "192.0.2.1", "peer_asn": "64501", "host": "rrc99"}
    data = {**body, "type": kind, **more}
    return json.dumps({"type": "ris_message", "data": data}).encode()


def _update(path: Sequence[object], announced: list[str], withdrawn: list[str]) -> bytes:
    hops = [{"next_hop": "192.0.2.1", "prefixes": announced}] if announced else []
    return _message("UPDATE", path=path, announcements=hops, withdrawals=withdrawn)


_GOOD = _update([64501, _GOOD_ORIGIN], [_GOOD_PREFIX], [])


def seeds(data: Path, sample: Path) -> Iterator[bytes]:
    """Every kind of message, and the real ones if they are there."""
    kinds = [
        _update([64501, 64510], ["192.0.2.0/24", "198.51.100.0/24"], []),
        _update([64501, [64510, 64511]], ["2001:db8::/32"], ["192.0.2.0/24"]),
        _update([], [], ["2001:db8:0:0:0:0:0:0/48"]),
        _message("RIS_PEER_STATE", state="down"),
        _message("STATE", state="connected", host="rrc98.ripe.net"),
        _message("KEEPALIVE"),
        b'{"type":"ris_error","data":{"message":"no such host"}}',
        b'{"type":"ris_subscribe_ok","data":{}}',
    ]
    yield from kinds
    yield b"\n".join(kinds)
    for file in sorted((data / "ris_live").glob("*.json")):
        yield file.read_bytes()[:LARGEST_CASE]


def mutate(rng: Random, raw: bytes, others: Sequence[bytes]) -> bytes:
    """Damage to some of the messages, or to their order."""
    lines = raw.split(b"\n")
    for _ in range(rng.choice((1, 1, 2))):
        at = rng.randrange(len(lines))
        lines[at] = mutate_json(rng, lines[at], others).replace(b"\n", b" ")
    if rng.random() < 0.2:
        rng.shuffle(lines)
    return b"\n".join(lines)[:LARGEST_CASE]


def decode(raw: bytes, folder: Path) -> None:
    """Decode the messages together and one by one, and a good one after them.

    Raises:
        Broken: the answers differ, or an invariant does not hold.
        SourceError: a message was refused.
    """
    lines = raw.split(b"\n")
    answers = []
    for parts in ([lines], [[line] for line in lines]):
        decoder = RisDecoder(_WANTED[len(raw) % 2])
        found: list[object] = [event for part in parts for event in decoder.feed(part)]
        answers.append((_flat(found, decoder), dict(decoder.refused), dict(decoder.ignored)))
    if answers[0] != answers[1]:
        raise Broken("messages mean something else together than one by one")
    refused = dict(decoder.refused)
    after = [event for event in decoder.feed([_GOOD]) if isinstance(event, RisRows)]
    rows = [(str(_prefix(each, 0)), int(each.rows.origin[0])) for each in after if len(each)]
    if rows != [(_GOOD_PREFIX, _GOOD_ORIGIN)]:
        raise Broken("a good message after them gives another row")
    if refused:
        raise SourceError("fuzz", next(iter(refused)))


def _prefix(found: RisRows, row: int) -> Prefix:
    columns = found.rows
    return Prefix(
        columns.family[row].item(),
        columns.high[row].item(),
        columns.low[row].item(),
        columns.length[row].item(),
    )


def _flat(found: list[object], decoder: RisDecoder) -> list[object]:
    """Rows one by one, since batches may be cut anywhere, with changes of sessions in their place;
    then what the server said, whose place among rows means nothing."""
    flat: list[object] = []
    said: list[object] = []
    for event in found:
        match event:
            case RisRows():
                check_rows(event.rows, len(decoder.peers))
                flat += zip(
                    *(column.tolist() for column in event.rows), event.time.tolist(), strict=True
                )
            case SessionChanged():
                if event.peer >= len(decoder.peers):
                    raise Broken("a change of state names no peer")
                flat.append(event)
            case ServerError():
                if not event.text.isprintable():
                    raise Broken("an error that cannot be shown")
                said.append(event)
            case _:
                said.append(type(event).__name__)
    return flat + said

"""Writes messages of RIS Live by hand, and says what routes they leave, with plain dictionaries.

Written from the manual of RIS Live and from RFC 4271 and 6811, independently of the decoder.
"""

from __future__ import annotations

import ipaddress
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from validator.model import NO_ORIGIN

PEER, PEER_ASN = "192.0.2.1", 64501


def ris(kind: str, at: float, **more: object) -> str:
    """A ``ris_message`` of this type; of the usual peer, if ``more`` does not say another."""
    body = {"timestamp": at, "peer": PEER, "peer_asn": str(PEER_ASN), "id": f"x-{at}"}
    body |= {"host": "rrc99.ripe.net", "type": kind, **more}
    return json.dumps({"type": "ris_message", "data": body})


def update(
    at: float,
    announced: Sequence[str] = (),
    withdrawn: Sequence[str] = (),
    path: Sequence[int | Sequence[int]] = (PEER_ASN, 64510),
    **more: object,
) -> str:
    body: dict[str, object] = {"path": path if announced else [], "withdrawals": withdrawn}
    body["announcements"] = (
        [{"next_hop": "192.0.2.1,fe80::1", "prefixes": announced}] if announced else []
    )
    return ris("UPDATE", at, **(body | {"origin": "IGP", "community": [[64501, 1]]} | more))


def state(at: float, name: str, kind: str = "RIS_PEER_STATE", **more: object) -> str:
    return ris(kind, at, state=name, **more)


def error(text: str) -> str:
    return json.dumps({"type": "ris_error", "data": {"message": text}})


class Oracle:
    """The routes of each peer: (vantage, address, asn) and prefix → origin."""

    def __init__(self) -> None:
        self.routes: dict[tuple[tuple[str, str, int], str], int] = {}

    def hear(self, messages: Iterable[str]) -> None:
        for text in messages:
            try:
                message = json.loads(text)
            except ValueError:
                continue
            if message["type"] == "ris_message":
                self._apply(message["data"])

    def set(self, peer: tuple[str, str, int], prefix: str, origin: int) -> None:
        self.routes[peer, prefix] = origin

    def _apply(self, data: dict[str, Any]) -> None:
        address = str(ipaddress.ip_address(data["peer"]))
        peer = data["host"].split(".")[0], address, int(data["peer_asn"])
        if data["type"] in ("RIS_PEER_STATE", "STATE"):
            self.routes = {key: at for key, at in self.routes.items() if key[0] != peer}
        if data["type"] != "UPDATE":
            return
        path = data.get("path", [])
        origin = path[-1] if path else peer[2]
        for prefix in data.get("withdrawals", []):
            self.routes.pop((peer, str(ipaddress.ip_network(prefix))), None)
        for announcement in data.get("announcements", []):
            for prefix in announcement["prefixes"]:
                self.set(
                    peer,
                    str(ipaddress.ip_network(prefix)),
                    NO_ORIGIN if isinstance(origin, list) else origin,
                )

    def seen(self) -> Counter[tuple[str, int]]:
        """How many peers announce each (prefix, origin)."""
        return Counter((prefix, origin) for (_, prefix), origin in self.routes.items())

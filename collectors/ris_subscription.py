"""What to ask RIS Live for: the settings, the connection and the subscriptions."""

from __future__ import annotations

import contextlib
import ipaddress
from typing import Annotated

import aiohttp
import msgspec
from yarl import URL

from collectors.fetch import user_agent
from collectors.wire.ris_wanted import Wanted, vantage_of
from validator.model import Prefix, SettingsError

HEARTBEAT_SECONDS = 30.0
"""Between pings; without an answer within half of it the connection is lost."""
LONGEST_LINE = 200

_Seconds = Annotated[float, msgspec.Meta(ge=0.05, le=86_400)]


class RisLiveSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What to subscribe to, and where what went before lies."""

    hosts: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=64)]
    """Vantage points, such as rrc00."""
    url: str = "wss://ris-live.ripe.net/v1/ws/"
    client: str = "originsight"
    """How we introduce ourselves: RIPE NCC asks for a name by which it can tell who connects."""
    peer: str = ""
    """Only this peer's updates: its address."""
    prefix: str = ""
    """Only updates about this prefix, and those more or less specific if so said."""
    more_specific: bool = True
    less_specific: bool = False
    path: str = ""
    """Only updates whose AS path has this pattern. Withdrawals have no path: routes that end are
    not seen to end, so that the source is always degraded."""
    rib: str | dict[str, str] = ""
    """The MRT routing table to begin with: path or URL; for each host, or with {host} in it."""
    updates: str | dict[str, str] = ""
    """Where update files lie: a listing's URL (as of MRT updates) or a directory; as ``rib``."""
    allow_truncated: bool = False
    max_message_bytes: Annotated[int, msgspec.Meta(ge=1024, le=64 << 20)] = 1 << 20
    buffer_rows: Annotated[int, msgspec.Meta(ge=1000, le=100_000_000)] = 2_000_000
    """Updates held back at most, at some 40 bytes each."""
    idle_seconds: _Seconds = 120.0
    """How long a vantage point may be silent."""
    poll_seconds: _Seconds = 60.0
    """How often we look whether the next update file is there, in a gap."""
    patience_seconds: _Seconds = 1800.0
    """How long we wait for it."""


def wanted(settings: RisLiveSettings) -> Wanted:
    """What of all that is sent is wanted.

    Raises:
        SettingsError: the settings cannot be followed.
    """
    vantages = [vantage_of(host) for host in settings.hosts]
    if len(set(vantages)) < len(vantages) or not all(vantages):
        raise SettingsError("ris_live hosts: name each vantage point once, such as rrc00")
    url = _url(settings.url)
    if url.scheme not in ("ws", "wss") or not url.host:
        raise SettingsError(f"ris_live url: {settings.url!r} is not a URL with ws:// or wss://")
    for key, given in (("rib", settings.rib), ("updates", settings.updates)):
        if isinstance(given, dict):
            if unknown := sorted(set(given) - set(settings.hosts)):
                raise SettingsError(f"ris_live {key}: {unknown[0]!r} is not one of hosts")
        elif given and len(vantages) > 1 and "{host}" not in given:
            raise SettingsError(f"ris_live {key}: of several hosts, put {{host}} into it")
    if settings.path and settings.rib:
        raise SettingsError(
            "ris_live path: a routing table cannot be filtered by path; leave path or rib out"
        )
    try:
        peer = str(ipaddress.ip_address(settings.peer)) if settings.peer else ""
        prefix = Prefix.parse(settings.prefix) if settings.prefix else None
    except ValueError as failure:
        raise SettingsError(f"ris_live peer, prefix: {failure}") from None
    return Wanted(frozenset(vantages), peer, prefix, settings.more_specific, settings.less_specific)


def of_host(given: str | dict[str, str], host: str) -> str:
    """What a setting says for one vantage point; empty if nothing."""
    if isinstance(given, dict):
        return given.get(host, "")
    return given.replace("{host}", vantage_of(host))


async def connect(
    settings: RisLiveSettings, stack: contextlib.AsyncExitStack
) -> aiohttp.ClientWebSocketResponse:
    """Connect; the connection is closed with the stack. Raises what aiohttp raises."""
    url = URL(settings.url)
    if "client" not in url.query:
        url = url.update_query(client=settings.client)
    session = aiohttp.ClientSession(headers={"User-Agent": user_agent()}, trust_env=True)
    await stack.enter_async_context(session)
    socket = await session.ws_connect(
        url,
        heartbeat=HEARTBEAT_SECONDS,
        max_msg_size=settings.max_message_bytes,
        timeout=aiohttp.ClientWSTimeout(ws_close=2.0),
    )
    stack.push_async_callback(socket.close)
    return socket


def subscribe_messages(settings: RisLiveSettings) -> list[str]:
    """A subscription for each vantage point; one more for peer states, which no filter by prefix
    or path lets through."""
    bodies: list[dict[str, object]] = []
    for host in settings.hosts:
        body: dict[str, object] = {"host": host}
        if settings.peer:
            body["peer"] = settings.peer
        if settings.prefix or settings.path:
            bodies.append({**body, "type": "RIS_PEER_STATE"})
        if settings.prefix:
            body |= {
                "prefix": settings.prefix,
                "moreSpecific": settings.more_specific,
                "lessSpecific": settings.less_specific,
            }
        if settings.path:
            body["path"] = settings.path
        bodies.append(body)
    options = {"socketOptions": {"includeRaw": False, "acknowledge": True}}
    return [
        msgspec.json.encode({"type": "ris_subscribe", "data": body | options}).decode()
        for body in bodies
    ]


def one_line(what: object) -> str:
    """Foreign text, as one line of bounded length."""
    text = " ".join(str(what).split())
    line = "".join(letter for letter in text if letter.isprintable())
    return line[:LONGEST_LINE] or type(what).__name__


def _url(text: str) -> URL:
    try:
        return URL(text)
    except ValueError:
        return URL()

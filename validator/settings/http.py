"""What the HTTP server is told: who may ask, how much, how fast, and from where it may be shown.

These are the table ``[http]`` of the settings file. What they mean is made in
:mod:`validator.web.access` (tokens and rates), :mod:`validator.web.connections` (time and number of
connections), :mod:`validator.web.cors` and :mod:`validator.web.tls`.

Tokens are kept as their SHA-256. That is enough because they are made by us, of 256 random bits
(``originsight hash-token``): there is nothing to guess with a list of words, so a slow hash would
only be slow.
"""

from __future__ import annotations

import enum
import hashlib
import secrets
from ipaddress import ip_network
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

_Seconds = Annotated[float, Meta(gt=0)]
_Count = Annotated[int, Meta(ge=1)]


class Role(enum.Enum):
    """What the bearer of a token may do. ``admin`` includes ``read``."""

    READ = "read"
    ADMIN = "admin"


def hash_token(token: str) -> str:
    """As the settings have it."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def make_token() -> tuple[str, str]:
    """A new token of 256 random bits, and its hash."""
    token = secrets.token_urlsafe(32)
    return token, hash_token(token)


class TokenSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A token: its name (for the log), its hash, and what it is good for."""

    name: Annotated[str, Meta(pattern=r"^[A-Za-z0-9._@-]{1,64}$")]
    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    """Of the token's characters, in hexadecimal."""
    role: Role = Role.READ


class HttpSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole table."""

    public_url: str = ""
    """Scheme and host under which this service is met (``https://example.net``): what feeds put
    before the paths that they lead to. Without it they are relative to the feed's own address."""

    cors_origins: tuple[str, ...] = ()
    """Pages of these origins (``https://example.net``) may read our answers (the Fetch standard's
    CORS protocol); ``*`` alone: of any origin. None: no CORS headers at all."""

    tokens: tuple[TokenSettings, ...] = ()
    anonymous: Literal["read", "none"] | None = None
    """What may be done without a token. Not said: ``read``, unless there is a token whose role is
    ``read``, which would else be good for nothing."""
    token_failures: _Count = 10
    """Wrong tokens that a client may send before it must wait, a minute for this many more."""

    trusted_proxies: tuple[str, ...] = ()
    """Addresses or prefixes of proxies whose word on the client's address is taken."""
    forwarded_header: Literal["X-Forwarded-For", "Forwarded"] = "X-Forwarded-For"
    """Where they say it. Only one is read: a proxy that sets one passes the other on as it came."""

    requests_per_second: Annotated[float, Meta(ge=0)] = 1000
    """Of one client: an IPv4 address or an IPv6 /64, none of this machine. 0: no limit."""
    burst: _Count = 5000
    """Requests that a client that was quiet may send at once."""

    max_connections: _Count = 12_000
    """Together; less if the system allows the process fewer open files."""
    max_connections_per_client: _Count = 1000
    """Of one address that is no trusted proxy and not of this machine."""
    max_bulk_jobs: _Count = 8
    """Long lists of routes under way."""
    head_seconds: _Seconds = 15
    """For a request's line and headers, and for a TLS handshake."""
    keep_alive_seconds: _Seconds = 75
    """Between two requests of a connection."""
    stall_seconds: _Seconds = 60
    """In which a client neither reads its answer nor sends."""
    min_body_bytes_per_second: Annotated[int, Meta(ge=0)] = 128
    """Of a body that we wait for, on average after ``body_grace_seconds``. 0: however slow."""
    body_grace_seconds: _Seconds = 20
    max_header_bytes: Annotated[int, Meta(ge=1024, le=65536)] = 8190
    """Of the request line, and of each header."""
    max_headers: Annotated[int, Meta(ge=16, le=1024)] = 100

    tls_certificate: str = ""
    """A PEM file with the certificate and those between it and the root. Read again on SIGHUP."""
    tls_key: str = ""
    """A PEM file with its key; by default in the same file."""
    access_log: bool = False

    @property
    def open_to_all(self) -> bool:
        """Whether reading needs no token."""
        if self.anonymous is None:
            return all(token.role is not Role.READ for token in self.tokens)
        return self.anonymous == "read"

    def __post_init__(self) -> None:
        if self.public_url and not _is_origin(self.public_url):
            raise ValueError(
                f"public_url: {self.public_url!r} is not such as 'https://example.net', with no "
                "path and no slash at its end"
            )
        for origin in self.cors_origins:
            if origin != "*" and not _is_origin(origin):
                raise ValueError(
                    f"cors_origins: {origin!r} is not an origin such as 'https://example.net', "
                    "with no path and no slash at its end; '*' alone allows any"
                )
        if "*" in self.cors_origins and len(self.cors_origins) > 1:
            raise ValueError("cors_origins: '*' allows any origin: leave the others out")
        for proxy in self.trusted_proxies:
            try:
                ip_network(proxy)
            except ValueError as error:
                raise ValueError(
                    f"trusted_proxies: {error}; give an address or a prefix such as 192.0.2.0/24"
                ) from None
        for what, given in (
            ("name", [token.name for token in self.tokens]),
            ("sha256", [token.sha256 for token in self.tokens]),
        ):
            if len(set(given)) < len(given):
                raise ValueError(f"tokens: two have the same {what}")
        if self.anonymous == "none" and not self.tokens:
            raise ValueError(
                "anonymous: 'none' without tokens shuts everybody out: "
                "`originsight hash-token` makes one"
            )
        if self.tls_key and not self.tls_certificate:
            raise ValueError("tls_key: tls_certificate is missing")


def _is_origin(text: str) -> bool:
    """Whether it is scheme and host, perhaps with a port, and nothing else."""
    scheme, mark, rest = text.partition("://")
    return bool(
        mark and scheme in ("http", "https") and rest and not set(rest) & set("/?#@* ,\"'<>")
    )

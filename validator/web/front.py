"""The front of the service: an application on a socket, with its limits, TLS and access log.

:class:`Front` is opened, watched beside everything else that runs, told to read its certificate
again, and closed. A process has only so many open files, so it asks for as many as it may have and
takes fewer connections if that is not enough: out of files, it could not even refuse.
"""

from __future__ import annotations

import asyncio
import logging
import resource
import ssl
from pathlib import Path

import structlog
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from validator.model import SettingsError
from validator.settings.http import HttpSettings
from validator.web.access import addresses_of
from validator.web.access_log import AccessLog
from validator.web.connections import Connections
from validator.web.server import Runner
from validator.web.tls import Certificate

log = structlog.get_logger()

DRAIN_SECONDS = 10.0
"""How long requests under way may take to finish when the service is told to stop."""
_LINGERING_SECONDS = 5.0
"""How long the rest of a body is read that was refused, so that the client hears why."""
_OWN_FILES = 256
"""Open files that are no connections of clients."""
_BACKLOG = 1024
_LOCAL = ("127.", "::1", "localhost")


class Front:
    """See the module. ``folder``: where the settings file lies, which paths are relative to.

    Raises:
        SettingsError: the certificate is not good.
    """

    def __init__(self, app: web.Application, settings: HttpSettings, folder: Path) -> None:
        self._settings = settings
        self._certificate: Certificate | None = None
        if settings.tls_certificate:
            key = folder / settings.tls_key if settings.tls_key else None
            self._certificate = Certificate(folder / settings.tls_certificate, key)
        most = min(settings.max_connections, _files_allowed() - _OWN_FILES)
        if most < settings.max_connections:
            log.warning(
                "fewer connections than the settings allow, for want of open files",
                connections=most,
                max_connections=settings.max_connections,
            )
        self.connections = Connections(settings, addresses_of(settings), max(1, most))
        self._runner = Runner(
            app,
            access_log=logging.getLogger("originsight.access") if settings.access_log else None,
            access_log_class=AccessLog,
            logger=_server_log(),
            handle_signals=False,
            shutdown_timeout=DRAIN_SECONDS,
            keepalive_timeout=settings.keep_alive_seconds,
            lingering_time=_LINGERING_SECONDS,
            max_line_size=settings.max_header_bytes,
            max_field_size=settings.max_header_bytes,
            max_headers=settings.max_headers,
            connections=self.connections,
        )

    async def open(self, host: str, port: int) -> str:
        """Listen; the URL under which it answers. Port 0 is any free one.

        Raises:
            SettingsError: the address cannot be listened on.
        """
        context = self._certificate.context if self._certificate else None
        await self._runner.setup()
        try:
            await _Site(self._runner, host, port, context, self._settings.head_seconds).start()
        except (OSError, UnicodeError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise SettingsError(
                f"listen: {host}:{port}: {reason}; choose another address or port, or port 0"
            ) from None
        settings = self._settings
        if settings.anonymous is None and settings.open_to_all and not host.startswith(_LOCAL):
            log.warning(
                "whoever reaches this address may read: configure tokens, or say "
                'anonymous = "read" under [http] if that is meant',
                listen=f"{host}:{port}",
            )
        address, port = self._runner.addresses[0][:2]
        scheme = "https" if context else "http"
        return (
            f"{scheme}://[{address}]:{port}" if ":" in address else f"{scheme}://{address}:{port}"
        )

    async def watch(self) -> None:
        """End connections that take too long. Runs as long as the service."""
        await self.connections.watch()

    def reload(self) -> None:
        """Read the certificate again. If it is not good the one in use stays."""
        if self._certificate is None:
            return
        try:
            self._certificate.reload()
        except SettingsError as error:
            log.error("the certificate in use stays", error=str(error))
        else:
            log.info("certificate read again")

    async def close(self) -> None:
        """Take no more connections, and let requests under way finish."""
        await self._runner.cleanup()


class _Site(web.BaseSite):
    """As ``web.TCPSite``, with a limit of our own on TLS handshakes: aiohttp's is a minute."""

    __slots__ = ("_handshake_seconds", "_host", "_port")

    def __init__(
        self,
        runner: web.AppRunner,
        host: str,
        port: int,
        context: ssl.SSLContext | None,
        handshake_seconds: float,
    ) -> None:
        super().__init__(runner, ssl_context=context, backlog=_BACKLOG)
        self._host, self._port, self._handshake_seconds = host, port, handshake_seconds

    @property
    def name(self) -> str:
        return f"{self._host}:{self._port}"

    async def start(self) -> None:
        await super().start()
        server = self._runner.server
        assert server is not None
        self._server = await asyncio.get_running_loop().create_server(
            server,
            self._host,
            self._port,
            ssl=self._ssl_context,
            ssl_handshake_timeout=self._handshake_seconds if self._ssl_context else None,
            backlog=self._backlog,
        )


def _files_allowed() -> int:
    """How many files this process may have open, after asking for as many as it can get."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            soft = hard
        except (OSError, ValueError):
            pass
    return 1 << 30 if soft == resource.RLIM_INFINITY else soft


def _server_log() -> logging.Logger:
    """aiohttp's own log without what a client got wrong: that is answered, and nobody's to mend."""
    server_log = logging.Logger("aiohttp.server")

    def is_ours(record: logging.LogRecord) -> bool:
        failure = record.exc_info[1] if record.exc_info else None
        return not isinstance(failure, HttpProcessingError | ConnectionError)

    server_log.addFilter(is_ours)
    return server_log

"""TLS, where no proxy does it: version 1.2 or 1.3, forward secrecy, and a certificate that can be
renewed while we run."""

from __future__ import annotations

import ssl
from pathlib import Path

from validator.model import SettingsError

_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""Of TLS 1.2 (RFC 9325 section 4.2); those of 1.3 are all good."""


class Certificate:
    """A certificate and its key, in a context for the server.

    Raises:
        SettingsError: they cannot be read, or do not belong together.
    """

    def __init__(self, certificate: Path, key: Path | None) -> None:
        self._certificate, self._key = certificate, key or certificate
        self.context = _context()
        self.reload()

    def reload(self) -> None:
        """Read the files again, for connections from now on. If that fails nothing has changed.

        Raises:
            SettingsError: as for the class.
        """
        for context in (_context(), self.context):  # the first is the trial
            try:
                context.load_cert_chain(self._certificate, self._key, password=_no_password)
            except ssl.SSLError as error:
                raise SettingsError(
                    f"http: {self._certificate} and {self._key} are no certificate and its key in "
                    f"PEM ({error.reason or error}); give both, the key without a password"
                ) from None
            except (OSError, ValueError) as error:
                reason = getattr(error, "strerror", None) or str(error)
                raise SettingsError(
                    f"http: {self._certificate} or {self._key}: {reason}; see tls_certificate and "
                    "tls_key"
                ) from None


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    context.set_alpn_protocols(["http/1.1"])
    context.options |= ssl.OP_NO_RENEGOTIATION
    return context


def _no_password() -> str:
    """OpenSSL would ask on the terminal."""
    raise ValueError("the key has a password")

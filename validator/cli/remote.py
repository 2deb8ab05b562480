"""What commands do when a running service is to answer (``--server URL``) and no file is read.

They ask what every client can ask, and print what they would print from files; only who signed a
VRP is not in the answer about one route, whose form is Routinator's. So for one route any
server with that interface will do.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TextIO, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import aiohttp
import msgspec
from yarl import URL

from validator.model import OriginsightError, Prefix, SettingsError, format_asn
from validator.printing import (
    SAMPLE_NOTICE,
    note,
    open_output,
    print_coverage,
    print_dialects,
    write_explanation,
)

T = TypeVar("T")

_MOST_BYTES = 256 << 20
"""Of an answer: the table of all networks is 40 MB."""
_MOST_BYTES_OF_ERROR = 64 << 10
_SAMPLE, _DEGRADED = "X-Originsight-Sample", "X-Originsight-Degraded"


class ServerError(OriginsightError):
    """The service cannot be reached, does not answer as it should, or refuses."""


class Server:
    """A running service. ``token`` is sent to it and to nobody else.

    Raises:
        SettingsError: ``url`` is none, or would show the token to everybody on the way.
    """

    def __init__(self, url: str, token: str | None = None, *, quiet: bool = False) -> None:
        try:
            parts = urlsplit(url)
            good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        except ValueError:
            good = False
        if not good or parts.query or parts.fragment:
            raise SettingsError(f"--server: {url!r} is not a URL such as http://127.0.0.1:8480")
        if token is not None and not (token.isascii() and token.isprintable() and " " not in token):
            raise SettingsError("--token: that is no token: it has spaces or strange characters")
        self.url, self._token, self._quiet = url.rstrip("/"), token, quiet

    def get(self, path: str, accept: str) -> tuple[bytes, bool]:
        """The body of an answer, and whether it is a sample's.

        Raises:
            ServerError: there is none.
        """
        return asyncio.run(self._get(path, accept))

    async def _get(self, path: str, accept: str) -> tuple[bytes, bool]:
        headers = {"Accept": accept}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=120)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, headers=headers) as session,
                session.get(URL(self.url + path, encoded=True), allow_redirects=False) as answer,
            ):
                if answer.status != 200:
                    content = await answer.content.read(_MOST_BYTES_OF_ERROR)
                    raise ServerError(f"{self.url}: {_refusal(answer, content)}")
                content = await self._read(answer)
                if (said := answer.headers.get(_DEGRADED)) and not self._quiet:
                    note(_plain(said))
                return content, _SAMPLE in answer.headers
        except TimeoutError:
            raise ServerError(f"{self.url}: no answer in time; check the address") from None
        except (aiohttp.ClientError, ValueError, OSError) as error:
            raise ServerError(
                f"{self.url}: {_why(error)}; check the address, and that the service runs"
            ) from None

    async def _read(self, answer: aiohttp.ClientResponse) -> bytes:
        content = bytearray()
        async for piece in answer.content.iter_any():
            content += piece
            if len(content) > _MOST_BYTES:
                raise ServerError(f"{self.url}: the answer is longer than {_MOST_BYTES} bytes")
        return bytes(content)


# ------------------------------------------------------------------------------------- one route


class _Vrp(msgspec.Struct):
    asn: str
    prefix: str
    max_length: str


class _Vrps(msgspec.Struct):
    matched: list[_Vrp]
    unmatched_as: list[_Vrp]
    unmatched_length: list[_Vrp]


class _Validity(msgspec.Struct, rename={"vrps": "VRPs"}):
    state: str
    vrps: _Vrps


class _Route(msgspec.Struct):
    validity: _Validity


class _Answer(msgspec.Struct):
    validated_route: _Route
    degraded: list[str] = []


def explain_one(server: Server, route: tuple[Prefix, int], form: str, output: Path | None) -> None:
    """One route, as the service has it: as :func:`validator.cli.commands.explain_one` prints it."""
    prefix, asn = route
    content, sample = server.get(f"/api/v1/validity/{format_asn(asn)}/{prefix}", "application/json")
    answer = decoded(server, content, _Answer)
    with open_output(output) as out:
        if sample:
            note(SAMPLE_NOTICE)
        for each in answer.degraded:
            note(_plain(each))
        if form == "json":
            out.write(msgspec.json.format(content, indent=2).decode() + "\n")
            return
        validity = answer.validated_route.validity
        vrps = validity.vrps
        write_explanation(
            out,
            f"{prefix} from {format_asn(asn)}",
            _plain(validity.state),
            _reason(validity, asn),
            *([_text(vrp) for vrp in each] for each in _lists(vrps)),
        )


def _lists(vrps: _Vrps) -> tuple[list[_Vrp], list[_Vrp], list[_Vrp]]:
    return vrps.matched, vrps.unmatched_as, vrps.unmatched_length


def _reason(validity: _Validity, asn: int) -> str:
    """Our label (docs/definitions.md, Why a route is invalid), which Routinator has not."""
    if validity.state != "invalid":
        return ""
    named = {vrp.asn.upper() for vrps in _lists(validity.vrps) for vrp in vrps}
    if asn and format_asn(asn) in named:
        return "length"
    return "as0" if named == {"AS0"} else "origin"


def _text(vrp: _Vrp) -> str:
    return _plain(f"{vrp.prefix}-{vrp.max_length} {vrp.asn}")


# -------------------------------------------------------------------------------------- coverage


class _Counts(msgspec.Struct):
    announced: int
    valid: int
    invalid: int
    not_found: int


class _Row(msgspec.Struct):
    group: str
    name: str
    family: str
    routes: _Counts
    valid_share: float | None
    coverage: float | None
    space_valid_share: float | None

    def shown(self) -> dict[str, Any]:
        """As :func:`validator.figures.coverage.row` has it, as far as a table shows it."""
        return {
            "group": _plain(self.group),
            "name": _plain(self.name),
            "family": _plain(self.family),
            "routes": msgspec.structs.asdict(self.routes),
            "valid_share": self.valid_share,
            "coverage": self.coverage,
            "space_valid_share": self.space_valid_share,
        }


class _Coverage(msgspec.Struct):
    by: str
    attribution: str
    excluded: dict[str, int]
    rows: list[_Row]


def show_coverage(server: Server, asked: Mapping[str, Any], form: str, output: Path | None) -> None:
    """Coverage of every group, as the service has it. ``asked``: the arguments of its query."""
    arguments = {**asked, "format": "csv" if form == "csv" else "json"}
    query = urlencode({name: value for name, value in arguments.items() if value})
    accept = "text/csv" if form == "csv" else "application/json"
    content, sample = server.get(f"/api/v1/coverage?{query}", accept)
    answer = None if form == "csv" else decoded(server, content, _Coverage)
    with open_output(output) as out:
        if answer is not None and form == "json":
            out.write(content.decode() + "\n")
            return
        if sample:
            out.write(f"# {SAMPLE_NOTICE}\n")
        if answer is None:
            out.write(text_of(server, content))
        else:
            rows = (row.shown() for row in answer.rows)
            excluded = {_plain(reason): count for reason, count in answer.excluded.items()}
            print_coverage(out, rows, _plain(answer.by), _plain(answer.attribution), excluded)


# -------------------------------------------------------------------------------------- dialects


class _Share(msgspec.Struct):
    numerator: float | None
    denominator: float | None
    value: float | None


class _Dialect(msgspec.Struct):
    name: str
    publisher: str
    title: str
    family: str
    formula: str
    unit: str
    group: _Share
    whole: _Share
    why: str
    definition: str
    url: str

    def row(self) -> dict[str, Any]:
        """As :func:`validator.groups.dialects.as_rows` has it."""
        texts = msgspec.structs.asdict(self)
        shares = {"group": texts.pop("group"), "whole": texts.pop("whole")}
        flat = {
            f"{whose}_{part}": number
            for whose, share in shares.items()
            for part, number in msgspec.structs.asdict(share).items()
        }
        plain = {key: _plain(value) for key, value in texts.items()}
        last = {key: plain.pop(key) for key in ("why", "definition", "url")}
        return {**plain, **flat, **last}


class _Dialects(msgspec.Struct):
    group: str
    name: str
    attribution: str
    dialects: list[_Dialect]


def show_dialects(server: Server, asked: Mapping[str, Any], form: str, output: Path | None) -> None:
    """One group in everybody's figures, as the service has them."""
    scheme, group = (quote(asked[name], safe="") for name in ("scheme", "group"))
    by = f"?attribution={asked['attribution']}" if asked["attribution"] else ""
    content, sample = server.get(f"/api/v1/dialects/{scheme}/{group}{by}", "application/json")
    answer = decoded(server, content, _Dialects)
    with open_output(output) as out:
        print_dialects(
            out,
            [each.row() for each in answer.dialects],
            _plain(answer.group),
            _plain(answer.name),
            _plain(answer.attribution),
            form,
            sample=sample,
        )


# --------------------------------------------------------------------------------------- answers


def show_group(
    server: Server,
    path: str,
    arguments: Mapping[str, Any],
    kind: type[T],
    show: Callable[[TextIO, T], None],
    form: str,
    output: Path | None,
) -> None:
    """What the service says of a group, printed. ``path`` has a place for each of ``scheme`` and
    ``group``, which ``arguments`` name; the others, as far as they are not None, are the query.

    Raises:
        ServerError: the service cannot be reached, or refuses.
    """
    where = path.format(**{name: quote(arguments[name], "") for name in ("scheme", "group")})
    given = {
        name: value
        for name, value in arguments.items()
        if name not in ("scheme", "group") and value is not None
    }
    query = urlencode({**given, "format": "csv" if form == "csv" else "json"})
    accept = "text/csv" if form == "csv" else "application/json"
    content, sample = server.get(f"{where}?{query}", accept)
    reply = None if form == "csv" else decoded(server, content, kind)
    with open_output(output) as out:
        if form == "json":
            out.write(content.decode() + "\n")
            return
        if sample:
            out.write(f"# {SAMPLE_NOTICE}\n")
        if reply is None:
            out.write(text_of(server, content))
        else:
            show(out, reply)


def decoded(server: Server, content: bytes, kind: type[Any]) -> Any:
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise ServerError(
            f"{server.url}: the answer is not Originsight's: {_plain(str(error))}"
        ) from None


def text_of(server: Server, content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise ServerError(f"{server.url}: the answer is not text in UTF-8") from None


def _refusal(answer: aiohttp.ClientResponse, content: bytes) -> str:
    """What a refusal says, in one line, and what to do about it."""
    said = answer.reason or ""
    try:
        about = msgspec.json.decode(content)
        said = about.get("detail") or about.get("error") or said
    except (msgspec.MsgspecError, ValueError, RecursionError, AttributeError):
        pass
    text = f"{answer.status} {_plain(str(said))}".strip()
    if 300 <= answer.status < 400:
        where = _plain(answer.headers.get("Location", "elsewhere"))
        return f"{text}: it points to {where}; if that is right, give its address"
    if answer.status == 401:
        return f"{text}; put a token into ORIGINSIGHT_TOKEN"
    if answer.status in (429, 503) and (wait := answer.headers.get("Retry-After", "")).isdigit():
        return f"{text}; try again in {wait[:6]} s"
    return text


def _why(error: Exception) -> str:
    cause = getattr(error, "os_error", error)  # of a connection that was not made
    number = getattr(cause, "errno", None)
    if number is not None and number > 0:
        return os.strerror(number)
    return _plain(getattr(cause, "strerror", None) or str(cause) or type(cause).__name__)


def _plain(text: str) -> str:
    """On one line and without what a terminal would obey."""
    return "".join(c if c.isprintable() else "?" for c in text[:2000])

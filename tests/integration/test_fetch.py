"""Fetching from real servers on the loopback: what changes, what fails, what stays as it was."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import os
import random
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web

from collectors.archive import Archive
from collectors.base import ReadOptions, SourceError
from collectors.fetch import Fetcher, FetchLimits

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Raw = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

BODY = b"prefix,origin\n240.0.0.0/8,AS64500\n"
BIG = random.Random(9110).randbytes(5_000_000)
ROOT = Path(__file__).resolve().parents[2]
SOON = FetchLimits(connect_seconds=2, idle_seconds=0.3, total_seconds=5)


@dataclass
class Origin:
    """A web server with one document, which honours conditional requests."""

    body: bytes = BODY
    validators: dict[str, str] = field(default_factory=lambda: {"ETag": '"one"'})
    status: int = 200
    asked: list[web.Request] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request)
        if self.status != 200:
            return web.Response(status=self.status, text="an error page")
        same_tag = self.validators.get("ETag", "") == request.headers.get("If-None-Match")
        same_date = self.validators.get("Last-Modified", "") == request.headers.get(
            "If-Modified-Since"
        )
        if same_tag or same_date:
            return web.Response(status=304)
        return web.Response(body=self.body, headers=self.validators)


class Servers:
    """Starts servers on free ports, and ends them with the test."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self._stack = stack

    async def http(self, handler: Handler) -> str:
        app = web.Application()
        app.router.add_get("/{path:.*}", handler)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}/vrps.csv"

    async def raw(self, talk: Raw, context: ssl.SSLContext | None = None) -> str:
        """A server that says what no HTTP library would."""

        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with suppress(OSError, asyncio.IncompleteReadError):
                await reader.readuntil(b"\r\n\r\n")
                await talk(reader, writer)
            writer.close()

        server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=context)
        self._stack.callback(server.close)
        scheme = "http" if context is None else "https"
        return f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}/vrps.csv"


@pytest.fixture
async def servers() -> AsyncIterator[Servers]:
    async with AsyncExitStack() as stack:
        yield Servers(stack)


@asynccontextmanager
async def fetcher(folder: Path, limits: FetchLimits = SOON) -> AsyncIterator[Fetcher]:
    async with Fetcher(folder / "cache", limits) as it:
        yield it


async def refusal(folder: Path, source: str, limits: FetchLimits = SOON) -> str:
    """The one line that a failing source ends in; nothing must stay in the cache folder."""
    async with fetcher(folder, limits) as it:
        with pytest.raises(SourceError) as caught:
            await it.locate(source)
    assert not list((folder / "cache").glob("*"))
    line = str(caught.value)
    assert "\n" not in line
    assert line.startswith(source)
    return line


# ------------------------------------------------------------------------------------------- paths


async def test_a_file_is_itself_and_changes_when_rewritten(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(BODY)
    async with fetcher(tmp_path) as it:
        first = await it.locate(str(path))
        assert [(f.path, f.source) for f in first.files] == [(path, str(path))]
        assert first.changed
        assert not (await it.locate(str(path))).changed
        path.write_bytes(BODY + b"more\n")
        assert (await it.locate(str(path))).changed
        assert not (await it.locate(str(path))).changed


async def test_a_file_replaced_by_one_of_the_same_size_and_time_has_changed(
    tmp_path: Path,
) -> None:
    path, other = tmp_path / "a.csv", tmp_path / "b.csv"
    path.write_bytes(b"one")
    other.write_bytes(b"two")
    for each in (path, other):
        os.utime(each, ns=(10**18, 10**18))
    async with fetcher(tmp_path) as it:
        await it.locate(str(path))
        other.replace(path)
        assert (await it.locate(str(path))).changed


async def test_a_directory_is_its_visible_regular_files_in_order(tmp_path: Path) -> None:
    folder = tmp_path / "ribs"
    (folder / "sub").mkdir(parents=True)
    for name in ("b", "a", ".hidden", "sub/c"):
        (folder / name).write_bytes(BODY)
    (folder / "d").symlink_to(folder / "a")
    (folder / "nowhere").symlink_to(folder / "missing")
    os.mkfifo(folder / "fifo")
    async with fetcher(tmp_path) as it:
        located = await it.locate(str(folder))
        assert [f.path for f in located.files] == [folder / "a", folder / "b", folder / "d"]
        assert [f.source for f in located.files] == [str(f.path) for f in located.files]
        assert not (await it.locate(str(folder))).changed
        (folder / "b").rename(folder / "c")
        assert (await it.locate(str(folder))).changed
        (folder / "c").unlink()
        assert (await it.locate(str(folder))).changed


async def test_a_directory_without_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty" / "sub").mkdir(parents=True)
    assert "has no files" in await refusal(tmp_path, str(tmp_path / "empty"))


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("", "names no input"),
        ("  ", "names no input"),
        ("no/such/file", "No such file"),
        ("/dev/zero", "neither a file nor a directory"),
        ("a\0b", "null byte"),
        ("ftp://example.net/vrps.csv", "ftp:// is not supported; only http and https"),
        ("file:///etc/hosts", "file:// is not supported"),
        ("http://", "is not a URL"),
        ("http://[::1/vrps.csv", "is not a URL"),
        ("http://127.0.0.1:99999/", "is not a URL"),
    ],
)
async def test_what_names_no_input_is_refused(tmp_path: Path, source: str, problem: str) -> None:
    async with fetcher(tmp_path) as it:
        with pytest.raises(SourceError, match=problem):
            await it.locate(source)


# ------------------------------------------------------------------------------------- what is new


async def test_a_url_is_fetched_and_kept_under_the_name_the_user_gave(
    tmp_path: Path, servers: Servers
) -> None:
    origin = Origin()
    url = await servers.http(origin.answer)
    async with fetcher(tmp_path) as it:
        located = await it.locate(url)
    (file,) = located.files
    assert file.source == url
    assert file.path.read_bytes() == BODY
    assert located.changed
    assert located.version == hashlib.sha256(BODY).hexdigest()
    assert origin.asked[0].headers["User-Agent"].startswith("originsight")
    assert origin.asked[0].headers["Accept-Encoding"] == "identity"
    assert not list((tmp_path / "cache").glob("*.part"))


@pytest.mark.parametrize(
    "validators",
    [{"ETag": 'W/"one"'}, {"Last-Modified": "Sat, 21 Nov 2026 10:00:00 GMT"}],
    ids=["etag", "date"],
)
async def test_what_the_server_says_is_unchanged_is_not_sent_again(
    tmp_path: Path, servers: Servers, validators: dict[str, str]
) -> None:
    origin = Origin(validators=validators)
    url = await servers.http(origin.answer)
    async with fetcher(tmp_path) as it:
        first = await it.locate(url)
        second = await it.locate(url)
        assert not second.changed
        assert second.files == first.files
        origin.body, origin.validators = b"new", {"ETag": '"two"'}
        third = await it.locate(url)
        assert third.changed
        assert third.files[0].path.read_bytes() == b"new"
    sent = [
        (r.headers.get("If-None-Match"), r.headers.get("If-Modified-Since")) for r in origin.asked
    ]
    known = (validators.get("ETag"), validators.get("Last-Modified"))
    assert sent == [(None, None), known, known]


async def test_the_same_bytes_sent_again_are_no_change(tmp_path: Path, servers: Servers) -> None:
    url = await servers.http(Origin(validators={}).answer)
    async with fetcher(tmp_path) as it:
        assert (await it.locate(url)).changed
        assert not (await it.locate(url)).changed


async def test_a_new_process_uses_what_the_last_one_kept(tmp_path: Path, servers: Servers) -> None:
    origin = Origin()
    url = await servers.http(origin.answer)
    async with fetcher(tmp_path) as it:
        await it.locate(url)
    async with fetcher(tmp_path) as it:
        located = await it.locate(url)
    assert origin.asked[1].headers["If-None-Match"] == '"one"'
    assert located.changed, "this process has not seen it yet"
    assert located.files[0].path.read_bytes() == BODY


@pytest.mark.parametrize("harm", ["body rewritten", "body gone", "notes garbled", "notes wrong"])
async def test_a_harmed_cache_is_not_believed(tmp_path: Path, servers: Servers, harm: str) -> None:
    origin = Origin()
    url = await servers.http(origin.answer)
    async with fetcher(tmp_path) as it:
        body = (await it.locate(url)).files[0].path
    notes = body.with_suffix(".json")
    if harm == "body rewritten":
        before = body.stat()
        body.write_bytes(bytes(len(BODY)))
        os.utime(body, ns=(before.st_atime_ns, before.st_mtime_ns))
    elif harm == "body gone":
        body.unlink()
    else:
        notes.write_bytes(b"\xff{" if harm == "notes garbled" else b'{"etag": 7}')
    async with fetcher(tmp_path) as it:
        located = await it.locate(url)
    assert "If-None-Match" not in origin.asked[1].headers
    assert located.files[0].path.read_bytes() == BODY


async def test_a_validator_that_could_not_be_sent_back_is_forgotten(
    tmp_path: Path, servers: Servers
) -> None:
    asked: list[bytes] = []

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(b"")
        writer.write(b'HTTP/1.1 200 OK\r\nETag: "\xff\xfe"\r\nContent-Length: 2\r\n\r\nok')
        await writer.drain()

    url = await servers.raw(talk)
    async with fetcher(tmp_path) as it:
        await it.locate(url)
        assert not (await it.locate(url)).changed
    assert len(asked) == 2


async def test_a_gzip_content_encoding_is_kept_as_sent(tmp_path: Path, servers: Servers) -> None:
    packed = gzip.compress(BODY)

    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=packed, headers={"Content-Encoding": "gzip"})

    async with fetcher(tmp_path) as it:
        (file,) = (await it.locate(await servers.http(answer))).files
    assert file.path.read_bytes() == packed
    assert Archive(file, ReadOptions()).read() == BODY


async def test_progress_is_told_and_ends_at_the_whole(tmp_path: Path, servers: Servers) -> None:
    told: list[tuple[int, int | None]] = []
    async with fetcher(tmp_path) as it:
        url = await servers.http(Origin(body=BIG).answer)
        located = await it.locate(url, lambda done, of: told.append((done, of)))
    assert told[-1] == (len(BIG), len(BIG))
    assert told == sorted(told)
    assert located.files[0].path.read_bytes() == BIG


async def test_a_redirect_is_followed_a_few_times(tmp_path: Path, servers: Servers) -> None:
    async def answer(request: web.Request) -> web.Response:
        left = int(request.query["left"])
        if not left:
            return web.Response(body=BODY)
        raise web.HTTPFound(str(request.url.update_query(left=left - 1)))

    url = await servers.http(answer)
    limits = FetchLimits(redirects=3)
    assert "redirects too often" in await refusal(tmp_path, f"{url}?left=4", limits)
    async with fetcher(tmp_path, limits) as it:
        assert (await it.locate(f"{url}?left=3")).files[0].path.read_bytes() == BODY


async def test_a_password_is_not_shown(tmp_path: Path, servers: Servers) -> None:
    origin = Origin()
    url = (await servers.http(origin.answer)).replace("http://", "http://user:secret@")
    async with fetcher(tmp_path) as it:
        located = await it.locate(url)
        origin.status = 403
        with pytest.raises(SourceError) as caught:
            await it.locate(url)
    assert origin.asked[0].headers["Authorization"].startswith("Basic ")
    assert "secret" not in str(caught.value) + located.files[0].source


# ----------------------------------------------------------------------------------------- failures


@pytest.mark.parametrize("status", [204, 206, 304, 404, 500, 799])
async def test_any_status_but_200_is_a_failure(
    tmp_path: Path, servers: Servers, status: int
) -> None:
    url = await servers.http(Origin(status=status).answer)
    assert f"the server answered with status {status}" in await refusal(tmp_path, url)


async def test_a_failure_leaves_what_was_there(tmp_path: Path, servers: Servers) -> None:
    origin = Origin()
    url = await servers.http(origin.answer)
    async with fetcher(tmp_path) as it:
        (file,) = (await it.locate(url)).files
        for status, body, validators in ((500, BODY, {}), (200, b"", {"ETag": '"empty"'})):
            origin.status, origin.body, origin.validators = status, body, validators
            with pytest.raises(SourceError):
                await it.locate(url)
            assert file.path.read_bytes() == BODY
        origin.status, origin.body, origin.validators = 200, BODY, {"ETag": '"one"'}
        assert not (await it.locate(url)).changed
        assert origin.asked[-1].headers["If-None-Match"] == '"one"'


async def test_a_server_that_never_answers_is_given_up(tmp_path: Path, servers: Servers) -> None:
    async def talk(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    line = await refusal(tmp_path, await servers.raw(talk))
    assert "nothing was sent for idle_seconds (0.3)" in line


async def test_a_body_that_stalls_is_given_up(tmp_path: Path, servers: Servers) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome")
        await reader.read()

    assert "idle_seconds" in await refusal(tmp_path, await servers.raw(talk))


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"])
async def test_a_server_that_drips_is_given_up(
    tmp_path: Path, servers: Servers, start: bytes
) -> None:
    """Byte by byte, in the headers or in the body: never idle, never done."""

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        for letter in b"HTTP/1.1 200 OK\r\nX: " + b"x" * 9000:
            writer.write(bytes([letter]))
            await writer.drain()
            await asyncio.sleep(0.02)

    limits = FetchLimits(idle_seconds=5, total_seconds=0.5)
    line = await refusal(tmp_path, await servers.raw(talk), limits)
    assert "not complete within total_seconds (0.5)" in line


async def test_a_connection_that_is_not_accepted_is_given_up(tmp_path: Path) -> None:
    """A listener with a full backlog: the handshake never ends."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        fillers = [socket.socket() for _ in range(4)]
        try:
            for filler in fillers:
                filler.setblocking(False)
                filler.connect_ex(address)
            url = f"http://127.0.0.1:{address[1]}/"
            line = await refusal(tmp_path, url, FetchLimits(connect_seconds=0.3))
        finally:
            for filler in fillers:
                filler.close()
    assert "no connection within connect_seconds (0.3)" in line


async def test_a_body_shorter_than_announced_is_incomplete(
    tmp_path: Path, servers: Servers
) -> None:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + BODY)
        await writer.drain()

    assert "incomplete" in await refusal(tmp_path, await servers.raw(talk))


async def test_a_chunked_body_without_its_end_is_incomplete(
    tmp_path: Path, servers: Servers
) -> None:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nsome\r\n")
        await writer.drain()

    assert "incomplete" in await refusal(tmp_path, await servers.raw(talk))


async def test_a_body_announced_as_too_large_is_refused(tmp_path: Path, servers: Servers) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n")
        await reader.read()

    line = await refusal(tmp_path, await servers.raw(talk))
    assert "is larger than 4,294,967,296 bytes; raise max_download_bytes" in line


async def test_a_body_without_an_end_is_refused_by_count(tmp_path: Path, servers: Servers) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        with suppress(ConnectionError):
            while True:
                await response.write(bytes(100_000))
        return response

    limits = FetchLimits(max_bytes=3_000_000)
    assert "is larger than 3,000,000 bytes" in await refusal(
        tmp_path, await servers.http(answer), limits
    )


async def test_an_encoding_that_we_cannot_read_is_refused(tmp_path: Path, servers: Servers) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=BODY, headers={"Content-Encoding": "br"})

    assert "Content-Encoding 'br'" in await refusal(tmp_path, await servers.http(answer))


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        (b"", "closed the connection unasked"),
        (b"\x16\x03\x01 not http\r\n\r\n", "not proper HTTP"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000, "not proper HTTP"),
    ],
    ids=["nothing", "not http", "endless header"],
)
async def test_an_answer_that_is_not_http_is_one_line(
    tmp_path: Path, servers: Servers, said: bytes, problem: str
) -> None:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        await writer.drain()

    assert problem in await refusal(tmp_path, await servers.raw(talk))


@pytest.mark.parametrize("target", ["file:///etc/hostname", "ftp://example.net/", "http://[::1"])
async def test_a_redirect_to_something_else_is_refused(
    tmp_path: Path, servers: Servers, target: str
) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": target})

    assert "redirects to what is not" in await refusal(tmp_path, await servers.http(answer))


async def test_a_refused_connection_is_one_line(tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        line = await refusal(tmp_path, f"http://127.0.0.1:{closed.getsockname()[1]}/")
    assert "no connection: " in line


@pytest.mark.parametrize(
    ("host", "problem"),
    [
        ("no-such-host.invalid", "its host name does not resolve"),
        ("x" * 64 + ".invalid", "its host name cannot be looked up"),
    ],
)
async def test_a_host_that_does_not_resolve_is_one_line(
    tmp_path: Path, host: str, problem: str
) -> None:
    assert problem in await refusal(tmp_path, f"http://{host}/")


async def test_tls_spoken_to_a_plain_server_is_one_line(tmp_path: Path, servers: Servers) -> None:
    url = (await servers.http(Origin().answer)).replace("http://", "https://")
    assert "no connection: " in await refusal(tmp_path, url)


@pytest.fixture(scope="session")
def untrusted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A key and a certificate that it signed itself, for 127.0.0.1."""
    folder = tmp_path_factory.mktemp("tls")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext"
    names = ["subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    try:
        subprocess.run([*command.split(), *names], check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("openssl is not installed")
    return key, certificate


def tls(untrusted: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(untrusted[1], untrusted[0])
    return context


async def test_an_untrusted_certificate_is_refused(
    tmp_path: Path, servers: Servers, untrusted: tuple[Path, Path]
) -> None:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await writer.drain()

    url = await servers.raw(talk, tls(untrusted))
    assert "certificate is not trusted" in await refusal(tmp_path, url)


FETCH_TRUSTING = """
import asyncio, sys
from pathlib import Path
from collectors.fetch import Fetcher

async def main():
    async with Fetcher(Path(sys.argv[1])) as it:
        print(Path((await it.locate(sys.argv[2])).files[0].path).read_text())

asyncio.run(main())
"""


async def test_a_redirect_from_https_to_http_is_refused(
    tmp_path: Path, servers: Servers, untrusted: tuple[Path, Path]
) -> None:
    """In a process of its own, which trusts the certificate by the system's variable."""
    plain = await servers.http(Origin().answer)
    answers = [
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine",
        b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: %s\r\n\r\n" % plain.encode(),
    ]

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answers.pop(0))
        await writer.drain()

    url = await servers.raw(talk, tls(untrusted))
    said = []
    for _ in range(2):
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-c", FETCH_TRUSTING, str(tmp_path / "cache"), url),
            env={**os.environ, "SSL_CERT_FILE": str(untrusted[1])},
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        out, err = await process.communicate()
        said.append((out + err).decode())
    assert said[0] == "fine\n"
    assert "redirects from https to http" in said[1]


async def test_a_cache_folder_that_cannot_be_made_is_named(
    tmp_path: Path, servers: Servers
) -> None:
    (tmp_path / "cache").write_bytes(b"a file in its place")
    async with fetcher(tmp_path) as it:
        with pytest.raises(
            SourceError, match=r"cannot be kept: .*/cache'; see to the cache folder"
        ):
            await it.locate(await servers.http(Origin().answer))


async def test_parts_left_by_a_killed_process_are_removed(tmp_path: Path, servers: Servers) -> None:
    url = await servers.http(Origin(validators={}).answer)
    async with fetcher(tmp_path) as it:
        (file,) = (await it.locate(url)).files
        old, young = (file.path.with_suffix(f".{name}.part") for name in ("old", "young"))
        for part in (old, young):
            part.write_bytes(b"half")
        hour_ago = time.time() - 3600
        os.utime(old, (hour_ago, hour_ago))
        await it.locate(url)
    assert not old.exists()
    assert young.exists()


async def test_fetches_cancelled_half_way_leave_nothing(tmp_path: Path, servers: Servers) -> None:
    begun = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n" + bytes(4_000_000))
        await writer.drain()
        begun.set()
        await reader.read()

    url = await servers.raw(talk)
    async with fetcher(tmp_path, FetchLimits()) as it:
        task = asyncio.create_task(it.locate(url))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert not list((tmp_path / "cache").glob("*"))


async def test_many_fetches_at_once_do_not_mix(tmp_path: Path, servers: Servers) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=request.path.encode() * 10_000)

    base = (await servers.http(answer)).removesuffix("/vrps.csv")
    paths = [f"/{number}" for number in range(12)] * 2
    async with fetcher(tmp_path) as it:
        every = await asyncio.gather(*(it.locate(base + path) for path in paths))
    for path, located in zip(paths, every, strict=True):
        assert located.files[0].path.read_bytes() == path.encode() * 10_000

"""Tokens, rates, TLS and the access log, over real sockets."""

from __future__ import annotations

import asyncio
import json
import ssl
import subprocess
from pathlib import Path

import aiohttp
import pytest
from structlog.testing import capture_logs

from tests.fronts import VALID, Fronted, bearer, fronted, token_settings
from tests.served import World, served
from validator.model import SettingsError
from validator.settings.http import HttpSettings, Role
from validator.web.tls import Certificate

READ, ADMIN = "read-token", "admin-token"
TOKENS = (token_settings(READ, Role.READ), token_settings(ADMIN, Role.ADMIN))
BEHIND = ("127.0.0.0/8",)

# --------------------------------------------------------------------------------------- tokens


async def test_without_tokens_everybody_reads_and_nobody_administers() -> None:
    async with fronted(HttpSettings()) as site:
        assert (await site.get())[0] == 200
        assert (await site.get(headers=bearer("whatever")))[0] == 200  # a proxy's, for all we know
        for headers in ({}, bearer("whatever")):
            status, answered, body = await site.get("/api/v1/reload", "POST", headers=headers)
            assert (status, answered["Content-Type"]) == (401, "application/problem+json")
            assert json.loads(body)["status"] == 401
        assert site.reloads == []


async def test_where_reading_needs_a_token_only_the_health_is_open() -> None:
    async with fronted(HttpSettings(tokens=TOKENS)) as site:
        for path in (VALID, "/", "/status", "/metrics", "/readyz", "/openapi.json", "/nothing"):
            status, headers, body = await site.get(path)
            assert (status, headers["Www-Authenticate"]) == (401, 'Bearer realm="originsight"')
            assert b"Authorization" in body
            assert (await site.get(path, headers=bearer(READ)))[0] in (200, 404)
        assert (await site.get("/healthz"))[0] == 200
        assert (await site.get("/healthz", headers=bearer("wrong")))[0] == 200
        assert (await site.get("/healthz/"))[0] == 401
        assert (await site.get(method="OPTIONS"))[0] == 204  # browsers send no token with it


async def test_a_wrong_token_is_refused_though_none_is_needed() -> None:
    async with fronted(HttpSettings(tokens=TOKENS, anonymous="read")) as site:
        assert (await site.get())[0] == 200
        basic = {"Authorization": "Basic dTpw"}
        assert (await site.get(headers=basic))[0] == 200  # a proxy's credentials
        for wrong in ("wrong", "read-toke", READ + "x", "\udcff", "x" * 5000):
            status, headers, body = await site.get(headers=bearer(wrong))
            assert (status, 'error="invalid_token"' in headers["Www-Authenticate"]) == (401, True)
            assert wrong[:20].encode("utf-8", "surrogateescape") not in body


async def test_reloading_needs_a_token_with_the_role_for_it() -> None:
    async with fronted(HttpSettings(tokens=TOKENS, anonymous="read")) as site:
        status, headers, body = await site.get("/api/v1/reload", "POST", headers=bearer(READ))
        assert (status, site.reloads) == (403, [])
        assert 'error="insufficient_scope"' in headers["Www-Authenticate"]
        assert b"read" in body
        status, _, body = await site.get("/api/v1/reload", "POST", headers=bearer(ADMIN))
        assert (status, len(site.reloads)) == (202, 1)
        assert json.loads(body) == {
            "status": "asked",
            "generation": 1,
            "reloads": 3,
            "sample": False,
        }


async def test_who_guesses_tokens_must_wait_and_its_neighbours_do_not() -> None:
    settings = HttpSettings(
        tokens=TOKENS, anonymous="read", token_failures=5, trusted_proxies=BEHIND
    )
    async with fronted(settings) as site:
        one, other = "203.0.113.7", "203.0.113.8"
        assert (await site.get(headers=bearer(READ, one)))[0] == 200
        answers = [await site.get(headers=bearer(f"guess-{n}", one)) for n in range(7)]
        assert [status for status, _, _ in answers] == [401] * 5 + [429] * 2
        assert 1 <= int(answers[-1][1]["Retry-After"]) <= 12
        # A token that was right from there before is; one that was not is not even looked at.
        assert (await site.get(headers=bearer(READ, one)))[0] == 200
        assert (await site.get(headers=bearer(ADMIN, one)))[0] == 429
        assert (await site.get(headers=bearer(ADMIN, other)))[0] == 200
        assert (await site.get(headers=bearer("", one)))[0] == 200


# ---------------------------------------------------------------------------------------- rates


async def test_a_client_that_asks_too_often_is_told_when_to_come_back() -> None:
    settings = HttpSettings(requests_per_second=0.1, burst=3, trusted_proxies=BEHIND)
    async with fronted(settings) as site:

        async def ask(client: str, path: str = VALID) -> tuple[int, str]:
            status, headers, _ = await site.get(path, headers=bearer("", client))
            return status, headers.get("Retry-After", "")

        assert [(await ask("2600::1"))[0] for _ in range(3)] == [200] * 3
        status, wait = await ask("2600::2")  # of the same /64
        assert (status, 1 <= int(wait) <= 10) == (429, True)
        assert (await ask("2600:0:0:1::1"))[0] == 200
        assert (await ask("198.51.100.9, 2600::3"))[0] == 429  # who says it is somebody else
        assert (await ask("2600::1", "/healthz"))[0] == 200
        assert (await ask("2600::1", "/nothing"))[0] == 429
        assert [(await site.get())[0] for _ in range(5)] == [200] * 5  # of this machine


async def test_without_trusted_proxies_nobody_is_believed() -> None:
    settings = HttpSettings(requests_per_second=0.1, burst=1)
    async with fronted(settings) as site:
        for _ in range(3):
            assert (await site.get(headers=bearer("", "203.0.113.7")))[0] == 200


# ------------------------------------------------------------------------------------------ log


async def test_each_request_is_logged_with_its_id_its_client_and_its_token_by_name() -> None:
    settings = HttpSettings(
        access_log=True, tokens=TOKENS, anonymous="read", trusted_proxies=BEHIND
    )
    async with fronted(settings) as site:
        with capture_logs() as lines:
            sent = {**bearer(READ, "203.0.113.7"), "X-Request-ID": "abc-1"}
            _, headers, body = await site.get("/validity?asn=1&prefix=192.0.2.0/24", headers=sent)
            assert headers["X-Request-Id"] == "abc-1"
            _, made, refusal = await site.get(
                "/nothing", headers={"X-Request-ID": "no id", **bearer("wrong")}
            )
            await site.raw(b"nonsense\r\n\r\n")
        first, second, third = (each for each in lines if each["event"] == "request")
    assert first.pop("milliseconds") >= 0
    assert first.pop("bytes") > len(body)  # with the headers
    assert first == {
        "event": "request",
        "log_level": "info",
        "request_id": "abc-1",
        "client": "203.0.113.7",
        "method": "GET",
        "path": "/validity",
        "query": "asn=1&prefix=192.0.2.0/24",
        "status": 200,
        "token": "read",
    }
    assert (second["status"], second["token"], second["client"]) == (401, None, "127.0.0.1")
    assert made["X-Request-Id"] == second["request_id"] == json.loads(refusal)["instance"]
    assert len(second["request_id"]) == 16
    assert third["status"] == 400
    assert not any(word in str(lines) for word in (READ, "wrong", "Bearer"))


async def test_without_a_log_there_is_an_id_only_for_who_sent_one() -> None:
    async with fronted(HttpSettings()) as site:
        with capture_logs() as lines:
            assert "X-Request-Id" not in (await site.get())[1]
            for path in (VALID, "/nothing", "/metrics"):
                _, headers, _ = await site.get(path, headers={"X-Request-ID": "abc"})
                assert headers["X-Request-Id"] == "abc"
            assert "X-Request-Id" not in (await site.get(headers={"X-Request-ID": "a b"}))[1]
    assert lines == []


# ------------------------------------------------------------------------------------------ TLS


def make_certificate(folder: Path, name: str) -> None:
    """``name.pem`` for 127.0.0.1, and its key ``name.key``."""
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "2", "-subj", f"/CN={name}"),
            *("-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", str(folder / f"{name}.key"), "-out", str(folder / f"{name}.pem")),
        ],
        check=True,
        capture_output=True,
    )


async def certificate_seen(site: Fronted, version: ssl.TLSVersion | None = None) -> bytes:
    """The certificate that a new connection gets, in DER."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if version is not None:
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.maximum_version = version
    _, writer = await asyncio.open_connection("127.0.0.1", site.port, ssl=context)
    certificate = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    assert isinstance(certificate, bytes)
    return certificate


async def test_a_certificate_is_renewed_while_it_runs_and_kept_if_the_new_one_is_bad(
    tmp_path: Path,
) -> None:
    for name in ("one", "two"):
        make_certificate(tmp_path, name)
    pem, key = tmp_path / "site.pem", tmp_path / "site.key"
    pem.write_bytes((tmp_path / "one.pem").read_bytes())
    key.write_bytes((tmp_path / "one.key").read_bytes())

    def in_der(name: str) -> bytes:
        return ssl.PEM_cert_to_DER_cert((tmp_path / f"{name}.pem").read_text())

    settings = HttpSettings(tls_certificate="site.pem", tls_key="site.key")
    async with fronted(settings, tmp_path) as site:
        assert site.url.startswith("https://127.0.0.1:")
        trusted = ssl.create_default_context(cafile=str(pem))
        assert (await site.get(ssl=trusted))[0] == 200
        pem.write_bytes((tmp_path / "two.pem").read_bytes())
        with capture_logs() as lines:
            site.front.reload()  # the key is still that of the other
        assert [line["log_level"] for line in lines] == ["error"]
        assert await certificate_seen(site) == in_der("one")
        key.write_bytes((tmp_path / "two.key").read_bytes())
        site.front.reload()
        assert await certificate_seen(site) == in_der("two")
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await certificate_seen(site, ssl.TLSVersion.TLSv1_1)
        with pytest.raises(aiohttp.ClientError):
            await Fronted(site.front, f"http://127.0.0.1:{site.port}", site.app).get()
        assert (await site.get(ssl=ssl.create_default_context(cafile=str(pem))))[0] == 200


@pytest.mark.parametrize("content", [None, b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n", b"\0\xff"])
def test_what_is_no_certificate_is_refused_in_one_line(
    tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "site.pem"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SettingsError) as refused:
        Certificate(file, None)
    assert str(file) in str(refused.value)
    assert "\n" not in str(refused.value)


# -------------------------------------------------------------------------------------- service


def test_the_service_keeps_what_the_settings_say_of_access(tmp_path: Path) -> None:
    world = World(tmp_path)
    with world.config.open("a") as config:
        for token in TOKENS:
            config.write(
                f'[[http.tokens]]\nname = "{token.name}"\nsha256 = "{token.sha256}"\n'
                f'role = "{token.role.value}"\n'
            )
        config.write("[http]\naccess_log = true\n")
    with served(world.config) as service:
        service.wait_for("ready", lambda: service.get("/readyz", bearer(READ))[0] == 200)
        assert service.get("/status")[0] == 401
        before = json.loads(service.get("/status", bearer(READ))[1])["reloads"]
        import urllib.request

        request = urllib.request.Request(
            service.url + "/api/v1/reload", method="POST", headers=bearer(ADMIN)
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert (answer.status, json.load(answer)["reloads"]) == (202, before)
        service.wait_for(
            "reloaded",
            lambda: json.loads(service.get("/status", bearer(READ))[1])["reloads"] > before,
        )
        assert service.stop() == 0
    assert "request_id" in service.output
    assert ADMIN not in service.output

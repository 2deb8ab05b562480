"""Webhooks to a real receiver on loopback: signed, in order, repeated, bounded, discreet."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import json
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import structlog
from aiohttp import web
from aiohttp.test_utils import TestServer

from collectors.supervise import Backoff
from tests.event_streams import Shown
from tests.feeds import ROUTES
from tests.served import World, served
from validator.events.log import Batch
from validator.events.webhooks import Webhook, Webhooks, WebhookSettings
from validator.model import SettingsError
from validator.settings import file as settings

SECRET = b"a secret of the receiver"
PATH = "/hook/very-secret-path"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
QUICK = Backoff(0.01, 0.02)


class Receiver:
    """Takes deliveries, and answers as it is told: a status for each, then 200."""

    def __init__(self) -> None:
        self.answers: list[int | None] = []
        self.taken: list[dict[str, Any]] = []
        self.seen: list[tuple[dict[str, str], bytes]] = []
        self.some = asyncio.Condition()

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        answer = self.answers.pop(0) if self.answers else 200
        if answer is None:  # processed, but the answer is lost
            assert request.transport is not None
            request.transport.abort()
        async with self.some:
            self.seen.append((dict(request.headers), body))
            if answer in (200, 204, None):
                self.taken.append(json.loads(body))
            self.some.notify_all()
        headers = {"Location": "/elsewhere"} if answer in (301, 307) else {}
        return web.Response(status=answer or 500, headers=headers)

    async def wait(self, seen: int) -> None:
        async with asyncio.timeout(30), self.some:
            await self.some.wait_for(lambda: len(self.seen) >= seen)

    @property
    def ids(self) -> list[str]:
        return [event["id"] for delivery in self.taken for event in delivery["events"]]


@pytest.fixture
async def receiver() -> AsyncIterator[tuple[Receiver, str]]:
    made = Receiver()
    app = web.Application(client_max_size=1 << 24)
    app.router.add_post(PATH, made.handle)
    app.router.add_route("*", "/elsewhere", made.handle)
    async with TestServer(app) as server:
        yield made, f"http://127.0.0.1:{server.port}{PATH}"


@contextlib.asynccontextmanager
async def running(*hooks: Webhook, shown: Shown) -> AsyncIterator[None]:
    webhooks = Webhooks(hooks)
    shown.watch.listeners.append(webhooks.take)
    task = asyncio.create_task(webhooks.run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def hook(url: str, clock: Callable[[], float] | None = None, **options: Any) -> Webhook:
    chosen = WebhookSettings(url=url, secret_env="UNUSED", **options)
    more: dict[str, Any] = {} if clock is None else {"clock": clock}
    return Webhook(chosen, SECRET, backoff=QUICK, **more)


async def settled(one: Webhook) -> None:
    async with asyncio.timeout(30):
        while one.waiting:  # noqa: ASYNC110 - there is nothing to wait on in the product
            await asyncio.sleep(0.01)


async def test_a_delivery_is_signed_and_says_what_happened(receiver: tuple[Receiver, str]) -> None:
    there, url = receiver
    shown, one = Shown(), hook(url, kind=("route-gone",))
    async with running(one, shown=shown):
        await shown.show()
        await shown.show(routes=ROUTES[1:])
        await there.wait(1)
        await settled(one)
    ((headers, body),) = there.seen
    signed = headers["X-Originsight-Timestamp"].encode() + b"." + body
    digest = hmac.new(SECRET, signed, hashlib.sha256).hexdigest()
    assert headers["X-Originsight-Signature"] == f"sha256={digest}"
    assert headers["Content-Type"] == "application/json"
    delivery = json.loads(body)
    assert delivery["delivery"] == headers["X-Originsight-Delivery"]
    assert [each["prefix"] for each in delivery["events"]] == ["192.0.2.0/24"]
    assert (one.delivered_total, one.attempts_total) == (1, {"taken": 1, "failed": 0})


async def test_a_delivery_is_repeated_unchanged_until_it_is_taken_and_order_is_kept(
    receiver: tuple[Receiver, str],
) -> None:
    there, url = receiver
    there.answers = [500, 429, 404, 301, 307, 200]
    shown, one = Shown(), hook(url)
    async with running(one, shown=shown):
        await shown.show()
        await there.wait(2)
        await shown.show(routes=ROUTES[1:])
        await shown.show(routes=ROUTES)
        await there.wait(7)
        await settled(one)
    first = there.seen[0]
    for headers, body in there.seen[:6]:
        assert headers["X-Originsight-Delivery"] == first[0]["X-Originsight-Delivery"]
        assert body == first[1]
    assert there.ids == [str(each.place) for each in shown.watch.log.read(0, 99)]
    assert one.attempts_total["failed"] == 5
    assert (one.failures, one.last_error) == (0, "")


async def test_a_redirect_is_not_followed(receiver: tuple[Receiver, str]) -> None:
    there, url = receiver
    there.answers = [307]
    shown, one = Shown(), hook(url)
    async with running(one, shown=shown):
        await shown.show()
        await there.wait(2)
        await settled(one)
    assert one.attempts_total == {"taken": 1, "failed": 1}
    assert len(there.seen) == 2


async def test_a_delivery_whose_answer_was_lost_comes_again_under_the_same_id(
    receiver: tuple[Receiver, str],
) -> None:
    there, url = receiver
    there.answers = [None]
    shown, one = Shown(), hook(url)
    async with running(one, shown=shown):
        await shown.show()
        await there.wait(2)
        await settled(one)
    assert [each["delivery"] for each in there.taken] == [there.taken[0]["delivery"]] * 2
    assert there.taken[0] == there.taken[1]


async def test_many_events_come_in_deliveries_of_at_most_a_hundred(
    receiver: tuple[Receiver, str],
) -> None:
    there, url = receiver
    shown, one = Shown(), hook(url)
    async with running(one, shown=shown):
        await shown.show()
        await there.wait(1)
        many = tuple((f"10.0.{n}.0/24", 64500) for n in range(250))
        await shown.show(routes=(*ROUTES, *many))
        await there.wait(4)
        await settled(one)
    assert [len(each["events"]) for each in there.taken] == [1, 100, 100, 50]
    assert len({each["delivery"] for each in there.taken}) == 4
    assert there.ids == [str(each.place) for each in shown.watch.log.read(0, 999)]


async def test_what_a_dead_receiver_missed_is_bounded_counted_and_said(
    receiver: tuple[Receiver, str],
) -> None:
    there, url = receiver
    there.answers = [503] * 4
    shown, one = Shown(), hook(url, queue_events=100)
    async with running(one, shown=shown):
        await shown.show()
        await there.wait(2)
        many = tuple((f"10.0.{n}.0/24", 64500) for n in range(250))
        await shown.show(routes=(*ROUTES, *many))
        await there.wait(6)
        await settled(one)
    assert one.dropped_total == {"queue-full": 150, "gave-up": 0}
    started, rest = there.taken
    assert [each["kind"] for each in started["events"]] == ["watch-started"]
    gap, *kept = rest["events"]
    assert (gap["kind"], gap["reason"]) == ("gap", "not-delivered")
    assert len(kept) == 100
    before = str(shown.watch.log.id_before(shown.watch.log.end - 100))
    assert gap["id"] == before, "the gap ends where what is kept begins"


async def test_after_hours_a_delivery_is_given_up_and_the_next_says_so(
    receiver: tuple[Receiver, str],
) -> None:
    there, url = receiver
    there.answers = [500]
    shown, years_later = Shown(), 1e10
    one = hook(url, clock=lambda: years_later, give_up_hours=6)
    async with running(one, shown=shown):
        await shown.show()
        await there.wait(1)
        await settled(one)
        await shown.show(routes=ROUTES[1:])
        await there.wait(2)
        await settled(one)
    assert one.dropped_total == {"queue-full": 0, "gave-up": 1}
    (delivery,) = there.taken
    assert [each["kind"] for each in delivery["events"]] == ["gap", "route-gone"]


async def test_one_dead_receiver_does_not_hold_up_another(receiver: tuple[Receiver, str]) -> None:
    there, url = receiver
    shown, dead = Shown(), hook("http://127.0.0.1:1/x")
    alive = hook(url)
    async with running(dead, alive, shown=shown):
        await shown.show()
        await there.wait(1)
        await settled(alive)
        assert dead.waiting == 1
        async with asyncio.timeout(30):
            while not dead.failures:  # noqa: ASYNC110 - there is nothing to wait on
                await asyncio.sleep(0.01)
    assert "refused" in dead.last_error


async def test_neither_secret_nor_url_is_logged(receiver: tuple[Receiver, str]) -> None:
    there, url = receiver
    there.answers = [500, 302]
    shown = Shown()
    hooks = hook(url), hook("http://127.0.0.1:1/very-secret-path")
    with structlog.testing.capture_logs() as logged:
        async with running(*hooks, shown=shown):
            await shown.show()
            await there.wait(3)
            async with asyncio.timeout(30):
                while not all(each.failures for each in hooks[1:]):  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
    assert any(each["event"] == "webhook failed" for each in logged)
    assert "secret" not in str(logged)
    assert "secret" not in "".join(each.last_error for each in hooks)


def configured(folder: Path, lines: str) -> settings.Settings:
    World(folder)
    config = folder / "config.toml"
    config.write_text(config.read_text() + "[[webhooks]]\n" + lines)
    return settings.load(config)


def test_a_secret_comes_from_a_file_or_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = 'url = "https://example.net/x"\n'
    (tmp_path / "hook.secret").write_bytes(SECRET + b"\n")
    chosen = configured(tmp_path, url + 'secret_file = "hook.secret"\nasn = [64496, "AS1"]\n')
    assert chosen.webhooks[0].secret(tmp_path) == SECRET
    assert chosen.webhooks[0].filter.asns == {64496, 1}
    monkeypatch.setenv("TEST_HOOK_SECRET", SECRET.decode())
    chosen = configured(tmp_path, url + 'secret_env = "TEST_HOOK_SECRET"\n')
    (one,) = Webhooks.open(chosen.webhooks, tmp_path).all
    assert one.name == "example.net"
    assert [each.name for each in Webhooks.open(chosen.webhooks * 2, tmp_path).all] == [
        "example.net",
        "example.net 2",
    ]


@pytest.mark.parametrize(
    "lines",
    [
        'url = "https://example.net/x"\n',
        'url = "https://example.net/x"\nsecret_env = "A"\nsecret_file = "b"\n',
        'url = "http://[::1/x"\nsecret_env = "A"\n',
        'url = "ftp://example.net/x"\nsecret_env = "A"\n',
        'url = "https://example.net/x"\nsecret_env = "A"\nasn = ["x"]\n',
        'url = "https://example.net/x"\nsecret_env = "A"\nprefix = ["192.0.2.1/24"]\n',
        'url = "https://example.net/x"\nsecret_env = "A"\ncountry = ["NLD"]\n',
        'url = "https://example.net/x"\nsecret_env = "A"\nkind = ["all"]\n',
        'url = "https://example.net/x"\nsecret = "inline, which is not allowed"\n',
    ],
)
def test_settings_that_make_no_sense_are_refused(tmp_path: Path, lines: str) -> None:
    with pytest.raises(SettingsError, match="webhooks"):
        configured(tmp_path, lines)


def test_a_secret_that_is_not_there_or_too_short_is_refused_at_the_start(tmp_path: Path) -> None:
    chosen = WebhookSettings(url="https://example.net/secret", secret_env="NOT_SET_ANYWHERE")
    with pytest.raises(SettingsError, match="NOT_SET_ANYWHERE holds no secret"):
        chosen.secret(tmp_path)
    (tmp_path / "short").write_text("short")
    for name, says in (("short", "openssl rand"), ("absent", "No such file")):
        chosen = WebhookSettings(url="https://example.net/secret", secret_file=name)
        with pytest.raises(SettingsError, match=says):
            chosen.secret(tmp_path)


def test_a_webhook_that_wants_nothing_of_a_batch_keeps_nothing() -> None:
    one = hook("http://127.0.0.1:1/")
    one.take(Batch([]))
    assert one.waiting == 0


async def test_a_running_service_delivers_and_counts(
    receiver: tuple[Receiver, str], tmp_path: Path
) -> None:
    there, url = receiver
    world = World(tmp_path)
    (tmp_path / "hook.secret").write_bytes(SECRET)
    world.config.write_text(
        world.config.read_text()
        + f'[[webhooks]]\nurl = "{url}"\nsecret_file = "hook.secret"\nname = "test"\n'
    )

    def run() -> str:
        with served(world.config) as service:
            service.wait_until_ready()
            world.write_vrps([("192.0.2.0/24", 24, 64499)])
            service.process.send_signal(signal.SIGHUP)
            counted = 'originsight_webhook_delivered_events_total{webhook="test"} 4.0'
            service.wait_for("delivered", lambda: counted in service.get("/metrics")[1].decode())
            assert service.stop() == 0
            return service.output

    output = await asyncio.to_thread(run)
    kinds = [event["kind"] for each in there.taken for event in each["events"]]
    assert kinds == ["watch-started", "route-invalid", "vrp-gone", "vrp-new"]
    assert "very-secret-path" not in output
    assert SECRET.decode() not in output

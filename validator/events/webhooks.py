"""Webhooks: events POSTed to the receivers that the settings name, in order, until they are taken.

A delivery is a batch of events with an id of its own. It is repeated, unchanged, until the receiver
answers 2xx: after a growing pause, half of it chance, for ``give_up_hours`` from its oldest event.
Then it is dropped and counted, and the next delivery begins with a ``gap``, as it does when more
than ``queue_events`` had to wait. What was taken is never sent again; but an answer can be lost, so
a receiver should know deliveries by their id. Nothing is kept over a restart: what had not been
delivered is lost, and the first event afterwards is ``watch-started``.

Every delivery is signed: ``X-Originsight-Signature`` is ``sha256=`` and the hexadecimal HMAC-SHA256
(RFC 2104) of timestamp, a dot and the body, keyed with the secret. The timestamp is that of the
attempt, so that a receiver can refuse old ones.

The secret is named, not given, in the settings: an environment variable or a file. It is in no log,
and neither is the URL, whose path is a secret with many receivers: a webhook has a name.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any, NoReturn

import aiohttp
import msgspec
import structlog
from msgspec import Meta
from yarl import URL

from collectors.fetch import user_agent
from collectors.supervise import Backoff
from validator.events.kinds import Kind
from validator.events.log import NOT_DELIVERED, Batch, Entry, Filter, Place, gap
from validator.model import Prefix, SettingsError, State, parse_asn

log = structlog.get_logger()

MOST_EVENTS = 100
"""In one delivery."""
LEAST_SECRET_BYTES = 16
_LONGEST_RETRY_AFTER = 3600.0
_HOUR = 3600.0


class WebhookSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A receiver, and what it wants: filters as :class:`validator.events.log.Filter` has them."""

    url: Annotated[str, Meta(pattern="^https?://[^/?#]")]
    name: Annotated[str, Meta(max_length=100)] = ""
    """In logs and metrics. By default the host of the URL."""
    secret_env: str = ""
    """The environment variable that holds the secret."""
    secret_file: str = ""
    """The file that holds the secret; white space around it does not count."""
    asn: tuple[str | int, ...] = ()
    prefix: tuple[str, ...] = ()
    country: tuple[Annotated[str, Meta(pattern="^[A-Za-z]{2}$")], ...] = ()
    state: tuple[State, ...] = ()
    kind: tuple[Kind, ...] = ()
    timeout_seconds: Annotated[float, Meta(gt=0, le=300)] = 15.0
    longest_pause_seconds: Annotated[float, Meta(gt=0, le=86_400)] = 600.0
    """Between two attempts."""
    give_up_hours: Annotated[float, Meta(gt=0, le=720)] = 6.0
    queue_events: Annotated[int, Meta(ge=100, le=1_000_000)] = 20_000

    def __post_init__(self) -> None:
        if bool(self.secret_env) == bool(self.secret_file):
            raise ValueError("a webhook needs secret_env or secret_file, and only one of them")
        try:
            good = URL(self.url).host
        except ValueError:
            good = None
        if not good:
            raise ValueError("url is not a URL such as https://example.net/hook")
        _ = self.filter

    @property
    def filter(self) -> Filter:
        """Raises ValueError: an AS number or a prefix is none."""
        return Filter(
            frozenset(parse_asn(str(each)) for each in self.asn),
            frozenset(map(Prefix.parse, self.prefix)),
            frozenset(each.upper() for each in self.country),
            frozenset(map(str, self.state)),
            frozenset(map(str, self.kind)),
        )

    @property
    def label(self) -> str:
        return self.name or URL(self.url).host or "webhook"

    def secret(self, folder: Path) -> bytes:
        """Read the secret. A relative path is relative to ``folder``.

        Raises:
            SettingsError: it is not there, or too short to be one.
        """
        if self.secret_env:
            place, found = f"environment variable {self.secret_env}", b""
            found = os.environb.get(os.fsencode(self.secret_env), b"")
        else:
            place = str(folder / self.secret_file)
            try:
                found = Path(place).read_bytes()
            except OSError as error:
                raise SettingsError(
                    f"webhook {self.label}: {place}: {error.strerror}; it must hold the secret"
                ) from None
        found = found.strip()
        if len(found) < LEAST_SECRET_BYTES:
            raise SettingsError(
                f"webhook {self.label}: {place} holds no secret of at least {LEAST_SECRET_BYTES} "
                "bytes; make one with: openssl rand -hex 32"
            )
        return found


class Webhook:
    """One receiver: what waits for it, and how its deliveries went."""

    def __init__(
        self,
        settings: WebhookSettings,
        secret: bytes,
        name: str = "",
        backoff: Backoff | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.name = name or settings.label
        self._settings, self._secret, self._clock = settings, secret, clock
        self._asked = settings.filter
        self._backoff = backoff or Backoff(longest_seconds=settings.longest_pause_seconds)
        self._queue: deque[Entry] = deque()
        self._sending: list[Entry] = []
        """The delivery under way: taken from the queue."""
        self._some = asyncio.Event()
        self._lost: Place | None = None
        """The last event that was dropped since the last delivery began."""
        self.failures = 0
        """Attempts that failed since the last that did not."""
        self.attempts_total: dict[str, int] = {"taken": 0, "failed": 0}
        self.delivered_total = 0
        self.dropped_total: dict[str, int] = {"queue-full": 0, "gave-up": 0}
        self.last_error = ""

    @property
    def waiting(self) -> int:
        """Events that are not delivered yet."""
        return len(self._queue) + len(self._sending)

    def take(self, batch: Batch) -> None:
        """Put what is wanted of a batch into the queue; drop the oldest of what is too much."""
        wanted = batch.wanted(self._asked)
        if not wanted:
            return
        self._queue.extend(wanted)
        over = max(0, len(self._queue) - self._settings.queue_events)
        self._drop([self._queue.popleft() for _ in range(over)], "queue-full")
        self._some.set()

    def _drop(self, entries: Sequence[Entry], why: str) -> None:
        if not entries:
            return
        log.error("webhook events dropped", webhook=self.name, events=len(entries), reason=why)
        self.dropped_total[why] += len(entries)
        last = entries[-1].place
        self._lost = last if self._lost is None else max(self._lost, last)

    async def run(self, session: aiohttp.ClientSession) -> NoReturn:
        """Deliver what is taken, until cancelled."""
        while True:
            await self._some.wait()
            self._some.clear()
            while self._queue:
                count = min(len(self._queue), MOST_EVENTS)
                self._sending = [self._queue.popleft() for _ in range(count)]
                await self._deliver(session)
                self._sending = []

    async def _deliver(self, session: aiohttp.ClientSession) -> None:
        """Send some events until they are taken, or given up."""
        body, delivery = self._body(self._sending, self._lost)
        self._lost = None
        until = self._sending[0].created + self._settings.give_up_hours * _HOUR
        while True:
            problem, pause = await self._attempt(session, body, delivery)
            if not problem:
                break
            self.failures += 1
            self.attempts_total["failed"] += 1
            if problem != self.last_error:
                log.warning("webhook failed", webhook=self.name, problem=problem)
            self.last_error = problem
            if self._clock() >= until:
                self._drop(self._sending, "gave-up")
                return
            await asyncio.sleep(max(pause, self._backoff.delay(self.failures)))
        if self.failures:
            log.info("webhook recovered", webhook=self.name, attempts=self.failures + 1)
        self.failures, self.last_error = 0, ""
        self.attempts_total["taken"] += 1
        self.delivered_total += len(self._sending)

    def _body(self, entries: Sequence[Entry], lost: Place | None) -> tuple[bytes, str]:
        """The delivery, and its id: no two deliveries of a webhook have the same one."""
        gaps = [gap(lost, NOT_DELIVERED)] if lost is not None else []
        events = b",".join((*gaps, *(each.json for each in entries)))
        identity = f"{self.name} {entries[0].place} {entries[-1].place}".encode()
        delivery = hashlib.sha256(identity).hexdigest()[:32]
        head = msgspec.json.encode({"delivery": delivery, "webhook": self.name})
        return head[:-1] + b',"events":[' + events + b"]}", delivery

    async def _attempt(
        self, session: aiohttp.ClientSession, body: bytes, delivery: str
    ) -> tuple[str, float]:
        """Send once. What went wrong ("": nothing), and how long the receiver wants to be left."""
        stamp = str(int(self._clock()))
        signed = hmac.new(self._secret, stamp.encode() + b"." + body, hashlib.sha256)
        headers = {
            "Content-Type": "application/json",
            "X-Originsight-Delivery": delivery,
            "X-Originsight-Timestamp": stamp,
            "X-Originsight-Signature": f"sha256={signed.hexdigest()}",
        }
        try:
            async with session.post(
                self._settings.url,
                data=body,
                headers=headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=self._settings.timeout_seconds),
            ) as answer:
                if HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
                    return "", 0.0
                return f"answered {answer.status}", _retry_after(answer.headers)
        except TimeoutError:
            return f"no answer within {self._settings.timeout_seconds:g} s", 0.0
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return _without_url(error), 0.0


class Webhooks:
    """All receivers. :meth:`run` must run for anything to be delivered."""

    def __init__(self, webhooks: Sequence[Webhook]) -> None:
        self.all = tuple(webhooks)
        self._batches: deque[Batch] = deque()
        self._some = asyncio.Event()

    @classmethod
    def open(cls, settings: Iterable[WebhookSettings], folder: Path) -> Webhooks:
        """The webhooks of the settings, with their secrets and a name each.

        Raises:
            SettingsError: a secret is not there.
        """
        opened: list[Webhook] = []
        names: dict[str, int] = {}
        for each in settings:
            names[each.label] = number = names.get(each.label, 0) + 1
            name = each.label if number == 1 else f"{each.label} {number}"
            opened.append(Webhook(each, each.secret(folder), name))
        return cls(opened)

    def take(self, batch: Batch) -> None:
        """Listen to the watch."""
        if self.all:
            self._batches.append(batch)
            self._some.set()

    async def run(self) -> None:
        """Deliver until cancelled."""
        session = aiohttp.ClientSession(
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": user_agent()},
            trust_env=True,
        )
        try:
            async with session, asyncio.TaskGroup() as tasks:
                for each in self.all:
                    tasks.create_task(each.run(session), name=f"webhook {each.name}")
                tasks.create_task(self._hand_out(), name="webhooks")
        finally:
            for each in self.all:
                if each.waiting:
                    log.warning("webhook stops", webhook=each.name, undelivered=each.waiting)

    async def _hand_out(self) -> NoReturn:
        """Choosing from a large batch takes milliseconds: one webhook in a turn of the loop."""
        while True:
            await self._some.wait()
            self._some.clear()
            while self._batches:
                batch = self._batches.popleft()
                for each in self.all:
                    each.take(batch)
                    await asyncio.sleep(0)


def _retry_after(headers: Any) -> float:
    """What a receiver asks for in seconds (RFC 9110 section 10.2.3); dates are not read."""
    given = headers.get("Retry-After", "")
    plain = given.isascii() and given.isdigit() and len(given) <= 9
    return min(float(given), _LONGEST_RETRY_AFTER) if plain else 0.0


def _without_url(error: Exception) -> str:
    """What went wrong, in words that cannot hold the URL."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return "its certificate is not trusted"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "its name is not found"
    if isinstance(error, OSError) and error.errno is not None and error.errno > 0:
        return os.strerror(error.errno).lower()
    return type(error).__name__

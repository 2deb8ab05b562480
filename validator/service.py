"""The running service: everything built, started, signalled and shut down in one place.

One task group holds the pipeline and a watch on the event loop; the HTTP server runs beside it. A
failure that we did not foresee ends the service, loudly. Inputs that fail do not: the service then
keeps the snapshot it has, or says 503 and why until there is one.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import structlog

from collectors.bmp import Bmp
from collectors.mrt_updates import MrtUpdates
from collectors.ris_live import RisLive
from collectors.rtr import RtrCollector
from validator import metrics
from validator.events.webhooks import Webhooks
from validator.formats.vrp_deltas import DeltaHistory
from validator.history.following import History
from validator.history.moments import Moments
from validator.inputs.live import Live
from validator.kernels import core as kernels
from validator.metrics.events import EventCollector
from validator.metrics.history import HistoryCollector
from validator.metrics.reports import ScheduledReportCollector
from validator.milestone_inputs import Milestones
from validator.pages.own_map import OwnMap
from validator.pipeline import Pipeline
from validator.priority import give_way
from validator.reports.writing import Basis, Schedule
from validator.settings.file import Settings
from validator.watch import Watch
from validator.web.app import make_app
from validator.web.front import Front
from validator.web.landing import greeting
from validator.web.scheduled_reports import unknown_groups
from validator.web.streams import Streams
from validator.web.targets import problem

log = structlog.get_logger()

_SWITCH_SECONDS = 0.001


def run(
    settings: Settings,
    listen: tuple[str, int],
    ready: Callable[[str], None] = lambda _: None,
    greet: Callable[[str], None] = lambda _: None,
) -> None:
    """Serve until told to stop, on uvloop where it is installed."""
    try:
        import uvloop  # noqa: PLC0415 - a faster loop if there is one, not a need
    except ImportError:
        factory = None
    else:
        factory = uvloop.new_event_loop
    # The event loop waits at most this long for a thread that computes (CPython's default: 5 ms).
    sys.setswitchinterval(_SWITCH_SECONDS)
    kernels.ready_all()
    # What has been imported stays: a collection that walks it all holds everything for 100 ms.
    gc.collect()
    gc.freeze()
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(serve(settings, listen=listen, ready=ready, greet=greet))


async def serve(
    settings: Settings,
    *,
    listen: tuple[str, int],
    ready: Callable[[str], None] = lambda _: None,
    greet: Callable[[str], None] = lambda _: None,
) -> None:
    """Serve until SIGTERM or SIGINT; SIGHUP looks at the inputs, and the certificate, at once.

    ``listen`` is host and port, port 0 any free one; ``ready`` is told the URL as soon as the
    socket listens, which is before there is a snapshot; ``greet`` is given a few lines for a
    person when there is one.

    Raises:
        SettingsError: the address cannot be listened on, or the certificate is not good.
    """
    asyncio.get_running_loop().set_default_executor(
        ThreadPoolExecutor(thread_name_prefix="work", initializer=give_way)
    )
    webhooks = Webhooks.open(settings.webhooks, settings.folder)
    figures = History.open(settings.history, settings.folder)
    milestones = Milestones(settings.milestone_sources)
    own_map = OwnMap(settings.map_file, settings.pages.map_credit)
    async with Pipeline(settings, live_sources(settings)) as pipeline:
        measured = metrics.build(pipeline, settings.metrics, settings.folder)
        watch = Watch(settings.events.keep)
        streams = Streams(watch.log, settings.events.max_streams)
        history = DeltaHistory()
        watch.listeners += [streams.take, webhooks.take]
        watch.wanted = lambda: bool(settings.webhooks) or streams.following > 0
        measured.registry.register(EventCollector(watch, streams, webhooks))
        if figures:
            measured.registry.register(HistoryCollector(figures))
        moments = Moments(figures.tables, pipeline) if figures else None
        schedule = _schedule(settings, figures, moments, milestones, own_map)
        if schedule:
            measured.registry.register(ScheduledReportCollector(schedule))

        def reload() -> None:
            front.reload()
            pipeline.ask_reload()
            milestones.ask()
            own_map.ask()

        app = make_app(
            pipeline,
            measured,
            sample=settings.sample,
            streams=streams,
            history=history,
            http=settings.http,
            reload=reload,
            rules=settings.rules,
            past=figures.reader if figures else None,
            moments=moments,
            writing=figures,
            targets=settings.targets,
            milestones=milestones,
            own_map=own_map,
            schedule=schedule,
        )
        front = Front(app, settings.http, settings.folder)
        stop = asyncio.Event()
        try:
            with _signals(stop, reload):
                url = await front.open(*listen)
                log.info("listening", url=url, sample=settings.sample)
                ready(url)
                async with asyncio.TaskGroup() as tasks:
                    running = [
                        tasks.create_task(pipeline.run(), name="pipeline"),
                        tasks.create_task(front.watch(), name="connections"),
                        tasks.create_task(measured.loop_lag.watch(), name="loop lag"),
                        tasks.create_task(_greet(pipeline, url, greet), name="greeting"),
                        tasks.create_task(watch.run(pipeline), name="watch"),
                        tasks.create_task(history.follow(pipeline), name="VRP history"),
                        tasks.create_task(streams.run(), name="event streams"),
                        tasks.create_task(webhooks.run(), name="webhooks"),
                        tasks.create_task(measured.networks.run(pipeline), name="networks file"),
                        tasks.create_task(_judge(pipeline, settings), name="targets"),
                        tasks.create_task(
                            milestones.follow(
                                settings.cache_folder,
                                settings.fetch_limits,
                                settings.reload_seconds,
                            ),
                            name="milestones",
                        ),
                        tasks.create_task(own_map.follow(settings.reload_seconds), name="map"),
                    ]
                    if figures:
                        running.append(tasks.create_task(figures.follow(pipeline), name="history"))
                    if schedule:
                        running.append(tasks.create_task(schedule.follow(pipeline), name="reports"))
                    await stop.wait()
                    log.info("stopping")
                    streams.close()  # they would never end by themselves
                    history.close()
                    # Requests under way are answered from the snapshot there is.
                    await front.close()
                    for task in running:
                        task.cancel()
        finally:
            await front.close()


def live_sources(settings: Settings) -> list[Live]:
    """The live collectors that the settings ask for.

    Raises:
        SettingsError: one of them cannot run here, or what it is told makes no sense.
    """
    found = []
    for number, rtr in enumerate(settings.rtr):
        name = rtr.caches[0].name if len(settings.rtr) == 1 else f"{number}:{rtr.caches[0].name}"
        collector = RtrCollector(rtr, name)
        found.append(Live("rtr", name, collector, True, rtr.expire_seconds))
    patience = settings.freshness.max_stale_seconds
    for bmp in settings.bmp:
        found.append(Live("bmp", f"bmp:{bmp.listen}", Bmp(bmp), max_stale_seconds=patience))
    for ris in settings.subscriptions:
        options = settings.read_options(ris, as_of=0)
        follower = RisLive(ris, settings.cache_folder, options, settings.fetch_limits)
        name = f"ris:{','.join(ris.hosts)}"
        found.append(Live("ris_live", name, follower, max_stale_seconds=patience))
    for replay in settings.replays:
        options = settings.read_options(replay, as_of=0)
        updates = MrtUpdates(replay, settings.cache_folder, options, settings.fetch_limits)
        name = f"updates:{replay.vantage}"
        found.append(Live("mrt_updates", name, updates, max_stale_seconds=patience))
    return found


async def _greet(pipeline: Pipeline, url: str, greet: Callable[[str], None]) -> None:
    snapshot = await pipeline.published(0)
    greet(await asyncio.to_thread(greeting, url, snapshot))


async def _judge(pipeline: Pipeline, settings: Settings) -> None:
    """Say once which targets cannot be followed, and which groups that reports are scheduled of
    there are not; ``/api/v1/targets`` and ``/api/v1/reports`` say so at any time."""
    snapshot = await pipeline.published(0)
    for each in settings.targets:
        if why := problem(snapshot, each):
            log.warning("target not known", scheme=each.scheme, group=each.group, problem=why)
    for scheme, group, why in unknown_groups(snapshot, settings.reports):
        log.warning("scheduled report not known", scheme=scheme, group=group, problem=why)


def _schedule(
    settings: Settings, history: History | None, moments: Moments | None, milestones: Milestones,
    own_map: OwnMap,
) -> Schedule | None:  # fmt: skip
    """The reports that are written by themselves; None if there are none.

    Raises:
        SettingsError: what writes one of their forms is not installed.
    """
    if not settings.reports or history is None or moments is None:
        return None
    basis = Basis(settings.rules, settings.targets, lambda: milestones.listed.milestones,
                  lambda: own_map.in_use)  # fmt: skip
    made = Schedule(settings.reports, settings.folder, history.reader, moments, basis)
    made.check()
    return made


@contextlib.contextmanager
def _signals(stop: asyncio.Event, reload: Callable[[], None]) -> Iterator[None]:
    """What signals mean while the service runs."""
    loop = asyncio.get_running_loop()
    meanings = {signal.SIGTERM: stop.set, signal.SIGINT: stop.set, signal.SIGHUP: reload}
    for number, action in meanings.items():
        loop.add_signal_handler(number, action)
    try:
        yield
    finally:
        for number in meanings:
            loop.remove_signal_handler(number)

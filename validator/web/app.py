"""The faces put together into one aiohttp application.

Routes are made from what the faces declare (:mod:`validator.web.contract`), and nothing else is
served. No cookies, no state but what is kept for a snapshot. While the data are a sample, every
response says so in a header, whatever else it says.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from aiohttp import web

from validator.events.log import EventLog
from validator.feed import Feed
from validator.formats.vrp_deltas import DeltaHistory
from validator.history.moments import Moments
from validator.history.reading import Reader
from validator.metrics import Metrics
from validator.metrics.history import Writing
from validator.milestone_inputs import Milestones
from validator.pages.own_map import OwnMap
from validator.reports.writing import Schedule
from validator.settings.http import HttpSettings
from validator.tables.announced import AnnouncedRules
from validator.targets.progress import TargetSettings
from validator.web import cors
from validator.web.access import Access
from validator.web.addresses import AddressFace
from validator.web.admin import AdminFace
from validator.web.answers import SAMPLE_HEADER
from validator.web.bulk import BulkFace, BulkLimits, Jobs
from validator.web.change import ChangeFace
from validator.web.contract import CONTRACT, Contract, Face
from validator.web.coverage import CoverageFace
from validator.web.dialects import DialectFace
from validator.web.docs_page import DescriptionFace
from validator.web.embeds import EmbedFace
from validator.web.events import EventFace
from validator.web.explain import ExplainFace
from validator.web.exposition import MetricsFace
from validator.web.feeds import FeedFace
from validator.web.groups import GroupFace
from validator.web.history import HistoryFace
from validator.web.landing import LandingFace
from validator.web.middleware import middleware
from validator.web.networks import NetworkFace
from validator.web.pages import PagesFace
from validator.web.past_tables import PastTablesFace
from validator.web.plan import PlanFace
from validator.web.prefixes import PrefixFace
from validator.web.probe import ProbeFace
from validator.web.reports import ReportFace
from validator.web.ripestat import RipestatFace
from validator.web.ripestat_history import RipestatHistoryFace
from validator.web.scheduled_reports import ScheduledFace
from validator.web.status import StatusFace
from validator.web.streams import Streams
from validator.web.targets import MilestoneFace, TargetFace
from validator.web.validity import MOST_BYTES, ValidityFace
from validator.web.visibility import VisibilityFace
from validator.web.vrp_lists import VrpListFace
from validator.web.what_if import WhatIfFace


def make_app(
    feed: Feed,
    metrics: Metrics,
    *,
    sample: bool,
    streams: Streams | None = None,
    history: DeltaHistory | None = None,
    http: HttpSettings | None = None,
    reload: Callable[[], None] | None = None,
    rules: AnnouncedRules | None = None,
    past: Reader | None = None,
    targets: Sequence[TargetSettings] = (),
    milestones: Milestones | None = None,
    moments: Moments | None = None,
    writing: Writing | None = None,
    own_map: OwnMap | None = None,
    schedule: Schedule | None = None,
) -> web.Application:
    """An application over ``feed``. ``sample`` as in the settings: known before any snapshot.
    ``streams``: of events; by default of none. ``history``: of the VRPs; by default it knows what
    requests have seen. ``reload`` looks at the inputs again. ``rules``: what counts as announced,
    of routes that are supposed. ``past``: the figures of earlier days, if they are kept.
    ``targets`` of groups; ``milestones``: by default ours. ``moments``: snapshots of earlier days,
    if their tables are kept; ``writing``: how the writing of both does;
    ``own_map``: the user's own; ``schedule``: reports that are written by themselves."""
    http = http or HttpSettings()
    milestones = milestones or Milestones()
    jobs = Jobs(BulkLimits(jobs=http.max_bulk_jobs))
    app = web.Application(middlewares=[middleware(metrics.requests)], client_max_size=MOST_BYTES)
    description = DescriptionFace(sample=sample)
    pages = PagesFace(feed, sample, past, moments, targets, milestones, own_map)
    faces: tuple[Face, ...] = (
        ValidityFace(feed, jobs, moments),
        BulkFace(feed, jobs, moments),
        CoverageFace(feed, past, moments),
        *((PastTablesFace(moments), RipestatHistoryFace(moments)) if moments else ()),
        *((HistoryFace(past, sample, targets, milestones),) if past else ()),
        *((ChangeFace(feed, moments),) if moments else ()),
        TargetFace(feed, past, targets, sample),
        MilestoneFace(milestones, sample),
        GroupFace(feed, moments, past),
        DialectFace(feed, moments),
        VisibilityFace(feed, moments),
        NetworkFace(feed, moments),
        PrefixFace(feed, moments),
        AddressFace(feed, moments),
        ExplainFace(feed, moments),
        WhatIfFace(feed, rules) if rules else WhatIfFace(feed),
        PlanFace(feed, moments),
        EventFace(feed, streams or Streams(EventLog(0))),
        VrpListFace(feed, history or DeltaHistory()),
        RipestatFace(feed, moments),
        StatusFace(feed, sample, writing, schedule, own_map),
        AdminFace(feed, sample, reload or (lambda: None)),
        MetricsFace(metrics.registry, metrics.networks),
        ProbeFace(feed),
        LandingFace(feed, sample),
        pages,
        EmbedFace(pages.maker),
        ReportFace(feed, pages.maker, moments, rules),
        ScheduledFace(feed, sample, schedule, pages.maker),
        FeedFace(feed, past, schedule, targets, milestones, http.public_url),
        description,
    )
    contract = Contract(each for face in faces for each in face.operations())
    at_the_door = {401: bool(http.tokens), 429: http.requests_per_second > 0}
    description.describe(contract, [status for status, may_be in at_the_door.items() if may_be])
    app[CONTRACT] = contract
    app.add_routes([each.route for each in contract.operations])
    if http.cors_origins:
        app.on_response_prepare.append(cors.allow(http.cors_origins))
    if sample:
        app.on_response_prepare.append(_say_sample)
    Access(http).install(app)
    return app


async def _say_sample(_: web.Request, response: web.StreamResponse) -> None:
    response.headers[SAMPLE_HEADER] = "1"

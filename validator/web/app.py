"""The faces put together into one aiohttp application.

No CORS, no cookies, no state but what is kept for a snapshot. While the data are a sample, every
response says so in a header, whatever else it says.
"""

from __future__ import annotations

from aiohttp import web

from validator.feed import Feed
from validator.metrics import Metrics
from validator.web.addresses import AddressFace
from validator.web.answers import SAMPLE_HEADER, middleware
from validator.web.coverage import CoverageFace
from validator.web.exposition import MetricsFace
from validator.web.landing import LandingFace
from validator.web.networks import NetworkFace
from validator.web.status import StatusFace
from validator.web.validity import MOST_BYTES, ValidityFace


def make_app(feed: Feed, metrics: Metrics, *, sample: bool) -> web.Application:
    """An application over ``feed``. ``sample`` as in the settings: known before any snapshot."""
    app = web.Application(middlewares=[middleware(metrics.requests)], client_max_size=MOST_BYTES)
    for face in (
        ValidityFace(feed),
        CoverageFace(feed),
        NetworkFace(feed),
        AddressFace(feed),
        StatusFace(feed, sample),
        MetricsFace(metrics.registry),
        LandingFace(feed, sample),
    ):
        app.add_routes(face.routes())
    if sample:
        app.on_response_prepare.append(_say_sample)
    return app


async def _say_sample(_: web.Request, response: web.StreamResponse) -> None:
    response.headers[SAMPLE_HEADER] = "1"

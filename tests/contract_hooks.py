"""What schemathesis is told besides the document, when it is run over the service.

A schema cannot say everything that makes a request a good one. The few rules it cannot say are
here, each with the operation and a part of the refusal that it must be answered with: only where
the service says so itself may it refuse what fits the schema.
"""

from __future__ import annotations

from typing import Any

import schemathesis
from schemathesis import Case, CheckContext, DeserializationContext, Response
from schemathesis.specs.openapi.checks import positive_data_acceptance

HOST_BITS = "has bits set beyond its length"
POINT = "Expected `int | str`, got `float`"  # 1.0 is an integer to JSON Schema, and not to us
UNSAID = {
    "/validity": (HOST_BITS, POINT),
    "/api/v1/coverage": ("is always by", "min_peers and at do not go together"),
    "/api/v1/coverage/{scheme}/{group}": ("is always by",),
    "/api/v1/dialects/{scheme}/{group}": ("is always by",),
    "/api/v1/plan/{scheme}/{group}": ("is always by",),
    "/api/v1/plan/{scheme}/{group}/countries": ("add up only by address",),
    "/api/v1/history/{scheme}/{group}": ("is after to=",),
    "/compare": ("is after to=",),
    "/chart/compare/{picture}.svg": ("is after to=",),
    "/api/v1/past/vrps": ("name a prefix", "is after to="),
    "/api/v1/past/routes": ("name a prefix", "is after to="),
    "/api/v1/change/{scheme}/{group}": ("is always by", "is after to="),
    "/api/v1/report/{scheme}/{group}": ("is not before to=", "is the group itself"),
    "/api/v1/targets/{scheme}/{group}": ("value and year go together",),
    "/api/v1/milestones": ("is after to=",),
    "/api/v1/asn/{asn}/routes": (HOST_BITS,),
    "/api/v1/validity": ("must name the columns asn and prefix",),
    "/api/v1/what-if": (
        HOST_BITS,
        POINT,
        "is in vrps.add too",
        "is in routes.announce too",
        "max_length",
    ),
    "/json-delta": ("session and serial go together",),
    "/json-delta/notify": ("session and serial go together",),
    **{
        f"/{form}": (HOST_BITS,)
        for form in ("json", "jsonext", "csv", "csvcompat", "openbgpd", "bird1", "bird2", "rpsl")
    },
}


@schemathesis.check
def accepted_or_told_what_the_schema_cannot_say(
    ctx: CheckContext, response: Response, case: Case[Any]
) -> bool | None:
    """``positive_data_acceptance``, less the rules above."""
    if response.status_code == 400:
        said = response.text
        if any(rule in said for rule in UNSAID.get(case.operation.path, ())):
            return None
    return positive_data_acceptance(ctx, response, case)


@schemathesis.deserializer(
    "text/csv", "text/plain", "application/x-ndjson", "application/openmetrics-text"
)
def text(_: DeserializationContext, response: Response) -> Any:
    return response.text

"""``originsight plan --server URL``: a plan as a running service has it, printed as
:mod:`validator.plan_command` prints it from files. No compiled kernel is loaded for this."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from validator import plan_text
from validator.plan_text import CountryPlanOut, PlanOut
from validator.printing import SAMPLE_NOTICE, open_output
from validator.remote import Server, decoded, text_of


def show_plan(server: Server, asked: Mapping[str, Any], form: str, output: Path | None) -> None:
    """``asked``: ``scheme``, ``group``, whether ``countries``, and the arguments of the query."""
    where = f"/api/v1/plan/{quote(asked['scheme'], '')}/{quote(asked['group'], '')}"
    countries = bool(asked.get("countries"))
    arguments = {
        name: value
        for name, value in asked.items()
        if name not in ("scheme", "group", "countries") and value is not None
    }
    query = urlencode({**arguments, "format": "csv" if form == "csv" else "json"})
    path = f"{where}{'/countries' if countries else ''}?{query}"
    accept = "text/csv" if form == "csv" else "application/json"
    content, sample = server.get(path, accept)
    kind = CountryPlanOut if countries else PlanOut
    plan = None if form == "csv" else decoded(server, content, kind)
    with open_output(output) as out:
        if form == "json":
            out.write(content.decode() + "\n")
            return
        if sample:
            out.write(f"# {SAMPLE_NOTICE}\n")
        if plan is None:
            out.write(text_of(server, content))
        elif isinstance(plan, CountryPlanOut):
            plan_text.print_countries(out, plan)
        else:
            plan_text.print_plan(out, plan)

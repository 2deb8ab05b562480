"""``originsight plan --server URL``: a plan as a running service has it, printed as
:mod:`validator.cli.plan_command` prints it from files. No compiled kernel is loaded for this."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from validator.cli.remote import Server, show_group
from validator.planning.text import CountryPlanOut, PlanOut, print_countries, print_plan


def show_plan(server: Server, asked: Mapping[str, Any], form: str, output: Path | None) -> None:
    """``asked``: ``scheme``, ``group``, whether ``countries``, and the arguments of the query."""
    path = "/api/v1/plan/{scheme}/{group}"
    arguments = {name: value for name, value in asked.items() if name != "countries"}
    if asked.get("countries"):
        path += "/countries"
        show_group(server, path, arguments, CountryPlanOut, print_countries, form, output)
    else:
        show_group(server, path, arguments, PlanOut, print_plan, form, output)

"""``originsight plan`` from files: who could raise coverage, without a service."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from validator.cli.commands import Sources, describe, measured, steps
from validator.groupings import Scheme
from validator.model import SettingsError
from validator.planning import text as plan_text
from validator.planning.text import CountryPlanOut
from validator.printing import SAMPLE_NOTICE, open_output
from validator.web.answers import Refusal
from validator.web.plan import PLAN_NAMES, answer, parse


def show_plan(
    sources: Sources, asked: Mapping[str, Any], form: str, output: Path | None, **reading: Any
) -> None:
    """``asked``: ``scheme``, ``group``, whether ``countries``, and what the query of
    ``/api/v1/plan/{scheme}/{group}`` takes, each as the command line has it, or None.

    Raises:
        SettingsError: there is no such scheme or group, or an argument is not allowed.
    """
    _check(asked)
    scheme, countries = asked["scheme"], bool(asked.get("countries"))
    with steps(reading["quiet"]) as step:
        beside = [Scheme.COUNTRY] if countries else []
        snapshot, _ = measured(sources, "--scheme", scheme, asked, step, beside, **reading)
        step("planning")
        given = {
            name: str(value)
            for name, value in asked.items()
            if name not in ("scheme", "group", "countries", "min_peers") and value is not None
        }
        try:
            plan = answer(
                snapshot, parse(snapshot, scheme, asked["group"], given, countries=countries)
            )
        except Refusal as error:
            raise SettingsError(error.message) from None
    with open_output(output) as out:
        if form == "json":
            document = {
                **msgspec.structs.asdict(plan),
                "inputs": [describe(report) for report in snapshot.inputs],
            }
            out.write(msgspec.json.encode(document).decode() + "\n")
            return
        if snapshot.sample:
            out.write(f"# {SAMPLE_NOTICE}\n")
        if form == "csv":
            plan_text.write_csv(out, plan, roas=asked.get("list") == "roas")
        elif isinstance(plan, CountryPlanOut):
            plan_text.print_countries(out, plan)
        else:
            plan_text.print_plan(out, plan)


def _check(asked: Mapping[str, Any]) -> None:
    """That nothing is asked of countries that is about networks, nor the other way.

    Raises:
        SettingsError: it is.
    """
    others, why = (PLAN_NAMES, "not") if asked.get("countries") else (("share",), "only")
    for name in others:
        if asked.get(name) is not None:
            raise SettingsError(f"--{name} goes {why} with --countries")

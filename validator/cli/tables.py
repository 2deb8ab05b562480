"""What is said of tables of routes: validate, coverage, dialects, plan, export."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from validator.cli.options import (
    SOURCE,
    asking,
    counted,
    counting,
    explained,
    how,
    no_files,
    of_group,
)
from validator.cli.options import reading as reads
from validator.model import Prefix, parse_asn


@click.command()
@click.argument("prefix", required=False)
@click.argument("asn", required=False)
@click.option("--vrps", multiple=True, metavar="SOURCE", help=f"VRP export. {SOURCE}")
@click.option(
    "--routes",
    multiple=True,
    metavar="SOURCE",
    help=f"Routes: an MRT RIB, a pyasn database or a list. {SOURCE}",
)
@click.option("--slurm", multiple=True, metavar="FILE", help="Local exceptions (RFC 8416).")
@click.option("--summary", is_flag=True, help="Only counts.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "csv", "ndjson", "json", "text"]),
    help="How to print.",
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write to this file.")
@reads
@asking
def validate(
    prefix: str | None,
    asn: str | None,
    vrps: tuple[str, ...],
    routes: tuple[str, ...],
    slurm: tuple[str, ...],
    summary: bool,
    form: str | None,
    output: Path | None,
    server: str | None,
    token: str | None,
    **reading: Any,
) -> None:
    """Validate a table of routes, or explain one route: PREFIX ASN."""
    with explained():
        if server is not None:
            no_files(vrps=vrps, routes=routes, slurm=slurm, **how(reading))
            if prefix is None or asn is None or summary:
                raise click.UsageError("with --server, give PREFIX and ASN")
            if form not in (None, "text", "json"):
                raise click.UsageError("one route is shown as text or json")
            from validator.cli import remote  # noqa: PLC0415

            asked = remote.Server(server, token, quiet=reading["quiet"])
            remote.explain_one(asked, _parse_route(prefix, asn), form or "text", output)
            return
        if not vrps:
            raise click.UsageError("Missing option '--vrps' (or '--server').")
        from validator.cli import commands  # noqa: PLC0415 - compiled kernels load only when needed

        if prefix is not None:
            if asn is None or routes or summary:
                raise click.UsageError("give PREFIX and ASN alone, or --routes")
            if form not in (None, "text", "json"):
                raise click.UsageError("one route is shown as text or json")
            route = _parse_route(prefix, asn)
            commands.explain_one(
                route, _sources(vrps=vrps, slurm=slurm), form or "text", output, **reading
            )
            return
        if not routes:
            raise click.UsageError("give --routes SOURCE, or PREFIX and ASN")
        if form == "text":
            raise click.UsageError(
                "text is for one route: a table is shown as table, csv, ndjson or json"
            )
        sources = _sources(vrps=vrps, slurm=slurm, routes=routes)
        commands.validate_table(sources, summary, form or "table", output, **reading)


@click.command()
@click.option(
    "--by",
    required=True,
    metavar="SCHEME",
    help="What to group by: asn, country, rir, m49-region, ldc, sids, income, custom-NAME, …",
)
@click.option("--family", type=click.Choice(["ipv4", "ipv6"]), help="Only this family.")
@click.option(
    "--sort",
    type=click.Choice(["space", "routes", "valid_share", "coverage", "group"]),
    default="space",
    show_default=True,
    help="What comes first.",
)
@counting
def coverage(**asked: Any) -> None:
    """How well networks, countries, registries' service regions or classes are protected."""
    with counted(asked) as given:
        if given.service is not None:
            from validator.cli import remote  # noqa: PLC0415

            remote.show_coverage(given.service, asked, given.form, given.output)
        else:
            from validator.cli import commands  # noqa: PLC0415

            commands.show_coverage(given.sources, asked, given.form, given.output, **given.reading)


@click.command()
@click.option("--scheme", required=True, help="What it is a group of: asn, country, rir, ldc, …")
@click.option("--group", required=True, help="The group: AS64496, NL, ripencc, …")
@counting
def dialects(**asked: Any) -> None:
    """One group in the figures of RIPE NCC, NRO, NIST, MANRS and Cloudflare Radar, side by side."""
    with counted(asked, files_only=("min_peers",)) as given:
        if given.service is not None:
            from validator.cli import remote  # noqa: PLC0415

            remote.show_dialects(given.service, asked, given.form, given.output)
        else:
            from validator.cli import commands  # noqa: PLC0415

            commands.show_dialects(given.sources, asked, given.form, given.output, **given.reading)


@click.command()
@of_group
@click.option(
    "--countries", is_flag=True, help="Which countries of a class would move its figure most."
)
@click.option("--family", type=click.Choice(["ipv4", "ipv6"]), help="Default ipv4.")
@click.option("--measure", type=click.Choice(["routes", "space"]), help="Default routes.")
@click.option(
    "--by",
    type=click.Choice(["origin", "holder"]),
    help="Who is to act: networks (default), or holders of address blocks.",
)
@click.option("--top", type=click.IntRange(0, 1000), help="How many to list (default 20).")
@click.option("--roas", type=click.IntRange(0, 1000), help="ROAs to list of each (default 20).")
@click.option("--list", type=click.Choice(["doers", "roas"]), help="What a CSV has a line for.")
@click.option("--share", metavar="SHARE", help="With --countries: the share each is to reach.")
@counting
def plan(**asked: Any) -> None:
    """Who could raise the valid share of a group, and with which ROAs."""
    with counted(asked, files_only=("min_peers",)) as given:
        if given.service is not None:
            from validator.cli import plan_remote  # noqa: PLC0415

            del asked["min_peers"]
            plan_remote.show_plan(given.service, asked, given.form, given.output)
        else:
            from validator.cli import plan_command  # noqa: PLC0415

            plan_command.show_plan(given.sources, asked, given.form, given.output, **given.reading)


@click.command()
@click.option(
    "--format",
    type=click.Choice(["pyasn"]),
    required=True,
    expose_value=False,
    help="What to write: a pyasn database (one origin for each prefix, the one most peers see).",
)
@click.option(
    "--routes",
    multiple=True,
    required=True,
    metavar="SOURCE",
    help=f"Routes: an MRT RIB, a pyasn database or a list. {SOURCE}",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Write to this file, gzipped if it ends in .gz.",
)
@reads
def export(routes: tuple[str, ...], output: Path | None, **reading: Any) -> None:
    """Write a table of routes in a form that other programs read."""
    from validator.cli import commands  # noqa: PLC0415

    with explained():
        commands.export_pyasn(
            _sources(routes=routes), None if output == Path("-") else output, **reading
        )


def _sources(**given: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    return given


def _parse_route(prefix: str, asn: str) -> tuple[Prefix, int]:
    try:
        return Prefix.parse(prefix), parse_asn(asn)
    except ValueError as error:
        raise click.UsageError(str(error)) from None

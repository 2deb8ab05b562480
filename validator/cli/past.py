"""What is kept of past days, and what follows from it: history, target, change."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from validator.cli.options import (
    ATTRIBUTION,
    asking,
    day,
    explained,
    no_files,
    of_group,
    printing,
)


@click.group()
def history() -> None:
    """The figures of past days: the files that a service with [history] folder writes."""


_HISTORY = click.argument("folder", type=click.Path(path_type=Path, file_okay=False, exists=True))


@history.command("compact")
@_HISTORY
@click.argument("year", type=click.IntRange(2000, 9999))
def history_compact(folder: Path, year: int) -> None:
    """Put the finished days of YEAR into the files of the year: figures, and tables."""
    from validator.history.compacting import compact  # noqa: PLC0415
    from validator.history.folder import Folder  # noqa: PLC0415
    from validator.history.tables import Tables  # noqa: PLC0415

    with explained():
        for each in (Folder(folder), *Tables(folder).there):
            done = compact(each, year)
            where = "" if each.path == folder else f"{each.layout.kind}/"
            click.echo(
                f"{where}{done.name}: {done.days} days in {done.rows:,} rows, "
                f"{done.before_bytes:,} bytes before and {done.after_bytes:,} now"
                if done.name
                else f"{where}{year}: nothing to do"
            )


@history.command("check")
@_HISTORY
@click.option("--set-aside", is_flag=True, help="Move what is damaged out of the way.")
def history_check(folder: Path, set_aside: bool) -> None:
    """Read all of it, and say what is not sound."""
    from validator.history.checking import check_all  # noqa: PLC0415

    with explained():
        lines, sound = check_all(folder, set_aside=set_aside)
        for line in lines:
            click.echo(line)
        if not sound:
            sys.exit(1)


@history.command("export")
@_HISTORY
@click.option("--from", "first", metavar="DAY", help="The first day, as 2026-11-22.")
@click.option("--to", "last", metavar="DAY", help="The last day.")
@click.option("--scheme", help="One scheme alone; only for CSV.")
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path),
    help="Write to this file: .csv, .csv.gz or .parquet.",
)
def history_export(
    folder: Path, first: str | None, last: str | None, scheme: str | None, output: Path
) -> None:
    """Write the figures of a time as one file. Tables are not exported: copy their folders."""
    from validator.history.carrying import export  # noqa: PLC0415
    from validator.history.folder import Folder  # noqa: PLC0415

    with explained():
        done = export(Folder(folder), output, day(first), day(last), scheme)
        click.echo(f"{output}: {done.days} days")


@history.command("import")
@_HISTORY
@click.argument("source", type=click.Path(path_type=Path, exists=True))
@click.option("--replace", is_flag=True, help="Of days that are there already too.")
def history_import(folder: Path, source: Path, replace: bool) -> None:
    """Take in what was exported. Days that are there already stay."""
    from validator.history.carrying import bring  # noqa: PLC0415
    from validator.history.folder import Folder  # noqa: PLC0415

    with explained():
        done = bring(Folder(folder), source, replace)
        click.echo(f"{done.days} days taken in, {done.kept} stayed as they were")


@click.command()
@of_group
@click.option("--family", type=click.Choice(["ipv4", "ipv6"]), help="Only this family.")
@click.option(
    "--figure",
    type=click.Choice(
        ["valid_share", "coverage", "accuracy", "space_valid_share", "space_coverage"]
    ),
    help="Only this figure; of a target of your own, valid_share by default.",
)
@ATTRIBUTION
@click.option(
    "--value",
    type=click.FloatRange(0, 1, min_open=True),
    metavar="SHARE",
    help="With --year: a target of your own, 0.8 for 80 %.",
)
@click.option("--year", type=click.IntRange(2000, 2200), help="With --value: by its last day.")
@click.option(
    "--window",
    type=click.IntRange(1, 50),
    help="Years of the latest days that the line goes through (default 3).",
)
@click.option(
    "--history",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="A folder of history; with --value and --year.",
)
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="A settings file: its targets, and its history.",
)
@printing
@asking
def target(**asked: Any) -> None:
    """How a group stands to its targets: the pace so far, the pace needed, a linear projection."""
    form, output, url, token = (asked.pop(name) for name in ("form", "output", "server", "token"))
    folder, config = asked.pop("history"), asked.pop("config")
    with explained():
        if sum(each is not None for each in (folder, config, url)) != 1:
            raise click.UsageError("give one of --history, --config and --server")
        if url is not None:
            from validator.cli import target_remote  # noqa: PLC0415
            from validator.cli.remote import Server  # noqa: PLC0415

            target_remote.show_targets(Server(url, token), asked, form, output)
        else:
            from validator.cli import target_command  # noqa: PLC0415

            target_command.show_targets(asked, form, output, folder=folder, config=config)


@click.command()
@of_group
@click.option("--from", "from", metavar="DAY", help="The earlier day (default: the first).")
@click.option("--to", metavar="DAY", help="The later day (default: the last; of a service: now).")
@click.option("--family", type=click.Choice(["ipv4", "ipv6"]), help="Default ipv4.")
@click.option(
    "--figure",
    type=click.Choice(["valid_share", "coverage", "accuracy"]),
    help="Which share of routes (default valid_share).",
)
@ATTRIBUTION
@click.option(
    "--by",
    type=click.Choice(["network", "country"]),
    help="Whose contributions: networks' (default), or countries'.",
)
@click.option("--limit", type=click.IntRange(0, 1000), help="How many to list (default 20).")
@click.option(
    "--history",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="A folder of history.",
)
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="A settings file: its history, and its lists of groups.",
)
@click.option(
    "--groups",
    multiple=True,
    metavar="SOURCE",
    help="With --history or --config: further classes of countries, or lists of your own.",
)
@printing
@click.option("--quiet", is_flag=True, help="No progress.")
@asking
def change(**asked: Any) -> None:
    """What moved a group's share between two days: who, by how much, and why."""
    form, output, url, token = (asked.pop(name) for name in ("form", "output", "server", "token"))
    folder, config, groups, quiet = (
        asked.pop(name) for name in ("history", "config", "groups", "quiet")
    )
    with explained():
        if sum(each is not None for each in (folder, config, url)) != 1:
            raise click.UsageError("give one of --history, --config and --server")
        if url is not None:
            no_files(groups=groups)
            from validator.cli import change_remote  # noqa: PLC0415
            from validator.cli.remote import Server  # noqa: PLC0415

            change_remote.show_change(Server(url, token, quiet=quiet), asked, form, output)
        else:
            from validator.cli import change_command  # noqa: PLC0415

            change_command.show_change(
                asked, form, output, folder=folder, config=config, groups=groups, quiet=quiet
            )

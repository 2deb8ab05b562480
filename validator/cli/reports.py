"""A group's evidence as a document, and whether one follows from its inputs: report, verify."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from validator.cli.options import asking, day, explained

_FORMS = ("html", "pdf", "csv", "xlsx", "json", "md")
_LANGUAGES = ("en", "ar", "es", "fr", "ru", "zh")


@click.command()
@click.option("--scheme", metavar="SCHEME", help="What it is a group of: country, …")
@click.option("--group", metavar="GROUP", help="The group: KE, ripencc, ldc, …")
@click.option("--compare", metavar="GROUP", help="Another group of the scheme, beside it.")
@click.option("--from", "from", metavar="DAY", help="Say what has changed since that day.")
@click.option("--to", metavar="DAY", help="As of a day in the past (default: now).")
@click.option(
    "--format",
    "form",
    type=click.Choice(_FORMS),
    help="The form (default: what the file's name ends in, else html).",
)
@click.option("--lang", type=click.Choice(_LANGUAGES), help="The language (default en).")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write to this file.")
@click.option(
    "--scheduled",
    is_flag=True,
    help="Write what the settings' [[reports]] have due, and nothing else; for cron.",
)
@click.option(
    "--config", type=click.Path(path_type=Path), help="A settings file: its inputs, its history."
)
@click.option("--quiet", is_flag=True, help="No progress.")
@asking
def report(**asked: Any) -> None:
    """Write a group's evidence: figures, trend, peers, who could raise it, and how to check it."""
    output, config, quiet = (asked.pop(name) for name in ("output", "config", "quiet"))
    form, url, token = (asked.pop(name) for name in ("form", "server", "token"))
    if asked.pop("scheduled"):
        given = {"output": output, "format": form, "server": url, **asked}
        _scheduled(config, given, quiet=quiet)
        return
    for name, given in (("scheme", asked["scheme"]), ("group", asked["group"]), ("output", output)):
        if given is None:
            raise click.UsageError(f"Missing option '--{name}'.")
    form = form or (output.suffix[1:].lower() if output.suffix[1:].lower() in _FORMS else "html")
    for name in ("from", "to"):
        asked[name] = day(asked[name])
    with explained():
        if (config is None) == (url is None):
            raise click.UsageError("give one of --config and --server")
        if url is not None:
            from validator.cli import report_remote  # noqa: PLC0415
            from validator.cli.remote import Server  # noqa: PLC0415

            report_remote.write_report(Server(url, token, quiet=quiet), asked, form, output)
        else:
            from validator.cli import report_command  # noqa: PLC0415

            report_command.write_report(asked, form, output, config, quiet=quiet)


def _scheduled(config: Path | None, given: dict[str, Any], *, quiet: bool) -> None:
    """What is due by the settings, which say all that options would."""
    if config is None:
        raise click.UsageError("--scheduled needs --config: its [[reports]] say what is due")
    for name, value in given.items():
        if value is not None:
            raise click.UsageError(f"--{name} does not go with --scheduled: [[reports]] say it")
    import structlog  # noqa: PLC0415

    from validator.cli import schedule_command  # noqa: PLC0415

    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    with explained():
        for each in schedule_command.write_due(config, quiet=quiet):
            click.echo(each)


@click.command()
@click.argument("document", metavar="REPORT.JSON", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--inputs",
    required=True,
    type=click.Path(path_type=Path),
    help="A folder that has the inputs, whatever they are called.",
)
@click.option(
    "--history",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="A folder of history, for the trend and what has changed.",
)
@click.option("--quiet", is_flag=True, help="No progress.")
def verify(document: Path, inputs: Path, history: Path | None, quiet: bool) -> None:
    """Make a report again from its inputs, and say what differs. Exit code 1 if anything does."""
    from validator.cli import report_command  # noqa: PLC0415

    with explained():
        found = report_command.check(document, inputs, history, quiet=quiet)
        for each in found.differs:
            click.echo(each)
        if found.differs:
            sys.exit(1)
        click.echo("equal" if found.anew else "unaltered, but not made anew")

"""Options and checks that several commands share, and what is said when one fails.

Exit codes: 0 done; 1 an input failed; 2 usage or settings.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from validator.model import OriginsightError, SettingsError

if TYPE_CHECKING:
    from validator.cli.remote import Server

T = TypeVar("T", bound=Callable[..., Any])

SOURCE = "A path, a directory or an http(s) URL; may repeat."


@contextmanager
def explained() -> Iterator[None]:
    """Failures that we expect become one line and an exit code."""
    try:
        yield
    except SettingsError as error:
        click.echo(f"originsight: {error}", err=True)
        sys.exit(2)
    except OriginsightError as error:
        click.echo(f"originsight: {error}", err=True)
        sys.exit(1)
    except BrokenPipeError:
        sys.exit(0)


def reading(command: T) -> T:
    """Options of every command that reads inputs."""
    for option in (
        click.option(
            "--allow-truncated",
            is_flag=True,
            help="Use the readable part of an input that ends early.",
        ),
        click.option(
            "--as-of",
            type=_Moment(),
            help="Compare `expires` with this time (ISO 8601 or Unix seconds), "
            "not with the export's own.",
        ),
        click.option("--quiet", is_flag=True, help="No progress."),
    ):
        command = option(command)
    return command


def asking(command: T) -> T:
    """Options of every command that can ask a running service instead of reading files."""
    for option in (
        click.option(
            "--token",
            envvar="ORIGINSIGHT_TOKEN",
            show_envvar=True,
            help="For a service that wants one. Others see it in the list of processes if it is "
            "given here, so rather put it into the environment.",
        ),
        click.option("--server", metavar="URL", help="Ask this running service; no file is read."),
    ):
        command = option(command)
    return command


def _all_of(options: Iterable[Callable[[T], T]]) -> Callable[[T], T]:
    """Options as one decorator, shown in their order."""

    def give(command: T) -> T:
        for option in reversed([*options]):
            command = option(command)
        return command

    return give


ATTRIBUTION = click.option(
    "--attribution",
    type=click.Choice(["address", "origin"]),
    help="Group by the address block or by the origin AS.",
)
printing = _all_of(
    (
        click.option(
            "--format",
            "form",
            type=click.Choice(["table", "csv", "json"]),
            default="table",
            help="How to print.",
        ),
        click.option("-o", "--output", type=click.Path(path_type=Path), help="Write to this file."),
    )
)
"""Options of every command that prints a table."""
of_group = _all_of(
    (
        click.option(
            "--scheme", required=True, metavar="SCHEME", help="What it is a group of: country, …"
        ),
        click.option(
            "--group", required=True, metavar="GROUP", help="The group: KE, ripencc, ldc, …"
        ),
    )
)
"""Options of every command that is about one group."""


def counting(command: T) -> T:
    """Options of every command that counts a table: what it reads, or whom it asks; how it is
    attributed and printed. :func:`counted` takes them."""
    for option in reversed(
        (
            click.option("--vrps", multiple=True, metavar="SOURCE", help=f"VRP export. {SOURCE}"),
            click.option("--routes", multiple=True, metavar="SOURCE", help=f"Routes. {SOURCE}"),
            click.option(
                "--resources",
                multiple=True,
                metavar="SOURCE",
                help=f"RIR delegated-extended files. {SOURCE}",
            ),
            click.option(
                "--asn-names",
                multiple=True,
                metavar="SOURCE",
                help="Names of AS numbers: a CSV asn,name.",
            ),
            click.option(
                "--slurm", multiple=True, metavar="FILE", help="Local exceptions (RFC 8416)."
            ),
            click.option(
                "--groups",
                multiple=True,
                metavar="SOURCE",
                help="Classes of countries, or lists of your own, beside those that come with "
                f"Originsight. {SOURCE}",
            ),
            ATTRIBUTION,
            click.option(
                "--min-peers",
                type=click.IntRange(1),
                help="Least number of peers that must see a route.",
            ),
            printing,
            reading,
            asking,
        )
    ):
        command = option(command)
    return command


class Counted(NamedTuple):
    """What :func:`counting` was given: a service to ask, or files to read and how."""

    service: Server | None
    sources: dict[str, tuple[str, ...]]
    reading: dict[str, Any]
    form: str
    output: Path | None


@contextmanager
def counted(given: dict[str, Any], *, files_only: tuple[str, ...] = ()) -> Iterator[Counted]:
    """Take the options of :func:`counting` out of ``given``, but for attribution and min_peers;
    explain what fails. ``files_only``: what of the rest means nothing to a service."""
    tables = ("vrps", "routes", "resources", "asn_names", "slurm", "groups")
    sources = {name: given.pop(name) for name in tables}
    how_read = {name: given.pop(name) for name in ("quiet", "allow_truncated", "as_of")}
    url, token = given.pop("server"), given.pop("token")
    service = None
    with explained():
        if url is not None:
            no_files(**sources, **how(how_read), **{name: given[name] for name in files_only})
            from validator.cli.remote import Server  # noqa: PLC0415

            service = Server(url, token, quiet=how_read["quiet"])
        else:
            for name in ("vrps", "routes", "resources"):
                if not sources[name]:
                    raise click.UsageError(f"Missing option '--{name}' (or '--server').")
        yield Counted(service, sources, how_read, given.pop("form"), given.pop("output"))


class _Moment(click.ParamType[int]):
    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        from datetime import UTC, datetime  # noqa: PLC0415 - only when the option is used

        if isinstance(value, int):
            return value
        try:
            if value.isdigit():
                return int(value)
            moment = datetime.fromisoformat(value)
            return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is neither ISO 8601 nor Unix seconds", param, ctx)


def how(reading: dict[str, Any]) -> dict[str, Any]:
    """Of the options for reading, those that say how."""
    return {name: value for name, value in reading.items() if name != "quiet"}


def no_files(**given: Any) -> None:
    """With ``--server`` nothing is read, so nothing may be said of reading."""
    for name, value in given.items():
        if value not in (None, False, ()):
            raise click.UsageError(f"--{name.replace('_', '-')} is for files; --server has its own")


def day(text: str | None) -> date | None:
    """A day of an option.

    Raises:
        click.UsageError: it is none.
    """
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise click.UsageError(f"{text!r} is not a day such as 2026-11-22") from None

"""The command line: arguments and exit codes, nothing else.

Exit codes: 0 done; 1 an input failed; 2 usage or settings.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from validator.model import OriginsightError, Prefix, SettingsError, parse_asn

if TYPE_CHECKING:
    from validator.remote import Server

T = TypeVar("T", bound=Callable[..., Any])

_SOURCE = "A path, a directory or an http(s) URL; may repeat."


@contextmanager
def _explained() -> Iterator[None]:
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


def _reading(command: T) -> T:
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


def _asking(command: T) -> T:
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


def _counting(command: T) -> T:
    """Options of every command that counts a table: what it reads, or whom it asks; how it is
    attributed and printed. :func:`_counted` takes them."""
    for option in reversed(
        (
            click.option("--vrps", multiple=True, metavar="SOURCE", help=f"VRP export. {_SOURCE}"),
            click.option("--routes", multiple=True, metavar="SOURCE", help=f"Routes. {_SOURCE}"),
            click.option(
                "--resources",
                multiple=True,
                metavar="SOURCE",
                help=f"RIR delegated-extended files. {_SOURCE}",
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
                f"Originsight. {_SOURCE}",
            ),
            click.option(
                "--attribution",
                type=click.Choice(["address", "origin"]),
                help="Group by the address block or by the origin AS.",
            ),
            click.option(
                "--min-peers",
                type=click.IntRange(1),
                help="Least number of peers that must see a route.",
            ),
            click.option(
                "--format",
                "form",
                type=click.Choice(["table", "csv", "json"]),
                default="table",
                help="How to print.",
            ),
            click.option(
                "-o", "--output", type=click.Path(path_type=Path), help="Write to this file."
            ),
            _reading,
            _asking,
        )
    ):
        command = option(command)
    return command


class _Counted(NamedTuple):
    """What :func:`_counting` was given: a service to ask, or files to read and how."""

    service: Server | None
    sources: dict[str, tuple[str, ...]]
    reading: dict[str, Any]
    form: str
    output: Path | None


@contextmanager
def _counted(given: dict[str, Any], *, files_only: tuple[str, ...] = ()) -> Iterator[_Counted]:
    """Take the options of :func:`_counting` out of ``given``, but for attribution and min_peers;
    explain what fails. ``files_only``: what of the rest means nothing to a service."""
    tables = ("vrps", "routes", "resources", "asn_names", "slurm", "groups")
    sources = {name: given.pop(name) for name in tables}
    reading = {name: given.pop(name) for name in ("quiet", "allow_truncated", "as_of")}
    url, token = given.pop("server"), given.pop("token")
    service = None
    with _explained():
        if url is not None:
            _no_files(**sources, **_given(reading), **{name: given[name] for name in files_only})
            from validator.remote import Server  # noqa: PLC0415

            service = Server(url, token, quiet=reading["quiet"])
        else:
            for name in ("vrps", "routes", "resources"):
                if not sources[name]:
                    raise click.UsageError(f"Missing option '--{name}' (or '--server').")
        yield _Counted(service, sources, reading, given.pop("form"), given.pop("output"))


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


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="originsight", message="%(prog)s %(version)s")
def main() -> None:
    """RPKI route-origin validation (RFC 6811) and coverage."""


@main.command()
@click.argument("prefix", required=False)
@click.argument("asn", required=False)
@click.option("--vrps", multiple=True, metavar="SOURCE", help=f"VRP export. {_SOURCE}")
@click.option(
    "--routes",
    multiple=True,
    metavar="SOURCE",
    help=f"Routes: an MRT RIB, a pyasn database or a list. {_SOURCE}",
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
@_reading
@_asking
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
    with _explained():
        if server is not None:
            _no_files(vrps=vrps, routes=routes, slurm=slurm, **_given(reading))
            if prefix is None or asn is None or summary:
                raise click.UsageError("with --server, give PREFIX and ASN")
            if form not in (None, "text", "json"):
                raise click.UsageError("one route is shown as text or json")
            from validator import remote  # noqa: PLC0415

            asked = remote.Server(server, token, quiet=reading["quiet"])
            remote.explain_one(asked, _parse_route(prefix, asn), form or "text", output)
            return
        if not vrps:
            raise click.UsageError("Missing option '--vrps' (or '--server').")
        from validator import commands  # noqa: PLC0415 - compiled kernels load only when needed

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


@main.command()
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
@_counting
def coverage(**asked: Any) -> None:
    """How well networks, countries, registries' service regions or classes are protected."""
    with _counted(asked) as given:
        if given.service is not None:
            from validator import remote  # noqa: PLC0415

            remote.show_coverage(given.service, asked, given.form, given.output)
        else:
            from validator import commands  # noqa: PLC0415

            commands.show_coverage(given.sources, asked, given.form, given.output, **given.reading)


@main.command()
@click.option("--scheme", required=True, help="What it is a group of: asn, country, rir, ldc, …")
@click.option("--group", required=True, help="The group: AS64496, NL, ripencc, …")
@_counting
def dialects(**asked: Any) -> None:
    """One group in the figures of RIPE NCC, NRO, NIST, MANRS and Cloudflare Radar, side by side."""
    with _counted(asked, files_only=("min_peers",)) as given:
        if given.service is not None:
            from validator import remote  # noqa: PLC0415

            remote.show_dialects(given.service, asked, given.form, given.output)
        else:
            from validator import commands  # noqa: PLC0415

            commands.show_dialects(given.sources, asked, given.form, given.output, **given.reading)


@main.command()
@click.option("--scheme", required=True, metavar="SCHEME", help="What it is a group of: country, …")
@click.option("--group", required=True, metavar="GROUP", help="The group: KE, ripencc, ldc, …")
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
@_counting
def plan(**asked: Any) -> None:
    """Who could raise the valid share of a group, and with which ROAs."""
    with _counted(asked, files_only=("min_peers",)) as given:
        if given.service is not None:
            from validator import plan_remote  # noqa: PLC0415

            del asked["min_peers"]
            plan_remote.show_plan(given.service, asked, given.form, given.output)
        else:
            from validator import plan_command  # noqa: PLC0415

            plan_command.show_plan(given.sources, asked, given.form, given.output, **given.reading)


@main.command()
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
    help=f"Routes: an MRT RIB, a pyasn database or a list. {_SOURCE}",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Write to this file, gzipped if it ends in .gz.",
)
@_reading
def export(routes: tuple[str, ...], output: Path | None, **reading: Any) -> None:
    """Write a table of routes in a form that other programs read."""
    from validator import commands  # noqa: PLC0415

    with _explained():
        commands.export_pyasn(
            _sources(routes=routes), None if output == Path("-") else output, **reading
        )


@main.group()
def history() -> None:
    """The figures of past days: the files that a service with [history] folder writes."""


_HISTORY = click.argument("folder", type=click.Path(path_type=Path, file_okay=False, exists=True))


@history.command("compact")
@_HISTORY
@click.argument("year", type=click.IntRange(2000, 9999))
def history_compact(folder: Path, year: int) -> None:
    """Put the finished days of YEAR into the file of the year."""
    from validator.history.compacting import compact  # noqa: PLC0415
    from validator.history.folder import Folder  # noqa: PLC0415

    with _explained():
        done = compact(Folder(folder), year)
        click.echo(
            f"{done.name}: {done.days} days in {done.rows:,} rows, {done.before_bytes:,} bytes "
            f"before and {done.after_bytes:,} now"
            if done.name
            else f"{year}: nothing to do"
        )


@history.command("check")
@_HISTORY
@click.option("--set-aside", is_flag=True, help="Move what is damaged out of the way.")
def history_check(folder: Path, set_aside: bool) -> None:
    """Read all of it, and say what is not sound."""
    from validator.history.checking import check  # noqa: PLC0415
    from validator.history.folder import Folder  # noqa: PLC0415

    with _explained():
        checked = check(Folder(folder), set_aside=set_aside)
        for line in checked.lines:
            click.echo(line)
        if checked.problems:
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
    """Write the days of a time as one file."""
    from validator.history.carrying import export  # noqa: PLC0415
    from validator.history.folder import Folder  # noqa: PLC0415

    with _explained():
        done = export(Folder(folder), output, _day(first), _day(last), scheme)
        click.echo(f"{output}: {done.days} days")


@history.command("import")
@_HISTORY
@click.argument("source", type=click.Path(path_type=Path, exists=True))
@click.option("--replace", is_flag=True, help="Of days that are there already too.")
def history_import(folder: Path, source: Path, replace: bool) -> None:
    """Take in what was exported. Days that are there already stay."""
    from validator.history.carrying import bring  # noqa: PLC0415
    from validator.history.folder import Folder  # noqa: PLC0415

    with _explained():
        done = bring(Folder(folder), source, replace)
        click.echo(f"{done.days} days taken in, {done.kept} stayed as they were")


def _day(text: str | None) -> Any:
    from datetime import date  # noqa: PLC0415

    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise click.UsageError(f"{text!r} is not a day such as 2026-11-22") from None


@main.command()
@click.option("--config", required=True, type=click.Path(path_type=Path), help="The settings file.")
@click.option("--listen", metavar="HOST:PORT", help="Instead of the settings' address.")
def serve(config: Path, listen: str | None) -> None:
    """Run the service."""
    from validator import service, settings  # noqa: PLC0415

    with _explained():
        chosen = settings.load(config)
        try:
            address = settings.parse_listen(listen) if listen else chosen.address
        except ValueError as error:
            raise SettingsError(f"--{error}") from None
        service.run(chosen, address, greet=click.echo)


@main.command("hash-token")
@click.option("--name", required=True, help="What the log calls it.")
@click.option(
    "--role",
    type=click.Choice(["read", "admin"]),
    default="read",
    show_default=True,
    help="What it is good for.",
)
def hash_token(name: str, role: str) -> None:
    """Make a token, and the lines for the settings file that let it in."""
    import msgspec  # noqa: PLC0415

    from validator import http_settings  # noqa: PLC0415

    with _explained():
        token, hashed = http_settings.make_token()
        lines = {"name": name, "sha256": hashed, "role": role}
        try:
            msgspec.convert(lines, http_settings.TokenSettings)
        except msgspec.ValidationError:
            raise click.UsageError(
                "--name: 1 to 64 letters, digits and the characters . _ @ -"
            ) from None
        click.echo("The token, which is kept nowhere and shown but once:", err=True)
        click.echo(token)
        click.echo("\nFor the settings file:", err=True)
        click.echo("[[http.tokens]]", err=True)
        for key, value in lines.items():
            click.echo(f'{key} = "{value}"', err=True)


@main.command("check-config")
@click.argument("config", type=click.Path(path_type=Path))
def check_config(config: Path) -> None:
    """Say whether a settings file is right, and what it would read."""
    from collectors.catalog import Kind  # noqa: PLC0415
    from validator import settings  # noqa: PLC0415

    with _explained():
        chosen = settings.load(config)
        for kind in Kind:
            for source in chosen.of(kind):
                click.echo(f"{kind.value:10} {source.source}")
        click.echo(f"{config}: good")


def _sources(**given: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    return given


def _given(reading: dict[str, Any]) -> dict[str, Any]:
    """Of the options for reading, those that say how."""
    return {name: value for name, value in reading.items() if name != "quiet"}


def _no_files(**given: Any) -> None:
    """With ``--server`` nothing is read, so nothing may be said of reading."""
    for name, value in given.items():
        if value not in (None, False, ()):
            raise click.UsageError(f"--{name.replace('_', '-')} is for files; --server has its own")


def _parse_route(prefix: str, asn: str) -> tuple[Prefix, int]:
    try:
        return Prefix.parse(prefix), parse_asn(asn)
    except ValueError as error:
        raise click.UsageError(str(error)) from None

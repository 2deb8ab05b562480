"""How the commands print: to standard output or a file, for people or for programs.

Nothing here computes: commands that read files (:mod:`validator.cli.commands`) and those that ask a
running service (:mod:`validator.cli.remote`) print the same way, and the second do not wait for the
compiled kernels to load.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TextIO, TypeVar

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from validator.model import OriginsightError

SAMPLE_NOTICE = "SAMPLE: these networks are fictional, and so is every figure made from them."


class Reply(Protocol):
    """What the service answers; ``sample``: whether it is about a sample."""

    @property
    def sample(self) -> bool: ...


T = TypeVar("T", bound=Reply)


class OutputError(OriginsightError):
    """What was asked for cannot be written where it was asked to go."""


@contextmanager
def open_output(output: Path | None) -> Iterator[TextIO]:
    """Standard output, or a file that appears under its name only when it is complete.

    Raises:
        OutputError: it cannot be written. BrokenPipeError: the reader has gone.
    """
    try:
        with _opened(output) as out:
            yield out
    except BrokenPipeError:
        raise
    except OSError as error:
        name = error.filename or output or "standard output"
        raise OutputError(f"{name}: cannot be written: {error.strerror}") from None


def write_reply(
    output: Path | None,
    reply: T,
    form: str,
    write_csv: Callable[[TextIO, T], None],
    show: Callable[[TextIO, T], None],
) -> None:
    """What the service would answer, printed by a command that worked it out itself."""
    with open_output(output) as out:
        if form == "json":
            out.write(msgspec.json.encode(reply).decode() + "\n")
            return
        if reply.sample:
            out.write(f"# {SAMPLE_NOTICE}\n")
        (write_csv if form == "csv" else show)(out, reply)


@contextmanager
def _opened(output: Path | None) -> Iterator[TextIO]:
    if output is None:
        yield sys.stdout
        sys.stdout.flush()
        return
    with _place(output) as place, place.open("w", encoding="utf-8", newline="") as out:
        yield out


@contextmanager
def _place(output: Path) -> Iterator[Path]:
    """Where to write what is to be in a file when it is complete."""
    if output.exists() and not output.is_file():  # a device or a pipe is written to, never replaced
        yield output
        return
    output = output.resolve()  # a link stays one
    unfinished = output.with_name(output.name + ".partial")
    try:
        yield unfinished
        unfinished.replace(output)
    finally:
        unfinished.unlink(missing_ok=True)


def write_whole(output: Path, content: bytes) -> None:
    """A file that appears under its name only when it is complete.

    Raises:
        OutputError: it cannot be written.
    """
    try:
        with _place(output) as place:
            place.write_bytes(content)
    except OSError as error:
        raise OutputError(f"{output}: cannot be written: {error.strerror}") from None


def note(text: str) -> None:
    """Something to know beside the output."""
    print(text, file=sys.stderr)  # noqa: T201 - standard output is for what was asked for


def write_explanation(
    out: TextIO,
    route: str,
    state: str,
    reason: str,
    matched: Sequence[str],
    unmatched_as: Sequence[str],
    unmatched_length: Sequence[str],
) -> None:
    """One route and the VRPs that its state rests on, each as text."""
    out.write(f"{route}: {state}{f' ({reason})' if reason else ''}\n")
    for title, vrps in (
        ("matching VRP", matched),
        ("covers, but names another AS", unmatched_as),
        ("covers, but its maxLength is too short", unmatched_length),
    ):
        out.writelines(f"  {title}: {vrp}\n" for vrp in vrps)
    if not (matched or unmatched_as or unmatched_length):
        out.write("  no VRP covers it\n")


def print_coverage(
    out: TextIO,
    rows: Iterable[Mapping[str, Any]],
    scheme: str,
    attribution: str,
    excluded: Mapping[str, int],
) -> None:
    """Coverage as a table for people: rows as :func:`validator.figures.coverage.row` has them."""
    table = Table(title=f"Coverage by {scheme}, attributed by {attribution}", title_justify="left")
    for column in (scheme, "name", "family"):
        table.add_column(column)
    for column in (
        "routes",
        "valid",
        "invalid",
        "not found",
        "valid share",
        "coverage",
        "valid space",
    ):
        table.add_column(column, justify="right")
    for row in rows:
        counts = row["routes"]
        table.add_row(
            row["group"], escape(row["name"]), row["family"],
            *(f"{counts[key]:,}" for key in ("announced", "valid", "invalid", "not_found")),
            *(_percent(row[key]) for key in ("valid_share", "coverage", "space_valid_share")),
        )  # fmt: skip
    console = Console(file=out, width=None if out.isatty() else 160)
    console.print(table)
    console.print(
        "valid share = valid / announced routes; coverage = (valid + invalid) / announced routes; "
        "valid space = distinct space under a valid route / announced space. "
        "Excluded routes: "
        + (", ".join(f"{reason} {count:,}" for reason, count in excluded.items()) or "none")
        + ". Registration is not location; vantage points see a biased part of the world."
    )


def print_dialects(
    out: TextIO,
    rows: Sequence[Mapping[str, Any]],
    group: str,
    name: str,
    attribution: str,
    form: str,
    *,
    sample: bool,
) -> None:
    """One group in everybody's figures: rows as :func:`validator.groups.dialects.as_rows` has
    them."""
    if form == "json":
        document = {
            "group": group,
            "name": name,
            "attribution": attribution,
            "sample": sample,
            "dialects": rows,
        }
        out.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
        return
    if sample:
        out.write(f"# {SAMPLE_NOTICE}\n")
    if form == "csv":
        writer = csv.DictWriter(out, list(rows[0]) if rows else [], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        return
    title = f"{group}{f' ({name})' if name else ''} in everybody's figures, by {attribution}"
    table = Table(title=escape(title), title_justify="left", show_lines=True)
    for column in ("publisher", "figure", "family", "formula"):
        table.add_column(column)
    table.add_column("group", justify="right")
    table.add_column("all", justify="right")
    table.add_column("why it differs")
    for row in rows:
        # What is no share (a score, a count) is not a percentage.
        shown = [_figure(row[f"{whose}_value"]) for whose in ("group", "whole")]
        table.add_row(
            row["publisher"], row["title"], row["family"], row["formula"], *shown, row["why"]
        )
    Console(file=out, width=None if out.isatty() else 160).print(table)


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f} %"

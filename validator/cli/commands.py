"""What the one-shot commands do: read files, assemble, print. No event loop beyond the fetching."""

from __future__ import annotations

import csv
import gc
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import msgspec
import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from collectors.base import LocalFile, ReadOptions
from collectors.catalog import Batch, Kind, read, wanted
from collectors.local import find, is_url
from validator.figures import coverage_text
from validator.figures import table_rows as tables
from validator.figures.coverage import Order
from validator.figures.coverage import rows as coverage_rows
from validator.formats import pyasn_file
from validator.formats.replies import validity_reply
from validator.groupings import Attribution, Scheme, attribution_of
from validator.groups import dialects
from validator.inputs.batches import Inputs, gather
from validator.model import (
    Family,
    InputReport,
    Prefix,
    SettingsError,
    State,
    Verdict,
    format_asn,
    format_prefix,
)
from validator.origin_validation import explain
from validator.printing import (
    SAMPLE_NOTICE,
    OutputError,
    note,
    open_output,
    print_coverage,
    print_dialects,
    write_explanation,
)
from validator.snapshot import Snapshot
from validator.state.assembly import assemble
from validator.state.pipeline_state import PipelineState
from validator.tables.announced import AnnouncedRules
from validator.tables.routes import RouteTable
from validator.tables.vrps import Vrp

if TYPE_CHECKING:
    from collectors.fetch import FetchLimits

Sources = Mapping[str, Sequence[str]]
Step = Callable[[str], None]

_ROWS_AT_A_TIME = 20_000


def explain_one(
    route: tuple[Prefix, int],
    sources: Sources,
    form: str,
    output: Path | None,
    **reading: Any,
) -> None:
    """One route explained."""
    inputs = read_all(sources, **reading)
    state = PipelineState(AnnouncedRules())
    state.load(inputs)
    explanation = explain(*route, state.vrps)
    with open_output(output) as out:
        if inputs.sample:
            note(SAMPLE_NOTICE)  # Routinator's shape has no place for it
        if form == "json":
            reply = msgspec.json.encode(validity_reply(explanation, int(time.time())))
            out.write(msgspec.json.format(reply, indent=2).decode() + "\n")
            return
        verdict = explanation.verdict
        write_explanation(
            out,
            f"{route[0]} from {format_asn(route[1])}",
            verdict.state,
            verdict.reason,
            *(
                [_vrp_text(vrp) for vrp in vrps]
                for vrps in (
                    explanation.matched,
                    explanation.unmatched_as,
                    explanation.unmatched_length,
                )
            ),
        )


def _vrp_text(vrp: Vrp) -> str:
    anchor = f", {vrp.trust_anchor}" if vrp.trust_anchor else ""
    return f"{vrp.prefix}-{vrp.max_length} AS{vrp.asn}{anchor}"


def validate_table(
    sources: Sources, summary: bool, form: str, output: Path | None, **reading: Any
) -> None:
    """Every route of a table, or the counts alone."""
    began = time.perf_counter()
    with steps(reading["quiet"]) as step:
        inputs = read_all(sources, step, **reading)
        state = PipelineState(AnnouncedRules())
        state.load(inputs, step)
        routes = state.routes
    counts = summarise(routes)
    with open_output(output) as out:
        if summary and form == "json":
            document = {
                **counts,
                "sample": inputs.sample,
                "inputs": [describe(report) for report in inputs.reports],
                "elapsed_seconds": round(time.perf_counter() - began, 3),
            }
            out.write(msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n")
            return
        if inputs.sample:
            if form in ("table", "csv"):
                out.write(f"# {SAMPLE_NOTICE}\n")
            else:  # rows of JSON have no place for it
                note(SAMPLE_NOTICE)
        if summary:
            _write_summary(out, counts, form)
        else:
            _write_routes(out, routes, form)


def summarise(routes: RouteTable) -> dict[str, Any]:
    """``{"routes", "valid", "invalid", "not_found", "by_family": {"ipv4": …, "ipv6": …}}``."""
    families = {}
    for family in Family:
        start, stop = routes.family_range(family)
        codes = np.bincount(routes.verdict[start:stop], minlength=len(Verdict))
        states = dict.fromkeys(State, 0)
        for verdict in Verdict:
            states[verdict.state] += int(codes[verdict])
        families[family.label] = {
            "routes": stop - start,
            "valid": states[State.VALID],
            "invalid": states[State.INVALID],
            "not_found": states[State.NOT_FOUND],
        }
    ipv4, ipv6 = families.values()
    return {**{key: ipv4[key] + ipv6[key] for key in ipv4}, "by_family": families}


def show_coverage(
    sources: Sources,
    asked: Mapping[str, Any],
    form: str,
    output: Path | None,
    **reading: Any,
) -> None:
    """Coverage of every group of a scheme. ``asked`` has ``by``, ``family``, ``attribution``,
    ``min_peers`` and ``sort``, each as the command line has it."""
    families = tuple(each for each in Family if asked["family"] in (None, each.label))
    with steps(reading["quiet"]) as step:
        snapshot, attribution = measured(
            sources, "--by", asked["by"], asked, step, coverage_alone=True, **reading
        )
    scheme = asked["by"]
    table = (
        snapshot.coverages[scheme, attribution],
        snapshot.namer(scheme),
        families,
        Order(asked["sort"]),
    )
    with open_output(output) as out:
        if form == "json":
            rows = b"[%b]" % b"".join(coverage_text.json_rows(*table))
            document = {
                "by": scheme,
                "attribution": attribution.value,
                "min_peers": snapshot.min_peers,
                "sample": snapshot.sample,
                "rows": msgspec.Raw(rows),
                "inputs": [describe(report) for report in snapshot.inputs],
                "excluded": dict(snapshot.exclusions),
            }
            out.write(msgspec.json.encode(document).decode() + "\n")
            return
        if snapshot.sample:
            out.write(f"# {SAMPLE_NOTICE}\n")
        if form == "csv":
            for text in coverage_text.csv_text(*table):
                out.write(text.decode())
        else:
            shown = coverage_rows(*table)
            print_coverage(out, shown, scheme, attribution.value, snapshot.exclusions)


def show_dialects(
    sources: Sources, asked: Mapping[str, Any], form: str, output: Path | None, **reading: Any
) -> None:
    """One group in everybody's figures. ``asked`` has ``scheme``, ``group``, ``attribution`` and
    ``min_peers``, each as the command line has it."""
    scheme, group = asked["scheme"], asked["group"]
    with steps(reading["quiet"]) as step:
        snapshot, attribution = measured(sources, "--scheme", scheme, asked, step, **reading)
        compared = dialects.table(snapshot, scheme, group, attribution)
    if compared is None:
        raise SettingsError(f"--group: {scheme} has no group {group!r}")
    lines = dialects.as_rows(compared)
    name = snapshot.group_name(scheme, group)
    with open_output(output) as out:
        print_dialects(out, lines, group, name, attribution.value, form, sample=snapshot.sample)


def measured(
    sources: Sources,
    option: str,
    scheme: str,
    asked: Mapping[str, Any],
    step: Step,
    beside: Sequence[str] = (),
    *,
    coverage_alone: bool = False,
    **reading: Any,
) -> tuple[Snapshot, Attribution]:
    """A snapshot with the coverage of one scheme, and of ``beside`` by the same attribution; and
    which that is. ``asked`` has ``attribution`` and ``min_peers``; ``option`` is what the command
    line calls the scheme; ``coverage_alone`` as :func:`~validator.state.assembly.assemble` has it.

    Raises:
        SettingsError: there is no such scheme, or it cannot be attributed so.
    """
    sources = {**sources, "groups": (*built_in_groups(), *sources["groups"])}
    inputs = read_all(sources, step, **reading)
    groupings = {batch.grouping.scheme: batch.grouping for batch in inputs.groups if batch.grouping}
    if scheme not in (schemes := [*Scheme, *sorted(groupings)]):
        known = ", ".join(schemes)
        raise SettingsError(f"{option}: no scheme is called {scheme!r}; there are {known}")
    given = Attribution(asked["attribution"]) if asked["attribution"] else None
    try:
        attribution = attribution_of(scheme, given, groupings.get(scheme))
    except ValueError as error:
        raise SettingsError(f"--attribution: {error}") from None
    inputs.groups = [  # provenance names what the figures rest on, and no more
        batch for batch in inputs.groups
        if batch.countries or (batch.grouping and batch.grouping.scheme == scheme)
    ]  # fmt: skip
    snapshot = assemble(
        inputs,
        AnnouncedRules(min_peers=asked["min_peers"]),
        coverages=[(each, attribution) for each in dict.fromkeys((*beside, scheme))],
        coverage_alone=coverage_alone,
        progress=step,
    )
    return snapshot, attribution


def built_in_groups() -> tuple[str, ...]:
    """The classes of countries that come with Originsight: where ORIGINSIGHT_GROUPS says, as in the
    container image, or in the source tree that this runs from."""
    beside = Path(__file__).parents[2] / "config" / "groups"
    folder = Path(os.environ.get("ORIGINSIGHT_GROUPS") or beside)
    return (str(folder),) if folder.is_dir() else ()


def export_pyasn(sources: Sources, output: Path | None, **reading: Any) -> None:
    """A table of routes as a pyasn database; gzipped if the file's name ends in ``.gz``."""
    with steps(reading["quiet"]) as step:
        inputs = read_all(sources, step, **reading)
        state = PipelineState(AnnouncedRules())
        state.load(inputs, step)
        chosen = pyasn_file.choose(state.routes)
    notice = SAMPLE_NOTICE if inputs.sample else ""
    gzipped = output is not None and output.suffix == ".gz"
    if not len(chosen.rows):
        raise OutputError("no route is left that a pyasn database can hold, so none is written")
    with (
        open_output(output) as out,
        pyasn_file.compressed(out) if gzipped else nullcontext(out) as text,
    ):
        pyasn_file.write(text, state.routes, chosen, inputs.reports, notice=notice)
    if not reading["quiet"]:
        note(pyasn_file.summarise(chosen))


def describe(report: InputReport) -> dict[str, Any]:
    """An input, as the JSON of the commands shows it."""
    return {
        "source": report.source,
        "kind": report.kind,
        "sha256": report.sha256,
        "rows": report.rows,
        "rejected": dict(report.rejected),
        "truncated": report.truncated,
    }


# ---------------------------------------------------------------------------------------- reading


def read_all(
    sources: Sources,
    step: Step = lambda _: None,
    *,
    allow_truncated: bool,
    as_of: int | None,
    quiet: bool,
    each: Mapping[str, ReadOptions] | None = None,
    fetching: FetchLimits | None = None,
) -> Inputs:
    """``each``: how to read some of the sources, by what they are called; ``fetching``: what is too
    slow or too large of what is fetched."""
    usual = ReadOptions(allow_truncated=allow_truncated, as_of=as_of)
    with tempfile.TemporaryDirectory(prefix="originsight-") as cache:
        files = _locate(sources, Path(cache), step, fetching)
        batches: list[Batch] = []
        for kind, source, file in files:
            step(f"reading {file.source}")
            batches.append(read(kind, file, (each or {}).get(source, usual)))
    inputs = gather(batches)
    if not quiet:
        for report in inputs.reports:
            for note in report.notes:
                Console(stderr=True, highlight=False, soft_wrap=True).print(
                    f"{report.source}: {note}", markup=False
                )
    return inputs


def _locate(
    sources: Sources, cache: Path, step: Step, limits: FetchLimits | None
) -> list[tuple[Kind, str, LocalFile]]:
    found: list[tuple[Kind, str, LocalFile]] = []
    for name, given in sources.items():
        for source in given:
            step(f"finding {source}")
            files = _fetch(source, cache, limits) if is_url(source) else find(source)[0]
            found += [(Kind(name), source, file) for file in wanted(Kind(name), source, files)]
    return found


def _fetch(source: str, cache: Path, limits: FetchLimits | None) -> tuple[LocalFile, ...]:
    import asyncio  # noqa: PLC0415 - this and the HTTP client load only if needed

    from collectors.fetch import Fetcher  # noqa: PLC0415

    async def fetch() -> tuple[LocalFile, ...]:
        async with Fetcher(cache, limits) as fetcher:
            return (await fetcher.locate(source)).files

    return asyncio.run(fetch())


@contextmanager
def steps(quiet: bool) -> Iterator[Step]:
    """Progress: a bar of steps on a terminal, plain lines elsewhere, nothing if quiet.

    Meanwhile nothing is collected: what is read stays until the command ends, and looking through
    it again and again would be a tenth of its time.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        with _progress(quiet) as step:
            yield step
    finally:
        if collects:
            gc.enable()


@contextmanager
def _progress(quiet: bool) -> Iterator[Step]:
    console = Console(stderr=True, highlight=False)
    if quiet:
        yield lambda _: None
    elif not console.is_terminal:
        began = time.perf_counter()
        yield lambda name: print(  # noqa: T201 - this is the plain form of progress
            f"{time.perf_counter() - began:6.1f} s  {name}", file=sys.stderr, flush=True
        )
    else:
        with Progress(
            SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(),
            console=console, transient=True,
        ) as progress:  # fmt: skip
            task = progress.add_task("starting", total=None)
            yield lambda name: progress.update(task, description=name)


# --------------------------------------------------------------------------------------- printing


def _route_rows(routes: RouteTable) -> Iterator[list[tuple[str, str, str, str, int]]]:
    """``prefix,origin,state,reason,peers`` of every route, some at a time."""
    labels = [(verdict.state.value, verdict.reason) for verdict in Verdict]
    for start in range(0, len(routes), _ROWS_AT_A_TIME):
        stop = min(start + _ROWS_AT_A_TIME, len(routes))
        yield [
            (
                format_prefix(4 if row < routes.ipv6 else 6, high, low, length),
                format_asn(origin),
                *labels[verdict],
                peers,
            )
            for row, high, low, length, origin, verdict, peers in zip(
                range(start, stop),
                *(
                    column[start:stop].tolist()
                    for column in (
                        routes.high,
                        routes.low,
                        routes.length,
                        routes.origin,
                        routes.verdict,
                        routes.peers,
                    )
                ),
                strict=True,
            )
        ]


def _write_routes(out: TextIO, routes: RouteTable, form: str) -> None:
    chunks = _route_rows(routes)
    if form == "csv":
        out.write(",".join(tables.ROUTE_COLUMNS) + "\n")
        for chunk in chunks:
            out.writelines(f"{p},{o},{s},{r},{n}\n" for p, o, s, r, n in chunk)
    elif form == "table":
        out.write(f"{'prefix':43} {'origin':>12}  {'state':9} {'reason':9} peers\n")
        for chunk in chunks:
            out.writelines(f"{p:43} {o:>12}  {s:9} {r:9} {n:5}\n" for p, o, s, r, n in chunk)
    else:
        encode = msgspec.json.encode
        before, between, after = ("[\n", ",\n", "\n]\n") if form == "json" else ("", "\n", "\n")
        lead = before
        for chunk in chunks:
            for row in chunk:
                out.write(lead)
                out.write(encode(dict(zip(tables.ROUTE_COLUMNS, row, strict=True))).decode())
                lead = between
        out.write(after if lead is between else before + after)


def _write_summary(out: TextIO, counts: Mapping[str, Any], form: str) -> None:
    columns = ("routes", "valid", "invalid", "not_found")
    lines = [
        (label, *(figures[column] for column in columns))
        for label, figures in (*counts["by_family"].items(), ("total", counts))
    ]
    if form == "ndjson":
        for label, *figures in lines:
            row = {"family": label, **dict(zip(columns, figures, strict=True))}
            out.write(msgspec.json.encode(row).decode() + "\n")
    elif form == "csv":
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(("family", *columns))
        writer.writerows(lines)
    else:
        out.write(f"{'':6}" + "".join(f"{column:>12}" for column in columns) + "\n")
        for label, *figures in lines:
            out.write(f"{label:6}" + "".join(f"{figure:>12,}" for figure in figures) + "\n")

"""``originsight report`` and ``originsight verify``: a report from files follows from them, and
what was altered since is named; a service answers with the same."""

from __future__ import annotations

import gzip
import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from collectors.catalog import Kind
from tests.feeds import StandingFeed
from tests.report_worlds import FileWorld, harmful
from tests.sites import serving
from validator.cli import main
from validator.cli.commands import read_all
from validator.cli.report_command import write_report
from validator.freshness import FAILED, SourceStatus
from validator.history.folder import Folder
from validator.history.records import day_of
from validator.history.table_writing import write_tables
from validator.history.writing import write_day
from validator.model import SettingsError, SourceError
from validator.reports.recounting import counted
from validator.reports.report import Report, sealed, to_json
from validator.reports.verify import verify
from validator.settings import file as settings
from validator.snapshot import Snapshot

ASKED = {"scheme": "country", "group": "NL", "compare": None, "from": None, "to": None}


class Made:
    """A world of files, and a report made from it."""

    def __init__(self, folder: Path) -> None:
        self.world = FileWorld(folder)
        self.file = folder / "report.json"
        write_report(ASKED, "json", self.file, self.world.config, quiet=True)
        self.content = self.file.read_bytes()
        self.report = msgspec.json.decode(self.content, type=Report)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return Made(tmp_path_factory.mktemp("world"))


@pytest.fixture
def inputs(made: Made, tmp_path: Path) -> Path:
    """The inputs in another folder, under other names."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    for number, name in enumerate(("vrps.json", "routes.csv", "delegated", "groups/country.csv")):
        shutil.copy(made.world.folder / name, folder / f"file-{number}")
    return folder


def figure(report: Report, name: str, family: str = "ipv4") -> Any:
    return next(f for f in report.figures if (f.id, f.family) == (name, family))


def test_a_report_says_what_the_files_say(made: Made) -> None:
    valid = figure(made.report, "valid_share")
    assert (valid.numerator, valid.denominator, valid.value) == (1, 2, 0.5)
    assert made.report.headline[0].startswith("\u2068Netherlands")
    assert "50.0%" in made.report.headline[0]
    assert made.report.families[0].excluded == {"too-specific": 1}
    assert made.report.families[0].invalids[0].origin == "AS64497"
    assert len([s for s in made.report.sources if len(s.sha256) == 64]) == 4


def test_a_fresh_report_is_equal_whatever_the_files_are_called(made: Made, inputs: Path) -> None:
    found = verify(made.content, inputs)
    assert found.equal, found.differs
    assert found.anew
    assert found.notes == ()


def test_an_altered_byte_names_the_input_and_what_comes_of_it(made: Made, inputs: Path) -> None:
    (inputs / "file-0").unlink()
    text = (made.world.folder / "vrps.json").read_text()
    (inputs / "vrps.json").write_text(text.replace("64496", "64497"))
    found = verify(made.content, inputs)
    digest = made.report.sources[0].sha256
    assert found.differs[0].startswith(f"input 1 (vrps {made.report.sources[0].source}): no file")
    assert digest in found.differs[0]
    assert "vrps.json there has" in found.differs[0]
    assert any("asn" in each.lower() or "64497" in each for each in found.differs)


def test_an_input_that_is_gone_is_named_and_nothing_is_guessed(made: Made, inputs: Path) -> None:
    (inputs / "file-1").unlink()
    found = verify(made.content, inputs)
    assert [each.split(":")[0] for each in found.differs] == [
        f"input 2 (route-list {made.report.sources[1].source})"
    ]
    assert found.notes == ("not made anew: inputs are missing",)


def test_the_lists_that_come_with_the_software_need_not_lie_there(made: Made, inputs: Path) -> None:
    (inputs / "file-3").unlink()
    assert not verify(made.content, inputs).equal
    assert verify(made.content, inputs, ours=(made.world.folder / "groups",)).equal


def test_an_altered_setting_is_named_and_what_comes_of_it(made: Made, inputs: Path) -> None:
    altered = made.content.replace(b'"longest_ipv4":24', b'"longest_ipv4":25')
    differs = verify(altered, inputs).differs
    assert differs[0] == "setting longest_ipv4: altered after the report was written; now 25"
    assert "figure valid_share ipv4: denominator: 2 → 3" in differs


def test_an_altered_figure_is_named_even_if_it_was_sealed_again(made: Made, inputs: Path) -> None:
    figures = tuple(
        replace_(f, numerator=2, value=1.0) if (f.id, f.family) == ("valid_share", "ipv4") else f
        for f in made.report.figures
    )
    forged = replace_(made.report, figures=figures)
    differs = verify(to_json(forged), inputs).differs
    assert differs[0].startswith("figure valid_share ipv4: altered after the report was written")
    assert verify(to_json(sealed(forged)), inputs).differs == (
        "figure valid_share ipv4: numerator: 2 → 1",
        "figure valid_share ipv4: value: 1.0 → 0.5",
    )


def test_a_share_that_is_not_its_quotient_is_named(made: Made, inputs: Path) -> None:
    altered = made.content.replace(
        b'"numerator":1,"denominator":2', b'"numerator":1,"denominator":4', 1
    )
    assert any("1 / 4 is 0.25, not 0.5" in each for each in verify(altered, inputs).differs)


def test_what_is_left_out_is_found(made: Made, inputs: Path) -> None:
    shorter = sealed(replace_(made.report, figures=made.report.figures[1:]))
    differs = verify(to_json(shorter), inputs).differs
    assert "figure valid_share ipv4: follows from the inputs and is missing" in differs


def test_live_feeds_cannot_be_read_again_and_that_is_said(made: Made, inputs: Path) -> None:
    live = replace_(made.report.sources[0], kind="rtr", sha256="", source="cache.example")
    report = sealed(replace_(made.report, sources=(live, *made.report.sources[1:])))
    found = verify(to_json(report), inputs)
    assert found.equal
    assert not found.anew
    assert found.notes[0].startswith("not made anew: rtr cache.example came without a file")


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"format":"other"}', b"[" * 100_000])
def test_what_is_no_report_is_refused_in_a_line(content: bytes, inputs: Path) -> None:
    with pytest.raises(SettingsError, match="no report"):
        verify(content, inputs)


def test_a_folder_that_is_none_is_named(made: Made, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="is no folder"):
        verify(made.content, tmp_path / "nowhere")


def test_the_command_says_equal_or_what_differs(made: Made, inputs: Path) -> None:
    run = CliRunner().invoke
    arguments = ["verify", str(made.file), "--inputs", str(inputs), "--quiet"]
    good = run(main, arguments)
    assert (good.exit_code, good.stdout) == (0, "equal\n")
    (inputs / "file-1").unlink()
    bad = run(main, arguments)
    assert bad.exit_code == 1
    assert "input 2 (route-list" in bad.stdout


def test_the_command_names_what_it_cannot_do(made: Made, tmp_path: Path) -> None:
    for change, message in (
        ({"scheme": "planets"}, "there is no scheme 'planets'"),
        ({"group": "XX"}, "has no group 'XX'"),
        ({"compare": "NL"}, "compared with another group"),
    ):
        with pytest.raises(SettingsError, match=message):
            write_report({**ASKED, **change}, "json", tmp_path / "r", made.world.config, quiet=True)
    config = made.world.config.with_name("live.toml")
    config.write_text(made.world.config.read_text() + '[[bmp]]\nlisten = "127.0.0.1:11019"\n')
    with pytest.raises(SettingsError, match=r"\[\[bmp\]\] is a live feed"):
        write_report(ASKED, "json", tmp_path / "r", config, quiet=True)


# ---------------------------------------------------------------------------------- days gone by


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, Path, Path]:
    """A report that tells of two earlier days, its world, and the history."""
    folder = tmp_path_factory.mktemp("days")
    world, history = FileWorld(folder), folder / "history"
    world.config.write_text(f'{world.config.read_text()}[history]\nfolder = "history"\n')
    for ago, vrps in ((400, [("192.0.2.0/24", 24, 64499)]), (365, [("192.0.2.0/24", 24, 64496)])):
        world.write_vrps(vrps)
        then = int(time.time()) - ago * 86_400
        snapshot = counted_from(world, then)
        write_day(snapshot, Folder(history), day_of(then))
        write_tables(snapshot, history, day_of(then))
    asked = {**ASKED, "from": day_of(int(time.time()) - 400 * 86_400)}
    write_report(asked, "json", folder / "report.json", world.config, quiet=True)
    return (folder / "report.json").read_bytes(), folder, history


def counted_from(world: FileWorld, moment: int) -> Snapshot:
    return counted_from_files(world.folder, moment)


def counted_from_files(folder: Path, moment: int | None = None) -> Snapshot:
    chosen = settings.load(folder / "config.toml")
    sources = {kind.value: [each.source for each in chosen.of(kind)] for kind in Kind}
    inputs = read_all(sources, allow_truncated=False, as_of=None, quiet=True)
    return counted(inputs, chosen.rules, moment or int(time.time()))


def test_it_tells_of_days_gone_by_and_what_changed(told: tuple[bytes, Path, Path]) -> None:
    report = msgspec.json.decode(told[0], type=Report)
    assert [(d.numerator, d.denominator) for d in report.trend[0].days] == [(0, 2), (1, 2)]
    assert [each.family for each in report.changes] == ["ipv4", "ipv6"]
    assert (report.changes[0].points, report.changes[0].movers[0].who) == (50.0, "AS64496")
    assert (report.changes[1].points, report.changes[1].movers) == (0.0, ())
    assert any("It was the same on" in each for each in report.headline)


def test_what_it_tells_of_other_days_follows_from_the_history(
    told: tuple[bytes, Path, Path],
) -> None:
    content, folder, history = told
    found = verify(content, folder, history)
    assert (found.equal, found.notes) == (True, ()), found
    assert verify(content, folder).notes == (
        "not made anew: the trend, targets and change; --history FOLDER does it",
    )


def test_a_history_that_has_grown_since_says_the_same(
    told: tuple[bytes, Path, Path], tmp_path: Path
) -> None:
    content, folder, history = told
    grown = tmp_path / "history"
    shutil.copytree(history, grown)
    write_day(counted_from_files(folder), Folder(grown), day_of(int(time.time())))
    found = verify(content, folder, grown)
    assert (found.equal, found.notes) == (True, ()), found


def test_an_altered_day_or_mover_is_named(told: tuple[bytes, Path, Path]) -> None:
    content, folder, history = told
    report = msgspec.json.decode(content, type=Report)
    first, changed = report.trend[0], report.changes[0]
    days = (replace_(first.days[0], numerator=2, value=1.0), *first.days[1:])
    trend = (replace_(first, days=days), *report.trend[1:])
    moved = (replace_(changed.movers[0], routes=7), *changed.movers[1:])
    changes = (replace_(changed, movers=moved), *report.changes[1:])
    forged = replace_(report, trend=trend, changes=changes)
    differs = verify(to_json(sealed(forged)), folder, history).differs
    day = first.days[0].day
    assert f"trend ipv4: days {day}: numerator: 2 → 0" in differs
    assert "changes ipv4: movers AS64496: routes: 7 → 1" in differs
    assert any(
        each.startswith("trend ipv4: altered") for each in verify(to_json(forged), folder).differs
    )


def test_a_change_that_is_left_out_is_found_in_either_family(
    told: tuple[bytes, Path, Path],
) -> None:
    content, folder, history = told
    report = msgspec.json.decode(content, type=Report)
    for kept, family in ((report.changes[:1], "ipv6"), (report.changes[1:], "ipv4"), ((), "ipv4")):
        shorter = sealed(replace_(report, changes=kept))
        differs = verify(to_json(shorter), folder, history).differs
        assert f"changes {family}: follows from the inputs and is missing" in differs


def test_a_day_whose_tables_are_gone_is_a_note_and_no_difference(
    told: tuple[bytes, Path, Path], tmp_path: Path
) -> None:
    content, folder, history = told
    figures_alone = tmp_path / "history"
    figures_alone.mkdir()
    for file in history.glob("*.parquet"):
        shutil.copy(file, figures_alone)
    found = verify(content, folder, figures_alone)
    assert found.equal, found.differs
    assert found.notes[0].startswith("not made anew: the change since")


def test_a_report_of_an_older_form_is_refused_with_what_to_do(made: Made, inputs: Path) -> None:
    older = made.content.replace(b'"originsight-report/2"', b'"originsight-report/1"')
    with pytest.raises(SettingsError, match=r"report/1'.*verify it with the version that made it"):
        verify(older, inputs)


def test_the_settings_limits_and_what_may_be_truncated_hold_for_reports_too(
    tmp_path: Path,
) -> None:
    world = FileWorld(tmp_path)
    its, output = world.config.read_text(), tmp_path / "report.json"
    world.config.write_text(f"{its}[limits]\nmax_bytes = 60\n")
    with pytest.raises(SourceError, match="60"):
        write_report(ASKED, "json", output, world.config, quiet=True)
    assert not output.exists()
    world.config.write_text(its)
    packed = gzip.compress(world.routes.read_bytes() * 3_000)
    (tmp_path / "routes.csv.gz").write_bytes(packed[: len(packed) // 2])
    named = its.replace('"routes.csv"', '"routes.csv.gz"')
    world.config.write_text(named)
    with pytest.raises(SourceError, match=r"routes\.csv\.gz"):
        write_report(ASKED, "json", output, world.config, quiet=True)
    world.config.write_text(
        named.replace('"routes.csv.gz"', '"routes.csv.gz"\nallow_truncated = true')
    )
    write_report(ASKED, "json", output, world.config, quiet=True)
    report = msgspec.json.decode(output.read_bytes(), type=Report)
    assert [each.truncated for each in report.sources if each.kind == "route-list"] == [True]
    assert any("ends early; what could be read of it is used" in each for each in report.troubles)


# ------------------------------------------------------------------------------------ the service


async def test_the_service_answers_in_every_form_but_pdf_at_once() -> None:
    media = {
        "html": "text/html", "csv": "text/csv", "md": "text/markdown", "json": "application/json",
        "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    }  # fmt: skip
    async with serving(StandingFeed(harmful()), sample=True) as site:
        for form, its in media.items():
            status, headers, body = await site.ask(f"/api/v1/report/country/NL?format={form}")
            assert (status, headers["Content-Type"].split(";")[0]) == (200, its)
            assert headers["X-Originsight-Sample"] == "1"
            assert headers["Content-Security-Policy"].endswith("sandbox")
            assert body
        again = await site.ask(
            "/api/v1/report/country/NL", headers={"If-None-Match": headers["Etag"]}
        )
        assert again[0] == 200  # another form has another tag
        tag = again[1]["Etag"]
        known = await site.ask("/api/v1/report/country/NL", headers={"If-None-Match": tag})
        assert known[0] == 304


async def test_its_figures_are_those_of_the_coverage_api() -> None:
    async with serving(StandingFeed(harmful())) as site:
        _, report = await site.json("/api/v1/report/country/NL?format=json")
        _, api = await site.json("/api/v1/coverage?by=country")
        rows = {each["family"]: each for each in api["rows"] if each["group"] == "NL"}
        shares = [f for f in report["figures"] if f["id"] in rows["ipv4"]]
        assert len(shares) == 10
        for each in shares:
            assert each["value"] == rows[each["family"]][each["id"]]


async def test_an_input_beyond_its_time_is_said_and_no_sentence_is_made() -> None:
    snapshot = harmful()
    old = SourceStatus("vrps", "vrps.json", FAILED, error="gone", since=1, stale_from=2)
    feed = StandingFeed(replace(snapshot, troubles=(old,)))
    async with serving(feed) as site:
        _, headers, _ = await site.ask("/api/v1/report/country/NL")
        assert "vrps vrps.json" in headers["X-Originsight-Degraded"]
        _, report = await site.json("/api/v1/report/country/NL?format=json")
        assert report["degraded"] == ["vrps vrps.json: failed: gone"]
        assert report["headline"] == []
        _, _, page = await site.ask("/api/v1/report/country/NL")
        assert b"older than they may be" in page


@pytest.mark.parametrize(
    ("asked", "status", "said"),
    [
        ("planets/NL", 404, "no scheme is called 'planets'"),
        ("country/XX", 404, "has no group 'XX'"),
        ("country/NL?compare=NL", 400, "is the group itself"),
        ("country/NL?compare=", 400, "names no group"),
        ("country/NL?format=doc", 400, "is not one of html, pdf"),
        ("country/NL?from=2026-02-01&to=2026-01-01", 400, "is not before to="),
        ("country/NL?from=2026-02-01", 404, "keeps no history"),
        ("country/NL?to=2026-02-01", 404, "keeps no history"),
        ("country/NL?lang=xx", 400, "is not one of en"),
    ],
)
async def test_what_cannot_be_answered_is_refused_with_the_reason(
    asked: str, status: int, said: str
) -> None:
    async with serving() as site:
        answered, _, body = await site.ask(f"/api/v1/report/{asked}")
        assert (answered, said in msgspec.json.decode(body)["detail"]) == (status, True), body


def replace_(its: Any, **changes: Any) -> Any:
    return msgspec.structs.replace(its, **changes)

"""The command as a person or a script runs it: a process, its output, and its exit code."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import signal
import socket
import subprocess
import threading
from pathlib import Path

import pytest

from tests.commands import (
    COMMAND,
    COVERAGE,
    PATIENCE_SECONDS,
    ROWS,
    TABLE,
    good,
    refusal,
    run,
    write_inputs,
)
from tests.served import ROOT
from validator.figures import table_rows as tables


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A working directory with one input of each kind."""
    place = tmp_path / "work"
    place.mkdir()
    write_inputs(place)
    return place


# ------------------------------------------------------------------------------------- validate


def test_the_installed_command_prints_routes_as_csv(folder: Path) -> None:
    done = subprocess.run(
        [COMMAND, *TABLE, "--format", "csv", "--quiet"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=True,
    )
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert lines[0] == "prefix,origin,state,reason,peers"
    assert lines[1:] == [",".join(map(str, row)) for row in ROWS]


def test_routes_as_json_and_as_a_json_object_a_line_say_the_same(folder: Path) -> None:
    expected = [
        dict(zip(("prefix", "origin", "state", "reason", "peers"), row, strict=True))
        for row in ROWS
    ]
    assert json.loads(good(folder, *TABLE, "--format", "json")) == expected
    lines = good(folder, *TABLE, "--format", "ndjson").splitlines()
    assert [json.loads(line) for line in lines] == expected


def test_routes_as_a_table_are_what_is_shown_if_nothing_is_said(folder: Path) -> None:
    shown = good(folder, *TABLE)
    assert shown == good(folder, *TABLE, "--format", "table")
    assert [line.split() for line in shown.splitlines()] == [
        ["prefix", "origin", "state", "reason", "peers"],
        *([str(cell) for cell in row if cell != ""] for row in ROWS),
    ]


def test_the_summary_as_json_names_each_input_with_its_hash(folder: Path) -> None:
    document = json.loads(good(folder, *TABLE, "--summary", "--format", "json"))
    assert document.pop("elapsed_seconds") >= 0
    vrps, routes = document.pop("inputs")
    document.pop("sample", None)
    assert document == {
        "routes": 7,
        "valid": 2,
        "invalid": 3,
        "not_found": 2,
        "by_family": {
            "ipv4": {"routes": 5, "valid": 1, "invalid": 3, "not_found": 1},
            "ipv6": {"routes": 2, "valid": 1, "invalid": 0, "not_found": 1},
        },
    }
    for described, name, rows in ((vrps, "vrps.json", 3), (routes, "routes.csv", 7)):
        sha256 = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        assert described.pop("kind")
        assert described == {
            "source": name,
            "sha256": sha256,
            "rows": rows,
            "rejected": {},
            "truncated": False,
        }


def test_the_summary_in_the_other_forms_has_a_line_for_each_family_and_all(folder: Path) -> None:
    expected = [("ipv4", 5, 1, 3, 1), ("ipv6", 2, 1, 0, 1), ("total", 7, 2, 3, 2)]
    columns = ("family", "routes", "valid", "invalid", "not_found")
    header, *rows = csv.reader(good(folder, *TABLE, "--summary", "--format", "csv").splitlines())
    assert tuple(header) == columns
    assert rows == [[str(cell) for cell in line] for line in expected]
    lines = good(folder, *TABLE, "--summary", "--format", "ndjson").splitlines()
    assert [tuple(json.loads(line)[column] for column in columns) for line in lines] == expected
    shown = good(folder, *TABLE, "--summary").splitlines()
    assert [line.split() for line in shown[1:]] == rows


def test_several_sources_of_a_kind_are_put_together(folder: Path) -> None:
    (folder / "more.csv").write_text("11.9.0.0/16,4\n11.0.0.0/16,1\n")
    document = json.loads(
        good(folder, *TABLE, "--routes", "more.csv", "--summary", "--format", "json")
    )
    assert document["routes"] == 8
    assert [described["rows"] for described in document["inputs"]] == [3, 7, 2]


def test_local_exceptions_change_the_answer(folder: Path) -> None:
    (folder / "slurm.json").write_text(
        json.dumps(
            {
                "slurmVersion": 1,
                "validationOutputFilters": {
                    "prefixFilters": [{"asn": 1}],
                    "bgpsecFilters": [],
                },
                "locallyAddedAssertions": {
                    "prefixAssertions": [{"asn": 3, "prefix": "11.9.0.0/16"}],
                    "bgpsecAssertions": [],
                },
            }
        )
    )
    rows = list(
        csv.DictReader(
            good(folder, *TABLE, "--slurm", "slurm.json", "--format", "csv").splitlines()
        )
    )
    states = {row["prefix"]: row["state"] for row in rows}
    assert states["11.0.0.0/16"] == "not-found"
    assert states["11.9.0.0/16"] == "valid"


def test_a_vrp_that_had_expired_at_the_time_asked_for_is_not_used(folder: Path) -> None:
    route = ("validate", "--vrps", "vrps.json", "11.0.0.0/16", "1")
    assert "valid" in good(folder, *route, "--as-of", "1799999999").splitlines()[0]
    assert "not-found" in good(folder, *route, "--as-of", "2027-01-15T08:00:01Z").splitlines()[0]


def test_one_route_in_words(folder: Path) -> None:
    shown = good(folder, "validate", "--vrps", "vrps.json", "11.3.0.0/24", "AS1").splitlines()
    assert shown[0] == "11.3.0.0/24 from AS1: invalid (as0)"
    assert len(shown) == 2
    assert "11.3.0.0/16-32 AS0" in shown[1]
    assert "no VRP covers it" in good(folder, "validate", "--vrps", "vrps.json", "2a00:1::/32", "3")


def test_one_route_as_json_has_the_shape_of_routinator(folder: Path) -> None:
    document = json.loads(
        good(folder, "validate", "--vrps", "vrps.json", "11.0.0.0/17", "1", "--format", "json")
    )
    validated = document["validated_route"]
    assert validated["route"] == {"origin_asn": "AS1", "prefix": "11.0.0.0/17"}
    validity = validated["validity"]
    assert (validity["state"], validity["reason"]) == ("invalid", "length")
    assert validity["VRPs"] == {
        "matched": [],
        "unmatched_as": [],
        "unmatched_length": [{"asn": "AS1", "prefix": "11.0.0.0/16", "max_length": "16"}],
    }
    assert "generatedTime" in document


# ------------------------------------------------------------------------------------- coverage


def test_a_row_of_coverage_as_json(folder: Path) -> None:
    document = json.loads(good(folder, *COVERAGE, "--by", "country", "--format", "json"))
    assert document["excluded"] == {}
    *given, countries = (described["source"] for described in document["inputs"])
    assert given == ["vrps.json", "routes.csv", "delegated"]
    assert countries.endswith("country.csv")
    rows = {(row["group"], row["family"]): row for row in document["rows"]}
    row = rows["US", "ipv4"]
    assert row.pop("name") is not None
    assert row == {
        "scheme": "country",
        "group": "US",
        "family": "ipv4",
        "routes": {"announced": 3, "valid": 1, "invalid": 2, "not_found": 0},
        "space": {
            "unit": "addresses",
            "announced": 65536,
            "covered": 65536,
            "valid": 65536,
            "invalid": 65536,
            "not_found": 0,
        },
        "coverage": 1.0,
        "valid_share": 1 / 3,
        "accuracy": 1 / 3,
        "space_coverage": 1.0,
        "space_valid_share": 1.0,
    }
    assert rows["CA", "ipv6"]["space"]["unit"] == "48s"
    assert rows["CA", "ipv6"]["space"]["announced"] == 65536
    assert rows["ZZ", "ipv4"]["routes"]["announced"] == 2


def test_coverage_as_csv_has_the_same_figures(folder: Path) -> None:
    lines = good(folder, *COVERAGE, "--by", "asn", "--format", "csv").splitlines()
    rows = list(csv.DictReader(lines))
    assert lines[0] == ",".join(tables.COVERAGE_COLUMNS)
    document = json.loads(good(folder, *COVERAGE, "--by", "asn", "--format", "json"))
    assert [list(row.values()) for row in rows] == [
        [str(cell) for cell in tables.flat(row)] for row in document["rows"]
    ]


def test_coverage_as_a_table_says_what_the_figures_mean(folder: Path) -> None:
    shown = good(folder, *COVERAGE, "--by", "rir", "--family", "ipv4")
    assert "Coverage by rir, attributed by address" in shown
    assert "valid share = valid / announced routes" in shown
    assert "ipv6" not in shown


def test_routes_that_too_few_peers_see_are_excluded_and_counted(folder: Path) -> None:
    document = json.loads(
        good(folder, *COVERAGE, "--by", "rir", "--min-peers", "2", "--format", "json")
    )
    assert document["excluded"] == {"too-few-peers": 7}
    assert sum(row["routes"]["announced"] for row in document["rows"]) == 0


def test_attribution_by_origin_asks_whose_the_as_number_is(folder: Path) -> None:
    document = json.loads(
        good(folder, *COVERAGE, "--by", "country", "--attribution", "origin", "--format", "json")
    )
    rows = {(row["group"], row["family"]): row["routes"]["announced"] for row in document["rows"]}
    assert (rows["US", "ipv4"], rows["US", "ipv6"], rows["ZZ", "ipv4"]) == (3, 1, 2)


# --------------------------------------------------------------------------- output and progress


def test_a_file_to_write_is_there_only_when_it_is_complete(folder: Path) -> None:
    good(folder, *TABLE, "--format", "csv", "-o", "out.csv")
    before = (folder / "out.csv").read_text()
    assert before.count("\n") == 1 + len(ROWS)
    (folder / "routes.csv").write_text("")
    refusal(folder, *TABLE, "--format", "csv", "-o", "out.csv")
    assert (folder / "out.csv").read_text() == before
    assert not list(folder.glob("*.partial"))


def test_a_pipe_is_written_to_and_stays_a_pipe(folder: Path) -> None:
    pipe = folder / "pipe"
    os.mkfifo(pipe)
    got: list[str] = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_text()), daemon=True)
    reader.start()
    good(folder, *TABLE, "--format", "csv", "-o", "pipe")
    reader.join(PATIENCE_SECONDS)
    assert got
    assert got[0].count("\n") == 1 + len(ROWS)
    assert pipe.is_fifo()


def test_a_link_to_a_file_stays_a_link(folder: Path) -> None:
    (folder / "link").symlink_to("real.csv")
    good(folder, *TABLE, "--format", "csv", "-o", "link")
    assert (folder / "link").is_symlink()
    assert (folder / "real.csv").read_text().startswith("prefix,origin")


def test_a_folder_that_is_not_there_is_named(folder: Path) -> None:
    assert "nowhere/out.csv" in refusal(folder, *TABLE, "-o", "nowhere/out.csv")


def test_progress_is_plain_lines_where_there_is_no_terminal(folder: Path) -> None:
    done = run(folder, *TABLE, "--summary")
    lines = done.err.splitlines()
    assert done.code == 0
    assert any("reading vrps.json" in line for line in lines)
    assert any("reading routes.csv" in line for line in lines)
    assert "\x1b" not in done.err
    assert done.out == good(folder, *TABLE, "--summary")


def test_a_reader_that_stops_early_is_no_failure(folder: Path) -> None:
    (folder / "routes.csv").write_text(
        "".join(f"11.{row >> 8}.{row & 255}.0/24,{row + 1}\n" for row in range(50_000))
    )
    with subprocess.Popen(
        [COMMAND, *TABLE, "--format", "csv", "--quiet"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith("prefix")
        process.stdout.close()
        complaint = process.stderr.read()
        assert process.wait(PATIENCE_SECONDS) == 0
    assert complaint == ""


def test_ctrl_c_ends_it_cleanly_while_it_waits_for_a_server(folder: Path) -> None:
    scratch = folder / "scratch"
    scratch.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/rib"
        with subprocess.Popen(
            [COMMAND, "validate", "--vrps", "vrps.json", "--routes", address],
            cwd=folder,
            env={**os.environ, "TMPDIR": str(scratch)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # A shell that runs us in the background has us ignore it, and our children with us.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
        ) as process:
            silent.settimeout(PATIENCE_SECONDS)
            connection, _ = silent.accept()
            with connection:
                assert connection.recv(1)
                process.send_signal(signal.SIGINT)
                out, complaint = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 1
    assert out == ""
    assert "Traceback" not in complaint
    assert complaint.endswith("Aborted!\n")
    assert list(scratch.iterdir()) == []


# -------------------------------------------------------------------------------------------- usage


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("validate", "--vrps", "vrps.json"),
        ("validate", "--routes", "routes.csv"),
        ("validate", "--vrps", "vrps.json", "11.0.0.0/16"),
        ("validate", "--vrps", "vrps.json", "11.0.0.1/16", "1"),
        ("validate", "--vrps", "vrps.json", "11.0.0.0/16", "4294967296"),
        (*TABLE, "--format", "text"),
        (*TABLE, "--as-of", "yesterday"),
        (*COVERAGE, "--by", "moon"),
        (*COVERAGE, "--by", "asn", "--attribution", "address"),
        (*COVERAGE, "--by", "rir", "--min-peers", "0"),
        ("serve", "--config", "missing.toml"),
        ("check-config", "missing.toml"),
    ],
)
def test_a_command_that_makes_no_sense_is_refused_with_code_2(
    folder: Path, arguments: tuple[str, ...]
) -> None:
    done = run(folder, *arguments)
    assert done.code == 2
    assert "Traceback" not in done.err
    assert done.out + done.err


def test_a_settings_file_is_checked_without_running_anything(folder: Path) -> None:
    config = folder / "config.toml"
    config.write_text(
        '[[vrps]]\nsource = "vrps.json"\n[[routes]]\nsource = "https://a.example/r"\n'
    )
    done = run(Path("/"), "check-config", str(config))
    assert (done.code, done.err) == (0, "")
    assert [line.split() for line in done.out.splitlines()] == [
        ["vrps", str(folder / "vrps.json")],
        ["routes", "https://a.example/r"],
        [f"{config}:", "good"],
    ]


def test_a_settings_file_with_a_mistake_is_refused_in_one_line(folder: Path) -> None:
    config = folder / "config.toml"
    config.write_text('vrp = 1\n[[vrps]]\nsource = "a"\n[[routes]]\nsource = "b"\n')
    for command in (("check-config", str(config)), ("serve", "--config", str(config))):
        done = run(folder, *command)
        assert (done.code, done.out) == (2, "")
        assert done.err.startswith(f"originsight: {config}: ")
        assert "`vrp`" in done.err
        assert done.err.count("\n") == 1


# ------------------------------------------------------------------------- classes and dialects


def test_classes_of_countries_come_with_originsight(folder: Path) -> None:
    document = json.loads(good(folder, *COVERAGE, "--by", "m49-region", "--format", "json"))
    names = {row["group"]: row["name"] for row in document["rows"]}
    assert names["019"] == "Americas"
    assert sum(row["routes"]["announced"] for row in document["rows"]) > 0


def test_a_scheme_that_is_not_there_is_told_which_are(folder: Path) -> None:
    done = run(folder, *COVERAGE, "--by", "continent")
    assert (done.code, done.out) == (2, "")
    assert "no scheme is called 'continent'; there are asn, country, rir" in done.err


def test_one_group_in_everybodys_figures(folder: Path) -> None:
    sources = COVERAGE[1:]
    asked = ("dialects", *sources, "--scheme", "country", "--group", "US")
    document = json.loads(good(folder, *asked, "--format", "json"))
    publishers = {row["publisher"] for row in document["dialects"]}
    assert {"Originsight", "RIPE NCC", "NIST", "MANRS", "Cloudflare Radar"} <= publishers
    rows = list(csv.DictReader(io.StringIO(good(folder, *asked, "--format", "csv"))))
    assert len(rows) == len(document["dialects"])
    assert all(row["formula"] and row["why"] for row in rows)
    assert "everybody's figures" in good(folder, *asked)
    assert "has no group 'XX'" in run(folder, *asked[:-1], "XX").err


def test_the_classes_may_lie_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from validator.cli.commands import built_in_groups

    assert built_in_groups() == (str(ROOT / "config" / "groups"),)
    monkeypatch.setenv("ORIGINSIGHT_GROUPS", str(tmp_path))
    assert built_in_groups() == (str(tmp_path),)
    monkeypatch.setenv("ORIGINSIGHT_GROUPS", str(tmp_path / "none"))
    assert built_in_groups() == ()

"""What the command makes of its inputs: bad ones are refused in one line, URLs are fetched."""

from __future__ import annotations

import functools
import gzip
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.commands import PATIENCE_SECONDS, ROUTES, TABLE, VRPS, good, refusal, write_inputs


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A working directory with one input of each kind."""
    place = tmp_path / "work"
    place.mkdir()
    write_inputs(place)
    return place


def truncated_gzip() -> bytes:
    """Two thirds of a long list of routes."""
    text = "".join(f"11.{row >> 8}.{row & 255}.0/24,{row * 7 % 65536}\n" for row in range(50_000))
    whole = gzip.compress(text.encode())
    return whole[: len(whole) * 2 // 3]


BAD_ROUTES = {
    "an empty file": (b"", "", "is empty", "get the file again"),
    "a truncated archive": (truncated_gzip(), "stored byte", "ends early", "--allow-truncated"),
    "damaged gzip data": (
        gzip.compress(ROUTES.encode())[:10] + b"\xff" * 40,
        "stored byte",
        "damaged",
        "get the file again",
    ),
    "neither MRT nor text": (bytes(range(256)), "byte 0", "neither MRT nor text", "give an MRT"),
    "host bits": (b"11.0.0.1/16,1\n", "line 1", "host bits", "192.0.2.0/24,64496"),
    "an AS number beyond 32 bits": (b"11.0.0.0/16,4294967296\n", "line 1", "32 bits", "expected"),
}
BAD_VRPS = {
    "an empty file": ("", "", "is empty", "get the file again"),
    "JSON that ends early": ('{"roas": [{"asn": 1, ', "byte", "ends early", "again"),
    "a wrong type": ('{"roas": 7}', "$.roas", "not a VRP export", "expected"),
    "maxLength out of range": (
        '{"roas": [{"asn": 1, "prefix": "11.0.0.0/16", "maxLength": 99}]}',
        "",
        "maxlength",
        "is it a VRP export?",
    ),
    "host bits": (
        '{"roas": [{"asn": 1, "prefix": "11.0.0.1/16", "maxLength": 16}]}',
        "",
        "host-bits",
        "is it a VRP export?",
    ),
}


@pytest.mark.parametrize("case", BAD_ROUTES)
def test_bad_routes_are_refused_in_one_line_with_file_place_and_cure(
    folder: Path, case: str
) -> None:
    content, *words = BAD_ROUTES[case]
    (folder / "routes.csv").write_bytes(content)
    said = refusal(folder, *TABLE, "--summary")
    for word in ("routes.csv", *words):
        assert word in said


@pytest.mark.parametrize("case", BAD_VRPS)
def test_bad_vrps_are_refused_in_one_line_with_file_place_and_cure(folder: Path, case: str) -> None:
    content, *words = BAD_VRPS[case]
    (folder / "vrps.json").write_text(content)
    said = refusal(folder, *TABLE, "--summary")
    for word in ("vrps.json", *words):
        assert word in said


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("missing.csv", "cannot be read: No such file"),
        ("hollow", "has no files"),
        ("ftp://archive.example/rib", "only http and https"),
    ],
)
def test_a_source_with_nothing_behind_it_is_refused(folder: Path, source: str, words: str) -> None:
    (folder / "hollow").mkdir()
    said = refusal(folder, "validate", "--vrps", "vrps.json", "--routes", source)
    assert source in said
    assert words in said


def test_rows_refused_at_the_door_are_counted_by_reason(folder: Path) -> None:
    bad = [
        {"asn": 1, "prefix": "11.5.0.0/16", "maxLength": 33},
        {"asn": 1, "prefix": "11.5.0.0/16", "maxLength": 15},
        {"asn": 1, "prefix": "11.5.0.1/16", "maxLength": 16},
        {"asn": 4294967296, "prefix": "11.5.0.0/16", "maxLength": 16},
    ]
    (folder / "vrps.json").write_text(json.dumps({"roas": [*VRPS, *bad]}))
    document = json.loads(good(folder, *TABLE, "--summary", "--format", "json"))
    described = document["inputs"][0]
    assert described["rows"] == 3
    assert sum(described["rejected"].values()) == 4
    assert document["valid"] == 2


def test_the_readable_part_of_a_truncated_file_is_used_if_it_is_allowed(folder: Path) -> None:
    (folder / "routes.csv").write_bytes(truncated_gzip())
    document = json.loads(
        good(folder, *TABLE, "--allow-truncated", "--summary", "--format", "json")
    )
    described = document["inputs"][1]
    assert described["truncated"]
    assert 0 < described["rows"] < 50_000
    assert document["routes"] == described["rows"]


@pytest.fixture
def web(folder: Path) -> Iterator[str]:
    """The working directory over http on a free loopback port."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join(PATIENCE_SECONDS)


def test_inputs_may_be_urls(folder: Path, web: str) -> None:
    (folder / "packed").write_bytes(gzip.compress(ROUTES.encode()))
    document = json.loads(
        good(
            folder,
            *("validate", "--vrps", f"{web}/vrps.json", "--routes", f"{web}/packed"),
            *("--summary", "--format", "json"),
        )
    )
    assert (document["routes"], document["valid"]) == (7, 2)
    assert [described["source"] for described in document["inputs"]] == [
        f"{web}/vrps.json",
        f"{web}/packed",
    ]


def test_a_url_with_nothing_behind_it_is_refused_in_one_line(folder: Path, web: str) -> None:
    said = refusal(folder, "validate", "--vrps", f"{web}/missing.json", "11.0.0.0/16", "1")
    assert f"{web}/missing.json" in said
    assert "404" in said

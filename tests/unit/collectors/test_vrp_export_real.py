"""Exports that real programs wrote: how many VRPs each holds, and why the others are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from collectors import vrp_export
from collectors.base import LocalFile, ReadOptions, SourceError
from validator.model import Aspa

GOLDEN = ("json", "jsonext", "csv", "csvcompat", "csvext")
EXPECTED: dict[str, tuple[int, dict[str, int]]] = {
    "bgpalerter_roas.after.json": (2, {}),
    "bgpalerter_roas.before.json": (4, {"host-bits": 1}),
    "bgpalerter_vrp.correct.json": (3, {}),
    "bgpalerter_vrp.missing.json": (2, {}),
    "bgpalerter_vrp.wrong.json": (1, {"host-bits": 1}),
    "frr_vrps.csv": (4, {}),
    "gortr_cloudflare.json": (2, {}),
    "massimocandela_5000vrps.json": (5000, {}),
    "ripe_roas.csv": (49, {}),
    "stayrtr_rpki-client_2023.json": (19, {}),
    "stayrtr_small.json": (2, {}),
    **{f"routinator/000.{form}": (0, {}) for form in GOLDEN},
    **{
        f"routinator/{number}.{form}": (2, {})
        for number in ("100", "101", "110", "111")
        for form in GOLDEN
    },
}  # fmt: skip


@pytest.mark.real_data
def test_every_real_sample_gives_its_vrps_or_says_why_not(real_data: Path) -> None:
    folder = real_data / "vrps" / "formats"
    found = {}
    refused = {}
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        name = path.relative_to(folder).as_posix()
        try:
            batch = vrp_export.load(LocalFile(path, name), ReadOptions())
        except SourceError as error:
            refused[name] = str(error)
        else:
            found[name] = len(batch), dict(batch.report.rejected)
    assert found == EXPECTED
    assert {"stayrtr_prefixfile_test.json", "ripe_certified.csv"} <= refused.keys()
    for name, said in refused.items():
        assert said.startswith(name)
        assert "\n" not in said


@pytest.mark.real_data
def test_the_golden_files_with_aspas_and_keys_keep_them(real_data: Path) -> None:
    for form in ("json", "jsonext"):
        path = real_data / "vrps" / "formats" / "routinator" / f"111.{form}"
        batch = vrp_export.load(LocalFile(path, form), ReadOptions())
        assert batch.aspas[0] == Aspa(1234, (1, 2, 3, 4), "N/A" if form == "json" else "")
        assert [key.asn for key in batch.router_keys] == [1234, 1234]

"""Fixtures that every kind of test shares."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real routing and registry data; its tests are skipped where it is absent."""
    place = Path(os.environ.get("ORIGINSIGHT_TEST_DATA", ROOT / ".." / "shared" / "data"))
    if not place.is_dir():
        pytest.skip("no real data here: set ORIGINSIGHT_TEST_DATA to the folder that holds it")
    return place.resolve()


LONG = (
    "test_bmp_daemons",
    "test_pages_in_a_browser",
    "test_openapi_contract",
    "test_rtr",
    "test_service",
    "test_bulk_bench",
    "test_bird",
    "test_fixes_on_real_table",
    "test_mrt_against_bgpdump",
    "test_vectors_over_http",
)
"""The modules that take longest, the longest first: begun last, the rest would wait for one."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: LONG.index(item.path.stem) if item.path.stem in LONG else len(LONG))

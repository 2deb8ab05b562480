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

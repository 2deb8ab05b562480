"""Every answer is as ``/openapi.json`` says, whatever is asked: schemathesis over all operations.

``make test`` asks a small snapshot what lies at the limits of each parameter, the same questions
each time. With the environment variable ``ORIGINSIGHT_CONTRACT_EXAMPLES`` (2000, or more) the
sample world is asked at least so many, in every phase that schemathesis has.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from collectors.base import LocalFile, ReadOptions
from collectors.catalog import Kind, read
from tests.conftest import ROOT
from tests.contract_run import run, served
from tests.feeds import make_snapshot
from validator.inputs.batches import gather
from validator.sample import build_world, write_files
from validator.settings import file as settings
from validator.snapshot import Snapshot
from validator.state.assembly import assemble

WANTED = int(os.environ.get("ORIGINSIGHT_CONTRACT_EXAMPLES", "0"))
SEED = int(os.environ.get("ORIGINSIGHT_CONTRACT_SEED", "1"))


def sample_world(folder: Path) -> Snapshot:
    """The sample world, as its own settings would have it."""
    folder.mkdir()
    written = write_files(folder, build_world())
    kinds = {"vrps": Kind.VRPS, "routes": Kind.ROUTES, "asn-names": Kind.ASN_NAMES}
    kinds |= {what: Kind.RESOURCES for what in written if what.startswith("delegated-")}
    batches = [
        read(kind, LocalFile(written[what], what), ReadOptions()) for what, kind in kinds.items()
    ]
    rules = settings.load(ROOT / "config" / "sample.toml").rules
    return assemble(gather(batches), rules)


@pytest.mark.skipif(bool(WANTED), reason="the long one is asked for")
def test_answers_to_questions_at_every_limit_are_as_declared(tmp_path: Path) -> None:
    with served(make_snapshot(), tmp_path / "history") as url:
        count, failed = run(url, tmp_path, phases="examples,coverage", each=1, seed=SEED)
    assert not failed, failed
    assert count >= 1000


@pytest.mark.skipif(not WANTED, reason="set ORIGINSIGHT_CONTRACT_EXAMPLES=2000 for the long one")
def test_answers_to_thousands_of_questions_are_as_declared(tmp_path: Path) -> None:
    total = 0
    with served(sample_world(tmp_path / "sample"), tmp_path / "history") as url:
        seed = SEED
        while total < WANTED:
            count, failed = run(
                url, tmp_path, phases="examples,coverage,fuzzing,stateful", each=30, seed=seed
            )
            assert not failed, failed
            assert count, "nothing was asked"
            total, seed = total + count, seed + 1

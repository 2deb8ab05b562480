"""The sample world with some past days, which pages are tried on: files, settings, a history."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from validator.history.folder import Folder
from validator.history.table_writing import write_tables
from validator.history.writing import write_day
from validator.inputs.batches import Inputs
from validator.model import Prefixes, VrpBatch
from validator.sample import build_world, write_files
from validator.sample.chronicle import read_inputs
from validator.sample.past import snapshot_of
from validator.settings import file as settings

ROOT = Path(__file__).resolve().parent.parent
WEEKS = 4


def write_site(folder: Path, *, with_today: bool = False) -> Path:
    """Files and settings of the sample in a folder, with a history of some weeks and of a year ago.
    The path of the settings. ``with_today``: the history has today from the beginning, so that it
    stays as it is once the service writes it."""
    files = folder / "sample"
    files.mkdir(parents=True)
    write_files(files, build_world())
    text = (ROOT / "config" / "sample.toml").read_text()
    text = text.replace("../var/sample", str(files)).replace("../var/cache", str(folder / "cache"))
    text = text.replace('source = "groups"', f'source = "{ROOT / "config" / "groups"}"')
    config = folder / "sample.toml"
    config.write_text(text)
    chosen = settings.load(config)
    inputs = read_inputs(chosen, files)
    history = files / "history"
    today = datetime.now(UTC).date()
    yesterday = today - timedelta(1)
    old = snapshot_of(_fewer(inputs, 3), chosen.rules, year_ago(today))
    write_day(old, Folder(history), year_ago(today))
    write_tables(old, history, year_ago(today))
    newer = snapshot_of(_fewer(inputs, 10), chosen.rules, yesterday)
    for weeks in range(WEEKS):
        write_day(newer, Folder(history), yesterday - timedelta(7 * weeks))
    write_tables(newer, history, yesterday)
    if with_today:
        write_day(snapshot_of(inputs, chosen.rules, today), Folder(history), today)
    return config


def year_ago(today: date) -> date:
    return today - timedelta(365)


def _fewer(inputs: Inputs, without: int) -> Inputs:
    """The same when one VRP in ``without`` had not been made yet."""
    vrps: list[VrpBatch] = []
    for batch in inputs.vrps:
        kept = [n for n in range(len(batch.asn)) if n % without]
        old = batch.prefixes
        address = (getattr(old, name)[kept] for name in ("family", "high", "low", "length"))
        prefixes = Prefixes(*address)
        fewer = replace(batch, prefixes=prefixes, asn=batch.asn[kept])
        columns = {
            name: getattr(batch, name)[kept] for name in ("max_length", "trust_anchor", "expires")
        }
        vrps.append(replace(fewer, **columns))
    return replace(inputs, vrps=vrps)

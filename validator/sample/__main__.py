"""``python -m validator.sample OUTPUT_DIR [--seed N] [--history FOLDER]``: write the sample world,
and what there was before it."""

from __future__ import annotations

import argparse
import gc
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from validator.sample import DEFAULT_SEED, build_world, write_files
from validator.sample.model import World

_REST_SECONDS = 2.0
"""Where progress is plain lines: how long after one the next comes at the earliest."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code: 0 written, 1 something cannot be read or written; 2 is argparse's,
    usage."""
    parser = argparse.ArgumentParser(
        prog="python -m validator.sample",
        description="Write SAMPLE data: a small fictional Internet, the same for the same seed.",
    )
    parser.add_argument("output_dir", type=Path, help="folder for the files; made if need be")
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED, help="default: %(default)s")
    parser.add_argument(
        "--history", type=Path, metavar="FOLDER",
        help="write twenty years of history too, or continue what was written there",
    )  # fmt: skip
    parser.add_argument(
        "--until", type=_day, metavar="DAY", help="the last day of it; default: yesterday (UTC)"
    )
    parser.add_argument(
        "--config", type=Path, default=Path("config/sample.toml"), metavar="FILE",
        help="the settings it is counted by; default: %(default)s",
    )  # fmt: skip
    chosen = parser.parse_args(arguments)
    today = datetime.now(UTC).date()
    until = chosen.until or today - timedelta(days=1)
    if until > today:
        parser.error(f"--until {until}: that day has not come yet")
    if until.year < 1970:
        parser.error(f"--until {until}: too early; from 1970-01-01 on")
    gc.disable()  # what is made stays until the end: looking through it is a tenth of the time
    try:
        chosen.output_dir.mkdir(parents=True, exist_ok=True)  # a wrong folder is known at once
        world = build_world(chosen.seed)
        written = write_files(chosen.output_dir, world)
    except OSError as error:
        sys.stderr.write(f"{chosen.output_dir}: {error.strerror}; choose a folder to write to\n")
        return 1
    total = sum(path.stat().st_size for path in written.values())
    sys.stdout.write(
        f"SAMPLE world of seed {chosen.seed}: {len(written)} files, {total / 1e6:.1f} MB,"
        f" in {chosen.output_dir}\n"
    )
    if chosen.history is None:
        return 0
    return _history(world, chosen.output_dir, chosen.history, chosen.config, until)


def _history(world: World, files: Path, folder: Path, config: Path, until: date) -> int:
    # The service itself counts the past, which loads much that the files alone do not need.
    from validator.model import OriginsightError  # noqa: PLC0415
    from validator.sample.chronicle import write_history  # noqa: PLC0415
    from validator.settings import file as settings  # noqa: PLC0415

    try:
        with _progress() as step:
            done = write_history(world, files, folder, settings.load(config), until, step)
    except OriginsightError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"{folder}: {error.strerror}; choose a folder to write to\n")
        return 1
    sys.stdout.write(
        f"SAMPLE history, {'made anew' if done.anew else 'continued'}: {done.days} days from"
        f" {done.first} to {done.last}, {done.tables} of them whole, {done.size / 1e6:.1f} MB,"
        f" in {folder}\n"
    )
    return 0


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int], None]]:
    """A bar on a terminal; elsewhere a plain line now and then."""
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    console = Console(stderr=True, highlight=False)
    if console.is_terminal:
        columns = TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()
        with Progress(*columns, console=console, transient=True) as bar:
            task = bar.add_task("SAMPLE history", total=None)
            yield lambda what, done, of: bar.update(
                task, description=f"SAMPLE history: {what}", completed=done, total=of
            )
        return
    said = float("-inf")

    def line(what: str, done: int, of: int) -> None:
        nonlocal said
        if time.monotonic() - said >= _REST_SECONDS:
            said = time.monotonic()
            sys.stderr.write(f"SAMPLE history: {what} ({done} of {of})\n")

    yield line


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a day: write it as 2026-11-21") from None


if __name__ == "__main__":
    sys.exit(main())

"""``python -m validator.sample OUTPUT_DIR [--seed N]``: write the sample world."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from validator.sample import DEFAULT_SEED, write_world


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code: 0 written, 1 the folder cannot be written; 2 is argparse's, usage."""
    parser = argparse.ArgumentParser(
        prog="python -m validator.sample",
        description="Write SAMPLE data: a small fictional Internet, the same for the same seed.",
    )
    parser.add_argument("output_dir", type=Path, help="folder for the files; made if need be")
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED, help="default: %(default)s")
    chosen = parser.parse_args(arguments)
    try:
        written = write_world(chosen.output_dir, chosen.seed)
    except OSError as error:
        sys.stderr.write(f"{chosen.output_dir}: {error.strerror}; choose a folder to write to\n")
        return 1
    total = sum(path.stat().st_size for path in written.values())
    sys.stdout.write(
        f"SAMPLE world of seed {chosen.seed}: {len(written)} files, {total / 1e6:.1f} MB,"
        f" in {chosen.output_dir}\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())

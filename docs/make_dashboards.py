"""Writes the Grafana dashboards of config/grafana/, so that all of them are built alike.

python docs/make_dashboards.py            # writes the files
python docs/make_dashboards.py --check    # exit code 1 if they are not what this would write

A panel is a question in its title, what it shows and how to read it in its description, a unit, and
its queries. What is asked of Prometheus is tested against a real one.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from dashboards import group, health, internet, network

FOLDER = Path(__file__).resolve().parent.parent / "config" / "grafana"


def texts() -> dict[str, str]:
    """The files, by name."""
    made = {
        "internet.json": internet.internet(),
        "region-or-country.json": group.group(),
        "network.json": network.network(),
        "service-health.json": health.health(),
    }
    return {name: json.dumps(each, indent=2) + "\n" for name, each in made.items()}


def main() -> int:
    check = "--check" in sys.argv[1:]
    stale = [
        name
        for name, text in texts().items()
        if not (FOLDER / name).is_file() or (FOLDER / name).read_text() != text
    ]
    if check:
        for name in stale:
            sys.stderr.write(f"config/grafana/{name} is not what docs/make_dashboards.py writes\n")
        return bool(stale)
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in texts().items():
        (FOLDER / name).write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""``originsight report --server URL``: a report as a running service writes it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from validator.cli.remote import Server
from validator.printing import write_whole


def write_report(server: Server, asked: Mapping[str, Any], form: str, output: Path) -> None:
    """``asked``: ``scheme``, ``group``, and the arguments of the query, None where not given.

    Raises:
        ServerError: the service has none. OutputError: the file cannot be written.
    """
    given = {
        name: str(value)
        for name, value in asked.items()
        if name not in ("scheme", "group") and value is not None
    }
    where = f"/api/v1/report/{quote(asked['scheme'], '')}/{quote(asked['group'], '')}"
    content, _ = server.get(f"{where}?{urlencode({**given, 'format': form})}", "*/*")
    write_whole(output, content)

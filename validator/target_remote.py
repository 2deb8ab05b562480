"""``originsight target --server URL``: targets as a running service has them, printed as
:mod:`validator.target_command` prints them from files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from validator import target_text
from validator.printing import SAMPLE_NOTICE, open_output
from validator.remote import Server, decoded, text_of
from validator.target_text import TargetsOut


def show_targets(server: Server, asked: Mapping[str, Any], form: str, output: Path | None) -> None:
    """``asked``: ``scheme``, ``group``, and the arguments of the query, each or None.

    Raises:
        ServerError: the service cannot be reached, or refuses.
    """
    arguments = {
        name: value
        for name, value in asked.items()
        if name not in ("scheme", "group") and value is not None
    }
    query = urlencode({**arguments, "format": "csv" if form == "csv" else "json"})
    where = f"/api/v1/targets/{quote(asked['scheme'], '')}/{quote(asked['group'], '')}?{query}"
    content, sample = server.get(where, "text/csv" if form == "csv" else "application/json")
    reply = None if form == "csv" else decoded(server, content, TargetsOut)
    with open_output(output) as out:
        if form == "json":
            out.write(content.decode() + "\n")
            return
        if sample:
            out.write(f"# {SAMPLE_NOTICE}\n")
        if reply is None:
            out.write(text_of(server, content))
        else:
            target_text.print_targets(out, reply)

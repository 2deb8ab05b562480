"""``originsight change --server URL``: a change as a running service has it, printed as
:mod:`validator.change_command` prints it from a folder. No compiled kernel is loaded for this."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from validator import change_text
from validator.change_text import ChangeOut
from validator.printing import SAMPLE_NOTICE, open_output
from validator.remote import Server, decoded, text_of


def show_change(server: Server, asked: Mapping[str, Any], form: str, output: Path | None) -> None:
    """``asked``: ``scheme``, ``group`` and the arguments of the query, None where not given."""
    arguments = {
        name: value
        for name, value in asked.items()
        if name not in ("scheme", "group") and value is not None
    }
    query = urlencode({**arguments, "format": "csv" if form == "csv" else "json"})
    where = f"/api/v1/change/{quote(asked['scheme'], '')}/{quote(asked['group'], '')}"
    accept = "text/csv" if form == "csv" else "application/json"
    content, sample = server.get(f"{where}?{query}", accept)
    change = None if form == "csv" else decoded(server, content, ChangeOut)
    with open_output(output) as out:
        if form == "json":
            out.write(content.decode() + "\n")
            return
        if sample:
            out.write(f"# {SAMPLE_NOTICE}\n")
        if change is None:
            out.write(text_of(server, content))
        else:
            change_text.print_change(out, change)

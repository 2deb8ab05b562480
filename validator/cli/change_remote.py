"""``originsight change --server URL``: a change as a running service has it, printed as
:mod:`validator.cli.change_command` prints it from a folder. No compiled kernel is loaded for
this."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from validator.change.text import ChangeOut, print_change
from validator.cli.remote import Server, show_group


def show_change(server: Server, asked: Mapping[str, Any], form: str, output: Path | None) -> None:
    """``asked``: ``scheme``, ``group`` and the arguments of the query, None where not given."""
    path = "/api/v1/change/{scheme}/{group}"
    show_group(server, path, asked, ChangeOut, print_change, form, output)

"""``originsight target --server URL``: targets as a running service has them, printed as
:mod:`validator.cli.target_command` prints them from files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from validator.cli.remote import Server, show_group
from validator.targets.text import TargetsOut, print_targets


def show_targets(server: Server, asked: Mapping[str, Any], form: str, output: Path | None) -> None:
    """``asked``: ``scheme``, ``group``, and the arguments of the query, each or None.

    Raises:
        ServerError: the service cannot be reached, or refuses.
    """
    path = "/api/v1/targets/{scheme}/{group}"
    show_group(server, path, asked, TargetsOut, print_targets, form, output)

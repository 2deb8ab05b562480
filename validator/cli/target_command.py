"""``originsight target`` from a folder of history: how a group stands to its targets, without a
service. With ``--config`` the targets are those of the settings, and the folder is theirs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from validator.history.reading import Reader
from validator.model import SettingsError
from validator.printing import write_reply
from validator.settings import file as settings
from validator.targets import text as target_text
from validator.targets.progress import TargetSettings
from validator.web.answers import Refusal
from validator.web.target_described import describe
from validator.web.targets import NAMES, parse


def show_targets(
    asked: Mapping[str, Any],
    form: str,
    output: Path | None,
    *,
    folder: Path | None = None,
    config: Path | None = None,
) -> None:
    """``asked``: ``scheme``, ``group``, and what the query of ``/api/v1/targets/{scheme}/{group}``
    takes, each as the command line has it, or None. ``folder`` of history, or ``config``, the
    settings that name it.

    Raises:
        SettingsError: an argument is not allowed, or the settings keep no history.
        NoSuchDay: the history has no such group.
        SourceError: it cannot be read.
    """
    configured: Sequence[TargetSettings] = ()
    if config is not None:
        chosen = settings.load(config)
        configured, folder = chosen.targets, chosen.history.path(chosen.folder)
        if folder is None:
            raise SettingsError(f"{config}: keeps no history; name its folder under [history]")
    assert folder is not None
    given = {
        name: str(value) for name, value in asked.items() if name in NAMES and value is not None
    }
    try:
        question = parse(asked["scheme"], asked["group"], given)
    except Refusal as error:
        raise SettingsError(error.message) from None
    if config is None and question.own is None:
        raise SettingsError("--history knows no targets: give --value and --year, or --config")
    reply = describe(Reader(folder), question, configured)
    write_reply(output, reply, form, target_text.write_csv, target_text.print_targets)

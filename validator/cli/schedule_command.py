"""``originsight report --scheduled``: what the settings' ``[[reports]]`` have due, with no service.

Reports of past periods follow from the history that the settings name; of the inputs, only the
lists that say who belongs to which group are read. So this works beside a service that follows live
feeds, too.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from collectors.catalog import Kind
from validator.cli.commands import built_in_groups, read_all, steps
from validator.cli.report_command import Standing, map_of, milestones_of, options_of
from validator.history.moments import Moments
from validator.history.reading import Reader
from validator.model import OriginsightError, SettingsError
from validator.reports.recounting import counted
from validator.reports.writing import Basis, Schedule
from validator.settings import file as settings
from validator.targets.milestones import Milestone


def write_due(config: Path, *, quiet: bool = False) -> list[str]:
    """Write what is due; the paths of what was written.

    Raises:
        SettingsError: the settings are wrong, schedule nothing, or name a history that is not
            there; or what writes a form is not installed.
        OriginsightError: something could not be read, made or written. What could be, was.
    """
    chosen = settings.load(config)
    folder = chosen.history.path(chosen.folder)
    if not chosen.reports or folder is None:
        raise SettingsError(f"{config}: schedules no reports; name some under [[reports]]")
    if not folder.is_dir():
        raise SettingsError(f"{config}: the folder of its history, {folder}, is not there")
    with steps(quiet) as step:
        step("reading lists of groups")
        groups = [each.source for each in chosen.of(Kind.GROUPS)] or list(built_in_groups())
        given = {Kind.GROUPS.value: groups}
        inputs = read_all(given, step, allow_truncated=False, as_of=None, quiet=quiet,
                          each=options_of(chosen), fetching=chosen.fetch_limits)  # fmt: skip
        now = counted(inputs, chosen.rules, int(time.time()), sample=chosen.sample)
        marked, own_map = milestones_of(chosen), map_of(chosen)

        def milestones() -> Sequence[Milestone]:
            return marked

        reader, moments = Reader(folder), Moments(folder, Standing(now))
        basis = Basis(chosen.rules, chosen.targets, milestones, lambda: own_map)
        schedule = Schedule(chosen.reports, chosen.folder, reader, moments, basis)
        schedule.check()
        before = {(each.name, each.written) for each in schedule.files()}
        step("writing what is due")
        schedule.look(now)
    if error := schedule.last_error:
        raise OriginsightError(error)
    after = [each for each in schedule.files() if (each.name, each.written) not in before]
    return [str(each.path) for each in after]

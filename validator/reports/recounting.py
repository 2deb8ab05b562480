"""From files to a snapshot with all that a report needs, as of a given moment: what the command
does with the settings' inputs, and :mod:`validator.reports.verify` with those that it finds."""

from __future__ import annotations

from validator.inputs.batches import Inputs
from validator.model import Prefix, SettingsError, parse_asn
from validator.reports.report import Settings
from validator.snapshot import Snapshot
from validator.state.pipeline_state import PipelineState
from validator.tables.announced import AnnouncedRules


def counted(
    inputs: Inputs, rules: AnnouncedRules, moment: int, *, sample: bool = False, generation: int = 1
) -> Snapshot:
    """Every scheme, counted as the service would have at ``moment`` (Unix seconds): groups have the
    members of its day. Some tenths of a second for a small world, half a minute for a full table.
    """
    state = PipelineState(rules, clock=lambda: float(moment))
    state.load(inputs)
    state.survey()
    state.recount()
    return state.snapshot(generation, sample)


def rules_of(settings: Settings) -> AnnouncedRules:
    """The rules that a report was made by.

    Raises:
        SettingsError: they make no sense; names the setting.
    """
    try:
        prefixes = tuple(map(Prefix.parse, settings.special_purpose_prefixes))
    except ValueError as error:
        raise SettingsError(f"setting special_purpose_prefixes: {error}") from None
    try:
        ranges = tuple(map(_range, settings.special_purpose_asns))
    except ValueError as error:
        raise SettingsError(f"setting special_purpose_asns: {error}") from None
    try:
        return AnnouncedRules(
            settings.min_peers, settings.longest_ipv4, settings.longest_ipv6, prefixes, ranges
        )
    except ValueError as error:
        raise SettingsError(f"setting longest_ipv4 or longest_ipv6: {error}") from None


def _range(text: str) -> tuple[int, int]:
    first, dash, last = text.partition("-")
    return parse_asn(first), parse_asn(last if dash else first)

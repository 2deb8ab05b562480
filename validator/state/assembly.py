"""From files to a snapshot, in one sitting: what the one-shot commands do.

Pure computation: kernels and column arithmetic, no I/O.
"""

from __future__ import annotations

from collections.abc import Sequence

from validator.groupings import Attribution
from validator.inputs.batches import Inputs
from validator.snapshot import Snapshot
from validator.state.pipeline_state import PipelineState, Step
from validator.tables.announced import AnnouncedRules


def assemble(
    inputs: Inputs,
    rules: AnnouncedRules,
    *,
    coverages: Sequence[tuple[str, Attribution]] | None = None,
    coverage_alone: bool = False,
    progress: Step = lambda _: None,
) -> Snapshot:
    """Build tables, validate every route, and count every group. ``progress`` is told each step;
    ``coverage_alone`` as :meth:`~validator.state.pipeline_state.PipelineState.recount` has it."""
    state = PipelineState(rules, coverages)
    state.load(inputs, progress)
    state.survey()
    state.recount(progress, coverage_alone=coverage_alone)
    return state.snapshot()

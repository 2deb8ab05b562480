"""Every picture of pages and reports, by one name: data in, SVG text and table rows out.

Each picture has a frozen data class, a function to SVG (``trend(data, look)``), and one to the
table of the same numbers (``trend_table(data, look)``). A page shows :func:`both` sizes, of which
its style sheet hides one; :func:`standalone` makes a file of one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from validator.pages.chart_bars import (
    Bar,
    Divide,
    DivideRow,
    Ranking,
    Share,
    divide,
    divide_table,
    ranking,
    ranking_table,
)
from validator.pages.chart_colours import standalone, style_sheet
from validator.pages.chart_composition import (
    Composition,
    Part,
    Stack,
    composition,
    composition_table,
)
from validator.pages.chart_milestones import MilestoneMark
from validator.pages.chart_parts import NARROW, WIDE, Cell, Formats, Look, Table, Texts
from validator.pages.chart_small import Badge, badge, sparkline
from validator.pages.chart_steps import (
    Cause,
    Step,
    StepCurve,
    Waterfall,
    step_curve,
    step_table,
    waterfall,
    waterfall_table,
)
from validator.pages.chart_trend import (
    Point,
    ProjectionBand,
    Series,
    TargetMark,
    Trend,
    trend,
    trend_table,
)

__all__ = [
    "NARROW",
    "WIDE",
    "Badge",
    "Bar",
    "Cause",
    "Cell",
    "Composition",
    "Divide",
    "DivideRow",
    "Formats",
    "Look",
    "MilestoneMark",
    "Part",
    "Point",
    "ProjectionBand",
    "Ranking",
    "Series",
    "Share",
    "Stack",
    "Step",
    "StepCurve",
    "Table",
    "TargetMark",
    "Texts",
    "Trend",
    "Waterfall",
    "badge",
    "both",
    "composition",
    "composition_table",
    "divide",
    "divide_table",
    "ranking",
    "ranking_table",
    "sparkline",
    "standalone",
    "step_curve",
    "step_table",
    "style_sheet",
    "trend",
    "trend_table",
    "waterfall",
    "waterfall_table",
]


def both(draw: Callable[[Look], str], look: Look) -> str:
    """A picture at both widths, as HTML: ``wide`` and ``narrow``, of which a style sheet shows the
    one that fits (:func:`style_sheet` has the rule). Their ids differ."""
    wide = draw(replace(look, width=WIDE, prefix=f"{look.prefix}-w"))
    narrow = draw(replace(look, width=NARROW, prefix=f"{look.prefix}-n"))
    return f'<div class="chart-wide">{wide}</div><div class="chart-narrow">{narrow}</div>'

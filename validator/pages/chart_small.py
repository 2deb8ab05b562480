"""Small pictures: the badge that others may embed, and the sparkline in a row of a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from validator.pages.chart_bars import Share
from validator.pages.chart_colours import LIGHT
from validator.pages.chart_parts import (
    Look,
    coordinate,
    element,
    filled,
    fitted,
    identifier,
    known,
    picture,
    plain,
    safe,
    stroked,
    text_width,
    titled,
    words,
)
from validator.pages.chart_scales import Scale

SPARK_WIDTH, SPARK_HEIGHT = 96, 24


@dataclass(frozen=True, slots=True)
class Badge:
    """What a badge says: of whom (a country, an AS), what, how much; of which day, in words; and
    ``trouble``, a word for what is wrong with the figure, if anything is."""

    name: str
    what: str
    share: Share
    day: str
    trouble: str = ""


def badge(data: Badge, look: Look) -> str:
    """A file of its own (no style sheet, no link), 22 pixels high; white letters on grounds that
    keep 4.5 to 1 on any page. Trouble and sample data are marked in letters as large."""
    prefix = identifier(look.prefix)
    left = fitted(f"{words(data.name, 60)} · {words(data.what, 60)}", 280.0, 12)
    marks = [words(data.trouble, 40), look.texts.sample_short if look.sample else ""]
    value = " · ".join(each for each in [data.share.said(look), *marks] if each)
    day = words(data.day, 40)
    first, second = text_width(left, 12) + 16, text_width(value, 13.2) + 16
    third = text_width(day, 12) + 16
    wide = first + second + third
    sound = known(data.share.value) is not None and not data.trouble
    colour = LIGHT["valid"] if sound else LIGHT["alert" if data.trouble else "quiet"]
    whole = f"{words(data.name)}: {words(data.what)} {data.share.whole(look)}, {day}"
    whole = ". ".join([whole, *([data.trouble] if data.trouble else []),
                       *([look.texts.sample] if look.sample else [])])  # fmt: skip
    face = {"font_size": 12, "y": 15.0, "fill": "#ffffff", "unicode_bidi": "plaintext"}
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="badge" role="img" '
        f'aria-labelledby="{prefix}-t" viewBox="0 0 {coordinate(wide)} 22" '
        f'width="{coordinate(wide)}" height="22" '
        f'font-family="system-ui, -apple-system, Segoe UI, Roboto, Noto Sans, sans-serif" '
        f'direction="ltr">'
        + element("title", safe(whole, 600), id=f"{prefix}-t")
        + element("rect", width=wide, height=22, rx=4, fill="#2b323a")
        + element("path", d=_box(first, first + second), fill=colour)
        + element("text", safe(left), x=8.0, **face)
        + element("text", safe(value), x=first + 8, font_weight=600, data_value=plain(
            known(data.share.value)), **face)
        + element("text", safe(day), x=first + second + 8, **face)
        + "</svg>\n"
    )  # fmt: skip


def _box(start: float, end: float) -> str:
    a, b = coordinate(start), coordinate(end)
    return f"M{a} 0H{b}V22H{a}z"


def sparkline(
    values: Sequence[float | None], look: Look, title: str, *, top: float | None = None
) -> str:
    """A line of a few letters' size, from 0 to ``top`` (or its highest value), its latest value a
    dot. Gaps stay gaps; the numbers are in ``data-values``."""
    shown = [known(each) for each in values][-400:]
    there = [(i, v) for i, v in enumerate(shown) if v is not None]
    high = max([v for _, v in there], default=1.0) if top is None else top
    x = Scale(0.0, float(max(len(shown) - 1, 1)), 3.0, SPARK_WIDTH - 5.0)
    y = Scale(0.0, high if high > 0 else 1.0, SPARK_HEIGHT - 3.0, 3.0)
    path, before = "", -2
    for i, value in there:
        joint = "L" if before == i - 1 else "M"
        path += f"{joint}{x(float(i)):.1f} {y(value):.1f}"
        before = i
    drawn = element("path", d=path, **stroked("valid", 1.5)) if path else ""
    if there:
        i, value = there[-1]
        said = titled(look.share(value))
        drawn += element("circle", said, cx=x(float(i)), cy=y(value), r=2.5, **filled("valid"))
    numbers = " ".join(plain(each) or "-" for each in shown)
    small = replace(look, width=SPARK_WIDTH, sample=False)
    group = element("g", drawn, data_values=numbers)
    return picture(small, SPARK_HEIGHT, [group], title, "", "spark")

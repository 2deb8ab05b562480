"""What every picture is made of: words, number formats, safe SVG elements, widths of text.

A picture is a function of its data and a :class:`Look` to SVG text. Whatever it prints comes from
the data, from :class:`Texts` (put through gettext by whoever draws) or from the callables of
:class:`Formats`; all of it is hostile until :func:`safe` and :func:`element` have had it. A picture
is drawn for a width in CSS pixels, so that its letters are as large as the page's: a page shows
the wide one or the narrow one (:data:`WIDE`, :data:`NARROW`).

Colours are classes (``f-valid`` fills, ``s-valid`` strokes) that a page's style sheet sets, with
the light theme's colours as attributes beside them for where there is no style sheet
(:mod:`validator.pages.chart_colours`). Time runs from left to right in every language: a picture
is set left to right as a whole, and each text in it takes the direction of its own letters.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields, replace
from datetime import date
from typing import NamedTuple

from validator.pages.chart_colours import LIGHT

WIDE, NARROW = 720, 340
"""Widths that pictures are drawn for, in CSS pixels."""
SIZE = 13
"""Of letters, in CSS pixels."""
BOLD = 1.1
"""How much wider bold letters are, about."""
MOST_LETTERS = 200
"""Of a name in a title: longer ones are cut. A label is cut to its place besides."""

MOST_DIGITS = 24
"""Of a share in words: what has more is no share."""

_CONTROLS = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\ud800-\\udfff\\ufffe\\uffff]+")
_DIRECTIONS = re.compile("[\\u061c\\u200f\\u202a-\\u202e\\u2066-\\u2069]")
"""All but U+200E, which keeps a per cent sign at its number among Arabic letters."""
_LINK = re.compile(r"(?:https?://[^/\\]|/(?![/\\])|[#?]|\./|\.\./)|[^:/?#\\]+(?:[/?#]|$)", re.I)


def _(text: str) -> str:
    """Marks a text for the catalogue of translations; :meth:`Texts.translated` translates it."""
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """Every word that a picture says of itself, in English. In braces: what is filled in."""

    no_data: str = _("No data")
    sample: str = _("SAMPLE: invented data")
    sample_short: str = _("SAMPLE")
    day: str = _("Day")
    degraded: str = _("Degraded")
    degraded_days: str = _("× degraded day: an input was missing or late; the line is broken")
    yes: str = _("yes")
    milestones: str = _("Milestones")
    target: str = _("target {value} by {year}")
    projection: str = _("linear projection")
    group: str = _("Group")
    pooled: str = _("pooled")
    median: str = _("median country")
    weighted: str = _("people-weighted")
    share: str = _("Share")
    numerator: str = _("Numerator")
    denominator: str = _("Denominator")
    part: str = _("Part")
    network: str = _("Network")
    gain: str = _("Gain")
    share_after: str = _("Share after")
    networks: str = _("networks, largest gain first")
    others: str = _("{number} others")
    rest: str = _("All else")
    routes: str = _("Routes")
    cause: str = _("Cause")
    change: str = _("Change")
    country: str = _("Country")
    below: str = _("under {value}")
    above: str = _("{value} or more")
    between: str = _("{low} to {high}")
    boundaries: str = _(
        "Shapes and names show no opinion on the legal status of any country or territory, "
        "or on its borders. Dots: small areas, moved apart where they would overlap."
    )
    shapes: str = _("Shapes: {source}.")

    def translated(self, gettext: Callable[[str], str]) -> Texts:
        """The same in another language. A translation that loses a brace is left in English."""
        told = {each.name: getattr(self, each.name) for each in fields(self)}
        return replace(self, **{name: _checked(text, gettext(text)) for name, text in told.items()})


def _checked(text: str, translation: str) -> str:
    named = re.compile(r"\{\w*\}")
    same = sorted(named.findall(text)) == sorted(named.findall(translation))
    return translation if same and translation else text


def _share(value: float) -> str:
    return f"{100 * value:.1f} %"


def _mark(value: float) -> str:
    return f"{100 * value:g} %"


def _points(value: float) -> str:
    return f"{100 * value:+.1f}".replace("-", "−")


def _number(value: float) -> str:
    return f"{value:,}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Formats:
    """How numbers and days are written, by a locale; these are English."""

    share: Callable[[float], str] = _share
    """Of a share, 0 to 1: percent with one decimal."""
    mark: Callable[[float], str] = _mark
    """Of a share on an axis: percent with no more decimals than it has."""
    points: Callable[[float], str] = _points
    """Of a difference of two shares, with its sign: percentage points with one decimal."""
    number: Callable[[float], str] = _number
    day: Callable[[date], str] = date.isoformat
    year: Callable[[int], str] = str


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a picture is drawn with. ``prefix`` begins every id in it and must be unique on a page;
    ``width`` is in CSS pixels; ``sample`` puts the SAMPLE mark into it."""

    prefix: str = "chart"
    width: int = WIDE
    sample: bool = False
    texts: Texts = field(default_factory=Texts)
    formats: Formats = field(default_factory=Formats)

    @property
    def narrow(self) -> bool:
        return self.width < 500

    def mark(self, value: float) -> str:
        """A share on an axis or a limit: as a whole percent if it is one."""
        percent = 100 * value
        whole = abs(percent - round(percent)) < 1e-6
        return words(self.formats.mark(value), MOST_DIGITS) if whole else self.share(value)

    def share(self, value: float) -> str:
        return words(self.formats.share(value), MOST_DIGITS)

    def points(self, value: float) -> str:
        return words(self.formats.points(value), MOST_DIGITS)


class Cell(NamedTuple):
    """One cell of the table beside a picture: as it is read, and as a machine reads it."""

    text: str
    value: str


@dataclass(frozen=True, slots=True)
class Table:
    """The numbers of a picture. Every value that is a number is an attribute of the picture too
    (``data-value``, ``data-values``), in the same letters."""

    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


def plain(value: float | int | None, *, exact: bool = False) -> str:
    """A number as attributes and tables for machines have it; empty for none."""
    if value is None or isinstance(value, bool):
        return ""
    if isinstance(value, int):
        return str(value)
    if not math.isfinite(value):
        return ""
    return repr(value) if exact else format(value, ".7g")


def known(value: float | None) -> float | None:
    """The value if it is a number that can be drawn."""
    return value if value is not None and math.isfinite(value) else None


def words(text: object, cut: int = MOST_LETTERS) -> str:
    """A text of the data as one short line: no controls, no marks that turn the direction of what
    follows, no more than ``cut`` letters."""
    whole = str(text)
    if len(whole) <= cut and whole.isascii() and whole.isprintable() and "  " not in whole:
        return whole.strip()  # nearly all are
    line = _DIRECTIONS.sub("", _CONTROLS.sub(" ", whole[: 10 * cut + 100]))
    line = " ".join(line.split())
    return line if len(line) <= cut else line[: cut - 1].rstrip() + "…"


def safe(text: object, cut: int = MOST_LETTERS) -> str:
    """A text as the content of an element or an attribute in double quotes."""
    return (
        words(text, cut)
        .replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace('"', "&quot;")
        .replace("'", "&#39;")
    )


def link(href: str) -> str:
    """The address if it leads to this host or over HTTP, else nothing: no script, no data."""
    address = href.strip()
    fine = _LINK.match(address) and not _CONTROLS.search(address) and len(address) < 2000
    return address if fine else ""


def identifier(text: str) -> str:
    """A text as a part of an id."""
    return re.sub(r"[^A-Za-z0-9_-]", "-", text)[:80] or "x"


def coordinate(value: float) -> str:
    """Of a point, in CSS pixels, to a tenth."""
    return format(round(value, 1) + 0.0, "g") if abs(value) < 1e5 else str(round(value))


def element(name: str, inside: str = "", /, **attributes: object) -> str:
    """An SVG element. ``inside`` is safe already; attributes are made so. ``class_`` is ``class``,
    an underscore a hyphen; floats are coordinates; None is left out."""
    said = []
    for key, value in attributes.items():
        if value is None:
            continue
        written = coordinate(value) if isinstance(value, float) else safe(value, 1_000_000)
        said.append(f' {key.rstrip("_").replace("_", "-")}="{written}"')
    start = f"<{name}{''.join(said)}"
    return f"{start}>{inside}</{name}>" if inside else f"{start}/>"


def filled(colour: str, more: str = "") -> dict[str, str]:
    """Attributes that fill with a colour of :data:`~validator.pages.chart_colours.LIGHT`."""
    return {"class_": f"f-{colour} {more}".rstrip(), "fill": LIGHT[colour]}


def stroked(colour: str, width: float = 1.0, dashes: str | None = None) -> dict[str, object]:
    """Attributes that draw a line in a colour."""
    return {
        "class_": f"s-{colour}",
        "stroke": LIGHT[colour],
        "stroke_width": width,
        "stroke_dasharray": dashes,
        "fill": "none",
    }


def titled(text: str) -> str:
    return f"<title>{safe(text, 400)}</title>"


def write(
    x: float,
    y: float,
    text: str,
    *,
    anchor: str = "start",
    colour: str = "ink",
    size: float = SIZE,
    room: float | None = None,
    bold: bool = False,
) -> str:
    """A text whose base line begins, is centred or ends at a point, cut to ``room`` pixels; what
    is cut is in its title."""
    letters = size * BOLD if bold else size
    short = text if room is None else fitted(text, room, letters)
    whole = titled(text) if short != words(text) else ""
    return element(
        "text",
        whole + safe(short),
        x=float(x),
        y=float(y),
        text_anchor=None if anchor == "start" else anchor,
        font_size=None if size == SIZE else size,
        font_weight=600 if bold else None,
        # The picture is from left to right, and so is ASCII: of other texts their letters decide.
        unicode_bidi=None if text.isascii() else "plaintext",
        **filled(colour),
    )


def line(x1: float, y1: float, x2: float, y2: float, colour: str, **more: object) -> str:
    drawn = stroked(colour) | more
    return element("line", x1=float(x1), y1=float(y1), x2=float(x2), y2=float(y2), **drawn)


def backed(
    x: float, y: float, text: str, *, room: float, colour: str = "ink", bold: bool = False
) -> str:
    """A text from a point to the right, on a ground of its own: where rules pass behind it."""
    wide = min(text_width(words(text), SIZE * BOLD if bold else SIZE), room)
    ground = {"x": x - 3, "y": y - 12.0, "width": wide + 6, "height": 16.0}
    behind = element("rect", **ground, **filled("ground"))
    return behind + write(x, y, text, colour=colour, bold=bold, room=room)


def hatch(name: str) -> str:
    """The pattern of what is invalid, and of what lowers a share."""
    lines = element("path", d="M-1 1l2-2M0 8l8-8M7 9l2-2", **stroked("ground", 1.6))
    unit = {"patternUnits": "userSpaceOnUse"}
    return element("pattern", lines, id=name, width=8, height=8, **unit)


def text_width(text: str, size: float = SIZE) -> float:
    """About how wide a text is, in CSS pixels, in a sans-serif face; rather more than less."""
    total = 0.0
    for letter in text:
        if letter in " .,:;'|!ijlIft()[]/·":
            total += 0.34
        elif letter in "mwMW%@—×●○◆":
            total += 0.92
        elif unicodedata.east_asian_width(letter) in "WF":
            total += 1.02
        elif letter == "\u200e" or unicodedata.combining(letter):
            continue
        elif letter.isupper() or letter.isdigit():
            total += 0.66
        else:
            total += 0.56
    return total * size


def fitted(text: str, room: float, size: float = SIZE) -> str:
    """A text cut, with an ellipsis, to about ``room`` pixels."""
    short = words(text)
    if text_width(short, size) <= room:
        return short
    while short and text_width(short + "…", size) > room:
        short = short[:-1]
    return short.rstrip() + "…" if short else ""


def wrapped(text: str, room: float, size: float = SIZE) -> list[str]:
    """A text of ours in lines of about ``room`` pixels."""
    lines, room = [""], 0.93 * room
    for word in words(text, 1000).split(" "):
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and text_width(longer, size) > room:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def picture(
    look: Look, height: float, inside: Iterable[str], title: str, text: str, kind: str
) -> str:
    """The SVG around a picture's inside: title, description, and the SAMPLE mark if it is one."""
    prefix = identifier(look.prefix)
    mark = ""
    if look.sample:
        high = float(height)
        mark = write(look.width - 2.0, high + 12, look.texts.sample, anchor="end", colour="alert")
        height += 18
    inner = "".join(inside)
    role = "group" if "<a " in inner else "img"  # the inside of an img has no links to a reader
    named = element("title", safe(title), id=f"{prefix}-t") + element(
        "desc", safe(text, 2000), id=f"{prefix}-d"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="chart {kind}" role="{role}" '
        f'aria-labelledby="{prefix}-t {prefix}-d" viewBox="0 0 {look.width} {coordinate(height)}" '
        f'font-family="system-ui, -apple-system, Segoe UI, Roboto, Noto Sans, sans-serif" '
        f'font-size="{SIZE}" direction="ltr">{named}{inner}{mark}</svg>'
    )

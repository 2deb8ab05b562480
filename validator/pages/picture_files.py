"""Pictures as files of their own, to keep, to print, or to show on somebody else's page.

Away from its page a picture must say itself whose figures it shows, of which day, by whom, and what
was wrong with them. So a file has a heading above the drawing and a foot beneath it; it has its
colours in it, no links, and loads nothing.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from validator.pages import charts
from validator.pages.chart_colours import Theme
from validator.pages.chart_parts import Look, picture, text_width, wrapped, write
from validator.pages.pictures import Picture
from validator.pages.words import clean

_DRAWN = re.compile(
    r'<svg [^>]*viewBox="0 0 (\d+) ([\d.]+)"[^>]*>'
    r"<title [^>]*?(?:/>|>[^<]*</title>)<desc [^>]*?(?:/>|>([^<]*)</desc>)(.*)</svg>\s*",
    re.DOTALL,
)
_MARGIN = 14.0
_HEADING_SIZE, _FOOT_SIZE = 17, 12
_MOST_LINES = 3
"""Of one trouble: their texts come from elsewhere."""
_MOST_TROUBLES = 5
_LONGEST_TROUBLE = 200


@dataclass(frozen=True, slots=True)
class Frame:
    """What a file says besides the picture: ``whose`` figures, ``when`` and by whom in a line, and
    the ``troubles`` of the inputs, a line each, under the ``warning``."""

    whose: str
    when: str
    warning: str = ""
    troubles: Sequence[str] = ()


def as_file(its: Picture, frame: Frame, look: Look, theme: Theme = "auto") -> str:
    """A picture as an SVG file. The drawing is as wide as ``look`` says, a map wider; the file has
    a margin besides.

    Raises:
        ValueError: it cannot be drawn anew.
    """
    found = _DRAWN.fullmatch(its.paint(replace(look, sample=False)) if its.paint else "")
    if not found:
        raise ValueError(f"{its.key!r} is no picture that can be drawn anew")
    width, text = int(found[1]), html.unescape(found[3] or "")
    room, y = float(width), _MARGIN + 16
    parts = [write(_MARGIN, y, frame.whose, size=_HEADING_SIZE, bold=True, room=room)]
    for line in wrapped(its.title, room):
        y += 19
        parts.append(write(_MARGIN, y, line))
    y += 10
    # The links led to this host's pages.
    inside = re.sub(r'<a href="[^"]*"', "<g", found[4]).replace("</a>", "</g>")
    parts.append(f'<g transform="translate({_MARGIN:g} {y:g})">{inside}</g>')
    y += float(found[2]) + 4
    troubles = [clean(each, _LONGEST_TROUBLE) for each in frame.troubles[:_MOST_TROUBLES]]
    if troubles:
        y += 18
        parts.append(write(_MARGIN, y, frame.warning, colour="alert", bold=True, room=room))
        for trouble in troubles:
            for line in wrapped(trouble, room, _FOOT_SIZE)[:_MOST_LINES]:
                y += 16
                parts.append(write(_MARGIN, y, line, size=_FOOT_SIZE, room=room))
    y += 18
    parts.append(write(_MARGIN, y, frame.when, colour="quiet", size=_FOOT_SIZE, room=room))
    if look.sample:
        mark = look.texts.sample
        y += 0 if text_width(frame.when, _FOOT_SIZE) + text_width(mark) + 20 < room else 18
        parts.append(write(_MARGIN + room, y, mark, anchor="end", colour="alert", room=room))
    outer = replace(
        look, sample=False, prefix=f"{look.prefix}-file", width=width + round(2 * _MARGIN)
    )
    title = f"{frame.whose}: {its.title}"
    said = " ".join([text, frame.warning, *troubles, frame.when] if troubles
                    else [text, frame.when])  # fmt: skip
    return charts.standalone(picture(outer, y + _MARGIN, parts, title, said, "file"), theme)

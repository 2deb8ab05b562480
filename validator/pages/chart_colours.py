"""The colours of pictures, light and dark, and pictures as files of their own.

Safe for colour-blind readers (Okabe and Ito's set; the map's five steps are one hue, lighter to
darker), and never the only carrier of a meaning. In the dark theme the hue stays and the lightness
rises; on the map the order turns, so that more is still what stands out.
"""

from __future__ import annotations

import re
from typing import Literal

Theme = Literal["light", "dark", "auto"]

LIGHT = {
    "ground": "#ffffff",
    "ink": "#1b2026",
    "quiet": "#57606a",
    "rule": "#d8dee4",
    "valid": "#0072b2",
    "invalid": "#d55e00",
    "not-found": "#9aa0a6",
    "alert": "#a84300",
    "mark": "#57606a",
    "series-0": "#0072b2",
    "series-1": "#a1478a",
    "series-2": "#00795a",
    "series-3": "#a06400",
    "series-4": "#2f7096",
    "series-5": "#57606a",
    "map-0": "#c9def0",
    "map-1": "#93c4e2",
    "map-2": "#5aa5d2",
    "map-3": "#2171b5",
    "map-4": "#0b3c7a",
    "map-none": "#eceff2",
    "sea": "#f7f9fb",
}
DARK = LIGHT | {
    "ground": "#14181d",
    "ink": "#f0f3f6",
    "quiet": "#aab4be",
    "rule": "#39424c",
    "valid": "#4ea8de",
    "invalid": "#ff8a3d",
    "not-found": "#b9c0c7",
    "alert": "#ff9d5c",
    "mark": "#aab4be",
    "series-0": "#4ea8de",
    "series-1": "#e08bc8",
    "series-2": "#35c79b",
    "series-3": "#f0b040",
    "series-4": "#8fc9ea",
    "series-5": "#aab4be",
    "map-0": "#20425f",
    "map-1": "#2a6391",
    "map-2": "#3a8bc6",
    "map-3": "#6fb4e3",
    "map-4": "#c8e4f8",
    "map-none": "#262d35",
    "sea": "#181d23",
}
SERIES = 6


def rules(theme: Literal["light", "dark"]) -> str:
    """The classes of a picture in one theme, as CSS."""
    colours = DARK if theme == "dark" else LIGHT
    return "".join(
        f".f-{name}{{fill:{colour}}}.s-{name}{{stroke:{colour}}}"
        for name, colour in colours.items()
    )


def style_sheet() -> str:
    """What a page's style sheet needs for pictures: light, dark by the reader's setting, print."""
    return (
        f".chart{{display:block;width:100%;height:auto}}\n{rules('light')}\n"
        f"@media screen and (prefers-color-scheme:dark){{{rules('dark')}}}\n"
        ".chart-wide{max-width:60rem}.chart-narrow{display:none}@media (max-width:540px){"
        ".chart-wide{display:none}.chart-narrow{display:block}}\n"
        "@media print{.chart-wide{display:block}.chart-narrow{display:none}}\n"
        "@media (max-width:540px){.map .dot{r:45px}}\n"
        ".chart a:focus-visible{outline:3px solid currentColor}\n"
        ".chart a:hover path,.chart a:hover circle,.chart a:focus-visible path,"
        ".chart a:focus-visible circle{stroke:currentColor;stroke-width:14}\n"
    )


def standalone(svg: str, theme: Theme = "light") -> str:
    """A picture as a file of its own, to keep or to embed: with its colours, its ground, and its
    size. ``auto`` follows the reader's light or dark setting.

    Raises:
        ValueError: it is no picture of this package.
    """
    found = re.match(r'<svg [^>]*viewBox="0 0 (\d+) ([\d.]+)"[^>]*>', svg)
    if not found:
        raise ValueError("not a picture: it does not begin with an svg element with a viewBox")
    width, height = found.groups()
    style = rules("dark" if theme == "dark" else "light")
    if theme == "auto":
        style += f"@media (prefers-color-scheme:dark){{{rules('dark')}}}"
    fill = (DARK if theme == "dark" else LIGHT)["ground"]
    start = f'{found.group()[:-1]} width="{width}" height="{height}">'
    ground = f'<rect class="f-ground" width="{width}" height="{height}" fill="{fill}"/>'
    # The links led to this host's pages.
    inside = re.sub(r'(<a) href="[^"]*"', r"\1", svg[found.end() :])
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n{start}<style>{style}</style>{ground}{inside}\n'
    )

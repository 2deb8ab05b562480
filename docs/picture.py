"""Draws docs/picture.svg, the picture of the README, from the service's own figures of the sample.

originsight serve --config config/sample.toml &
python docs/picture.py http://127.0.0.1:8480 > docs/picture.svg
"""

from __future__ import annotations

import json
import sys
import urllib.request
from html import escape

COLOURS = {"valid": "#0072B2", "invalid": "#D55E00", "not_found": "#9AA0A6"}
LABELS = {"valid": "valid", "invalid": "invalid", "not_found": "no ROA"}
LEFT, WIDTH, ROW, TOP = 150, 560, 34, 92


def main(service: str) -> None:
    url = f"{service}/api/v1/coverage?by=rir&family=ipv4"
    with urllib.request.urlopen(url) as reply:  # noqa: S310 - the caller's own service
        rows = json.load(reply)["rows"]
    rows.sort(key=lambda row: -(row["valid_share"] or 0))
    height = TOP + ROW * len(rows) + 46
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 800 {height}" role="img" '
        'font-family="system-ui, sans-serif" font-size="14">',
        "<title>Sample world: state of announced IPv4 routes by RIR service region</title>",
        f'<rect width="800" height="{height}" fill="#fff"/>',
        '<text x="20" y="32" font-size="19" font-weight="600">How well are announced IPv4 routes '
        "protected?</text>",
        '<text x="20" y="54" fill="#555">Share of distinct (prefix, origin) by RPKI state, by RIR '
        "service region of the address block</text>",
        '<g transform="rotate(45 748 52)"><rect x="668" y="38" width="160" height="26" '
        'fill="#B00020"/><text x="748" y="57" fill="#fff" text-anchor="middle" '
        'font-weight="700" letter-spacing="2">SAMPLE</text></g>',
    ]
    for number, row in enumerate(rows):
        y, x = TOP + ROW * number, float(LEFT)
        out.append(
            f'<text x="{LEFT - 12}" y="{y + 17}" text-anchor="end">{escape(row["name"])}</text>'
        )
        for state, colour in COLOURS.items():
            share = row["routes"][state] / row["routes"]["announced"]
            width = share * WIDTH
            out.append(
                f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="24" fill="{colour}"/>'
            )
            if share > 0.08:
                out.append(
                    f'<text x="{x + share * WIDTH / 2:.1f}" y="{y + 17}" text-anchor="middle" '
                    f'fill="#fff">{100 * share:.1f} %</text>'
                )
            x += share * WIDTH
        out.append(
            f'<text x="{LEFT + WIDTH + 10}" y="{y + 17}" fill="#555">'
            f"{row['routes']['announced']:,}</text>"
        )
    x, y = LEFT, TOP + ROW * len(rows) + 16
    for state, colour in COLOURS.items():
        out.append(f'<rect x="{x}" y="{y}" width="14" height="14" fill="{colour}"/>')
        out.append(f'<text x="{x + 20}" y="{y + 12}">{LABELS[state]}</text>')
        x += 110
    out.append("</svg>")
    sys.stdout.write("\n".join(out) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])

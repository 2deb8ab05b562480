"""The pictures of a page and the tables of the same numbers, held against the API."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date

from tests.api_figures import ENGLISH, fraction, seven
from tests.page_known import REGIONS, Known, day_said
from tests.page_trees import Node

CLASSES = ("ldc", "lldc", "sids", "income", "development")
FIGURES = ("data-v", "data-value", "data-values", "data-levels", "data-start")
"""Attributes with a number for programs."""


class Pictures(Known):
    """Each shape of picture has a rule, and each table of a picture."""

    def _picture(self, svg: Node, kind: str) -> None:
        marks = [n for n in svg.below() if any(name in n.attributes for name in FIGURES)]
        for node in marks:
            node.seen = True
        shape = next((c for c in svg.classes if c != "chart"), "")
        look = getattr(self, f"_draw_{shape}", None)
        if look is None:
            if marks:
                self.wrong.append(f"{self.path}: no rule for the picture {svg.classes}")
            return
        look(svg, kind)

    def _told(self, node: Node, right: str, what: str) -> None:
        self.same(next((t.text for t in node.all("title")), ""), right, what)

    def _draw_map(self, svg: Node, _: str) -> None:
        rows = self.api.rows("country")
        for node in svg.all(data_code=None, data_value=None):
            row = rows.get((node["data-code"], self.family))
            areas = self._areas()
            if row is None or not row["routes"]["announced"] or (
                areas is not None and node["data-code"] not in areas
            ):  # fmt: skip
                self.same(node["data-value"], "", f"map, {node['data-code']}")
                continue
            its, name = row["routes"], row["name"]
            self.same(node["data-value"], seven(row["valid_share"]), f"map, {name}")
            self._told(node, f"{name}: {fraction(its['valid'], its['announced'])}", "map")

    def _areas(self) -> set[str] | None:
        """The countries that a map is about; None: all."""
        return None

    def _draw_ranking(self, svg: Node, kind: str) -> None:
        schemes = [REGIONS] if kind == "regions" else [self.scheme] if self.scheme else [
            side.partition("/")[0] for side in re.findall(r"[ab]=([^&]+)", self.path)
        ]  # fmt: skip
        rows = self.api.named(schemes, self.family)
        for node in svg.all("g", data_value=None):
            if "data-group" not in node.attributes:
                parent = self._parent()
                said = f"{parent['name']} {ENGLISH.percent(parent['valid_share'])}"
                self.same(node["data-value"], seven(parent["valid_share"]), "the reference")
                self.same(node.text, said, "the reference in words")
                continue
            row = rows[node["data-group"]]
            self.same(node["data-value"], seven(row["valid_share"]), f"bar {row['name']}")
            its, said = row["routes"], row["name"] or row["group"]
            self._told(node, f"{said}: {fraction(its['valid'], its['announced'])}", "bar")
            self.same(node.all("text")[-1].text, ENGLISH.percent(row["valid_share"]), said)

    def _draw_divide(self, svg: Node, _: str) -> None:
        rows = self.api.named(CLASSES, self.family)
        for group in svg.all("g", data_group=None):
            row = rows[group["data-group"]]
            its = self.api.group(row["scheme"], row["group"], self.family)["averages"][
                "valid_share"
            ]
            routes, means = row["routes"], list[str]()
            said = {"pooled": fraction(routes["valid"], routes["announced"]),
                    "median country": ENGLISH.percent(its["median_country"]),
                    "people-weighted": ENGLISH.percent(its["people_weighted"])}  # fmt: skip
            told = [t.text for t in group.all("title") if (t.parent or t).tag == "g"]
            self.same(told, [f"{row['name']}, {k}: {v}" for k, v in said.items()], "a class")
            for node in group.all(data_kind=None):
                right = its[{"pooled": "pooled", "median": "median_country",
                             "weighted": "people_weighted"}[node["data-kind"]]]  # fmt: skip
                what = f"{row['name']}, {node['data-kind']}"
                self.same(node["data-value"], seven(right), what)
                means.append(ENGLISH.percent(right))
            letters = " ".join(t.text for t in group.all("text"))
            self.same(set(re.findall(r"[\d.]+%", letters)), set(means), f"letters of {what}")

    def _draw_composition(self, svg: Node, _: str) -> None:
        keys, wholes = list[str](), dict[str, float]()
        for node in svg.all("g", data_part=None):
            shown = next(t.text for t in node.all("title"))
            family, counted, part = re.fullmatch(
                r"(IPv[46]) (routes|space), ([a-z-]+): .*", shown
            ).groups()  # type: ignore[union-attr]
            n, d = self._part(family.lower(), counted, part)
            self.same(shown, f"{family} {counted}, {part}: {fraction(n, d)}", "a part")
            value = node.all("rect", data_value=None)[0]["data-value"]
            self.same(value, seven(n / d if d else None), f"{family} {counted}, {part}")
            keys.append(f"{part} {ENGLISH.percent(n / d if d else None)}")
            wholes[f"{family} {counted}"] = d
        letters = [node.text for node in svg.all("text")]
        for key in keys:
            self.same(letters.count(key), keys.count(key), f"the key {key}")
        for name, whole in wholes.items():
            told = letters[letters.index(name) + 1].split()[0]
            self.same(told, ENGLISH.count(whole), f"all {name}")

    def _draw_trend(self, svg: Node, _: str) -> None:
        for node in svg.all("g", data_series=None):
            days = self._days(node["data-series"])
            for title in node.all("title"):
                said = re.fullmatch(r"(.*), (\d+ \w+ \d{4}): (.*)", title.text)
                assert said, title.text
                n, d, _ = days[day_said(said[2])]
                self.same(said[3], fraction(n, d), f"{said[1]} on {said[2]}")
            shares = (
                re.findall(r"[\d.]+% \(", node.all("title")[-1].text) if node.all("title") else []
            )
            for share in shares[:1]:  # of the last day, which stands at the end of its line
                ends = [t.text.split()[-1] for t in svg.all("text", font_weight="600")]
                self.same(share[:-2] in ends, True, f"the end of {node['data-series']}")
            if "data-days" not in node.attributes:
                continue
            told = zip(node["data-days"].split(), node["data-values"].split(), strict=True)
            for day, value in told:
                n, d, _ = days[day]
                self.same(value, seven(n / d) if d else "-", f"{node['data-series']} on {day}")
        for node in svg.all("g", data_year=None):
            goal = self._targets()[0]
            self.same(node["data-value"], seven(goal["value"]), "the target")
            self.same(node["data-year"], str(goal["year"]), "the target's year")

    def _draw_steps(self, svg: Node, _: str) -> None:
        now, steps = self._plan()
        gains = [each["points"] / 100 for each in steps]
        levels, level = [], now
        for gain in gains:
            level += gain
            levels.append(level)
        node = svg.all("g", data_levels=None)[0]
        self.same(node["data-start"], seven(now), "where the curve begins")
        self.same(node["data-values"].split(), [seven(each) for each in gains], "its steps")
        self.same(node["data-levels"].split(), [seven(each) for each in levels], "its levels")

    def _draw_waterfall(self, svg: Node, _: str) -> None:
        then, now, moved, rest = self._moved()
        bars = svg.all("g", data_value=None)
        self.same(bars[0]["data-value"], seven(then[1]), "the share then")
        self.same(bars[-1]["data-value"], seven(now[1]), "the share now")
        for node, (name, points) in zip(bars[1:-1], [*moved, *rest], strict=True):
            self.same(node["data-cause"], name, "a cause")
            self.same(float(node["data-value"]), float(seven(points / 100)), f"cause {name}")
            self._told(node, f"{name}: {ENGLISH.points(points)}", "a cause in words")
            self.same(node.all("text")[-1].text, ENGLISH.points(points), f"letters of {name}")
        for node, (_, share) in ((bars[0], then), (bars[-1], now)):
            self.same(node.all("text")[-1].text, ENGLISH.percent(share), "a share in letters")

    def _shares(self, cells: Sequence[Node], n: float, d: float, what: str) -> None:
        self.cell(cells[0], n / d if d else None, _percent, what, exact=False)
        self.cell(cells[1], n, ENGLISH.count, f"{what}, numerator")
        self.cell(cells[2], d, ENGLISH.count, f"{what}, denominator")

    def _numbers_parts(self, rows: Sequence[Sequence[Node]]) -> None:
        for cells in rows:
            family, _, counted = cells[0].text.partition(" ")
            cells[1].seen = True
            n, d = self._part(family.lower(), counted, cells[1].text)
            self._shares(cells[2:], n, d, f"{cells[0].text}, {cells[1].text}")

    def _numbers_regions(self, rows: Sequence[Sequence[Node]]) -> None:
        named = self.api.named([REGIONS], self.family)
        for cells in rows:
            its = named[cells[0].text]["routes"]
            self._shares(cells[1:], its["valid"], its["announced"], cells[0].text)

    def _numbers_divide(self, rows: Sequence[Sequence[Node]]) -> None:
        named = self.api.named(CLASSES, self.family)
        for cells in rows:
            row = named[cells[0].text]
            its = self.api.group(row["scheme"], row["group"], self.family)["averages"][
                "valid_share"
            ]
            routes, what = row["routes"], cells[0].text
            self._shares(cells[1:4], routes["valid"], routes["announced"], what)
            self.cell(cells[4], its["median_country"], _percent, f"{what}, median", exact=False)
            self.cell(cells[5], its["people_weighted"], _percent, f"{what}, people", exact=False)

    def _numbers_trend(self, rows: Sequence[Sequence[Node]]) -> None:
        for cells in rows:
            n, d, degraded = self._days(cells[0].text)[cells[1]["data-v"]]
            day = date.fromisoformat(cells[1]["data-v"])
            self.same(cells[1].text, ENGLISH.short_day(day), "a day")
            cells[1].seen = cells[5].seen = True
            self._shares(cells[2:5], n, d, f"{cells[0].text} on {day}")
            self.same(cells[5]["data-v"], str(int(degraded)), f"whether {day} was degraded")

    def _numbers_change(self, rows: Sequence[Sequence[Node]]) -> None:
        then, now, moved, rest = self._moved()
        level = then[1]
        self.cell(rows[0][2], then[1], _percent, "the share then", exact=False)
        self.cell(rows[-1][2], now[1], _percent, "the share now", exact=False)
        for cells, (name, points) in zip(rows[1:-1], [*moved, *rest], strict=True):
            level += points / 100
            self.same(cells[0].text, name, "a cause")
            for node, right, say in (
                (cells[1], points / 100, _points),
                (cells[2], level, _percent),
            ):
                node.seen = True
                self.same(node.text, say(right), f"cause {name}")
                self.same(float(node["data-v"]), float(seven(right)), f"cause {name}, for programs")


def _percent(value: float | None) -> str:
    return "No data" if value is None else ENGLISH.percent(value)


def _points(share: float) -> str:
    return ENGLISH.points(100 * share)

"""Every figure of a page, held against the API: tables here, pictures and sentences beside.

:func:`wrong_figures` walks a page of the sample service. What it has looked at it marks; a number
that a program can read, or a cell of a table, that no rule has looked at is wrong too: a new figure
needs a new rule.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from tests.api_figures import ENGLISH, Api, at
from tests.page_known import CAUSES, day_said
from tests.page_pictures import FIGURES, Pictures
from tests.page_sentences import Sentences
from tests.page_trees import Node, tree
from validator.pages.phrases import reasons


def wrong_figures(api: Api, path: str, text: str = "") -> tuple[list[str], int]:
    """What is not as the API has it, a line each; and how much was compared. ``text``: the page, if
    it is not the service's own."""
    walk = _Walk(api, path, tree(text or api.page(path)))
    walk.look()
    return walk.wrong, walk.compared


class _Walk(Pictures, Sentences):
    """A page, section by section."""

    def look(self) -> None:
        for section in self.page.all("section"):
            kind = section.get("aria-labelledby").removesuffix("-title")
            for svg in section.all("svg"):
                self._attempt(kind, self._picture, svg, kind)
            for table in section.all("table"):
                self._attempt(kind, self._table, table, kind)
            for what, node in zip(section.all("dt"), section.all("dd"), strict=True):
                self._said(what.text, node)
        self._attempt("sentences", self._sentences)
        self._unseen()

    def _attempt(self, place: str, look: Callable[..., None], *given: object) -> None:
        """What the API does not have at all is wrong too."""
        try:
            look(*given)
        except (LookupError, StopIteration, AssertionError, ValueError, AttributeError) as error:
            self.wrong.append(f"{self.path}: {place}: {error!r}")

    def _unseen(self) -> None:
        for node in self.page.below():
            given = any(node.get(name) not in ("", "-") for name in FIGURES)
            bare = node.tag in ("td", "dd") and re.search(r"\d", node.text)
            if (given or bare) and not node.seen:
                self.wrong.append(f"{self.path}: nobody looked at {node.tag} {node.attributes} "
                                  f"{node.text[:60]!r}")  # fmt: skip

    def _table(self, table: Node, kind: str) -> None:
        head = [each.text for each in table.all("tr")[0].all("th")]
        rows = [[c for c in r.children if c.tag in ("th", "td")] for r in table.all("tr")[1:]]
        if "figures" in table.classes:
            self._groups_table(table)
        elif table.around("details") is not None:
            self._picture_table(kind, rows)
        else:
            look = getattr(self, f"_table_{re.sub(r'[^a-z]', '_', kind)}", None)
            if look is not None:
                look(rows, head)

    def _groups_table(self, table: Node) -> None:
        heads = [each.get("data-f") for each in table.all("tr")[0].all("th")]
        then = re.search(r"since (\d+ \w+ \d{4})", (table.around("section") or table).text)
        for tr in table.all("tr")[1:]:
            its = {**table.attributes, **tr.attributes}
            scheme, group, family = (its[f"data-{n}"] for n in ("scheme", "group", "family"))
            row = self.api.row(scheme, group, family)
            for column, node in enumerate(c for c in tr.children if c.tag in ("th", "td")):
                figure = node.get("data-f") or (heads[column] if column < len(heads) else "")
                if node.tag == "th" or "start" in node.classes:
                    node.seen = True
                elif figure:
                    say = ENGLISH.percent if _share(figure) else ENGLISH.count
                    self.cell(node, at(row, figure), say, f"{scheme}/{group} {family} {figure}")
                elif then and node.text not in ("routes", "addresses", "/48s", "IPv4", "IPv6"):
                    self._since(node, scheme, group, family)
                else:
                    self.same(bool(re.search(r"\d", node.text.replace("IPv", ""))
                                   and node.text not in ("/48s", "IPv4", "IPv6")), False,
                              f"a cell of {group} without a name: {node.text}")  # fmt: skip
                    node.seen = True

    def _since(self, node: Node, scheme: str, group: str, family: str) -> None:
        found = self.api.year_ago("rir", self._groups_of_rir(), family)
        assert found
        before = self.api.rows(scheme, found[0]).get((group, family))
        share, now = before and before["valid_share"], self.api.row(scheme, group, family)
        ours = now["valid_share"]
        right = None if share is None or ours is None else 100 * (ours - share)
        self.cell(node, right, ENGLISH.points, f"the change of {group}")

    def _picture_table(self, kind: str, rows: Sequence[Sequence[Node]]) -> None:
        look = getattr(self, f"_numbers_{kind}", None)
        if look is None:
            self.wrong.append(f"{self.path}: no rule for the numbers of {kind}")
            return
        look(rows)

    def _table_plan(self, rows: Sequence[Sequence[Node]], head: Sequence[str]) -> None:
        _, steps = self._plan()
        self.same(len(rows), len(steps), "the length of the plan")
        for cells, step in zip(rows, steps, strict=False):
            what, its = step["id"], iter(cells[1:])
            self.same(cells[0].text, f"{what} {step['name']}".strip(), "who could raise it")
            self.cell(next(its), step["country"], str, f"{what}, country")
            self.cell(next(its), step["gain"], ENGLISH.count, f"{what}, routes")
            self.cell(next(its), step["points"], ENGLISH.points, f"{what}, points")
            if len(head) > 5:
                holder = step["holder"]
                said = " / ".join(map(ENGLISH.count, holder.values()))
                self.cell(next(its), said, str, f"{what}, holder")
                self.cell(next(its), step["needs_decision"], ENGLISH.count, f"{what}, others")
            self.cell(next(its), step["after"], ENGLISH.percent, f"{what}, after")

    def _table_week(self, rows: Sequence[Sequence[Node]], head: Sequence[str]) -> None:
        then = self.api.rows("country", day_said(head[1]))
        named = self.api.named(["country"], self.family)
        for cells in rows:
            now = named[cells[0].text]
            before = then[now["group"], self.family]["valid_share"]
            for node, right in zip(cells[1:3], (before, now["valid_share"]), strict=True):
                self.cell(node, right, ENGLISH.percent, f"{now['name']} in the week")
            change = 100 * (now["valid_share"] - before)
            self.cell(cells[3], change, ENGLISH.points, f"the week's change of {now['name']}")

    def _table_means(self, rows: Sequence[Sequence[Node]], _: Sequence[str]) -> None:
        for cells in rows:
            family = cells[0].text.lower()
            its = self.api.group(self.scheme, self.group, family)["averages"]["valid_share"]
            for node in cells[1:]:
                say = ENGLISH.count if node["data-f"] == "countries" else ENGLISH.percent
                self.cell(node, its[node["data-f"]], say, f"{family} {node['data-f']}")

    def _table_invalids(self, rows: Sequence[Sequence[Node]], _: Sequence[str]) -> None:
        total = self.api.row(self.scheme, self.group, self.family)["routes"]["invalid"]
        said = f"{ENGLISH.count(total)} invalid route{'s' if total != 1 else ''}"
        title = next(s for s in self.page.all("section") if s.get("aria-labelledby")
                     == "invalids-title").all("h2")[0]  # fmt: skip
        self.same(title.text, said, "how many invalid routes")
        self.same(len(rows), min(total, 20), "how many invalid routes are listed")
        for cells in rows:
            self._route(cells, self._exact(cells[0].text, cells[1].text.split()[0]))

    def _table_routes(self, rows: Sequence[Sequence[Node]], _: Sequence[str]) -> None:
        found = self.api.get(f"asn/{self.group}/routes")
        listed = {each["prefix"]: each for each in found["routes"]}
        self.same(len(rows), min(found["total"], 200), "how many routes are listed")
        for cells in rows:
            self._route(cells, {**listed[cells[0].text], "origin": ""})

    def _around(self, rows: Sequence[Sequence[Node]], _: Sequence[str]) -> None:
        for cells in rows:
            self._route(cells, self._exact(cells[0].text, cells[1].text.split()[0]))

    _table_exact = _table_less = _table_more = _around

    def _exact(self, prefix: str, origin: str) -> Any:
        listed = self.api.get(f"prefix/{prefix}")["exact"]["listed"]
        origin = "NONE" if origin == "none" else origin
        return next(each for each in listed if each["origin"] == origin)

    def _route(self, cells: Sequence[Node], right: Any) -> None:
        what = f"route {right['prefix']} {right['origin']}"
        for node in cells:
            node.seen = True
        if len(cells[1:]) > 3 or not right["origin"]:
            self.same(cells[-3].text, right["state"], f"{what}, state")
        why = reasons(ENGLISH)[right["reason"] or ""]
        self.same(cells[-2].text.partition("(")[0].strip() if right["excluded"]
                  else cells[-2].text, why, f"{what}, why")  # fmt: skip
        self.cell(cells[-1], right["peers"], ENGLISH.count, f"{what}, peers")

    def _vrps(self, rows: Sequence[Sequence[Node]], _: Sequence[str]) -> None:
        its = self.api.get(f"prefix/{self.path.removeprefix('/prefix/')}")
        listed = [*its["vrps"]["listed"], *its["vrps_inside"]["listed"]]
        for cells in rows:
            for node in cells:
                node.seen = True
            asn = cells[2].text.split()[0].replace("nobody", "AS0")
            told = (cells[0].text, int(cells[1].text), asn)
            known = [(v["prefix"], v["max_length"], v["asn"]) for v in listed]
            self.same(told in known, True, f"VRP {told}")

    _table_vrps = _table_inside = _vrps

    def _table_days(self, rows: Sequence[Sequence[Node]], _: Sequence[str]) -> None:
        scheme, groups = self._compared()
        days = self.api.days(scheme, groups, self.family)
        now = self.api.row(scheme, groups[0], self.family)["routes"]
        days[self.api.day.isoformat()] = (now["valid"], now["announced"], False)
        for cells in rows:
            day = next(d for d in days if ENGLISH.day(d) == cells[0].text)
            n, d, degraded = days[day]
            for node, right, say in zip(cells[1:4], (n, d, n / d),
                                        (ENGLISH.count, ENGLISH.count, ENGLISH.percent),
                                        strict=True):  # fmt: skip
                self.cell(node, right, say, f"{day}")
            self.same(cells[4].text, "yes" if degraded else "no", f"{day}, degraded")

    def _table_causes(self, rows: Sequence[Sequence[Node]], _: Sequence[str]) -> None:
        scheme, groups = self._compared()
        its = self.api.change(scheme, groups[0], self.family, self._first())
        told = {each["cause"]: each for each in its["causes"]}
        self.same(len(rows), len(told), "how many causes")
        for cells in rows:
            right = told[CAUSES[cells[0].text]]
            self.cell(cells[1], right["routes"], ENGLISH.count, f"{cells[0].text}, routes")
            self.cell(cells[2], right["points"], ENGLISH.points, f"{cells[0].text}, points")


def _share(figure: str) -> bool:
    return figure.rpartition("_")[2] in ("share", "coverage") or figure in (
        "coverage", "accuracy", "share",
    )  # fmt: skip

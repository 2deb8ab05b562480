"""What is known of a page of the sample service when its figures are looked at: which page it is,
and what the API has for it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

from tests.api_figures import ENGLISH, Api, seven
from tests.page_trees import Node
from validator.pages.phrases import causes

REGIONS = "m49-region"
_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()  # noqa: SIM905 - as they are said
CAUSES = {said: cause for cause, said in causes(ENGLISH).items()}
_GROUP = re.compile(r"/(?:country/(?P<country>[A-Z]{2})|asn/(?P<asn>AS[0-9]+)|region/"
                    r"(?P<scheme>[a-z0-9-]+)/(?P<group>[^/?]+))")  # fmt: skip
Saying = Callable[[Any], str]
Named = list[tuple[str, float]]
Moved = tuple[tuple[str, float], tuple[str, float], Named, Named]
"""(day, share) then and now; names with percentage points: those that are named, and the rest."""


class Known:
    """A page, and what the API has for it."""

    def __init__(self, api: Api, path: str, page: Node) -> None:
        self.api, self.path = api, path
        self.page = page.all("main")[0]
        self.family = "ipv6" if "family=ipv6" in path else "ipv4"
        self.wrong: list[str] = []
        self.compared = 0
        found = _GROUP.match(path)
        given = found.groupdict() if found else {}
        self.scheme = given.get("scheme") or next(
            (n for n in ("country", "asn") if given.get(n)), ""
        )
        self.group = next((given[n] for n in ("group", "country", "asn") if given.get(n)), "")

    def same(self, shown: object, right: object, what: str) -> None:
        self.compared += 1
        if shown != right:
            self.wrong.append(f"{self.path}: {what}: shows {shown!r}, the API has {right!r}")

    def cell(self, node: Node, right: Any, say: Saying, what: str, *, exact: bool = True) -> None:
        """A cell: what it says, and its number for programs, if it says less."""
        node.seen = True
        for each in node.below():
            each.seen = True
        self.same(node.text, say(right), what)
        if "data-v" in node.attributes:
            told = "" if right is None else repr(right)
            self.same(node["data-v"], told if exact else seven(right), f"{what}, for programs")

    def _groups(self) -> tuple[str, list[str]]:
        if self.scheme:
            return self.scheme, [self.group]
        return "rir", sorted({group for group, _ in self.api.rows("rir")})

    def _groups_of_rir(self) -> list[str]:
        return sorted({group for group, _ in self.api.rows("rir")})

    def _days(self, series: str) -> dict[str, Any]:
        if series in ("IPv4", "IPv6"):
            return self.api.days(*self._groups(), series.lower())
        for side in re.findall(r"[ab]=([^&]+)", self.path):
            scheme, _, group = side.partition("/")
            if self.api.row(scheme, group, self.family)["name"] == series:
                return self.api.days(scheme, [group], self.family)
        raise AssertionError(f"no series {series!r}")

    def _first(self) -> str:
        """Since when a change is told."""
        if found := re.search(r"from=([0-9-]+)", self.path):
            return found[1]
        text = next(h.text for h in self.page.all("h2") if "What moved" in h.text)
        return day_said(" ".join(text.split()[-3:]))

    def _compared(self) -> tuple[str, list[str]]:
        scheme, _, group = re.findall(r"a=([^&]+)", self.path)[0].partition("/")
        return scheme, [group]

    def _parent(self) -> Any:
        """The region that a country is compared with: the finer of the lists that it is in."""
        links = [a.get("href") for a in self.page.all("a")]
        for scheme in ("m49-intermediate", "m49-subregion"):
            for link in links:
                if found := re.match(rf"/region/{scheme}/([^/?]+)", link):
                    return self.api.row(scheme, found[1], self.family)
        raise AssertionError(f"{self.path} names no region")

    def _targets(self) -> Any:
        return [each for each in self.api.get(f"targets/{self.scheme}/{self.group}")["targets"]
                if each["family"] == self.family]  # fmt: skip

    def _part(self, family: str, counted: str, part: str) -> tuple[float, float]:
        row = self.api.row(self.scheme, self.group, family)
        if counted == "routes":
            return row["routes"][part.replace("-", "_")], row["routes"]["announced"]
        its = row["space"]
        parts = {"valid": its["valid"], "invalid": its["covered"] - its["valid"],
                 "not-found": its["announced"] - its["covered"]}  # fmt: skip
        return parts[part], its["announced"]

    def _gains(self) -> list[int]:
        """What each network could sign, the most first."""
        gains = (
            row["routes"]["invalid"] + row["routes"]["not_found"]
            for (group, family), row in self.api.rows("asn").items()
            if family == self.family and group not in ("NONE", "AS0")
        )
        return sorted(gains, reverse=True)

    def _plan(self) -> tuple[float, list[dict[str, Any]]]:
        """The valid share now; of each step what a page shows."""
        if self.scheme:
            found = self.api.plan(self.scheme, self.group, self.family)
            return found["now"]["valid_share"], [
                {**each, "after": each["after"]["valid_share"]} for each in found["steps"]
            ]
        its, rows = self.api.world(self.family), self.api.rows("asn")
        table = next(t for t in self.page.all("table") if (t.around("section") or t).get(
            "aria-labelledby") == "plan-title")  # fmt: skip
        reached, steps, gains = its["valid"], list[dict[str, Any]](), self._gains()
        for number, tr in enumerate(table.all("tr")[1:]):
            asn = tr.all("th")[0].text.split()[0]
            row = rows[asn, self.family]
            gain = row["routes"]["invalid"] + row["routes"]["not_found"]
            self.same(gain, gains[number], f"the gain of rank {number + 1}")
            reached += gain
            steps.append({
                "id": asn, "name": row["name"], "country": self.api.get(f"asn/{asn}")["country"],
                "gain": gain, "points": 100 * gain / its["announced"],
                "after": reached / its["announced"],
            })  # fmt: skip
        return its["valid"] / its["announced"], steps

    def _moved(self) -> Moved:
        """The share then and now, who moved it, and what is left."""
        if not self.scheme and not self.path.startswith("/compare"):
            return self._moved_world()
        scheme, groups = (self.scheme, [self.group]) if self.scheme else self._compared()
        its = self.api.change(scheme, groups[0], self.family, self._first())
        said = {cause: text for text, cause in CAUSES.items()}
        moved = [
            (f"{each['id']} {said[_largest(each['causes'])]}", _points_of(each)) for each in
            its["listed"][:5]
        ]  # fmt: skip
        then, now = ((its[end]["day"], its[end]["share"]) for end in ("before", "after"))
        left = 100 * (now[1] - then[1]) - sum(points for _, points in moved)
        return then, now, moved, [("All else", left)] if abs(left) > 1e-7 else []

    def _moved_world(self) -> Moved:
        found = self.api.year_ago("rir", self._groups_of_rir(), self.family)
        assert found
        old, new = (self._by_region(day) for day in (found[0], ""))
        before, after = ([sum(each[n] for each in side.values()) for n in (0, 1)]
                         for side in (old, new))  # fmt: skip
        moved = []
        for group in {**new, **old}:
            (a, b), (c, d) = new.get(group, (0, 0)), old.get(group, (0, 0))
            exact = (a - c) * before[1] - before[0] * (b - d)
            name = self.api.rows(REGIONS).get((group, self.family), {}).get("name") or group
            moved.append((name, 100 * exact / (before[1] * after[1])))
        moved = sorted((each for each in moved if each[1]), key=lambda each: -abs(each[1]))
        then, now = (found[0], before[0] / before[1]), ("", after[0] / after[1])
        others, left = moved[5:], 100 * (now[1] - then[1]) - sum(p for _, p in moved[:5])
        rest = [(f"{len(others)} others" if others else "All else", left)]
        return then, now, moved[:5], rest if others or abs(left) > 1e-7 else []

    def _by_region(self, day: str) -> dict[str, tuple[int, int]]:
        return {
            group: (row["routes"]["valid"], row["routes"]["announced"])
            for (group, family), row in self.api.rows(REGIONS, day).items()
            if family == self.family
        }


def day_said(text: str) -> str:
    """The day that is written as 22 November 2026, or shorter."""
    day, month, year = text.split()
    return date(int(year), _MONTHS.index(month[:3]) + 1, int(day)).isoformat()


def _largest(found: Sequence[Any]) -> str:
    return str(max(found, key=lambda each: abs(each["exact"]))["cause"])


def _points_of(entry: Any) -> float:
    """A network's largest cause: what a picture names."""
    return float(max(entry["causes"], key=lambda each: abs(each["exact"]))["points"])

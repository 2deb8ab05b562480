"""What a page says in words, with numbers in it, held against the API."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.api_figures import ENGLISH, NAMES, fraction
from tests.page_known import Known, day_said
from tests.page_trees import Node


class Sentences(Known):
    """The sentences at the head of a page, its rank, its targets, its lists of terms."""

    def _said(self, what: str, node: Node) -> None:
        node.seen = True
        right = self._right(what)
        if right is not None:
            self.same(node.text, right, what)

    def _right(self, what: str) -> str | None:
        if found := re.fullmatch(r"(IPv[46]) holdings under a ROA", what):
            its = self.api.group(self.scheme, self.group, found[1].lower())["holdings"]
            unit = "addresses" if its["unit"] == "addresses" else "/48s"
            said = fraction(its["covered"], its["delegated"], its["holdings_coverage"])
            return said.replace(")", f" {unit})")
        if what == "Networks that announce IPv6":
            its = self.api.get(f"coverage/{self.scheme}/{self.group}")["networks"]
            return fraction(its["ipv6"], its["networks"])
        if self.scheme != "asn":
            return None
        its = self.api.get(f"asn/{self.group}")
        ranks = {"Rank by IPv4 space": "ipv4_space", "Rank by routes": "routes"}
        if what in ranks:
            rank = its["rank"][ranks[what]]
            count = ENGLISH.count
            return (f"{count(rank['rank'])} of {count(rank['of'])} in the world, "
                    f"{count(rank['rank_in_country'])} of {count(rank['of_in_country'])} in its "
                    "country")  # fmt: skip
        if what == "Neighbours in paths":
            shown = its["neighbours"][:20]
            more = " …" if len(its["neighbours"]) > 20 else ""
            return f"{ENGLISH.count(len(its['neighbours']))}: {', '.join(shown)}{more}"
        if what == "Routes that are not counted":
            return ENGLISH.count(sum(its["excluded"].values()))
        return None

    def _sentences(self) -> None:
        lead = self.page.all("p", within="lead")
        told = re.sub("[\u2068\u2069]", "", lead[0].text) if lead else ""
        right = " ".join(self._right_sentences())
        if right:
            self.same(told, right, "the sentence")
        for node in self.page.all("p"):
            if found := re.match(r"Rank ([\d,]+) of ([\d,]+) by valid share", node.text):
                its = self.api.group(self.scheme, self.group, self.family)["ranks"]["valid_share"]
                ranks = tuple(ENGLISH.count(its[name]) for name in ("rank", "of"))
                self.same(found.groups(), ranks, "the rank")
        for node in self.page.all("p"):
            if found := re.match(r"From (\d+ \w+ \d{4}) to .* the valid share", node.text):
                self.same(node.text, self._right_week(day_said(found[1])), "the week")
        if self.path.startswith("/prefix/"):
            self.same(self.page.all("h1")[0].text, self.path.removeprefix("/prefix/"), "the title")
            self._fixes()
        for node in self.page.all("li"):
            if " by the end of " in node.text and self.scheme:
                self._target_said(node.text)

    def _right_week(self, then: str) -> str:
        old = [r["routes"] for (_, f), r in self.api.rows("rir", then).items() if f == self.family]
        before = sum(r["valid"] for r in old) / sum(r["announced"] for r in old)
        its = self.api.world(self.family)
        after = its["valid"] / its["announced"]
        return (f"From {ENGLISH.day(then)} to {ENGLISH.day(self.api.day)} the valid share of "
                f"announced {NAMES[self.family]} routes {'rose' if after > before else 'fell'} by "
                f"{ENGLISH.plain_points(100 * (after - before))} points, from "
                f"{ENGLISH.percent(before)} to {ENGLISH.percent(after)}.")  # fmt: skip

    def _fixes(self) -> None:
        """The smallest ROA of each route that is not valid."""
        prefix = self.path.removeprefix("/prefix/")
        for section in self.page.all("section"):
            if section.get("aria-labelledby").startswith("fix-") and section.all("code"):
                told = [node.text for node in section.all("code")[:3]]
                roa = self.api.get(f"explain/{told[2]}/{prefix}")["fix"]["roa"]
                self.same(told, [roa["prefix"], str(roa["max_length"]), roa["asn"]], "a ROA")

    def _target_said(self, text: str) -> None:
        goal = self._targets()[0]
        parts = [f"{ENGLISH.percent(goal['value'])} by the end of {goal['year']} ({goal['name']}):"]
        if goal["pace_needed"]:
            parts.append(f"Needed: {ENGLISH.points(100 * goal['pace_needed'])} points a year.")
        if goal["projection"]:
            pace = ENGLISH.points(100 * goal["projection"]["pace"])
            parts.append(f"The line of the last years: {pace} points a year.")
        for part in parts:
            self.same(part in text, True, f"{part!r} in {text!r}")

    def _right_sentences(self) -> Iterator[str]:
        day, family = ENGLISH.day(self.api.day), NAMES[self.family]
        if self.path.split("?")[0] == "/":
            its = self.api.world(self.family)
            valid, invalid, missing = (
                ENGLISH.percent(its[name] / its["announced"])
                for name in ("valid", "invalid", "not_found")
            )
            yield (f"{valid} of announced {family} routes are valid, {invalid} invalid, {missing} "
                   f"have no ROA ({day}).")  # fmt: skip
            yield from self._before(its["valid"] / its["announced"])
            yield from self._half()
        elif self.path.startswith("/prefix/"):
            yield from self._prefix_sentences(day)
        elif self.scheme == "asn":
            yield from self._network_sentences(day)
        elif self.scheme:
            row = self.api.row(self.scheme, self.group, self.family)
            share = row["valid_share"]
            yield (f"{row['name'] or row['group']}: {ENGLISH.percent(share)} of announced {family} "
                   f"routes are valid ({day}).")  # fmt: skip
            if self.scheme == "country":
                theirs = self._parent()
                apart = 100 * (share - theirs["valid_share"])
                way = "above" if apart > 0 else "below"
                said = f"{theirs['name']} ({ENGLISH.percent(theirs['valid_share'])})."
                yield (f"That is {ENGLISH.plain_points(apart)} points {way} {said}"
                       if abs(apart) >= 0.05 else f"That is the same as {said}")  # fmt: skip
            yield from self._before(share)
            yield from self._half()
        elif "from=" not in self.path and self.path.startswith("/compare"):
            sides = [side.split("/") for side in re.findall(r"[ab]=([^&]+)", self.path)]
            a, b = (self.api.row(scheme, group, self.family) for scheme, group in sides)
            apart = 100 * (a["valid_share"] - b["valid_share"])
            yield (f"{a['name']}: {ENGLISH.percent(a['valid_share'])} of announced {family} routes "
                   f"are valid, {ENGLISH.plain_points(apart)} points "
                   f"{'more' if apart > 0 else 'less'} than in {b['name']} with "
                   f"{ENGLISH.percent(b['valid_share'])} ({day}).")  # fmt: skip
        elif self.path.startswith("/compare"):
            scheme, groups = self._compared()
            n, d, _ = self.api.days(scheme, groups, self.family)[self._first()]
            row = self.api.row(scheme, groups[0], self.family)
            yield (f"{row['name']}: the valid share of announced {family} routes went from "
                   f"{ENGLISH.percent(n / d)} on {ENGLISH.day(self._first())} to "
                   f"{ENGLISH.percent(row['valid_share'])} on {day}.")  # fmt: skip

    def _prefix_sentences(self, day: str) -> Iterator[str]:
        prefix = self.path.removeprefix("/prefix/")
        says = {"valid": "and a ROA says that it may: the route is valid",
                "invalid": "and ROAs say otherwise: the route is invalid",
                "not-found": "and no ROA covers it"}  # fmt: skip
        for each in self.api.get(f"prefix/{prefix}")["exact"]["listed"][:3]:
            who = f"{each['origin']} {each['name']}".strip()
            yield f"{who} announces {prefix}, {says[each['state']]} ({day})."

    def _network_sentences(self, day: str) -> Iterator[str]:
        its = self.api.get(f"asn/{self.group}")
        routes = [each["routes"] for each in its["coverage"].values()]
        announced, valid, invalid, missing = (
            sum(each[name] for each in routes)
            for name in ("announced", "valid", "invalid", "not_found")
        )
        yield (f"{its['asn']} {its['name']}: {ENGLISH.count(valid)} of {ENGLISH.count(announced)} "
               f"announced routes are valid ({day}).")  # fmt: skip
        if invalid:
            yield f"{ENGLISH.count(invalid)} {'is' if invalid == 1 else 'are'} invalid."
        if missing:
            yield f"{ENGLISH.count(missing)} {'has' if missing == 1 else 'have'} no ROA."
        if valid == announced:
            yield "There is nothing to fix."

    def _before(self, share: float) -> Iterator[str]:
        found = self.api.year_ago(*self._groups(), self.family)
        if found is None:
            return
        points, then = 100 * (share - found[1]), ENGLISH.percent(found[1])
        day = ENGLISH.day(found[0])
        if abs(points) < 0.05:
            yield f"It was the same on {day} ({then})."
        else:
            way = "Up" if points > 0 else "Down"
            yield f"{way} {ENGLISH.plain_points(points)} points from {then} on {day}."

    def _half(self) -> Iterator[str]:
        if self.scheme:
            found = self.api.plan(self.scheme, self.group, self.family)
            missing = found["now"]["routes_announced"] - found["now"]["routes_valid"]
            gains = [each["gain"] for each in found["steps"]]
        else:
            its = self.api.world(self.family)
            missing, gains = its["announced"] - its["valid"], self._gains()
        total = 0
        for number, gain in enumerate(gains, 1):
            total += gain
            if missing and 2 * total >= missing:
                holds = "network holds" if number == 1 else "networks hold"
                yield f"{ENGLISH.count(number)} {holds} half of what is missing."
                return

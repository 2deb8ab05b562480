"""What a report prints (HTML, Markdown) held against ``report.json``, and its pictures against the
API: each cell of each table, each number in a sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from tests.api_figures import ENGLISH, NAMES, Api, fraction
from tests.page_pictures import Pictures
from tests.page_trees import Node, tree
from tests.report_figures import Document
from validator.pages.phrases import causes, excluded, kinds, reasons
from validator.reports.phrases import figure_names, units

_SAY = (ENGLISH.percent, ENGLISH.count, ENGLISH.points)
_FAMILY_OF = {name: family for family, name in NAMES.items()}


def wrong_html(api: Api, report: Document, text: str) -> tuple[list[str], int]:
    """What is not as the report has it; and how much was compared."""
    walk = _Printed(api, report, tree(text))
    walk.look()
    return walk.wrong, walk.compared


class _Printed(Pictures):
    """A report as HTML."""

    def __init__(self, api: Api, report: Document, root: Node) -> None:
        its = report["subject"]
        other = f"&compare={its['compared']}" if its["compared"] else ""
        super().__init__(api, f"/region/{its['scheme']}/{its['group']}?{other}", root)
        self.report, self.root = report, root
        self._change: Document = {}
        self._drawn = {day["day"] for each in report["trend"] for day in each["days"]}
        self._changes, self._plans, self._figures = (
            iter(report["changes"]),
            iter([each for each in report["families"] if each["doers"]]),
            iter([report["figures"], report["compared"]]),
        )

    def look(self) -> None:
        self.page = self.root
        for svg in self.root.all("svg"):
            key = svg.all("title")[0].get("id")
            self.family = "ipv6" if "-ipv6-" in key else "ipv4"
            self._attempt(key, self._picture, svg, key)
        tables, self.family = list[tuple[Node, list[list[str]]]](), "ipv4"
        for table in self.root.all("table"):
            rows = [[c.text for c in tr.children if c.tag] for tr in table.all("tr")[1:]]
            if table.all("caption") and "continued" in table.all("caption")[0].text:
                tables[-1][1].extend(rows)
            else:
                tables.append((table, rows))
        for table, rows in tables:
            head = [each.text for each in table.all("tr")[0].all("th")]
            self._attempt(head[0], self._rows, head, rows)
        for node in self.root.all(data_figure=None):
            named = node["data-figure"], node["data-family"]
            own = node.around("table") is self.root.all("table", data_figures=None)[0]
            its = next(f for f in self.report["figures" if own else "compared"]
                       if (f["id"], f["family"]) == named)  # fmt: skip
            told = "" if its["value"] is None else repr(its["value"])
            self.same(node["data-value"], told, f"{named}, for programs")
        self._attempt("prose", self._prose)
        self.same(next(self._changes, None), None, "changes that are not printed")
        self.same(next(self._plans, None), None, "plans that are not printed")

    def _attempt(self, place: str, look: Any, *given: object) -> None:
        try:
            look(*given)
        except (LookupError, StopIteration, AssertionError, ValueError, AttributeError) as error:
            self.wrong.append(f"{place}: {error!r}")

    def _parent(self) -> Any:
        around = [each for each in self.report["peers"] if each["scheme"] != self.scheme]
        found = next(each for each in around if each["family"] == self.family)
        return self.api.row(found["scheme"], found["group"], self.family)

    def _areas(self) -> set[str] | None:
        if self.scheme == "country":
            peers = self.report["peers"]
            return {p["group"] for p in peers if (p["scheme"], p["family"]) == ("country", "ipv4")}
        listed = self.api.get(f"coverage/{self.scheme}/{self.group}?family=ipv4&limit=1000")
        return {each["group"] for each in listed["members"] if each["scheme"] == "country"}

    def _first(self) -> str:
        return str(self.report["subject"]["since"])

    def _days(self, series: str) -> dict[str, Any]:
        if series in _FAMILY_OF:
            return self.api.days(self.scheme, [self.group], _FAMILY_OF[series])
        its, family = self.report["subject"], self.family
        for name, group in ((its["name"], its["group"]), (its["compared_name"], its["compared"])):
            if series.rstrip("…") in name:
                return self.api.days(self.scheme, [group], family)
        raise AssertionError(f"no line {series!r}")

    # ------------------------------------------------------------------------------------ tables

    def _rows(self, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        match head[0]:
            case "Day":
                right = [self._years(head, row) for row in rows]
            case "Family":
                right = [_means(each) for each in self.report["averages"]]
            case "Figure and formula":
                right = list(_figure_rows(next(self._figures)))
            case "Group":
                right = [self._peer(row[0]) for row in rows]
            case "Country":
                right = [self._country(row[0]) for row in rows]
            case "Cause":
                right = self._change_rows(head)
            case "Network":
                plan = next(self._plans)
                right = [
                    _doer(each) for each in plan["doers"][: 10 if plan["family"] == "ipv4" else 5]
                ]
            case "Prefix":
                right = [_invalid(i) for f in self.report["families"] for i in f["invalids"][:8]]
            case "Setting":
                right = list(_settings(self.report))
                rows = [row for row in rows if row[0] in [each[0] for each in right]]
            case "Input":
                right = [_source(each) for each in self.report["sources"]]
            case _:
                raise AssertionError(f"no rule for the table {head}")
        self.same(len(rows), len(right), f"rows under {head[0]}")
        for shown, expected in zip(rows, right, strict=False):
            self.same(list(shown), list(expected), f"under {head[0]}")

    def _years(self, head: Sequence[str], row: Sequence[str]) -> list[str]:
        found = [row[0]]
        for name in head[1::2]:
            group, _, family = name.rpartition(", ")
            self.family = _FAMILY_OF[family]
            days = self._days(group or family)
            of_year = [day for day in days if day[:4] == row[0][-4:] and day in self._drawn]
            if not of_year:
                found += ["", ""]
                continue
            n, d, degraded = days[max(of_year)]
            found[0] = ENGLISH.short_day(date.fromisoformat(max(of_year)))
            counts = f"{ENGLISH.count(n)} / {ENGLISH.count(d)}{' (degraded)' if degraded else ''}"
            found += [ENGLISH.percent(n / d if d else None), counts]
        return found

    def _peer(self, name: str) -> list[str]:
        its = next(p for p in self.report["peers"] if p["name"] == name and p["family"] == "ipv4")
        counts = [ENGLISH.count(its[each]) for each in ("numerator", "denominator")]
        shown = counts if its["scheme"] == self.scheme else ["", ""]
        return [name, ENGLISH.percent(its["value"]), *shown]

    def _country(self, name: str) -> list[str]:
        row = self.api.named(["country"], "ipv4")[name]
        its = row["routes"]
        return [name, ENGLISH.percent(row["valid_share"]), ENGLISH.count(its["valid"]),
                ENGLISH.count(its["announced"])]  # fmt: skip

    def _change_rows(self, head: Sequence[str]) -> list[list[str]]:
        said = causes(ENGLISH)
        if head[1] == "Routes":
            return [[said[c], ENGLISH.count(n), ENGLISH.points(p)]
                    for c, n, p in self._change["causes"]]  # fmt: skip
        self._change = its = next(self._changes)
        self.family, level = its["family"], its["first"]["value"]
        first, last = (
            ENGLISH.short_day(date.fromisoformat(its[e]["day"])) for e in ("first", "last")
        )
        rows = [[first, "", ENGLISH.percent(level)]]
        then, now, moved, rest = self._moved()
        self.same((then[1], now[1]), (level, its["last"]["value"]), "the ends of a change")
        for name, points in [*moved, *rest]:
            level += points / 100
            rows.append([name, ENGLISH.points(points), ENGLISH.percent(level)])
        return [*rows, [last, "", ENGLISH.percent(its["last"]["value"])]]

    # ------------------------------------------------------------------------------------- prose

    def _prose(self) -> None:
        """Each text with a digit in it is one that is expected, and each of these is there."""
        right = list(_paragraphs(self.report))
        shown = [
            re.sub("[\u2068\u2069]", "", node.text)
            for tag in ("p", "li")
            for node in self.root.all(tag)
            if re.search(r"\d", node.text) and node.around("table") is None
        ]
        for text in right:
            self.same(any(text in each for each in shown), True, f"{text!r} is printed")
        for text in shown:
            known = any(each in text for each in right) or re.search(
                r"RFC 6811|100 %|SHA-256 of every|^Originsight \d|^Routing security of", text
            )
            self.same(bool(known), True, f"{text!r} is known")


def _paragraphs(report: Document) -> Iterator[str]:
    count, percent, points = ENGLISH.count, ENGLISH.percent, ENGLISH.points
    if report["headline"]:
        yield re.sub("[\u2068\u2069]", "", " ".join(report["headline"]))
    names = {"valid_share": "routes are valid", "space_valid_share": "space is valid"}
    for f in report["figures"]:
        if f["id"] in names:
            unit = " /48s" if f["unit"] == "48s" else ""
            yield (f"{percent(f['value'])}of {NAMES[f['family']]} {names[f['id']]}"
                   f"{count(f['numerator'])} / {count(f['denominator'])}{unit}")  # fmt: skip
    rank = report["ranks"][0]
    if rank["rank"] and rank["of"] > 3:
        yield f"Rank {count(rank['rank'])} of {count(rank['of'])} by valid share"
    for each in report["targets"]:
        if each["family"] == "ipv4":
            yield f"{percent(each['value'])} by the end of {each['year']} ({each['name']}):"
            yield f"Needed: {points(100 * each['needed'])} points a year."
    for each in report["families"]:
        yield from (f"{excluded(ENGLISH)[why]} {count(n)}" for why, n in each["excluded"].items())
    for each in report["changes"]:
        first, last = (
            fraction(each[e]["numerator"], each[e]["denominator"]) for e in ("first", "last")
        )
        yield (f"The valid share of {NAMES[each['family']]} routes went from {first} to {last}: "
               f"{points(each['points'])} points.")  # fmt: skip
    announced = {
        f["family"]: f["denominator"] for f in report["figures"] if f["id"] == "valid_share"
    }
    for each in report["families"]:
        if each["doers"]:
            whole = count(announced[each["family"]])
            yield (f"{count(each['missing'])} of {whole} announced routes are not valid; "
                   f"{count(each['able'])} networks could sign some of them. If all of them did, "
                   f"{percent(each['everybody'])} would be valid.")  # fmt: skip
    if any(each["invalids_total"] for each in report["families"]):
        yield " ".join(
            f"{NAMES[f['family']]}: {count(f['invalids_total'])} invalid "
            f"route{'' if f['invalids_total'] == 1 else 's'}." for f in report["families"]
        )  # fmt: skip


def _figure_rows(figures: Sequence[Document]) -> Iterator[list[str]]:
    for name, (title, formula) in figure_names(ENGLISH).items():
        both = [next((f for f in figures if (f["id"], f["family"]) == (name, family)), None)
                for family in NAMES]  # fmt: skip
        if any(both):
            row = [f"{title} {formula}"]
            for its in both:
                row += ["–", "–", "–"] if its is None else [
                    ENGLISH.percent(its["value"]), ENGLISH.count(its["numerator"]),
                    f"{ENGLISH.count(its['denominator'])} {units(ENGLISH)[its['unit']]}",
                ]  # fmt: skip
            yield row


def _means(its: Document) -> list[str]:
    shares = [ENGLISH.percent(its[n]) for n in ("pooled", "median_country", "people_weighted")]
    return [NAMES[its["family"]], *shares, ENGLISH.count(its["countries"])]


def _doer(its: Document) -> list[str]:
    holder = " / ".join(ENGLISH.count(its[n]) for n in ("same", "different", "unknown"))
    return [f"{its['asn']} {its['name']}".strip(), its["country"], ENGLISH.count(its["gain"]),
            ENGLISH.points(its["points"]), holder, ENGLISH.percent(its["after"])]  # fmt: skip


def _invalid(its: Document) -> list[str]:
    who = f"{its['origin']} {its['name']}".strip()
    return [its["prefix"], who, reasons(ENGLISH)[its["reason"]], ENGLISH.count(its["peers"])]


def _settings(report: Document) -> Iterator[list[str]]:
    its = report["settings"]
    decided = " (decided by the table)" if its["min_peers"] is None else ""
    yield ["Least peers that must see a route", f"{its['min_peers_in_force']}{decided}"]
    yield ["Longest prefix counted", f"IPv4 /{its['longest_ipv4']}, IPv6 /{its['longest_ipv6']}"]
    yield ["Prefixes that nobody can hold", ", ".join(its["special_purpose_prefixes"])]
    yield ["AS numbers that nobody can hold", ", ".join(its["special_purpose_asns"])]


def _source(its: Document) -> list[str]:
    return [its["source"].rpartition("/")[2], kinds(ENGLISH).get(its["kind"], its["kind"]),
            ENGLISH.count(its["rows"]), ENGLISH.moment(its["built"]), its["sha256"]]  # fmt: skip


# ----------------------------------------------------------------------------------- Markdown


def wrong_markdown(report: Document, text: str) -> list[str]:
    """What is not as the report has it: the tables row by row, and the sentences."""
    plain = re.sub(r"\\(.)", r"\1", text)
    lines = plain.splitlines()
    shown = [line for line in lines if line.startswith("| ") and not line.startswith("| ---")]
    right = [f"| {' | '.join(row)} |" for row in _markdown_rows(report)]
    heads = [line for line in shown if line.split(" | ")[0] in _HEADS]
    wrong = [f"{line!r} is not to be there" for line in shown if line not in {*right, *heads}]
    wrong += [f"{line!r} is missing" for line in right if line not in shown]
    if len(shown) != len(right) + len(heads):
        wrong.append(f"{len(shown)} lines for {len(right)} and {len(heads)} heads")
    said = re.sub("[\u2068\u2069]", "", " ".join(report["headline"]))
    wrong += [] if said in lines else [f"{said!r} is missing"]
    for each in report["families"]:
        how_many = ENGLISH.count(each["invalids_total"])
        total = f"## Invalid routes ({NAMES[each['family']]}: {how_many})"
        wrong += [] if total in lines or not each["invalids"] else [f"{total!r} is missing"]
    for each in report["changes"]:
        first, last = each["first"], each["last"]
        title = (f"## Change ({NAMES[each['family']]}): {ENGLISH.day(first['day'])} – "
                 f"{ENGLISH.day(last['day'])}, {ENGLISH.percent(first['value'])} – "
                 f"{ENGLISH.percent(last['value'])}")  # fmt: skip
        wrong += [] if title in lines else [f"{title!r} is missing"]
    return wrong


_HEADS = ("| Figure", "| Cause", "| Name", "| Network", "| Prefix", "| Input")


def _markdown_rows(report: Document) -> Iterator[list[str]]:
    count, percent, points = _SAY[1], _SAY[0], _SAY[2]
    names = figure_names(ENGLISH)
    for f in (*report["figures"], *report["compared"]):
        yield [names[f["id"]][0], NAMES[f["family"]], percent(f["value"]), count(f["numerator"]),
               count(f["denominator"]), units(ENGLISH)[f["unit"]], names[f["id"]][1]]  # fmt: skip
    for each in report["changes"]:
        yield from ([causes(ENGLISH)[c], count(n), points(p)] for c, n, p in each["causes"])
    for p in report["peers"]:
        if p["family"] == "ipv4":
            yield [p["name"] or p["group"], percent(p["value"]), count(p["numerator"]),
                   count(p["denominator"])]  # fmt: skip
    for family in report["families"]:
        for d in family["doers"]:
            shown = _doer(d)
            yield [*shown[:4], shown[5]]
        yield from (_invalid(i) for i in family["invalids"])
    for s in report["sources"]:
        shown = _source(s)
        yield [s["source"].replace("://", ":\u200b//"), *shown[1:4], f"`{s['sha256']}`"]

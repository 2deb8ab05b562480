"""Every figure of ``report.json`` held against the API, and what its other forms print against it.

What the API answers is put together as a report has it, part by part; a part that no rule here
knows is wrong.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
import xml.etree.ElementTree as ET  # of our own workbook
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.api_figures import Api, at

Document = dict[str, Any]
_TOLD = ("format", "version", "sample", "generated", "created", "generation", "day", "past",
         "tables", "subject", "headline", "formulas", "limits", "degraded", "troubles", "seals",
         "milestones")  # fmt: skip
"""No figures; or, of the headline, held against the page's."""
_SHARES = {
    "valid_share": ("routes.valid", "routes.announced"),
    "invalid_share": ("routes.invalid", "routes.announced"),
    "not_found_share": ("routes.not_found", "routes.announced"),
    "accuracy": ("routes.valid", ""),
    "coverage": ("", "routes.announced"),
    "space_valid_share": ("space.valid", "space.announced"),
    "space_coverage": ("space.covered", "space.announced"),
}


def wrong_report(api: Api, report: Document) -> list[str]:
    """What is not as the API has it."""
    its = report["subject"]
    right = dict(_right(api, report, its["scheme"], its["group"]))
    wrong = [f"nobody looked at {each}" for each in report if each not in (*right, *_TOLD)]
    for name, expected in right.items():
        wrong += _unlike(name, report[name], expected)
    return wrong


def _unlike(place: str, shown: Any, right: Any) -> Iterator[str]:
    if isinstance(shown, list) and isinstance(right, list) and len(shown) == len(right):
        for number, (a, b) in enumerate(zip(shown, right, strict=True)):
            yield from _unlike(f"{place}[{number}]", a, b)
    elif isinstance(shown, dict) and isinstance(right, dict) and shown.keys() == right.keys():
        for key, value in shown.items():
            yield from _unlike(f"{place}.{key}", value, right[key])
    elif shown != right or type(shown) is not type(right):
        yield f"{place}: {str(shown)[:200]}, the API has {str(right)[:200]}"


def _right(api: Api, report: Document, scheme: str, group: str) -> Iterator[tuple[str, Any]]:
    families, other = ("ipv4", "ipv6"), report["subject"]["compared"]
    groups = {family: api.group(scheme, group, family) for family in families}
    yield "figures", list(_figures(api, scheme, group))
    yield "compared", list(_figures(api, scheme, other)) if other else []
    yield "ranks", [
        {"family": f, "rank": g["ranks"]["valid_share"]["rank"],
         "of": g["ranks"]["valid_share"]["of"]} for f, g in groups.items()
    ]  # fmt: skip
    yield (
        "averages",
        [
            {
                "family": f,
                **{k: v for k, v in g["averages"]["valid_share"].items() if k != "people"},
            }
            for f, g in groups.items()
            if g["averages"]
        ],
    )
    yield "peers", [_standing(api, each, scheme, group) for each in report["peers"]]
    yield "families", [_family(api, each, scheme, group) for each in report["families"]]
    yield "trend", [
        {"family": t["family"], "days": [
            _day(d["day"], *api.days(scheme, [group], t["family"])[d["day"]]) for d in t["days"]
        ]} for t in report["trend"]
    ]  # fmt: skip
    listed = api.get(f"targets/{scheme}/{group}")["targets"] if report["targets"] else []
    yield "targets", [
        {"family": t["family"], "name": t["name"], "value": t["value"], "year": t["year"],
         "outlook": t["outlook"], "needed": t["pace_needed"],
         "pace": (t["projection"] or {}).get("pace")}
        for t in listed if t["figure"] == "valid_share"
    ]  # fmt: skip
    since = report["subject"]["since"]
    yield "changes", [_change(api, scheme, group, f, since) for f in families] if since else []
    yield "sources", [
        {**each, "sha256": hashlib.sha256(Path(each["source"]).read_bytes()).hexdigest(),
         "rows": _rows_read(api, each)} for each in report["sources"]
    ]  # fmt: skip
    coverage = api.get(f"coverage/{scheme}/{group}")
    yield "settings", {**report["settings"], "attribution": coverage["attribution"],
                       "min_peers_in_force": coverage["min_peers"]}  # fmt: skip


def _figures(api: Api, scheme: str, group: str) -> Iterator[Document]:
    for family in ("ipv4", "ipv6"):
        its = api.group(scheme, group, family)
        row = its["figures"]
        covered = row["routes"]["valid"] + row["routes"]["invalid"]
        for name in ("valid_share", "invalid_share", "not_found_share", "coverage", "accuracy",
                     "space_valid_share", "space_coverage"):  # fmt: skip
            part, whole = _SHARES[name]
            n = at(row, part) if part else covered
            d = at(row, whole) if whole else covered
            value = row[name] if name in row else n / d if d else None
            unit = row["space"]["unit"] if name.startswith("space") else "routes"
            yield _figure(name, family, unit, n, d, value)
        if held := its["holdings"]:
            yield _figure("holdings_coverage", family, held["unit"], held["covered"],
                          held["delegated"], held["holdings_coverage"])  # fmt: skip
    if its := api.get(f"coverage/{scheme}/{group}")["networks"]:
        n, d = its["ipv6"], its["networks"]
        yield _figure("ipv6_networks", "ipv6", "networks", n, d, n / d if d else None)


def _figure(name: str, family: str, unit: str, n: Any, d: Any, value: float | None) -> Document:
    return {"id": name, "family": family, "unit": unit, "numerator": n, "denominator": d,
            "value": value}  # fmt: skip


def _standing(api: Api, its: Document, scheme: str, group: str) -> Document:
    row = api.rows(its["scheme"])[its["group"], its["family"]]
    return {**its, "name": row["name"], "numerator": row["routes"]["valid"],
            "denominator": row["routes"]["announced"], "value": row["valid_share"],
            "own": (its["scheme"], its["group"]) == (scheme, group)}  # fmt: skip


def _family(api: Api, its: Document, scheme: str, group: str) -> Document:
    family = its["family"]
    plan, known = api.plan(scheme, group, family), api.group(scheme, group, family)
    now, total, half = plan["now"], 0, None
    missing = now["routes_announced"] - now["routes_valid"]
    for number, step in enumerate(plan["steps"], 1):
        total += step["gain"]
        half = half or (number if missing and 2 * total >= missing else None)
    return {
        "family": family,
        "excluded": known["excluded"],
        "invalids": [_invalid(api, each) for each in its["invalids"]],
        "invalids_total": known["figures"]["routes"]["invalid"],
        "missing": missing,
        "able": plan["able"],
        "half": half,
        "everybody": plan["everybody"]["valid_share"],
        "doers": [
            {"asn": s["id"], "name": s["name"], "country": s["country"], "gain": s["gain"],
             "points": s["points"], **s["holder"], "after": s["after"]["valid_share"]}
            for s in plan["steps"]
        ],
    }  # fmt: skip


def _invalid(api: Api, its: Document) -> Document:
    listed = api.get(f"prefix/{its['prefix']}")["exact"]["listed"]
    right = next(each for each in listed if each["origin"] == its["origin"])
    name = api.rows("asn")[its["origin"], "ipv6" if ":" in its["prefix"] else "ipv4"]["name"]
    return {"prefix": right["prefix"], "origin": right["origin"], "name": name,
            "reason": right["reason"], "peers": right["peers"]}  # fmt: skip


def _day(day: str, n: int, d: int, degraded: bool) -> Document:
    return {"day": day, "numerator": n, "denominator": d, "value": n / d if d else None,
            "degraded": degraded}  # fmt: skip


def _change(api: Api, scheme: str, group: str, family: str, since: str) -> Document:
    its = api.change(scheme, group, family, since)
    first, last = (
        _day(its[end]["day"], its[end]["numerator"], its[end]["denominator"], False)
        for end in ("before", "after")
    )
    movers = []
    for each in its["listed"][:5]:
        part = max(each["causes"], key=lambda cause: abs(cause["exact"]))
        movers.append({"who": each["id"], "name": each["name"], "cause": part["cause"],
                       "routes": part["routes"], "points": part["points"]})  # fmt: skip
    causes = [[each["cause"], each["routes"], each["points"]] for each in its["causes"]]
    causes.sort(key=lambda each: -abs(each[2]))
    return {"family": family, "first": first, "last": last, "points": its["points"],
            "movers": movers, "causes": causes}  # fmt: skip


def _rows_read(api: Api, its: Document) -> int:
    """As the status says; of a folder it has one figure for all of its files."""
    for each in api.status["sources"]:
        if each["source"] == its["source"]:
            return int(each["rows"])
    return int(its["rows"])


# ------------------------------------------------------------------------------------- the tables

_RENAMED = {
    "peers": {"valid": "numerator", "announced": "denominator", "valid_share": "value"},
    "figures": {"figure": "id"},
    "plan": {"valid_share_then": "after"},
}


def rows_of(report: Document) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each row that CSV and XLSX have to have: its part, and its cells by title."""
    its = report["subject"]
    formulas = {name: each["text"] for name, each in report["formulas"].items()}
    for whose, figures in ((its["group"], "figures"), (its["compared"], "compared")):
        for each in report[figures]:
            yield "figures", {**each, "group": whose, "formula": formulas[each["id"]]}
    for part in ("peers", "averages", "milestones", "targets", "sources"):
        yield from ((part, each) for each in report[part])
    for each in report["trend"]:
        yield from (("trend", _told(d, family=each["family"])) for d in each["days"])
    for each in report["families"]:
        yield from (("plan", {**d, "family": each["family"]}) for d in each["doers"])
        yield from (("invalids", {**i, "family": each["family"]}) for i in each["invalids"])
    for each in report["changes"]:
        family, first = each["family"], each["first"]
        yield "changes", {
            **_told(each["last"]), "family": family, "first": first["day"],
            "last": each["last"]["day"], "points": each["points"],
            "valid_before": first["numerator"], "announced_before": first["denominator"],
            "valid_share_before": first["value"],
        }  # fmt: skip
        yield from (("movers", {**m, "family": family}) for m in each["movers"])
        for cause, routes, points in each["causes"]:
            yield "movers", {"family": family, "who": "", "name": "all", "cause": cause,
                             "routes": routes, "points": points}  # fmt: skip
    for name, value in report["settings"].items():
        shown = " ".join(value) if isinstance(value, list) else value
        yield "settings", {"setting": name, "value": shown}


def _told(day: Document, **more: str) -> Document:
    return {**day, "valid": day["numerator"], "announced": day["denominator"],
            "valid_share": day["value"], **more}  # fmt: skip


def wrong_tables(report: Document, tables: Mapping[str, Sequence[Mapping[str, str]]],
                 digits: int = 17) -> list[str]:  # fmt: skip
    """``tables``: of each part its rows by title, as texts. ``digits``: how exact numbers are."""
    wrong, right = list[str](), dict[str, list[Mapping[str, Any]]]()
    for part, row in rows_of(report):
        right.setdefault(part, []).append(row)
    for part in {*right, *tables} - {"report"}:
        shown, due = tables.get(part, []), right.get(part, [])
        if len(shown) != len(due):
            wrong.append(f"{part}: {len(shown)} rows for {len(due)}")
        for number, (told, row) in enumerate(zip(shown, due, strict=False)):
            for title, cell in told.items():
                value = row[_RENAMED.get(part, {}).get(title, title)]
                if title == "built":
                    value = value or None
                if cell != _written(value, digits):
                    wrong.append(f"{part} {number + 1}, {title}: {cell!r} for {value!r}")
    return wrong


def _written(value: Any, digits: int) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float):
        if digits > 16:
            return repr(value)
        near = float(format(value, f".{digits}g"))
        return str(int(near)) if near.is_integer() else repr(near)
    text = str(value)
    return f"'{text}" if digits > 16 and text.startswith(("=", "+", "-", "@")) and not isinstance(
        value, int) else text  # fmt: skip


def csv_tables(content: bytes) -> dict[str, list[dict[str, str]]]:
    """By part."""
    tables: dict[str, list[dict[str, str]]] = {}
    titles: list[str] = []
    for line in csv.reader(io.StringIO(content.decode("utf-8-sig"))):
        if line[0] == "part":
            titles = line[1:]
        else:
            tables.setdefault(line[0], []).append(dict(zip(titles, line[1:], strict=True)))
    return tables


_SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def xlsx_tables(content: bytes) -> dict[str, list[dict[str, str]]]:
    """By sheet."""
    book = zipfile.ZipFile(io.BytesIO(content))
    strings = [
        "".join(t.text or "" for t in each.iter(f"{_SHEET}t"))
        for each in ET.fromstring(book.read("xl/sharedStrings.xml"))
    ]
    names = [
        each.attrib["name"]
        for each in ET.fromstring(book.read("xl/workbook.xml")).iter(f"{_SHEET}sheet")
    ]
    tables = {}
    for number, name in enumerate(names, 1):
        root = ET.fromstring(book.read(f"xl/worksheets/sheet{number}.xml"))
        rows = [
            {re.sub(r"\d", "", cell.attrib["r"]): _cell(cell, strings) for cell in row}
            for row in root.iter(f"{_SHEET}row")
        ]
        head = rows[0]
        tables[name] = [{title: row.get(at, "") for at, title in head.items()} for row in rows[1:]]
    return tables


def _cell(cell: ET.Element, strings: Sequence[str]) -> str:
    value = cell.find(f"{_SHEET}v")
    text = value.text or "" if value is not None else ""
    if cell.attrib.get("t") == "s":
        return strings[int(text)]
    if re.fullmatch(r"-?[\d.]+(E[+-]?\d+)?", text) and ("." in text or "E" in text):
        return repr(float(text))
    return text

"""The figures of a running service as its API has them, asked once each: what pages and reports
are held against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from tests.served import Served
from validator.pages.words import Words, words

ENGLISH: Words = words("en")
NAMES = {"ipv4": "IPv4", "ipv6": "IPv6"}
Row = Mapping[str, Any]


class Api:
    """Answers are kept: a service that stands still answers the same."""

    def __init__(self, service: Served) -> None:
        self._service, self._kept = service, dict[str, Any]()
        self._rows: dict[tuple[str, str], dict[tuple[str, str], Row]] = {}
        self._days: dict[tuple[object, ...], dict[str, Any]] = {}
        self.schemes = {each["scheme"]: each for each in self.get("schemes")["schemes"]}
        self.day = date.fromisoformat(self.get("coverage/rir/afrinic")["day"])

    @property
    def status(self) -> Any:
        return self._service.json("/status")

    def page(self, path: str) -> str:
        status, body = self._service.get(path)
        assert status == 200, (path, status)
        return body.decode()

    def file(self, path: str) -> bytes:
        status, body = self._service.get(path)
        assert status == 200, (path, status, body[:300])
        return body

    def get(self, path: str) -> Any:
        if path not in self._kept:
            self._kept[path] = self._service.json(f"/api/v1/{path}")
        return self._kept[path]

    def rows(self, scheme: str, at: str = "") -> dict[tuple[str, str], Row]:
        """Of each group and family."""
        if (scheme, at) not in self._rows:
            found = self.get(f"coverage?by={scheme}{f'&at={at}' if at else ''}")["rows"]
            self._rows[scheme, at] = {(each["group"], each["family"]): each for each in found}
        return self._rows[scheme, at]

    def row(self, scheme: str, group: str, family: str) -> Row:
        """A group that announces nothing has zeros."""
        return self.rows(scheme).get((group, family), NOTHING)

    def named(self, schemes: Sequence[str], family: str) -> dict[str, Row]:
        """By the names that pictures show."""
        return {
            each["name"] or each["group"]: each
            for scheme in schemes
            for each in self.rows(scheme).values()
            if each["family"] == family
        }

    def group(self, scheme: str, group: str, family: str) -> Any:
        return self.get(f"coverage/{scheme}/{group}")["families"][family]

    def days(self, scheme: str, groups: Sequence[str], family: str) -> dict[str, Any]:
        """The recorded days of some groups together: (numerator, denominator, degraded)."""
        key = scheme, tuple(groups), family
        if key in self._days:
            return self._days[key]
        total = self._days[key] = {}
        for group in groups:
            found = self.get(f"history/{scheme}/{group}?family={family}")["families"]
            for point in found[0]["points"] if found else ():
                if point["recorded"] and point["denominator"] is not None:
                    n, d, _ = total.get(point["day"], (0, 0, False))
                    total[point["day"]] = (
                        n + point["numerator"], d + point["denominator"], point["degraded"],
                    )  # fmt: skip
        return total

    def year_ago(self, scheme: str, groups: Sequence[str], family: str) -> tuple[str, float] | None:
        """The recorded day nearest to a year before, and the share on it."""
        wanted = self.day - timedelta(365)
        days = self.days(scheme, groups, family)
        near = min(days, key=lambda day: abs((date.fromisoformat(day) - wanted).days), default=None)
        if near is None or abs((date.fromisoformat(near) - wanted).days) > 31:
            return None
        n, d, degraded = days[near]
        return (near, n / d) if d and not degraded else None

    def plan(self, scheme: str, group: str, family: str) -> Any:
        return self.get(f"plan/{scheme}/{group}?family={family}&top=20&roas=0")

    def change(self, scheme: str, group: str, family: str, first: str) -> Any:
        return self.get(f"change/{scheme}/{group}?family={family}&from={first}&limit=20")

    def world(self, family: str) -> dict[str, int]:
        """The routes of all networks."""
        mine = [r["routes"] for (_, f), r in self.rows("rir").items() if f == family]
        return {name: sum(each[name] for each in mine) for name in mine[0]}


NOTHING: Row = {
    "routes": dict.fromkeys(("announced", "valid", "invalid", "not_found"), 0),
    "space": dict.fromkeys(("announced", "covered", "valid", "invalid", "not_found"), 0),
    **dict.fromkeys(("coverage", "valid_share", "accuracy", "space_coverage", "space_valid_share")),
}


def at(row: Row, path: str) -> Any:
    """``routes.valid``."""
    found: Any = row
    for part in path.split("."):
        found = found[part]
    return found


def seven(value: float | None) -> str:
    """As a picture has a number for programs."""
    return "" if value is None else format(value, ".7g") if isinstance(value, float) else str(value)


def fraction(part: float, whole: float, value: float | None = None) -> str:
    """As a picture says a share: ``22.6% (21 / 93)``."""
    value = part / whole if value is None and whole else value
    if value is None:
        return "No data"
    return f"{ENGLISH.percent(value)} ({ENGLISH.count(part)} / {ENGLISH.count(whole)})"

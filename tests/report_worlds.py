"""Small worlds that reports are made of: one in memory, one in files, and names that mean harm."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.feeds import COUNT_ALL, make_snapshot
from tests.served import World
from validator.freshness import FAILED, SourceStatus
from validator.history.folder import Folder
from validator.history.reading import Reader
from validator.history.records import day_of
from validator.history.writing import write_day
from validator.pages.facts_common import Sources
from validator.reports.making import Asked, Evidence, Rules, evidence
from validator.snapshot import Snapshot
from validator.targets.milestones import Milestone
from validator.targets.progress import TargetSettings

SCRIPT = "<script>alert(1)</script>"
NOON = 1_790_000_000
HARMFUL = {
    64496: f'{SCRIPT}<img src="http://evil.example/x" onerror="alert(2)">',
    64497: "=cmd|'/c calc'!A1",
    64498: "\u202egnp.exe\u2066 @SUM(1)\u0000\u0007",
    64499: "-2+3](http://evil.example) **bold** " + "A" * 10_000,
    64500: "\t=1+1",
}
ROUTES = (
    ("192.0.2.0/24", 64496),
    ("192.0.2.0/24", 64497),
    ("192.0.2.0/24", 64498),
    ("192.0.2.0/24", 64499),
    ("192.0.2.0/24", 64500),
    ("2001:db8::/32", 64497),
    ("2001:db8:1::/48", 64499),
    ("2001:db8:2::/48", 64498),
)
VRPS = (("192.0.2.0/24", 24, 64496, "ripe"),)


HARM = f"=1+1|{SCRIPT}\u202e\x07](http://evil.example) **bold** \r\n@SUM " + "A" * 10_000
"""In place of any text that comes from data."""


def harmful(created: int = NOON, vrps: tuple[tuple[str, int, int, str], ...] = VRPS) -> Snapshot:
    """Networks, a country, a scheme, inputs and troubles whose texts mean harm. Fictional, and says
    so."""
    snapshot = make_snapshot(sample=True, routes=ROUTES, vrps=vrps, rejected={"expired": 2})
    countries = {"NL": f'=HYPERLINK("http://evil.example")\u202e{SCRIPT}', "KE": "+Kenya"}
    groupings = {
        scheme: replace(
            each, title=HARM, origin=HARM, licence=HARM, others=HARM,
            names=dict.fromkeys(each.names, HARM),
        )
        for scheme, each in snapshot.groupings.items()
    }  # fmt: skip
    late = SourceStatus("vrps", HARM, FAILED, error=HARM, since=created)
    return replace(
        snapshot, created=created, names=HARMFUL, countries=countries, groupings=groupings,
        inputs=tuple(replace(each, source=HARM, truncated=True) for each in snapshot.inputs),
        troubles=(late,),
    )  # fmt: skip


def harmful_evidence(folder: Path, scheme: str = "country", group: str = "NL") -> Evidence:
    """A report of all that there can be in one, with harm wherever a text comes from data."""
    before = harmful(NOON - 365 * 86_400, ())
    now = harmful()
    for each in (before, harmful(NOON - 86_400)):
        write_day(each, Folder(folder), day_of(each.created))
    target = TargetSettings(scheme=scheme, group=group, family="ipv4", value=0.6, year=2030,
                            name=HARM[:120])  # fmt: skip
    mark = Milestone(day_of(NOON - 100 * 86_400), HARM, HARM, HARM)
    sources = Sources(now, Reader(folder), None, False, (target,), (mark,))
    other = "ZZ" if scheme == "country" else ""
    since = day_of(before.created)
    return evidence(sources, Asked(scheme, group, other, before, since), Rules(COUNT_ALL))


def evidence_of(
    snapshot: Snapshot, scheme: str = "country", group: str = "NL", compare: str = ""
) -> Evidence:
    return evidence(Sources(snapshot), Asked(scheme, group, compare), Rules(COUNT_ALL))


class FileWorld(World):
    """Files with a valid, an invalid and an unknown route of NL, and settings that name them."""

    def __init__(self, folder: Path, **settings: object) -> None:
        super().__init__(folder, **settings)
        self.routes.write_text(
            "prefix,origin\n192.0.2.0/24,64496\n192.0.2.0/24,64497\n192.0.2.128/25,64496\n"
            "2001:db8::/32,64496\n"
        )
        delegated = folder / "delegated"
        delegated.write_text(
            delegated.read_text().replace("|2|1983", "|3|1983").replace(
                "ripencc|*|asn|*|1|summary\n",
                "ripencc|*|asn|*|1|summary\nripencc|*|ipv6|*|1|summary\n",
            ) + "ripencc|NL|ipv6|2001:db8::|32|20200101|allocated|holder-1\n"
        )  # fmt: skip
        (folder / "groups").mkdir()
        (folder / "groups" / "country.csv").write_text(COUNTRIES)
        self.config.write_text(self.config.read_text() + '[[groups]]\nsource = "groups"\n')


COUNTRIES = (Path(__file__).parents[1] / "config" / "groups" / "country.csv").read_text()

"""Small worlds that reports are made of: one in memory, one in files, and names that mean harm."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.feeds import COUNT_ALL, make_snapshot
from tests.served import World
from validator.pages.facts_common import Sources
from validator.reports.making import Asked, Evidence, Rules, evidence
from validator.snapshot import Snapshot

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


def harmful() -> Snapshot:
    """Networks, and a country, whose names mean harm. Fictional, and says so."""
    snapshot = make_snapshot(sample=True, routes=ROUTES, vrps=VRPS)
    countries = {"NL": f'=HYPERLINK("http://evil.example")\u202e{SCRIPT}', "KE": "+Kenya"}
    return replace(snapshot, created=NOON, names=HARMFUL, countries=countries)


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

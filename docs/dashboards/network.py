"""The dashboard *Network*: one of the watch list, or probed."""

from __future__ import annotations

from typing import Any

from dashboards.parts import (
    COUNT,
    FAMILY,
    OVERLAP,
    SERVICE,
    SHARE,
    Panel,
    Query,
    asked,
    dashboard,
    share_stat,
    what_is_shown,
)


def network() -> dict[str, Any]:
    # From the watch list, from a probe or from the file of all networks: the same figures.
    one = 'instance="$instance", scheme="asn", group="$network"'

    def figures(metric: str, more: str = "") -> str:
        return f"max without(job, target) ({metric}{{{one}{more}}})"

    def share(family: str) -> str:
        routes = "originsight_coverage_routes"
        valid = figures(routes, f', family="{family}", state="valid"')
        every = figures(routes, f', family="{family}"')
        return f"sum({valid}) / (sum({every}) > 0)"

    panels = [
        *what_is_shown(),
        Panel(
            "stat",
            "Network",
            "As the names file calls it.",
            "none",
            [
                Query(
                    f"max by(group, name) (originsight_group_info{{{one}}})",
                    "{{group}} {{name}}",
                    range=False,
                )
            ],
            8,
            4,
            named=True,
        ),
        share_stat("Valid share of IPv4 routes", "Valid / announced routes.", share("ipv4"), 4),
        share_stat("Valid share of IPv6 routes", "Valid / announced routes.", share("ipv6"), 4),
        Panel(
            "stat",
            "Invalid routes",
            "They are lost where invalids are dropped. GET /api/v1/asn/… lists them, with the ROAs "
            "that would make them valid.",
            COUNT,
            [
                Query(
                    "sum(" + figures("originsight_coverage_routes", ', state="invalid"') + ")",
                    "invalid",
                    range=False,
                )
            ],
            4,
            4,
            thresholds=((None, "#0072B2"), (1, "#D55E00")),
        ),
        Panel(
            "stat",
            "Announced routes",
            "Distinct (prefix, origin) pairs of both families that count as announced.",
            COUNT,
            [Query(f"sum({figures('originsight_coverage_routes')})", "announced", range=False)],
            4,
            4,
        ),
        *(
            Panel(
                "timeseries",
                f"Announced {name} routes by state",
                "Distinct (prefix, origin) pairs that count as announced, by validation state.",
                COUNT,
                [
                    Query(
                        figures("originsight_coverage_routes", f', family="{family}"'), "{{state}}"
                    )
                ],
                12,
                stacked=True,
            )
            for family, name in (("ipv4", "IPv4"), ("ipv6", "IPv6"))
        ),
        *(
            Panel(
                "timeseries",
                f"Announced {what}",
                f"Under announced routes, overlaps counted once. {OVERLAP}",
                COUNT,
                [Query(figures(f"originsight_coverage_space_{unit}"), "{{space}}")],
                12,
            )
            for unit, what in (("addresses", "IPv4 addresses"), ("slash48s", "IPv6 /48s"))
        ),
        Panel(
            "bargauge",
            "Invalid routes of all networks that are watched",
            "Of the watch list and of probes, both families.",
            COUNT,
            [
                Query(
                    "sort_desc(sum by(group) (max without(job, target) "
                    '(originsight_coverage_routes{instance="$instance", scheme="asn", '
                    'state="invalid", job!~".*networks"})))',
                    "{{group}}",
                    range=False,
                )
            ],
            12,
            thresholds=((None, "#0072B2"), (1, "#D55E00")),
        ),
        Panel(
            "bargauge",
            "Valid share of all networks that are watched",
            "Valid / announced routes of the chosen family.",
            SHARE,
            [
                Query(
                    "sort_desc(max without(job, target) "
                    '(group_family:originsight_coverage_routes_valid:ratio{instance="$instance", '
                    'scheme="asn", family="$family", job!~".*networks"}))',
                    "{{group}}",
                    range=False,
                )
            ],
            12,
            highest=1,
            decimals=1,
        ),
    ]
    variables = [
        *SERVICE,
        asked(
            "network",
            "Network",
            'label_values(originsight_coverage_routes{instance="$instance", scheme="asn"}, group)',
        ),
        FAMILY,
    ]
    return dashboard(
        "network",
        "Network",
        "One network of the watch list, or probed.",
        variables,
        panels,
    )

"""The dashboard *Region or country*: one group of any scheme but networks."""

from __future__ import annotations

from typing import Any

from dashboards.parts import (
    ATTRIBUTION,
    COUNT,
    FAMILY,
    HERE,
    NOT_LOCATION,
    OVERLAP,
    SERVICE,
    SHARE,
    Panel,
    Query,
    asked,
    dashboard,
    filtering,
    share_stat,
    what_is_shown,
    with_ipv6,
)


def group() -> dict[str, Any]:
    one = f'{HERE}, scheme="$scheme", group="$group", attribution="$attribution"'
    routes = f'originsight_coverage_routes{{{one}, family="$family"}}'

    def ratio(of: str) -> str:
        return f'group_family:originsight_coverage_{of}:ratio{{{one}, family="$family"}}'

    panels = [
        *what_is_shown(),
        share_stat(
            "Valid share", "Valid / announced routes: the headline.", ratio("routes_valid"), 4
        ),
        share_stat(
            "Coverage",
            "(Valid + invalid) / announced routes. A broken ROA raises this, not the valid share.",
            ratio("routes_covered"),
            4,
        ),
        share_stat(
            "Accuracy",
            "Valid / (valid + invalid) routes: how many of the covered ones are right.",
            ratio("routes_accurate"),
            4,
        ),
        share_stat(
            "Valid space",
            f"Valid / announced space, overlaps counted once. {OVERLAP}",
            ratio("space_valid"),
            4,
        ),
        share_stat(
            "Holdings coverage",
            "Delegated space under some VRP / delegated space, announced or not: another "
            "denominator than the others. By address alone.",
            "group_family:originsight_coverage_holdings_covered:ratio"
            f'{{{HERE}, scheme="$scheme", group="$group", family="$family"}}',
            4,
        ),
        Panel(
            "stat",
            "Announced routes",
            "Distinct (prefix, origin) pairs that count as announced.",
            COUNT,
            [Query(f"sum({routes})", "announced", range=False)],
            4,
            4,
        ),
        Panel(
            "timeseries",
            "Announced routes by state",
            f"Distinct (prefix, origin) pairs by validation state. {NOT_LOCATION}",
            COUNT,
            [Query(f"sum by(state) ({routes})", "{{state}}")],
            12,
            stacked=True,
        ),
        Panel(
            "timeseries",
            "Valid share, and the median of $scheme",
            "Beside all groups of the scheme, each counting once.",
            SHARE,
            [
                Query(ratio("routes_valid"), "$group"),
                Query(
                    f"scheme_family:originsight_coverage_routes_valid:median{{{HERE}, "
                    'scheme="$scheme", attribution="$attribution", family="$family"}',
                    "median",
                ),
            ],
            12,
            highest=1,
        ),
        Panel(
            "timeseries",
            "By address and by origin",
            "Whose address block it is, and whose network announces it: two questions with two "
            "answers, never to be mixed. What is made of networks or prefixes has one.",
            SHARE,
            [
                Query(
                    "group_family:originsight_coverage_routes_valid:ratio"
                    f'{{{HERE}, scheme="$scheme", group="$group", family="$family"}}',
                    "by {{attribution}}",
                )
            ],
            8,
            highest=1,
        ),
        Panel(
            "timeseries",
            "Announced IPv4 space",
            f"Distinct addresses under announced routes, overlaps counted once. {OVERLAP}",
            COUNT,
            [Query(f"originsight_coverage_space_addresses{{{one}}}", "{{space}}")],
        ),
        Panel(
            "timeseries",
            "Announced IPv6 space, in /48s",
            f"Distinct /48s under announced routes, overlaps counted once. {OVERLAP}",
            COUNT,
            [Query(f"originsight_coverage_space_slash48s{{{one}}}", "{{space}}")],
        ),
        filtering('scheme="$scheme", group="$group"'),
        with_ipv6('scheme="$scheme", group="$group"'),
        Panel(
            "bargauge",
            "Its place among the largest of $scheme",
            "The valid share of the twenty groups of the scheme that announce the most routes.",
            SHARE,
            [
                Query(
                    "sort_desc(("
                    f"group_family:originsight_coverage_routes_valid:ratio{{{HERE}, "
                    'scheme="$scheme", attribution="$attribution", family="$family"} '
                    f"and topk(20, group_family:originsight_coverage_routes:sum{{{HERE}, "
                    'scheme="$scheme", attribution="$attribution", family="$family"})) '
                    f"* on(scheme, group) group_left(name) originsight_group_info{{{HERE}}})",
                    "{{name}}",
                    range=False,
                )
            ],
            24,
            12,
            highest=1,
            decimals=1,
        ),
    ]
    variables = [
        *SERVICE,
        asked(
            "scheme",
            "Scheme",
            f'label_values(originsight_coverage_routes{{{HERE}, scheme!="asn"}}, scheme)',
            "country",
        ),
        asked(
            "group",
            "Group",
            f'label_values(originsight_coverage_routes{{{HERE}, scheme="$scheme"}}, group)',
        ),
        FAMILY,
        ATTRIBUTION,
    ]
    return dashboard(
        "group",
        "Region or country",
        "One country, registry, region or class of countries.",
        variables,
        panels,
    )

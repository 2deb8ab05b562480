"""The dashboard *Internet*."""

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


def pooled(numerator: str, rest: str) -> str:
    """A share of all routes: the registries' service regions together are everything."""
    of = f'originsight_coverage_routes{{{HERE}, scheme="rir", attribution="$attribution", {rest}'
    return f"sum({of}, {numerator}}}) / (sum({of}}}) > 0)"


def internet() -> dict[str, Any]:
    routes = (
        f'originsight_coverage_routes{{{HERE}, scheme="rir", attribution="$attribution", '
        'family="$family"}'
    )
    valid = (
        f'group_family:originsight_coverage_routes_valid:ratio{{{HERE}, family="$family", '
        'attribution="$attribution"'
    )
    info = f"group_left(name) originsight_group_info{{{HERE}}}"
    panels = [
        *what_is_shown(),
        share_stat(
            "Valid share of IPv4 routes",
            "Valid / announced (prefix, origin) pairs, all regions together.",
            pooled('state="valid"', 'family="ipv4"'),
        ),
        share_stat(
            "Valid share of IPv6 routes",
            "Valid / announced (prefix, origin) pairs, all regions together.",
            pooled('state="valid"', 'family="ipv6"'),
        ),
        share_stat(
            "Coverage of IPv4 routes",
            "(Valid + invalid) / announced. A broken ROA raises this, never the valid share.",
            pooled('state=~"valid|invalid"', 'family="ipv4"'),
        ),
        share_stat(
            "Coverage of IPv6 routes",
            "(Valid + invalid) / announced. A broken ROA raises this, never the valid share.",
            pooled('state=~"valid|invalid"', 'family="ipv6"'),
        ),
        Panel(
            "timeseries",
            "Announced routes by state",
            "Distinct (prefix, origin) pairs that count as announced, by validation state.",
            COUNT,
            [Query(f"sum by(state) ({routes})", "{{state}}")],
            12,
            stacked=True,
        ),
        Panel(
            "timeseries",
            "Valid share: of routes, of countries, of people",
            "All routes: every route counts once, so that large networks weigh most. Median "
            "country: every country counts once. By people: countries weigh as they have Internet "
            f"users. {NOT_LOCATION}",
            SHARE,
            [
                Query(pooled('state="valid"', 'family="$family"'), "all routes"),
                Query(
                    f"scheme_family:originsight_coverage_routes_valid:median{{{HERE}, "
                    'scheme="country", family="$family", attribution="$attribution"}',
                    "median country",
                ),
                Query(
                    "scheme_family:originsight_coverage_routes_valid:people_weighted"
                    f'{{{HERE}, family="$family", attribution="$attribution"}}',
                    "by people",
                ),
            ],
            12,
            highest=1,
        ),
        Panel(
            "bargauge",
            "Valid share by $scheme",
            "Valid / announced routes of each group of the chosen scheme; never add groups of "
            f"different schemes up. {NOT_LOCATION}",
            SHARE,
            [
                Query(
                    f'sort_desc({valid}, scheme="$scheme"}} * on(scheme, group) {info})',
                    "{{name}}",
                    range=False,
                )
            ],
            12,
            10,
            highest=1,
            decimals=1,
        ),
        Panel(
            "bargauge",
            "The divide",
            "Valid / announced routes of classes of countries: development, income, least "
            "developed, landlocked developing, small island developing. Pooled: large networks "
            "weigh most.",
            SHARE,
            [
                Query(
                    f'sort_desc({valid}, scheme=~"development|income|ldc|lldc|sids", '
                    f'group!~"ZZ|other"}} * on(scheme, group) {info})',
                    "{{name}}",
                    range=False,
                )
            ],
            12,
            10,
            highest=1,
            decimals=1,
        ),
        Panel(
            "bargauge",
            "Where most routes have no ROA",
            f"The fifteen countries with the most not-found routes. {NOT_LOCATION}",
            COUNT,
            [
                Query(
                    f'topk(15, originsight_coverage_routes{{{HERE}, scheme="country", '
                    'attribution="$attribution", family="$family", state="not-found"} '
                    f"* on(scheme, group) {info})",
                    "{{name}}",
                    range=False,
                )
            ],
            8,
            10,
        ),
        Panel(
            "timeseries",
            "Announced IPv4 space",
            f"Distinct addresses under announced routes, overlaps counted once. {OVERLAP}",
            COUNT,
            [
                Query(
                    f'sum by(space) (originsight_coverage_space_addresses{{{HERE}, scheme="rir", '
                    'attribution="address"})',
                    "{{space}}",
                )
            ],
            8,
            10,
        ),
        Panel(
            "timeseries",
            "Announced IPv6 space, in /48s",
            f"Distinct /48s under announced routes, overlaps counted once. {OVERLAP}",
            COUNT,
            [
                Query(
                    f'sum by(space) (originsight_coverage_space_slash48s{{{HERE}, scheme="rir", '
                    'attribution="address"})',
                    "{{space}}",
                )
            ],
            8,
            10,
        ),
        filtering('scheme="rir"'),
        with_ipv6('scheme="rir"'),
        Panel(
            "timeseries",
            "VRPs by trust anchor",
            "Validated ROA payloads in force, after local exceptions. A sudden fall of one trust "
            "anchor is an interruption there, not a change of the Internet.",
            COUNT,
            [Query(f"sum by(trust_anchor) (originsight_vrps{{{HERE}}})", "{{trust_anchor}}")],
            12,
        ),
        Panel(
            "timeseries",
            "Routes that are left out",
            "Routes that coverage figures leave out, by the first reason that applies.",
            COUNT,
            [Query(f"originsight_excluded_routes{{{HERE}}}", "{{reason}}")],
            12,
        ),
    ]
    variables = [
        *SERVICE,
        asked(
            "scheme",
            "Scheme",
            f'label_values(originsight_coverage_routes{{{HERE}, scheme!="asn"}}, scheme)',
            "rir",
        ),
        FAMILY,
        ATTRIBUTION,
    ]
    return dashboard(
        "internet",
        "Internet",
        "How well announced routes are protected, everywhere: by region, by class of countries.",
        variables,
        panels,
    )

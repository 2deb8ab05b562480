"""The dashboard *Service health*."""

from __future__ import annotations

from typing import Any

from dashboards.parts import (
    BYTES,
    COUNT,
    HERE,
    SECONDS,
    SERVICE,
    SHARE,
    Panel,
    Query,
    dashboard,
    what_is_shown,
)


def health() -> dict[str, Any]:
    def quantile(of: str, metric: str, by: str = "") -> str:
        return (
            f"histogram_quantile({of}, sum by(le{by}) (rate({metric}_bucket{{{HERE}}}"
            "[$__rate_interval])))"
        )

    requests = "originsight_http_request_duration_seconds"
    panels = [
        *what_is_shown(),
        Panel(
            "stat",
            "Is it up?",
            "Whether Prometheus can scrape it.",
            "none",
            [Query(f"up{{{HERE}}}", "service", range=False)],
            6,
            4,
            words=(("0", "Down", "#B00020"), ("1", "Up", "#0072B2")),
        ),
        Panel(
            "stat",
            "Alerts that fire",
            "Of those in alerts.yml.",
            COUNT,
            [
                Query(
                    'count(ALERTS{alertname=~"Originsight.*", alertstate="firing"}) or vector(0)',
                    "alerts",
                    range=False,
                )
            ],
            6,
            4,
            thresholds=((None, "#0072B2"), (1, "#D55E00")),
        ),
        Panel(
            "stat",
            "Inputs that are not well",
            "Inputs that are starting, degraded or failed. Their last good content stays in use.",
            COUNT,
            [Query(f"count(originsight_input_up{{{HERE}}} == 0) or vector(0)", "inputs", False)],
            6,
            4,
            thresholds=((None, "#0072B2"), (1, "#D55E00")),
        ),
        Panel(
            "stat",
            "Software",
            "The version that runs.",
            "none",
            [Query(f"originsight_build_info{{{HERE}}}", "{{version}}", range=False)],
            6,
            4,
            named=True,
        ),
        Panel(
            "table",
            "State of each input",
            "fresh: as it should be. late: nothing new for twice its cadence. degraded: not what "
            "it should be. failed: not to be had. In the last three, what was good stays in use.",
            "none",
            [Query(f"originsight_input_state{{{HERE}}} == 1", range=False, table=True)],
            12,
        ),
        Panel(
            "timeseries",
            "Age of what is in use",
            "The time since the content of each input was made, or was last known to be current.",
            SECONDS,
            [
                Query(
                    f"time() - originsight_input_content_timestamp_seconds{{{HERE}}}",
                    "{{kind}} {{source}}",
                )
            ],
            12,
        ),
        Panel(
            "timeseries",
            "Requests",
            "Requests a second, by the template of their path.",
            "reqps",
            [
                Query(
                    f"sum by(route) (rate({requests}_count{{{HERE}}}[$__rate_interval]))",
                    "{{route}}",
                )
            ],
        ),
        Panel(
            "timeseries",
            "Duration of requests",
            "From their headers to the last byte handed over: median, and what 1 in 100 exceeds.",
            SECONDS,
            [Query(quantile("0.5", requests), "median"), Query(quantile("0.99", requests), "p99")],
        ),
        Panel(
            "timeseries",
            "Requests that failed",
            "The share of requests that were answered 5xx.",
            SHARE,
            [
                Query(
                    f'(sum(rate({requests}_count{{{HERE}, status=~"5.."}}[$__rate_interval])) '
                    "or vector(0)) / "
                    f"(sum(rate({requests}_count{{{HERE}}}[$__rate_interval])) > 0)",
                    "5xx",
                )
            ],
            highest=1,
        ),
        Panel(
            "timeseries",
            "Lag of the event loop",
            "How late the event loop wakes a task that 1 in 100 exceeds. Everything else waits as "
            "long.",
            SECONDS,
            [Query(quantile("0.99", "originsight_event_loop_lag_seconds"), "p99")],
        ),
        Panel(
            "timeseries",
            "Messages of live inputs",
            "Messages applied a second; those that wait; those lost since the pipeline was behind.",
            COUNT,
            [
                Query(
                    f"sum(rate(originsight_input_messages_total{{{HERE}}}[$__rate_interval])) "
                    "or vector(0)",
                    "applied a second",
                ),
                Query(f"originsight_queue_messages{{{HERE}}}", "waiting"),
                Query(
                    "sum(rate(originsight_input_dropped_messages_total"
                    f"{{{HERE}}}[$__rate_interval])) or vector(0)",
                    "lost a second",
                ),
            ],
        ),
        Panel(
            "timeseries",
            "Snapshots",
            "Snapshots published a minute, and how often an input failed when it was looked at.",
            COUNT,
            [
                Query(
                    f"60 * deriv(originsight_snapshot_generation{{{HERE}}}[$__rate_interval])",
                    "published",
                ),
                Query(
                    f"60 * rate(originsight_reload_failures_total{{{HERE}}}[$__rate_interval])",
                    "failures",
                ),
            ],
        ),
        Panel(
            "timeseries",
            "Memory",
            "Resident memory of the service's process.",
            BYTES,
            [Query(f"process_resident_memory_bytes{{{HERE}}}", "resident")],
        ),
        Panel(
            "timeseries",
            "Processor",
            "Cores that the service's process keeps busy.",
            COUNT,
            [Query(f"rate(process_cpu_seconds_total{{{HERE}}}[$__rate_interval])", "cores")],
        ),
        Panel(
            "timeseries",
            "Followers of events",
            "Clients that follow events, and events sent to them a second.",
            COUNT,
            [
                Query(f"originsight_event_streams{{{HERE}}}", "clients"),
                Query(
                    f"rate(originsight_event_streams_sent_total{{{HERE}}}[$__rate_interval])",
                    "events a second",
                ),
            ],
        ),
    ]
    return dashboard(
        "health",
        "Service health",
        "Whether the service and its inputs are well.",
        SERVICE,
        panels,
    )

"""The operators' dashboard."""

from collections.abc import Sequence
from typing import Any

from fraudstream.settings import Metric
from infra.monitoring.alarms import Watched
from infra.monitoring.metrics import MetricSpec, api_metric, lambda_metric, own_metric, queue_depth

WIDTH = 8
"""Three widgets in a row of CloudWatch's 24 columns."""
HEIGHT = 6


def _series(label: str, metric: MetricSpec) -> list[Any]:
    dimensions = [part for dimension in metric.dimensions for part in dimension]
    return [metric.namespace, metric.name, *dimensions, {"stat": metric.statistic, "label": label}]


def _widget(title: str, region: str, position: int, series: Sequence[list[Any]]) -> dict[str, Any]:
    return {
        "type": "metric",
        "x": position % 3 * WIDTH,
        "y": position // 3 * HEIGHT,
        "width": WIDTH,
        "height": HEIGHT,
        "properties": {
            "title": title,
            "region": region,
            "view": "timeSeries",
            "stacked": False,
            "period": 60,
            "metrics": [*series],
        },
    }


def dashboard_body(watched: Watched, region: str) -> dict[str, Any]:
    """Return the dashboard in CloudWatch's form: the API, the decisions, the functions, and what went wrong."""
    environment = watched.environment

    def each(name: str, statistic: str) -> list[list[Any]]:
        return [_series(function, lambda_metric(name, function, statistic)) for function in watched.functions.values()]

    def own(*metrics: Metric) -> list[list[Any]]:
        return [_series(metric.value, own_metric(metric, environment)) for metric in metrics]

    def latency(metric: MetricSpec) -> list[Any]:
        return _series(metric.statistic, metric)

    widgets: list[tuple[str, list[list[Any]]]] = [
        ("Requests", [_series("requests", api_metric("Count", watched.api, "Sum"))]),
        (
            "Refused and failed requests",
            [_series(name, api_metric(name, watched.api, "Sum")) for name in ("4XXError", "5XXError")],
        ),
        ("Latency (ms)", [latency(api_metric("Latency", watched.api, share)) for share in ("p50", "p95", "p99")]),
        (
            "Transactions",
            own(Metric.TRANSACTIONS_STORED, Metric.TRANSACTIONS_REPEATED, Metric.TRANSACTIONS_REFUSED),
        ),
        (
            "Decisions and alerts",
            own(Metric.DECISIONS_MADE, Metric.ALERTS_RAISED, Metric.SHADOW_ERRORS, Metric.MODEL_HELD_BACK),
        ),
        (
            "From receipt to decision (ms)",
            [latency(own_metric(Metric.DECISION_LATENCY, environment, share)) for share in ("p50", "p95", "p99")],
        ),
        (
            "Inline decisions (ms)",
            [latency(own_metric(Metric.INLINE_LATENCY, environment, share)) for share in ("p50", "p95", "p99")],
        ),
        ("Clients that waited in vain", own(Metric.INLINE_FALLBACK)),
        ("Invocations", each("Invocations", "Sum")),
        ("Errors", each("Errors", "Sum")),
        ("Concurrent executions", each("ConcurrentExecutions", "Maximum")),
        (
            "Behind the stream (ms)",
            [
                _series(function, lambda_metric("IteratorAge", function, "Maximum"))
                for function in (watched.analyzer, watched.reporter)
            ],
        ),
        ("Dead letters", [_series("waiting", queue_depth(watched.queue))]),
        (
            "Profiles that need a look",
            own(Metric.PROFILES_DAMAGED, Metric.PROFILES_NEWER, Metric.PROFILES_UNCERTAIN, Metric.PROFILES_DIVIDED),
        ),
        (
            "Decision log and reports",
            own(
                Metric.RECORDS_LOGGED,
                Metric.REPORTS_WRITTEN,
                Metric.UNDECIDED,
                Metric.LOG_MISSING,
                Metric.ORPHANED_CLAIMS,
                Metric.LOG_DAMAGED,
                Metric.LOG_CHANGED,
            ),
        ),
        (
            "Drift since the live model's training (PSI)",
            [
                _series(metric.value, own_metric(metric, environment, "Maximum"))
                for metric in (Metric.SCORE_DRIFT, Metric.FEATURE_DRIFT)
            ],
        ),
    ]
    return {"widgets": [_widget(title, region, index, series) for index, (title, series) in enumerate(widgets)]}

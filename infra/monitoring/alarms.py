"""What wakes someone: every alarm of the stack, as data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from fraudstream.contract import ANALYZER, REPORTER, SIGNIFICANT_DRIFT
from fraudstream.settings import Metric
from infra.monitoring.metrics import MetricSpec, api_metric, lambda_metric, own_metric, queue_depth

Treatment = Literal["notBreaching", "breaching"]
DAY_SECONDS: Final = 86_400
"""The period of what the daily report finds, too: until the next one nobody looks again. By the usual five minutes, the
alarm would end before whoever it woke has read it, and a pager would take it for mended. Each report tells a number, of
nothing too: without one, CloudWatch judges by the last number of some periods back."""
Comparison = Literal["GreaterThanThreshold", "GreaterThanOrEqualToThreshold", "LessThanThreshold"]


@dataclass(frozen=True, kw_only=True)
class AlarmSpec:
    """One alarm: on a metric, or on an expression over several."""

    purpose: str
    description: str
    metrics: tuple[tuple[str, MetricSpec], ...]
    """By the ids that the expression uses; just one without an expression."""
    expression: str | None = None
    threshold: float
    comparison: Comparison = "GreaterThanThreshold"
    period_seconds: int = 300
    periods: int = 1
    missing: Treatment = "notBreaching"


@dataclass(frozen=True, kw_only=True)
class Watched:
    """The names of what is watched."""

    functions: Mapping[str, str]
    """Physical name by purpose."""
    analyzer: str
    reporter: str
    queue: str
    api: str
    environment: str
    daily_requests: int
    """So many requests a day are more than anybody expects to pay for."""
    webhook_pipe: str | None = None
    """None: there is no webhook."""
    needs_two: bool = False
    """Rules or models count only once two people have approved them."""


def _function_alarms(purpose: str, function: str) -> Sequence[AlarmSpec]:
    return (
        AlarmSpec(
            purpose=f"{purpose}-errors",
            description=f"More than 1 % of the invocations of {function} fail.",
            metrics=(
                ("errors", lambda_metric("Errors", function)),
                ("invocations", lambda_metric("Invocations", function)),
            ),
            expression="IF(invocations > 0, 100 * errors / invocations, 0)",
            threshold=1,
        ),
        AlarmSpec(
            purpose=f"{purpose}-throttles",
            description=f"{function} needs more than its reserved concurrency.",
            metrics=(("throttles", lambda_metric("Throttles", function)),),
            threshold=0,
        ),
    )


def _lag(purpose: str, function: str, seconds: int) -> AlarmSpec:
    return AlarmSpec(
        purpose=f"{purpose}-lag",
        description=f"{function} is more than {seconds} s behind the stream.",
        metrics=(("age", lambda_metric("IteratorAge", function, "Maximum")),),
        threshold=seconds * 1000,
        periods=2,
    )


def _undecided_now(environment: str) -> AlarmSpec:
    return AlarmSpec(
        purpose="decisions-missing",
        description="Transactions come in, and none was decided for 15 minutes: the analyzer may be stopped.",
        # A stopped mapping has no lag, no error and no invocation to tell of.
        metrics=(
            ("stored", own_metric(Metric.TRANSACTIONS_STORED, environment)),
            ("decided", own_metric(Metric.DECISIONS_MADE, environment)),
        ),
        expression="IF(FILL(decided, 0) == 0, stored, 0)",
        threshold=0,
        periods=3,
    )


def _webhook(pipe: str) -> AlarmSpec:
    failed = MetricSpec(namespace="AWS/EventBridge/Pipes", name="ExecutionFailed", dimensions=(("PipeName", pipe),))
    return AlarmSpec(
        purpose="webhook-failing",
        description="The webhook has not taken events for 15 minutes; they wait for a day at most.",
        metrics=(("failed", failed),),
        threshold=0,
        periods=3,
    )


def _waiting(environment: str) -> AlarmSpec:
    return AlarmSpec(
        purpose="change-waiting",
        description="Rules or models have waited for a second person for a week: the active ones will expire.",
        # Every change waits a while: what is 1 at each look of a day has waited all day long.
        metrics=(("waits", own_metric(Metric.CHANGE_WAITS, environment, "Minimum")),),
        threshold=0,
        # As long as CloudWatch looks back.
        period_seconds=DAY_SECONDS,
        periods=7,
    )


def _abuse(watched: Watched) -> Sequence[AlarmSpec]:
    """Return the alarms of what costs money or attention and is no failure of ours."""
    return (
        AlarmSpec(
            purpose="api-refusals",
            description="Over half of the API's answers are 4xx: a client is broken or too fast, or is trying things.",
            metrics=(
                ("refused", api_metric("4XXError", watched.api, "Sum")),
                ("requests", api_metric("Count", watched.api, "Sum")),
            ),
            # One client's mistakes in testing are no trouble.
            expression="IF(refused >= 500, 100 * refused / requests, 0)",
            threshold=50,
        ),
        AlarmSpec(
            purpose="alert-flood",
            description="More than one decided transaction in five raises an alert, for a quarter of an hour.",
            metrics=(
                ("alerts", own_metric(Metric.ALERTS_RAISED, watched.environment)),
                ("decisions", own_metric(Metric.DECISIONS_MADE, watched.environment)),
            ),
            expression="IF(alerts >= 100, 100 * alerts / decisions, 0)",
            threshold=20,
            periods=3,
        ),
        AlarmSpec(
            purpose="spend",
            description=f"More than {watched.daily_requests:,} requests came within a day: look what they cost.",
            metrics=(("requests", api_metric("Count", watched.api, "Sum")),),
            threshold=watched.daily_requests,
            period_seconds=DAY_SECONDS,
        ),
    )


def _api(watched: Watched) -> Sequence[AlarmSpec]:
    """Return the alarms of what clients of the API notice."""
    return (
        AlarmSpec(
            purpose="api-errors",
            description="More than 1 % of the API's answers are 5xx.",
            # The average of this metric is the share of requests.
            metrics=(("share", api_metric("5XXError", watched.api, "Average")),),
            threshold=0.01,
        ),
        AlarmSpec(
            purpose="api-latency",
            description="One request in a hundred takes the API more than a second.",
            metrics=(("latency", api_metric("Latency", watched.api, "p99")),),
            threshold=1000,
            periods=3,
        ),
        AlarmSpec(
            purpose="inline-fallbacks",
            description="More than one in ten clients that wait for a decision get none in time.",
            # A few requests in new environments are no trouble: there must be some number of them.
            metrics=(
                ("share", own_metric(Metric.INLINE_FALLBACK, watched.environment, "Average")),
                ("asked", own_metric(Metric.INLINE_FALLBACK, watched.environment, "SampleCount")),
            ),
            expression="IF(asked >= 20, 100 * share, 0)",
            threshold=10,
            periods=3,
        ),
    )


def _unusable(environment: str) -> Sequence[AlarmSpec]:
    """Return the alarms of what is stored and cannot be used, or is held back."""
    return (
        AlarmSpec(
            purpose="ruleset-invalid",
            description="The ruleset or a model in the bucket is invalid; the last good one stays active.",
            metrics=(("invalid", own_metric(Metric.RULESET_INVALID, environment)),),
            threshold=0,
        ),
        AlarmSpec(
            purpose="profiles-damaged",
            description="Stored profiles could not be read and begin anew, or it could not be read who is on a list.",
            metrics=(("damaged", own_metric(Metric.PROFILES_DAMAGED, environment)),),
            threshold=0,
        ),
        AlarmSpec(
            purpose="model-held-back",
            description="The live model flags far more than it promised, and does not decline until it is reset.",
            metrics=(("held", own_metric(Metric.MODEL_HELD_BACK, environment)),),
            threshold=0,
        ),
    )


def _found_by_report(environment: str) -> Sequence[AlarmSpec]:
    """Return the alarms of what the daily report finds, and of a report that is missing."""
    return (
        AlarmSpec(
            purpose="undecided",
            description="Transactions of the reported day were never decided.",
            metrics=(("undecided", own_metric(Metric.UNDECIDED, environment, "Maximum")),),
            threshold=0,
            period_seconds=DAY_SECONDS,
        ),
        AlarmSpec(
            purpose="log-missing",
            description="The table has transactions of the reported day that the decision log does not know.",
            metrics=(("missing", own_metric(Metric.LOG_MISSING, environment, "Maximum")),),
            threshold=0,
            period_seconds=DAY_SECONDS,
        ),
        AlarmSpec(
            purpose="log-damaged",
            description="A stream record was no transaction, or a part of the decision log cannot be read.",
            metrics=(("damaged", own_metric(Metric.LOG_DAMAGED, environment)),),
            threshold=0,
            period_seconds=DAY_SECONDS,
        ),
        AlarmSpec(
            purpose="log-changed",
            description="A part of the decision log is not what was written: somebody changed it.",
            metrics=(("changed", own_metric(Metric.LOG_CHANGED, environment)),),
            threshold=0,
            period_seconds=DAY_SECONDS,
        ),
        _drift("score-drift", "The distribution of the scores", own_metric(Metric.SCORE_DRIFT, environment, "Maximum")),
        _drift(
            "feature-drift", "The distribution of a feature", own_metric(Metric.FEATURE_DRIFT, environment, "Maximum")
        ),
        AlarmSpec(
            purpose="report-missed",
            description="No daily report was written for 26 hours; so too before the first one.",
            metrics=(("reports", own_metric(Metric.REPORTS_WRITTEN, environment)),),
            threshold=1,
            comparison="LessThanThreshold",
            period_seconds=3600,
            periods=26,
            missing="breaching",
        ),
    )


def _drift(purpose: str, what: str, metric: MetricSpec) -> AlarmSpec:
    return AlarmSpec(
        purpose=purpose,
        description=f"{what} was far from what the live model learnt from on two days running: train anew.",
        metrics=(("drift", metric),),
        threshold=SIGNIFICANT_DRIFT,
        # It is measured once a day, with the report. One day alone may be a pay day, or the first of a month.
        period_seconds=DAY_SECONDS,
        periods=2,
    )


def alarm_specs(watched: Watched) -> Sequence[AlarmSpec]:
    """Return the alarms of a stack."""
    environment = watched.environment
    return (
        *(alarm for name in watched.functions.items() for alarm in _function_alarms(*name)),
        _lag(ANALYZER, watched.analyzer, 60),
        _lag(REPORTER, watched.reporter, 900),
        _undecided_now(environment),
        *([_webhook(watched.webhook_pipe)] if watched.webhook_pipe else []),
        *([_waiting(environment)] if watched.needs_two else []),
        *_abuse(watched),
        AlarmSpec(
            purpose="dead-letters",
            description="Something could not be processed or delivered: see the dead-letter queue.",
            metrics=(("depth", queue_depth(watched.queue)),),
            threshold=0,
        ),
        *_api(watched),
        *_unusable(environment),
        *_found_by_report(environment),
    )

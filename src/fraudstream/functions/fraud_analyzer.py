"""The fraud analyzer's handler: batches of the stream of transactions in, decisions out."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from fraudstream.aws.clients import quick_dynamodb, quick_s3, whole_s3
from fraudstream.aws.endpoint import Limits
from fraudstream.aws.errors import is_passing
from fraudstream.contract import ANALYZER
from fraudstream.detection.analyzer import Analysis, Analyzer, first_failure
from fraudstream.detection.features.compute import Calendar, time_zone
from fraudstream.detection.stores.approvals.file_approvals import NotApprovedError
from fraudstream.detection.stores.approvals.label_approvals import LabelApprovals
from fraudstream.detection.stores.decisions.alerts import AlertStore
from fraudstream.detection.stores.decisions.breaker import BreakerWatch
from fraudstream.detection.stores.decisions.outbox import Outbox
from fraudstream.detection.stores.decisions.store import DecisionStore
from fraudstream.detection.stores.lists.list_approvals import ListApprovals
from fraudstream.detection.stores.profiles.store import ProfileStore
from fraudstream.detection.stream_records import sequence_number, transaction_id
from fraudstream.functions.rulesets import ruleset_store
from fraudstream.settings import AnalyzerSettings, Metric, read_settings
from fraudstream.telemetry import Log, LogFields, MetricEmitter
from fraudstream.transactions.pseudonyms.tokens import TokenRaiser

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aws_lambda_powertools.utilities.typing import LambdaContext

    from fraudstream.detection.rules.ruleset import Ruleset

WORKERS: Final = 16
"""Calls to DynamoDB side by side: a batch of 100 makes about 500."""

_SETTINGS = read_settings(AnalyzerSettings)
_LOG = Log(ANALYZER, _SETTINGS)
_METER = MetricEmitter(_SETTINGS)
_POOL = ThreadPoolExecutor(WORKERS, thread_name_prefix="dynamodb")
_LIMITS = Limits(read_seconds=2, connections=WORKERS)
_DYNAMODB = quick_dynamodb(_LIMITS)


_waiting: Final[list[NotApprovedError]] = []
"""What the present look at ruleset and models has found to wait for another person."""


def _refused(error: Exception) -> None:
    if isinstance(error, NotApprovedError):
        _waiting.append(error)
        _LOG.failure("the ruleset or a model in S3 waits for another person, the last good one stays active", error)
        return
    if is_passing(error):
        # Nobody has stored anything wrong: whoever took back a ruleset for that would take back a good one.
        _LOG.failure("the ruleset or a model in S3 could not be looked at, the last good one stays active", error)
        return
    _METER.count(Metric.RULESET_INVALID)
    _LOG.failure("the ruleset or a model in S3 cannot be used, the last good one stays active", error)


def _shadow_failed(error: Exception) -> None:
    _METER.count(Metric.SHADOW_ERRORS)
    _LOG.failure("the shadow model could not score a transaction, which was decided without it", error)


def _held_back() -> None:
    _METER.count(Metric.MODEL_HELD_BACK)


def _not_counted(error: Exception) -> None:
    _LOG.failure("what the live model flags could not be counted: what was known of it last goes on to count", error)


_RAISER = TokenRaiser(_SETTINGS.token_keys_on_top)
_S3 = quick_s3(_SETTINGS.bucket, _LIMITS)
_RULESETS = ruleset_store(_SETTINGS, _S3, _RAISER, on_refused=_refused, history=partial(whole_s3, _LIMITS))
_LABELS = LabelApprovals(_S3, _SETTINGS.bucket, _POOL) if _SETTINGS.approves_labels else None
_BREAKER = BreakerWatch(_DYNAMODB, _SETTINGS.profiles_table, on_broken=_held_back, on_failure=_not_counted)
_ANALYZER = Analyzer(
    profiles=ProfileStore(
        _DYNAMODB,
        _SETTINGS.profiles_table,
        _SETTINGS.profile_retention_days,
        _POOL,
        lists=ListApprovals(_S3, _SETTINGS.bucket) if _SETTINGS.approves_lists else None,
    ),
    decisions=DecisionStore(_DYNAMODB, _SETTINGS.transactions_table, _POOL),
    alerts=AlertStore(_DYNAMODB, _SETTINGS.alerts_table, _SETTINGS.alert_retention_days),
    pool=_POOL,
    calendar=Calendar(time_zone(_SETTINGS.time_zone), _SETTINGS.label_delay_days),
    on_shadow_error=_shadow_failed,
    raiser=_RAISER,
    outbox=Outbox(
        _DYNAMODB,
        _SETTINGS.outbox_table,
        types=_SETTINGS.events.split(","),
        environment=_SETTINGS.environment_suffix,
    )
    if _SETTINGS.events
    else None,
    exploration_share=round(_SETTINGS.exploration_per_cent / 100, 8),
)


def _current_ruleset() -> "Ruleset":
    if not (_RULESETS.is_due and (_SETTINGS.approved_ruleset or _SETTINGS.approved_models)):
        return _RULESETS.current()
    _waiting.clear()
    try:
        return _RULESETS.current()
    finally:
        # Of nothing, too: each change waits for some minutes, and nobody is woken before each look of a week found one.
        _METER.count(Metric.CHANGE_WAITS, 1 if _waiting else 0)


def handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, list[dict[str, str]]]:
    """Analyze a batch of stream records; name the first one that Lambda must deliver again, if any."""
    _LOG.invocation(context.aws_request_id)
    records: list[dict[str, Any]] = event["Records"]
    try:
        ruleset = _current_ruleset()
        live = ruleset.models.live
        counting = _LABELS.counting(records) if _LABELS else records
        analysis = _ANALYZER.analyze(counting, ruleset, holds_model_back=_BREAKER.is_broken(live))
        _BREAKER.count(live, decisions=len(analysis.latencies), flagged=analysis.only_model)
        _report(analysis, records)
    finally:
        _METER.flush()
    failed = first_failure(records, analysis.failures)
    return {"batchItemFailures": [{"itemIdentifier": failed}] if failed else []}


def _report(analysis: Analysis, records: "Sequence[Mapping[str, Any]]") -> None:
    _METER.count(Metric.DECISIONS_MADE, len(analysis.latencies))
    _METER.count(Metric.ALERTS_RAISED, analysis.alerts)
    for latency in analysis.latencies:
        _METER.milliseconds(Metric.DECISION_LATENCY, latency)
    for metric, number in (
        (Metric.PROFILES_DAMAGED, analysis.damaged + analysis.unreadable_lists),
        (Metric.PROFILES_NEWER, analysis.newer),
        (Metric.PROFILES_UNCERTAIN, analysis.uncertain),
        (Metric.PROFILES_DIVIDED, analysis.divided),
    ):
        if number:
            _METER.count(metric, number)
    ids = {sequence_number(record): transaction_id(record) for record in records} if analysis.failures else {}
    for failure in analysis.failures:
        fields: LogFields = {"sequence_number": failure.sequence_number}
        if name := ids[failure.sequence_number]:
            fields["transaction_id"] = name
        _LOG.failure("a record was not processed", failure.error, **fields)
    _METER.explain("a batch was analyzed", count=len(records), failed=len(analysis.failures))

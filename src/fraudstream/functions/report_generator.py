"""The report generator: writes the decision log as the stream brings it, and a report every day."""

import base64
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from fraudstream.aws.clients import quick_s3, whole_dynamodb, whole_s3
from fraudstream.aws.endpoint import Limits
from fraudstream.aws.errors import is_passing
from fraudstream.clock import epoch_milliseconds
from fraudstream.contract import DECISION_LOG_PREFIX, REPORTER
from fraudstream.reporting.log import segments
from fraudstream.reporting.log.chain.segment_seals import sealed
from fraudstream.reporting.log.erasure_marks import read_marks, without_erased
from fraudstream.reporting.storage.leftovers import remove_leftovers
from fraudstream.reporting.storage.object_store import BucketStore
from fraudstream.settings import Metric, ReporterSettings, read_settings
from fraudstream.telemetry import Log, MetricEmitter

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

_LIMITS = Limits(read_seconds=10, connections=16)
_settings = read_settings(ReporterSettings)
_segments_s3 = quick_s3(_settings.bucket, _LIMITS)
_log = Log(REPORTER, _settings)
_meter = MetricEmitter(_settings)
_log_key = base64.b64decode(_settings.log_key)
remove_leftovers()


def handler(event: Any, context: "LambdaContext") -> Mapping[str, Any]:  # noqa: ANN401  (anyone may call it with anything)
    """Write segments for a batch of stream records, or run a task.

    Args:
        event: `{"Records": [...]}` from the stream, or what `reporting.tasks.run` takes.
        context: Lambda's.

    Raises:
        UnknownEventError: the event is none of them.
        OutOfTimeError: a part of a task is done, and the function is to be called again.
    """
    _log.invocation(context.aws_request_id)
    try:
        match event:
            case {"Records": [*batch]}:
                return _write_segments(batch)
            case _:
                return _run_task(event, context)
    finally:
        _meter.flush()


def _write_segments(batch: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    # At every call: a person who is being erased must not come back into the log a minute later.
    marks = read_marks(BucketStore(_segments_s3, _settings.bucket), epoch_milliseconds())
    kept = [each for record in batch if (each := without_erased(record, marks))]
    cut = segments.cut(_counting_labels(kept), DECISION_LOG_PREFIX)
    segments.write(_segments_s3, _settings.bucket, [sealed(each, _log_key) for each in cut.segments])
    _meter.count(Metric.RECORDS_LOGGED, sum(segment.records for segment in cut.segments))
    if cut.poison:
        _meter.count(Metric.LOG_DAMAGED, len(cut.poison))
    for sequence_number in cut.poison:
        _log.error("a record could not be read", sequence_number=sequence_number)
    # What is unreadable now is so at every attempt: to try again would only hold up what comes behind it, for a day.
    return {"batchItemFailures": []}


def _counting_labels(records: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """Return the stream's records without the labels that still wait for a second person."""
    if not _settings.approves_labels:
        return records
    from fraudstream.detection.stores.approvals.label_approvals import LabelApprovals  # noqa: PLC0415  (few stacks ask for it)

    with ThreadPoolExecutor(_LIMITS.connections) as pool:
        return LabelApprovals(_segments_s3, _settings.bucket, pool).counting(records)


def _refused(error: Exception) -> None:
    from fraudstream.detection.stores.approvals.file_approvals import NotApprovedError  # noqa: PLC0415  (a task has loaded it)

    # What is soon over ends the task, or a look a moment ago was answered.
    if is_passing(error):
        return
    problem = "waits for another person" if isinstance(error, NotApprovedError) else "cannot be used"
    _log.failure(f"the ruleset or a model in S3 {problem}, the report goes by the last good one", error)


def _run_task(event: Any, context: "LambdaContext") -> Mapping[str, Any]:  # noqa: ANN401  (as above)
    # DuckDB and Jinja take longer to import than a segment takes to write.
    from fraudstream.functions.rulesets import ruleset_store  # noqa: PLC0415  (as above)
    from fraudstream.reporting.tasks.means import Means  # noqa: PLC0415  (as above)
    from fraudstream.reporting.tasks.run import run  # noqa: PLC0415  (as above)
    from fraudstream.transactions.pseudonyms.tokens import TokenRaiser  # noqa: PLC0415  (as above)

    # Of their own: of an earlier task's connections, an hour later, Lambda has purged each, and attempts are few.
    s3 = whole_s3(_LIMITS)
    means = Means(
        settings=_settings,
        s3=s3,
        dynamodb=whole_dynamodb(_LIMITS),
        log=_log,
        meter=_meter,
        rulesets=ruleset_store(_settings, s3, TokenRaiser(), on_refused=_refused, history=lambda: s3),
        counting=_counting_labels,
        seconds_left=lambda: context.get_remaining_time_in_millis() / 1000,
    )
    return run(event, means)

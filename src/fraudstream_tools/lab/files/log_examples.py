"""Examples from a decision log, where features are as they were judged."""

from collections.abc import Callable, Iterator, Mapping

from fraudstream.detection.rules.ruleset import Ruleset
from fraudstream.reporting.log.reader.decision_log import DecisionLog, LoggedDecision
from fraudstream.reporting.log.reader.files import DecisionLogError
from fraudstream_tools.lab.files.examples import points_of
from fraudstream_tools.lab.replay.history import KnownOutcome
from fraudstream_tools.lab.training.examples import Decided, Examples, examples, rule_points


def from_log(log: DecisionLog, ruleset: Ruleset, on_progress: Callable[[int], None] | None = None) -> Examples:
    """Read examples from a decision log: each decision once, with the newest of its labels that is known.

    Args:
        log: opened as of the time up to which anything may be known.
        ruleset: says how many points the rules that hit give now.
        on_progress: told how many decisions were read.

    Raises:
        DecisionLogError: there is no decision or no label in it, or it cannot be read.
    """
    if not log.decisions_count:
        raise DecisionLogError("there is no decision in the decision log: nothing can be learnt from it")
    if not log.is_labelled:
        raise DecisionLogError("there is no label in the decision log: nothing can be learnt from it")
    points = points_of(ruleset)
    known = {name: KnownOutcome(fraud, at) for name, fraud, at in log.known_labels()}

    def decided() -> Iterator[Decided]:
        for number, logged in enumerate(log.decisions(), start=1):
            yield _decided(logged, points)
            if on_progress:
                on_progress(number)

    return examples(decided(), known, until=log.horizon.until, label_delay_days=log.horizon.delay_days)


def _decided(logged: LoggedDecision, points: Mapping[str, float]) -> Decided:
    transaction = logged.transaction
    return Decided(
        transaction.transaction_id,
        transaction.timestamp,
        logged.features,
        rule_points(logged.sources, points),
        logged.declined,
    )

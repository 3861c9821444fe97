"""What the breaker does with a live model that stays as it is while behaviour shifts.

A world of the handbook's kind is judged from its first day on, and beside it, in the same weeks, a small fintech with
many frauds that rules decline by themselves. A model is trained on what is known at one time, as `fraudstream train`
does it, and is live from then on. Some days later, the handbook's people spend half as much again and half as often
again. What the model flags is counted by the analyzer's own breaker, in an item of an embedded DynamoDB, at the
transactions' own times; whether the model may decline is asked for every 25 of them.

    python -m benchmarks.held_back [--seed 101] [--customers 800] [--factor 1.5]

The table has a row for each day: how many decisions there were, what the live model alone flagged and how much of that
is fraud, what it would decline where rules would not, how much of that was reviewed in place of it, what rules decline
by themselves, and how much of that was declined. The last line printed is the same as JSON.
"""

import argparse
import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.table import Table

from benchmarks.reliability import GoneThrough, judged, of_fintech, of_handbook, trained
from benchmarks.rule_runs import rules_of_today
from embedded_aws.ministack.server import MinistackServer
from fraudstream.detection.features.codec import unpack
from fraudstream.detection.features.own import inputs
from fraudstream.detection.models.selection import ActiveModels
from fraudstream.detection.rules.ruleset import Ruleset
from fraudstream.detection.scoring import decide
from fraudstream.detection.stores.decisions.breaker import BreakerWatch
from fraudstream.durations import DAY
from fraudstream.transactions.decisions.decision import Verdict
from fraudstream.transactions.transaction import AuthorizationResult, Transaction
from fraudstream_tools.lab.fintech.world import START, FintechSettings
from fraudstream_tools.lab.world.handbook import HandbookSettings

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

TABLE: Final = "profiles"
_BATCH: Final = 25
"""Transactions that an analyzer takes at once, between two looks at the breaker."""
_PEOPLE: Final = 40
_EPISODES: Final = 100.0
"""Of the fintech: frauds a day for each 1,000 people, far more than usual, so that each day has declines by rules."""


@dataclass(frozen=True, kw_only=True)
class FrozenPlan:
    """When a model is trained, and when behaviour shifts; days from the first one."""

    seed: int
    customers: int = 800
    trained: int = 42
    shift: int = 49
    end: int = 56
    factor: float = 1.5
    """On what people spend, and on how often."""


@dataclass
class LiveDay:
    """A day with the live model."""

    day: int
    decisions: int = 0
    flagged: int = 0
    """By the live model alone, and not declined by the issuer."""
    flagged_frauds: int = 0
    only_model_declines: int = 0
    """What is declined while the model may do so, and not by rules alone."""
    reviewed: int = 0
    """Of these, since the breaker had tripped."""
    rules_decline: int = 0
    """By themselves."""
    declined: int = 0
    """Of these."""
    is_held_back: bool = False
    """At the end of the day."""


class Clock:
    """Tells the time of the newest transaction."""

    def __init__(self) -> None:
        """Begin before all of them."""
        self.now = 0

    def __call__(self) -> int:
        """Return epoch milliseconds."""
        return self.now


def live_days(plan: FrozenPlan, watched: Callable[[Clock], BreakerWatch]) -> list[LiveDay]:
    """Live through a shift with a model that was trained before it.

    Args:
        plan: when what happens.
        watched: makes the analyzer's breaker, by a clock.
    """
    transactions, gone = _world(plan)
    live_since = gone.start + plan.trained * DAY
    ruleset = rules_of_today().with_models(ActiveModels(live=trained(gone, live_since)))
    clock = Clock()
    watch = watched(clock)
    days = [LiveDay(day=day) for day in range(plan.trained, plan.end)]
    live = [each for each in zip(transactions, gone.decided, strict=True) if each[0].timestamp > live_since]
    for begin in range(0, len(live), _BATCH):
        batch = live[begin : begin + _BATCH]
        clock.now = batch[-1][0].timestamp
        is_held_back = watch.is_broken(ruleset.models.live)
        flagged = 0
        for transaction, decided in batch:
            day = days[min((transaction.timestamp - live_since) // DAY, len(days) - 1)]
            known = gone.outcomes.get(transaction.transaction_id)
            is_flagged = _decide(day, ruleset, transaction, decided.packed, is_held_back=is_held_back)
            day.flagged_frauds += is_flagged and known is not None and known.fraud
            flagged += is_flagged
        watch.count(ruleset.models.live, decisions=len(batch), flagged=flagged)
    return days


def _world(plan: FrozenPlan) -> tuple[Sequence[Transaction], GoneThrough]:
    """Make both worlds and judge their transactions in the order of time."""
    handbook = HandbookSettings(
        seed=plan.seed,
        start=START,
        customers=plan.customers,
        terminals=2 * plan.customers,
        days=plan.end,
        shift_day=plan.shift,
        spending=plan.factor,
        activity=plan.factor,
    )
    ours, known = of_handbook(handbook)
    others, more = of_fintech(
        FintechSettings(seed=plan.seed, customers=_PEOPLE, days=plan.end, episodes=_EPISODES, start=START)
    )
    transactions = sorted([*ours, *others], key=lambda each: each.timestamp)
    return transactions, judged(transactions, known | more)


def _decide(day: LiveDay, ruleset: Ruleset, transaction: Transaction, packed: bytes, *, is_held_back: bool) -> bool:
    """Count what is decided on a day, and return whether the breaker counts it as flagged by the model alone."""
    vector = unpack(packed)
    truths, seen = ruleset.evaluate(transaction, vector), inputs(vector, transaction)
    outcome = decide(ruleset, truths, seen, holds_model_back=is_held_back)
    by_rules = decide(ruleset, truths).verdict is Verdict.DECLINE
    is_declined = outcome.verdict is Verdict.DECLINE
    day.decisions += 1
    day.is_held_back = is_held_back
    if by_rules:
        day.rules_decline += 1
        day.declined += is_declined
    elif is_held_back and decide(ruleset, truths, seen).verdict is Verdict.DECLINE:
        day.only_model_declines += 1
        day.reviewed += outcome.verdict is Verdict.REVIEW
    else:
        day.only_model_declines += is_declined
    is_open = transaction.authorization_result != AuthorizationResult.DECLINED
    day.flagged += outcome.only_model and is_open
    return outcome.only_model and is_open


def main() -> None:
    """Run the benchmark; the last line is JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=101)
    parser.add_argument("--customers", type=int, default=FrozenPlan.customers)
    parser.add_argument("--factor", type=float, default=FrozenPlan.factor, help="on what people spend, and how often")
    asked = parser.parse_args()
    plan = FrozenPlan(seed=asked.seed, customers=asked.customers, factor=asked.factor)
    with tempfile.TemporaryDirectory() as folder, MinistackServer(Path(folder)) as aws:
        dynamodb = aws.client("dynamodb")
        dynamodb.create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "entity", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "entity", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        days = live_days(plan, lambda clock: _watch(dynamodb, clock))
    table = Table(*(name.replace("_", " ") for name in asdict(days[0])))
    for day in days:
        table.add_row(*(str(value) for value in asdict(day).values()))
    Console(width=140).print(table)
    print(json.dumps([asdict(day) for day in days]))


def _watch(dynamodb: "DynamoDBClient", clock: Clock) -> BreakerWatch:
    def fail(error: Exception) -> None:
        raise error

    return BreakerWatch(dynamodb, TABLE, on_broken=lambda: None, on_failure=fail, clock=clock)


if __name__ == "__main__":
    main()

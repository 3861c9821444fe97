"""The figures of a backtest: what each rule and each ruleset catch, and at what cost.

Where approvals were drawn by chance, shares count drawn frauds for as many as they stand for. Values do not.
"""

from collections.abc import Sequence

import msgspec

from fraudstream.detection.rules.rule import Mode
from fraudstream.detection.rules.ruleset import Ruleset
from fraudstream.durations import DAY
from fraudstream.transactions.decisions.decision import Verdict
from fraudstream_tools.lab.backtest.estimates import ExploredFigures, UnseenEstimate, weights_of
from fraudstream_tools.lab.backtest.intervals import Share
from fraudstream_tools.lab.backtest.known_counts import KnownCounts
from fraudstream_tools.lab.backtest.run import BacktestTally, Standing

STOPPED = (Verdict.REVIEW, Verdict.DECLINE)


class BacktestRuleFigures(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a rule catches. Amounts are in the base currency."""

    id: str
    mode: Mode
    hits: int
    hit_rate: float
    """Share of all transactions."""
    unique_hits: int
    """Hits where no other live rule hits."""
    unevaluable: int
    """Transactions that lack a field which the rule needs."""
    known_hits: int
    """Hits of which is known whether they are fraud."""
    fraud_hits: int
    precision: Share | None
    """Share of fraud among the known hits; None without labels."""
    recall: Share | None
    """Share of all known frauds that it hits."""
    value_saved: float | None
    """Amount of the frauds that it hits: saved, if they are stopped in time."""
    unique_value_saved: float | None
    """Amount of these frauds that no other live rule hits."""


class RulesetFigures(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a ruleset decides."""

    name: str
    version: str
    model: str | None
    """Version of the live model that decides with the rules."""
    decisions: dict[str, int]
    alerts: int
    """Transactions reviewed or declined."""
    alerts_a_day: float
    precision: Share | None
    """Share of fraud among the alerts of which it is known."""
    recall: Share | None
    """Share of all known frauds that are reviewed or declined."""
    false_alerts: int | None
    """Alerts for transactions known to be no fraud."""
    value_saved: float | None
    """Amount of the frauds that are reviewed or declined: saved, if they are stopped in time."""
    value_missed: float | None
    """Amount of the frauds that are approved."""
    rules: list[BacktestRuleFigures]


class ChangeFigures(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Transactions that B decides otherwise than A."""

    before: str
    after: str
    transactions: int
    frauds: int | None
    no_frauds: int | None
    fraud_amount: float | None
    precision: Share | None
    """Share of fraud among those of which it is known; None without labels."""


class BacktestFigures(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """All of a backtest."""

    transactions: int
    first: int
    """Epoch milliseconds of the first transaction."""
    last: int
    days: float
    """From the first to the last one, at least 1."""
    base_currency: str
    known: dict[str, int]
    """Transactions by what is known of them."""
    explored: ExploredFigures | None
    """Approvals that were put into the review queue by chance; None where none were."""
    repeated: int
    """Rows left out of a file of transactions: the same one came before."""
    other_features: int
    """Left out: their features were computed by another version of the code."""
    unvalued_frauds: int
    """Known frauds without an exchange rate, which add nothing to what is saved or missed."""
    rulesets: list[RulesetFigures]
    changes: list[ChangeFigures] | None
    """None of a single ruleset."""

    @property
    def unseen(self) -> UnseenEstimate | None:
        """Frauds that nobody reported, which shares count too; None where nothing tells of them."""
        return None if self.explored is None else self.explored.unseen


def figures(
    tally: BacktestTally, rulesets: Sequence[Ruleset], names: Sequence[str], *, repeated: int
) -> BacktestFigures:
    """Work out the figures.

    Args:
        tally: of all transactions; at least one.
        rulesets: those that judged, in the tally's order.
        names: what to call them.
        repeated: transactions left out, because they came twice.
    """
    everything = KnownCounts(weights_of(tally))
    for (known, _), each in tally.sums.items():
        everything.add(known, each)
    first, last = tally.first or 0, tally.last or 0
    days = max((last - first) / DAY, 1.0)
    return BacktestFigures(
        transactions=everything.all,
        first=first,
        last=last,
        days=days,
        base_currency=rulesets[0].rates.base,
        known={standing.name.lower(): number for standing, number in everything.number.items()},
        explored=everything.weights.explored,
        repeated=repeated,
        other_features=tally.other_features,
        unvalued_frauds=everything.unvalued[Standing.FRAUD],
        rulesets=[
            _of_ruleset(tally, position, ruleset, name, everything=everything, days=days)
            for position, (ruleset, name) in enumerate(zip(rulesets, names, strict=True))
        ],
        changes=_changes(tally, everything) if len(rulesets) > 1 else None,
    )


def _has_labels(everything: KnownCounts) -> bool:
    return everything.known > 0


def _of_ruleset(
    tally: BacktestTally, position: int, ruleset: Ruleset, name: str, *, everything: KnownCounts, days: float
) -> RulesetFigures:
    by_verdict = {verdict: KnownCounts(everything.weights) for verdict in Verdict}
    stopped = KnownCounts(everything.weights)
    for (known, outcomes), each in tally.sums.items():
        verdict = outcomes[position][1]
        by_verdict[verdict].add(known, each)
        if verdict in STOPPED:
            stopped.add(known, each)
    labelled = _has_labels(everything)
    live = ruleset.models.live
    return RulesetFigures(
        name=name,
        version=ruleset.version,
        model=live.version if live else None,
        decisions={verdict.value: counts.all for verdict, counts in by_verdict.items()},
        alerts=stopped.all,
        alerts_a_day=stopped.all / days,
        precision=stopped.precision,
        recall=stopped.recall(everything),
        false_alerts=stopped.known - stopped.expected_frauds if labelled else None,
        value_saved=stopped.fraud_amount if labelled else None,
        value_missed=round(everything.fraud_amount - stopped.fraud_amount, 2) if labelled else None,
        rules=_of_rules(tally, position, ruleset, everything),
    )


def _of_rules(
    tally: BacktestTally, position: int, ruleset: Ruleset, everything: KnownCounts
) -> list[BacktestRuleFigures]:
    hits = [KnownCounts(everything.weights) for _ in ruleset.rules]
    unique = [KnownCounts(everything.weights) for _ in ruleset.rules]
    unevaluable = [0] * len(ruleset.rules)
    live = [rule.mode is Mode.LIVE for rule in ruleset.rules]
    for (known, outcomes), each in tally.sums.items():
        truths = outcomes[position][0]
        hitting = sum(1 for truth, counts in zip(truths, live, strict=True) if truth and counts)
        for number, truth in enumerate(truths):
            if truth is None:
                unevaluable[number] += each.number
            elif truth:
                hits[number].add(known, each)
                if hitting == live[number]:
                    unique[number].add(known, each)
    labelled = _has_labels(everything)
    return [
        BacktestRuleFigures(
            id=rule.id,
            mode=rule.mode,
            hits=hits[number].all,
            hit_rate=hits[number].all / max(everything.all, 1),
            unique_hits=unique[number].all,
            unevaluable=unevaluable[number],
            known_hits=hits[number].known,
            fraud_hits=hits[number].frauds,
            precision=hits[number].precision,
            recall=hits[number].recall(everything),
            value_saved=hits[number].fraud_amount if labelled else None,
            unique_value_saved=unique[number].fraud_amount if labelled else None,
        )
        for number, rule in enumerate(ruleset.rules)
    ]


def _changes(tally: BacktestTally, everything: KnownCounts) -> list[ChangeFigures]:
    labelled = _has_labels(everything)
    pairs = [(before, after) for before in Verdict for after in Verdict if before is not after]
    by_verdicts = {pair: KnownCounts(everything.weights) for pair in pairs}
    for (known, outcomes), each in tally.sums.items():
        verdicts = outcomes[0][1], outcomes[1][1]
        if verdicts in by_verdicts:
            by_verdicts[verdicts].add(known, each)
    return [
        ChangeFigures(
            before=before,
            after=after,
            transactions=counts.all,
            frauds=counts.expected_frauds if labelled else None,
            no_frauds=counts.known - counts.expected_frauds if labelled else None,
            fraud_amount=counts.fraud_amount if labelled else None,
            precision=counts.precision,
        )
        for (before, after), counts in by_verdicts.items()
        if counts.all
    ]

"""The fintech world judged by rules alone: those of today, and those of 0.1.0 on the same features."""

import tarfile
from pathlib import Path
from typing import Final, NamedTuple

from fraudstream.contract import RULESET_FILES
from fraudstream.detection.features.codec import unpack
from fraudstream.detection.judge import Judge
from fraudstream.detection.rules.rule import Mode
from fraudstream.detection.rules.ruleset import Ruleset, load
from fraudstream.detection.scoring import decide
from fraudstream.transactions.decisions.decision import Truth, Verdict
from fraudstream_tools.lab.fintech.world import FintechSettings, make_fintech_world
from fraudstream_tools.lab.replay.history import KnownOutcome, as_transaction, judge_history
from fraudstream_tools.rules.folder import RulesFolder

_ROOT: Final = Path(__file__).parents[1]
_OF_0_1_0: Final = _ROOT / "tests" / "golden" / "0.1.0" / "bucket.tar.gz"


class RuleSample(NamedTuple):
    """A transaction of the world, what is true of it, and what both rulesets said."""

    pattern: str
    """Of the fraud; empty for an honest one."""
    kind: str
    """What an honest one looks like; empty for what looks like nothing."""
    prepared: bool
    """It is no fraud itself, and done by fraudsters to look honest, or a payment that they abuse: it counts nowhere."""
    euros: float
    before: Verdict
    odds_before: float
    """The score of 0.1.0's rules before it is rounded."""
    now: Verdict
    odds: float
    rules: tuple[str, ...]
    """Today's rules that hit, those in shadow too."""


def rules_of_today() -> Ruleset:
    """Read the rules that are deployed, as they are in the working copy."""
    return RulesFolder(_ROOT / "rules").load()


def rules_of_0_1_0() -> Ruleset:
    """Read the rules that 0.1.0 deployed, from the data that it left behind."""
    with tarfile.open(_OF_0_1_0) as bucket:
        names = {name.rpartition("/")[2]: name for name in bucket.getnames() if "rulesets/live/" in name}
        files = [bucket.extractfile(names[name]) for name in RULESET_FILES]
        return load(*(file.read() for file in files if file))


def go_through(settings: FintechSettings) -> list[RuleSample]:
    """Judge a world, transaction by transaction, with labels when they become known."""
    world = make_fintech_world(settings)
    transactions = [as_transaction(row, number) for number, row in enumerate(world.transactions, start=1)]
    known = {
        truth.transaction_id: KnownOutcome(truth.report.label is Truth.FRAUD, truth.report.labeled_at)
        for truth in world.truths
        if truth.report
    }
    today, earlier = rules_of_today(), rules_of_0_1_0()
    judged: list[RuleSample] = []
    history = judge_history(transactions, known, Judge(today))
    for truth, (transaction, decision) in zip(world.truths, history, strict=True):
        vector = unpack(decision.features)
        truths = today.evaluate(transaction, vector)
        now, before = decide(today, truths), decide(earlier, earlier.evaluate(transaction, vector))
        amount = today.rates.to_base(transaction.amount_minor, transaction.currency, transaction.timestamp)
        judged.append(
            RuleSample(
                pattern=truth.episode if truth.fraud else "",
                kind=truth.trap,
                prepared=bool(truth.episode) and not truth.fraud,
                euros=amount or 0.0,
                before=before.verdict,
                odds_before=before.log_odds,
                now=now.verdict,
                odds=now.log_odds,
                rules=tuple(rule.id for rule, hit in zip(today.rules, truths, strict=True) if hit),
            )
        )
    return judged


def is_live(ruleset: Ruleset, rule_id: str) -> bool:
    """Return whether a rule's hits count."""
    return any(rule.id == rule_id and rule.mode is Mode.LIVE for rule in ruleset.rules)

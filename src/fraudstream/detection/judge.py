"""One transaction and its profiles in, a decision and the profiles after it out: pure, and in one pass.

The analyzer, replay and backtest all judge by this one class.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

from fraudstream.contract import RATES_FILE
from fraudstream.detection.features import codec
from fraudstream.detection.features.compute import Calendar, compute
from fraudstream.detection.features.own import inputs
from fraudstream.detection.learning import learn_transaction
from fraudstream.detection.profiles.profile import Profile
from fraudstream.detection.rules.lists import ListedEntities, listed_as
from fraudstream.detection.rules.ruleset import Ruleset
from fraudstream.detection.scoring import decide
from fraudstream.transactions.decisions.decision import Decision, Reason
from fraudstream.transactions.transaction import AuthorizationResult, Transaction

NOBODY: Final[ListedEntities] = MappingProxyType({})
NO_EXCHANGE_RATE: Final = Reason(code="NO_EXCHANGE_RATE", source=RATES_FILE)


def judged_without(
    keys: Iterable[str], *, damaged: Collection[str], newer: Collection[str], unreadable_lists: Collection[str]
) -> list[Reason]:
    """Return reasons that tell which profiles and lists a transaction is judged without.

    Args:
        keys: of its entities' profiles.
        damaged: keys of profiles that could not be read.
        newer: keys of profiles that a newer version of this code has written.
        unreadable_lists: keys of entities of which nobody knows on which lists they are.
    """
    missing = {"PROFILE_DAMAGED": damaged, "PROFILE_NEWER": newer, "LIST_UNREADABLE": unreadable_lists}
    keys = tuple(keys) if any(missing.values()) else ()
    return [Reason(code=code, source=key) for code, affected in missing.items() for key in keys if key in affected]


class Judgement(NamedTuple):
    """What judging a transaction gives."""

    decision: Decision
    profiles: dict[str, Profile]
    """The profiles that it changes, by key."""
    seen: bool
    """The customer's profile had learnt it before, or is too new to know: it may have been decided already."""
    only_model: bool
    """The live model alone flagged it: see `models.breaker`."""


class Judge:
    """Judges by one ruleset."""

    def __init__(
        self,
        ruleset: Ruleset,
        calendar: Calendar | None = None,
        on_shadow_error: Callable[[Exception], None] | None = None,
        *,
        holds_model_back: bool = False,
    ) -> None:
        """Keep what to judge by.

        Args:
            ruleset: rules, rates, lists and models.
            calendar: what hours and the delay of labels refer to.
            on_shadow_error: is called when the shadow model could not score; the decision does without it.
            holds_model_back: the live model has lost its power to decline.
        """
        self.ruleset = ruleset
        self._calendar = calendar or Calendar()
        self._on_shadow_error = on_shadow_error
        self._holds_model_back = holds_model_back

    def judge(
        self,
        transaction: Transaction,
        profiles: Mapping[str, Profile],
        decided_at: int,
        *,
        undecided: bool = False,
        learnt: Collection[str] = (),
        known_fraud: bool = False,
        notes: Sequence[Reason] = (),
        listed: ListedEntities = NOBODY,
    ) -> Judgement:
        """Judge a transaction by its past without itself.

        Args:
            transaction: what to judge; `events.check` must accept it.
            profiles: the profiles before it, by key; an entity without one is new.
            decided_at: epoch milliseconds.
            undecided: it is known to have no decision yet, so that it counts even where profiles cannot tell it from an
                old one.
            learnt: keys of profiles that are known to have learnt it.
            known_fraud: profiles have learnt its label, which says so.
            notes: reasons that tell what it is judged without.
            listed: the listed ones among its entities.
        """
        rates = self.ruleset.rates
        amount = rates.to_base(transaction.amount_minor, transaction.currency, transaction.timestamp)
        learned = learn_transaction(
            transaction,
            profiles,
            amount,
            reporting_threshold=rates.reporting_threshold,
            label_delay_days=self._calendar.label_delay_days,
            undecided=undecided,
            learnt=learnt,
            known_fraud=known_fraud,
        )
        packed = codec.pack(compute(transaction, learned.views, amount, self._calendar))
        vector = codec.unpack(packed)
        lists = listed_as(transaction, listed, self.ruleset.lists.names)
        truths = self.ruleset.evaluate(transaction, vector, lists)
        seen = inputs(vector, transaction) if any(self.ruleset.models) else vector
        outside_share = self.ruleset.outside_share(transaction.customer_id)
        outcome = decide(self.ruleset, truths, seen, outside_share, holds_model_back=self._holds_model_back)
        if outcome.shadow_error is not None and self._on_shadow_error is not None:
            self._on_shadow_error(outcome.shadow_error)
        live, shadow = self.ruleset.models
        decision = Decision(
            decision=outcome.verdict,
            score=outcome.score,
            reasons=(*outcome.reasons, *(() if amount is not None else (NO_EXCHANGE_RATE,)), *notes),
            features=packed,
            unevaluable_rules=outcome.unevaluable,
            shadow_hits=outcome.shadow_hits,
            probability=outcome.probability,
            ruleset_version=self.ruleset.version,
            model_version=live.version if live else None,
            shadow_model=shadow.version if shadow else None,
            shadow_score=outcome.shadow_score,
            listed_as=lists,
            decided_at=decided_at,
        )
        # What its issuer declined costs nobody anything, and no training knows what it would have been.
        is_open = transaction.authorization_result != AuthorizationResult.DECLINED
        return Judgement(decision, learned.changed, learned.seen, only_model=outcome.only_model and is_open)

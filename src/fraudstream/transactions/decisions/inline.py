"""The inline decision: what a client that waits is answered at once, and what is stored of it.

The analyzer judges every transaction again, in its order and with the newest profiles, and its decision stays the
record. So a transaction's item has one attribute `inline`, which nothing takes for the decision: a map with what was
answered, or a text that says why nothing was.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Annotated, Any, Protocol

import msgspec
from msgspec import Meta

from fraudstream.transactions.decisions.decision import Decision, Verdict
from fraudstream.transactions.decisions.sca import ScaAdvice
from fraudstream.transactions.storage.attributes import AttributeValue, Item, from_attribute, to_attribute
from fraudstream.transactions.transaction import Transaction

INLINE_ATTRIBUTE = "inline"


class InlineFallback(StrEnum):
    """Why a client that waited got no decision."""

    SLOW = "SLOW"
    """The budget was used up."""
    NO_PROFILES = "NO_PROFILES"
    """The profiles could not be read."""
    NO_RULESET = "NO_RULESET"
    """The ruleset or a model could not be read."""
    FAILED = "FAILED"
    """Judging failed."""


class InlineDecision(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What was decided while the client waited; it never changes."""

    decision: Verdict
    score: Annotated[int, Meta(description="0 to 100.")]
    reason_codes: Annotated[tuple[str, ...], Meta(description="Strongest first.")] = ()
    ruleset_version: str
    model_version: Annotated[str | None, Meta(description="null when rules decided alone.")] = None
    decided_at: Annotated[int, Meta(description="Epoch milliseconds.")]
    sca_advice: Annotated[
        ScaAdvice | msgspec.UnsetType,
        Meta(description="Whether strong customer authentication may be left out; only where the settings ask for it."),
    ] = msgspec.UNSET


InlineResult = InlineDecision | str
"""A decision, or why there is none: an `InlineFallback`, or what a newer version of this code calls it."""


class InlineAttempt(Protocol):
    """One inline decision in the making."""

    def result(self, transaction: Transaction) -> InlineResult:
        """Return what came of it, no later than its budget allows; nothing is raised."""
        ...

    def close(self) -> None:
        """Wait until nothing of it is under way any more."""
        ...


class InlineDecider(Protocol):
    """Decides while the client waits."""

    def prepare(self) -> None:
        """Read what every decision needs, before anybody waits."""
        ...

    def attempt(self, transaction: Transaction, seconds: float) -> InlineAttempt:
        """Begin to read what is needed to judge a transaction; the attempt must be closed.

        Args:
            transaction: what to judge.
            seconds: how long the client is ready to wait.
        """
        ...


class FailedAttempt:
    """An attempt that could not even begin."""

    def result(self, transaction: Transaction) -> InlineResult:  # noqa: ARG002  (as every attempt)
        """Return that it failed."""
        return InlineFallback.FAILED

    def close(self) -> None:
        """Do nothing: nothing is under way."""


class LazyDecider:
    """Loads what judging needs when the first client waits: a function that nobody waits for starts without it."""

    def __init__(self, load: Callable[[], InlineDecider], on_failure: Callable[[Exception], None]) -> None:
        """Begin with nothing loaded.

        Args:
            load: returns what judges; may take seconds.
            on_failure: called with the error where loading, or the beginning of an attempt, fails.
        """
        self._load = load
        self._on_failure = on_failure
        self._decider: InlineDecider | None = None

    def prepare(self) -> None:
        """Load it now, and read what every decision needs; nothing is raised."""
        try:
            self._loaded().prepare()
        except Exception as error:  # noqa: BLE001  (the next attempt tries again)
            self._on_failure(error)

    def attempt(self, transaction: Transaction, seconds: float) -> InlineAttempt:
        """Begin an attempt; see `InlineDecider`. One that fails at once is an attempt too, and nothing is raised."""
        try:
            return self._loaded().attempt(transaction, seconds)
        except Exception as error:  # noqa: BLE001  (whatever it is, the transaction must be stored)
            self._on_failure(error)
            return FailedAttempt()

    def _loaded(self) -> InlineDecider:
        self._decider = self._decider or self._load()
        return self._decider


def of_decision(decision: Decision, advice: ScaAdvice | None = None) -> InlineDecision:
    """Return what a client is told of a decision that was made while it waited, and of the payment's authentication."""
    return InlineDecision(
        decision=decision.decision,
        score=decision.score,
        reason_codes=tuple(dict.fromkeys(reason.code for reason in decision.reasons)),
        ruleset_version=decision.ruleset_version,
        model_version=decision.model_version,
        decided_at=decision.decided_at,
        sca_advice=msgspec.UNSET if advice is None else advice,
    )


def inline_to_item(result: InlineResult | None) -> Item:
    """Return the attribute that an inline result is stored in; none for a client that did not wait."""
    if result is None:
        return {}
    if not isinstance(result, InlineDecision):
        return {INLINE_ATTRIBUTE: to_attribute(str(result))}
    stored = {name: value for name, value in msgspec.to_builtins(result).items() if value not in (None, ())}
    return {INLINE_ATTRIBUTE: to_attribute(stored)}


def inline_from_item(item: Mapping[str, AttributeValue]) -> InlineResult | None:
    """Read the inline result from a transaction's item or stream image; None if its client did not wait.

    Raises:
        msgspec.ValidationError: the attribute is neither a decision nor a text.
    """
    if INLINE_ATTRIBUTE not in item:
        return None
    stored: Any = from_attribute(item[INLINE_ATTRIBUTE])
    return stored if isinstance(stored, str) else msgspec.convert(stored, InlineDecision)


_STRICTNESS = (Verdict.APPROVE, Verdict.REVIEW, Verdict.DECLINE)


def is_stricter(decision: Verdict, inline: InlineResult | None) -> bool:
    """Return whether a decision asks for more caution than the inline one that was answered before."""
    return isinstance(inline, InlineDecision) and _STRICTNESS.index(decision) > _STRICTNESS.index(inline.decision)

"""Faults put back into the code, one at a time: the experiment must find each, else it counts for nothing."""

import base64
from collections import defaultdict
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final
from unittest import mock

import msgspec

from fraudstream.contract import EntityKind
from fraudstream.detection import batch
from fraudstream.detection.events import OutboundEvent
from fraudstream.detection.profiles.codec import CLOSED_SCHEMA
from fraudstream.detection.profiles.profile import Profile
from fraudstream.detection.profiles.sharded import ShardedProfile
from fraudstream.detection.stores.decisions import outbox
from fraudstream.detection.stores.decisions.alerts import AlertStore
from fraudstream.detection.stores.decisions.store import DecisionStore
from fraudstream.detection.stores.profiles import items as profile_items
from fraudstream.detection.stores.profiles import store as profiles
from fraudstream.detection.stores.profiles.reads import ProfilesUnavailableError
from fraudstream.detection.stores.profiles.store import SHARDS
from fraudstream.transactions.decisions.decision import Decision, Verdict
from fraudstream.transactions.decisions.inline import InlineResult
from fraudstream.transactions.storage import store
from fraudstream.transactions.transaction import Transaction
from proofs.faults import system as experiment
from proofs.faults.kinds import Fault
from proofs.faults.stream import ANALYZER_ATTEMPTS
from proofs.faults.system import System

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import PutTypeDef

Mutation = Callable[[System], AbstractContextManager[object]]


def _without_condition(operation: str, table: str, mark: str) -> Mutation:
    """Drop the condition of a write as it passes the network.

    Args:
        operation: of DynamoDB.
        table: to which it goes.
        mark: what the request holds.
    """

    @contextmanager
    def mutate(system: System) -> Generator[None]:
        def rewrite(sent: str, request: dict[str, Any]) -> dict[str, Any]:
            if (sent, request.get("TableName")) != (operation, table) or mark not in str(request):
                return request
            return {name: value for name, value in request.items() if name != "ConditionExpression"}

        system.network.rewrite = rewrite
        yield

    return mutate


def _patched(target: object, name: str, value: object) -> Mutation:
    return lambda _: mock.patch.object(target, name, value)


@contextmanager
def _without_write_token(system: System) -> Generator[None]:
    """Have transactions stored without what tells their own put from another one."""

    def rewrite(sent: str, request: dict[str, Any]) -> dict[str, Any]:
        if (sent, request.get("TableName")) != ("PutItem", "transactions"):
            return request
        return request | {"Item": {name: value for name, value in request["Item"].items() if name != "writeToken"}}

    system.network.rewrite = rewrite
    yield


@contextmanager
def _lost_answers_unknown(_: System) -> Generator[None]:
    """Restore 0.1.0's fault as a whole: nothing says what an earlier attempt has written."""
    conflict = profiles.WriteConflict(is_uncertain=False)
    with (
        mock.patch.object(profiles, "own_or_conflict", return_value=conflict),
        mock.patch.object(batch, "learnt_with_later", return_value=defaultdict[str, set[str]](set)),
    ):
        yield


@contextmanager
def _people_first(_: System) -> Generator[None]:
    shared, personal = batch.SHARED, batch.PERSONAL
    with mock.patch.multiple(batch, SHARED=personal, PERSONAL=shared):
        yield


def _never_learnt(_: DecisionStore, wanted: list[object]) -> list[None]:
    return [None for _ in wanted]


def _always_undecided(_: DecisionStore, wanted: list[object]) -> list[bool]:
    return [False for _ in wanted]


def _newer_is_damaged(state: bytes, kind: EntityKind | None = None) -> Profile:
    try:
        return _UNPACK(state, kind)
    except profile_items.NewerProfileError:
        raise profile_items.DamagedProfileError from None


def _damage_is_an_error(state: bytes, kind: EntityKind | None = None) -> Profile:
    """Fail as 0.1.0 did: an error that nobody sets aside."""
    try:
        return _UNPACK(state, kind)
    except profile_items.DamagedProfileError:
        raise ProfilesUnavailableError from None


def _learn_from_what_was_read(profile: ShardedProfile, shard: int, _: Profile) -> Profile:
    return profile.shards[shard]


def _learn_nothing(_: ShardedProfile, __: int, stored: Profile) -> Profile:
    return stored


@contextmanager
def _put_apart(system: System, table: str, *, is_first: bool) -> Generator[None]:
    """Have the puts into a table come before or after the decision that they are written together with."""
    decide, dynamodb = DecisionStore.decide, system.network.client("dynamodb")

    def decide_apart(
        self: DecisionStore, transaction: Transaction, decision: Decision, puts: "Sequence[PutTypeDef]"
    ) -> bool:
        apart = [put for put in puts if put["TableName"] == table]
        for put in apart if is_first else ():
            dynamodb.put_item(**put)
        is_own = decide(self, transaction, decision, [put for put in puts if put["TableName"] != table])
        for put in apart if is_own and not is_first else ():
            dynamodb.put_item(**put)
        return is_own

    with mock.patch.object(DecisionStore, "decide", decide_apart):
        yield


def _nothing_failed(*_: object) -> None:
    return None


def _unchanged(transaction: Transaction, **_: object) -> Transaction:
    return transaction


@contextmanager
def _timed_again(_: System) -> Generator[None]:
    """Have a transaction that comes again be of the time of its second receipt."""
    with mock.patch.object(store, "msgspec", SimpleNamespace(structs=SimpleNamespace(replace=_unchanged))):
        yield


def _declined_as_reviewed(
    store: AlertStore, transaction: Transaction, decision: Decision, inline: InlineResult | None = None
) -> "PutTypeDef":
    if decision.decision is Verdict.DECLINE:
        decision = msgspec.structs.replace(decision, decision=Verdict.REVIEW)
    return _OF_DECISION(store, transaction, decision, inline)


def _only_reviews_are_told(*args: Any, **named: Any) -> list[OutboundEvent]:  # noqa: ANN401  (passed on as they are)
    return [event for event in _DECISION_EVENTS(*args, **named) if event.decision != Verdict.DECLINE]


@contextmanager
def _log_is_given_up(system: System) -> Generator[None]:
    with mock.patch.object(system.log, "attempts", ANALYZER_ATTEMPTS):
        yield


_UNPACK: Final = profile_items.unpack
_OF_DECISION: Final = AlertStore.of_decision
_DECISION_EVENTS: Final = outbox.decision_events

_LOST: Final = frozenset({Fault.ANSWER_LOST, Fault.SERVER_ERROR_APPLIED, Fault.APPLIED_TWICE})
_KILLED: Final = frozenset({Fault.KILLED_BEFORE, Fault.KILLED_AFTER})
_AGAIN: Final = frozenset({Fault.DUPLICATED})
_TOGETHER: Final = frozenset({Fault.AT_ONCE})
_NONE: Final = frozenset[Fault]()
_CLOSED: Final = f"'state': {{'B': '{base64.b64encode(bytes([CLOSED_SCHEMA, SHARDS])).decode()[:2]}"
"""How the state of a closed base begins on the wire; other profiles begin with another letter."""


@dataclass(frozen=True)
class FaultPutBack:
    """A fault of the code, and what must happen for it to show."""

    mutate: Mutation
    faults: frozenset[Fault]
    rate: float = 0.05
    share: float = 1
    """Of the transactions of a run that suffice: where functions die often, most of the time goes into trying again."""


MUTATIONS: Final[Mapping[str, FaultPutBack]] = {
    "a profile's own write is taken for a rival's": FaultPutBack(_lost_answers_unknown, _LOST),
    "people's profiles are written before the shared ones": FaultPutBack(_people_first, _KILLED),
    "a profile is written whoever wrote since": FaultPutBack(
        _without_condition("PutItem", "profiles", "#version"), _NONE
    ),
    "a new profile is written whoever wrote since": FaultPutBack(
        _without_condition("PutItem", "profiles", "attribute_not_exists(entity)"), _NONE
    ),
    "a profile is divided as it was read, whoever wrote since": FaultPutBack(
        _without_condition("PutItem", "profiles", _CLOSED), _NONE
    ),
    "a shard is written whoever wrote since": FaultPutBack(
        _patched(ShardedProfile, "learn_again", _learn_from_what_was_read), _NONE
    ),
    "what a shard was to learn is forgotten when it meets another writer": FaultPutBack(
        _patched(ShardedProfile, "learn_again", _learn_nothing), _NONE
    ),
    "a transaction is put over the one that is there": FaultPutBack(
        _without_condition("PutItem", "transactions", "'TXN'"), _NONE
    ),
    "a claim is put over the one that is there": FaultPutBack(
        _without_condition("PutItem", "transactions", "'CLAIM'"), _NONE
    ),
    "a decision is written over the one that is there": FaultPutBack(
        _without_condition("UpdateItem", "transactions", ":decision"), _TOGETHER | _LOST
    ),
    "a transaction's own put is taken for an earlier one": FaultPutBack(_without_write_token, _LOST),
    "what was decided is judged again": FaultPutBack(
        _patched(DecisionStore, "decided", _always_undecided), _AGAIN, 0.2
    ),
    "a label is learnt whether or not it was": FaultPutBack(
        _patched(DecisionStore, "learnt", _never_learnt), _AGAIN, 0.2
    ),
    "an alert is raised before a decision stands": FaultPutBack(
        partial(_put_apart, table="alerts", is_first=True), _KILLED, 0.1, share=0.5
    ),
    "an alert is raised after a decision stands": FaultPutBack(
        partial(_put_apart, table="alerts", is_first=False), _KILLED, 0.1, share=0.5
    ),
    "other systems are told before a decision stands": FaultPutBack(
        partial(_put_apart, table="outbox", is_first=True), _KILLED, 0.1, share=0.5
    ),
    "other systems are told after a decision stands": FaultPutBack(
        partial(_put_apart, table="outbox", is_first=False), _KILLED, 0.1, share=0.5
    ),
    "the alert of a decline says that it is to be reviewed": FaultPutBack(
        _patched(AlertStore, "of_decision", _declined_as_reviewed), _NONE, share=0.5
    ),
    "other systems are not told of a decline": FaultPutBack(
        _patched(outbox, "decision_events", _only_reviews_are_told), _NONE, share=0.5
    ),
    "a damaged profile fails its records": FaultPutBack(
        _patched(profile_items, "unpack", _damage_is_an_error), frozenset({Fault.PROFILE_DAMAGED}), 0.5
    ),
    "a newer profile is taken for a damaged one": FaultPutBack(
        _patched(profile_items, "unpack", _newer_is_damaged), frozenset({Fault.PROFILE_NEWER}), 0.5
    ),
    "a record that failed is not told to Lambda": FaultPutBack(
        _patched(experiment, "first_failure", _nothing_failed), frozenset({Fault.POISON, Fault.AWAY}), 0.05
    ),
    "a transaction that comes again has the time of the clock that it meets": FaultPutBack(
        _timed_again, frozenset({Fault.CLOCK_JUMPED}), 0.5
    ),
    "the log's writer gives a batch up as early as the analyzer": FaultPutBack(
        _log_is_given_up, frozenset({Fault.S3_AWAY}), 1
    ),
}
"""By what they do."""

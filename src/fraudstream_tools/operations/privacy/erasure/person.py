"""What the tables hold of a person."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Final, NamedTuple, cast

from fraudstream.contract import (
    CASE_KIND,
    CASE_PREFIX,
    CLAIM_TIMESTAMP,
    LABEL_PREFIX,
    LISTED_PREFIX,
    EntityKind,
    ItemKind,
)
from fraudstream.durations import DAY
from fraudstream.reporting.log.erasure_marks import ELSEWHERE, ERASED, OWNER
from fraudstream.transactions.storage.attributes import Item
from fraudstream.transactions.storage.reason_tokens import renamed_reasons
from fraudstream_tools.operations.cases.case import ReviewCase, names_any
from fraudstream_tools.operations.erased_names import without_names
from fraudstream_tools.operations.privacy.holds import HOLD_PREFIX
from fraudstream_tools.operations.privacy.system import OWN_ENTITIES, OnStep, PrivacySystem, says_nothing
from fraudstream_tools.operations.privacy.unfinished_changes import CHANGING_PREFIX
from fraudstream_tools.operations.recovery.table_scan import scan

_CLAIM_TIMESTAMP: Final = {"N": str(CLAIM_TIMESTAMP)}
ORIGINAL: Final = "originalTransactionId"
"""The attribute of a refund that names the payment."""

Key = Mapping[str, Any]


class OthersItem(NamedTuple):
    """A transaction of somebody else that names the person."""

    key: Key
    attributes: tuple[str, ...]
    """Those that say that the person is the other side, or name a payment of the person's."""
    reasons: Item | None
    """What is to stand in place of a decision's reasons, where their sources name the person; None: they do not."""


@dataclass
class PersonItems:
    """Items of the tables, by their keys."""

    own: dict[str, Key] = field(default_factory=dict[str, Key])
    """Ids of the person's transactions, with their keys."""
    elsewhere: list[OthersItem] = field(default_factory=list[OthersItem])
    """Transactions of others in which the person is the other side."""
    days: set[date] = field(default_factory=set[date])
    """Days on which any of them were received."""
    oldest: date | None = None
    """The day of the oldest transaction of all that are stored."""
    entities: dict[str, EntityKind] = field(default_factory=dict[str, EntityKind])
    """Tokens of what is the person's alone, the person's own among them."""
    profiles: list[str] = field(default_factory=list[str])
    """Keys in the table of profiles, other than marks and holds."""
    alerts: list[str] = field(default_factory=list[str])
    """Ids of transactions with alerts, and keys of cases."""
    other_cases: list[str] = field(default_factory=list[str])
    """Ids of cases of others that name the person's transactions or tokens, as where a card was shared."""
    named_in_lists: list[str] = field(default_factory=list[str])
    """Keys of others' entries of lists whose reasons name them: two people may have approved them as they are."""
    unreadable: list[str] = field(default_factory=list[str])
    """Keys of what stands where cases are and is none, and names them."""
    events: list[Key] = field(default_factory=list[Key])
    """Keys of events in the outbox."""

    @property
    def names(self) -> AbstractSet[str]:
        """Ids of the person's transactions, and tokens of what is the person's alone."""
        return self.own.keys() | self.entities.keys()

    @property
    def count(self) -> int:
        """How many items there are."""
        return (
            len(self.own)
            + len(self.elsewhere)
            + len(self.profiles)
            + len(self.alerts)
            + len(self.other_cases)
            + len(self.events)
        )


def find_items(
    system: PrivacySystem, persons: AbstractSet[str], until: int, on_step: OnStep = says_nothing
) -> PersonItems:
    """Search the tables for a person; each is read whole, the one of transactions twice.

    Args:
        system: the stores.
        persons: the tokens that the person has.
        until: what was received later is new, and left alone; epoch milliseconds.
        on_step: takes the name of each table that is searched, and how many of its items were.

    Raises:
        ClientError: AWS refused.
        BotoCoreError: AWS cannot be reached.
    """
    found = PersonItems(entities=dict.fromkeys(persons, EntityKind.CUSTOMER))
    used: dict[str, EntityKind] = {}
    oldest = until
    names = {EntityKind.CUSTOMER.key(token) for token in persons}
    names |= {f"{CASE_PREFIX}{name}" for name in names}

    def note_transaction(item: Item) -> None:
        nonlocal oldest
        received_at = _received_at(item)
        if received_at is None:
            return
        oldest = min(oldest, received_at)
        if received_at <= until:
            _note(found, used, item, received_at, persons)

    _search(system, system.transactions, note_transaction, on_step)
    found.oldest = _day(oldest)
    found.entities |= {token: used[token] for token in _look_at_others(system, found, used, persons, on_step)}
    _search(system, system.profiles, lambda item: _note_profile(found, item), on_step)
    _search(system, system.alerts, lambda item: _note_alert(found, item, names, until), on_step)
    if system.outbox is not None:
        _search(system, system.outbox, lambda item: _note_event(found, item, persons, until), on_step)
    return found


def _search(system: PrivacySystem, table: str, note: Callable[[Item], None], on_step: OnStep) -> None:
    """Read a whole table, and pass on its items one at a time."""
    done, lock = 0, threading.Lock()

    def on_page(_: int, page: Sequence[Item]) -> None:
        nonlocal done
        with lock:
            for item in page:
                note(item)
            done += len(page)
            on_step(f"searching {table}", done, None)

    on_step(f"searching {table}", 0, None)
    scan(system.dynamodb, table, on_page)


def _note_profile(found: PersonItems, item: Item) -> None:
    """Note what is the person's, and others' entries of lists that name the person."""
    if _is_profile_of(item, found.entities):
        found.profiles.append(item["entity"]["S"])
    elif item["entity"]["S"].startswith(LISTED_PREFIX) and _names(item, found.names):
        found.named_in_lists.append(item["entity"]["S"])


def _note_alert(found: PersonItems, item: Item, keys: AbstractSet[str], until: int) -> None:
    """Note what is the person's, also that a label waits, and another's case if it names them."""
    name = item["transactionId"]["S"]
    is_older = _whole(item.get("createdAt")) <= until
    if name.removeprefix(LABEL_PREFIX) in found.own or (is_older and item.get("entity", {}).get("S") in keys):
        found.alerts.append(name)
    elif item.get("kind") == {"S": CASE_KIND}:
        case = ReviewCase.from_item(item)
        if case is None and _names(item, found.names):
            found.unreadable.append(name)
        elif case is not None and names_any(case, found.names):
            found.other_cases.append(name.removeprefix(CASE_PREFIX))


def _note_event(found: PersonItems, item: Item, persons: AbstractSet[str], until: int) -> None:
    """Note an event if the person is in it."""
    is_older = _whole(item.get("eventTime")) <= until
    if item["transactionId"]["S"] in found.own or (is_older and item.get("customerId", {}).get("S") in persons):
        found.events.append({name: item[name] for name in ("transactionId", "eventId")})


def _note(
    found: PersonItems, used: dict[str, EntityKind], item: Item, received_at: int, persons: AbstractSet[str]
) -> None:
    """Note a transaction if the person is in it."""
    key = {name: item[name] for name in ("transactionId", "timestamp")}
    attributes = tuple(name for name in ELSEWHERE if item.get(name, {}).get("S") in persons)
    reasons = renamed_reasons(item, dict.fromkeys(persons, ERASED))
    if item.get(OWNER, {}).get("S") in persons:
        found.own[item["transactionId"]["S"]] = key
        used.update({item[name]["S"]: kind for name, kind in OWN_ENTITIES.items() if "S" in item.get(name, {})})
    elif attributes or reasons:
        found.elsewhere.append(OthersItem(key, attributes, reasons))
    else:
        return
    found.days.add(_day(received_at))


def _look_at_others(
    system: PrivacySystem,
    found: PersonItems,
    used: Mapping[str, EntityKind],
    persons: AbstractSet[str],
    on_step: OnStep,
) -> AbstractSet[str]:
    """Note what others have got back of a person's payments.

    Returns:
        Those of the person's cards, devices and addresses that no transaction of anybody else has.
    """
    shared: set[str] = set()

    def look(item: Item) -> None:
        if item.get(OWNER, {}).get("S") in persons:
            return
        shared.update(token for name in OWN_ENTITIES if (token := item.get(name, {}).get("S")) in used)
        if item.get(ORIGINAL, {}).get("S") in found.own:
            key = {name: item[name] for name in ("transactionId", "timestamp")}
            found.elsewhere.append(OthersItem(key, (ORIGINAL,), None))

    if found.own:
        _search(system, system.transactions, look, on_step)
    return used.keys() - shared


def _names(item: Item, names: AbstractSet[str]) -> bool:
    return any(without_names(text, names) != text for text in _texts(item))


def _texts(value: Any) -> Iterator[str]:  # noqa: ANN401  (an attribute may hold anything)
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in cast("Mapping[str, Any]", value).values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in cast("list[Any]", value):
            yield from _texts(each)


def _is_profile_of(item: Item, entities: Mapping[str, EntityKind]) -> bool:
    key: str = item["entity"]["S"]
    if key.startswith((HOLD_PREFIX, CHANGING_PREFIX)) or ("erasedAt" in item and "state" not in item):
        return False
    # Copies of damaged profiles and entries of lists have a token somewhere in their keys.
    return not entities.keys().isdisjoint(key.split("#"))


def _received_at(item: Item) -> int | None:
    """Return when a transaction was received; None for a claim."""
    if item.get("kind") == {"S": ItemKind.CLAIM.value} or item.get("timestamp") == _CLAIM_TIMESTAMP:
        return None
    return _whole(item.get("receivedAt"))


def _whole(attribute: Mapping[str, Any] | None) -> int:
    """Return a whole number, which may be stored as a text; 0 for anything else."""
    digits = str(next(iter(attribute.values()), "")) if attribute else ""
    return int(digits) if digits.isdecimal() else 0


def _day(moment: int) -> date:
    return datetime.fromtimestamp(moment // DAY * DAY / 1000, UTC).date()

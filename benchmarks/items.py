"""Measures what stored items take of DynamoDB's write units: `make bench-items`.

What 0.1.0 stored of the sample day (`tests/golden/0.1.0`: the customers who meet with fraud, and one in four of the
others) is sized as it is there, and in today's forms with all that is to come: 16 more features, the decision that is
given inline, the write's token, and 100 more bytes of a customer's profile. Of the new features half are counts and
half are coarse numbers; each is missing, 0 or something as often as the features of today are in the same vector. Ids
of rules are also tried in words that the dictionary does not have, as if all rules were the user's own. And all
transactions are judged once more, by today's rules and with today's features, which are more than those of 0.1.0: what
a new feature takes is seen there alone.

Times are of this process's processor, for the same vectors, decisions and profiles in the forms of 0.1.0 (of profiles,
with the checksum that came after it) and of today, in turns, the best of several. The last line printed is JSON.
"""

import argparse
import base64
import codecs
import gc
import gzip
import json
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from benchmarks.items_of_0_1_0 import (
    pack_decision,
    pack_profile_with_checksum,
    pack_vector,
    unpack_vector,
)
from fraudstream.detection.features.codec import VectorCodec, pack, unpack
from fraudstream.detection.features.registry import DECLARED, FEATURES, NAMES, SCHEMA, Feature, Form
from fraudstream.detection.judge import Judge
from fraudstream.detection.profiles import codec
from fraudstream.detection.rules.ruleset import Ruleset
from fraudstream.detection.stores.profiles.items import TOKEN_BYTES, TOKENS_KEPT
from fraudstream.transactions.decisions.decision import Decision
from fraudstream.transactions.decisions.inline import inline_to_item, of_decision
from fraudstream.transactions.storage.attributes import AttributeValue, Item
from fraudstream.transactions.transaction import Transaction
from fraudstream_tools.lab.replay.history import judge_history
from fraudstream_tools.rules.folder import RulesFolder

_ROOT: Final = Path(__file__).resolve().parents[1]
STORED = _ROOT / "tests" / "golden" / "0.1.0"
RULES: Final = _ROOT / "rules"
WRITE_UNIT = 1024
NEW_FEATURES = 16
NEW_PROFILE_BYTES = 100
PROFILES = 5
"""Of a transaction: customer, card, merchant, terminal or device and address."""
WRITE_TOKEN: Final[Item] = {"writeToken": {"B": bytes(8)}}

_TO_COME: Final = tuple(
    Feature(f"toCome{number}", Form.COUNT if number % 2 else Form.COARSE, "to come", SCHEMA + 1)
    for number in range(NEW_FEATURES)
)
_OF_FORM: Final = {
    form: [place for place, feature in enumerate(FEATURES) if feature.form is form]
    for form in (Form.COUNT, Form.COARSE)
}


class Stored(NamedTuple):
    """What 0.1.0 stored."""

    transactions: list[Item]
    profiles: list[Item]
    decisions: list[Decision]


class Taken(NamedTuple):
    """Processor time of the same work in two forms, microseconds each."""

    before: float
    after: float

    @property
    def ratio(self) -> float:
        """Return by how much the work takes longer; less than 1: it is quicker."""
        return round(self.after / self.before, 2)


def read_stored() -> Stored:
    """Read the golden data."""
    transactions = [item for item in _items("transactions") if "decision" in item]
    decisions = [decision for item in transactions if (decision := Decision.from_item(item))]
    return Stored(transactions, _items("profiles"), decisions)


def _items(name: str) -> list[Item]:
    lines = gzip.decompress((STORED / f"{name}.jsonl.gz").read_bytes()).splitlines()
    # Bytes are in base64 there.
    return [
        {name: {"B": base64.b64decode(value["B"])} if "B" in value else value for name, value in item.items()}
        for item in map(json.loads, lines)
    ]


def item_size(item: Mapping[str, AttributeValue]) -> int:
    """Return an item's bytes as DynamoDB counts them (developer guide: "DynamoDB item sizes and formats")."""
    return sum(len(name.encode()) + _value_size(value) for name, value in item.items())


def _value_size(attribute: AttributeValue) -> int:
    ((kind, value),) = attribute.items()
    match kind:
        case "S":
            return len(value.encode())
        case "N":
            digits = value.lstrip("-").replace(".", "").strip("0")
            return (len(digits) + 1) // 2 + 1 + value.startswith("-")
        case "B":
            return len(value)
        case "L":
            return 3 + sum(1 + _value_size(each) for each in value)
        case "M":
            return 3 + sum(1 + len(name.encode()) + _value_size(each) for name, each in value.items())
        case _:
            return 1


def transaction_to_come(item: Item, decision: Decision, *, own_ids: bool) -> Item:
    """Return a transaction's item of 0.1.0 in today's form, with what is to come."""
    vector = unpack(decision.features)
    values = dict(zip(NAMES, vector, strict=True))
    # Places that go round: the new features are as often missing and 0 as those of their form are.
    places = {form: cycle(found[len(item) % len(found) :] + found) for form, found in _OF_FORM.items()}
    new = {feature.name: vector[next(places[feature.form])] for feature in _TO_COME}
    ids = decision.unevaluable_rules
    decision = msgspec.structs.replace(
        decision,
        features=VectorCodec((*DECLARED, *_TO_COME)).pack(values | new),
        unevaluable_rules=tuple(codecs.encode(each, "rot13") for each in ids) if own_ids else ids,
    )
    # The model of 0.1.0's data is a shadow; it is counted here as one that decides.
    inline = of_decision(msgspec.structs.replace(decision, model_version=decision.shadow_model))
    written = decision.to_item() | inline_to_item(inline) | WRITE_TOKEN
    return {name: value for name, value in item.items() if name not in {"features", "unevaluableRules"}} | written


def judged_today(stored: Stored, ruleset: Ruleset) -> list[tuple[Item, Decision]]:
    """Return the transactions with what is decided of them now, in their order; the shadow model is that of then."""
    before = {
        item["transactionId"]["S"]: (item, decision)
        for item, decision in zip(stored.transactions, stored.decisions, strict=True)
    }
    transactions = sorted(map(Transaction.from_item, stored.transactions), key=lambda each: each.received_at)
    return [
        (item, msgspec.structs.replace(now, shadow_model=then.shadow_model, shadow_score=then.shadow_score))
        for transaction, now in judge_history(transactions, {}, Judge(ruleset))
        for item, then in [before[transaction.transaction_id]]
    ]


def profile_to_come(item: Item) -> int:
    """Return the size of a profile's item of 0.1.0 in today's form, with what is to come."""
    state = codec.pack(codec.unpack(item["state"]["B"]))
    new = bytes(NEW_PROFILE_BYTES) if item["entity"]["S"].startswith("customer#") else b""
    return item_size(item | {"state": {"B": state + new}, "writes": {"B": bytes(TOKENS_KEPT * TOKEN_BYTES)}})


def show(name: str, sizes: Sequence[int]) -> float:
    """Print how sizes are spread, in bytes and write units; return the share of those within one unit."""
    ordered = sorted(sizes)
    parts = ", ".join(
        f"{share:.0%} {ordered[min(int(share * len(ordered)), len(ordered) - 1)]:,}" for share in (0.5, 0.95, 1)
    )
    units = Counter(-(-size // WRITE_UNIT) for size in sizes)
    spread = ", ".join(f"{number}: {count / len(sizes):.2%}" for number, count in sorted(units.items()))
    print(f"{name:<46} bytes {parts}; write units {spread}")
    return round(units[1] / len(sizes), 4)


def compare(before: Callable[[], object], after: Callable[[], object], count: int, rounds: int) -> Taken:
    """Time two ways of the same work, in turns."""
    best = [float("inf"), float("inf")]
    for _ in range(rounds):
        for place, work in enumerate((before, after)):
            started = time.process_time()
            work()
            best[place] = min(best[place], (time.process_time() - started) / count * 1e6)
    return Taken(*(round(each, 2) for each in best))


def measure_times(stored: Stored, rounds: int) -> Mapping[str, Taken]:
    """Time what is written and read back, for one vector, decision and profile of each form."""
    vectors = [dict(zip(NAMES, unpack(each.features), strict=True)) for each in stored.decisions]
    old_vectors, new_vectors = [*map(pack_vector, vectors)], [*map(pack, vectors)]
    new_decisions = [
        msgspec.structs.replace(each, features=packed)
        for each, packed in zip(stored.decisions, new_vectors, strict=True)
    ]
    profiles = [codec.unpack(item["state"]["B"]) for item in stored.profiles]
    old_profiles, new_profiles = [*map(pack_profile_with_checksum, profiles)], [*map(codec.pack, profiles)]
    old_items, new_items = [*map(pack_decision, stored.decisions)], [each.to_item() for each in new_decisions]

    def over(work: Callable[[Any], object], values: Sequence[object]) -> Callable[[], object]:
        return lambda: [work(value) for value in values]

    return {
        "vector_pack": compare(over(pack_vector, vectors), over(pack, vectors), len(vectors), rounds),
        "vector_unpack": compare(over(unpack_vector, old_vectors), over(unpack, new_vectors), len(vectors), rounds),
        "decision_pack": compare(
            over(pack_decision, stored.decisions), over(Decision.to_item, new_decisions), len(vectors), rounds
        ),
        "decision_unpack": compare(
            over(Decision.from_item, old_items), over(Decision.from_item, new_items), len(vectors), rounds
        ),
        "profile_pack": compare(
            over(pack_profile_with_checksum, profiles), over(codec.pack, profiles), len(profiles), rounds
        ),
        "profile_unpack": compare(
            over(codec.unpack, old_profiles), over(codec.unpack, new_profiles), len(profiles), rounds
        ),
    }


def main() -> None:
    """Measure, and print what it came to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="times that each work is timed")
    asked = parser.parse_args()
    stored = read_stored()
    pairs = list(zip(stored.transactions, stored.decisions, strict=True))
    ruleset = RulesFolder(RULES).load()
    judged = judged_today(stored, ruleset)
    customers = [item for item in stored.profiles if item["entity"]["S"].startswith("customer#")]
    shares = {
        "transactions_before": show("transactions of 0.1.0", [*map(item_size, stored.transactions)]),
        "transactions_after": show(
            "transactions with what is to come",
            [item_size(transaction_to_come(item, decision, own_ids=False)) for item, decision in pairs],
        ),
        "transactions_after_own_ids": show(
            "the same, with ids of rules that nobody knows",
            [item_size(transaction_to_come(item, decision, own_ids=True)) for item, decision in pairs],
        ),
        "transactions_after_rules_of_today": show(
            "the same, judged by today's rules",
            [item_size(transaction_to_come(item, each, own_ids=False)) for item, each in judged],
        ),
        "customers_before": show("customers' profiles of 0.1.0", [*map(item_size, customers)]),
        "customers_after": show("customers' profiles with what is to come", [*map(profile_to_come, customers)]),
        "profiles_before": show("all profiles of 0.1.0", [*map(item_size, stored.profiles)]),
        "profiles_after": show("all profiles with what is to come", [*map(profile_to_come, stored.profiles)]),
    }
    gc.disable()
    times = measure_times(stored, asked.rounds)
    for name, taken in times.items():
        print(f"{name:<46} {taken.before} µs before, {taken.after} µs now: {taken.ratio} times")
    # A transaction's vector is packed and read once, its decision written and read, and each of its profiles.
    total = [
        sum(taken[place] * (PROFILES if name.startswith("profile") else 1) for name, taken in times.items())
        for place in (0, 1)
    ]
    result = {
        "transactions": len(pairs),
        "profiles": len(stored.profiles),
        "share_within_one_write_unit": shares,
        "time_ratio": {name: taken.ratio for name, taken in times.items()},
        "time_ratio_of_a_transaction": round(total[1] / total[0], 2),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()

"""Sound inputs, of which hostile ones are made."""

import base64
import gzip
import json
from pathlib import Path
from typing import Any, Final

import msgspec
import yaml

from fraudstream.contract import EntityKind, ItemKind
from fraudstream.detection.features.codec import VectorCodec
from fraudstream.detection.features.registry import DECLARED, NAMES
from fraudstream.detection.models import model
from fraudstream.detection.profiles.codec import pack
from fraudstream.detection.profiles.events import NO_COUNTRY, NO_PEER, NO_PLACE, Event
from fraudstream.detection.profiles.layout import LAYOUTS
from fraudstream.detection.profiles.profile import LabelChange, Profile
from fraudstream.reporting.log.segments import cut
from fraudstream.transactions.api.openapi import EXAMPLE
from fraudstream.transactions.decisions.decision import Decision, Label, Truth, Verdict
from fraudstream.transactions.storage.attributes import Item
from fraudstream.transactions.transaction import Transaction, TransactionType

_ROOT: Final = Path(__file__).parents[2]
_AT: Final = 1_795_338_000_000
_HOUR: Final = 3_600_000

REQUEST: Final[dict[str, Any]] = {**EXAMPLE, "timestamp": _AT}

_SHIPPED: Final = yaml.safe_load((_ROOT / "rules/ruleset.yaml").read_text())
RULESET: Final[dict[str, Any]] = {
    **_SHIPPED,
    "rules": [
        *[rule for rule in _SHIPPED["rules"] if "listed" not in rule["when"]][:3],
        {
            "id": "blocked",
            "description": "blocked",
            "when": 'listed("blocked") and amountBase > limit and currency in currencies',
            "decision": "DECLINE",
            "reasonCode": "BLOCKED",
            "severity": "high",
            "source": "own",
            "parameters": {"limit": 10, "currencies": ["EUR", "USD"]},
        },
    ],
}
RATES: Final = {
    "baseCurrency": "EUR",
    "rates": [{"validFrom": "2026-01-01", "perBase": {"USD": 1.1}}],
    "reportingThreshold": 1000,
}
LISTS: Final = {"blocked": {"card": [f"tok_{'a' * 22}", {"token": f"tok_{'b' * 22}", "until": "2026-12-31"}], "ip": []}}
BESIDE_THE_RULESET: Final = (json.dumps(RATES).encode(), json.dumps(LISTS).encode())
SMALL_RULESET: Final = json.dumps({**RULESET, "rules": []}).encode()


def _small_model() -> dict[str, Any]:
    file = msgspec.json.decode((_ROOT / "models/default.json").read_bytes(), type=model.ModelFile)
    small = msgspec.structs.replace(file, trees=file.trees[:2], distributions=dict([*file.distributions.items()][:2]))
    return json.loads(model.seal(small).to_json())


MODEL: Final = _small_model()

MAP: Final = b"""
file: {separator: ",", header_line: 1}
fields:
  transactionId: id
  customerId: {column: customer}
  amountMinor: {column: amount, unit: major}
  currency: {value: EUR}
  type: {value: PAYMENT}
  timestamp: {column: time, zone: UTC}
ignore: [note]
"""
CSV: Final = b"""id,customer,amount,time,note
t-1,c-1,12.50,2026-11-22T09:00:00Z,zq7 Unmistakable
t-2,4111 1111 1111 1111,1,2026-11-22T09:00:01Z,
"""


def _profile(kind: EntityKind, events: int) -> bytes:
    layout = LAYOUTS[kind]
    profile = Profile.new(kind)
    peer = 9 if len(layout.event) > len("QIIBI") else NO_PEER
    detailed = (7, 4000, 1000) if layout.detailed else (NO_COUNTRY, NO_PLACE, NO_PLACE)
    for number in range(events):
        event = Event(_AT + number * _HOUR, number, 100 + number, number % 4, number + 1, peer, *detailed)
        profile = profile.after(event)
        if number % 5 == 0:
            profile = profile.after_label(LabelChange(_AT + number * _HOUR, number), event, 1)
    return pack(profile)


PROFILES: Final = tuple(_profile(kind, events) for kind in EntityKind for events in (0, 3, 40))
VECTOR: Final = VectorCodec(DECLARED).pack({name: float(place % 3) for place, name in enumerate(NAMES)})


def _stored() -> Item:
    transaction = Transaction(
        transaction_id="t-1",
        timestamp=_AT,
        received_at=_AT,
        amount_minor=1250,
        currency="EUR",
        type=TransactionType.PAYMENT,
        customer_id=f"tok_{'c' * 22}",
        card_token=f"tok_{'d' * 22}",
        metadata={"shelf": "A7"},
    )
    return {**transaction.to_item(), "kind": {"S": ItemKind.TRANSACTION.value}}


_DECISION: Final = Decision(
    decision=Verdict.REVIEW,
    score=40,
    reasons=(),
    features=VECTOR,
    listed_as=(),
    ruleset_version="abcdef123456",
    decided_at=_AT + 9,
)
_LABEL: Final = Label(label=Truth.FRAUD, label_source="analyst", labeled_at=_AT + _HOUR)
_DECIDED: Final = {**_stored(), **_DECISION.to_item()}


def _record(number: int, new: Item, old: Item | None) -> dict[str, Any]:
    # As Lambda sends it: binary in base64.
    event = {
        "eventID": f"{number:032x}",
        "eventName": "MODIFY" if old else "INSERT",
        "dynamodb": {
            "ApproximateCreationDateTime": _AT / 1000 + number,
            "Keys": {name: new[name] for name in ("transactionId", "timestamp")},
            "NewImage": new,
            "SequenceNumber": f"{number:021d}",
        }
        | ({"OldImage": old} if old else {}),
    }
    return json.loads(json.dumps(event, default=lambda binary: base64.b64encode(binary).decode()))


RECORDS: Final = (
    _record(1, _stored(), None),
    _record(2, _DECIDED, _stored()),
    _record(3, {**_DECIDED, **_LABEL.to_item()}, _DECIDED),
)
SEGMENT: Final = cut(RECORDS, "decision-log/").segments[0].body
LINES: Final = tuple(json.loads(line) for line in gzip.decompress(SEGMENT).splitlines())
NOTE: Final = {
    "schemaVersion": 1,
    "hour": "2026-11-22T09",
    "revision": 1,
    "segments": 1,
    "segmentsDigest": "0" * 64,
    "lines": 3,
    "newest": _AT,
    "files": {"decision-log/hours/date=2026-11-22/hour=09/received=2026-11-22.parquet": "0" * 64},
}

KEY: Final = base64.b64encode(bytes(range(32))).decode()
"""A token key that protects nothing."""
QUESTION: Final = {
    "identifiers": [{"kind": "customer", "value": "c-1"}, {"kind": "ip", "value": "198.51.100.7"}],
    "tokens": [f"tok_{'a' * 22}"],
    "payloadHashes": ["a" * 22],
}

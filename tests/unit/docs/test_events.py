"""`docs/events.md` and its schema are those of the code."""

import re
from pathlib import Path

import msgspec

from fraudstream.contract import EVENT_FIELDS, EventType
from fraudstream.detection.events import OutboundEvent

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "events.md").read_text()


def test_the_schema_is_the_events() -> None:
    schema = msgspec.json.encode(msgspec.json.schema(OutboundEvent))
    written = (DOCS / "event.schema.json").read_bytes()
    assert msgspec.json.decode(written) == msgspec.json.decode(schema), "write it anew: make openapi"


def test_the_pipes_send_every_field_in_its_order() -> None:
    assert tuple(field.encode_name for field in msgspec.structs.fields(OutboundEvent)) == EVENT_FIELDS


def test_the_example_is_an_event_with_every_field() -> None:
    (example,) = re.findall(r"```json\n(.+?)```", PAGE, re.DOTALL)
    assert msgspec.json.decode(example, type=OutboundEvent).event_type is EventType.TRANSACTION_FLAGGED
    assert tuple(msgspec.json.decode(example)) == EVENT_FIELDS


def test_every_type_is_described() -> None:
    assert re.findall(r"^\| `([A-Z_]+)` \|", PAGE, re.MULTILINE) == list(EventType)

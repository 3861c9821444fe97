"""A planted value is found in every form in which a system could keep it."""

import base64
import gzip
import io
import json
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fraudstream.transactions.card_numbers.detector import holds_card_number
from fraudstream.transactions.card_numbers.iban import holds_iban
from proofs.privacy.marks import Marks
from proofs.running.stored import readable

KINDS = ("name", "email", "street", "plain", "telephone", "account", "address", "card")


def planted(kind: str, marks: Marks) -> str:
    return str(getattr(marks, kind)())


def _parquet(text: str) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table({"a": [text]}), file)
    return file.getvalue()


@pytest.mark.parametrize("kind", KINDS)
def test_a_value_is_found_however_it_is_kept(kind: str) -> None:
    marks = Marks(3)
    value = planted(kind, marks)
    other = Marks(4)
    planted(kind, other)
    texts = [
        f"before {value} after",
        json.dumps({"a": [value]}),
        quote(value.upper()) if kind != "card" else value.replace(" ", "-"),
        repr(value.encode()),
        base64.b64encode(f"xx{value}".encode()).decode(),
        readable(gzip.compress(value.encode())),
        readable(_parquet(value)),
    ]
    for text in texts:
        assert marks.found_in(text) == marks.planted
        assert other.found_in(text) == set()


def test_the_same_seed_plants_the_same() -> None:
    one, other = Marks(5), Marks(5)
    assert [planted(kind, one) for kind in KINDS] == [planted(kind, other) for kind in KINDS]


def test_card_and_account_numbers_are_such() -> None:
    marks = Marks(6)
    assert all(holds_card_number(marks.card()) for _ in range(200))
    assert all(holds_iban(marks.account()) for _ in range(200))

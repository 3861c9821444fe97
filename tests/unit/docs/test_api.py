"""The page on the API says of every field what the code says, and of currencies what makes them differ elsewhere."""

import re
from enum import EnumMeta
from pathlib import Path

from fraudstream.transactions.fields import DeclaredField, declared_fields
from fraudstream.transactions.transaction import Transaction
from fraudstream.transactions.values.money import EXPONENTS

DOCUMENT = (Path(__file__).parents[3] / "docs" / "api.md").read_text("utf-8")


def row(field: DeclaredField) -> tuple[str, str, str, str]:
    meta = field.spec.request
    assert meta is not None
    required = "yes" if field.required and not field.spec.optional_in_request else ""
    must_be = f"one of {', '.join(field.type.__members__)}" if isinstance(field.type, EnumMeta) else None
    return field.public_name, required, meta.description or "", must_be or (meta.extra or {})["must_be"]


def test_every_field_stands_in_the_table_with_what_it_means_and_what_it_must_be() -> None:
    documented = re.findall(r"^\| `(\w+)` \| (yes|) ?\| (.+) \| (.+) \|$", DOCUMENT, flags=re.MULTILINE)
    posted = [field for field in declared_fields(Transaction) if field.spec.request is not None]
    expected = sorted((row(field) for field in posted), key=lambda each: not each[1])
    assert documented == expected


def test_currencies_with_other_minor_units_elsewhere_are_listed() -> None:
    listed = re.findall(r"^\| ([A-Z]{3}) \| (\d) \| (\d|) ?\| (\d|) ?\|$", DOCUMENT, flags=re.MULTILINE)
    assert {"ISK", "UGX", "CLP", "CVE", "IDR"} <= {code for code, *_ in listed}
    for code, iso, *others in listed:
        assert int(iso) == EXPONENTS[code]
        assert all(other != iso for other in others if other)

"""A new optional field that rules see and the log keeps is declared in one file; everything else follows."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).parents[3] / "src"
DECLARATION = "fraudstream/transactions/transaction.py"
LINE = '    wallet_country: Annotated[str | None, _country("Where the wallet was opened")] = None\n'
CHECKS = """
import json

from fraudstream.contract import ItemKind
from fraudstream.detection.features.registry import NAMES
from fraudstream.detection.rules.language.fields import BY_NAME, FIELDS, values
from fraudstream.reporting.log.columns import DECISIONS
from fraudstream.reporting.log.record import read_stream_record
from fraudstream.transactions.api.openapi import openapi_document
from fraudstream.transactions.api.validation import RequestRefusedError, TimeBounds, read_request
from fraudstream.transactions.storage.attributes import to_item
from fraudstream.transactions.decisions.decision import Decision, Verdict
from fraudstream.transactions.storage.item import decode
from fraudstream.transactions.pseudonyms.pseudonymize import pseudonymize
from fraudstream.transactions.pseudonyms.tokens import Tokenizer

BODY = {"transactionId": "t1", "amountMinor": 100, "currency": "EUR", "type": "PAYMENT", "customerId": "ann"}
TIMES = TimeBounds(earliest=0, latest=10)


def read(country):
    return read_request(json.dumps(BODY | {"walletCountry": country}).encode(), TIMES)


try:
    read("Germany")
except RequestRefusedError as refusal:
    (error,) = refusal.errors
    assert error.field == "walletCountry", error
else:
    raise AssertionError("a country that is no code was accepted")

transaction = pseudonymize(read("DE"), Tokenizer("A" * 44), timestamp=1, received_at=2)
decision = Decision(decision=Verdict.APPROVE, score=1, ruleset_version="v", decided_at=3)
old = transaction.to_item() | to_item({"kind": ItemKind.TRANSACTION.value})
new = old | decision.to_item()
assert decode(new).transaction == transaction
(logged,) = read_stream_record({"dynamodb": {"NewImage": new, "OldImage": old, "ApproximateCreationDateTime": 4}})
assert logged.wallet_country == "DE"
assert "walletCountry" in DECISIONS

schema = openapi_document()["components"]["schemas"]
assert "walletCountry" in schema["TransactionRequest"]["properties"]
assert "walletCountry" in schema["TransactionState"]["properties"]


assert BY_NAME["walletCountry"].optional
by_name = dict(zip((field.name for field in FIELDS), values(transaction, (None,) * len(NAMES)), strict=True))
assert by_name["walletCountry"] == "DE"
"""


def test_a_field_added_to_the_declaration_is_posted_stored_judged_and_logged(tmp_path: Path) -> None:
    copy = tmp_path / "src"
    shutil.copytree(SOURCE / "fraudstream", copy / "fraudstream")
    declaration = copy / DECLARATION
    text = declaration.read_text()
    after = "    ip_country: Annotated["
    assert text.count(after) == 1
    declaration.write_text(text.replace(after, LINE + after))

    outcome = subprocess.run(
        [sys.executable, "-c", CHECKS],
        env=os.environ | {"PYTHONPATH": str(copy), "PYTHONSAFEPATH": "1"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert outcome.returncode == 0, outcome.stderr

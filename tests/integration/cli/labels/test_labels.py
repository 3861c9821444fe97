"""`fraudstream labels`: kinds of fraud, references of card schemes, and what was done, on a real table."""

import itertools
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from fraudstream.clock import epoch_milliseconds
from fraudstream.durations import DAY
from fraudstream.transactions.decisions.decision import Action, ActionTaken, FraudType, Label, Truth
from fraudstream.transactions.storage.attributes import to_item
from fraudstream.transactions.storage.updates import change_of
from fraudstream.transactions.transaction import TransactionType
from fraudstream_tools.operations.review.labels import Given, LabelError, label_now, tell
from fraudstream_tools.outcomes import PaymentKey, PaymentOutcome
from tests.cli_harness import Command
from tests.integration.cli.labels.label_harness import NOW, TABLE, Table

ARN = "24692165343000012345675"


def said(truth: Truth, at: int, kind: FraudType | None = None) -> PaymentOutcome:
    typed = {} if kind is None else {"fraud_type": kind.value, "fraud_type_at": NOW + at}
    return PaymentOutcome(label=Label(label=truth, label_source="analyst", labeled_at=NOW + at, **typed))


def test_a_label_names_a_kind_of_fraud_and_is_shown(fraudstream: Command, table: Table) -> None:
    table.store("t-1")
    ran = fraudstream("labels", "set", "t-1", "--fraud", "--type", "account_takeover", "--source", "customer", "--json")
    assert ran.code == 0, ran.err
    answer = json.loads(ran.out)
    assert (answer["label"], answer["labelSource"], answer["fraudType"]) == ("FRAUD", "customer", "ACCOUNT_TAKEOVER")
    assert json.loads(fraudstream("labels", "show", "t-1", "--json").out) == answer
    assert "FRAUD (ACCOUNT_TAKEOVER), says customer" in fraudstream("labels", "show", "t-1").out


def test_a_label_of_a_day_alone_is_corrected_again_and_again_that_day(fraudstream: Command, table: Table) -> None:
    table.store("t-1")
    end_of_day = epoch_milliseconds() // DAY * DAY + DAY - 1
    known = PaymentOutcome(label=Label(label=Truth.FRAUD, label_source="issuer-alert", labeled_at=end_of_day))
    tell(table.client, TABLE, PaymentKey("t-1"), known)
    for truth in ("legitimate", "fraud", "legitimate"):
        ran = fraudstream("labels", "set", "t-1", f"--{truth}")
        assert ran.code == 0, ran.err
        assert table.label("t-1")[0] == truth.upper()


def test_what_is_legitimate_has_no_kind_of_fraud(fraudstream: Command, table: Table) -> None:
    table.store("t-1")
    refused = fraudstream("labels", "set", "t-1", "--legitimate", "--type", "OTHER")
    assert (refused.code, table.known("t-1")) == (1, {})
    assert "what is legitimate has no kind of fraud" in refused.err
    assert fraudstream("labels", "set", "t-1", "--fraud", "--type", "GREED").code == 1
    fraudstream("labels", "set", "t-1", "--fraud", "--type", "OTHER")
    fraudstream("labels", "set", "t-1", "--legitimate")
    assert "fraudType" not in json.loads(fraudstream("labels", "show", "t-1", "--json").out)


def test_a_payment_is_found_by_its_reference_and_not_by_what_took_it_back(
    fraudstream: Command, table: Table, tmp_path: Path
) -> None:
    table.store("t-1", reference=ARN)
    table.store("t-1-back", reference=ARN, kind=TransactionType.REFUND)
    table.store("t-2", reference="MCC7X9K2Q1123")
    table.store("t-3", "t-4", reference="twice")
    (tmp_path / "alerts.csv").write_text(
        "networkReference,label,labeledAt,fraudType\n"
        f"{ARN},FRAUD,2026-02-01,STOLEN_CARD_DATA\nMCC7X9K2Q1123,FRAUD,2026-02-02,\n"
        "twice,FRAUD,2026-02-02,\nunknown,FRAUD,2026-02-02,\n"
    )
    ran = fraudstream("labels", "import", "alerts.csv", "--source", "issuer-alert", "--json")
    assert ran.code == 1
    answer = json.loads(ran.out)
    assert answer["results"] == {"WRITTEN": 2, "AMBIGUOUS": 1, "MISSING": 1}
    assert {each["payment"] for each in answer["refused"]} == {"twice", "unknown"}
    assert table.known("t-1")["fraudType"] == "STOLEN_CARD_DATA"
    assert table.known("t-2")["labelSource"] == "issuer-alert"
    assert table.known("t-1-back") == table.known("t-3") == table.known("t-4") == {}


def test_what_was_done_is_told_by_command_and_by_file_with_a_label_or_without(
    fraudstream: Command, table: Table, tmp_path: Path
) -> None:
    table.store("t-1")
    table.store("t-2")
    (tmp_path / "done.csv").write_text(
        "transactionId,label,labeledAt,actionTaken,actionAt\n"
        f"t-1,,,BLOCKED,{NOW + 5}\nt-2,FRAUD,2026-02-01,ALLOWED,{NOW + 6}\n"
    )
    assert fraudstream("labels", "import", "done.csv").code == 0
    assert table.known("t-1") == {"actionTaken": "BLOCKED", "actionAt": NOW + 5}
    assert (table.known("t-2")["label"], table.known("t-2")["actionTaken"]) == ("FRAUD", "ALLOWED")
    assert fraudstream("labels", "action", "t-1", "reversed").code == 0
    assert table.known("t-1")["actionTaken"] == "REVERSED"
    assert fraudstream("labels", "action", "t-1", "frozen").code == 1
    assert "there is no such transaction (any more)" in fraudstream("labels", "action", "t-9", "BLOCKED").err


def test_a_row_that_names_no_payment_or_no_time_is_refused(fraudstream: Command, table: Table, tmp_path: Path) -> None:
    table.store("t-1")
    (tmp_path / "bad.csv").write_text(
        "transactionId,networkReference,actionTaken,actionAt,label,labeledAt,fraudType\n"
        f",,BLOCKED,{NOW},,,\nt-1,,BLOCKED,,,,\nt-1,,VANISHED,{NOW},,,\nt-1,,,,LEGITIMATE,{NOW},OTHER\n"
    )
    ran = fraudstream("labels", "import", "bad.csv")
    assert ran.code == 1
    for line, column in ((2, "transactionId"), (3, "actionAt"), (4, "actionTaken"), (5, "fraudType")):
        assert f"line {line}, column {column}" in ran.err
    assert table.known("t-1") == {}


ORDERS: Sequence[PaymentOutcome] = (
    said(Truth.FRAUD, 100, FraudType.STOLEN_CARD_DATA),
    said(Truth.FRAUD, 300),
    said(Truth.FRAUD, 200, FraudType.FIRST_PARTY),
    PaymentOutcome(action=ActionTaken(action_taken=Action.ALLOWED.value, action_at=NOW + 10)),
)


def test_the_newest_of_each_part_holds_in_every_order(table: Table) -> None:
    for number, order in enumerate(itertools.permutations(ORDERS)):
        name = f"t-{number}"
        table.store(name)
        for each in order:
            tell(table.client, TABLE, PaymentKey(name), each)
        assert table.known(name) == {
            "label": "FRAUD",
            "labelSource": "analyst",
            "labeledAt": NOW + 300,
            "fraudType": "FIRST_PARTY",
            "actionTaken": "ALLOWED",
            "actionAt": NOW + 10,
        }
        tell(table.client, TABLE, PaymentKey(name), order[0])
        assert tell(table.client, TABLE, PaymentKey(name), ORDERS[1]).given is Given.REPEATED


PERSONAL = ("4111111111111111", "4111 1111 1111 1111", "DE89370400440532013000", "Anna denies it", '=HYPERLINK("x")')


@pytest.mark.parametrize("source", PERSONAL)
@pytest.mark.parametrize(
    "command", [("labels", "set", "t-1", "--fraud"), ("label", "t-1", "--fraud"), ("alerts", "close", "t-1", "--fraud")]
)
def test_a_source_that_is_no_code_is_refused_and_not_repeated(
    fraudstream: Command, table: Table, command: tuple[str, ...], source: str
) -> None:
    table.store("t-1")
    refused = fraudstream(*command, "--source", source)
    assert refused.code == 2
    assert "write a code of 1 to 32" in refused.err
    assert source not in refused.err + refused.out
    assert table.known("t-1") == {}


@pytest.mark.parametrize("source", PERSONAL[:3])
def test_a_files_source_holds_no_card_or_account_number(
    fraudstream: Command, table: Table, tmp_path: Path, source: str
) -> None:
    table.store("t-1")
    (tmp_path / "c.csv").write_text(f"transactionId,label,source,labeledAt\nt-1,FRAUD,{source},{NOW}\n")
    refused = fraudstream("labels", "import", "c.csv")
    assert "c.csv, line 2, column source: must be a code of 1 to 32 letters" in refused.err
    assert source not in refused.err
    assert table.known("t-1") == {}


def test_a_script_cannot_give_such_a_source_either(table: Table) -> None:
    table.store("t-1")
    with pytest.raises(LabelError, match="without a card number"):
        label_now(table.client, TABLE, "t-1", Truth.FRAUD, PERSONAL[0])


@pytest.mark.parametrize(
    "damaged",
    [
        {"label": "MAYBE", "labelSource": "analyst", "labeledAt": NOW + 1},
        {"label": "FRAUD", "labelSource": 5, "labeledAt": NOW + 1, "fraudType": [], "labelApprovedAt": "x"},
        {"actionTaken": 5, "actionAt": "never"},
    ],
)
def test_what_is_damaged_is_replaced_by_a_sound_label(
    fraudstream: Command, table: Table, damaged: dict[str, object]
) -> None:
    table.store("t-1")
    change = change_of(to_item(damaged))
    key = to_item({"transactionId": "t-1", "timestamp": NOW})
    table.client.update_item(TableName=TABLE, Key=key, **change)
    assert fraudstream("labels", "show", "t-1").code == 0
    for told in (("set", "t-1", "--fraud"), ("action", "t-1", "BLOCKED")):
        ran = fraudstream("labels", *told)
        assert ran.code == 0, ran.err
    known = table.known("t-1")
    assert (known["label"], known["labelSource"], known["actionTaken"]) == ("FRAUD", "analyst", "BLOCKED")
    assert "fraudType" not in known

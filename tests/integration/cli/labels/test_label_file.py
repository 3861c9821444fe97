"""`fraudstream label --file`: many labels on a real table, whatever their order, and however often they are given."""

import itertools
import json
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from fraudstream.transactions.decisions.decision import Label, Truth
from fraudstream_tools.cli.support.review.labelling import _give_all
from fraudstream_tools.cli.support.terminal.output import CommandError
from fraudstream_tools.operations.review.labels import Given, give_label, tell
from fraudstream_tools.outcomes import PaymentKey, PaymentOutcome
from tests.cli_harness import Command
from tests.integration.cli.labels.label_harness import NOW, TABLE, Table

HEAD = "transactionId,label,source,labeledAt\n"


def test_a_file_of_chargebacks_labels_its_transactions(fraudstream: Command, table: Table, tmp_path: Path) -> None:
    table.store("t-1", "t-2", "t-3")
    (tmp_path / "c.csv").write_text(
        f"{HEAD}t-1,FRAUD,chargeback,2026-02-01\nt-2,LEGITIMATE,analyst,2026-02-01T10:00:00+01:00\nt-3,FRAUD,,{NOW}\n"
    )
    ran = fraudstream("label", "--file", "c.csv", "--source", "customer")
    assert ran.code == 0, ran.err
    assert table.label("t-1") == ("FRAUD", "chargeback", 1_769_990_399_999)
    assert table.label("t-2") == ("LEGITIMATE", "analyst", 1_769_936_400_000)
    assert table.label("t-3") == ("FRAUD", "customer", NOW)
    assert "3 labels in c.csv, of 3 transactions" in ran.out
    assert "3 written" in ran.out


def test_a_label_older_than_its_transaction_is_refused(fraudstream: Command, table: Table, tmp_path: Path) -> None:
    table.store("t-1", "t-2")
    (tmp_path / "c.csv").write_text(f"{HEAD}t-1,FRAUD,chargeback,2026-01-04\nt-2,FRAUD,chargeback,2026-01-05\n")
    ran = fraudstream("label", "--file", "c.csv")
    assert ran.code == 1
    assert "1 older than their transactions, and refused" in ran.out
    assert "t-1: the label is older than the transaction" in ran.err
    assert table.label("t-1") == (None, None, None)
    assert table.label("t-2")[0] == "FRAUD", "the same day is not before it"


@pytest.mark.parametrize("unit", ["seconds", "YYYYMMDD"])
def test_labels_in_another_unit_are_refused_and_never_read_as_1970(
    fraudstream: Command, table: Table, tmp_path: Path, unit: str
) -> None:
    table.store("t-1")
    written = NOW // 1000 if unit == "seconds" else 20_260_105
    (tmp_path / "c.csv").write_text(f"{HEAD}t-1,FRAUD,chargeback,{written}\n")
    ran = fraudstream("label", "--file", "c.csv")
    assert ran.code == 1
    assert f"c.csv, line 2, column labeledAt: milliseconds are needed, these look like {unit}" in ran.err
    assert table.label("t-1") == (None, None, None)


def test_what_an_analyst_says_now_is_newer_than_a_date_of_today(
    fraudstream: Command, table: Table, tmp_path: Path
) -> None:
    table.store("t-1")
    (tmp_path / "c.csv").write_text(f"{HEAD}t-1,FRAUD,chargeback,{datetime.now(UTC):%Y-%m-%d}\n")
    assert fraudstream("label", "--file", "c.csv").code == 0
    assert fraudstream("label", "t-1", "--legitimate").code == 0
    assert table.label("t-1")[:2] == ("LEGITIMATE", "analyst")


def test_a_mapped_files_labels_are_given(
    fraudstream: Command, table: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    table.store("a", "b")
    (tmp_path / "c.csv").write_text("ref;verdict;day\na;fraud;06.01.2026\nb;open;\n")
    (tmp_path / "m.yaml").write_text(
        "fields:\n  transactionId: ref\n  label: {column: verdict, values: {fraud: FRAUD, open: null}}\n"
        '  labeledAt: {column: day, format: "%d.%m.%Y"}\n'
    )
    ran = fraudstream("label", "--file", "c.csv", "--map", "m.yaml", "--source", "bank")
    assert ran.code == 0, ran.err
    assert table.label("a") == ("FRAUD", "bank", 1_767_743_999_999)
    assert table.label("b") == (None, None, None)
    assert "passed over without a label: 1 row\n" in ran.out


def test_the_same_file_again_changes_nothing(fraudstream: Command, table: Table, tmp_path: Path) -> None:
    table.store("t-1", "t-2")
    (tmp_path / "c.csv").write_text(f"{HEAD}t-1,FRAUD,chargeback,{NOW}\nt-2,FRAUD,chargeback,{NOW}\n")
    fraudstream("label", "--file", "c.csv")
    ran = fraudstream("label", "--file", "c.csv")
    assert ran.code == 0
    assert "0 written" in ran.out
    assert "2 already there" in ran.out


def test_contradicting_labels_end_the_same_in_any_order(fraudstream: Command, table: Table, tmp_path: Path) -> None:
    rows = [("FRAUD", NOW + 1), ("LEGITIMATE", NOW + 2), ("FRAUD", NOW), ("LEGITIMATE", NOW + 1)]
    for number, order in enumerate(itertools.permutations(rows)):
        name = f"t-{number}"
        table.store(name)
        for label, at in order:
            give_label(table.client, TABLE, name, Label(label=Truth(label), label_source="analyst", labeled_at=at))
        assert table.label(name) == ("LEGITIMATE", "analyst", NOW + 2)
    table.store("in-one-file")
    lines = (f"in-one-file,{label},analyst,{at}\n" for label, at in rows)
    (tmp_path / "c.csv").write_text(HEAD + "".join(lines))
    fraudstream("label", "--file", "c.csv")
    assert table.label("in-one-file")[0] == "LEGITIMATE"


def test_of_two_at_the_same_moment_fraud_stands(table: Table) -> None:
    table.store("t-1", "t-2")
    fraud = Label(label=Truth.FRAUD, label_source="customer", labeled_at=NOW)
    legitimate = Label(label=Truth.LEGITIMATE, label_source="analyst", labeled_at=NOW)
    given = [give_label(table.client, TABLE, "t-1", label) for label in (fraud, legitimate)]
    assert given == [Given.WRITTEN, Given.OVERTAKEN]
    given = [give_label(table.client, TABLE, "t-2", label) for label in (legitimate, fraud, fraud)]
    assert given == [Given.WRITTEN, Given.WRITTEN, Given.REPEATED]
    assert table.label("t-1") == table.label("t-2") == ("FRAUD", "customer", NOW)


def test_an_older_label_is_overtaken(fraudstream: Command, table: Table, tmp_path: Path) -> None:
    table.store("t-1")
    fraudstream("label", "t-1", "--legitimate")
    (tmp_path / "c.csv").write_text(f"{HEAD}t-1,FRAUD,chargeback,2026-02-01\n")
    ran = fraudstream("label", "--file", "c.csv")
    assert ran.code == 0
    assert "1 overtaken by a newer one" in ran.out
    assert table.label("t-1")[0] == "LEGITIMATE"


def test_what_is_not_stored_is_named_and_the_rest_is_written(
    fraudstream: Command, table: Table, tmp_path: Path
) -> None:
    table.store("t-1")
    gone = "".join(f"gone-{number:02},FRAUD,chargeback,{NOW}\n" for number in range(22))
    (tmp_path / "c.csv").write_text(f"{HEAD}{gone}t-1,FRAUD,chargeback,{NOW}\n")
    ran = fraudstream("label", "--file", "c.csv")
    assert ran.code == 1
    assert "gone-00: there is no such transaction" in ran.err
    assert "and 2 more" in ran.err
    assert table.label("t-1")[0] == "FRAUD"


def test_a_wrong_line_keeps_the_whole_file_from_being_written(
    fraudstream: Command, table: Table, tmp_path: Path
) -> None:
    table.store("t-1")
    (tmp_path / "c.csv").write_text(f"{HEAD}t-1,FRAUD,chargeback,{NOW}\nt-1,maybe,chargeback,yesterday\n")
    ran = fraudstream("label", "--file", "c.csv")
    assert ran.code == 1
    assert "c.csv, line 3, column labeledAt: must be a date" in ran.err
    assert "yesterday" not in ran.err
    assert table.label("t-1") == (None, None, None)


def test_the_truth_of_a_simulated_world_can_be_given(fraudstream: Command, table: Table, tmp_path: Path) -> None:
    options = ("--customers", 20, "--days", 1, "--episodes", 100, "--traps", 50, "--output", "world.jsonl")
    assert fraudstream("simulate", *options).code == 0
    truths = [json.loads(line) for line in (tmp_path / "world.truth.jsonl").read_text().splitlines()]
    labelled = [truth for truth in truths if "label" in truth]
    table.store(*(truth["transactionId"] for truth in labelled))
    ran = fraudstream("label", "--file", "world.truth.jsonl")
    assert ran.code == 0
    assert f"{len(labelled)} written" in ran.out
    assert f"passed over without a label: {len(truths) - len(labelled)} rows" in ran.out
    for truth in labelled:
        assert table.label(truth["transactionId"]) == (truth["label"], truth["source"], truth["labeledAt"])


def test_one_transaction_or_a_file_and_not_both(fraudstream: Command, table: Table) -> None:
    assert table
    assert "give a transactionId, or --file" in fraudstream("label").err
    assert "give --fraud or --legitimate" in fraudstream("label", "t-1").err
    assert "nothing but --file" in fraudstream("label", "t-1", "--file", "c.csv").err
    assert "nothing but --file" in fraudstream("label", "--fraud", "--file", "c.csv").err
    assert "no such file" in fraudstream("label", "--file", "c.csv").err


def test_where_aws_cannot_be_reached_it_says_how_far_it_came() -> None:
    class Unreachable:
        def query(self, **_: object) -> None:
            raise EndpointConnectionError(endpoint_url="http://127.0.0.1:9")

    fraud = PaymentOutcome(label=Label(label=Truth.FRAUD, label_source="analyst", labeled_at=NOW))
    client: Any = Unreachable()
    with pytest.raises(CommandError, match=r"0 of 1 were done, then: (?s:.*)give the file again"):
        _give_all(partial(tell, client, TABLE), {PaymentKey("t-1"): fraud}, {})


def test_a_file_that_is_broken_off_before_cases_are_closed_is_to_be_given_again(
    fraudstream: Command, table: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> int:
        raise KeyboardInterrupt

    table.store("t-1")
    (tmp_path / "c.csv").write_text(f"{HEAD}t-1,FRAUD,chargeback,{NOW}\n")
    monkeypatch.setattr("fraudstream_tools.cli.support.review.labelling._close_cases", interrupt)
    ran = fraudstream("label", "--file", "c.csv")
    assert (ran.code, "give the file again" in ran.err) == (130, True)


def test_a_card_number_in_place_of_an_id_is_not_printed(fraudstream: Command, table: Table, tmp_path: Path) -> None:
    table.store("t-1")
    card = "4111111111111111"
    (tmp_path / "c.csv").write_text(f"{HEAD}{card},FRAUD,chargeback,{NOW}\n")
    for arguments in (("label", "--file", "c.csv"), ("label", card, "--fraud"), ("redrive", card)):
        ran = fraudstream(*arguments)
        assert ran.code == 1
        assert card not in ran.out + ran.err


def test_a_label_that_meets_the_write_of_a_decision_is_given_after_it(table: Table) -> None:
    table.store("t-1")
    refused: list[str] = []

    def refuse_once(params: dict[str, Any], **_: object) -> None:
        if not refused:
            refused.append(params["TableName"])
            raise ClientError({"Error": {"Code": "TransactionConflictException", "Message": ""}}, "UpdateItem")

    table.client.meta.events.register("provide-client-params.dynamodb.UpdateItem", refuse_once)
    label = Label(label=Truth.FRAUD, label_source="analyst", labeled_at=NOW + 1)
    assert give_label(table.client, TABLE, "t-1", label) is Given.WRITTEN
    assert refused == [TABLE]
    assert table.label("t-1") == ("FRAUD", "analyst", NOW + 1)

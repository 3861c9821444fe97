"""The maps that come with fraudstream, on small files with the headers and oddities of the real ones."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fraudstream_tools.lab.files.checking import api_fields, check_file
from fraudstream_tools.lab.files.labels import read_label_file
from fraudstream_tools.lab.files.mapping.file_map import load_map, shipped_maps
from fraudstream_tools.lab.files.mapping.suggest import suggest
from fraudstream_tools.lab.files.reading import MappedFile

SAMPLES = Path(__file__).parent / "samples"
FILES = {
    "Base.csv": "baf",
    "camt.csv": "camt-csv",
    "card_transaction.v1.csv": "tabformer",
    "charges-2015.csv": "stripe-charges",
    "charges.csv": "stripe-charges",
    "creditcard.csv": "ulb-cards",
    "fraudTrain.csv": "sparkov",
    "paysim.csv": "paysim",
    "train_transaction.csv": "ieee-cis",
}
LABEL_FILES = {
    "ReportedFraud.csv": "issuer-alerts",
    "dispute_report.csv": "adyen-disputes",
    "disputes-sigma.csv": "stripe-disputes",
    "disputes.jsonl": "stripe-disputes",
    "early-fraud-warnings.jsonl": "stripe-early-fraud-warnings",
}
NOW = 1_767_600_000_000
WITHOUT_ENTITIES = {"Base.csv", "creditcard.csv"}
"""Files that hold no transactions of anybody: only a model of their columns can be measured."""
PERSONAL = (
    *("2223000048400011", "630495060000000000", "Jennifer", "Banks", "Perry", "Moravian", "1988"),
    *("ann@example.com", "guest@example.com", "Ann", "High Street", "Guest"),
    *("DE89370400440532013000", "DE02", "Jürgen", "Erika", "MÜLLER", "Miete", "Münster"),
)


def rows(file: str) -> list[dict[str, Any]]:
    return [row.values for row in MappedFile(SAMPLES / file, load_map(FILES[file])).sound_rows()]


def without_made_up(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in {"transactionId", "customerId", "cardToken"}}


def test_every_map_has_its_sample() -> None:
    assert {*FILES.values(), *LABEL_FILES.values()} == set(shipped_maps())


@pytest.mark.parametrize("file", sorted(set(FILES) - WITHOUT_ENTITIES))
def test_the_api_takes_every_row_and_nothing_personal_leaves_the_machine(file: str) -> None:
    checked = check_file(SAMPLES / file, load_map(FILES[file]), now=0)
    assert checked.wrong.lines() == []
    assert checked.rows == len(rows(file)) > 0
    assert checked.repeated == 0
    for row in rows(file):
        for value in api_fields(row).values():
            assert not [word for word in PERSONAL if word in str(value)]


@pytest.mark.parametrize("file", [*FILES, *LABEL_FILES])
def test_each_layout_is_recognised(file: str) -> None:
    assert suggest(SAMPLES / file).shipped == (FILES | LABEL_FILES)[file]


def test_paysim() -> None:
    payment, transfer, cash_out, cash_in, debit = rows("paysim.csv")
    assert without_made_up(payment) == {
        "timestamp": 1_483_232_400_000,  # one hour after the first of January 2017
        "amountMinor": 983_964,
        "currency": "USD",
        "type": "PAYMENT",
        "merchantId": "M1979787155",
        "channel": "MOBILE",
        "label": "LEGITIMATE",
        "source": "paysim",
        "labeledAt": 1_483_232_400_000 + 7 * 86_400_000,
    }
    assert payment["customerId"] == "C1231006815"
    assert (transfer["counterpartyToken"], transfer["label"]) == ("C553264065", "FRAUD")
    assert "merchantId" not in transfer
    assert [row["type"] for row in (transfer, cash_out, cash_in, debit)] == [
        "TRANSFER",
        "WITHDRAWAL",
        "DEPOSIT",
        "TRANSFER",
    ]


def test_sparkovs_card_numbers_become_tokens_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    first, second, third = rows("fraudTrain.csv")
    assert without_made_up(first) == {
        "timestamp": 1_546_300_818_000,
        "amountMinor": 497,
        "currency": "USD",
        "type": "PAYMENT",
        "merchantId": "fraud_Rippin, Kub and Mann",
        "merchantCountry": "US",
        "cardCountry": "US",
        "channel": "ECOMMERCE",
        "latitude": 36.011293,
        "longitude": -82.048315,
        "label": "LEGITIMATE",
        "source": "sparkov",
        "labeledAt": 1_546_300_818_000 + 7 * 86_400_000,
    }
    assert first["transactionId"] == "0b242abb623afc578575680df30655b9"
    assert first["cardToken"] == third["cardToken"] != second["cardToken"]
    assert not any(character.isdigit() for character in first["cardToken"])
    assert third["label"] == "FRAUD"
    assert second["merchantCategoryCode"] == "5411"
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "another machine"))
    assert rows("fraudTrain.csv")[0]["cardToken"] != first["cardToken"]


def test_the_key_of_the_tokens_is_its_owners_alone(tmp_path: Path) -> None:
    rows("fraudTrain.csv")
    key = tmp_path / "fraudstream" / "file-tokens.key"
    assert key.stat().st_mode & 0o777 == 0o600
    assert len(key.read_bytes()) == 32


def test_sparkovs_numbers_that_a_spreadsheet_rounded_are_refused() -> None:
    first, second = MappedFile(SAMPLES / "fraudTest.csv", load_map("sparkov")).rows()
    assert first.problems[0].startswith("column cc_num: customerId was rounded by a spreadsheet")
    assert "2.29" not in str(first.problems)
    assert second.values["timestamp"] == 1_592_741_700_000


def test_tabformer() -> None:
    first, second, again, refund, last = rows("card_transaction.v1.csv")
    assert without_made_up(first) == {
        "timestamp": 1_030_861_260_000,
        "amountMinor": 13_409,
        "currency": "USD",
        "type": "PAYMENT",
        "merchantId": first["merchantId"],
        "merchantCategoryCode": "5300",
        "channel": "POS",
        "entryMode": "MAGSTRIPE",
        "authorizationResult": "APPROVED",
        "label": "LEGITIMATE",
        "source": "tabformer",
        "labeledAt": 1_030_861_260_000 + 7 * 86_400_000,
    }
    assert (first["customerId"], first["cardToken"]) == ("user-0", "card-0-0")
    assert second["merchantId"] == again["merchantId"] != first["merchantId"]
    assert second["transactionId"] != again["transactionId"]
    assert (refund["type"], refund["amountMinor"], refund["label"]) == ("DEPOSIT", 28_713, "FRAUD")
    assert refund["authorizationResult"] == "DECLINED"
    assert "responseCode" not in refund
    assert (last["responseCode"], last["merchantCategoryCode"], last["entryMode"]) == ("96", "0742", "CHIP")


def test_ieee_cis() -> None:
    first, second, fraud, later = rows("train_transaction.csv")
    assert {name: value for name, value in first.items() if name not in {"customerId", "cardToken"}} == {
        "transactionId": "ieee-2987001",
        "timestamp": 1_512_086_400_000,  # the first of December 2017
        "amountMinor": 6850,
        "currency": "USD",
        "type": "PAYMENT",
        "merchantId": "product-W",
        "channel": "ECOMMERCE",
        "label": "LEGITIMATE",
        "source": "ieee-cis",
        "labeledAt": 1_512_086_400_000 + 7 * 86_400_000,
    }
    assert (fraud["label"], fraud["amountMinor"]) == ("FRAUD", 3710), "three decimals are rounded"
    assert second["cardToken"] == later["cardToken"] != first["cardToken"]
    assert second["customerId"] != later["customerId"], "another billing region is another customer"
    assert fraud["customerId"].startswith("customer-"), "a code may be missing"


def test_ulbs_cards_are_columns_to_learn_from() -> None:
    first, second, fraud = rows("creditcard.csv")
    assert (first["timestamp"], first["labeledAt"], first["amountMinor"]) == (1_377_993_600_000,) * 2 + (14_962,)
    assert (second["label"], fraud["label"]) == ("LEGITIMATE", "FRAUD")
    assert len(first["learn"]) == 29
    assert first["learn"][28] == "149.62"


def test_bafs_applications_are_columns_to_learn_from() -> None:
    first, fraud, last = rows("Base.csv")
    assert (first["timestamp"], last["timestamp"]) == (1_583_020_799_999, 1_601_510_399_999), "ends of months"
    assert first["labeledAt"] == first["timestamp"] + 7 * 86_400_000
    assert (first["label"], fraud["label"]) == ("LEGITIMATE", "FRAUD")
    assert len(first["learn"]) == 30
    assert fraud["learn"][7] == "AB"
    assert "customerId" not in fraud


def test_stripes_charges() -> None:
    paid, guest, disputed = rows("charges.csv")
    assert paid == {
        "transactionId": "ch_3Tf4ViLQF3ru3dK41qpOrr9c",
        "timestamp": 1_791_232_714_000,
        "amountMinor": 123_450,
        "currency": "USD",
        "type": "PAYMENT",
        "customerId": "cus_Q1",
        "cardToken": "Xt5EWLLDS7FJjR1c",
        "cardLast4": "0042",
        "cardCountry": "US",
        "billingCountry": "US",
        "channel": "ECOMMERCE",
        "authorizationResult": "APPROVED",
        "source": "chargeback",
    }
    assert guest["amountMinor"] == 500, "yen have no decimals"
    assert guest["customerId"].startswith("guest-")
    assert guest["authorizationResult"] == "DECLINED"
    assert (disputed["label"], disputed["labeledAt"]) == ("FRAUD", 1_792_494_000_000)
    (old,) = rows("charges-2015.csv")
    assert (old["timestamp"], old["amountMinor"], old["currency"]) == (1_527_847_200_000, 1250, "GBP")
    assert "billingCountry" not in old, "a country's name is no code"


def test_a_banks_camt_csv() -> None:
    debit, credit, card, rent = rows("camt.csv")
    assert (debit["amountMinor"], debit["currency"], debit["type"]) == (8990, "EUR", "PAYMENT")
    assert debit["timestamp"] == 1_790_287_199_999, "the end of the day in Germany"
    assert (credit["amountMinor"], credit["type"]) == (119_000, "DEPOSIT")
    assert (card["type"], rent["type"]) == ("PAYMENT", "TRANSFER")
    assert len({row["customerId"] for row in (debit, credit, card, rent)}) == 1
    assert rent["counterpartyToken"].startswith("payee-")
    assert check_file(SAMPLES / "camt.csv", load_map("camt-csv"), now=0).skipped == 1


def told(file: str) -> dict[str, tuple[str, str, str | None, str]]:
    """What a file of labels says: by what names the payment, the label, its source, the kind of fraud and the time."""
    found = read_label_file(SAMPLES / file, "analyst", NOW, load_map(LABEL_FILES[file])).told
    return {
        ("network:" if key.is_reference else "") + key.name: (
            each.label.label.value,
            each.label.label_source,
            each.label.fraud_type,
            datetime.fromtimestamp(each.label.labeled_at / 1000, UTC).isoformat(timespec="seconds"),
        )
        for key, each in found.items()
        if each.label
    }


def test_a_dispute_of_stripe_is_fraud_by_its_reason() -> None:
    assert told("disputes.jsonl") == {
        "ch_3PQa": ("FRAUD", "chargeback", None, "2025-12-22T10:40:00+00:00"),
        "ch_3PQb": ("FRAUD", "chargeback", "FIRST_PARTY", "2025-12-22T10:41:40+00:00"),
    }
    assert told("disputes-sigma.csv") == {"ch_3PQa": ("FRAUD", "chargeback", None, "2025-12-22T10:40:00+00:00")}


def test_an_early_fraud_warning_of_stripe_names_the_kind_of_fraud() -> None:
    assert {name: (each[1], each[2]) for name, each in told("early-fraud-warnings.jsonl").items()} == {
        "ch_3PQa": ("issuer-alert", "STOLEN_CARD_DATA"),
        "ch_3PQb": ("issuer-alert", "OTHER"),
    }


def test_an_issuers_alert_names_the_payment_by_its_id_or_its_reference() -> None:
    assert told("ReportedFraud.csv") == {
        "order-1": ("FRAUD", "issuer-alert", "STOLEN_CARD_DATA", "2025-12-09T23:59:59+00:00"),
        "network:55432865343200098765430": ("FRAUD", "issuer-alert", "ACCOUNT_TAKEOVER", "2025-12-10T23:59:59+00:00"),
        "network:55432865343200098765431": ("FRAUD", "issuer-alert", "FIRST_PARTY", "2025-12-10T23:59:59+00:00"),
    }


def test_a_chargeback_of_adyen_is_fraud_by_the_schemes_code() -> None:
    assert told("dispute_report.csv") == {
        "order-1": ("FRAUD", "chargeback", "FIRST_PARTY", "2026-01-04T11:00:00+00:00"),
        "network:8815312345678902": ("FRAUD", "issuer-alert", None, "2025-12-10T07:00:00+00:00"),
    }

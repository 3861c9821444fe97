"""Columns are found by the names that banks, schemes and standards give them, and card numbers leave as tokens."""

from pathlib import Path

import pytest

from fraudstream_tools.lab.files.mapping.file_map import read_map
from fraudstream_tools.lab.files.mapping.suggest import suggest
from fraudstream_tools.lab.files.reading import REQUIRED, MappedFile

VALUES = {
    "transactionId": "e1",
    "timestamp": "2026-04-23T10:00:00Z",
    "amountMinor": "12.50",
    "currency": "EUR",
    "type": "PAYMENT",
    "customerId": "c1",
    "cardToken": "4111111111111111",
    "cardBin": "411111",
    "merchantId": "m1",
    "merchantCategoryCode": "5411",
    "merchantCountry": "DE",
    "cardCountry": "DE",
    "terminalId": "t1",
    "ipAddress": "192.0.2.1",
    "responseCode": "51",
    "networkReference": "74027000000000000000001",
    "counterpartyToken": "c2",
    "label": "0",
}
NAMES = {
    "transactionId": "TXN_NO, Trx Ref, TRANID, EndToEndId, Retrieval Reference Number, Journal No",
    "timestamp": "TRAN_DT, txnDateTime, BookgDt, Posting Date, Transmission Date & Time, event_timestamp, AccptncDtTm",
    "amountMinor": "TRN_AMT, Amount (Transaction), InstdAmt, IntrBkSttlmAmt, billing_amt, Amnt",
    "currency": "Ccy, TXN_CCY, trx_curr_code, Transaction Currency",
    "type": "TXN_TYPE, TrnTp, CdtDbtInd, Processing Code",
    "customerId": "Cust No, CIF, CUST_NBR, DbtrAcct, DbtrIBAN, from_account, ACCTNO, Client Nr., Kontonummer",
    "cardToken": "Card no, CARD_NBR, CC Number, Credit Card Num, cardNr, CRD_NO, Primary Account Number, Kartennr., F2",
    "cardBin": "BIN, Issuer Identification Number, card bin",
    "merchantId": "MRCH_ID, Merchant No, MID, Card Acceptor ID Code, mcht_nbr",
    "merchantCategoryCode": "MCC, Merch Cat Code, Merchant Type, merchant_category_cd",
    "merchantCountry": "merch_ctry, MRCHNT_CNTRY_CD",
    "cardCountry": "card_ctry_cd, Issuing Country, issuer country",
    "terminalId": "Terminal No, TID, Card Acceptor Terminal Identification",
    "ipAddress": "Client IP Address, user_ip, remote-ip",
    "responseCode": "RESP_CD, Response Code",
    "networkReference": "ARN, Acquirer Ref No, Acquirer Reference Data",
    "counterpartyToken": "CdtrAcct, CdtrIBAN, to_account, Beneficiary Account, receiver id",
    "label": "FRAUD_IND, fraud_flag, isFraud, tx_fraud",
}


@pytest.mark.parametrize(
    ("field", "name"), [(field, name.strip()) for field, names in NAMES.items() for name in names.split(",")]
)
def test_a_field_is_found_by_a_usual_name(tmp_path: Path, field: str, name: str) -> None:
    path = tmp_path / "a.csv"
    columns = {each: each for each in REQUIRED} | {"timestamp": "timestamp"} | {field: name}
    path.write_text(f"{';'.join(columns.values())}\n{';'.join(VALUES[each] for each in columns)}\n")
    text = suggest(path).text
    assert read_map(text.encode(), "m").fields[field].column == name
    (row,) = MappedFile(path, read_map(text.encode(), "m"), needs=REQUIRED).sound_rows()
    assert VALUES["cardToken"] not in map(str, row.values.values())


@pytest.mark.parametrize(
    "names", ["Update no, Casino, Phone no", "acc_balance, txn_fee, merch_city", "no, nr, cd, dt2", "ccv, cc_exp, tp"]
)
def test_short_words_alone_name_no_field(tmp_path: Path, names: str) -> None:
    path = tmp_path / "a.csv"
    columns = [name.strip() for name in names.split(",")]
    path.write_text(f"{','.join([*REQUIRED, 'timestamp', *columns])}\n" + ",".join(["1"] * (6 + len(columns))) + "\n")
    assert set(columns) <= read_map(suggest(path).text.encode(), "m").ignore


@pytest.mark.parametrize("name", ["Card no", "PAN", "Kartennummer"])
def test_card_numbers_of_later_rows_are_tokens_too(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.csv"
    rows = "".join(f"{n},2026-04-23,1.50,EUR,PAYMENT,c,\n" for n in range(1000))
    path.write_text(
        f"id,date,amount,currency,type,customer,{name}\n{rows}x,2026-04-23,1.50,EUR,PAYMENT,c,{4111111111111111}\n"
    )
    file_map = read_map(suggest(path).text.encode(), "m")
    *_, last = MappedFile(path, file_map, needs=REQUIRED).sound_rows()
    assert last.values["cardToken"].isalpha()


def test_of_two_columns_of_one_name_in_full_the_one_that_fits_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id,TransactionDT,Tran Date,amount,customer\n1,86400,2026-04-23,1.50,c\n")
    assert read_map(suggest(path).text.encode(), "m").fields["timestamp"].column == "Tran Date"


def test_texts_with_card_numbers_are_not_taken_for_cards(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id,date,amount,customer,text\n1,2026-04-23,1.50,c,paid with 4111111111111111\n")
    assert read_map(suggest(path).text.encode(), "m").ignore == {"text"}

"""What the shipped rules decide together: of people's ordinary days, and of what fraudsters do that looks like them."""

from pathlib import Path
from typing import Any, Final

import pytest

from fraudstream.detection.judge import Judge
from fraudstream.transactions.decisions.decision import Decision, Verdict
from fraudstream_tools.lab.replay.history import as_transaction, judge_history
from fraudstream_tools.rules.folder import RulesFolder

RULES: Final = RulesFolder(Path(__file__).parents[4] / "rules").load()
NOW: Final = 1_781_000_000_000
MINUTE: Final = 60_000
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
AT_HOME: Final = {"deviceId": "phone", "ipAddress": "198.51.100.7", "ipCountry": "DE", "channel": "MOBILE"}
FROM_ABROAD: Final = {"deviceId": "burner", "ipAddress": "203.0.113.9", "ipCountry": "VN", "channel": "MOBILE"}
IN_BERLIN: Final = {"latitude": 52.52, "longitude": 13.4}
IN_MUNICH: Final = {"latitude": 48.14, "longitude": 11.58}


def row(at: int, kind: str, euros: float, **fields: Any) -> dict[str, Any]:
    """One of Ann's transactions, so many milliseconds from now."""
    known = {"timestamp": NOW + at, "type": kind, "amountMinor": round(euros * 100), "currency": "EUR"}
    return {"customerId": "ann", "accountOpenedAt": NOW - 900 * DAY, **known, **fields}


def in_shop(at: int, euros: float, **fields: Any) -> dict[str, Any]:
    """A payment at a till."""
    shop = {"merchantId": "grocer", "merchantCountry": "DE", "merchantCategoryCode": "5411", "channel": "POS"}
    card = {"cardToken": "card", "cardCountry": "DE", "entryMode": "CONTACTLESS", "authorizationResult": "APPROVED"}
    return row(at, "PAYMENT", euros, **{**shop, **card, **fields})


def transfer(at: int, euros: float, payee: str, **fields: Any) -> dict[str, Any]:
    """A transfer from the account."""
    return row(at, "TRANSFER", euros, counterpartyToken=payee, **{**AT_HOME, **fields})


def months(*, payees: int) -> list[dict[str, Any]]:
    """Eight weeks of purchases for 20 to 50 euros, and a transfer of 40 euros to each of some payees."""
    purchases = [in_shop(-56 * DAY + day * DAY, 20 + day % 4 * 10) for day in range(0, 55, 3)]
    return purchases + [transfer(-40 * DAY + number * DAY, 40, f"friend-{number}") for number in range(payees)]


def decided(*rows: dict[str, Any]) -> Decision:
    """The decision about the last of some transactions, each judged in the order of its time."""
    ordered = sorted(rows, key=lambda each: each["timestamp"])
    history = [as_transaction(each, number) for number, each in enumerate(ordered, start=1)]
    return [decision for _, decision in judge_history(history, {}, Judge(RULES))][-1]


def test_presents_bought_in_a_row_on_a_new_telephone_are_not_declined() -> None:
    online = {"merchantCategoryCode": "5945", "channel": "ECOMMERCE", "entryMode": "ECOMMERCE", "deviceId": "new-phone"}
    presents = [
        in_shop(-50 * MINUTE + number * 7 * MINUTE, 60 + 10 * number, **online, merchantId=f"toys-{number}")
        for number in range(8)
    ]
    before = [in_shop(-3 * DAY, 25, **online | {"deviceId": "phone"})]
    assert decided(*months(payees=4), *before, *presents).decision is not Verdict.DECLINE


def test_strangers_without_funds_at_one_till_do_not_stop_the_next() -> None:
    till = {"deviceId": "till-7", "merchantId": "kiosk"}
    refused = {"authorizationResult": "DECLINED", "responseCode": "51"}
    strangers = [
        in_shop(-40 * MINUTE + number * 10 * MINUTE, 9, **till, **refused) | {"customerId": name, "cardToken": name}
        for number, name in enumerate(("ben", "cem", "dee"))
    ]
    assert decided(*months(payees=4), *strangers, in_shop(0, 9, **till)).decision is Verdict.APPROVE


def test_a_couple_with_two_cards_of_one_account_may_be_in_two_cities() -> None:
    hers, his = {"cardToken": "hers", **IN_BERLIN}, {"cardToken": "his", **IN_MUNICH}
    day = [in_shop(-6 * HOUR, 20, **hers), in_shop(-5 * HOUR, 15, **his), in_shop(-MINUTE, 30, **hers)]
    assert decided(*months(payees=4), *day, in_shop(0, 25, **his)).decision is Verdict.APPROVE


def test_a_copied_card_far_from_where_it_was_a_minute_ago_is_reviewed() -> None:
    day = [in_shop(-6 * HOUR, 20, **IN_BERLIN), in_shop(-MINUTE, 30, **IN_BERLIN)]
    assert decided(*months(payees=4), *day, in_shop(0, 25, **IN_MUNICH)).decision is Verdict.REVIEW


def test_a_refund_by_a_shop_in_another_city_moves_nobody() -> None:
    paid = in_shop(-2 * DAY, 60, merchantId="outlet", transactionId="paid", **IN_MUNICH)
    refund = in_shop(-5 * MINUTE, 60, merchantId="outlet", originalTransactionId="paid", **IN_MUNICH)
    here = in_shop(-HOUR, 20, **IN_BERLIN)
    assert decided(*months(payees=4), paid, here, refund | {"type": "REFUND"}, in_shop(0, 8, **IN_BERLIN)).decision is (
        Verdict.APPROVE
    )


def test_a_new_customer_may_pay_the_first_bills() -> None:
    opened = {"accountOpenedAt": NOW - 3 * DAY}
    salary = row(-2 * DAY, "DEPOSIT", 2500, counterpartyToken="employer", channel="BRANCH", **opened)
    first = transfer(-2 * HOUR, 40, "friend", **opened)
    assert decided(salary, first, transfer(0, 60, "club", **opened)).decision is Verdict.APPROVE


def test_an_emptied_account_is_seen_with_two_known_payees_too() -> None:
    stolen = transfer(0, 4800, "mule", **FROM_ABROAD | {"ipCountry": "DE"})
    assert decided(*months(payees=2), transfer(-30 * DAY, 40, "friend-1"), stolen).decision is Verdict.REVIEW


def test_savings_that_are_moved_in_first_do_not_hide_an_emptied_account() -> None:
    savings = row(-10 * MINUTE, "DEPOSIT", 5000, counterpartyToken="own-savings", **FROM_ABROAD | {"ipCountry": "DE"})
    stolen = transfer(0, 4900, "mule", **FROM_ABROAD | {"ipCountry": "DE"})
    assert decided(*months(payees=4), savings, stolen).decision is Verdict.REVIEW


@pytest.mark.parametrize("hours", [1, 26, 50, 6 * 24])
@pytest.mark.parametrize("country", ["DE", "VN"])
def test_a_payee_is_not_known_for_all_by_a_euro_of_some_days_ago(country: str, hours: int) -> None:
    burner = FROM_ABROAD | {"ipCountry": country}
    tried, stolen = transfer(-hours * HOUR, 1, "mule", **burner), transfer(0, 4800, "mule", **burner)
    assert decided(*months(payees=4), tried, stolen).decision is Verdict.REVIEW
    deceived = [transfer(-hours * HOUR, 1, "swindler"), transfer(0, 4800, "swindler")]
    assert decided(*months(payees=9), *deceived).decision is Verdict.REVIEW
    again = [transfer(-hours * HOUR, 20, "friend", **burner), transfer(0, 60, "friend", **burner)]
    assert decided(*months(payees=4), *again).decision is (Verdict.REVIEW if hours < 24 else Verdict.APPROVE)


@pytest.mark.parametrize("days", [8, 15, 25])
@pytest.mark.parametrize("country", ["DE", "VN"])
def test_a_payee_is_known_for_no_more_than_ten_times_what_it_got(country: str, days: int) -> None:
    burner = FROM_ABROAD | {"ipCountry": country}
    tried, stolen = transfer(-days * DAY, 1, "mule", **burner), transfer(0, 4800, "mule", **burner)
    assert decided(*months(payees=4), tried, stolen).decision is Verdict.REVIEW
    paid_in = row(-days * DAY, "DEPOSIT", 1, counterpartyToken="mule", channel="BRANCH")
    assert decided(*months(payees=4), paid_in, stolen).decision is Verdict.REVIEW
    deceived = [transfer(-days * DAY, 1, "swindler"), transfer(0, 4800, "swindler")]
    assert decided(*months(payees=9), *deceived).decision is Verdict.REVIEW
    bought = in_shop(-2 * HOUR, 2600, merchantId="kitchens")
    assert decided(*months(payees=9), transfer(-3 * DAY, 1, "swindler"), bought, deceived[1]).decision is Verdict.REVIEW


def test_who_got_as_much_before_or_has_long_been_paid_is_no_stranger() -> None:
    new_phone = AT_HOME | {"deviceId": "new-phone"}
    rent = [transfer(at * DAY, 900, "landlord", **new_phone) for at in (-29, -1)]
    assert decided(*months(payees=9), *rent, transfer(0, 1100, "landlord", **new_phone)).decision is Verdict.APPROVE
    savings = row(-20 * DAY, "DEPOSIT", 3000, counterpartyToken="savings", channel="MOBILE")
    assert decided(*months(payees=9), savings, transfer(0, 4000, "savings")).decision is Verdict.APPROVE
    lent = transfer(0, 1500, "friend-1")
    assert decided(*months(payees=9), lent).decision is Verdict.APPROVE, "paid for the first time 39 days ago"


def test_a_deposit_after_a_test_with_one_euro_is_reviewed_and_not_declined() -> None:
    tried, deposit = transfer(-10 * DAY, 1, "landlord"), transfer(0, 2400, "landlord")
    assert decided(*months(payees=9), tried, deposit).decision is Verdict.REVIEW
    assert decided(*months(payees=4), tried, deposit).decision is Verdict.APPROVE


def test_thousands_for_somebody_new_are_looked_at_where_few_payees_are_known() -> None:
    assert decided(*months(payees=3), transfer(0, 6000, "swindler")).decision is Verdict.REVIEW
    assert decided(*months(payees=3), transfer(0, 900, "new-landlord")).decision is Verdict.APPROVE


def test_a_landlord_whom_others_pay_is_paid_and_a_payee_of_this_week_looked_at() -> None:
    tenants = [transfer(at * DAY, 800, "landlord", customerId="ben", deviceId="ben") for at in (-50, -20, -10)]
    victims = [transfer(at * DAY, 800, "mule", customerId="ben", deviceId="ben") for at in (-3, -2)]
    assert decided(*months(payees=9), *tenants, transfer(0, 1500, "landlord")).decision is Verdict.APPROVE
    assert decided(*months(payees=9), *victims, transfer(0, 1500, "mule")).decision is Verdict.REVIEW


def test_a_payment_is_taken_back_once() -> None:
    paid = in_shop(-2 * DAY, 60, merchantId="outlet", transactionId="paid")
    part = in_shop(-HOUR, 40, merchantId="outlet", originalTransactionId="paid") | {"type": "REFUND"}
    rest = in_shop(0, 20, merchantId="outlet", originalTransactionId="paid") | {"type": "REFUND"}
    assert decided(*months(payees=4), paid, part, rest).decision is Verdict.APPROVE
    again = decided(*months(payees=4), paid, part, part | {"timestamp": NOW - MINUTE}, rest)
    assert (again.decision, [reason.code for reason in again.reasons]) == (Verdict.REVIEW, ["REFUND_MISMATCH"])


def by_strangers(declined: dict[str, Any], *, times: int) -> list[dict[str, Any]]:
    """Payments of 9.99 at a shop within the last hour, each by somebody never seen before, and declined."""
    return [
        in_shop(-50 * MINUTE + number * MINUTE, 9.99, **declined)
        | {"customerId": f"new-{number}", "cardToken": f"new-{number}", "authorizationResult": "DECLINED"}
        for number in range(times)
    ]


@pytest.mark.parametrize("code", ["1A", "65", "70"])
def test_a_shop_whose_customers_are_asked_to_authenticate_tests_no_cards(code: str) -> None:
    online = {"merchantId": "shop", "channel": "ECOMMERCE", "entryMode": "ECOMMERCE", "cardBin": "400000"}
    asked = by_strangers({**online, "responseCode": code}, times=20)
    again = [
        each | {"timestamp": each["timestamp"] + 30_000, "authorizationResult": "APPROVED", "authentication": "STRONG"}
        for each in asked
    ]
    first = asked[-1] | {"timestamp": NOW, "customerId": "first", "cardToken": "first"}
    decision = decided(*asked, *again, first)
    assert (decision.decision, decision.reasons) == (Verdict.APPROVE, ())


def test_a_new_member_may_pay_while_a_club_collects_again_what_was_declined() -> None:
    club = {"merchantId": "club", "channel": "ECOMMERCE"}
    collected = by_strangers({**club, "entryMode": "CREDENTIAL_ON_FILE", "responseCode": "51"}, times=20)
    joined = {"customerId": "new", "cardToken": "new", "accountOpenedAt": NOW - HOUR}
    new = in_shop(0, 9.99, **club, entryMode="ECOMMERCE") | joined
    assert [decided(*collected[:-1], last).decision for last in (collected[-1], new)] == [Verdict.APPROVE] * 2
    guessed = by_strangers({**club, "entryMode": "ECOMMERCE", "responseCode": "14"}, times=20)
    with_device = [each | {"deviceId": "bot"} for each in collected]
    assert [decided(*tried, new).decision for tried in (guessed, with_device)] == [Verdict.DECLINE] * 2


def test_one_customer_who_tries_again_does_not_stop_a_small_shops_next_guest() -> None:
    shop = {"merchantId": "kiosk", "channel": "ECOMMERCE", "entryMode": "ECOMMERCE"}
    without_money = by_strangers({**shop, "responseCode": "51"}, times=9)
    tried_thrice = [
        each | {"customerId": f"poor-{number // 3}", "cardToken": f"poor-{number // 3}"}
        for number, each in enumerate(without_money)
    ]
    guest = in_shop(0, 8, **shop) | {"customerId": "guest", "cardToken": "guest", "accountOpenedAt": NOW - HOUR}
    assert decided(*tried_thrice, guest).decision is Verdict.APPROVE
    assert decided(*without_money, guest).decision is Verdict.DECLINE


def test_a_broken_line_coded_as_refusals_stops_no_till_holder_or_old_account() -> None:
    refused = by_strangers({"merchantId": "cafe", "responseCode": "05"}, times=20)
    new = in_shop(0, 4, merchantId="cafe") | {"customerId": "new", "cardToken": "new", "accountOpenedAt": NOW - HOUR}
    online = new | {"channel": "ECOMMERCE", "entryMode": "ECOMMERCE"}
    excused = (new, online | {"authentication": "STRONG"}, online | {"accountOpenedAt": NOW - 900 * DAY})
    assert [decided(*refused, last).decision for last in excused] == [Verdict.APPROVE] * 3
    assert decided(*refused, online).decision is Verdict.DECLINE

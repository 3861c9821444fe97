"""Known frauds, and their share of what is old enough to have labels."""

from typing import Any

import pytest

from fraudstream.detection.features import registry
from fraudstream.detection.learning import learn_label
from fraudstream.detection.profiles.profile import LabelChange
from fraudstream.transactions.transaction import TransactionType
from tests.unit.detection.features.feature_harness import DAY, HOUR, MINUTE, computed, learnt, seen, transaction


def test_shares_of_fraud_speak_of_what_is_older_than_the_labels_delay() -> None:
    till: dict[str, Any] = {"terminal_id": "till", "merchant_id": "shop"}
    history = [transaction(day, -day * DAY, **till) for day in range(1, 20)]
    profiles = learnt(list(reversed(history)))
    for each in history[7:11]:  # 8 to 11 days ago
        profiles |= learn_label(each, profiles, LabelChange(each.timestamp + 7 * DAY, 1), 1).changed
    values = seen(transaction(99, **till), profiles, 20.0)
    assert values["terminalFraudShare1d"] == pytest.approx(1 / 2)
    assert values["terminalFraudShare7d"] == pytest.approx(4 / 8)
    assert values["terminalFraudShare30d"] == pytest.approx(4 / 13)
    assert values["merchantFraudShare30d"] == pytest.approx(4 / 13)
    assert values["terminalFraudAgeDays"] == 8
    assert values["terminalFraudSpanDays"] == 11
    assert values["terminalFraudShareLast1"] == 0
    assert values["terminalFraudShareLast2"] == pytest.approx(1 / 2)
    assert values["terminalFraudShareLast5"] == pytest.approx(4 / 5)
    assert (values["terminalFrauds30d"], values["customerFrauds30d"], values["cardFrauds30d"]) == (4, 4, 4)
    assert (values["deviceFrauds30d"], values["ipFrauds30d"], values["merchantFrauds30d"]) == (4, 4, 4)


def test_a_share_of_fraud_without_a_delay_leaves_out_what_is_judged() -> None:
    till: dict[str, Any] = {"terminal_id": "till", "merchant_id": "shop"}
    fraud, judged, later = (transaction(at, at * MINUTE, **till) for at in range(3))
    profiles = learnt([fraud])
    profiles |= learn_label(fraud, profiles, LabelChange(fraud.timestamp + MINUTE, 0), 1).changed
    for known in (profiles, learnt([later], profiles)):
        values = seen(judged, known, 20.0, delay=0)
        assert (values["terminalFraudShare1d"], values["merchantFraudShare30d"]) == (1, 1)


@pytest.mark.parametrize("later", [0, 3 * HOUR, 2 * DAY], ids=["itself, in a retry", "the same day", "another day"])
def test_known_frauds_are_those_of_the_past_alone(later: int) -> None:
    places: dict[str, Any] = {"terminal_id": "till", "merchant_id": "shop", "counterparty_token": "mule"}
    places["type"] = TransactionType.TRANSFER
    history = [transaction(number, (number - 3) * HOUR, **places) for number in range(3)]
    judged, fraud = transaction(7, **places), transaction(7 if later == 0 else 8, later, **places)
    expected = seen(judged, learnt(history), 20.0, delay=0)
    profiles = learnt([*history, fraud])
    profiles |= learn_label(fraud, profiles, LabelChange(fraud.timestamp + MINUTE, 0), 1).changed
    values = seen(judged, profiles, 20.0, delay=0)
    assert {name: values.get(name) for name in registry.NAMES if "Fraud" in name} == {
        name: expected.get(name) for name in registry.NAMES if "Fraud" in name
    }
    assert (values["customerFrauds30d"], values["counterpartyFrauds30d"]) == (0, 0)


def test_nothing_has_a_share_of_fraud_before_its_first_transaction() -> None:
    values = seen(transaction(1, terminal_id="till", merchant_id="shop"), {}, 20.0, delay=0)
    assert (values["terminalFraudShare1d"], values["merchantFraudShare30d"]) == (None, None)


def test_a_terminals_known_frauds_are_set_beside_its_other_amounts() -> None:
    till: dict[str, Any] = {"terminal_id": "till"}
    amounts = [1000, 3000, 2000, 2000]
    history = [transaction(day, -day * DAY, amount_minor=amounts[day - 2], **till) for day in (5, 4, 3, 2)]
    profiles = learnt(history)
    for each in history[1:3]:
        profiles |= learn_label(each, profiles, LabelChange(each.timestamp + HOUR, 1), 1).changed
    values = seen(transaction(99, **till), profiles, 20.0)
    assert (values["terminalFraudAgeDays"], values["terminalFraudSpanDays"]) == (3, 4)
    assert values["terminalFraudAmountRatio"] == pytest.approx(2500 / 2000, rel=0.01)


def test_a_terminal_without_known_fraud_lacks_what_speaks_of_them() -> None:
    values = computed([transaction(1, -DAY, terminal_id="till")], transaction(99, terminal_id="till"))
    assert values.get("terminalFraudSpanDays") is None
    assert values.get("terminalFraudAmountRatio") is None

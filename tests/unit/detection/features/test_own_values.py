"""What a model sees of the transaction itself: codes that never change their meaning, and comparisons of countries."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fraudstream.detection.features.own import INPUTS, VALUES, inputs, own_values
from fraudstream.detection.features.registry import NAMES
from fraudstream.detection.judge import Judge
from fraudstream.detection.models.model import Model, ModelError, load
from fraudstream.detection.models.selection import ActiveModels
from fraudstream.transactions.transaction import AuthorizationResult, Channel, EntryMode, Transaction, TransactionType
from fraudstream_tools.lab.training.boosting import Parameters
from fraudstream_tools.lab.training.fit import TrainingError, fit
from fraudstream_tools.rules.folder import RulesFolder
from tests.unit.detection.model_harness import random_vectors, times_of

RULES = Path(__file__).parents[4] / "rules"

CODES = {
    "ownType": ("PAYMENT", "TRANSFER", "WITHDRAWAL", "DEPOSIT", "REFUND", "REVERSAL"),
    "ownChannel": ("ECOMMERCE", "MOBILE", "POS", "ATM", "MOTO", "BRANCH"),
    "ownEntryMode": ("CHIP", "CONTACTLESS", "MAGSTRIPE", "MANUAL", "CREDENTIAL_ON_FILE", "ECOMMERCE"),
}
"""In the order of their numbers, which trained models hold: a code is added at the end, and none moves."""


def paid(**fields: Any) -> Transaction:
    told: dict[str, Any] = {
        "transaction_id": "t-1",
        "timestamp": 0,
        "received_at": 0,
        "amount_minor": 100,
        "currency": "EUR",
        "type": TransactionType.PAYMENT,
        "customer_id": "tok_customer",
    }
    return Transaction(**(told | fields))


def named(transaction: Transaction) -> dict[str, float | None]:
    return dict(zip((each.name for each in VALUES), own_values(transaction), strict=True))


def test_codes_have_the_numbers_that_models_have_learnt() -> None:
    assert {"ownType": (*TransactionType,), "ownChannel": (*Channel,), "ownEntryMode": (*EntryMode,)} == CODES
    for number, kind in enumerate(TransactionType):
        assert named(paid(type=kind))["ownType"] == number
    for number, channel in enumerate(Channel):
        assert named(paid(channel=channel))["ownChannel"] == number
    for number, mode in enumerate(EntryMode):
        assert named(paid(entry_mode=mode))["ownEntryMode"] == number


def test_countries_are_compared_where_both_are_known() -> None:
    abroad = named(paid(card_country="DE", merchant_country="VN", ip_country="VN", billing_country="DE"))
    assert {name: value for name, value in abroad.items() if "At" in name} == {
        "ownCardAtHome": 0,
        "ownAddressAtCard": 0,
        "ownAddressAtMerchant": 1,
        "ownBillingAtCard": 1,
    }
    assert named(paid(card_country="DE"))["ownCardAtHome"] is None


def test_a_bare_transaction_tells_its_type_alone() -> None:
    assert {name for name, value in named(paid()).items() if value is not None} == {"ownType"}
    assert named(paid(merchant_category_code="5411"))["ownMerchantGroup"] == 54


def test_what_the_issuer_answered_is_nothing_to_learn_from() -> None:
    """Of declined payments hardly any is labelled but fraud: a model would flag each of them."""
    answered = paid(authorization_result=AuthorizationResult.DECLINED, response_code="14")
    assert own_values(answered) == own_values(paid())


@pytest.fixture(scope="module")
def model() -> Model:
    """A model of fraud that happens on one channel alone."""
    vectors = np.hstack([random_vectors(3000, 1), np.full((3000, len(VALUES)), np.nan)])
    chance = np.random.default_rng(2)
    channels = chance.integers(0, 6, 3000)
    vectors[:, INPUTS.index("ownChannel")] = channels
    labels = (channels == list(Channel).index(Channel.MOTO)) & (chance.random(3000) < 0.9)
    return fit(vectors, labels, times_of(3000), use=INPUTS, parameters=Parameters(trees=10), own_labels=True)


def test_a_model_judges_by_the_channel_and_says_so(model: Model) -> None:
    rules = RulesFolder(RULES).load()
    ruleset = rules.with_models(ActiveModels(live=load(model.to_json())))
    suspect, usual = (
        Judge(ruleset).judge(paid(channel=channel), {}, 0).decision for channel in (Channel.MOTO, Channel.POS)
    )
    assert suspect.score > usual.score
    assert ("MODEL_TRANSACTION", "ownChannel") in {(each.code, each.source) for each in suspect.reasons}


def test_a_model_sees_the_features_and_then_what_is_the_transactions_own() -> None:
    seen = inputs((None,) * len(NAMES), paid(channel=Channel.ATM))
    assert len(seen) == len(INPUTS)
    assert seen[INPUTS.index("ownChannel")] == 3


def test_features_alone_can_be_learnt_from_too_and_nothing_that_is_not_there() -> None:
    vectors = random_vectors(3000, 1)
    with pytest.raises(TrainingError, match="there is no feature ownType"):
        fit(vectors, np.arange(3000) % 9 == 0, times_of(3000), use=INPUTS)


def test_a_model_that_names_something_unknown_of_the_transaction_is_refused(model: Model) -> None:
    with pytest.raises(ModelError):
        load(model.to_json().replace(b"ownChannel", b"ownShannel"))

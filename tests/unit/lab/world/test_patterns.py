"""Every simulated episode shows its pattern in the features, and no trap shows the one that it looks like."""

from collections.abc import Callable
from pathlib import Path

import pytest

from fraudstream.detection.features import codec, registry
from fraudstream.detection.judge import Judge
from fraudstream_tools.lab.episodes.catalog import EPISODES
from fraudstream_tools.lab.episodes.lookalikes import LOOKALIKES
from fraudstream_tools.lab.replay.history import as_transaction, judge_history
from fraudstream_tools.lab.world.simulate import WorldSettings, simulate
from fraudstream_tools.rules.folder import RulesFolder

Row = dict[str, float]
Seen = dict[str, list[Row]]


@pytest.fixture(scope="module")
def seen() -> Seen:
    """Features by the name of the episode or trap; what is missing is not there."""
    world = simulate(WorldSettings(seed=13, customers=200, days=52, activity=1.0, episodes=14.0, traps=6.0))
    transactions = [as_transaction(row, number) for number, row in enumerate(world.transactions, start=1)]
    judge = Judge(RulesFolder(Path("rules")).load())
    found: Seen = {}
    for truth, (transaction, decision) in zip(world.truths, judge_history(transactions, {}, judge), strict=True):
        vector = zip(registry.NAMES, codec.unpack(decision.features), strict=True)
        row = {name: value for name, value in vector if value is not None}
        abroad = transaction.ip_country is not None and transaction.ip_country != transaction.card_country
        row["abroad"] = float(abroad and transaction.billing_country != transaction.ip_country)
        found.setdefault(truth.episode or truth.trap, []).append(row)
    return found


PATTERNS: dict[str, Callable[[Row], bool]] = {
    "card_testing": lambda row: row["deviceDeclinedCards1h"] >= 3 and row["ipDeclinedCards1h"] >= 3,
    "account_takeover": lambda row: (
        max(row["customerDeviceAgeHours"], row["customerCountryAgeHours"], row["customerPayeeAgeHours"]) < 24
    ),
    "impossible_travel": lambda row: row.get("travelKm", 0) >= 500 and row["travelKmPerHour"] >= 1000,
    "stolen_card": lambda row: row["cardCount2h"] > 3,
    "country_mismatch": lambda row: row["abroad"] == 1,
    "repeated_declines": lambda row: row["cardDeclines24h"] > 2,
    "compromised_terminal": lambda row: row["terminalCount24h"] >= 2 and row["terminalAmountRatio"] > 1,
    "money_mule": lambda row: row["customerOut24h"] + row["amountBase"] >= 0.8 * row["customerIn24h"] > 0,
    "structuring": lambda row: row["customerNearThreshold7d"] > 5,
    "merchant_enumeration": lambda row: row.get("merchantDeclineShare1h", 0) >= 0.2 and row["merchantCount1h"] >= 20,
    "many_merchants": lambda row: row["cardMerchants7d"] >= 10,
    "odd_hour": lambda row: row.get("customerHourShare", 1) < 0.05,
    "refund_abuse": lambda row: row["customerRefundSum7d"] > 5000,
    "duplicate_payment": lambda row: row.get("cardRepeatSeconds", 999) <= 300,
    "new_device_high_amount": lambda row: (
        row["customerDeviceAgeHours"] < 24 and row.get("customerAmountDeviations", 0) > 1.645
    ),
    "amount_outlier": lambda row: row.get("customerAmountDeviations", 0) > 3 and row["customerAmountRatio"] > 2,
    "round_amounts": lambda row: row["amountTrailingZeros"] >= 2,
    "dormant_account": lambda row: row.get("customerIdleDays", 0) >= 30 and row["amountBase"] > 200,
}


def test_there_is_a_pattern_for_every_episode() -> None:
    assert PATTERNS.keys() == EPISODES.keys()


@pytest.mark.parametrize("episode", EPISODES)
def test_an_episode_shows_its_pattern(seen: Seen, episode: str) -> None:
    assert any(PATTERNS[episode](row) for row in seen[episode])


def test_all_traps_happen(seen: Seen) -> None:
    assert LOOKALIKES.keys() <= seen.keys()


def test_an_outage_leaves_no_declines_that_are_evidence(seen: Seen) -> None:
    assert max(row["merchantCount1h"] for row in seen["processor_outage"]) > 30
    assert max(row["merchantDeclineShare1h"] for row in seen["processor_outage"] if row["merchantCount1h"] > 30) < 0.1


def test_a_wallets_tokens_are_one_card(seen: Seen) -> None:
    assert max(row["deviceDeclinedCards1h"] for row in seen["wallet_tokens"]) == 1
    assert max(row["deviceCount1h"] for row in seen["wallet_tokens"]) >= 2


def test_a_carriers_address_has_declined_cards_among_many_good_ones(seen: Seen) -> None:
    assert max(row["ipDeclinedCards1h"] for row in seen["carrier_address"]) >= 1
    assert max(row["ipCount1h"] for row in seen["carrier_address"]) >= 4
    assert not any(row["ipDeclinedCards1h"] >= 3 and row["ipDeclineShare1h"] >= 0.5 for row in seen["carrier_address"])


def test_rent_goes_to_known_payees_and_friends_pay_the_same_again(seen: Seen) -> None:
    assert any(PATTERNS["money_mule"](row) for row in seen["rent_after_salary"])
    assert any(PATTERNS["duplicate_payment"](row) for row in seen["tickets_for_friends"])


def test_honest_accounts_wake_too(seen: Seen) -> None:
    assert any(row.get("customerIdleDays", 0) >= 30 for row in seen[""])

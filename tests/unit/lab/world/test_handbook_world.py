"""The handbook's world: its statistics are those that its description implies."""

import dataclasses
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np
import pytest

from fraudstream.transactions.request import TransactionRequest
from fraudstream_tools.lab.files.transactions import read_records, read_transactions
from fraudstream_tools.lab.world.handbook import HandbookSettings, HandbookWorld, make_handbook_world
from tests.cli_harness import Command

SMALL = HandbookSettings(seed=3, customers=400, terminals=800, days=40)
DAY = 86_400


@pytest.fixture(scope="module")
def whole() -> HandbookWorld:
    return make_handbook_world(HandbookSettings(seed=11))


@pytest.fixture(scope="module")
def small() -> HandbookWorld:
    return make_handbook_world(SMALL)


def test_it_is_as_large_as_the_handbooks(whole: HandbookWorld) -> None:
    # 5,000 customers, 183 days, two a day, of which 3.1 % fall out of their day: 1.77 million, more or less.
    assert len(whole.time_seconds) == pytest.approx(1_773_000, rel=0.03)
    assert (whole.customer_id.max(), whole.terminal_id.max()) == (4999, 9999)
    assert whole.time_seconds.max() // DAY == 182


def test_frauds_are_as_frequent_as_the_handbooks_and_in_the_same_proportions(whole: HandbookWorld) -> None:
    # Published: 0.837 % in all; of all transactions 0.055 %, 0.52 % and 0.26 % by scenario.
    assert whole.fraud.mean() == pytest.approx(0.0084, rel=0.1)
    shares = [float((whole.scenario == number).mean()) for number in (1, 2, 3)]
    assert shares == [
        pytest.approx(0.00055, rel=0.15),
        pytest.approx(0.0052, rel=0.1),
        pytest.approx(0.0026, rel=0.15),
    ]


def test_times_centre_on_noon_and_amounts_on_what_customers_spend(whole: HandbookWorld) -> None:
    seconds = whole.time_seconds % DAY
    assert seconds.mean() == pytest.approx(DAY / 2, rel=0.005)
    # A normal distribution with a deviation of 20,000 s, cut off 43,200 s from its middle.
    assert seconds.std() == pytest.approx(18_200, rel=0.01)
    honest = whole.amount_cents[~whole.fraud]
    # Usual amounts lie evenly between 5 and 100; negative ones (2.3 % of them) are drawn anew around the same mean.
    assert honest.mean() == pytest.approx(5300, rel=0.03)
    assert honest.min() >= 0


def test_a_large_amount_is_always_fraud(small: HandbookWorld) -> None:
    assert small.fraud[small.amount_cents > 22_000].all()
    assert (small.amount_cents[small.scenario == 1] > 22_000).all()


def test_all_that_happens_at_a_compromised_terminal_is_fraud_for_its_days(small: HandbookWorld) -> None:
    by_terminal = {
        terminal: np.unique(small.time_seconds[(small.terminal_id == terminal) & (small.scenario == 2)] // DAY)
        for terminal in np.unique(small.terminal_id[small.scenario == 2])
    }
    assert len(by_terminal) == pytest.approx(2 * SMALL.days, rel=0.15)
    honest = small.scenario == 0
    for terminal, days in by_terminal.items():
        whole_stays = np.concatenate([[days[0]], days[-1:]])
        if whole_stays[1] - whole_stays[0] < SMALL.compromise_days:
            of_it = honest & (small.terminal_id == terminal)
            between = (small.time_seconds[of_it] // DAY > days[0]) & (small.time_seconds[of_it] // DAY < days[-1])
            assert not between.any()


def test_a_third_of_a_leaked_cards_payments_are_five_times_as_large(small: HandbookWorld) -> None:
    without = make_handbook_world(dataclasses.replace(SMALL, leak_days=0))
    leaked = small.scenario == 3
    assert (without.time_seconds == small.time_seconds).all()
    assert (small.amount_cents[~leaked] == without.amount_cents[~leaked]).all()
    assert (small.amount_cents[leaked] % (5 * without.amount_cents[leaked]) == 0).all()
    # Three customers a day, 14 days each, 1.94 payments a day; a third of them, rounded down.
    assert leaked.sum() == pytest.approx(3 * SMALL.days * 14 * 1.94 / 3, rel=0.35)


def test_terminals_lie_around_their_customers(small: HandbookWorld) -> None:
    # A circle of radius 5 holds at most π·25 of 10,000 unit squares: 6.3 of 800 terminals.
    used = [len(np.unique(small.terminal_id[small.customer_id == customer])) for customer in range(SMALL.customers)]
    assert np.mean(used) < 2 * 6.3
    assert max(used) < 25


def test_it_is_in_order_and_the_same_for_the_same_settings(small: HandbookWorld) -> None:
    again = make_handbook_world(SMALL)
    assert all((small.columns()[name] == column).all() for name, column in again.columns().items())
    assert (np.diff(small.time_seconds) >= 0).all()
    other = make_handbook_world(dataclasses.replace(SMALL, seed=4))
    assert len(other.time_seconds) != len(small.time_seconds)


def test_behaviour_can_shift_while_the_world_goes_on() -> None:
    shifted = make_handbook_world(dataclasses.replace(SMALL, spending=2.0, activity=1.5, shift_day=20))
    late = shifted.time_seconds // DAY >= 20
    honest = shifted.scenario != 3
    before, after = shifted.amount_cents[~late & honest], shifted.amount_cents[late & honest]
    assert after.mean() / before.mean() == pytest.approx(2, rel=0.1)
    assert late.sum() / (~late).sum() == pytest.approx(1.5, rel=0.1)


@pytest.mark.parametrize(
    "wrong", [{"customers": 0}, {"terminals": 0}, {"days": 0}, {"radius": 0.0}, {"spending": -1.0}, {"leak_days": -1}]
)
def test_settings_that_make_no_world_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"must be|at least"):
        make_handbook_world(dataclasses.replace(SMALL, **wrong))


def test_a_world_with_no_terminal_near_anybody_has_no_transactions() -> None:
    empty = make_handbook_world(HandbookSettings(customers=3, terminals=1, days=2, radius=1e-9))
    assert len(empty.time_seconds) == 0


def test_the_api_would_take_every_transaction(small: HandbookWorld) -> None:
    start = datetime(2018, 4, 1, tzinfo=UTC).timestamp() * 1000
    for number, transaction in enumerate(small.transactions()):
        msgspec.convert(transaction, TransactionRequest)
        assert transaction["timestamp"] == start + small.time_seconds[number] * 1000
        assert transaction["amountMinor"] == small.amount_cents[number]


def test_the_truth_is_known_seven_days_later(small: HandbookWorld) -> None:
    for transaction, truth in zip(small.transactions(), small.truths(), strict=True):
        assert transaction["transactionId"] == truth["transactionId"]
        assert truth.get("labeledAt", None) == (transaction["timestamp"] + 7 * DAY * 1000 if truth["fraud"] else None)
        assert truth.get("label") == ("FRAUD" if truth["fraud"] else None)


@pytest.mark.parametrize("ending", [".parquet", ".csv"])
def test_the_command_writes_the_handbooks_table(fraudstream: Command, tmp_path: Path, ending: str) -> None:
    options = ("--world", "handbook", "--customers", 60, "--terminals", 200, "--days", 10, "--seed", 2)
    ran = fraudstream("simulate", *options, "--output", f"world{ending}")
    assert ran.code == 0, ran.err
    made = make_handbook_world(HandbookSettings(seed=2, customers=60, terminals=200, days=10))
    rows = list(read_records(tmp_path / f"world{ending}"))
    assert [{name: int(value) for name, value in row.items()} for row in rows] == [
        dict(zip(made.columns(), values, strict=True))
        for values in zip(*(column.tolist() for column in made.columns().values()), strict=True)
    ]
    assert list(rows[0]) == [
        "transaction_id",
        "time_seconds",
        "customer_id",
        "terminal_id",
        "amount_cents",
        "fraud",
        "scenario",
    ]
    assert f"{len(rows):,} transactions" in ran.out


def test_the_command_writes_what_the_api_takes_when_asked(fraudstream: Command, tmp_path: Path) -> None:
    options = ("--world", "handbook", "--customers", 60, "--terminals", 200, "--days", 10, "--api-fields")
    assert fraudstream("simulate", *options, "--output", "world.jsonl").code == 0
    made = make_handbook_world(HandbookSettings(seed=1, customers=60, terminals=200, days=10))
    assert list(read_transactions(tmp_path / "world.jsonl")) == list(made.transactions())
    assert list(read_records(tmp_path / "world.truth.jsonl")) == list(made.truths())


def test_a_world_refuses_the_options_of_the_other(fraudstream: Command) -> None:
    for options, told in (
        (("--world", "handbook", "--episodes", 3), "handbook has no --episodes:"),
        (("--terminals", 10, "--customers", 5), "towns has no --terminals:"),
        (("--leak-days", 1, "--api-fields"), "towns has no --leak-days and no --api-fields:"),
    ):
        ran = fraudstream("simulate", *options, "--output", "x.csv")
        assert ran.code == 1
        assert told in ran.err


def test_a_table_goes_into_no_other_file(fraudstream: Command) -> None:
    ran = fraudstream("simulate", "--world", "handbook", "--customers", 5, "--days", 1, "--output", "x.jsonl")
    assert ran.code == 1
    assert "ends in .parquet or .csv" in ran.err

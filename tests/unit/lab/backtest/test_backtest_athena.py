"""Backtests by Athena say what backtests of a copy of the log say."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
import sqlglot

from fraudstream.detection.models.model import load as load_model
from fraudstream.detection.models.model import seal
from fraudstream.detection.rules.ruleset import Ruleset
from fraudstream.reporting.log.reader.decision_log import open_log
from fraudstream_tools.analytics.answers import QuestionError
from fraudstream_tools.analytics.athena import MOST_STATEMENT_BYTES, Athena
from fraudstream_tools.lab.backtest import athena_engine, duckdb_engine
from fraudstream_tools.lab.backtest.athena_engine import AthenaBacktest
from fraudstream_tools.lab.backtest.run import Contestant
from tests.athena_harness import DATABASE, WORKGROUP, LocalAthena, local_athena
from tests.unit.analytics.log_harness import days, happened
from tests.unit.lab.backtest_harness import DELAY, MODELLED, OTHER, SHIPPED


@pytest.fixture(scope="session")
def log(world_log: Path) -> Path:
    return world_log


@pytest.fixture
def local(log: Path) -> Iterator[LocalAthena]:
    with local_athena(log) as athena:
        yield athena


@pytest.fixture
def athena(local: LocalAthena) -> Athena:
    return Athena(client=local.client, workgroup=WORKGROUP, database=DATABASE, sleep=lambda _: None)


def backtest(*contestants: Contestant) -> tuple[AthenaBacktest, list[Ruleset]]:
    rulesets = [each.load() for each in contestants]
    return AthenaBacktest(days=(days()[0], days()[-1]), rulesets=rulesets, label_delay_days=DELAY), rulesets


@pytest.mark.parametrize(
    "contestants",
    [(SHIPPED,), (SHIPPED, OTHER), (OTHER, MODELLED), (MODELLED, SHIPPED._replace(live_model=MODELLED.live_model))],
    ids=["shipped", "two", "with a model", "one model"],
)
def test_athena_says_what_duckdb_says_of_a_copy(
    athena: Athena, local: LocalAthena, log: Path, contestants: tuple[Contestant, ...]
) -> None:
    asked, rulesets = backtest(*contestants)
    found = athena_engine.tally(athena, asked, with_changes=True)
    with open_log(log, label_delay_days=DELAY) as opened:
        expected = duckdb_engine.tally(opened, rulesets, with_changes=True)
    assert found.tally == expected
    assert found.tally.transactions > 1000
    assert {each.query_id for each in found.answers} == set(local.executions)
    assert bool(found.tally.changes) == (len(contestants) > 1)


def test_changes_are_listed_by_as_many_statements_as_their_length_asks_for(
    athena: Athena, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, _ = backtest(SHIPPED, OTHER)
    whole = athena_engine.tally(athena, asked, with_changes=True)
    monkeypatch.setattr(athena_engine, "_FOR_CHANGES", 2000)
    parts = athena_engine.tally(athena, asked, with_changes=True)
    assert len(whole.answers) == 3
    assert len(parts.answers) > 6
    assert parts.tally == whole.tally


def test_only_the_days_that_were_named_are_judged(athena: Athena) -> None:
    _, rulesets = backtest(SHIPPED)
    day = days()[3]
    asked = AthenaBacktest(days=(day, day + timedelta(days=1)), rulesets=rulesets, label_delay_days=DELAY)
    found = athena_engine.tally(athena, asked, with_changes=False).tally
    chosen = [each for each in happened() if each.day in asked.days]
    assert found.transactions == len(chosen) > 10


def test_days_without_a_decision_are_named(athena: Athena) -> None:
    _, rulesets = backtest(SHIPPED)
    long_ago = days()[0].replace(year=1999)
    asked = AthenaBacktest(days=(long_ago, long_ago), rulesets=rulesets, label_delay_days=DELAY)
    with pytest.raises(QuestionError, match="no decision from 1999"):
        athena_engine.tally(athena, asked, with_changes=False)


def test_two_models_of_the_size_that_ships_fit_into_a_statement() -> None:
    content = Path("models/default.json").read_bytes()
    file = load_model(content).file
    other = seal(msgspec.structs.replace(file, trees=(*file.trees[1:], file.trees[0]))).to_json()
    one, two = SHIPPED._replace(live_model=content), MODELLED._replace(live_model=other)
    asked, _ = backtest(one, two)
    assert 200_000 < len(asked.query(1, is_labelled=True).counts().encode()) < MOST_STATEMENT_BYTES
    same, _ = backtest(one, two._replace(live_model=content))
    lengths = [len(each.query(1, is_labelled=True).counts()) for each in (same, asked)]
    assert lengths[0] < 0.6 * lengths[1], "a model of both is said once"


def test_every_statement_is_of_athenas_dialect_and_chooses_days() -> None:
    asked, _ = backtest(SHIPPED, MODELLED)
    query = asked.query(1, is_labelled=True)
    keys = [[1, *([0] * (len(query.keys) - 1))]]
    for sql in (asked.summary(), query.counts(), *athena_engine.change_statements(query, keys)):
        assert len(sqlglot.parse(sql, read="athena")) == 1
        assert sql.count('"date" BETWEEN') == 2

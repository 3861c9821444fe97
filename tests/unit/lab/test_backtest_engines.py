"""Backtests by DuckDB say what backtests by Python say, of whatever state a log is in."""

import gzip
from collections.abc import Iterator

import msgspec
import pytest

from fraudstream.contract import RULESET_FILES
from fraudstream.detection.features.codec import unpack
from fraudstream.detection.features.registry import NAMES
from fraudstream.detection.rules.language.sql import select
from fraudstream.reporting.log.reader.decision_log import DecisionLog, open_log
from fraudstream_tools.lab.backtest import duckdb_engine
from fraudstream_tools.lab.backtest.log_samples import log_samples
from fraudstream_tools.lab.backtest.run import BacktestTally, Contestant, Evaluator
from fraudstream_tools.lab.models_as_sql import raw_sum
from tests.unit.detection.model_harness import small_model
from tests.unit.lab.backtest_harness import LISTS, RATES, RULES, log_records, ruleset_file

SHIPPED = Contestant(*(RULES.joinpath(name).read_bytes() for name in RULESET_FILES))
OTHER = Contestant(
    ruleset_file(
        [
            ("large", "amountBase > 100 and not listed('trusted')", 3),
            ("ratio", "amountBase / customerAmountMean >= min(3, cardCount7d)", 2.5),
            ("abroad", "merchantCountry != cardCountry or channel == 'ATM'", 1),
            ("far", "max(travelKm, merchantAmountRatio * 10) > 50", 0.7),
            ("quiet", "customerIdleDays > 3", 1),
        ],
        shadow=["quiet"],
    ),
    RATES,
    LISTS,
)
MODELLED = OTHER._replace(live_model=small_model(own_labels=True).to_json())


@pytest.fixture(scope="module", params=["listed", "packed alone"])
def log(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DecisionLog]:
    """A log whose records come twice; as this version writes it, and as an older one did."""
    records = log_records()
    if request.param == "packed alone":
        records = [
            {name: value for name, value in record.items() if name not in ("featureSchema", "featureValues")}
            for record in records
        ]
    records[3] |= {"features": "AAE="}
    records[3].pop("featureSchema", None)
    records[3].pop("featureValues", None)
    folder = tmp_path_factory.mktemp("log")
    content = gzip.compress(msgspec.json.Encoder().encode_lines(records), compresslevel=1)
    for name in ("a", "b"):
        folder.joinpath(f"{name}-{len(records)}.jsonl.gz").write_bytes(content)
    with open_log(folder, label_delay_days=2) as opened:
        yield opened


def by_python(log: DecisionLog, *contestants: Contestant) -> BacktestTally:
    return Evaluator(contestants, with_changes=True).tally(log_samples(log))


def by_duckdb(log: DecisionLog, *contestants: Contestant) -> BacktestTally:
    return duckdb_engine.tally(log, [each.load() for each in contestants], with_changes=True)


@pytest.mark.parametrize(
    "contestants",
    [(SHIPPED,), (SHIPPED, OTHER), (OTHER, MODELLED), (MODELLED,)],
    ids=["shipped", "two", "with a model", "a model alone"],
)
def test_both_engines_say_the_same_of_a_log(log: DecisionLog, contestants: tuple[Contestant, ...]) -> None:
    expected, found = by_python(log, *contestants), by_duckdb(log, *contestants)
    assert found == expected
    assert found.transactions > 1000
    assert found.other_features == 1
    if len(contestants) > 1:
        assert len(found.changes) > 10


def test_a_models_sum_by_sql_is_the_one_that_judges(log: DecisionLog) -> None:
    model = small_model()
    query = select(log.decided_rows(), [], ["features", raw_sum(model.file)])
    for packed, found in log.ask(query):
        assert found == model.raw(unpack(packed))


def test_the_columns_are_the_vector_that_was_judged(log: DecisionLog) -> None:
    for packed, *values in log.ask(select(log.decided_rows(), [], ["features", *NAMES])):
        assert tuple(values) == unpack(packed)

"""Backtests by DuckDB say what backtests by Python say, of whatever state a log is in."""

import gzip
from collections.abc import Iterator

import msgspec
import pytest

from fraudstream.detection.features.codec import unpack
from fraudstream.detection.features.own import VALUES, own_values
from fraudstream.detection.features.registry import NAMES
from fraudstream.detection.models.model import RuleWeight, seal
from fraudstream.detection.rules.counting import fingerprint
from fraudstream.detection.rules.language.sql import select
from fraudstream.reporting.log.reader.decision_log import DecisionLog, open_log
from fraudstream_tools.lab.backtest import duckdb_engine
from fraudstream_tools.lab.backtest.log_samples import log_samples
from fraudstream_tools.lab.backtest.run import BacktestTally, Contestant, Evaluator
from fraudstream_tools.lab.models_as_sql import raw_sum
from tests.unit.detection.model_harness import small_model
from tests.unit.lab.backtest_harness import LISTS, MODELLED, OTHER, RATES, SHIPPED, log_records

MODEL = small_model(own_labels=True).to_json()


def in_families(*, proven: str = "", share: float | None = None, **acting: dict[str, float]) -> Contestant:
    """Rules whose points a family caps, hits that have a floor, and scores that only two families may decline by.

    Args:
        proven: the rule that may decline by itself.
        share: of the customers for whom each counts.
        acting: what is done at probabilities.
    """
    rules = [
        ("large", "amount", "high", "amountBase > 100 and type == 'PAYMENT'", 3),
        ("ratio", "amount", "medium", "amountBase / customerAmountMean >= 2 and type == 'PAYMENT'", 2.5),
        ("abroad", "place", "low", "(merchantCountry != cardCountry or channel == 'ATM') and present(type)", 2.7),
        ("far", "place", "high", "max(travelKm, merchantAmountRatio * 10) > 50 and present(type)", 0.7),
    ]
    return Contestant(
        msgspec.json.encode(
            {
                "schemaVersion": 2,
                "baseLogOdds": -3,
                "thresholds": {"review": 30, "decline": 70},
                "families": {"place": 2.9, "amount": 4.1},
                "floors": {"high": 31},
                **acting,
                "rules": [
                    {
                        "id": name,
                        "description": name,
                        "when": when,
                        "points": points,
                        "family": family,
                        "reasonCode": "AMOUNT_OUTLIER",
                        "severity": severity,
                        "source": "own",
                        "provenPrecision": 0.95 if name == proven else 0.0,
                        **({} if share is None else {"share": share}),
                    }
                    for name, family, severity, when, points in rules
                ],
            }
        ),
        RATES,
        LISTS,
    )


FAMILIES, PROVEN, HALF = in_families(), in_families(proven="large"), in_families(share=0.5)

LIKELY = in_families(probabilities={"review": 0.1, "decline": 0.4})
COSTLY = in_families(costs={"review": 4, "honestDecline": 200, "fraud": 15})


def weighing(contestant: Contestant) -> bytes:
    """A model that weighs some of the rules and has not seen the others; nothing is less likely than 1 in 20."""
    weights = dict(zip([rule.id for rule in contestant.load().rules], (0.3, 0.7, 0.123), strict=False))
    told = {
        rule.id: RuleWeight(rule=fingerprint(rule), weight=weights[rule.id], hits=5)
        for rule in contestant.load().rules
        if rule.id in weights
    }
    file = small_model(own_labels=True).file
    assert file.probability is not msgspec.UNSET
    curve = msgspec.structs.replace(file.probability, least=0.05)
    return seal(msgspec.structs.replace(file, rule_weights=told, probability=curve)).to_json()


WEIGHING = weighing(FAMILIES)


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
    [
        (SHIPPED,),
        (SHIPPED, OTHER),
        (OTHER, MODELLED),
        (MODELLED,),
        (FAMILIES, PROVEN),
        (FAMILIES, FAMILIES._replace(live_model=MODEL)),
        (OTHER, SHIPPED._replace(live_model=MODEL)),
        (FAMILIES._replace(live_model=MODEL), FAMILIES._replace(live_model=WEIGHING)),
        (FAMILIES, HALF),
        (HALF._replace(live_model=MODEL), FAMILIES),
        (FAMILIES._replace(live_model=WEIGHING), LIKELY._replace(live_model=WEIGHING)),
        (FAMILIES._replace(live_model=WEIGHING), COSTLY._replace(live_model=WEIGHING)),
    ],
    ids=[
        "shipped",
        "two",
        "with a model",
        "a model alone",
        "families",
        "families and a model",
        "shipped and a model",
        "rules weighed",
        "a share of the customers",
        "a share beside a model",
        "thresholds of probabilities",
        "costs",
    ],
)
def test_both_engines_say_the_same_of_a_log(log: DecisionLog, contestants: tuple[Contestant, ...]) -> None:
    expected, found = by_python(log, *contestants), by_duckdb(log, *contestants)
    assert found == expected
    assert found.transactions > 1000
    assert found.other_features == 1
    assert sum(each.unvalued for each in found.sums.values()) > 100
    if len(contestants) > 1:
        assert len(found.changes) > 10


def test_a_models_sum_by_sql_is_the_one_that_judges(log: DecisionLog) -> None:
    model = small_model()
    query = select(log.decided_rows(), [], ["features", raw_sum(model.file)])
    for packed, found in log.ask(query):
        assert found == model.raw(unpack(packed))


def test_what_a_model_sees_of_the_transaction_itself_is_the_same_by_sql(log: DecisionLog) -> None:
    columns = ["transactionId", *(f"{each.sql} AS {each.name}" for each in VALUES)]
    by_sql = {name: tuple(values) for name, *values in log.ask(select(log.decided_rows(), [], columns))}
    by_python = {each.transaction.transaction_id: own_values(each.transaction) for each in log.decisions()}
    # What has no features that can be read is not judged.
    assert by_sql == {name: by_python[name] for name in by_sql}
    assert {place for values in by_python.values() for place, value in enumerate(values) if value is not None} == set(
        range(len(VALUES))
    )


def test_the_columns_are_the_vector_that_was_judged(log: DecisionLog) -> None:
    for packed, *values in log.ask(select(log.decided_rows(), [], ["features", *NAMES])):
        assert tuple(values) == unpack(packed)

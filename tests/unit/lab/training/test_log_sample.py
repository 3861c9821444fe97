"""A sample of a log stands for the whole of it, in whatever is learnt and measured."""

import gzip
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest

from fraudstream.detection.features.registry import NAMES
from fraudstream.reporting.log.reader.decision_log import DecisionLog, open_log
from fraudstream.reporting.log.reader.standing import Standing
from fraudstream_tools.lab.files.log_examples import from_log
from fraudstream_tools.lab.training.boosting import Parameters
from fraudstream_tools.lab.training.calibration import platt
from fraudstream_tools.lab.training.fit import Validation, fit
from fraudstream_tools.lab.training.measuring.distributions import distributions
from fraudstream_tools.lab.training.measuring.metrics import metrics
from fraudstream_tools.lab.training.rules.rule_hits import rule_hits
from fraudstream_tools.lab.training.rules.rule_weighing import combine
from fraudstream_tools.lab.training.samples import log_sample
from fraudstream_tools.lab.training.samples.log_sample import LogSample, shares_of
from fraudstream_tools.lab.training.storage.model_card import model_card
from fraudstream_tools.rules.folder import RulesFolder
from tests.cli_harness import Command, clean_environment
from tests.unit.lab.backtest_harness import RULES, log_records

RULESET = RulesFolder(RULES).load()
MOST = 600


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("log")
    content = gzip.compress(msgspec.json.Encoder().encode_lines(log_records()), compresslevel=1)
    folder.joinpath("a.jsonl.gz").write_bytes(content)
    return folder


@pytest.fixture(scope="module")
def log(folder: Path) -> Iterator[DecisionLog]:
    with open_log(folder, label_delay_days=2) as opened:
        yield opened


def test_all_frauds_are_drawn_and_the_rest_stands_for_all(log: DecisionLog) -> None:
    whole, sample = from_log(log, RULESET), from_log(log, RULESET, most=MOST)
    assert whole.weights is None
    assert sample.weights is not None
    assert sample.drawn
    assert whole.drawn
    assert whole.drawn.taken == whole.drawn.of == sample.drawn.of == int((~whole.labels).sum())
    assert int(sample.labels.sum()) == int(whole.labels.sum()) > 50
    assert abs(sample.drawn.taken - MOST) < 4 * MOST**0.5
    assert sample.weights[~sample.labels].sum() == pytest.approx(whole.drawn.of)
    assert set(sample.weights[sample.labels]) == {1.0}
    assert sample.left_out == whole.left_out


def test_what_was_declined_without_a_label_is_drawn_too(log: DecisionLog, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = from_log(log, RULESET)
    assert whole.stopped is not None
    assert len(whole.stopped.timestamps) == whole.left_out.declined > 50
    monkeypatch.setattr(log_sample, "MOST_STOPPED", 20)
    drawn = from_log(log, RULESET).stopped
    assert drawn is not None
    assert drawn.weights is not None
    assert 5 < len(drawn.timestamps) < 50
    assert drawn.weights.sum() == pytest.approx(whole.left_out.declined)


def test_every_day_has_its_weight(log: DecisionLog) -> None:
    whole, sample = from_log(log, RULESET), from_log(log, RULESET, most=MOST)
    assert sample.weights is not None
    for day in np.unique(whole.timestamps // 86_400_000):
        here = (sample.timestamps // 86_400_000 == day) & ~sample.labels
        expected = int(((whole.timestamps // 86_400_000 == day) & ~whole.labels).sum())
        assert sample.weights[here].sum() == pytest.approx(expected, rel=0.1)


def test_more_is_drawn_where_scores_are_high(log: DecisionLog) -> None:
    sample = LogSample(log, MOST)
    shares = shares_of(sample.strata.legitimate, MOST)
    assert shares[0] < shares[1] <= shares[2]
    drawn = [row.stratum for row in sample.rows(RULESET) if row.standing is not Standing.FRAUD]
    for band in (0, 1):
        of = sum(number for (_, each), number in sample.strata.legitimate.items() if each == band)
        met = sum(each == band for _, each in drawn)
        assert abs(met - shares[band] * of) <= 4 * (shares[band] * of) ** 0.5


def test_the_sample_says_of_features_what_the_log_does(log: DecisionLog) -> None:
    whole, sample = from_log(log, RULESET), from_log(log, RULESET, most=MOST)
    for name in ("amountTrailingZeros", "localHour", "customerAmountCount"):
        place = NAMES.index(name)
        expected = whole.vectors[:, place]
        found = np.average(sample.vectors[:, place], weights=sample.weights)
        assert abs(found - expected.mean()) < 5 * expected.std() / MOST**0.5


def test_the_same_log_gives_the_same_sample(log: DecisionLog, folder: Path) -> None:
    first = from_log(log, RULESET, most=MOST)
    with open_log(folder, label_delay_days=2) as again:
        second = from_log(again, RULESET, most=MOST)
    assert np.array_equal(first.vectors, second.vectors, equal_nan=True)
    assert np.array_equal(first.timestamps, second.timestamps)
    assert first.weights is not None
    assert second.weights is not None
    assert np.array_equal(first.weights, second.weights)


def test_what_a_band_has_too_few_of_is_drawn_of_the_others() -> None:
    assert shares_of({(1, 0): 10, (2, 0): 20, (1, 2): 5}, 100) == {0: 1.0, 2: 1.0}
    shares = shares_of({(1, 0): 1_000_000, (1, 1): 1000, (1, 2): 10}, 500_000)
    assert shares[1] == shares[2] == 1.0
    assert shares[0] * 1_000_000 == pytest.approx(498_990)
    assert shares_of({}, 100) == {}


def test_weights_are_as_good_as_repetitions() -> None:
    generator = np.random.default_rng(3)
    labels = np.arange(400) % 7 == 0
    odds = generator.normal(size=400) + 2 * labels - 2
    points = generator.integers(0, 4, size=400).astype(float)
    times = np.where(labels, 1, generator.integers(1, 6, size=400))
    by_weight = times.astype(float)
    again = np.repeat(np.arange(400), times)
    assert metrics(odds, labels, by_weight) == pytest.approx(metrics(odds[again], labels[again]), abs=2e-6)
    calibration, expected = platt(odds, labels, by_weight), platt(odds[again], labels[again])
    assert (calibration.slope, calibration.intercept) == pytest.approx((expected.slope, expected.intercept), abs=1e-6)
    hits = rule_hits(RULESET, [["amount-outlier", "card-velocity"][: int(number)] for number in points])
    every = hits.chosen(again)
    weighed = combine(odds, labels, hits, prior=-2, learnt=hits, weights=by_weight, learnt_for=by_weight)
    assert weighed == combine(odds[again], labels[again], every, prior=-2, learnt=every)
    columns = np.column_stack([np.where(points > 2, np.nan, points), odds])
    assert distributions(columns, ["points", "odds"], odds, by_weight) == distributions(
        columns[again], ["points", "odds"], odds[again]
    )


def test_a_model_of_a_sample_knows_how_rare_fraud_is(log: DecisionLog) -> None:
    whole, sample = from_log(log, RULESET), from_log(log, RULESET, most=MOST)
    few = Parameters(trees=20, transactions_per_leaf=20)
    validation = Validation(days=3, label_delay_days=1)
    of_all = fit(whole.vectors, whole.labels, whole.timestamps, parameters=few, validation=validation)
    of_sample = fit(
        sample.vectors,
        sample.labels,
        sample.timestamps,
        stands_for=sample.weights,
        parameters=few,
        validation=validation,
    )
    assert of_sample.file.prior_log_odds == pytest.approx(of_all.file.prior_log_odds, abs=0.01)
    assert of_sample.file.metrics["auc"] == pytest.approx(of_all.file.metrics["auc"], abs=0.1)


def test_the_card_says_what_was_drawn(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from fraudstream.detection.models.model import load as load_model  # noqa: PLC0415

    clean_environment(monkeypatch)
    output = tmp_path / "model.json"
    options = ("--label-delay", 2, "--validation", 3, "--trees", 5, "--rules", RULES)
    ran = Command(capsys)("train", "--log", folder, "--output", output, "--sample", MOST, *options)
    assert "growing trees, and measuring them on the newest weeks\n  done in" in ran.err, "it can take a minute"
    assert ran.code == 0, ran.err
    assert "legitimate transactions were drawn, by day and score" in ran.err
    card = model_card(load_model(output.read_bytes()))
    assert "Trained on a decision log: all frauds, and of " in card
    assert output.with_suffix(".md").read_text() == card

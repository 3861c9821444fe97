"""What was found by chance stands for what nobody reports: in estimates, calibration, metrics and training."""

import gzip
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import msgspec
import numpy as np
import pytest

from fraudstream.durations import DAY, HOUR
from fraudstream.reporting.log.reader.decision_log import open_log
from fraudstream.reporting.log.record import LogEvent, read_stream_record
from fraudstream.transactions.decisions.decision import Label, Truth, Verdict
from fraudstream.transactions.transaction import AuthorizationResult
from fraudstream_tools.lab.files.log_examples import from_log
from fraudstream_tools.lab.training.boosting import Parameters
from fraudstream_tools.lab.training.calibration import frauds_told, platt, probability_curve
from fraudstream_tools.lab.training.fit import Arrived, Validation, fit
from fraudstream_tools.lab.training.measuring.metrics import metrics
from fraudstream_tools.lab.training.samples.examples import Examples
from fraudstream_tools.lab.training.samples.explored import Drawing, unseen_frauds
from fraudstream_tools.rules.folder import RulesFolder
from tests.cli_harness import Command, clean_environment
from tests.unit.detection.model_harness import as_vectors, labels_of, random_vectors, times_of
from tests.unit.lab.backtest_harness import RULES, decided, world

RULESET = RulesFolder(RULES).load()
ALWAYS = Drawing(drawn=100, labelled=100, first=0, last=2**60)


@pytest.mark.parametrize("reporting", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("looking", [1.0, 0.85])
def test_over_many_draws_known_frauds_stand_for_all_of_them(reporting: float, looking: float) -> None:
    chance = np.random.default_rng(4)
    fraud = np.arange(20_000) < 300
    probability = np.where(np.arange(20_000) % 2 == 0, 0.04, 0.1)
    totals: list[float] = []
    for _ in range(400):
        drawn = chance.random(20_000) < probability
        seen = drawn & (chance.random(20_000) < looking)
        # Half of what is reported has its label by now.
        reported = fraud & ~seen & (chance.random(20_000) < reporting)
        late = chance.random(20_000) < 0.5
        drawing = Drawing(drawn=int(drawn.sum()), labelled=int(seen.sum()), first=0, last=1)
        if not drawing.is_sample:
            continue
        known = fraud & (seen | (reported & ~late))
        chances = np.where(seen, probability, np.nan)[known]
        stands = np.where(seen[known], 0.0, 2.0)
        unseen, _ = unseen_frauds(chances, stands, drawing)
        totals.append(float((np.where(seen[known], 1.0, 2.0) + unseen).sum()))
    assert len(totals) > 350
    # A share cannot be above all: where everything is reported, chance only adds.
    assert np.mean(totals) == pytest.approx(300, rel=0.02 if reporting < 1 else 0.12)


def test_labels_of_what_somebody_picked_are_no_sample() -> None:
    picked = Drawing(drawn=100, labelled=79, first=0, last=2**60)
    unseen, explored = unseen_frauds(np.array([0.01, np.nan]), np.zeros(2), picked)
    assert unseen.tolist() == [0, 0]
    assert (explored.frauds, explored.reported) == (1, None)
    enough = replace(picked, labelled=80)
    assert unseen_frauds(np.array([0.01]), np.zeros(1), enough)[0].tolist() == [pytest.approx(124)]
    assert not Drawing().is_sample
    assert unseen_frauds(np.full(3, np.nan), np.ones(3), ALWAYS)[0].tolist() == [0, 0, 0]


def test_drawing_everything_leaves_nothing_unseen() -> None:
    unseen, explored = unseen_frauds(np.array([1.0, 1.0]), np.zeros(2), ALWAYS)
    assert unseen.tolist() == [0, 0]
    assert explored.frauds == 2


def is_open(number: int) -> bool:
    """Whether a transaction may be drawn: what its issuer declined tells nothing."""
    transaction, decision = decided()[number]
    declined = transaction.authorization_result == AuthorizationResult.DECLINED
    return decision.decision is Verdict.APPROVE and not declined


def approved_frauds() -> list[int]:
    """Those whose labels are due."""
    newest = max(transaction.timestamp for transaction, _ in decided())
    return [
        number
        for number, truth in enumerate(world().truths)
        if truth.fraud and is_open(number) and decided()[number][0].timestamp <= newest - 3 * DAY
    ]


def every_other(*, honest: bool) -> list[int]:
    """Those that are drawn: exactly half, so that what they tell is no matter of luck."""
    return [number for number, truth in enumerate(world().truths) if truth.fraud is not honest and is_open(number)][::2]


@cache
def told(number: int, *, is_drawn: bool, is_labelled: bool) -> bytes:
    """The lines of the log about a transaction."""
    transaction, decision = decided()[number]
    if is_drawn:
        decision = msgspec.structs.replace(decision, exploration_propensity=0.5)  # as it was logged
    image = {**transaction.to_item(), **decision.to_item(), "kind": {"S": "TXN"}}
    if is_labelled:
        said = Truth.FRAUD if world().truths[number].fraud else Truth.LEGITIMATE
        label = Label(label=said, label_source="analyst", labeled_at=transaction.timestamp + HOUR)
        image |= label.to_item()
    change = {"NewImage": image, "ApproximateCreationDateTime": transaction.timestamp // 1000 + 1}
    records = [each for each in read_stream_record({"dynamodb": change}) if each.event is not LogEvent.STORED]
    return msgspec.json.Encoder().encode_lines(records)


def logged(folder: Path, reported: Callable[[int], bool], *, labels_honest: bool = True) -> Examples:
    """Read a log in which somebody looked at what was flagged and drawn, and people reported some of the rest."""
    lines: list[bytes] = []
    drawn = {*every_other(honest=False), *every_other(honest=True)}
    for number, ((_, decision), truth) in enumerate(zip(decided(), world().truths, strict=True)):
        looked_at = (number in drawn or decision.decision is not Verdict.APPROVE) and (truth.fraud or labels_honest)
        is_labelled = looked_at or (truth.fraud and is_open(number) and reported(number))
        lines.append(told(number, is_drawn=number in drawn, is_labelled=is_labelled))
    folder.joinpath("a.jsonl.gz").write_bytes(gzip.compress(b"".join(lines)))
    with open_log(folder, label_delay_days=3) as log:
        return from_log(log, RULESET)


def told_frauds(found: Examples) -> float:
    """Return for how many frauds the known ones stand."""
    return float((found.labels / found.arrived).sum())


def test_in_a_log_where_nobody_reports_drawn_frauds_stand_for_all_approved_ones(tmp_path: Path) -> None:
    found = logged(tmp_path, lambda _: False)
    explored, true = found.explored, len(approved_frauds())
    assert found.unseen is not None
    assert explored is not None
    assert explored.reported == 0
    assert explored.drawing.labelled == explored.drawing.drawn
    is_drawn = found.unseen > 0
    assert int(is_drawn.sum()) == explored.frauds
    assert true > 60
    assert float((1 + found.unseen)[is_drawn].sum()) == pytest.approx(true, abs=2)
    assert (found.labels / found.arrived)[is_drawn].tolist() == pytest.approx([2.0] * explored.frauds)
    assert not found.unseen[~found.labels].any()


def test_reported_frauds_do_not_count_twice(tmp_path: Path) -> None:
    totals: list[float] = []
    for name, reported in (
        ("none", lambda _: False),
        ("some", lambda number: number % 3 == 0),
        ("all", lambda _: True),
    ):
        (tmp_path / name).mkdir()
        found = logged(tmp_path / name, reported)
        assert found.explored is not None
        shares = {"none": (0, 0), "some": (0.2, 0.5), "all": (0.9, 1)}
        assert shares[name][0] <= (found.explored.reported or 0) <= shares[name][1]
        totals.append(told_frauds(found))
    assert totals == pytest.approx([totals[0]] * 3, abs=3)


def test_in_a_log_where_only_frauds_are_labelled_each_counts_as_any_other(tmp_path: Path) -> None:
    found = logged(tmp_path, lambda _: False, labels_honest=False)
    assert found.unseen is None
    assert found.explored is not None
    assert not found.explored.drawing.is_sample
    assert found.explored.frauds > 10
    assert set(found.arrived.tolist()) == {1.0}


def test_training_says_what_stands_for_what(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clean_environment(monkeypatch)
    options = ("--label-delay", 3, "--validation", 3, "--trees", 5, "--rules", RULES)
    output = tmp_path / "model.json"
    for name, labels_honest in (("all", True), ("frauds", False)):
        (tmp_path / name).mkdir()
        found = logged(tmp_path / name, lambda _: False, labels_honest=labels_honest)
        assert found.explored is not None
        frauds = found.explored.frauds
        ran = Command(capsys)("train", "--log", tmp_path / name, "--output", output, *options)
        assert ran.code == 0, ran.err
        told = (
            f"have labels, {frauds} of them are fraud, and stand for {frauds} more that nobody reports"
            if labels_honest
            else "too few are labelled to be a sample, and each counts as any other"
        )
        assert told in " ".join(ran.err.split())
        card = output.with_suffix(".md").read_text()
        assert (f"{frauds} are fraud and stand for those that nobody reports too" in card) is labels_honest


def test_calibration_and_metrics_are_those_of_frauds_that_nobody_reports_too() -> None:
    chance = np.random.default_rng(3)
    raw = chance.normal(-4, 2, 200_000)
    frauds = chance.random(200_000) < 1 / (1 + np.exp(-(1.2 * raw + 1)))
    drawn = (raw < 0) & (chance.random(200_000) < 0.05)
    known = frauds & ((raw >= 0) | drawn)
    arrived = np.where(known & drawn, 0.05, 1.0)
    found = platt(raw, frauds_told(known, arrived))
    assert (found.slope, found.intercept) == pytest.approx((1.2, 1), abs=0.1)
    assert platt(raw, known).slope > 1.6
    curve = probability_curve(1.2 * raw + 1, frauds_told(known, arrived))
    assert (curve.low, curve.high, curve.intercept) == pytest.approx((1, 1, 0), abs=0.15)
    odds = 1.2 * raw + 1
    true, weighted, naive = metrics(odds, frauds), metrics(odds, known, arrived=arrived), metrics(odds, known)
    for name, value in true.items():
        assert weighted[name] == pytest.approx(value, rel=0.1), name
    assert naive["averagePrecision"] > 1.2 * true["averagePrecision"]
    assert naive["recallAt0.1PctFalsePositives"] > 1.2 * true["recallAt0.1PctFalsePositives"]


def test_a_model_of_what_was_drawn_knows_how_many_frauds_are_approved() -> None:
    rows = 12_000
    vectors, times = random_vectors(rows, 5), times_of(rows)
    frauds = labels_of(vectors, 5)
    chance = np.random.default_rng(6)
    # Nobody looks at half of the transactions but by chance, whatever they are, and nobody reports anything.
    unflagged = chance.random(rows) < 0.5
    drawn = unflagged & (chance.random(rows) < 0.2)
    known = frauds & (~unflagged | drawn)
    unseen = np.where(known & drawn, 4.0, 0.0)
    at_once = np.where(known, times, 2**62)
    few = Parameters(trees=30, transactions_per_leaf=20)
    told: list[float] = []
    for others in (unseen, None):
        share = np.ones(rows) if others is None else 1 / (1 + others)
        model = fit(
            vectors,
            known,
            times,
            arrival=Arrived(known_at=at_once, share=share, unseen=others),
            parameters=few,
            validation=Validation(label_delay_days=1),
        )
        odds = np.array([model.log_odds(vector) for vector in as_vectors(vectors[-3000:])])
        told.append(float((1 / (1 + np.exp(-odds))).sum()))
        assert model.file.prior_log_odds == pytest.approx(
            np.log(frauds.mean() / (1 - frauds.mean())), abs=0.15 if others is not None else 1
        )
    weighted, naive = told
    assert weighted == pytest.approx(float(frauds[-3000:].sum()), rel=0.15)
    assert naive < 0.75 * float(frauds[-3000:].sum())

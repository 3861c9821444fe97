"""A model goes live only on labels of the user's own, and only if it is not worse than what decides now."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from fraudstream.detection.models.model import Model, seal
from fraudstream.detection.models.selection import ActiveModels, parse_selection
from fraudstream.detection.scoring import decide
from fraudstream.durations import DAY
from fraudstream.transactions.decisions.decision import Verdict
from fraudstream_tools.lab.files.writing import write_rows
from fraudstream_tools.lab.training.boosting import Parameters
from fraudstream_tools.lab.training.fit import fit
from fraudstream_tools.lab.training.measuring.promotion_gate import compare
from fraudstream_tools.lab.training.rules.rule_hits import rule_hits
from fraudstream_tools.lab.training.samples.examples import NEVER, Examples, stopped_examples
from fraudstream_tools.lab.training.storage.model_storage import (
    activate,
    model_folder,
    read_model,
    read_models,
    write_model,
)
from fraudstream_tools.lab.world.simulate import WorldSettings, simulate
from fraudstream_tools.rules.folder import RulesFolder
from tests.cli_harness import Command, clean_environment
from tests.unit.detection.model_harness import as_vectors, labels_of, random_vectors, small_model, times_of

RULES = Path(__file__).parents[4] / "rules"
RULESET = RulesFolder(RULES).load()
LAST = int(times_of(6000).max())


def newer(rows: int = 6000, *, seed: int = 31, days: float = 21, rules: bool = False) -> Examples:
    """Transactions that are newer than what the small models learnt from; rules know a little of the truth."""
    vectors = random_vectors(rows, seed)
    labels = labels_of(vectors, seed)
    told = (labels & (np.arange(rows) % 10 == 0)) | (np.arange(rows) % 100 == 1)
    return Examples(
        vectors=vectors,
        labels=labels,
        timestamps=LAST + 1 + np.linspace(0, days * DAY, rows).astype(np.int64),
        hits=rule_hits(RULESET, [["amount-outlier"] if hit and rules else [] for hit in told.tolist()]),
        known_at=np.full(rows, NEVER),
        arrived=np.ones(rows),
        declined=np.zeros(rows, dtype=np.bool_),
    )


def good() -> Model:
    return small_model(own_labels=True)


def bad() -> Model:
    """One that learnt from labels that mean nothing."""
    vectors = random_vectors(6000, 1)
    labels = np.random.default_rng(1).random(6000) < 0.1
    return fit(vectors, labels, times_of(6000), parameters=Parameters(trees=5), own_labels=True)


def test_a_model_that_is_better_than_the_rules_may_go_live() -> None:
    compared = compare(good(), None, newer(rules=True), more_alerts=True)
    assert compared.refusals == ()
    assert compared.candidate
    assert compared.champion
    assert compared.candidate.average_precision > compared.champion.average_precision
    assert compared.candidate.recall > compared.champion.recall


def test_a_worse_model_is_refused_with_its_figures() -> None:
    compared = compare(bad(), good(), newer())
    assert compared.candidate
    assert compared.champion
    precision, recall = compared.refusals
    assert f"average precision is {compared.candidate.average_precision:.3f}" in precision
    assert f"{compared.champion.average_precision:.3f} for what is active" in precision
    assert "recall at 0.1 % false positives" in recall
    assert compare(good(), bad(), newer(), more_alerts=True).refusals == ()


def test_labels_that_are_not_there_yet_do_not_decide() -> None:
    whole = newer(rules=True)
    # The newer half has a third of its labels yet.
    is_late = whole.timestamps > np.median(whole.timestamps)
    true = compare(good(), None, whole).candidate
    assert true
    corrected, naive = list[float](), list[float]()
    for number in range(5):
        labels = whole.labels & ~(is_late & (np.random.default_rng(number).random(6000) > 1 / 3))
        partly = dataclasses.replace(whole, labels=labels, arrived=np.where(is_late, 1 / 3, 1.0))
        naively = dataclasses.replace(partly, arrived=np.ones(6000))
        for found, precisions in ((partly, corrected), (naively, naive)):
            figures = compare(good(), None, found).candidate
            assert figures
            precisions.append(figures.average_precision)
    assert np.mean(corrected) == pytest.approx(true.average_precision, abs=0.03)
    assert np.mean(naive) < true.average_precision - 0.1


def test_both_sides_tell_alerts_and_declines_a_day_and_their_precision() -> None:
    found = newer(rules=True)
    compared = compare(good(), None, found)
    assert compared.candidate
    assert compared.champion
    ruleset = RULESET.with_models(ActiveModels(live=good()))
    hits = [row.any() for row in found.hits.rows]
    place = [rule.id for rule in ruleset.rules].index("amount-outlier")
    truths = [tuple(hit and n == place for n in range(len(ruleset.rules))) for hit in hits]
    verdicts = [
        decide(ruleset, each, vector).verdict for each, vector in zip(truths, as_vectors(found.vectors), strict=True)
    ]
    flagged = np.array([verdict is not Verdict.APPROVE for verdict in verdicts])
    assert compared.candidate.alerts_a_day == pytest.approx(flagged.sum() / 21)
    assert compared.candidate.declines_a_day == pytest.approx(verdicts.count(Verdict.DECLINE) / 21)
    assert compared.candidate.precision == pytest.approx(found.labels[flagged].mean())
    # One hit of this rule alone is approved.
    assert (compared.champion.alerts_a_day, compared.champion.precision) == (0, None)


def test_what_was_declined_and_never_labelled_is_among_the_alerts() -> None:
    whole = newer(rules=True)
    likely = np.array([good().evidence(vector) for vector in as_vectors(whole.vectors)]) > 1
    is_stopped = likely & (np.arange(6000) % 2 == 0)
    known = whole.chosen(~is_stopped)
    gone = whole.chosen(is_stopped)
    stopped = stopped_examples(gone.vectors, gone.timestamps, gone.hits)
    before, after, alone = (
        compare(good(), None, found, more_alerts=True).candidate
        for found in (whole, dataclasses.replace(known, stopped=stopped), known)
    )
    assert before
    assert after
    assert alone
    assert after.alerts_a_day == pytest.approx(before.alerts_a_day, rel=1e-3)
    assert after.declines_a_day == pytest.approx(before.declines_a_day, rel=1e-3)
    assert alone.alerts_a_day < before.alerts_a_day
    # Nobody knows what they would have been.
    assert (after.precision, after.average_precision) == (alone.precision, alone.average_precision)
    # Those of other weeks do not count.
    earlier = stopped_examples(gone.vectors, gone.timestamps - 60 * DAY, gone.hits)
    assert compare(good(), None, dataclasses.replace(known, stopped=earlier), more_alerts=True).candidate == alone


def test_a_model_that_multiplies_alerts_is_refused_unless_that_is_wanted() -> None:
    louder = seal(msgspec.structs.replace(good().file, score_base=3.0))
    (alerts, *_) = refusals = compare(louder, good(), newer()).refusals
    assert "alerts a day, and what is active" in alerts
    assert "--more-alerts" in alerts
    assert all("a day" in refusal for refusal in refusals)
    assert compare(louder, good(), newer(), more_alerts=True).refusals == ()
    assert compare(good(), louder, newer()).refusals == ()


def test_a_model_may_follow_itself() -> None:
    assert compare(good(), good(), newer()).refusals == ()


def test_a_model_that_never_saw_the_users_labels_is_refused_however_good() -> None:
    (refusal,) = compare(small_model(), None, newer(), more_alerts=True).refusals
    assert "labels of your own" in refusal


def test_what_either_model_has_learnt_from_does_not_count() -> None:
    seen = Examples(
        vectors=random_vectors(6000, 1),
        labels=labels_of(random_vectors(6000, 1), 1),
        timestamps=times_of(6000),
        hits=rule_hits(RULESET, [[]] * 6000),
        known_at=np.full(6000, NEVER),
        arrived=np.ones(6000),
        declined=np.zeros(6000, dtype=np.bool_),
    )
    unmeasured = seal(msgspec.structs.replace(good().file, validation=None, metrics={}))
    compared = compare(unmeasured, None, seen)
    assert compared.transactions == 0
    assert "0 frauds among 0 labelled transactions" in compared.refusals[0]
    # The newest refit is compared on the weeks that its validation had not seen.
    refit = compare(good(), None, seen, more_alerts=True)
    validation = good().file.validation
    assert validation
    assert (refit.by_validation, refit.transactions, refit.refusals) == (True, validation.transactions, ())
    assert refit.candidate
    assert refit.candidate.average_precision == good().file.metrics["averagePrecision"]
    assert refit.candidate.precision is None
    # Not beside a champion that has learnt from them.
    assert "0 frauds among 0" in compare(good(), good(), seen).refusals[0]
    # The champion has learnt from newer ones than the candidate.
    training = msgspec.structs.replace(good().file.training, last=LAST + 14 * DAY)
    champion = seal(msgspec.structs.replace(good().file, training=training))
    found = newer()
    assert compare(good(), champion, found).transactions == int((found.timestamps > LAST + 14 * DAY).sum())


def test_only_the_newest_four_weeks_count() -> None:
    found = newer(days=60)
    assert compare(good(), None, found).transactions == int((found.timestamps > LAST + 32 * DAY + 1).sum())


def test_a_folder_says_what_is_in_force_and_keeps_what_was_beside_it(tmp_path: Path) -> None:
    place = model_folder(tmp_path / "models")
    assert read_models(place) == (None, None)
    activate(place, small_model(seed=2), live=False)
    activate(place, good(), live=True)
    live, shadow = read_models(place)
    assert live
    assert shadow
    assert (live.version, shadow.version) == (good().version, small_model(seed=2).version)
    assert good().version in (tmp_path / "models" / f"{good().version}.md").read_text()
    # What was watched and goes live is not watched any more.
    activate(place, good(), live=False)
    assert parse_selection((tmp_path / "models/models.yaml").read_bytes()).shadow == f"{good().version}.json"
    activate(place, good(), live=True)
    assert read_models(place).shadow is None


def test_no_card_takes_the_place_of_a_model_or_of_another_card(tmp_path: Path) -> None:
    names = ("out.md", "cand-1.2", "cand-1.3", "cand.json")
    cards = [write_model(tmp_path / name, small_model()).name for name in names]
    assert cards == ["out.md.md", "cand-1.2.md", "cand-1.3.md", "cand.md"]
    assert len(list(tmp_path.iterdir())) == 8


def test_a_card_says_what_a_model_is_and_what_it_must_not_do(tmp_path: Path) -> None:
    card = write_model(tmp_path / "m.json", small_model()).read_text()
    file = small_model().file
    assert small_model().version in card
    assert f"| average precision | {file.metrics['averagePrecision']:.4f} |" in card
    assert f"{file.training.frauds:,} of them fraud" in card
    assert "It must not decide" in card
    assert "It may decide" in write_model(tmp_path / "own.json", good()).read_text()
    assert read_model(tmp_path / "m.json").version == small_model().version


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    clean_environment(monkeypatch)
    monkeypatch.chdir(tmp_path)
    return Command(capsys)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    made = simulate(WorldSettings(seed=8, customers=60, days=50, episodes=60))
    write_rows(folder / "w.jsonl", made.transactions)
    write_rows(folder / "w.truth.jsonl", [row.as_row() for row in made.truths])
    return folder


def data(world: Path) -> list[Any]:
    return ["--data", world / "w.jsonl", "--truth", world / "w.truth.jsonl", "--rules", RULES]


def test_a_candidate_is_trained_watched_and_promoted(command: Command, world: Path, tmp_path: Path) -> None:
    options = [*data(world), "--own-labels", "--until", "2026-02-01", "--trees", 30, "--validation", 7]
    trained = command("train", *options, "--output", "c.json", "--json")
    assert trained.code == 0, trained.err
    figures = json.loads(trained.out)
    assert figures["frauds"] >= 10
    assert "averagePrecision" in figures["metrics"]
    assert 0 <= figures["weight"] <= 1
    assert Path("c.md").read_text().startswith(f"# Model {figures['version']}")

    ran = command("promote", "c.json", "--shadow", "--to", "nowhere")
    assert (ran.code, ran.err) == (
        1,
        "error: --to nowhere: there is no such folder; name the one that is deployed, or bucket\n",
    )
    assert not Path("nowhere").exists()
    Path("models").mkdir()
    assert command("promote", "c.json", "--shadow").code == 0
    assert read_models(model_folder(tmp_path / "models")).live is None
    promoted = command("promote", "c.json", *data(world))
    assert promoted.code == 0, promoted.err
    assert "rules alone" in promoted.out
    live, shadow = read_models(model_folder(tmp_path / "models"))
    assert live
    assert live.version == figures["version"]
    assert shadow is None


def test_a_refused_candidate_changes_nothing(command: Command, world: Path, tmp_path: Path) -> None:
    write_model(tmp_path / "c.json", small_model())
    (tmp_path / "models").mkdir()
    refused = command("promote", "c.json", *data(world))
    assert refused.code == 1
    assert f"{small_model().version} is refused:" in refused.err
    assert "labels of your own" in refused.err
    assert not list((tmp_path / "models").iterdir())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "-o", "x.json"], "give either a decision log"),
        (["train", "-o", "x.json", "--log", "a", "--data", "b.csv"], "give either a decision log"),
        (["train", "-o", "x.json", "--log", "nowhere", "--rules", RULES], "there is no decision log"),
        (["train", "-o", "x.json", "--data", "nowhere.csv", "--rules", RULES], "no such file"),
        (["train", "-o", "x.json", "--data", "w.csv", "--rules", "nowhere"], "name the folder that has ruleset.yaml"),
        (["train", "-o", "x.json", "--data", "w.csv", "--rules", RULES, "--time-zone", "Mars"], "--time-zone"),
        (["promote", "nowhere.json", "--shadow"], "nowhere.json: No such file"),
        (["promote", "c.json", "--shadow", "--log", "a"], "--log is for a comparison"),
        (["promote", "c.json", "--shadow", "--more-alerts"], "--more-alerts is for a comparison"),
        (["promote", "nowhere.json", "--to", "bucket"], "no fraudstream was found that names its bucketName"),
    ],
)
def test_what_cannot_be_done_is_said(command: Command, arguments: list[Any], message: str) -> None:
    ran = command(*arguments)
    assert ran.code == 1
    assert message in ran.err


def test_too_few_frauds_are_said(command: Command, tmp_path: Path) -> None:
    made = simulate(WorldSettings(seed=8, customers=20, days=12, episodes=0))
    write_rows(tmp_path / "w.jsonl", made.transactions)
    write_rows(tmp_path / "w.truth.jsonl", [row.as_row() for row in made.truths])
    ran = command("train", *data(tmp_path), "-o", "x.json")
    assert ran.code == 1
    assert "a model needs at least 10 frauds" in ran.err

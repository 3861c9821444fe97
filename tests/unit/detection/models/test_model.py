"""A model's file is refused, with the reason, unless it can be used as it is and in bounded time."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fraudstream.detection.features.registry import MEANINGS, SCHEMA
from fraudstream.detection.models import trees
from fraudstream.detection.models.model import MAX_BYTES, Model, ModelError, ModelFile, load, seal
from fraudstream.detection.models.selection import parse_selection
from fraudstream.detection.models.trees import Tree
from fraudstream_tools.lab.training.storage.model_card import model_card
from tests.unit.detection.model_harness import as_vectors, random_vectors, small_model

MODELS = Path(__file__).parents[4] / "models"


def changed(**values: Any) -> ModelFile:
    return msgspec.structs.replace(small_model().file, **values)


def with_tree(**values: Any) -> ModelFile:
    first, *others = small_model().file.trees
    return changed(trees=(msgspec.structs.replace(first, **values), *others))


def tree() -> Tree:
    return small_model().file.trees[0]


def replaced(values: tuple[Any, ...], place: int, value: object) -> tuple[Any, ...]:
    return (*values[:place], value, *values[place + 1 :])


def chain(splits: int, feature: int = 0) -> Tree:
    """A tree that is as deep as it can be."""
    return Tree(
        feature=(feature,) * splits,
        threshold=tuple(float(number) for number in range(splits)),
        missing_left=(True,) * splits,
        left=tuple(-1 - number for number in range(splits)),
        right=(*range(1, splits), -1 - splits),
        mean=(0.0,) * splits,
        leaf=tuple(float(number) for number in range(splits + 1)),
    )


def test_the_version_is_the_hash_of_the_content() -> None:
    model = small_model()
    assert len(model.version) == 12
    assert seal(changed(trained_on="something else")).version != model.version
    assert seal(changed()).version == model.version


def test_whitespace_and_order_of_names_do_not_change_the_version() -> None:
    content = json.loads(small_model().to_json())
    again = dict(reversed(content.items()))
    assert load(json.dumps(again, indent=1).encode()).version == small_model().version


def test_an_edited_file_is_refused() -> None:
    content = json.loads(small_model().to_json())
    content["priorLogOdds"] += 1
    with pytest.raises(ModelError, match="damaged or edited"):
        load(json.dumps(content).encode())


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b"\xff\xfe",
        b'{"version": "x"}',
        b"[" * 100_000,
        b'{"trees": ' + b"[" * 100_000,
        small_model().to_json()[:-100],
    ],
    ids=range(9),
)
def test_what_is_no_model_is_refused(content: bytes) -> None:
    with pytest.raises(ModelError, match="it is no model"):
        load(content)


def test_a_huge_file_is_refused_unread() -> None:
    with pytest.raises(ModelError, match=f"larger than {MAX_BYTES} bytes"):
        load(b" " * (MAX_BYTES + 1))


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b'"schemaVersion":2', b'"schemaVersion":3', "schemaVersion"),
        (b'"slope":', b'"slope":-', "slope"),
        (b'"slope":', b'"slope":NaN,"x":', "malformed"),
        (b'"intercept":', b'"surprise":1,"intercept":', "surprise"),
        (b'"trainedOn":', b'"trainedon":', "trainedon"),
    ],
)
def test_a_wrong_field_is_named(old: bytes, new: bytes, reason: str) -> None:
    with pytest.raises(ModelError, match=reason):
        load(small_model().to_json().replace(old, new, 1))


def test_an_unknown_feature_gets_a_suggestion() -> None:
    names = small_model().file.features
    with pytest.raises(ModelError, match=r"no feature amountBas: is amountBase meant\?"):
        seal(changed(features=("amountBas", *names[1:])))
    with pytest.raises(ModelError, match=r"no feature zzz$"):
        seal(changed(features=("zzz", *names[1:])))


def test_a_feature_listed_twice_is_refused() -> None:
    names = small_model().file.features
    with pytest.raises(ModelError, match="twice"):
        seal(changed(features=(names[1], *names[1:])))


def test_a_model_is_checked_by_what_its_features_mean_and_not_by_their_schema() -> None:
    names = small_model().file.features
    meanings = [MEANINGS[name] for name in names]
    seal(changed(feature_schema=SCHEMA + 1, meanings=tuple(meanings)))
    seal(changed(feature_schema=SCHEMA, meanings=msgspec.UNSET))
    with pytest.raises(ModelError, match=f"{names[0]} has another meaning than in the features of schema {SCHEMA + 1}"):
        seal(changed(meanings=(SCHEMA + 1, *meanings[1:])))
    newest = next(name for name in names if MEANINGS[name] == SCHEMA)
    with pytest.raises(ModelError, match=f"{newest} has another meaning than in the features of schema {SCHEMA - 1}"):
        seal(changed(feature_schema=SCHEMA - 1, meanings=msgspec.UNSET))
    with pytest.raises(ModelError, match="one meaning for each"):
        seal(changed(meanings=tuple(meanings[1:])))


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda: {"left": replaced(tree().left, 0, 0)}, "leads back"),
        (lambda: {"right": replaced(tree().right, 5, 2)}, "leads back"),
        (lambda: {"left": replaced(tree().left, 0, 999)}, "exactly one split"),
        (lambda: {"left": replaced(tree().left, 0, -999)}, "exactly one split"),
        (lambda: {"left": tree().right}, "exactly one split"),
        (lambda: {"feature": replaced(tree().feature, 0, 10_000)}, "does not list"),
        (lambda: {"threshold": tree().threshold[1:]}, "differ in length"),
        (lambda: {"leaf": tree().leaf[1:]}, "leaves"),
        (lambda: {"leaf": replaced(tree().leaf, 0, math.nan)}, "no finite number"),
        (lambda: {"threshold": replaced(tree().threshold, 0, math.inf)}, "no finite number"),
        (lambda: {"mean": replaced(tree().mean, 0, -math.inf)}, "no finite number"),
    ],
)
def test_a_damaged_tree_is_refused(damage: Callable[[], dict[str, Any]], reason: str) -> None:
    with pytest.raises(ModelError, match=rf"tree 0: .*{reason}"):
        seal(with_tree(**damage()))


def test_a_tree_without_leaves_is_refused() -> None:
    empty = Tree(feature=(), threshold=(), missing_left=(), left=(), right=(), mean=(), leaf=())
    with pytest.raises(ModelError, match="0 splits need 1 leaves"):
        seal(changed(trees=(empty,)))


def test_trees_are_bounded() -> None:
    with pytest.raises(ModelError, match="65 leaves: at most 64"):
        seal(changed(trees=(chain(64),)))
    with pytest.raises(ModelError, match="1001 trees: at most 1000"):
        seal(changed(trees=(chain(1),) * 1001))
    with pytest.raises(ModelError, match="more than 20000 splits"):
        seal(changed(trees=(chain(63),) * 318))


def test_the_deepest_tree_that_is_allowed_can_be_used() -> None:
    model: Model = seal(changed(trees=(chain(trees.MAX_LEAVES - 1),) * 317))
    vector = as_vectors(random_vectors(1, 1))[0]
    assert model.raw((5.0, *vector[1:])) == 317 * 5
    assert model.raw((1e9, *vector[1:])) == 317 * 63
    assert model.raw((None, *vector[1:])) == 0


@pytest.mark.parametrize("field", ["slope", "intercept"])
def test_a_calibration_beyond_any_training_is_refused(field: str) -> None:
    file = small_model().file
    calibration = msgspec.structs.replace(file.calibration, **{field: 1e9})
    with pytest.raises(ModelError, match="beyond 1000"):
        seal(msgspec.structs.replace(file, calibration=calibration))


@pytest.mark.parametrize("field", ["leaf", "mean"])
def test_a_tree_beyond_any_log_odds_is_refused(field: str) -> None:
    file = small_model().file
    values = getattr(file.trees[0], field)
    huge = msgspec.structs.replace(file.trees[0], **{field: (1e308, *values[1:])})
    with pytest.raises(ModelError, match="beyond 1000 log-odds"):
        seal(msgspec.structs.replace(file, trees=(huge, *file.trees[1:])))


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_numbers_must_be_finite(number: float) -> None:
    with pytest.raises(ModelError, match="finite"):
        seal(changed(prior_log_odds=number))
    with pytest.raises(ModelError, match="finite"):
        seal(changed(metrics={"auc": number}))


@pytest.mark.parametrize(
    ("cuts", "shares"),
    [
        ((1.0, 1.0), (0.2, 0.2, 0.2, 0.4)),
        ((2.0, 1.0), (0.2, 0.2, 0.2, 0.4)),
        ((1.0,), (0.5, 0.5)),
        ((1.0,), (0.5, 0.5, 0.5)),
        ((1.0,), (1.5, -0.5, 0.0)),
        ((math.inf,), (0.5, 0.5, 0.0)),
    ],
)
def test_a_damaged_distribution_is_refused(cuts: tuple[float, ...], shares: tuple[float, ...]) -> None:
    distribution = msgspec.structs.replace(small_model().file.distributions["score"], cuts=cuts, shares=shares)
    with pytest.raises(ModelError, match="distributions: score"):
        seal(changed(distributions={"score": distribution}))


def test_the_default_model_is_marked_as_simulated_and_uses_known_features() -> None:
    model = load((MODELS / "default.json").read_bytes())
    assert "simulated world" in model.file.trained_on
    assert not model.file.own_labels
    assert "It must not decide" in (MODELS / "default.md").read_text()
    assert (MODELS / "default.md").read_text() == model_card(model)
    chosen = parse_selection((MODELS / "models.yaml").read_bytes())
    assert (chosen.live, chosen.shadow) == (None, "default.json")

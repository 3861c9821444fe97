"""Feature vectors: rounded once, small, and read across versions of the list of features in both directions."""

import hashlib
import math
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraudstream.detection.features import own, registry
from fraudstream.detection.features.codec import FORM, FeatureError, NewerVectorError, VectorCodec, pack, unpack
from fraudstream.detection.features.registry import DECLARED, FEATURES, FIRST_SCHEMA, NAMES, Feature, Form, Vector
from fraudstream.detection.models.model import ModelError, load
from tests.unit.detection.model_harness import small_model

NEXT = registry.SCHEMA + 1
NEW = (
    Feature("cardNightShare", Form.SHARE, "a feature to come", NEXT),
    Feature("ipAgeDays", Form.COARSE, "a feature to come", NEXT),
    Feature("cardReturns", Form.COUNT, "a feature to come", NEXT),
)
LONGER = (*DECLARED[:40], NEW[0], *DECLARED[40:], *NEW[1:])
"""The next version's list: new features stand where a reader looks for them."""
VALUES: st.SearchStrategy[Mapping[str, float | None]] = st.fixed_dictionaries(
    {name: st.none() | st.just(0) | st.floats(allow_nan=False, allow_infinity=False) for name in NAMES}
)
PLACES = {3: "6c9ecb", 4: "a3d7b5", 5: "12fa8c", 6: "eca040", 7: "2cd525"}
"""By schema: of the names and forms of its features in stored order. A line is added, and none is changed."""


def by_name(vector: Vector, declared: tuple[Feature, ...] = DECLARED) -> dict[str, float | None]:
    return dict(zip([feature.name for feature in declared if not feature.retired], vector, strict=True))


@given(VALUES)
def test_each_form_keeps_what_it_promises(values: Mapping[str, float | None]) -> None:
    for feature, found in zip(FEATURES, unpack(pack(values)), strict=True):
        value = values[feature.name]
        # What fits into single precision is kept; what does not makes everything beyond 3e38 in its vector 3e38.
        if (
            value is not None
            and found is not None
            and abs(value) > 3e38
            and not math.isclose(found, value, rel_tol=0.01)
        ):
            value = math.copysign(3e38, value)
        if value is None or found is None:
            assert found is value
        elif feature.form is Form.COUNT:
            assert found == min(max(round(value), 0), 254)
        elif feature.form is Form.SHARE:
            assert found == round(min(max(value, 0), 1) * 200) / 200
        elif feature.form is Form.AMOUNT:
            assert math.isclose(found, value, rel_tol=1e-7, abs_tol=1e-44)
        else:
            assert math.isclose(found, value, rel_tol=2**-7, abs_tol=1e-38)


def test_what_is_not_a_number_is_missing() -> None:
    assert by_name(unpack(pack({"amountBase": math.nan, "travelKm": math.nan}))) == dict.fromkeys(NAMES)


@given(VALUES)
def test_an_older_vector_lacks_the_newer_features_alone(values: Mapping[str, float | None]) -> None:
    packed = pack(values)
    assert by_name(VectorCodec(LONGER).unpack(packed), LONGER) == by_name(unpack(packed)) | dict.fromkeys(
        feature.name for feature in NEW
    )


@given(VALUES)
def test_of_a_newer_vector_the_known_features_are_read(values: Mapping[str, float | None]) -> None:
    newer = VectorCodec(LONGER).pack({**values, "cardNightShare": 0.5, "ipAgeDays": 7, "cardReturns": 3})
    assert len(newer) > len(pack(values))
    assert unpack(newer) == unpack(pack(values))
    read = by_name(VectorCodec(LONGER).unpack(newer), LONGER)
    assert (read["cardNightShare"], read["ipAgeDays"], read["cardReturns"]) == (0.5, 7, 3)


def test_a_retired_feature_leaves_its_place_and_a_new_meaning_has_a_new_one() -> None:
    changed = (
        *[feature._replace(retired=feature.name in {"localHour", "travelKm"}) for feature in DECLARED],
        Feature("localHour", Form.COUNT, "with another meaning", NEXT),
    )
    values = dict.fromkeys(NAMES, 2.0)
    older = by_name(VectorCodec(changed).unpack(pack(values)), changed)
    assert "travelKm" not in older
    assert older.pop("localHour") is None
    assert set(older.values()) == {2.0, 1.0}
    newer = VectorCodec(changed).pack(values)
    assert by_name(VectorCodec(changed).unpack(newer), changed)["localHour"] == 2
    assert by_name(unpack(newer)) == by_name(unpack(pack(values))) | {"localHour": None, "travelKm": None}


def test_a_longer_vector_is_scored_unchanged_by_an_older_model(monkeypatch: pytest.MonkeyPatch) -> None:
    model = small_model()
    values = {name: float(place) for place, name in enumerate(NAMES)}
    before = model.log_odds(unpack(pack(values)))
    codec = VectorCodec(LONGER)
    monkeypatch.setattr(own, "INPUTS", tuple(feature.name for feature in LONGER))
    monkeypatch.setattr(own, "INPUT_MEANINGS", {feature.name: feature.since for feature in LONGER})
    monkeypatch.setattr(registry, "SCHEMA", NEXT)
    longer = load(model.to_json())
    assert longer.log_odds(codec.unpack(codec.pack({**values, "cardNightShare": 1}))) == before
    assert longer.log_odds(codec.unpack(pack(values))) == before


def test_a_model_of_a_feature_with_another_meaning_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    content = small_model().to_json()
    monkeypatch.setattr(own, "INPUT_MEANINGS", {**own.INPUT_MEANINGS, "travelKm": NEXT})
    with pytest.raises(ModelError, match=f"travelKm has another meaning than in the features of schema {FIRST_SCHEMA}"):
        load(content)


def test_a_vector_of_a_newer_form_is_told_from_a_damaged_one() -> None:
    packed = pack(dict.fromkeys(NAMES, 2.0))
    with pytest.raises(NewerVectorError, match=f"form {FORM + 1}, and this version reads forms up to {FORM}"):
        unpack(bytes((FORM + 1,)) + packed[1:])


@pytest.mark.parametrize("length", [*range(0, 100, 7), 118, 119])
def test_a_vector_that_was_cut_off_is_damaged(length: int) -> None:
    packed = pack(dict.fromkeys(NAMES, 2.0))
    assert length < len(packed)
    with pytest.raises(FeatureError, match="damaged"):
        unpack(packed[:length])


@pytest.mark.parametrize("more", [b"\0", b"more"])
def test_a_vector_of_this_schema_with_something_behind_it_is_damaged(more: bytes) -> None:
    with pytest.raises(FeatureError, match="damaged"):
        unpack(pack({}) + more)


def test_features_that_were_stored_keep_their_places() -> None:
    for schema in range(FIRST_SCHEMA, registry.SCHEMA + 1):
        places = [(feature.name, feature.form.name) for feature in DECLARED if feature.since == schema]
        assert hashlib.sha256(repr(places).encode()).hexdigest()[:6] == PLACES[schema], schema

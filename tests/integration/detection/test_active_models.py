"""Models are beside the ruleset in S3: what cannot be used never replaces what can, and never stops the rules."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from botocore.exceptions import ClientError

from embedded_aws.ministack.server import MinistackServer
from fraudstream.contract import RULESET_FILES
from fraudstream.detection.models.model import Model, ModelError, seal
from fraudstream.detection.models.selection import NO_MODELS
from fraudstream.detection.rules.ruleset import Ruleset, RulesetError
from fraudstream.detection.stores.rulesets.active import CHECK_SECONDS, RulesetStore
from fraudstream.detection.stores.rulesets.s3_cache import MOST_BYTES
from tests.unit.detection.model_harness import small_model

RULES = Path(__file__).parents[3] / "rules"
BUCKET = "bucket-reports"
PREFIX = "rulesets/live/"


class Place:
    """A bucket with a ruleset, and a store that looks at it whenever it is asked."""

    def __init__(self, s3: Any) -> None:
        self.s3 = s3
        self.refused: list[Exception] = []
        self.now = 0.0
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "us-east-2"})
        s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        for name in RULESET_FILES:
            self.put(name, (RULES / name).read_bytes())
        self.store = self.cold()

    def cold(self) -> RulesetStore:
        """Return the store of a function that has just started."""
        return RulesetStore(
            self.s3,
            bucket=BUCKET,
            on_refused=self.refused.append,
            clock=lambda: self.now,
            history=lambda: self.s3,
        )

    def put(self, name: str, content: bytes) -> None:
        self.s3.put_object(Bucket=BUCKET, Key=PREFIX + name, Body=content)

    def choose(self, text: str, **models: Model) -> None:
        for name, model in models.items():
            self.put(f"models/{name}.json", model.to_json())
        self.put("models.yaml", text.encode())

    def look(self) -> Ruleset:
        self.now += CHECK_SECONDS
        return self.store.current()


@pytest.fixture
def place(aws: MinistackServer) -> Place:
    return Place(aws.client("s3"))


def own(seed: int = 1) -> Model:
    return small_model(seed=seed, own_labels=True)


def test_without_a_word_on_models_rules_decide_alone(place: Place) -> None:
    assert place.look().models == NO_MODELS
    assert place.refused == []


def test_the_models_that_the_file_names_come_into_force(place: Place) -> None:
    place.look()
    place.choose("live: one.json\nshadow: two.json\n", one=own(), two=own(2))
    models = place.look().models
    assert models.live
    assert models.shadow
    assert (models.live.version, models.shadow.version) == (own().version, own(2).version)
    assert place.look().models is models
    place.choose("live: null\nshadow: one.json")
    live, shadow = place.look().models
    assert live is None
    assert shadow
    assert place.refused == []


def test_a_models_file_that_changes_under_its_name_comes_into_force(place: Place) -> None:
    place.choose("shadow: one.json", one=own())
    place.look()
    place.choose("shadow: one.json", one=own(2))
    shadow = place.look().models.shadow
    assert shadow
    assert shadow.version == own(2).version


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("live: other.json", "NoSuchKey"),
        ("live: ../../secrets.json", "live"),
        ("live: [", "no YAML"),
        ("liv: one.json", "liv"),
        ("live: damaged.json", "damaged.json: it is no model"),
        ("live: foreign.json", "labels of your own"),
        ("live: stale.json", "train it anew"),
        ("#" * 10_001, "larger than"),
    ],
)
def test_what_cannot_be_used_is_reported_and_the_last_good_models_stay(place: Place, text: str, reason: str) -> None:
    place.choose("live: one.json", one=own())
    good = place.look()
    place.put("models/damaged.json", b"{}")
    place.put("models/foreign.json", small_model().to_json())
    place.put("models/stale.json", msgspec.json.encode(msgspec.structs.replace(own().file, trained_on="later")))
    place.choose(text)
    assert place.look() is good
    assert reason in str(place.refused[0])
    assert isinstance(place.refused[0], ModelError | ClientError)
    place.choose("live: one.json # mended")
    live = place.look().models.live
    assert live
    assert live.version == own().version
    assert len(place.refused) == 1


def test_models_that_disappear_stay_in_force(place: Place) -> None:
    place.choose("live: one.json", one=own())
    good = place.look()
    place.s3.delete_object(Bucket=BUCKET, Key=PREFIX + "models.yaml")
    assert place.look() is good
    assert len(place.refused) == 1


def test_a_start_with_a_broken_model_goes_on_with_rules_alone(place: Place) -> None:
    place.choose("live: one.json")
    place.put("models/one.json", b"{")
    ruleset = place.look()
    assert ruleset.rules
    assert ruleset.models == NO_MODELS
    assert len(place.refused) == 1


def test_broken_models_and_broken_rules_do_not_block_each_other(place: Place) -> None:
    place.choose("live: one.json", one=own())
    first = place.look()
    place.put("models/one.json", b"{")
    place.put("lists.yaml", b"blocked: {}\ntrusted: {}\n")
    second = place.look()
    assert second.version != first.version
    assert second.models is first.models
    place.put("lists.yaml", b"blocked: [")
    place.choose("live: two.json", two=own(2))
    third = place.look()
    assert third.version == second.version
    assert third.models.live
    assert third.models.live.version == own(2).version


def test_the_same_model_can_be_live_and_in_shadow(place: Place) -> None:
    place.choose("live: one.json\nshadow: one.json", one=own())
    assert place.look().models.live is place.look().models.shadow is not None


def test_a_model_of_another_seal_is_not_taken_for_its_own(place: Place) -> None:
    resealed = seal(msgspec.structs.replace(own().file, trained_on="elsewhere"))
    place.choose("live: one.json", one=resealed)
    live = place.look().models.live
    assert live
    assert live.version == resealed.version != own().version


def test_a_cold_start_with_an_invalid_ruleset_takes_the_newest_valid_version(place: Place) -> None:
    place.put("lists.yaml", b"blocked: {}\ntrusted: {}\n")
    good = place.look()
    place.put("ruleset.yaml", b"rules: [")
    place.put("lists.yaml", b"blocked: [")
    found = place.cold().current()
    assert found.version == good.version
    assert len(place.refused) == 1
    assert isinstance(place.refused[0], RulesetError)


def test_a_cold_start_with_a_deleted_ruleset_takes_the_version_before(place: Place) -> None:
    good = place.look()
    place.s3.delete_object(Bucket=BUCKET, Key=PREFIX + "rates.yaml")
    assert place.cold().current().version == good.version
    assert len(place.refused) == 1


def test_after_a_start_on_an_earlier_version_a_mended_ruleset_is_active(place: Place) -> None:
    place.put("ruleset.yaml", b"rules: [")
    store = place.cold()
    store.current()
    place.put("ruleset.yaml", (RULES / "ruleset.yaml").read_bytes() + b"# mended\n")
    place.now += CHECK_SECONDS
    assert store.current().version == place.cold().current().version
    assert len(place.refused) == 1


def test_without_any_valid_version_the_fault_is_reported_before_it_is_raised(aws: MinistackServer) -> None:
    s3, refused = aws.client("s3"), list[Exception]()
    s3.create_bucket(Bucket="empty", CreateBucketConfiguration={"LocationConstraint": "us-east-2"})
    store = RulesetStore(s3, bucket="empty", on_refused=refused.append, history=lambda: s3)
    with pytest.raises(ClientError, match="NoSuchKey") as raised:
        store.current()
    assert refused == [raised.value]


def test_a_cold_start_with_a_broken_model_takes_the_last_good_models(place: Place) -> None:
    place.choose("live: one.json", one=own())
    place.put("models/one.json", b"{")
    live = place.cold().current().models.live
    assert live
    assert live.version == own().version
    assert len(place.refused) == 1


@pytest.mark.parametrize("failing", ["GetObject", "ListObjectVersions"])
def test_a_start_at_which_s3_fails_for_a_moment_judges_nothing_without_models(place: Place, failing: str) -> None:
    place.choose("live: one.json", one=own())
    if failing == "ListObjectVersions":
        place.put("models/one.json", b"{")
    busy = ClientError({"Error": {"Code": "SlowDown"}, "ResponseMetadata": {"HTTPStatusCode": 503}}, failing)  # pyright: ignore[reportArgumentType]

    def refuse(params: Any, **_: Any) -> None:
        if "models/" in params.get("Key", "models/"):
            raise busy

    store = place.cold()
    place.s3.meta.events.register(f"before-parameter-build.s3.{failing}", refuse)
    for _ in range(2):
        with pytest.raises(ClientError, match="SlowDown"):
            store.current()
    place.s3.meta.events.unregister(f"before-parameter-build.s3.{failing}", refuse)
    assert live_version(store.current()) == own().version


def test_a_model_that_gives_no_finite_number_never_becomes_active(place: Place) -> None:
    file = msgspec.to_builtins(own().file)
    for tree in file["trees"]:
        tree["leaf"] = [1e308] * len(tree["leaf"])
    place.put("models/huge.json", msgspec.json.encode(file))
    place.choose("shadow: huge.json")
    assert place.look().models == NO_MODELS
    assert len(place.refused) == 1


def live_version(ruleset: Ruleset) -> str | None:
    return ruleset.models.live.version if ruleset.models.live else None


@pytest.mark.parametrize("name", ["lists.yaml", "models.yaml", "models/one.json"])
@pytest.mark.parametrize("size", [0, 9_000_000])
def test_of_a_file_of_any_size_no_more_is_read_than_shows_that_it_is_too_large(
    place: Place, name: str, size: int
) -> None:
    place.choose("live: one.json\n", one=own())
    good = place.look()
    read: list[int] = []

    def note(parsed: Any, **_: Any) -> None:
        read.append(parsed.get("ContentLength", 0))

    place.s3.meta.events.register("after-call.s3.GetObject", note)
    place.put(name, b"#" * size)
    stays = place.look()
    assert (stays.version, live_version(stays)) == (good.version, own().version)
    assert len(place.refused) == 1
    # A function that has just started looks for what could be used before.
    started = place.cold().current()
    assert (started.version, live_version(started)) == (good.version, own().version)
    assert max(read) <= MOST_BYTES + 1

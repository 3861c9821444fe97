"""A stack from its first preview to its destruction, under the real engine."""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from infra.data import report_bucket
from proofs.destroy.mutations import MUTATIONS
from tests.engine.engine_harness import Deployment, Engine, OperationRefusedError, Plan, engine
from tests.engine.property_paths_harness import SIGNATURE
from tests.engine.recording_provider import Event

NOTHING = Plan()
FUNCTION = "aws:lambda/function:Function"
OBJECT = "aws:s3/bucketObjectv2:BucketObjectv2"
KEYS = ("TOKEN_KEY", "TOKEN_KEYS_ON_TOP", "LOG_KEY")
FUNCTIONS = ("transaction-processor", "fraud-analyzer", "report-generator")
MIDDLE = "lambda-fraud-analyzer-test"
WEBHOOK_SECRET = "0123456789abcdef-of-a-test"
EVERYTHING = {
    "waf": "true", "analytics": "true", "apiAuth": "API_KEY", "alarmEmail": "operators@example.com", "tokenKeys": "2",
    "alertWebhookUrl": "https://example.com/fraud", "alertWebhookSecret": WEBHOOK_SECRET,
}  # fmt: skip


@dataclass(frozen=True)
class Life:
    """What became of a stack."""

    preview: Plan
    made_by_preview: int
    up: Plan
    second_up: Plan
    refresh: Plan
    outputs: Mapping[str, Any]
    keys: Sequence[str]
    """Of tokens and of the log, as functions have them."""
    state: str
    destroy: Plan
    events: Sequence[Event]
    left_in_account: Sequence[Any]
    left_in_state: Sequence[Any]

    def deleted_at(self, name: str) -> int:
        """The place of a resource in the order of what was deleted."""
        (found,) = [at for at, event in enumerate(self.events) if event.op == "delete" and event.name == name]
        return found

    def deleted(self, part: str) -> Iterator[str]:
        """The names of deleted resources with a text in them."""
        return (event.name for event in self.events if event.op == "delete" and part in event.name)


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Life:
    with engine(tmp_path_factory.mktemp("engine")) as running:
        stack = running.stack(settings=EVERYTHING, stores_each_step=True)
        preview = stack.preview()
        made_by_preview = len(running.account.objects)
        up, second_up, refresh = stack.up(), stack.up(), stack.refresh()
        outputs, state = stack.outputs(), json.dumps(stack.state())
        settings = [each["environment"]["variables"] for each in running.account.of(FUNCTION)]
        keys = [each[name] for each in settings for name in KEYS if name in each]
        destroy = stack.destroy()
        return Life(
            preview=preview,
            made_by_preview=made_by_preview,
            up=up,
            second_up=second_up,
            refresh=refresh,
            outputs=outputs,
            keys=keys,
            state=state,
            destroy=destroy,
            events=running.account.events,
            left_in_account=list(running.account.objects),
            left_in_state=stack.state().get("resources", []),
        )


def test_a_first_preview_plans_everything_and_makes_nothing(life: Life) -> None:
    assert len(life.preview.created) > 100
    assert life.preview == Plan(created=life.preview.created)
    assert life.made_by_preview == 0


def test_an_up_makes_what_the_preview_planned(life: Life) -> None:
    assert life.up == life.preview


def test_a_second_up_changes_nothing(life: Life) -> None:
    assert life.second_up == NOTHING


def test_a_refresh_finds_the_account_as_it_was_left(life: Life) -> None:
    assert life.refresh == NOTHING


def test_the_state_holds_no_secret_in_clear_text(life: Life) -> None:
    stack = next(each for each in json.loads(life.state)["resources"] if each["type"] == "pulumi:pulumi:Stack")
    assert set(stack["outputs"]["apiKey"]) == {SIGNATURE, "ciphertext"}
    functions = [each for each in json.loads(life.state)["resources"] if each["type"] == FUNCTION]
    assert len(functions) == 3
    assert len(set(life.keys)) == len(KEYS)
    assert not [secret for secret in (*life.keys, WEBHOOK_SECRET) if secret in life.state]


def test_destroy_leaves_nothing_in_the_account_and_in_the_state(life: Life) -> None:
    assert life.destroy.deleted == life.up.created
    assert life.left_in_account == []
    assert life.left_in_state == []


def test_a_table_that_the_engine_retains_is_seen_to_be_left(new_engine: Engine) -> None:
    stack = new_engine.stack(change=MUTATIONS["a table is retained"].change)
    stack.up()
    stack.destroy()
    assert stack.state().get("resources", []) == []
    assert [kind for kind, _ in stack.account.objects] == ["aws:dynamodb/table:Table"]


def test_a_model_whose_file_is_gone_stays_in_the_bucket(new_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    models = new_engine.home / "models"
    shutil.copytree(report_bucket.MODELS, models)
    earlier = models / "earlier.json"
    earlier.write_text("{}")
    monkeypatch.setattr(report_bucket, "MODELS", models)
    stack = new_engine.stack()
    stack.up()
    earlier.unlink()
    assert stack.up() == Plan(deleted=frozenset({"object-model-earlier-test"}))
    assert "rulesets/live/models/earlier.json" in {each["key"] for each in stack.account.of(OBJECT)}
    stack.destroy()
    assert list(stack.account.objects) == []


def test_destroy_lets_functions_give_their_network_interfaces_back(life: Life) -> None:
    functions = [life.deleted_at(f"lambda-{name}-test") for name in FUNCTIONS]
    network = [life.deleted_at(name) for part in ("subnet-", "security-group-functions") for name in life.deleted(part)]
    rights = [life.deleted_at(f"policy-{name}-network-test") for name in FUNCTIONS]
    assert len(network) == 3
    assert max(functions) < min(network)
    # Lambda deletes its interfaces by the functions' roles, after the functions are gone.
    assert max(network) < min(rights)


def test_destroy_deletes_log_groups_and_roles_after_their_functions(life: Life) -> None:
    for name in FUNCTIONS:
        function = life.deleted_at(f"lambda-{name}-test")
        assert function < life.deleted_at(f"log-group-{name}-test")
        policies = [life.deleted_at(each) for each in life.deleted(f"policy-{name}-")]
        assert policies
        assert function < min(policies)
        assert max(policies) < life.deleted_at(f"role-{name}-test")


def objects(stack: Deployment) -> set[tuple[str, str]]:
    return set(stack.account.objects)


def test_an_up_that_fails_in_the_middle_is_healed_by_the_next(new_engine: Engine, life: Life) -> None:
    stack = new_engine.stack(settings=EVERYTHING, stores_each_step=True)
    stack.account.failing = {MIDDLE}
    with pytest.raises(OperationRefusedError, match=f"AWS refuses {MIDDLE}"):
        stack.up()
    first = {event.name for event in stack.account.events}
    assert first
    assert MIDDLE not in first
    stack.account.failing = set()
    second = stack.up()
    assert MIDDLE in second.created
    assert not second.created & first
    assert first | second.created == life.up.created
    assert stack.up() == NOTHING


def test_a_change_that_fails_in_the_middle_is_healed_by_the_next_up(new_engine: Engine) -> None:
    stack = new_engine.stack(stores_each_step=True)
    stack.up()
    stack.account.failing = {MIDDLE}
    stack.configure({"logLevel": "DEBUG"})
    with pytest.raises(OperationRefusedError, match=f"AWS refuses {MIDDLE}"):
        stack.up()
    stack.account.failing = set()
    assert MIDDLE in stack.up().updated
    levels = {each["environment"]["variables"]["LOG_LEVEL"] for each in stack.account.of(FUNCTION)}
    assert levels == {"DEBUG"}
    assert stack.up() == NOTHING


def test_what_was_deleted_by_hand_is_made_again_after_a_refresh(new_engine: Engine) -> None:
    stack = new_engine.stack()
    stack.up()
    gone = ("aws:cloudwatch/dashboard:Dashboard", "us-east-2/dashboard-operations-test")
    del stack.account.objects[gone]
    stack.refresh()
    assert stack.up() == Plan(created=frozenset({"dashboard-operations-test"}))
    assert gone in objects(stack)


def test_two_stacks_stand_side_by_side_in_one_account(new_engine: Engine) -> None:
    first, second = new_engine.stack("first"), new_engine.stack("second", {"apiGatewayAccountRole": "existing"})
    first.up()
    before = objects(first)
    second.up()
    assert first.up() == NOTHING
    second.destroy()
    assert objects(first) == before

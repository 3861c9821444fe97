"""Settings changed on a deployed stack: each by its exact plan, and none takes data."""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from infra import program
from infra.data import program_rules, report_bucket
from infra.settings import read_settings
from tests.engine.aws_outputs_harness import is_tagged
from tests.engine.engine_harness import Deployment, Engine, OperationRefusedError, Plan, engine
from tests.engine.setting_changes_harness import CHANGES, REFUSED, TAGS

NOTHING = Plan()
OPTIONS = ("analytics", "waf", "alarmEmail", "alertEmail", "events", "apiAuth", "processorProvisionedConcurrency")
"""Settings that add something, and take it away again."""
TABLES = ("transactions", "profiles", "alerts", "outbox")
INERT = [name for name, change in CHANGES.items() if change.plan() == NOTHING]
"""Settings of what is not there by default: by themselves they change nothing."""
DATA = ("table-", "bucket-", "key-data-", "secret-", "object-")
TABLE, OBJECT = "aws:dynamodb/table:Table", "aws:s3/bucketObjectv2:BucketObjectv2"


@pytest.fixture(scope="module")
def with_options(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A deployed stack with everything that is optional: for previews alone."""
    with engine(tmp_path_factory.mktemp("engine")) as running:
        stack = running.stack(settings={name: CHANGES[name].value for name in OPTIONS})
        stack.up()
        yield stack


def preview(stack: Deployment, settings: Mapping[str, str]) -> Plan:
    stack.configure(settings)
    return stack.preview()


def test_every_setting_has_its_plan() -> None:
    asked: set[str] = set()
    read_settings(asked.add, "dev")
    assert {*CHANGES, *REFUSED, TAGS} == asked | {"allowOtherRegion"}, "say in setting_changes_harness.py what it does"


@pytest.mark.parametrize("name", [name for name in CHANGES if name not in INERT])
def test_a_change_of_a_setting_does_what_is_said(deployed: Deployment, name: str) -> None:
    change = CHANGES[name]
    plan = preview(deployed, {name: change.value, **change.beside})
    assert plan == change.plan()
    assert not any(each.startswith(DATA) for each in plan.replaced | plan.deleted)


def test_settings_of_what_is_not_there_change_nothing(deployed: Deployment) -> None:
    # No change of one could hide that of another: all of them together are one plan, and it is empty.
    assert preview(deployed, {name: CHANGES[name].value for name in INERT}) == NOTHING


def test_the_cost_centre_changes_the_tags_of_everything_in_place(deployed: Deployment) -> None:
    made = {event.name for event in deployed.account.events if event.op == "create" and is_tagged(event.type)}
    assert preview(deployed, {TAGS: "payments"}) == Plan(updated=frozenset(made))


@pytest.mark.parametrize("name", OPTIONS)
def test_what_an_option_added_goes_with_it(with_options: Deployment, name: str) -> None:
    added = CHANGES[name].plan()
    plan = preview(with_options, {other: CHANGES[other].value for other in OPTIONS if other != name})
    assert plan == Plan(updated=added.updated, replaced=added.replaced, deleted=added.created)


@pytest.mark.parametrize("name", REFUSED)
def test_a_change_that_would_take_data_is_refused_with_a_sentence(deployed: Deployment, name: str) -> None:
    with pytest.raises(OperationRefusedError, match=rf"fraudstream:{name} is .*Set it back to"):
        preview(deployed, REFUSED[name])


def test_without_the_refusal_tables_would_keep_a_key_that_is_deleted(
    new_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = new_engine.stack()
    stack.up()
    key = stack.outputs()["encryptionKeyArn"]
    monkeypatch.setattr(program, "refuse_loss", lambda *_: None)
    stack.configure(REFUSED["customerManagedKey"])
    assert "key-data-test" in stack.up().deleted
    assert [each["serverSideEncryption"].get("kmsKeyArn") for each in stack.account.of(TABLE)] == [key] * len(TABLES)


def test_a_refused_change_stays_refused_and_leaves_the_stack_as_it_was(new_engine: Engine) -> None:
    stack = new_engine.stack()
    stack.up()
    outputs, objects = stack.outputs(), dict(stack.account.objects)
    # Without a preview before it, the program itself is what stops.
    stack.configure(REFUSED["environmentSuffix"])
    for _ in range(2):
        with pytest.raises(OperationRefusedError, match="fraudstream:environmentSuffix is 'other'"):
            stack.up()
    assert stack.outputs() == outputs
    assert stack.account.objects == objects
    stack.destroy()
    assert stack.account.objects == {}
    stack.up()
    assert {each["name"] for each in stack.account.of(TABLE)} == {f"table-{purpose}-other" for purpose in TABLES}


@pytest.mark.parametrize("name", ["environmentSuffix", "region", "apiGatewayAccountRole"])
def test_who_says_that_it_may_go_is_not_refused(new_engine: Engine, name: str) -> None:
    stack = new_engine.stack()
    stack.up()
    stack.configure({**REFUSED[name], "allowDestructiveChanges": "true"})
    stack.up()
    assert stack.up() == NOTHING
    tables = {each["arn"] for each in stack.account.of(TABLE)}
    assert len(tables) == len(TABLES)
    assert all(("other" in arn) == (name == "environmentSuffix") for arn in tables)
    assert all(("eu-west-1" in arn) == (name == "region") for arn in tables)


def test_a_key_of_its_own_can_be_given_to_a_stack_without_one(new_engine: Engine) -> None:
    stack = new_engine.stack(settings={"customerManagedKey": "false"})
    stack.up()
    stack.configure({})
    plan = stack.up()
    assert {f"table-{purpose}-test" for purpose in TABLES} <= plan.updated
    assert not plan.replaced | plan.deleted
    assert {each["serverSideEncryption"]["kmsKeyArn"] for each in stack.account.of(TABLE)} == {
        stack.outputs()["encryptionKeyArn"]
    }
    assert stack.up() == NOTHING


def test_a_region_gets_the_zones_that_it_has(new_engine: Engine) -> None:
    stack = new_engine.stack(settings={"region": "ap-northeast-1", "allowOtherRegion": "true"})
    stack.account.zones["ap-northeast-1"] = ["ap-northeast-1d", "ap-northeast-1a", "ap-northeast-1c"]
    stack.up()
    zones = {each["availabilityZone"] for each in stack.account.of("aws:ec2/subnet:Subnet")}
    assert zones == {"ap-northeast-1a", "ap-northeast-1c"}


def test_deployed_rules_survive_until_the_repository_changes(
    new_engine: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stack = new_engine.stack()
    stack.up()
    for each in stack.account.of(OBJECT):
        each |= {"etag": "of-what-was-deployed", "versionId": "of-what-was-deployed"}
        each |= {"metadata": {"fraudstream-by": "somebody"}, "contentType": "binary/octet-stream"}
    stack.configure({"logLevel": "DEBUG"})
    assert not any(name.startswith("object-") for name in stack.up(refresh=True).updated)
    rules = shutil.copytree(program_rules.RULES, tmp_path / "rules")
    (rules / "ruleset.yaml").write_text((rules / "ruleset.yaml").read_text() + "# changed\n")
    for module in (program_rules, report_bucket):
        monkeypatch.setattr(module, "RULES", rules)
    assert stack.up() == Plan(updated=frozenset({"object-ruleset-ruleset-test"}))

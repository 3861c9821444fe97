"""Pulumi programs, run in this process."""

from collections.abc import Callable, Mapping
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest

from embedded_aws.pulumi_program import Created, DeploymentError, Resource, run_program


class Recorder:
    """A provider that creates nothing, and remembers what it was asked for."""

    def __init__(self, broken: str = "") -> None:
        self.resources: list[Resource] = []
        self._broken = broken

    def create(self, resource: Resource, urn: str) -> Created:
        assert resource.name in urn
        if resource.name == self._broken:
            raise ValueError("no room")
        self.resources.append(resource)
        return Created(id=f"{resource.name}-id", outputs={"arn": f"arn:{resource.name}"})

    def call(self, token: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        del arguments
        if token != "aws:index/getCallerIdentity:getCallerIdentity":
            raise DeploymentError(f"{token} is not known")
        return {"accountId": "000000000000", "id": "me", "arn": "arn:me", "userId": "me"}

    def inputs(self, name: str) -> Mapping[str, Any]:
        (found,) = [each.inputs for each in self.resources if each.name == name]
        return found


def run(program: Callable[[], object], provider: Recorder, **config: str) -> dict[str, Any]:
    settings = {f"app:{name}": value for name, value in config.items()}
    return run_program(program, project="app", stack="here", config=settings, provider=provider)


def two_topics() -> None:
    first = aws.sns.Topic("first", display_name="one")
    second = aws.sns.Topic("second", display_name=first.arn)
    pulumi.export("second", second.arn)


def test_a_program_sees_its_configuration_stack_and_project() -> None:
    def program() -> None:
        config = pulumi.Config("app")
        pulumi.export("size", config.require_int("size"))
        pulumi.export("key", config.require_secret("key"))
        pulumi.export("where", f"{pulumi.get_project()}/{pulumi.get_stack()}")

    assert run(program, Recorder(), size="3", key="hush") == {"size": 3, "key": "hush", "where": "app/here"}


def test_what_one_resource_gives_another_takes_and_the_order_is_always_the_same() -> None:
    orders: list[list[str]] = []
    for _ in range(3):
        recorder = Recorder()
        assert run(two_topics, recorder) == {"second": "arn:second"}
        assert recorder.inputs("second")["displayName"] == "arn:first"
        orders.append([each.name for each in recorder.resources])
    assert orders == [["first", "second"]] * 3


def test_secrets_are_unwrapped_at_any_depth_and_archives_stay_what_they_are() -> None:
    def program() -> None:
        function = aws.lambda_.Function(
            "function",
            role="role",
            timeout=30,
            code=pulumi.FileArchive("/package.zip"),
            environment={"variables": {"KEY": pulumi.Output.secret("hush"), "NAME": "plain"}},
        )
        pulumi.export("arn", pulumi.Output.secret(function.arn))
        pulumi.export("nested", {"arns": [pulumi.Output.secret(function.arn)]})

    recorder = Recorder()
    assert run(program, recorder) == {"arn": "arn:function", "nested": {"arns": ["arn:function"]}}
    inputs = recorder.inputs("function")
    assert inputs["environment"] == {"variables": {"KEY": "hush", "NAME": "plain"}}
    assert isinstance(inputs["timeout"], int)
    assert isinstance(inputs["code"], pulumi.FileArchive)
    assert inputs["code"].path == "/package.zip"


def test_a_program_can_ask_its_cloud() -> None:
    def program() -> None:
        pulumi.export("account", aws.get_caller_identity_output().account_id)

    assert run(program, Recorder()) == {"account": "000000000000"}


def test_a_failing_resource_ends_the_run_with_its_name() -> None:
    recorder = Recorder(broken="first")
    with pytest.raises(DeploymentError, match="aws:sns/topic:Topic first: no room"):
        run(two_topics, recorder)
    assert recorder.resources == []


def test_a_failing_question_ends_the_run_with_its_name() -> None:
    with pytest.raises(DeploymentError, match="getRegion"):
        run(lambda: pulumi.export("region", aws.get_region_output().region), Recorder())


def test_reading_what_exists_elsewhere_is_refused() -> None:
    with pytest.raises(DeploymentError, match="Topic theirs: nothing exists here"):
        run(lambda: aws.sns.Topic.get("theirs", "arn:theirs"), Recorder())


def test_an_error_of_the_program_comes_out_as_it_is() -> None:
    def program() -> None:
        two_topics()
        raise LookupError("the program's own")

    with pytest.raises(LookupError, match="the program's own"):
        run(program, Recorder())


def test_a_missing_setting_is_pulumis_error_and_harms_no_later_run() -> None:
    def program() -> None:
        pulumi.export("size", pulumi.Config("app").require_int("size"))

    with pytest.raises(pulumi.ConfigMissingError, match="app:size"):
        run(program, Recorder())
    assert run(program, Recorder(), size="1") == {"size": 1}


def test_components_are_grouped_by_but_not_created() -> None:
    class Pair(pulumi.ComponentResource):
        def __init__(self) -> None:
            super().__init__("app:index:Pair", "pair")
            aws.sns.Topic("inner", opts=pulumi.ResourceOptions(parent=self))

    recorder = Recorder()
    run(Pair, recorder)
    assert [each.name for each in recorder.resources] == ["inner"]

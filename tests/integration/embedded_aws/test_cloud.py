"""A whole program in the embedded AWS."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pulumi_aws as aws
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from embedded_aws.cleanup import FolderInUseError
from embedded_aws.cloud import FunctionFailedError, LocalCloud
from embedded_aws.pulumi_program import DeploymentError
from tests.coroutines_harness import collected_in_silence
from tests.integration.embedded_aws.process_harness import LOOPBACK, family, listening_addresses, needs_proc
from tests.integration.embedded_aws.shop_harness import shop, write_package
from tests.waiting_harness import PATIENCE_SECONDS

CONFIG = {"shop:owner": "Ada"}


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_package(tmp_path_factory.mktemp("shop") / "package")


@pytest.fixture(scope="module")
def progress() -> list[str]:
    return []


@pytest.fixture(scope="module")
def cloud(package: Path, progress: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    with LocalCloud(
        program=shop(package),
        project="shop",
        stack="test",
        config=CONFIG,
        folder=tmp_path_factory.mktemp("cloud"),
        enforce_iam=True,
        on_progress=progress.append,
    ) as running:
        yield running


def put(cloud: LocalCloud, order: str) -> httpx.Response:
    request = AWSRequest(method="PUT", url=f"{cloud.outputs['url']}/orders/{order}")
    SigV4Auth(cloud.credentials, "execute-api", "us-east-2").add_auth(request)
    return httpx.put(str(request.url), headers=dict(request.headers.items()), timeout=PATIENCE_SECONDS)


def ids(cloud: LocalCloud, table: str) -> set[str]:
    return {item["id"]["S"] for item in cloud.client("dynamodb").scan(TableName=table)["Items"]}


def news(cloud: LocalCloud) -> list[dict[str, str]]:
    """Everything that the pipe has told so far and nobody has read."""
    found: list[dict[str, str]] = []
    sqs = cloud.client("sqs")
    while messages := sqs.receive_message(QueueUrl=cloud.outputs["news"], MaxNumberOfMessages=10).get("Messages"):
        found += [json.loads(json.loads(each["Body"])["Message"]) for each in messages]
    return found


def test_an_order_goes_through_the_gateway_the_stream_and_the_pipe(cloud: LocalCloud) -> None:
    answer = put(cloud, "order-1")
    cloud.wait_until_idle(PATIENCE_SECONDS)

    assert (answer.status_code, answer.text) == (201, "order-1")
    assert ids(cloud, "orders") >= {"order-1"}
    assert ids(cloud, "bills") >= {"order-1"}
    assert {"order": "order-1"} in news(cloud)


def test_idle_means_that_everything_written_has_been_handled(cloud: LocalCloud) -> None:
    orders = {f"many-{number}" for number in range(120)}
    for order in orders:
        cloud.client("dynamodb").put_item(TableName="orders", Item={"id": {"S": order}})
    cloud.wait_until_idle(PATIENCE_SECONDS)
    assert ids(cloud, "bills") >= orders


def test_what_fails_for_good_goes_to_a_queue_as_the_functions_role(cloud: LocalCloud) -> None:
    for order in ("poison", "neighbour"):
        cloud.client("dynamodb").put_item(TableName="orders", Item={"id": {"S": order}})
    cloud.wait_until_idle(PATIENCE_SECONDS)

    messages = cloud.client("sqs").receive_message(QueueUrl=cloud.outputs["dead"], WaitTimeSeconds=2)["Messages"]
    assert json.loads(messages[0]["Body"])["requestContext"]["functionArn"].endswith(":function:clerk")
    assert "poison" not in ids(cloud, "bills")
    assert "neighbour" in ids(cloud, "bills")


def test_a_schedule_can_be_fired_and_its_function_has_its_secret_settings(cloud: LocalCloud) -> None:
    assert cloud.run_schedule("daily") == {"task": "count", "owner": "Ada"}


def test_a_schedule_that_fails_for_good_reaches_the_queue_by_its_role(
    cloud: LocalCloud,
) -> None:
    with pytest.raises(FunctionFailedError, match="hopeless: RuntimeError: on purpose"):
        cloud.run_schedule("hopeless")

    (message,) = cloud.client("sqs").receive_message(QueueUrl=cloud.outputs["missed"], WaitTimeSeconds=2)["Messages"]
    record = json.loads(message["Body"])
    assert record["requestPayload"] == {"fail": True}
    assert record["requestContext"]["approximateInvokeCount"] == 3
    assert record["responsePayload"]["errorMessage"] == "on purpose"


def test_a_function_can_be_invoked_and_what_it_prints_is_in_its_log(cloud: LocalCloud) -> None:
    assert cloud.invoke("clerk", {"task": "by hand"}) == {"task": "by hand", "owner": "Ada"}
    assert "handled ['task']" in cloud.log_file("clerk").read_text()


def test_a_function_that_fails_says_why(cloud: LocalCloud) -> None:
    with pytest.raises(FunctionFailedError, match="clerk: RuntimeError: on purpose"):
        cloud.invoke("clerk", {"fail": True})


def test_a_function_may_do_what_its_role_may_and_nothing_else(cloud: LocalCloud) -> None:
    with pytest.raises(FunctionFailedError, match=r"AccessDenied.*assumed-role/clerk/.*dynamodb:Scan"):
        cloud.invoke("clerk", {"forbidden": True})


def test_an_unsigned_request_is_refused(cloud: LocalCloud) -> None:
    assert httpx.put(f"{cloud.outputs['url']}/orders/order-2", timeout=PATIENCE_SECONDS).status_code == 403


@needs_proc
def test_everything_listens_on_the_loopback_interface_alone(cloud: LocalCloud) -> None:
    cloud.invoke("clerk", {})  # so that its process is there, and the Runtime API that it talks to
    listening = {each: listening_addresses(each) for each in family(os.getpid())}
    assert len([each for each in listening.values() if each]) >= 2  # this process, with the gateway in it; ministack
    assert set().union(*listening.values()) == {LOOPBACK}


def test_progress_is_told(cloud: LocalCloud, progress: list[str]) -> None:
    del cloud
    assert progress[0] == "starting the embedded AWS"
    assert "creating table orders" in progress
    assert progress[-1] == "deployed"


def test_two_clouds_may_run_at_the_same_time_but_not_in_one_folder(
    cloud: LocalCloud, package: Path, tmp_path: Path
) -> None:
    def another() -> LocalCloud:
        return LocalCloud(program=shop(package), project="shop", stack="other", config=CONFIG, folder=tmp_path)

    with another() as other:
        assert put(other, "order-3").status_code == 201
        assert "order-3" not in ids(cloud, "orders")
        with pytest.raises(FolderInUseError), another():
            pass


def test_a_program_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    def program() -> None:
        raise LookupError("the program's own")

    folder = tmp_path / "some" / "where"
    cloud = LocalCloud(program=program, project="p", stack="s", config={}, folder=folder)
    with pytest.raises(LookupError, match="the program's own"), cloud:
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_setting_that_cannot_be_played_is_an_error_of_the_deployment(package: Path, tmp_path: Path) -> None:
    def program() -> None:
        shop(package)()
        aws.scheduler.Schedule(
            "odd",
            schedule_expression="at(2030-01-01T00:00:00)",
            flexible_time_window={"mode": "OFF"},
            target={"arn": "arn:aws:lambda:us-east-2:000000000000:function:clerk", "role_arn": "arn:r"},
        )

    cloud = LocalCloud(program=program, project="p", stack="s", config=CONFIG, folder=tmp_path)
    with collected_in_silence(), pytest.raises(DeploymentError, match="2030-01-01"), cloud:
        pass

"""What the provider makes of declarations, as far as no service is needed for it."""

import errno
import json
import os
import zipfile
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pulumi
import pytest

from embedded_aws.ministack.server import MinistackServer
from embedded_aws.provider import Account, LocalProvider
from embedded_aws.provider.policies import without_caller_conditions, without_transport_demands
from embedded_aws.provider.without_meaning import ABSENT
from embedded_aws.pulumi_program import DeploymentError, Resource
from embedded_aws.specs import EventInvokeSpec
from embedded_aws.unpacked import UnpackedPackages

PERMISSION = {
    "action": "lambda:InvokeFunction",
    "function": "orders",
    "principal": "apigateway.amazonaws.com",
    "sourceArn": "arn:aws:execute-api:us-east-2:000000000000:*/v1/GET/orders/*",
}


class Declared:
    """Declares resources one by one, with a provider that has no server behind it."""

    def __init__(self, folder: Path) -> None:
        self.progress: list[str] = []
        self.provider = LocalProvider(
            Account(MinistackServer(folder / "aws")),
            packages=UnpackedPackages(folder / "packages"),
            reserve_port=lambda: 4711,
            on_progress=self.progress.append,
        )

    def __call__(self, kind: str, name: str, /, **inputs: Any) -> dict[str, Any]:
        created = self.provider.create(Resource(type=kind, name=name, inputs=inputs), f"urn:{name}")
        return {"id": created.id, **created.outputs}

    def function(self, package: Path, **inputs: Any) -> dict[str, Any]:
        given = {
            "name": "orders",
            "handler": "app.handler",
            "role": "arn:role",
            "code": pulumi.FileArchive(str(package)),
        }
        return self("aws:lambda/function:Function", "orders", **{**given, **inputs})

    def api(self, permission: dict[str, str] | None = None) -> dict[str, Any]:
        """An API with one route, deployed; gives its stage."""
        api = self("aws:apigateway/restApi:RestApi", "api")
        orders = self(
            "aws:apigateway/resource:Resource",
            "orders",
            restApi=api["id"],
            parentId=api["rootResourceId"],
            pathPart="orders",
        )
        order = self(
            "aws:apigateway/resource:Resource", "order", restApi=api["id"], parentId=orders["id"], pathPart="{id}"
        )
        assert order["path"] == "/orders/{id}"
        where = {"restApi": api["id"], "resourceId": order["id"], "httpMethod": "GET"}
        self("aws:apigateway/method:Method", "get", **where, authorization="AWS_IAM")
        function = "arn:aws:lambda:us-east-2:000000000000:function:orders"
        uri = f"arn:aws:apigateway:us-east-2:lambda:path/2015-03-31/functions/{function}/invocations"
        self(
            "aws:apigateway/integration:Integration",
            "get",
            **where,
            type="AWS_PROXY",
            uri=uri,
            timeoutMilliseconds=5000,
        )
        if permission:
            self("aws:lambda/permission:Permission", "may", **permission)
        deployment = self("aws:apigateway/deployment:Deployment", "now", restApi=api["id"])
        # Too late for this deployment.
        self(
            "aws:apigateway/response:Response", "late", restApiId=api["id"], responseType="THROTTLED", statusCode="429"
        )
        stage = self("aws:apigateway/stage:Stage", "v1", restApi=api["id"], stageName="v1", deployment=deployment["id"])
        for path, rate in (("*/*", 100), ("~1orders~1{id}/GET", 7)):
            settings = {"throttlingRateLimit": rate, "throttlingBurstLimit": rate}
            self(
                "aws:apigateway/methodSettings:MethodSettings", path,
                restApi=api["id"], stageName="v1", methodPath=path, settings=settings,
            )  # fmt: skip
        return stage


@pytest.fixture
def declare(tmp_path: Path) -> Declared:
    return Declared(tmp_path)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    path = tmp_path / "orders.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("app.py", "def handler(event, context): return event\n")
    return path


def test_a_type_that_nothing_plays_is_an_error_with_the_resources_name(declare: Declared) -> None:
    with pytest.raises(DeploymentError, match=r"aws:kinesis/stream:Stream events: .* does not play this type"):
        declare("aws:kinesis/stream:Stream", "events")


def test_an_input_that_nothing_plays_is_an_error_with_its_name(declare: Declared, package: Path) -> None:
    with pytest.raises(DeploymentError, match=r"Function orders: .* does not play layers, snapStart"):
        declare.function(package, layers=["arn:layer"], snapStart={"applyOn": "PublishedVersions"})


def test_a_missing_input_is_an_error_with_its_name(declare: Declared) -> None:
    with pytest.raises(DeploymentError, match=r"Function orders: needs handler"):
        declare("aws:lambda/function:Function", "orders", role="arn:role")


def test_every_type_without_local_meaning_says_why(declare: Declared) -> None:
    for kind, absent in ABSENT.items():
        assert len(absent.reason) > 20, kind
        assert declare(kind, "thing")["id"]


def test_what_is_read_of_a_network_looks_as_on_aws(declare: Declared) -> None:
    vpc = declare("aws:ec2/vpc:Vpc", "main", cidrBlock="10.0.0.0/16")
    assert vpc["id"].startswith("vpc-")
    assert vpc["arn"] == f"arn:aws:ec2:us-east-2:000000000000:vpc/{vpc['id']}"
    assert declare("aws:ec2/vpcEndpoint:VpcEndpoint", "s3")["prefixListId"].startswith("pl-")


def test_a_provider_for_another_region_is_refused(declare: Declared) -> None:
    with pytest.raises(DeploymentError, match=r"provider abroad: is for eu-west-1, .* us-east-2"):
        declare("pulumi:providers:aws", "provider abroad", region="eu-west-1")


def test_default_tags_of_the_provider_reach_its_resources(declare: Declared) -> None:
    made = declare("pulumi:providers:aws", "p", region="us-east-2", defaultTags=json.dumps({"tags": {"Team": "a"}}))
    vpc = Resource(type="aws:ec2/vpc:Vpc", name="v", inputs={"tags": {"Name": "v"}}, provider=f"urn:p::{made['id']}")
    assert declare.provider.create(vpc, "urn:v").outputs["tagsAll"] == {"Team": "a", "Name": "v"}


def test_a_functions_package_is_unpacked_and_its_inputs_are_what_it_runs_with(declare: Declared, package: Path) -> None:
    made = declare.function(
        package,
        timeout=30,
        memorySize=512,
        reservedConcurrentExecutions=5,
        environment={"variables": {"A": "1"}},
        loggingConfig={"logFormat": "Text", "logGroup": "orders-log"},
    )
    (spec,) = declare.provider.finish().functions
    assert made["arn"] == "arn:aws:lambda:us-east-2:000000000000:function:orders"
    assert made["invokeArn"].endswith(f"/functions/{made['arn']}/invocations")
    assert (spec.package / "app.py").is_file()
    assert (spec.timeout_seconds, spec.memory_mb, spec.reserved_concurrency) == (30, 512, 5)
    assert spec.environment == {"A": "1"}
    assert spec.log_group == "orders-log"
    assert declare.progress == ["creating function orders"]


def test_a_function_that_says_nothing_gets_lambdas_defaults(declare: Declared, package: Path) -> None:
    declare.function(package)
    (spec,) = declare.provider.finish().functions
    assert (spec.timeout_seconds, spec.memory_mb, spec.reserved_concurrency) == (3, 128, None)


def test_code_that_is_no_zip_is_refused(declare: Declared, tmp_path: Path) -> None:
    broken = tmp_path / "broken.zip"
    broken.write_text("nothing")
    with pytest.raises(DeploymentError, match=r"Function orders: .*broken.zip is no zip file"):
        declare.function(broken)


def test_code_for_which_there_is_no_room_is_not_called_broken(
    declare: Declared, package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    monkeypatch.setattr(zipfile.ZipFile, "extractall", Mock(side_effect=full))
    with pytest.raises(DeploymentError, match=r"cannot be unpacked: .*No space left on device"):
        declare.function(package)


def test_an_event_source_keeps_everything_that_was_declared(declare: Declared, package: Path) -> None:
    made = declare.function(package)
    declare(
        "aws:lambda/eventSourceMapping:EventSourceMapping",
        "follow",
        eventSourceArn="arn:aws:dynamodb:us-east-2:000000000000:table/t/stream/2026",
        functionName=made["arn"],
        startingPosition="LATEST",
        batchSize=7,
        maximumBatchingWindowInSeconds=2,
        parallelizationFactor=3,
        bisectBatchOnFunctionError=True,
        functionResponseTypes=["ReportBatchItemFailures"],
        maximumRetryAttempts=4,
        maximumRecordAgeInSeconds=60,
        filterCriteria={"filters": [{"pattern": '{"eventName": ["INSERT"]}'}]},
        destinationConfig={"onFailure": {"destinationArn": "arn:queue"}},
    )
    (spec,) = declare.provider.finish().event_sources
    assert spec.function_name == "orders"
    assert (spec.batch_size, spec.batching_window_seconds, spec.parallelization_factor) == (7, 2, 3)
    assert (spec.starting_position, spec.bisect_on_error, spec.report_batch_item_failures) == ("LATEST", True, True)
    assert (spec.maximum_retry_attempts, spec.maximum_record_age_seconds) == (4, 60)
    assert spec.filters == ({"eventName": ["INSERT"]},)
    assert spec.on_failure_queue_arn == "arn:queue"


def test_a_mapping_to_a_function_that_nobody_declares_is_refused(declare: Declared) -> None:
    declare(
        "aws:lambda/eventSourceMapping:EventSourceMapping",
        "follow",
        eventSourceArn="arn:aws:dynamodb:us-east-2:000000000000:table/t/stream/2026",
        functionName="nobody",
        startingPosition="LATEST",
    )
    with pytest.raises(DeploymentError, match="does not declare: nobody"):
        declare.provider.finish()


INVOKE_CONFIG = "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig"


def test_what_becomes_of_events_that_fail_is_as_declared_or_as_lambda_has_it(declare: Declared, package: Path) -> None:
    made = declare.function(package)
    queue = "arn:aws:sqs:us-east-2:000000000000:dead"
    declare(
        INVOKE_CONFIG,
        "all",
        functionName=made["arn"],
        maximumRetryAttempts=1,
        maximumEventAgeInSeconds=3600,
        destinationConfig={"onFailure": {"destination": queue}},
    )
    declare(INVOKE_CONFIG, "nothing", functionName=made["name"])
    assert declare.provider.finish().event_invokes == [
        EventInvokeSpec(
            function_name="orders",
            maximum_retry_attempts=1,
            maximum_event_age_seconds=3600,
            on_failure_queue_arn=queue,
        ),
        EventInvokeSpec(function_name="orders"),
    ]


@pytest.mark.parametrize(
    ("inputs", "complaint"),
    [
        ({"qualifier": "live"}, "versions and aliases"),
        ({"destinationConfig": {"onSuccess": {"destination": "arn:aws:sqs:::q"}}}, "only a queue for failures"),
        ({"destinationConfig": {"onFailure": {"destination": "arn:aws:sns:::t"}}}, "only a queue for failures"),
    ],
)
def test_other_ways_with_events_are_refused(declare: Declared, inputs: dict[str, Any], complaint: str) -> None:
    with pytest.raises(DeploymentError, match=complaint):
        declare(INVOKE_CONFIG, "later", functionName="orders", **inputs)


def test_a_stage_serves_what_its_deployment_saw_at_the_url_that_it_named(declare: Declared, package: Path) -> None:
    declare.function(package)
    assert declare.api(PERMISSION)["invokeUrl"] == "http://127.0.0.1:4711/v1"
    (gateway,) = declare.provider.finish().gateways
    assert gateway.port == 4711
    (route,) = gateway.spec.routes
    assert (route.http_method, route.path, route.function_name) == ("GET", "/orders/{id}", "orders")
    assert (route.authorization, route.timeout_seconds) == ("AWS_IAM", 5)
    assert (gateway.spec.throttle_rate, route.throttle_rate) == (100, 7)
    assert gateway.spec.responses == ()


@pytest.mark.parametrize("permission", [None, {**PERMISSION, "sourceArn": "arn:aws:execute-api:*:*:*/v1/POST/*"}])
def test_a_route_whose_function_does_not_let_the_api_invoke_it_is_refused(
    declare: Declared, package: Path, permission: dict[str, str] | None
) -> None:
    declare.function(package)
    declare.api(permission)
    with pytest.raises(DeploymentError, match=r"GET /orders/\{id\}: no permission"):
        declare.provider.finish()


def test_an_api_key_reaches_the_gateways_of_its_plan(declare: Declared, package: Path) -> None:
    declare.function(package)
    api = declare.api(PERMISSION)["executionArn"].split(":")[5].split("/")[0]
    key = declare("aws:apigateway/apiKey:ApiKey", "client")
    plan = declare("aws:apigateway/usagePlan:UsagePlan", "plan", apiStages=[{"apiId": api, "stage": "v1"}])
    declare(
        "aws:apigateway/usagePlanKey:UsagePlanKey", "both", keyId=key["id"], usagePlanId=plan["id"], keyType="API_KEY"
    )
    (gateway,) = declare.provider.finish().gateways
    assert gateway.spec.api_keys == (key["value"],)


def test_policies_lose_what_demands_tls_and_nothing_else() -> None:
    tls = {"Effect": "Deny", "Action": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}
    other = {"Effect": "Deny", "Action": "s3:DeleteObject"}
    kept = without_transport_demands(json.dumps({"Version": "2012-10-17", "Statement": [tls, other]}))
    assert kept is not None
    assert json.loads(kept) == {"Version": "2012-10-17", "Statement": [other]}
    assert without_transport_demands(json.dumps({"Statement": tls})) is None


def test_trust_policies_lose_the_conditions_that_ministack_cannot_know() -> None:
    condition = {"StringEquals": {"aws:SourceAccount": "0", "sts:ExternalId": "x"}, "ArnLike": {"aws:SourceArn": "*"}}
    trust = {"Statement": [{"Effect": "Allow", "Condition": condition}]}
    (statement,) = json.loads(without_caller_conditions(json.dumps(trust)))["Statement"]
    assert statement["Condition"] == {"StringEquals": {"sts:ExternalId": "x"}}

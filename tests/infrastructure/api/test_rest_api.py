"""The REST API: its routes, throttles, authorization, and what it logs."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from fraudstream.transactions.api.openapi import openapi_document
from fraudstream.transactions.request import MAX_BODY_BYTES
from infra.api import request_model
from infra.api.gateway_responses import GATEWAY_RESPONSES, GatewayResponse
from infra.api.spec import ROUTES, ApiSpec
from infra.naming import SUFFIX_MAX_LENGTH
from tests.infrastructure.pulumi_graph_harness import ACCOUNT, REGION, Declare, Graph, Resource


def routes(graph: Graph) -> Iterator[tuple[str, str]]:
    paths = {f"{resource.name}-id": resource for resource in graph.of("aws:apigateway/resource:Resource")}
    for method in graph.of("aws:apigateway/method:Method"):
        path, identity = "", method["resourceId"]
        while identity in paths:
            path = f"/{paths[identity]['pathPart']}{path}"
            identity = paths[identity]["parentId"]
        yield method["httpMethod"], path


def test_one_request_in_a_hundred_is_traced(graph: Graph) -> None:
    rule = graph.one("aws:xray/samplingRule:SamplingRule")
    assert (rule["fixedRate"], rule["reservoirSize"]) == (0.01, 0)
    # It goes by the stage alone: other APIs of the account keep their own sampling.
    assert graph.one("aws:apigateway/stage:Stage").urn in graph.ancestors(rule)
    assert {rule[each] for each in ("host", "httpMethod", "serviceName", "urlPath")} == {"*"}
    assert len(f"trace-api-{'x' * SUFFIX_MAX_LENGTH}") <= 32, "X-Ray takes no longer names"


def test_there_are_exactly_two_routes(graph: Graph) -> None:
    assert set(routes(graph)) == {("POST", "/transactions"), ("GET", "/transactions/{id}")}


def test_both_routes_are_served_by_the_processor(graph: Graph) -> None:
    integrations = graph.of("aws:apigateway/integration:Integration")
    assert {integration["httpMethod"] for integration in integrations} == {"POST", "GET"}
    for integration in integrations:
        assert integration["type"] == "AWS_PROXY"
        assert integration["integrationHttpMethod"] == "POST"
        assert "function:lambda-transaction-processor-test/invocations" in integration["uri"]


def test_the_api_speaks_tls_from_1_2_on_by_an_enhanced_policy(graph: Graph) -> None:
    api = graph.one("aws:apigateway/restApi:RestApi")
    assert api["securityPolicy"].startswith("SecurityPolicy_TLS13_1_2_")
    assert api["endpointAccessMode"] == "STRICT"
    assert api["endpointConfiguration"] == {"types": "REGIONAL"}


def throttles(graph: Graph) -> dict[str, tuple[float, int]]:
    return {
        each["methodPath"]: (each["settings"]["throttlingRateLimit"], each["settings"]["throttlingBurstLimit"])
        for each in graph.of("aws:apigateway/methodSettings:MethodSettings")
    }


def test_the_stage_takes_1000_requests_a_second_and_the_processors_burst(graph: Graph) -> None:
    assert throttles(graph) == {"*/*": (1000, 200), "~1transactions~1{id}/GET": (500, 200)}


def test_the_burst_follows_the_processors_concurrency_and_is_a_setting(declare: Declare) -> None:
    wider = declare({"fraudstream:processorConcurrency": "300"})
    assert throttles(wider)["*/*"] == (1000, 300)
    settled = declare({"fraudstream:throttleBurst": "50", "fraudstream:readThrottleRate": "40"})
    assert throttles(settled) == {"*/*": (1000, 50), "~1transactions~1{id}/GET": (40, 40)}


def test_callers_sign_their_requests(graph: Graph) -> None:
    for method in graph.of("aws:apigateway/method:Method"):
        assert method["authorization"] == "AWS_IAM"
        assert method["apiKeyRequired"] is False
    assert not graph.has("aws:apigateway/apiKey:ApiKey")


def test_or_they_have_a_key_with_a_usage_plan(everything: Graph) -> None:
    for method in everything.of("aws:apigateway/method:Method"):
        assert method["authorization"] == "NONE"
        assert method["apiKeyRequired"] is True
    plan = everything.one("aws:apigateway/usagePlan:UsagePlan")
    assert plan["apiStages"] == [{"apiId": "api-transactions-test-id", "stage": "v1"}]
    link = everything.one("aws:apigateway/usagePlanKey:UsagePlanKey")
    assert (link["keyId"], link["usagePlanId"]) == ("key-client-test-id", "usage-plan-clients-test-id")


@pytest.mark.parametrize("settings", [{}, {"throttleBurst": "50", "readThrottleRate": "40"}])
def test_a_key_may_take_what_post_and_get_take_together(declare: Declare, settings: dict[str, str]) -> None:
    graph = declare({"fraudstream:apiAuth": "API_KEY"} | {f"fraudstream:{each}": settings[each] for each in settings})
    both = throttles(graph).values()
    plan = graph.one("aws:apigateway/usagePlan:UsagePlan")["throttleSettings"]
    assert plan == {"rateLimit": sum(rate for rate, _ in both), "burstLimit": sum(burst for _, burst in both)}


def test_a_body_is_validated_by_a_model(graph: Graph) -> None:
    post = graph.one("aws:apigateway/method:Method", "method-post-transaction-test")
    model = graph.one("aws:apigateway/model:Model")
    validator = graph.one("aws:apigateway/requestValidator:RequestValidator")
    assert post["requestModels"] == {"application/json": model["name"]}
    assert model.urn in graph.ancestors(post)
    assert post["requestValidatorId"] == f"{validator.name}-id"
    assert validator["validateRequestBody"] is True


def test_the_request_model_is_the_published_schema_in_draft_4(graph: Graph) -> None:
    schema = json.loads(graph.one("aws:apigateway/model:Model")["schema"])
    published = json.loads(request_model.OPENAPI.read_text())["components"]["schemas"]["TransactionRequest"]
    assert schema["$schema"] == "http://json-schema.org/draft-04/schema#"
    assert schema["type"] == "object"
    assert schema["maxProperties"] == len(published["properties"])


def test_the_model_leaves_fields_to_the_function_which_can_name_them(graph: Graph) -> None:
    schema = json.loads(graph.one("aws:apigateway/model:Model")["schema"])
    assert not {"properties", "required", "additionalProperties"} & schema.keys()


@pytest.mark.parametrize(
    ("occasion", "status"),
    [
        ("BAD_REQUEST_BODY", 400),
        ("BAD_REQUEST_PARAMETERS", 400),
        ("ACCESS_DENIED", 403),
        ("EXPIRED_TOKEN", 403),
        ("INVALID_API_KEY", 403),
        ("INVALID_SIGNATURE", 403),
        ("MISSING_AUTHENTICATION_TOKEN", 403),
        ("WAF_FILTERED", 403),
        ("RESOURCE_NOT_FOUND", 404),
        ("REQUEST_TOO_LARGE", 413),
        ("UNSUPPORTED_MEDIA_TYPE", 415),
        ("QUOTA_EXCEEDED", 429),
        ("THROTTLED", 429),
        ("INTEGRATION_FAILURE", 503),
        ("INTEGRATION_TIMEOUT", 504),
        ("DEFAULT_4XX", None),
        ("DEFAULT_5XX", None),
    ],
)
def test_the_api_answers_with_problems_that_echo_nothing(graph: Graph, occasion: str, status: int | None) -> None:
    (response,) = [each for each in graph.of("aws:apigateway/response:Response") if each["responseType"] == occasion]
    assert response.inputs.get("statusCode") == (str(status) if status else None)
    assert response["responseParameters"]["gatewayresponse.header.Content-Type"] == "'application/problem+json'"
    template = response["responseTemplates"]["application/json"]
    problem = json.loads(template)
    Draft202012Validator({"$ref": "#/components/schemas/Problem", **openapi_document()}).validate(problem)
    assert set(problem) | {"status"} == set(openapi_document()["components"]["schemas"]["Problem"]["properties"])
    assert problem["title"]
    assert problem["detail"]
    assert problem.get("status") == status
    assert re.findall(r"\$\S+?(?=\")", template) == ["$context.requestId"]


def test_each_own_answer_of_the_gateway_has_the_headers_of_all_answers(graph: Graph) -> None:
    for response in graph.of("aws:apigateway/response:Response"):
        parameters = response["responseParameters"]
        for name, value in {
            "Cache-Control": "no-store",
            "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
            "X-Content-Type-Options": "nosniff",
        }.items():
            assert parameters[f"gatewayresponse.header.{name}"] == f"'{value}'"


@pytest.mark.parametrize("occasion", ["THROTTLED", "QUOTA_EXCEEDED", "INTEGRATION_FAILURE", "DEFAULT_5XX"])
def test_who_should_try_again_is_told_when(graph: Graph, occasion: str) -> None:
    (response,) = [each for each in graph.of("aws:apigateway/response:Response") if each["responseType"] == occasion]
    assert response["responseParameters"]["gatewayresponse.header.Retry-After"] == "'1'"


def test_the_access_log_names_nobody(graph: Graph) -> None:
    stage = graph.one("aws:apigateway/stage:Stage")
    fields = json.loads(stage["accessLogSettings"]["format"])
    assert set(fields.values()) == {
        "$context.error.responseType", "$context.httpMethod", "$context.integration.latency",
        "$context.integration.status", "$context.requestId", "$context.resourcePath", "$context.responseLatency",
        "$context.status", "$context.xrayTraceId",
    }  # fmt: skip
    assert stage["accessLogSettings"]["destinationArn"].endswith("log-group-api-access-test")
    assert stage["xrayTracingEnabled"] is True


def test_requests_are_not_logged_whole(graph: Graph) -> None:
    for settings in graph.of("aws:apigateway/methodSettings:MethodSettings"):
        assert settings["settings"]["loggingLevel"] == "OFF"
        assert settings["settings"]["dataTraceEnabled"] is False


def deployment(graph: Graph) -> Resource:
    return graph.one("aws:apigateway/deployment:Deployment")


def test_a_deployment_comes_after_everything_that_it_serves(graph: Graph) -> None:
    before = graph.ancestors(deployment(graph))
    served = ("method:Method", "integration:Integration", "response:Response", "model:Model", "Validator")
    found = [each for each in graph.resources if each.type.startswith("aws:apigateway/") and each.type.endswith(served)]
    assert {kind for kind in served for each in found if each.type.endswith(kind)} == {*served}
    assert [each.name for each in found if each.urn not in before] == []


def test_a_new_deployment_is_made_before_the_old_one_goes(graph: Graph) -> None:
    assert deployment(graph).delete_before_replace is False
    assert "stageName" not in deployment(graph).inputs


def spec(**changes: Any) -> ApiSpec:
    values: dict[str, Any] = {
        "auth": "AWS_IAM",
        "throttle_burst": 200,
        "read_throttle_rate": 500,
        "account_role": "manage",
        "model": "{}",
    }
    return ApiSpec(**(values | changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"auth": "API_KEY"},
        {"endpoint_type": "EDGE"},
        {"endpoint_access_mode": "BASIC"},
        {"security_policy": "SecurityPolicy_TLS13_1_3_2025_09"},
        {"api_key_source": "AUTHORIZER"},
        {"validates_body": False},
        {"validates_parameters": False},
        {"integration_type": "AWS"},
        {"integration_http_method": "GET"},
        {"integration_timeout_milliseconds": 28_000},
        {"model": '{"type": "object"}'},
        {"routes": ()},
        {"routes": (replace(ROUTES[0], has_body=False), ROUTES[1])},
        {"routes": (replace(ROUTES[0], http_method="GET"), ROUTES[1])},
        {"routes": (ROUTES[0], replace(ROUTES[1], path="transactions/{key}"))},
        {"responses": GATEWAY_RESPONSES[1:]},
        {
            "responses": (
                *GATEWAY_RESPONSES[:-1],
                GatewayResponse(response_type="DEFAULT_5XX", status=None, title="Service error", detail="Else."),
            )
        },
    ],
)
def test_whatever_is_served_triggers_a_deployment_when_it_changes(changes: dict[str, object]) -> None:
    assert spec(**changes).served("function") != spec().served("function")


SERVED = ("RestApi", "Model", "RequestValidator", "Method", "Integration", "Response")
REFERENCES = {"restApi", "restApiId", "resourceId", "requestValidatorId", "uri"}
"""Inputs that are ids of other parts; a function's name is in its URI."""
LABELS = {"name", "description"}


def entries(value: Any) -> Iterator[tuple[str, str]]:
    """Each entry of each object in a value, without those that are None."""
    if isinstance(value, list | tuple):
        for each in value:
            yield from entries(each)
    elif isinstance(value, dict):
        for key, each in value.items():
            if each is not None:
                yield key, json.dumps(each, sort_keys=True)
            yield from entries(each)


@pytest.mark.parametrize("settings", ["graph", "everything"])
def test_all_that_is_served_stands_in_what_triggers_a_deployment(settings: str, request: pytest.FixtureRequest) -> None:
    stack: Graph = request.getfixturevalue(settings)
    auth = "API_KEY" if settings == "everything" else "AWS_IAM"
    triggering = set(entries(spec(auth=auth, model=request_model.request_model()).frozen("function")))
    for kind in SERVED:
        for resource in stack.of(f"aws:apigateway/{kind[0].lower()}{kind[1:]}:{kind}"):
            for key, value in resource.inputs.items():
                if key not in REFERENCES | LABELS:
                    snake = re.sub(r"[A-Z]", lambda match: f"_{match[0].lower()}", key)
                    assert (snake, json.dumps(value, sort_keys=True)) in triggering, f"{resource.name}: {key}"


def test_another_function_triggers_a_deployment() -> None:
    assert spec().served("one") != spec().served("other")


def test_the_same_triggers_none(declare: Declare, graph: Graph, preview: Graph) -> None:
    assert deployment(declare({"fraudstream:throttleBurst": "10"}))["triggers"] == deployment(graph)["triggers"]
    assert deployment(preview)["triggers"] == deployment(graph)["triggers"]


def test_the_function_may_be_called_for_the_two_routes_of_this_stage_only(graph: Graph) -> None:
    permissions = graph.of("aws:lambda/permission:Permission")
    prefix = f"arn:aws:execute-api:{REGION}:{ACCOUNT}:a1b2c3d4e5/v1/"
    assert {permission["sourceArn"] for permission in permissions} == {
        f"{prefix}POST/transactions",
        f"{prefix}GET/transactions/*",
    }
    for permission in permissions:
        assert permission["principal"] == "apigateway.amazonaws.com"
        assert permission["function"] == "lambda-transaction-processor-test"


def test_the_accounts_role_for_logs_is_set_before_the_stage_needs_it(graph: Graph) -> None:
    account = graph.one("aws:apigateway/account:Account")
    assert account["cloudwatchRoleArn"] == f"arn:aws:iam::{ACCOUNT}:role/role-api-logs-test"
    assert account.urn in graph.ancestors(graph.one("aws:apigateway/stage:Stage"))
    assert graph.one("aws:iam/rolePolicyAttachment:RolePolicyAttachment").urn in graph.ancestors(account)


def test_an_accounts_existing_role_is_left_alone(plain: Graph) -> None:
    assert not plain.has("aws:apigateway/account:Account")
    assert not plain.has("aws:iam/rolePolicyAttachment:RolePolicyAttachment")


def test_the_firewall_is_off_unless_asked_for(graph: Graph, everything: Graph) -> None:
    assert not graph.has("aws:wafv2/webAcl:WebAcl")
    acl = everything.one("aws:wafv2/webAcl:WebAcl")
    rate, common = acl["rules"]
    assert rate["statement"]["rateBasedStatement"]["limit"] == 300_000
    assert rate["action"] == {"block": {}}
    assert common["statement"]["managedRuleGroupStatement"]["name"] == "AWSManagedRulesCommonRuleSet"
    assert common["overrideAction"] == {"none": {}}, "all of its other rules block"
    association = everything.one("aws:wafv2/webAclAssociation:WebAclAssociation")
    assert association["resourceArn"].endswith("stage-v1-test")


def test_the_firewall_counts_what_the_api_allows_and_common_rules_block(everything: Graph) -> None:
    assert MAX_BODY_BYTES > 8192, "what the rule on bodies blocks"
    _, common = everything.one("aws:wafv2/webAcl:WebAcl")["rules"]
    changed = common["statement"]["managedRuleGroupStatement"]["ruleActionOverrides"]
    assert {each["name"]: each["actionToUse"] for each in changed} == {
        "SizeRestrictions_BODY": {"count": {}},
        "NoUserAgent_HEADER": {"count": {}},
    }


def test_a_missing_description_of_the_api_stops_the_program(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("docs")
    with pytest.raises(request_model.OpenApiError, match=r"openapi\.json is missing: `make openapi` writes it"):
        request_model.request_model(folder / "openapi.json")
    (folder / "openapi.json").write_text('{"components": {"schemas": {}}}')
    with pytest.raises(request_model.OpenApiError, match="no schema TransactionRequest"):
        request_model.request_model(folder / "openapi.json")

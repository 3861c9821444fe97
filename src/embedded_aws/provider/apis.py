"""REST APIs: the parts are collected as they are declared, and become gateways when a stage deploys them."""

import hashlib
import json
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from embedded_aws.provider.account import Account
from embedded_aws.provider.creators import Create
from embedded_aws.provider.inputs import Inputs
from embedded_aws.provider.plan import GatewayPlan, ServicePlan
from embedded_aws.pulumi_program import Created, DeploymentError
from embedded_aws.specs import HOST, GatewayResponseSpec, GatewaySpec, RouteSpec

# The quota of an account in us-east-2: https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
_ACCOUNT_RATE = 10_000.0
_ACCOUNT_BURST = 5_000


@dataclass(kw_only=True)
class _Method:
    http_method: str
    path: str
    authorization: str
    api_key_required: bool
    body_models: Mapping[str, str]
    function: str | None = None
    timeout_seconds: float = 29.0


@dataclass(kw_only=True)
class _Stage:
    name: str
    port: int
    deployment: str
    access_log_format: str | None
    settings: dict[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])


@dataclass(frozen=True, kw_only=True)
class _Deployment:
    """What was there when it was made: what comes later is not served."""

    methods: tuple[_Method, ...]
    models: Mapping[str, Mapping[str, Any]]
    responses: tuple[GatewayResponseSpec, ...]


@dataclass(kw_only=True)
class _Api:
    id: str
    name: str
    binary_media_types: tuple[str, ...]
    paths: dict[str, str]
    methods: dict[tuple[str, str], _Method] = field(default_factory=dict[tuple[str, str], _Method])
    models: dict[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])
    validators: dict[str, bool] = field(default_factory=dict[str, bool])
    responses: dict[str, GatewayResponseSpec] = field(default_factory=dict[str, GatewayResponseSpec])
    deployments: dict[str, _Deployment] = field(default_factory=dict[str, _Deployment])
    stages: dict[str, _Stage] = field(default_factory=dict[str, _Stage])


@dataclass(kw_only=True)
class _UsagePlan:
    stages: tuple[tuple[str, str], ...]
    keys: list[str] = field(default_factory=list[str])


class Apis:
    """API Gateway's REST APIs with Lambda proxy integrations."""

    def __init__(self, account: Account, plan: ServicePlan, reserve_port: Callable[[], int]) -> None:
        self._account = account
        self._plan = plan
        self._reserve_port = reserve_port
        self._apis: dict[str, _Api] = {}
        self._keys: dict[str, str] = {}
        self._usage_plans: dict[str, _UsagePlan] = {}

    def creators(self) -> Mapping[str, Create]:
        """Return the methods by resource type."""
        return {
            "aws:apigateway/restApi:RestApi": self.rest_api,
            "aws:apigateway/resource:Resource": self.resource,
            "aws:apigateway/model:Model": self.model,
            "aws:apigateway/requestValidator:RequestValidator": self.request_validator,
            "aws:apigateway/method:Method": self.method,
            "aws:apigateway/integration:Integration": self.integration,
            "aws:apigateway/response:Response": self.response,
            "aws:apigateway/deployment:Deployment": self.deployment,
            "aws:apigateway/stage:Stage": self.stage,
            "aws:apigateway/methodSettings:MethodSettings": self.method_settings,
            "aws:apigateway/apiKey:ApiKey": self.api_key,
            "aws:apigateway/usagePlan:UsagePlan": self.usage_plan,
            "aws:apigateway/usagePlanKey:UsagePlanKey": self.usage_plan_key,
        }

    def rest_api(self, name: str, inputs: Inputs) -> Created:
        """Begin an API."""
        # On the loopback interface there is no TLS, no endpoint and no custom domain.
        inputs.skip("securityPolicy", "endpointAccessMode", "endpointConfiguration", "disableExecuteApiEndpoint")
        inputs.skip("description", "tags")
        if inputs.get("apiKeySource", "HEADER") != "HEADER":
            raise DeploymentError("API keys are read from the header alone here")
        api_id = _identity(name)
        root = _identity(name, "root")
        self._apis[api_id] = _Api(
            id=api_id,
            name=inputs.get("name", name),
            binary_media_types=tuple(inputs.get("binaryMediaTypes", [])),
            paths={root: ""},
        )
        arn = f"arn:aws:apigateway:{self._account.region}::/restapis/{api_id}"
        outputs = {"arn": arn, "executionArn": self._execution_arn(api_id), "rootResourceId": root}
        return Created(id=api_id, outputs=outputs)

    def resource(self, name: str, inputs: Inputs) -> Created:
        """Add a path."""
        api = self._api(inputs)
        identity = _identity(name)
        path = f"{api.paths[inputs['parentId']]}/{inputs['pathPart']}"
        api.paths[identity] = path
        return Created(id=identity, outputs={"path": path})

    def model(self, name: str, inputs: Inputs) -> Created:
        """Add a model of bodies."""
        inputs.skip("description", "contentType")
        model = inputs.get("name", name)
        self._api(inputs).models[model] = json.loads(inputs["schema"])
        return Created(id=_identity(name), outputs={"name": model})

    def request_validator(self, name: str, inputs: Inputs) -> Created:
        """Add a validator of requests; a path's parameters are always there, and no others are played."""
        inputs.skip("validateRequestParameters", "name")
        identity = _identity(name)
        self._api(inputs).validators[identity] = inputs.get("validateRequestBody", default=False)
        return Created(id=identity)

    def method(self, name: str, inputs: Inputs) -> Created:
        """Add a method to a path."""
        api = self._api(inputs)
        resource, http_method = inputs["resourceId"], inputs["httpMethod"]
        if inputs["authorization"] not in ("NONE", "AWS_IAM"):
            raise DeploymentError(f"authorization {inputs['authorization']} is not played here")
        others = [each for each in inputs.get("requestParameters", {}) if not each.startswith("method.request.path.")]
        if others:
            raise DeploymentError(f"required parameters are not played here: {', '.join(others)}")
        models = inputs.get("requestModels", {})
        api.methods[resource, http_method] = _Method(
            http_method=http_method,
            path=api.paths[resource],
            authorization=inputs["authorization"],
            api_key_required=inputs.get("apiKeyRequired", default=False),
            body_models=models if api.validators.get(inputs.get("requestValidatorId", "")) else {},
        )
        return Created(id=_identity(name))

    def integration(self, name: str, inputs: Inputs) -> Created:
        """Connect a method with a function."""
        inputs.skip("integrationHttpMethod", "passthroughBehavior")
        if inputs["type"] != "AWS_PROXY":
            raise DeploymentError(f"integration {inputs['type']} is not played here, only AWS_PROXY")
        function = re.search(r":function:([^:/]+)[^/]*/invocations$", inputs["uri"])
        if function is None:
            raise DeploymentError("only integrations with a function are played here")
        method = self._api(inputs).methods[inputs["resourceId"], inputs["httpMethod"]]
        method.function = function[1]
        method.timeout_seconds = inputs.get("timeoutMilliseconds", 29_000) / 1000
        return Created(id=_identity(name))

    def response(self, name: str, inputs: Inputs) -> Created:
        """Set what the gateway answers by itself."""
        kind, status = inputs["responseType"], inputs.get("statusCode")
        self._api(inputs).responses[kind] = GatewayResponseSpec(
            response_type=kind,
            status_code=int(status) if status else None,
            headers=inputs.get("responseParameters", {}),
            templates=inputs.get("responseTemplates", {}),
        )
        return Created(id=_identity(name))

    def deployment(self, name: str, inputs: Inputs) -> Created:
        """Fix what a stage can serve: as on AWS, whatever is declared after it is missing."""
        inputs.skip("triggers", "description")
        api, identity = self._api(inputs), _identity(name)
        incomplete = [f"{each.http_method} {each.path}" for each in api.methods.values() if each.function is None]
        if incomplete or not api.methods:
            raise DeploymentError(f"no integration defined for method {', '.join(incomplete) or '(there is none)'}")
        api.deployments[identity] = _Deployment(
            methods=tuple(api.methods.values()), models=dict(api.models), responses=tuple(api.responses.values())
        )
        return Created(id=identity)

    def stage(self, name: str, inputs: Inputs) -> Created:
        """Assign an address to a deployment."""
        inputs.skip("xrayTracingEnabled", "tags", "description")
        api, stage = self._api(inputs), inputs["stageName"]
        port = self._reserve_port()
        api.stages[stage] = _Stage(
            name=stage,
            port=port,
            deployment=inputs["deployment"],
            access_log_format=inputs.get("accessLogSettings", {}).get("format"),
        )
        return Created(
            id=_identity(name),
            outputs={
                "arn": f"arn:aws:apigateway:{self._account.region}::/restapis/{api.id}/stages/{stage}",
                "executionArn": f"{self._execution_arn(api.id)}/{stage}",
                "invokeUrl": f"http://{HOST}:{port}/{stage}",
            },
        )

    def method_settings(self, name: str, inputs: Inputs) -> Created:
        """Set the throttle of each method of a stage (`*/*`) or of one of them."""
        stage = self._api(inputs).stages[inputs["stageName"]]
        stage.settings[inputs["methodPath"]] = inputs["settings"]
        return Created(id=_identity(name))

    def api_key(self, name: str, inputs: Inputs) -> Created:
        """Build a client's key."""
        inputs.skip("description", "tags", "enabled")
        identity = _identity(name)
        # API Gateway's own keys have 40 characters.
        self._keys[identity] = inputs.get("value") or secrets.token_hex(20)
        outputs = {"name": inputs.get("name", name), "value": self._keys[identity]}
        return Created(id=identity, outputs={"arn": f"arn:aws:apigateway:::/apikeys/{identity}", **outputs})

    def usage_plan(self, name: str, inputs: Inputs) -> Created:
        """Group keys for stages; the stage's throttle is played, the plan's own is not."""
        inputs.skip("description", "tags", "throttleSettings", "quotaSettings")
        identity = _identity(name)
        stages = tuple((each["apiId"], each["stage"]) for each in inputs.get("apiStages", []))
        self._usage_plans[identity] = _UsagePlan(stages=stages)
        return Created(id=identity, outputs={"name": inputs.get("name", name)})

    def usage_plan_key(self, name: str, inputs: Inputs) -> Created:
        """Add a key to a usage plan."""
        inputs.skip("keyType")
        key = self._keys[inputs["keyId"]]
        self._usage_plans[inputs["usagePlanId"]].keys.append(key)
        return Created(id=_identity(name), outputs={"name": name, "value": key})

    def finish(self) -> None:
        """Plan a gateway for every stage.

        Raises:
            DeploymentError: a function does not let API Gateway invoke it.
        """
        for api in self._apis.values():
            for stage in api.stages.values():
                self._plan.gateways.append(GatewayPlan(spec=self._gateway(api, stage), port=stage.port))

    def _gateway(self, api: _Api, stage: _Stage) -> GatewaySpec:
        deployed = api.deployments[stage.deployment]
        everywhere = stage.settings.get("*/*", {})
        return GatewaySpec(
            api_id=api.id,
            api_name=api.name,
            account_id=self._account.id,
            region=self._account.region,
            stage=stage.name,
            routes=tuple(self._route(api, stage, deployed, method) for method in deployed.methods),
            responses=deployed.responses,
            api_keys=tuple(
                key for plan in self._usage_plans.values() if (api.id, stage.name) in plan.stages for key in plan.keys
            ),
            throttle_rate=everywhere.get("throttlingRateLimit", _ACCOUNT_RATE),
            throttle_burst=everywhere.get("throttlingBurstLimit", _ACCOUNT_BURST),
            access_log_format=stage.access_log_format,
            binary_media_types=api.binary_media_types,
        )

    def _route(self, api: _Api, stage: _Stage, deployed: _Deployment, method: _Method) -> RouteSpec:
        function = method.function or ""
        # Such as arn:aws:execute-api:us-east-2:000000000000:a1b2c3/v1/GET/transactions/{id}
        caller = f"{self._execution_arn(api.id)}/{stage.name}/{method.http_method}{method.path}"
        if not self._plan.may_invoke("apigateway.amazonaws.com", function, caller):
            raise DeploymentError(
                f"{method.http_method} {method.path}: no permission lets API Gateway invoke {function}"
            )
        own = stage.settings.get(f"{method.path.replace('/', '~1')}/{method.http_method}", {})
        return RouteSpec(
            http_method=method.http_method,
            path=method.path,
            function_name=function,
            authorization=method.authorization,
            api_key_required=method.api_key_required,
            body_schemas={content: deployed.models[model] for content, model in method.body_models.items()},
            throttle_rate=own.get("throttlingRateLimit"),
            throttle_burst=own.get("throttlingBurstLimit"),
            timeout_seconds=method.timeout_seconds,
        )

    def _api(self, inputs: Inputs) -> _Api:
        reference = inputs.get("restApi") or inputs["restApiId"]
        return self._apis[reference]

    def _execution_arn(self, api_id: str) -> str:
        return self._account.arn("execute-api", api_id)


def _identity(*names: str) -> str:
    """Return ten characters, as API Gateway's ids have: the same for the same names."""
    return hashlib.sha256(":".join(names).encode()).hexdigest()[:10]

"""The REST API: two routes, one function behind them, one throttled stage in front."""

from collections.abc import Mapping, Sequence

import pulumi
import pulumi_aws as aws

from fraudstream.contract import TRACED_SHARE
from infra.api.spec import ACCESS_LOG_FORMAT, STAGE, ApiSpec
from infra.compute.functions import Function, make_log_group
from infra.compute.roles import ServiceRole
from infra.data.keys import Keys
from infra.naming import StackContext
from infra.settings import REQUESTS_PER_SECOND

PUSH_LOGS_POLICY = "arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"


class Api(pulumi.ComponentResource):
    """The REST API, its stage, and the function's permission to be called by it."""

    def __init__(
        self,
        place: StackContext,
        spec: ApiSpec,
        *,
        function: Function,
        keys: Keys,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Create the API."""
        super().__init__("fraudstream:infra:Api", place.name("component", "api"), None, opts)
        self._place = place
        self._spec = spec
        self._function = function
        self._child = pulumi.ResourceOptions(parent=self)
        self.name = place.name("api", "transactions")
        self._api = aws.apigateway.RestApi(
            self.name,
            name=self.name,
            description="Transactions in, decisions out",
            opts=self._child,
            **spec.api_inputs(),
        )
        # Who may call an alias must be known before a stage leads to it.
        deployment = self._deploy([*self._methods(), *self._responses(), *self._permit()])
        self.stage = self._stage(deployment, keys)
        self._throttle("*/*", "all", REQUESTS_PER_SECOND, spec.throttle_burst)
        # Both routes share the processor's concurrency: looking things up must leave room for posting.
        for route in spec.routes:
            if not route.has_body:
                self._throttle(route.settings_path, route.name, spec.read_throttle_rate, self._read_burst())
        self._sample_traces()
        self.url = self.stage.invoke_url
        self.api_key = self._usage_plan() if spec.auth == "API_KEY" else None
        """Secret; None where callers sign their requests."""
        self.register_outputs({"url": self.url})

    def _read_burst(self) -> int:
        return min(self._spec.throttle_burst, self._spec.read_throttle_rate)

    def _paths(self) -> Mapping[str, pulumi.Output[str]]:
        paths: dict[str, pulumi.Output[str]] = {"": self._api.root_resource_id}
        for path in sorted({route.path for route in self._spec.routes}):
            parent, _, part = path.rpartition("/")
            purpose = path.replace("/", "-").replace("{", "").replace("}", "")
            paths[path] = aws.apigateway.Resource(
                self._place.name("path", purpose),
                rest_api=self._api.id,
                parent_id=paths[parent],
                path_part=part,
                opts=self._child,
            ).id
        return paths

    def _methods(self) -> Sequence[pulumi.Resource]:
        place, api = self._place, self._api.id
        model = aws.apigateway.Model(
            place.name("model", "transaction"), rest_api=api, opts=self._child, **self._spec.model_inputs()
        )
        name = place.name("validator", "all")
        validator = aws.apigateway.RequestValidator(
            name, rest_api=api, name=name, opts=self._child, **self._spec.validator_inputs()
        )
        paths = self._paths()
        made: list[pulumi.Resource] = [model, validator]
        for route in self._spec.routes:
            method = aws.apigateway.Method(
                place.name("method", route.name),
                rest_api=api,
                resource_id=paths[route.path],
                request_validator_id=validator.id,
                # It names its model; it holds no reference to it.
                opts=pulumi.ResourceOptions(parent=self, depends_on=[model]),
                **self._spec.method_inputs(route),
            )
            integration = aws.apigateway.Integration(
                place.name("integration", route.name),
                rest_api=api,
                resource_id=paths[route.path],
                http_method=method.http_method,
                uri=self._function.invoke_arn,
                opts=self._child,
                **self._spec.integration_inputs(),
            )
            made += [method, integration]
        return made

    def _responses(self) -> Sequence[pulumi.Resource]:
        return [
            aws.apigateway.Response(
                self._place.name("gateway-response", response.response_type.lower().replace("_", "-")),
                rest_api_id=self._api.id,
                opts=self._child,
                **self._spec.response_inputs(response),
            )
            for response in self._spec.responses
        ]

    def _deploy(self, parts: Sequence[pulumi.Resource]) -> aws.apigateway.Deployment:
        # A changed trigger replaces the deployment, and Pulumi makes the new one before it deletes the old: no gap.
        return aws.apigateway.Deployment(
            self._place.name("deployment", "transactions"),
            rest_api=self._api.id,
            triggers={"served": self._spec.served(self._called())},
            opts=pulumi.ResourceOptions(parent=self, depends_on=[*parts]),
        )

    def _called(self) -> str:
        name = self._place.name("lambda", self._function.purpose)
        return f"{name}:{self._function.qualifier}" if self._function.qualifier else name

    def _stage(self, deployment: aws.apigateway.Deployment, keys: Keys) -> aws.apigateway.Stage:
        log_group = make_log_group(self._place, "api-access", keys, self._child)
        account = [self._account()] if self._spec.account_role == "manage" else []
        name = self._place.name("stage", STAGE)
        return aws.apigateway.Stage(
            name,
            rest_api=self._api.id,
            deployment=deployment.id,
            stage_name=STAGE,
            access_log_settings={"destination_arn": log_group.arn, "format": ACCESS_LOG_FORMAT},
            xray_tracing_enabled=True,
            tags={"Name": name},
            opts=pulumi.ResourceOptions(parent=self, depends_on=account),
        )

    def _account(self) -> pulumi.Resource:
        role = ServiceRole(self._place, "api-logs", service="apigateway.amazonaws.com", opts=self._child)
        # API Gateway refuses a role that lacks any right of this policy of AWS's own, whatever the API needs.
        policy = aws.iam.RolePolicyAttachment(
            self._place.name("policy", "api-logs"), role=role.name, policy_arn=PUSH_LOGS_POLICY, opts=self._child
        )
        return aws.apigateway.Account(
            self._place.name("account", "api-logs"),
            cloudwatch_role_arn=role.arn,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[policy]),
        )

    def _throttle(self, method_path: str, purpose: str, rate: int, burst: int) -> None:
        aws.apigateway.MethodSettings(
            self._place.name("method-settings", purpose),
            rest_api=self._api.id,
            stage_name=self.stage.stage_name,
            method_path=method_path,
            settings={
                "throttling_rate_limit": rate,
                "throttling_burst_limit": burst,
                # Execution logs would hold whole requests.
                "logging_level": "OFF",
                "data_trace_enabled": False,
            },
            opts=self._child,
        )

    def _sample_traces(self) -> None:
        """Follow a share of the requests; the functions go by what the API decides."""
        # X-Ray takes 32 characters.
        name = self._place.name("trace", "api")
        aws.xray.SamplingRule(
            name,
            rule_name=name,
            priority=1000,
            version=1,
            fixed_rate=TRACED_SHARE,
            reservoir_size=0,
            service_name="*",
            service_type="AWS::ApiGateway::Stage",
            resource_arn=self.stage.arn,
            host="*",
            http_method="*",
            url_path="*",
            opts=self._child,
        )

    def _permit(self) -> Sequence[pulumi.Resource]:
        return [
            aws.lambda_.Permission(
                self._place.name("permission", route.name),
                statement_id=self._place.name("permission", route.name),
                action="lambda:InvokeFunction",
                function=self._function.name,
                qualifier=self._function.qualifier,
                principal="apigateway.amazonaws.com",
                source_arn=pulumi.Output.concat(
                    self._api.execution_arn, f"/{STAGE}/{route.http_method}/{route.arn_path}"
                ),
                opts=self._child,
            )
            for route in self._spec.routes
        ]

    def _usage_plan(self) -> pulumi.Output[str]:
        name = self._place.name("usage-plan", "clients")
        plan = aws.apigateway.UsagePlan(
            name,
            name=name,
            api_stages=[{"api_id": self._api.id, "stage": self.stage.stage_name}],
            # A plan counts what a key asks of all methods together. With less than their sum, GET would take what is
            # POST's; the methods' own throttles hold each to its part.
            throttle_settings={
                "rate_limit": REQUESTS_PER_SECOND + self._spec.read_throttle_rate,
                "burst_limit": self._spec.throttle_burst + self._read_burst(),
            },
            opts=self._child,
        )
        name = self._place.name("key", "client")
        key = aws.apigateway.ApiKey(name, name=name, opts=self._child)
        aws.apigateway.UsagePlanKey(
            self._place.name("key", "client-plan"),
            key_id=key.id,
            key_type="API_KEY",
            usage_plan_id=plan.id,
            opts=self._child,
        )
        return pulumi.Output.secret(key.value)

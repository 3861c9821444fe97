"""Rules about the API and the network: what can be reached, by whom, and how fast."""

import re
from collections.abc import Sequence

from policy.rule import CheckedResource, Complaints, must, of, resource_rule, stack_rule

API = "aws:apigateway/restApi:RestApi"
METHOD = "aws:apigateway/method:Method"
METHOD_SETTINGS = "aws:apigateway/methodSettings:MethodSettings"
STAGE = "aws:apigateway/stage:Stage"
PATH = "aws:apigateway/resource:Resource"
RESPONSE = "aws:apigateway/response:Response"
PERMISSION = "aws:lambda/permission:Permission"
SECURITY_GROUP = "aws:ec2/securityGroup:SecurityGroup"
EGRESS = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"
SUBNET = "aws:ec2/subnet:Subnet"
REQUESTS_PER_SECOND = 1000
HTTPS = 443
WAYS_OUT = frozenset(
    {
        "aws:ec2/egressOnlyInternetGateway:EgressOnlyInternetGateway",
        "aws:ec2/eip:Eip",
        "aws:ec2/internetGateway:InternetGateway",
        "aws:ec2/natGateway:NatGateway",
        "aws:ec2/route:Route",
        "aws:ec2/securityGroupRule:SecurityGroupRule",
        "aws:ec2/vpcPeeringConnection:VpcPeeringConnection",
        "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
    }
)
PERSONAL = re.compile(r"\$context\.(identity|authorizer|path\b|requestOverride|customDomain)|\$input|\$stageVariables")
ANSWERS = frozenset({"BAD_REQUEST_BODY", "ACCESS_DENIED", "MISSING_AUTHENTICATION_TOKEN", "THROTTLED", "DEFAULT_5XX"})


def check_api(api: CheckedResource) -> Complaints:
    """The API speaks TLS 1.2 or newer, by a policy of the enhanced kind."""
    if not re.match(r"SecurityPolicy_TLS13_1_[23]_", str(api.at("securityPolicy"))):
        yield f"securityPolicy must be an enhanced one from TLS 1.2 on, not {api.at('securityPolicy')!r}"
    yield from must(api, {"endpointAccessMode": "STRICT", "endpointConfiguration.types": "REGIONAL"})


def check_method(method: CheckedResource) -> Complaints:
    """Every request is authenticated, and its body is validated."""
    if method.at("authorization") != "AWS_IAM" and not method.at("apiKeyRequired"):
        yield "the method must ask for a signature or an API key"
    if not method.at("requestValidatorId"):
        yield "the method must have its requests validated"
    if method.at("httpMethod") == "POST" and not method.at("requestModels"):
        yield "a body must have a model"


def check_throttle(settings: CheckedResource) -> Complaints:
    """The stage takes a thousand requests a second, and no method more."""
    rate = settings.at("settings.throttlingRateLimit")
    if settings.at("methodPath") == "*/*":
        yield from must(settings, {"settings.throttlingRateLimit": REQUESTS_PER_SECOND})
    elif not isinstance(rate, int | float) or not 0 < rate <= REQUESTS_PER_SECOND:
        yield f"settings.throttlingRateLimit must be at most {REQUESTS_PER_SECOND}, not {rate!r}"
    burst = settings.at("settings.throttlingBurstLimit")
    if not isinstance(burst, int | float) or burst < 1:
        yield f"settings.throttlingBurstLimit must be set, not {burst!r}"
    yield from must(settings, {"settings.dataTraceEnabled": False})


def check_stage(stage: CheckedResource) -> Complaints:
    """The stage has tracing, and its access log holds no personal data."""
    yield from must(stage, {"xrayTracingEnabled": True})
    log_format = stage.at("accessLogSettings.format")
    if not log_format:
        yield "accessLogSettings must be set"
    elif found := PERSONAL.search(str(log_format)):
        yield f"accessLogSettings.format must not hold {found.group()}"


def check_permission(permission: CheckedResource) -> Complaints:
    """A function may be called by API Gateway for one method of one API only."""
    if not re.search(r":execute-api:.*/(GET|POST)/", str(permission.at("sourceArn"))):
        yield f"sourceArn must be that of a method of the API, not {permission.at('sourceArn')!r}"


def check_security_group(group: CheckedResource) -> Complaints:
    """Rules of a security group are resources of their own, where they are checked; none allows ingress."""
    for direction in ("ingress", "egress"):
        if group.at(direction):
            yield f"{direction} must not be set inline"


def check_egress(rule: CheckedResource) -> Complaints:
    """Functions reach a gateway endpoint's addresses over HTTPS, and nothing else."""
    yield from must(rule, {"ipProtocol": "tcp", "fromPort": HTTPS, "toPort": HTTPS})
    if not rule.at("prefixListId") or rule.at("cidrIpv4") or rule.at("cidrIpv6"):
        yield "the rule must name a prefix list and no addresses"


def check_endpoint(endpoint: CheckedResource) -> Complaints:
    """Endpoints are of the kind that costs nothing, and have a policy."""
    yield from must(endpoint, {"vpcEndpointType": "Gateway"})
    if not endpoint.at("policy"):
        yield "the endpoint must have a policy"


def check_subnet(subnet: CheckedResource) -> Complaints:
    """Subnets are private."""
    if subnet.at("mapPublicIpOnLaunch"):
        yield "mapPublicIpOnLaunch must not be set"


def check_way_out(resource: CheckedResource) -> Complaints:
    """There is no way in or out but the gateway endpoints."""
    yield f"{resource.type} must not be part of the stack"


def check_routes(resources: Sequence[CheckedResource]) -> Complaints:
    """The API has exactly its two routes, a throttle on all of them, and problems for what it answers itself."""
    methods = sorted(str(method.at("httpMethod")) for method in of(resources, METHOD))
    if methods != ["GET", "POST"]:
        yield f"the API must have one GET and one POST, not {methods}"
    parts = sorted(str(path.at("pathPart")) for path in of(resources, PATH))
    if parts != ["transactions", "{id}"]:
        yield f"the API's paths must be /transactions and /transactions/{{id}}, not of {parts}"
    if "*/*" not in [settings.at("methodPath") for settings in of(resources, METHOD_SETTINGS)]:
        yield "the stage must be throttled"
    responses = {response.at("responseType"): response for response in of(resources, RESPONSE)}
    for missing in sorted(ANSWERS - responses.keys()):
        yield f"the API must answer {missing} with a problem"
    throttled = responses.get("THROTTLED")
    parameters: dict[str, str] = (throttled and throttled.at("responseParameters")) or {}
    if throttled and not parameters.get("gatewayresponse.header.Retry-After"):
        yield "the answer to a throttled request must say when to try again"


RESOURCE_RULES = (
    resource_rule("api-tls", [API], check_api),
    resource_rule("api-method", [METHOD], check_method),
    resource_rule("api-throttle", [METHOD_SETTINGS], check_throttle),
    resource_rule("api-stage", [STAGE], check_stage),
    resource_rule("api-permission", [PERMISSION], check_permission),
    resource_rule("security-group", [SECURITY_GROUP], check_security_group),
    resource_rule("egress", [EGRESS], check_egress),
    resource_rule("endpoint", [ENDPOINT], check_endpoint),
    resource_rule("subnet", [SUBNET], check_subnet),
    resource_rule("no-way-out", WAYS_OUT, check_way_out),
)
STACK_RULES = (stack_rule("api-routes", check_routes),)

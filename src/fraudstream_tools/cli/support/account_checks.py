"""What an AWS account must offer before fraudstream can be deployed into it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from fraudstream.aws.errors import error_code
from fraudstream.contract import FUNCTIONS
from fraudstream.counts import counted
from fraudstream_tools.cli.support.terminal.failures import explained

if TYPE_CHECKING:
    from infra.settings import StackSettings

UNRESERVED_MINIMUM = 100
"""Concurrent executions that Lambda insists on keeping for functions without a reservation (PutFunctionConcurrency)."""
RUNTIME_ENDS = {
    "python3.11": date(2027, 6, 30),
    "python3.12": date(2028, 10, 31),
    "python3.13": date(2029, 6, 30),
}
"""When AWS deprecates each runtime; source: AWS Lambda developer guide, Lambda runtimes, read in November 2026."""
RUNTIME_NOTICE_DAYS = 180
"""AWS itself gives at least this much notice."""
POST_REQUESTS_PER_SECOND = 1000
VPC_QUOTA = "L-F678F1CE"
VPCS_AT_FIRST = 5
"""VPCs per region of a new account (Amazon VPC user guide, quotas)."""


class State(Enum):
    """How a check came out."""

    OK = "ok"
    NOTE = "note"
    """Nothing to do now."""
    FIX = "to do"
    UNKNOWN = "not checked"
    """The credentials may not look; what they lack is named."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing that was looked at."""

    name: str
    state: State
    found: str
    advice: str = ""
    """What to do, or to request."""


class AccountChecker:
    """An AWS account in one region, and the settings of the stack that is to be deployed there."""

    def __init__(self, client: Callable[[str], Any], settings: "StackSettings", today: date) -> None:
        """Store what the checks need.

        Args:
            client: gives a boto3 client of the account by the service's name.
            settings: of the stack that is to be deployed.
            today: the day, for runtimes that end.
        """
        self._client = client
        self._settings = settings
        self._today = today

    def checks(self) -> Iterator[Check]:
        """Look at everything, one check after the other; the rest is skipped where there are no credentials."""
        caller = self._checked("account", "sts:GetCallerIdentity", self._caller)
        yield caller
        if caller.state is State.OK:
            yield self._checked("Lambda concurrency", "lambda:GetAccountSettings", self._concurrency)
            yield self._checked("API Gateway rate", "apigateway:GET on /account", self._api_rate)
            yield self._checked("API Gateway log role", "apigateway:GET on /account", self._log_role)
            yield self._checked("API's TLS policy", "apigateway:GET on /restapis", self._tls_policy)
            yield self._checked("VPCs", "ec2:DescribeVpcs", self._vpcs)
        yield self._runtime()

    def _checked(self, name: str, permission: str, look: Callable[[], Check]) -> Check:
        try:
            return look()
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            advice = f"allow {permission} to these credentials" if "Denied" in code else explained(error)
            return Check(name=name, state=State.UNKNOWN, found="AWS did not say", advice=advice)
        except BotoCoreError as error:
            return Check(name=name, state=State.UNKNOWN, found="no answer", advice=explained(error))

    def _caller(self) -> Check:
        account = self._client("sts").get_caller_identity()["Account"]
        return Check(name="account", state=State.OK, found=f"{account} in {self._settings.region}")

    def _concurrency(self) -> Check:
        limits = self._client("lambda").get_account_settings()["AccountLimit"]
        total, free = int(limits["ConcurrentExecutions"]), int(limits["UnreservedConcurrentExecutions"])
        reserved, wanted = self._reserved_by_stack(), self._wanted()
        # An `up` changes the functions in no order: one may take more before another has given back.
        during = sum(max(reserved[function], wanted[function]) for function in FUNCTIONS)
        short = during + UNRESERVED_MINIMUM - free - sum(reserved.values())
        found = (
            f"{free:,} of {total:,} unreserved; {sum(wanted.values()):,} to reserve, {UNRESERVED_MINIMUM} must stay"
            + (f"; {during:,} while an up changes them" if during > sum(wanted.values()) else "")
        )
        if short <= 0:
            return Check(name="Lambda concurrency", state=State.OK, found=found)
        advice = (
            f"request at least {total + short:,}:\n"
            "aws service-quotas request-service-quota-increase --service-code lambda --quota-code L-B99A9384 "
            f"--desired-value {total + short} --region {self._settings.region}"
        )
        return Check(name="Lambda concurrency", state=State.FIX, found=found, advice=advice)

    def _wanted(self) -> Mapping[str, int]:
        settings = self._settings
        sizes = (settings.processor, settings.analyzer, settings.reporter)
        wanted: dict[str, int] = dict(zip(FUNCTIONS, (size.concurrency for size in sizes), strict=True))
        return wanted

    def _reserved_by_stack(self) -> Mapping[str, int]:
        client = self._client("lambda")
        reserved: dict[str, int] = dict.fromkeys(FUNCTIONS, 0)
        for function in FUNCTIONS:
            name = f"lambda-{function}-{self._settings.environment_suffix}"
            try:
                concurrency = client.get_function_concurrency(FunctionName=name)
            except ClientError as error:
                if error_code(error) != "ResourceNotFoundException":
                    raise
            else:
                reserved[function] = int(concurrency.get("ReservedConcurrentExecutions", 0))
        return reserved

    def _api_rate(self) -> Check:
        throttle = self._client("apigateway").get_account().get("throttleSettings", {})
        rate, burst = throttle.get("rateLimit", 0), throttle.get("burstLimit", 0)
        found = f"{rate:,.0f} requests a second, bursts of {burst:,}, for all APIs together"
        # Each method has a throttle of its own; the account's is over all of them together.
        needed = POST_REQUESTS_PER_SECOND + self._settings.read_throttle_rate
        if rate >= needed and burst >= self._settings.throttle_burst:
            return Check(name="API Gateway rate", state=State.OK, found=found)
        advice = (
            f"the API takes {needed:,} a second and bursts of {self._settings.throttle_burst:,}; "
            "request more:\naws service-quotas request-service-quota-increase --service-code apigateway "
            f"--quota-code L-8A5B8E43 --desired-value 10000 --region {self._settings.region}"
        )
        return Check(name="API Gateway rate", state=State.FIX, found=found, advice=advice)

    def _log_role(self) -> Check:
        role = self._client("apigateway").get_account().get("cloudwatchRoleArn") or ""
        own = role.endswith(f":role/role-api-logs-{self._settings.environment_suffix}")
        managed = self._settings.api_gateway_account_role == "manage"
        found = role or "none"
        if managed and role and not own:
            advice = (
                "another stack or person has set the account-wide role; keep it:\n"
                "pulumi config set fraudstream:apiGatewayAccountRole existing"
            )
            return Check(name="API Gateway log role", state=State.FIX, found=found, advice=advice)
        if not managed and not role:
            advice = "there is none to use:\npulumi config set fraudstream:apiGatewayAccountRole manage"
            return Check(name="API Gateway log role", state=State.FIX, found=found, advice=advice)
        return Check(name="API Gateway log role", state=State.OK, found=found)

    def _tls_policy(self) -> Check:
        from infra.api.spec import TLS_POLICY

        name = f"api-transactions-{self._settings.environment_suffix}"
        pages = self._client("apigateway").get_paginator("get_rest_apis").paginate()
        api = next((api for page in pages for api in page.get("items", []) if api.get("name") == name), None)
        if api is None:
            return Check(name="API's TLS policy", state=State.OK, found=f"{TLS_POLICY}, with the first deployment")
        policy, status = api.get("securityPolicy", TLS_POLICY), api.get("apiStatus", "AVAILABLE")
        found = f"{policy}, {status.lower()}"
        if status != "AVAILABLE":
            # API Gateway refuses every other change of an API whose policy is on its way.
            advice = f"wait until the API is available again: {api.get('apiStatusMessage') or 'a change is on its way'}"
            return Check(name="API's TLS policy", state=State.FIX, found=found, advice=advice)
        if policy != TLS_POLICY:
            advice = f"the next up changes it to {TLS_POLICY}; API Gateway takes some minutes over that"
            return Check(name="API's TLS policy", state=State.NOTE, found=found, advice=advice)
        return Check(name="API's TLS policy", state=State.OK, found=found)

    def _vpcs(self) -> Check:
        pages = self._client("ec2").get_paginator("describe_vpcs").paginate()
        names = [
            {tag["Key"]: tag["Value"] for tag in vpc.get("Tags", [])}.get("Name")
            for page in pages
            for vpc in page["Vpcs"]
        ]
        quota = self._vpc_quota()
        own = f"vpc-main-{self._settings.environment_suffix}" in names
        found = f"{len(names)} of {quota} in {self._settings.region}" + (", this stack's among them" if own else "")
        if own or len(names) < quota:
            return Check(name="VPCs", state=State.OK, found=found)
        advice = (
            "the stack needs one: delete one that nobody uses, or request more:\n"
            f"aws service-quotas request-service-quota-increase --service-code vpc --quota-code {VPC_QUOTA} "
            f"--desired-value {len(names) + 1} --region {self._settings.region}"
        )
        return Check(name="VPCs", state=State.FIX, found=found, advice=advice)

    def _vpc_quota(self) -> int:
        try:
            quota = self._client("service-quotas").get_service_quota(ServiceCode="vpc", QuotaCode=VPC_QUOTA)
        except ClientError:
            # Not allowed to look, or never changed: what every account starts with.
            return VPCS_AT_FIRST
        return int(quota["Quota"]["Value"])

    def _runtime(self) -> Check:
        runtime = self._settings.runtime
        end = RUNTIME_ENDS[runtime]
        left = (end - self._today).days
        newer = "pulumi config set fraudstream:runtime python3.13"
        if left <= 0:
            return Check(name="runtime", state=State.FIX, found=f"{runtime}, deprecated since {end}", advice=newer)
        found = f"{runtime}, until {end}: {counted(left, 'day')}"
        if left < RUNTIME_NOTICE_DAYS:
            return Check(name="runtime", state=State.NOTE, found=found, advice=f"plan the next one: {newer}")
        return Check(name="runtime", state=State.OK, found=found)

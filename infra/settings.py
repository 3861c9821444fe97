"""The stack's settings: typed, checked, and refused with a sentence that says what would be right."""

import difflib
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal
from zoneinfo import available_timezones

import pulumi
from pulumi.runtime import config as runtime_config

from fraudstream.contract import HOME_REGION, RETENTION_DAYS
from infra.naming import SUFFIX, SUFFIX_MAX_LENGTH

NAMESPACE = "fraudstream"
MINIMUM_CONCURRENCY = 100
"""Reserved concurrent executions that each function has at least."""
REQUESTS_PER_SECOND = 1000
"""The stage's throttle."""
BUCKET_DAYS = (1, 3650)
BUDGET_MILLISECONDS = (20, 5000)
"""A table alone takes a few milliseconds; clients may wait for five seconds at most."""

Architecture = Literal["arm64", "x86_64"]
ApiAuth = Literal["AWS_IAM", "API_KEY"]
AccountRole = Literal["manage", "existing"]
PackageTarget = Literal["lambda", "host"]


class StackSettingsError(pulumi.RunError):
    """Settings that the stack cannot be built with; Pulumi shows the message and stops."""


@dataclass(frozen=True, kw_only=True)
class FunctionSettings:
    """How one function is sized."""

    concurrency: int
    """Reserved concurrent executions."""
    memory_mb: int
    provisioned_concurrency: int = 0
    """Environments that are kept ready; 0: none."""


@dataclass(frozen=True, kw_only=True)
class StackSettings:
    """What a stack is built from; `docs/settings.md` describes each setting."""

    environment_suffix: str
    cost_center: str
    region: str
    allow_destructive_changes: bool
    """Whether a change may delete a standing stack's data, or reset what the account's other APIs share."""
    architecture: Architecture
    runtime: str
    package_for: PackageTarget
    processor: FunctionSettings
    analyzer: FunctionSettings
    reporter: FunctionSettings
    throttle_burst: int
    read_throttle_rate: int
    """Requests a second that GET may take, beside those of POST: API Gateway throttles each method by itself."""
    api_auth: ApiAuth
    api_gateway_account_role: AccountRole
    report_hour: int
    """UTC."""
    segment_window_seconds: int
    retention_days: int
    max_past_days: int
    max_future_seconds: int
    decision_log_days: int
    report_days: int
    old_version_days: int
    time_zone: str
    label_delay_days: int
    inline_decisions: bool
    inline_budget_milliseconds: int
    log_level: str
    alarm_email: str | None
    alert_email: str | None
    customer_managed_key: bool
    analytics: bool
    audit_trail: bool
    audit_trail_lock_days: int
    token_keys: int
    token_number: int
    waf: bool
    waf_rate_limit: int
    """Requests in five minutes from one address."""


class _Reader:
    """Reads settings one by one and remembers every complaint, so that one run names them all."""

    def __init__(self, get: Callable[[str], str | None]) -> None:
        self._get = get
        self.asked: set[str] = set()
        self.complaints: list[str] = []

    def _refuse(self, name: str, value: object, allowed: str) -> None:
        self.complaints.append(f"{NAMESPACE}:{name} is {value!r}; allowed: {allowed}")

    def _read(self, name: str) -> str | None:
        self.asked.add(name)
        return self._get(name)

    def integer(self, name: str, default: int, minimum: int, maximum: int) -> int:
        raw = self._read(name)
        if raw is None:
            return default
        value = int(raw) if re.fullmatch(r"-?[0-9]{1,10}", raw) else None
        if value is None or not minimum <= value <= maximum:
            self._refuse(name, raw, f"a whole number from {minimum} to {maximum}")
            return default
        return value

    def choice(self, name: str, default: str, allowed: Collection[str]) -> Any:  # noqa: ANN401  (a Literal of the caller's)
        value = self._read(name) or default
        if value not in allowed:
            self._refuse(name, value, " or ".join(allowed))
            return default
        return value

    def flag(self, name: str, *, default: bool) -> bool:
        return self.choice(name, "true" if default else "false", ("true", "false")) == "true"

    def text(self, name: str, default: str | None, check: Callable[[str], object], allowed: str) -> str | None:
        value = self._read(name) or default
        if value is not None and not check(value):
            self._refuse(name, value, allowed)
            return default
        return value

    def region(self) -> str:
        region = self._read("region") or HOME_REGION
        if not re.fullmatch(r"[a-z]{2}(-[a-z]+)+-[0-9]", region):
            self._refuse("region", region, "the name of an AWS region")
        elif region != HOME_REGION and not self.flag("allowOtherRegion", default=False):
            self._refuse(
                "region", region, f"{HOME_REGION}, or any other together with {NAMESPACE}:allowOtherRegion true"
            )
        self.asked.add("allowOtherRegion")
        return region

    def provisioned(self, name: str, function: FunctionSettings) -> FunctionSettings:
        """Read how many of a function's environments are kept ready."""
        ready = self.integer(f"{name}ProvisionedConcurrency", 0, 0, 3000)
        if ready > function.concurrency:
            most = f"at most {NAMESPACE}:{name}Concurrency, {function.concurrency}"
            self._refuse(f"{name}ProvisionedConcurrency", str(ready), most)
        return replace(function, provisioned_concurrency=ready)

    def function(self, name: str, concurrency: int, memory_mb: int) -> FunctionSettings:
        return FunctionSettings(
            # 3,000 is the burst that an account of any region may take at once; AWS checks the account's own quota.
            concurrency=self.integer(f"{name}Concurrency", concurrency, MINIMUM_CONCURRENCY, 3000),
            memory_mb=self.integer(f"{name}Memory", memory_mb, 256, 10240),
        )


def _is_email(value: str) -> bool:
    return re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", value) is not None


def _unknown(given: Collection[str], known: Collection[str]) -> Sequence[str]:
    complaints: list[str] = []
    for name in sorted(set(given) - set(known)):
        near = difflib.get_close_matches(name, known, n=1)
        complaints.append(f"{NAMESPACE}:{name} is not a setting" + (f"; did you mean {near[0]}?" if near else ""))
    return complaints


def read_settings(get: Callable[[str], str | None], stack: str, given: Collection[str] = ()) -> StackSettings:
    """Read and check the settings.

    Args:
        get: gives a setting's text by its name, or None where it is not set.
        stack: the stack's name, the default of `environmentSuffix`.
        given: the names that are set; any that is no setting is refused.

    Raises:
        StackSettingsError: one or more settings are wrong; the message names each, its value and what is allowed.
    """
    reader = _Reader(get)
    processor = reader.provisioned("processor", reader.function("processor", 200, 1024))
    settings = StackSettings(
        environment_suffix=reader.text(
            "environmentSuffix",
            stack,
            lambda value: SUFFIX.fullmatch(value) and len(value) <= SUFFIX_MAX_LENGTH,
            f"lower-case letters, digits and single dashes, a letter first, at most {SUFFIX_MAX_LENGTH} characters",
        )
        or stack,
        cost_center=reader.text(
            "costCenter",
            "fraud-detection",
            lambda value: re.fullmatch(r"[\w .:/=+@-]{1,256}", value),
            "1 to 256 letters, digits, spaces and any of _ . : / = + - @",
        )
        or "",
        region=reader.region(),
        allow_destructive_changes=reader.flag("allowDestructiveChanges", default=False),
        architecture=reader.choice("architecture", "arm64", ("arm64", "x86_64")),
        runtime=reader.choice("runtime", "python3.11", ("python3.11", "python3.12", "python3.13")),
        package_for=reader.choice("packageFor", "lambda", ("lambda", "host")),
        processor=processor,
        analyzer=reader.function("analyzer", 100, 1024),
        reporter=reader.function("reporter", 100, 3008),
        # The account's own burst is 5,000 (API Gateway quotas, us-east-2).
        throttle_burst=reader.integer("throttleBurst", processor.concurrency, 1, 5000),
        read_throttle_rate=reader.integer("readThrottleRate", 500, 1, REQUESTS_PER_SECOND),
        api_auth=reader.choice("apiAuth", "AWS_IAM", ("AWS_IAM", "API_KEY")),
        api_gateway_account_role=reader.choice("apiGatewayAccountRole", "manage", ("manage", "existing")),
        report_hour=reader.integer("reportHour", 1, 0, 23),
        segment_window_seconds=reader.integer("segmentWindowSeconds", 60, 0, 300),
        retention_days=reader.integer("retentionDays", RETENTION_DAYS, 31, 3650),
        max_past_days=reader.integer("maxPastDays", 30, 1, 365),
        max_future_seconds=reader.integer("maxFutureSeconds", 300, 0, 3600),
        decision_log_days=reader.integer("decisionLogDays", 400, *BUCKET_DAYS),
        report_days=reader.integer("reportDays", 400, *BUCKET_DAYS),
        old_version_days=reader.integer("oldVersionDays", 30, *BUCKET_DAYS),
        time_zone=reader.text("timeZone", "UTC", available_timezones().__contains__, "an IANA time zone") or "UTC",
        # Profiles of merchants and terminals know eight days more than the longest window.
        label_delay_days=reader.integer("labelDelayDays", 7, 0, 8),
        inline_decisions=reader.flag("inlineDecisions", default=True),
        inline_budget_milliseconds=reader.integer("inlineBudgetMilliseconds", 200, *BUDGET_MILLISECONDS),
        log_level=reader.choice("logLevel", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR")),
        alarm_email=reader.text("alarmEmail", None, _is_email, "an e-mail address"),
        alert_email=reader.text("alertEmail", None, _is_email, "an e-mail address"),
        customer_managed_key=reader.flag("customerManagedKey", default=True),
        analytics=reader.flag("analytics", default=False),
        audit_trail=reader.flag("auditTrail", default=False),
        audit_trail_lock_days=reader.integer("auditTrailLockDays", 0, 0, 3650),
        token_keys=reader.integer("tokenKeys", 1, 1, 99),
        token_number=reader.integer("tokenNumber", 1, 1, 99),
        waf=reader.flag("waf", default=False),
        # The bounds are WAF's own; the default is the stage's throttle held for five minutes by one address.
        waf_rate_limit=reader.integer("wafRateLimit", REQUESTS_PER_SECOND * 300, 10, 2_000_000_000),
    )
    if settings.token_number > settings.token_keys:
        # The analyzer must know a number before anybody makes tokens of it.
        reader.complaints.append(
            f"{NAMESPACE}:tokenNumber is {settings.token_number}, and there are keys of {settings.token_keys} only: "
            f"raise {NAMESPACE}:tokenKeys first, in an up of its own"
        )
    if complaints := [*reader.complaints, *_unknown(given, reader.asked)]:
        raise StackSettingsError("\n".join(complaints))
    return settings


def read_stack_settings() -> StackSettings:
    """Read the present stack's settings from Pulumi's configuration.

    Raises:
        StackSettingsError: one or more settings are wrong.
    """
    config = pulumi.Config(NAMESPACE)
    everything = {**runtime_config.get_config_env(), **runtime_config.CONFIG.get()}
    given = {key.removeprefix(f"{NAMESPACE}:") for key in everything if key.startswith(f"{NAMESPACE}:")}
    settings = read_settings(config.get, pulumi.get_stack(), given)
    other = pulumi.Config("aws").get("region")
    if other is not None and other != settings.region:
        raise StackSettingsError(
            f"aws:region is {other!r}; allowed: nothing, or {settings.region!r}, the value of {NAMESPACE}:region"
        )
    return settings

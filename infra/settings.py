"""The stack's settings: typed, checked, and refused with a sentence that says what would be right."""

import difflib
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Literal
from zoneinfo import available_timezones

import pulumi
from pulumi.runtime import config as runtime_config

from fraudstream.contract import (
    DECISION_LOG_DAYS,
    RETENTION_DAYS,
    REVIEW_EXPIRY_DAYS,
    REVIEW_HOURS,
    TRANSACTION_PLACE,
    EventType,
    FourEyes,
)
from infra.naming import SUFFIX, SUFFIX_MAX_LENGTH
from infra.setting_reader import NAMESPACE, FunctionSettings, SettingReader, StackSettingsError

REQUESTS_PER_SECOND = 1000
"""The stage's throttle."""
MOST_REQUESTS_A_DAY = REQUESTS_PER_SECOND * 86_400
BUCKET_DAYS = (1, 3650)
ANALYTICS_CUTOFF_GIB = 100
"""Half a dollar at $5 a TB: every saved query of a year at a million transactions a day."""
MOST_TOKEN_KEYS = 20
"""Each takes 45 of the 4,096 bytes that a function's variables may have, and placeholders 2,000."""
BUDGET_MILLISECONDS = (20, 5000)
"""A table alone takes a few milliseconds; clients may wait for five seconds at most."""

Architecture = Literal["arm64", "x86_64"]
ApiAuth = Literal["AWS_IAM", "API_KEY"]
AccountRole = Literal["manage", "existing"]
PackageTarget = Literal["lambda", "host"]


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
    sca_advice: str
    """`off`, `issuer` or `acquirer`: whether inline decisions advise on strong customer authentication, and whom."""
    sca_counter: str
    """`amount` or `payments`: which counter of low-value payments the provider has chosen."""
    sca_card_fraud_rate: str | None
    """Per cent; the provider's own of its last quarter."""
    sca_transfer_fraud_rate: str | None
    daily_requests_alarm: int
    """More requests a day raise an alarm, since they cost more than somebody expects."""
    log_level: str
    alarm_email: str | None
    alert_email: str | None
    events: tuple[EventType, ...]
    """What other systems are told."""
    alert_webhook_url: str | None = field(repr=False)
    """Such addresses often hold a secret themselves."""
    alert_webhook_header: str
    alert_webhook_secret: str | None = field(repr=False)
    """The header's value."""
    exploration_percent: str
    """Share of the approved transactions that is put into the review queue by chance."""
    review_hours: int
    """Within which a case is to be taken."""
    review_expiry_days: int
    """After which a case that nobody has waits no longer; 0: never."""
    back_office_url: str | None
    """Where the team's own system shows a transaction; `{transactionId}` stands for its id."""
    four_eyes: tuple[FourEyes, ...]
    """The changes that need a second person."""
    customer_index: bool
    """Whether transactions are found by customer."""
    customer_managed_key: bool
    analytics: bool
    analytics_cutoff_gib: int
    """Gibibytes: Athena stops a query that reads more."""
    audit_trail: bool
    audit_trail_lock_days: int
    token_keys: int
    token_number: int
    waf: bool
    waf_rate_limit: int
    """Requests in five minutes from one address."""


def _is_email(value: str) -> bool:
    return re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", value) is not None


def _is_template(value: str) -> bool:
    return TRANSACTION_PLACE in value and re.fullmatch(r"https://[A-Za-z0-9.-]+(:[0-9]+)?/[!-~]*", value) is not None


def _is_header(value: str) -> bool:
    return re.fullmatch(r"[A-Za-z0-9-]{1,64}", value) is not None


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
    reader = SettingReader(get)
    processor = reader.provisioned("processor", reader.function("processor", 200, 1024))
    package_for: PackageTarget = reader.choice("packageFor", "lambda", ("lambda", "host"))
    webhook_url, webhook_secret = reader.webhook(is_local=package_for == "host")
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
        package_for=package_for,
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
        decision_log_days=reader.integer("decisionLogDays", DECISION_LOG_DAYS, *BUCKET_DAYS),
        report_days=reader.integer("reportDays", 400, *BUCKET_DAYS),
        old_version_days=reader.integer("oldVersionDays", 30, *BUCKET_DAYS),
        time_zone=reader.text("timeZone", "UTC", available_timezones().__contains__, "an IANA time zone") or "UTC",
        # Profiles of merchants and terminals know eight days more than the longest window.
        label_delay_days=reader.integer("labelDelayDays", 7, 0, 8),
        inline_decisions=reader.flag("inlineDecisions", default=True),
        inline_budget_milliseconds=reader.integer("inlineBudgetMilliseconds", 200, *BUDGET_MILLISECONDS),
        sca_advice=reader.choice("scaAdvice", "off", ("off", "issuer", "acquirer")),
        sca_counter=reader.choice("scaCounter", "amount", ("amount", "payments")),
        sca_card_fraud_rate=reader.per_cent("scaCardFraudRate"),
        sca_transfer_fraud_rate=reader.per_cent("scaTransferFraudRate"),
        daily_requests_alarm=reader.integer("dailyRequestsAlarm", 1_000_000, 1, MOST_REQUESTS_A_DAY),
        log_level=reader.choice("logLevel", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR")),
        alarm_email=reader.text("alarmEmail", None, _is_email, "an e-mail address"),
        alert_email=reader.text("alertEmail", None, _is_email, "an e-mail address"),
        events=reader.events("all" if webhook_url else "none"),
        alert_webhook_url=webhook_url,
        alert_webhook_header=reader.text(
            "alertWebhookHeader", "Authorization", _is_header, "the name of an HTTP header"
        )
        or "",
        alert_webhook_secret=webhook_secret,
        exploration_percent=reader.per_cent("explorationPercent") or "0",
        review_hours=reader.integer("reviewHours", REVIEW_HOURS, 1, 720),
        review_expiry_days=reader.integer("reviewExpiryDays", REVIEW_EXPIRY_DAYS, 0, 365),
        back_office_url=reader.text(
            "backOfficeUrl", None, _is_template, f"an address with https:// and {TRANSACTION_PLACE} in it"
        ),
        four_eyes=reader.four_eyes(),
        customer_index=reader.flag("customerIndex", default=True),
        customer_managed_key=reader.flag("customerManagedKey", default=True),
        analytics=reader.flag("analytics", default=False),
        analytics_cutoff_gib=reader.integer("analyticsCutoffGib", ANALYTICS_CUTOFF_GIB, 1, 100_000),
        audit_trail=reader.flag("auditTrail", default=False),
        audit_trail_lock_days=reader.integer("auditTrailLockDays", 0, 0, 3650),
        token_keys=reader.integer("tokenKeys", 1, 1, MOST_TOKEN_KEYS),
        token_number=reader.integer("tokenNumber", 1, 1, MOST_TOKEN_KEYS),
        waf=reader.flag("waf", default=False),
        # The bounds are WAF's own; the default is the stage's throttle held for five minutes by one address.
        waf_rate_limit=reader.integer("wafRateLimit", REQUESTS_PER_SECOND * 300, 10, 2_000_000_000),
    )
    if settings.sca_advice != "off" and not settings.inline_decisions:
        reader.complaints.append(
            f"{NAMESPACE}:scaAdvice is given beside inline decisions only: set {NAMESPACE}:inlineDecisions to true"
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
    everything = {**runtime_config.get_config_env(), **runtime_config.CONFIG.get()}
    given = {key.removeprefix(f"{NAMESPACE}:") for key in everything if key.startswith(f"{NAMESPACE}:")}
    # Not `pulumi.Config.get`, which warns of secrets: those that are read here stay secrets (`EventDelivery`).
    settings = read_settings(lambda name: everything.get(f"{NAMESPACE}:{name}"), pulumi.get_stack(), given)
    other = pulumi.Config("aws").get("region")
    if other is not None and other != settings.region:
        raise StackSettingsError(
            f"aws:region is {other!r}; allowed: nothing, or {settings.region!r}, the value of {NAMESPACE}:region"
        )
    return settings

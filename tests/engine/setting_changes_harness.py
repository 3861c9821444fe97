"""What a change of each setting does to a stack with default settings: the exact plan, by Pulumi's names."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.engine.engine_harness import Plan

FUNCTIONS = "lambda-transaction-processor lambda-fraud-analyzer lambda-report-generator"
PROCESSOR, ANALYZER, REPORTER = FUNCTIONS.split()
LIFECYCLE = "lifecycle-reports"
THROTTLES = "method-settings-all method-settings-get-transaction"
DEPLOYMENT = "deployment-transactions"


@dataclass(frozen=True)
class Change:
    """One change, and what is planned for it; names are without the environment's suffix."""

    value: str
    updated: str = ""
    created: str = ""
    replaced: str = ""
    deleted: str = ""
    beside: Mapping[str, str] = field(default_factory=dict[str, str])
    """Settings without which the change is refused."""

    def plan(self, suffix: str = "test") -> Plan:
        """Return the plan in a stack with this suffix."""
        return Plan(
            created=_names(self.created, suffix),
            updated=_names(self.updated, suffix),
            replaced=_names(self.replaced, suffix),
            deleted=_names(self.deleted, suffix),
        )


def _names(names: str, suffix: str) -> frozenset[str]:
    return frozenset(f"{name}-{suffix}" for name in names.split())


_EVENTS = (
    "pipe-events role-event-pipe policy-event-pipe-dead-letters policy-event-pipe-publish-events"
    " policy-event-pipe-stream-outbox policy-fraud-analyzer-put-outbox policy-topic-events topic-events"
)

CHANGES: Mapping[str, Change] = {
    "alarmEmail": Change("operators@example.com", created="subscription-alarms"),
    "alertEmail": Change("analysts@example.com", created="subscription-alerts"),
    "alertWebhookHeader": Change("X-Secret"),
    "alertWebhookSecret": Change("0123456789abcdef"),
    "alertWebhookUrl": Change(
        "https://example.com/fraud",
        ANALYZER,
        created=f"{_EVENTS} alarm-webhook-failing connection-webhook destination-webhook pipe-webhook role-webhook-pipe"
        " policy-webhook-pipe-dead-letters policy-webhook-pipe-post policy-webhook-pipe-stream-outbox",
        beside={"alertWebhookSecret": "0123456789abcdef"},
    ),
    "allowDestructiveChanges": Change("true"),
    "allowOtherRegion": Change("true"),
    "analytics": Change(
        "true",
        created="catalog-table-decisions catalog-table-hits catalog-table-labels catalog-table-tallies"
        " database-decision-log query-cuts query-decisions-by-hour query-device query-entities query-false-declines"
        " query-feature-drift query-fraud-by-rule query-fraud-rate query-fraud-rise query-new-customers"
        " query-precision-by-age query-reconciliation query-rules query-scores query-undecided workgroup-decision-log",
    ),
    "analyticsCutoffGib": Change("500"),
    "analyzerConcurrency": Change("300", ANALYZER),
    "analyzerMemory": Change("2048", ANALYZER),
    "apiAuth": Change(
        "API_KEY",
        created="key-client key-client-plan usage-plan-clients",
        updated="method-get-transaction method-post-transaction stage-v1",
        replaced=DEPLOYMENT,
    ),
    "architecture": Change("x86_64", FUNCTIONS),
    "backOfficeUrl": Change("https://office.example.com/{transactionId}"),
    "explorationPercent": Change("0.5", ANALYZER),
    "reviewHours": Change("8"),
    "reviewExpiryDays": Change("0"),
    "customerIndex": Change("false", "table-transactions"),
    "dailyRequestsAlarm": Change("5000000", "alarm-spend"),
    "fourEyes": Change(
        "rules,models,lists,labels",
        FUNCTIONS,
        created="policy-fraud-analyzer-read-approvals policy-transaction-processor-read-approvals "
        "policy-report-generator-read-approvals alarm-change-waiting",
    ),
    "decisionLogDays": Change("800", f"{LIFECYCLE} {REPORTER}"),
    "events": Change("all", ANALYZER, created=_EVENTS),
    "inlineBudgetMilliseconds": Change("500", PROCESSOR),
    "inlineDecisions": Change(
        "false",
        PROCESSOR,
        deleted="policy-transaction-processor-read-many-profiles policy-transaction-processor-read-ruleset",
    ),
    "labelDelayDays": Change("3", f"{PROCESSOR} {ANALYZER}"),
    "logLevel": Change("DEBUG", FUNCTIONS),
    "maxFutureSeconds": Change("600", PROCESSOR),
    "maxPastDays": Change("60", PROCESSOR),
    "oldVersionDays": Change("60", LIFECYCLE),
    "packageFor": Change("host", FUNCTIONS),
    "processorConcurrency": Change("300", f"{PROCESSOR} {THROTTLES}"),
    "processorMemory": Change("2048", PROCESSOR),
    "processorProvisionedConcurrency": Change(
        "20",
        created="alias-transaction-processor provisioned-concurrency-transaction-processor",
        updated=f"{PROCESSOR} integration-get-transaction integration-post-transaction stage-v1"
        " policy-transaction-processor-environment policy-transaction-processor-network",
        replaced=f"{DEPLOYMENT} permission-get-transaction permission-post-transaction",
    ),
    "readThrottleRate": Change("150", "method-settings-get-transaction"),
    "reportDays": Change("800", LIFECYCLE),
    "reportHour": Change("3", "schedule-daily-report"),
    "reporterConcurrency": Change("300", REPORTER),
    "reporterMemory": Change("4096", REPORTER),
    "retentionDays": Change("800", f"{PROCESSOR} {ANALYZER}"),
    "runtime": Change("python3.12", FUNCTIONS),
    "scaAdvice": Change("issuer", PROCESSOR),
    "scaCounter": Change("payments"),
    "scaCardFraudRate": Change("0.08"),
    "scaTransferFraudRate": Change("0.012"),
    "segmentWindowSeconds": Change("120", "event-source-report-generator"),
    "throttleBurst": Change("400", THROTTLES),
    "timeZone": Change("Europe/Berlin", f"{PROCESSOR} {ANALYZER}"),
    "auditTrail": Change(
        "true",
        created="bucket-audit encryption-audit lifecycle-audit ownership-audit policy-bucket-audit public-access-audit"
        " trail-audit versioning-audit",
    ),
    "auditTrailLockDays": Change("30"),
    "tokenKeys": Change("2", f"{PROCESSOR} {ANALYZER}", created="secret-token-key-2"),
    "tokenNumber": Change("1"),
    "waf": Change("true", created="waf-api waf-api-stage"),
    "wafRateLimit": Change("1000"),
}
TAGS = "costCenter"
"""The setting that changes the tags of everything, and nothing else."""
REFUSED: Mapping[str, Mapping[str, str]] = {
    "environmentSuffix": {"environmentSuffix": "other"},
    "region": {"region": "eu-west-1", "allowOtherRegion": "true"},
    "apiGatewayAccountRole": {"apiGatewayAccountRole": "existing"},
    "customerManagedKey": {"customerManagedKey": "false"},
}
"""Changes that stop at the preview, by the setting that the message names."""


def effect(name: str) -> str:
    """Return what `docs/settings.md` calls the effect of a change."""
    if name in REFUSED:
        return "refused"
    if name == TAGS:
        return "in place"
    plan = CHANGES[name].plan()
    if plan.replaced:
        return "new API deployment"
    if plan.created or plan.deleted:
        return "adds, removes"
    return "in place" if plan.updated else "nothing"

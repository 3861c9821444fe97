"""What the Pulumi program, the functions and the tools must spell alike, each once.

Other parts import these names; none of them repeats a value. Keys, file names, kinds and the metrics' dimension are
stored or watched outside this code: they never change.
"""

import hashlib
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

HOME_REGION: Final = "us-east-2"

PROCESSOR: Final = "transaction-processor"
ANALYZER: Final = "fraud-analyzer"
REPORTER: Final = "report-generator"
FUNCTIONS: Final = (PROCESSOR, ANALYZER, REPORTER)
"""The purposes of the three functions, as in their names."""

TOKENS_ALIAS: Final = "tokens"
"""The processor's alias that turns identifiers into tokens, and does nothing else."""

DECISION_LOG_PREFIX: Final = "decision-log/"
SEGMENTS_PREFIX: Final = f"{DECISION_LOG_PREFIX}segments/"
ERASURE_MARKS_PREFIX: Final = f"{DECISION_LOG_PREFIX}erasures/"
"""Prefix of the erasure marks: they keep an erased person's records, which a stream may still hold, out of the log."""
TRANSACTION_TARGET: Final = "transaction#"
"""What the target of an audit record begins with that is about a transaction; its id follows."""
RECEIPTS_PREFIX: Final = "erasure-receipts/"
REPORT_PREFIX: Final = "reports/"
QUERY_RESULTS_PREFIX: Final = "query-results/"
"""Prefix of what Athena answered to questions about the log."""
AUDIT_PREFIX: Final = "audit/"
"""Prefix of the audit records: what people did."""
APPROVALS_PREFIX: Final = "approvals/"
"""Prefix of the approvals of changes that need two people: below the kind of the change (`FourEyes`) and its
digest, each with the person's `aws:userid` as its name."""
RULESET_PREFIX: Final = "rulesets/live/"
"""Prefix of the active ruleset's files, and of the models beside it."""
MODELS_FOLDER: Final = "models/"
"""Where the models' files are stored, beside `MODELS_FILE`."""

RULESET_FILE: Final = "ruleset.yaml"
RATES_FILE: Final = "rates.yaml"
LISTS_FILE: Final = "lists.yaml"
RULESET_FILES: Final = (RULESET_FILE, RATES_FILE, LISTS_FILE)
MODELS_FILE: Final = "models.yaml"
"""It names the active models."""
VERSION_DIGITS: Final = 12
"""So many digits of its digest tell a ruleset, or a model, from others."""


def files_digest(*files: bytes) -> str:
    """Return what files are approved by, a SHA-256 over those of each.

    Those of a ruleset come in the order of `RULESET_FILES`; with models it is `MODELS_FILE`, then the live model's file
    and the shadow model's.
    """
    return hashlib.sha256(b"".join(hashlib.sha256(file).digest() for file in files)).hexdigest()


def audit_author(key: str) -> str | None:
    """Return in whose name an audit record is, their `aws:userid`; None for a key that tells of nobody.

    A policy holds people to the record's name and not to what is in it. Its `*` spans slashes, so a name with more
    parts may be anybody's.
    """
    parts = key.removeprefix(AUDIT_PREFIX).split("/")
    return parts[1] if len(parts) == 3 else None  # noqa: PLR2004  (a day, who, and the record)


ANSWER_HEADERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Cache-Control": "no-store",
        "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
        "X-Content-Type-Options": "nosniff",
    }
)
"""On every answer of the API, the gateway's own too: not kept, over TLS alone for two years, read as what it says it is
(OWASP, REST Security Cheat Sheet)."""

METRICS_NAMESPACE: Final = "fraudstream"
METRICS_DIMENSION: Final = "Environment"
"""The one dimension of every metric of the functions; its value is the environment's suffix."""

FUNCTION_TIMEOUT_SECONDS: Final = 300
"""Timeout of each function; whoever waits for an invocation waits longer."""
STREAM_SECONDS: Final = 24 * 3600
"""For how long a table's stream keeps a record (DynamoDB's documentation of streams)."""
ERASURE_MARK_SECONDS: Final = 26 * 3600
"""How long it is remembered that somebody was erased: a stream keeps its records for 24 hours."""
DECISION_DEADLINE_SECONDS: Final = 3600
"""Age at which the analyzer's mapping gives a record up: a transaction without a decision has failed then."""
TRACED_SHARE: Final = 0.01
"""Share of the API's requests that X-Ray traces. Its own rule also takes one a second, which costs most of it."""
MODERATE_DRIFT: Final = 0.1
"""Population stability index up to which nothing has changed (Siddiqi, Credit Risk Scorecards, 2006)."""
SIGNIFICANT_DRIFT: Final = 0.25
"""Population stability index from which a change is significant (Siddiqi, Credit Risk Scorecards, 2006)."""

RETENTION_DAYS: Final = 180
"""Days for which the tables keep transactions, alerts, and profiles that are not written any more, unless a stack says
otherwise: chargebacks come within 120 days, and the decision log keeps what is older."""
DECISION_LOG_DAYS: Final = 400
"""Days for which the bucket keeps the decision log, unless a stack says otherwise."""
TRANSACTION_PLACE: Final = "{transactionId}"
"""Placeholder of a transaction's id in the address of a back office."""
REVIEW_HOURS: Final = 24
"""Within which a case is to be taken, unless a stack says otherwise; own choice."""
REVIEW_EXPIRY_DAYS: Final = 30
"""After which a case that nobody has waits no longer, unless a stack says otherwise; own choice."""
LOG_CHAIN_ITEM: Final = "log-chain"
"""Key of the item in the table of profiles that holds the newest link of the decision log's chain."""
RESTORED_AT: Final = "restoredAt"
"""The attribute of an item that was copied back from a backup: when, in epoch milliseconds."""
EXPLORATION_PROPENSITY: Final = "explorationPropensity"
"""The attribute of a decision and an alert of an approved transaction that is in the review queue by chance."""
CLAIM_TIMESTAMP: Final = 0
"""The sort key of a claim, which no transaction has."""
SAMPLE_INDEX: Final = "by-sample-day"
ROLL_UP_MINUTE: Final = 5
"""Minute of each hour at which the log of the hour before is merged: its last segments are written within two."""
SAMPLE_DAY: Final = "sampleDay"
"""The attribute that marks a transaction for its day's sample, and the partition key of the sparse index of those: the
UTC day of receipt."""

CUSTOMER_INDEX: Final = "by-customer"
"""The index of transactions by customer and time of receipt, where the setting `customerIndex` asks for it."""

NETWORK_REFERENCE_INDEX: Final = "by-network-reference"
"""The sparse index of transactions by the id that their card scheme or processor gave them."""

ALERT_STATUS_INDEX: Final = "by-status"
"""The index of alerts by status and time, and of waiting labels by time."""
ALERT_ENTITY_INDEX: Final = "by-entity"
"""The index of alerts, and of cases, by customer and time."""

CASE_PREFIX: Final = "case#"
"""Prefix of the keys of cases, in the table of alerts."""
CASE_KIND: Final = "CASE"
"""The `kind` of those items; alerts have none."""

LABEL_PREFIX: Final = "label#"
"""Prefix of the keys of items that say whose label waits for another person, in the table of alerts."""
LABEL_KIND: Final = "LABEL"
"""The `kind` of those items."""
LABEL_WAITS: Final = "LABEL_WAITS"
"""Their partition of the index by status, while they wait."""


class EntityKind(StrEnum):
    """Who or what an identifier identifies; the same text has another token for another kind, but for a counterparty.

    Stored profiles name a kind by its place in this list: a new one comes last.
    """

    CUSTOMER = "customer"
    CARD = "card"
    MERCHANT = "merchant"
    TERMINAL = "terminal"
    DEVICE = "device"
    IP = "ip"
    COUNTERPARTY = "counterparty"
    """The other side of a transfer, a deposit or a withdrawal."""

    @property
    def of_tokens(self) -> "EntityKind":
        """The kind by which its tokens are made: a counterparty may be a customer too, and then has the same token."""
        return EntityKind.CUSTOMER if self is EntityKind.COUNTERPARTY else self

    @property
    def key_prefix(self) -> str:
        """What the keys of its profiles begin with, such as `card#`."""
        return f"{self.value}#"

    def key(self, token: str) -> str:
        """Return the key of an entity's profile, such as `card#tok_…`; lists and audit records name it so, too."""
        return f"{self.key_prefix}{token}"


PROFILE_PREFIXES: Final = tuple(kind.key_prefix for kind in EntityKind)
"""Prefixes of the keys of profiles and of their shards."""
SET_ASIDE_PREFIX: Final = "damaged#"
"""Prefix of the keys of items that keep damaged profiles as they were found."""
LISTED_PREFIX: Final = "list#"
"""Prefix of the keys of items that say on which lists an entity is, in the table of profiles."""
BREAKER_PREFIX: Final = "breaker#"
"""Prefix of the keys of items that count what a live model flags, in the table of profiles."""
LISTED_INDEX: Final = "by-list"
LISTED_KIND: Final = "listKind"
"""The kind of a listed entity, and the partition key of the sparse index of those."""


class FourEyes(StrEnum):
    """Changes that need a second person, where a stack asks for one."""

    RULES = "rules"
    MODELS = "models"
    LISTS = "lists"
    LABELS = "labels"


class ItemKind(StrEnum):
    """What an item of the table of transactions is."""

    CLAIM = "CLAIM"
    TRANSACTION = "TXN"


class EventType(StrEnum):
    """What the system tells other systems."""

    CASE_OPENED = "CASE_OPENED"
    TRANSACTION_FLAGGED = "TRANSACTION_FLAGGED"
    DECISION_REVISED = "DECISION_REVISED"
    LABEL_SET = "LABEL_SET"
    CASE_CLOSED = "CASE_CLOSED"
    KEPT_CASE_OPENED = "KEPT_CASE_OPENED"
    KEPT_CASE_REOPENED = "KEPT_CASE_REOPENED"
    KEPT_CASE_CLOSED = "KEPT_CASE_CLOSED"


EVENT_FIELDS: Final = (
    "eventId",
    "eventType",
    "eventVersion",
    "eventTime",
    "environment",
    "transactionId",
    "customerId",
    "type",
    "amountMinor",
    "currency",
    "decision",
    "score",
    "reasonCodes",
    "ruleIds",
    "inlineDecision",
    "label",
    "labelSource",
)
"""Fields of an event, in the order in which they are sent: each is a text, and an attribute of the outbox's item."""
RESENT_AT: Final = "resentAt"
"""The attribute of an event that somebody has sent again: when, in epoch milliseconds."""
OUTBOX_RETENTION_DAYS: Final = 14
"""Days until an event expires: as long as the dead-letter queue keeps what could not be delivered."""

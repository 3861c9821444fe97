"""The settings of each function, which its environment holds, as typed models.

The Pulumi program fills the environment from the same models (`environment`), and the function reads it back
(`read_settings`), so the two cannot drift apart. Metric names are here too, because functions emit them and alarms
watch them.
"""

import os
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Literal, TypeVar

import msgspec

from fraudstream.contract import DECISION_DEADLINE_SECONDS, DECISION_LOG_DAYS, RETENTION_DAYS


class Metric(StrEnum):
    """Names of the CloudWatch metrics that the functions emit, in the namespace `contract.METRICS_NAMESPACE`."""

    TRANSACTIONS_STORED = "TransactionsStored"
    TRANSACTIONS_REPEATED = "TransactionsRepeated"
    TRANSACTIONS_REFUSED = "TransactionsRefused"
    INLINE_LATENCY = "InlineLatency"
    INLINE_FALLBACK = "InlineFallback"
    DECISIONS_MADE = "DecisionsMade"
    ALERTS_RAISED = "AlertsRaised"
    DECISION_LATENCY = "DecisionLatency"
    RULESET_INVALID = "RulesetInvalid"
    CHANGE_WAITS = "ChangeWaits"
    SHADOW_ERRORS = "ShadowErrors"
    MODEL_HELD_BACK = "ModelHeldBack"
    RECORDS_LOGGED = "RecordsLogged"
    REPORTS_WRITTEN = "ReportsWritten"
    UNDECIDED = "Undecided"
    PROFILES_DAMAGED = "ProfilesDamaged"
    PROFILES_NEWER = "ProfilesNewer"
    PROFILES_UNCERTAIN = "ProfilesUncertain"
    PROFILES_DIVIDED = "ProfilesDivided"
    LOG_MISSING = "LogMissing"
    ORPHANED_CLAIMS = "OrphanedClaims"
    LOG_DAMAGED = "LogDamaged"
    LOG_CHANGED = "LogChanged"
    SCORE_DRIFT = "ScoreDrift"
    FEATURE_DRIFT = "FeatureDrift"


class SettingsError(ValueError):
    """A function's environment, or what the Pulumi program put into it, does not fit the function's settings."""


class CommonSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of every function."""

    environment_suffix: str
    log_level: str = "INFO"


class ProcessorSettings(CommonSettings, frozen=True, kw_only=True):
    """The transaction processor's environment."""

    transactions_table: str
    token_key: str
    """Key of the HMAC that turns identifiers into tokens: base64, at least 32 bytes."""
    token_keys_on_top: str = ""
    """Keys of the token numbers from 2 on, separated by commas."""
    token_number: int = 1
    """Number of the tokens that are made."""
    placeholders: str = ""
    """What clients send in place of an identifier which they do not have: in small letters, separated by commas."""
    retention_days: int = RETENTION_DAYS
    """Days until a transaction and its claim expire, from its receipt."""
    max_past_days: int = 30
    max_future_seconds: int = 300
    decision_deadline_seconds: int = DECISION_DEADLINE_SECONDS
    """Age from which a transaction without a decision is shown as `FAILED`: the stream's retries are over."""
    inline_budget_milliseconds: Annotated[int, msgspec.Meta(ge=0, le=5000)] = 0
    """How long the processor may take for a decision that a client waits for; 0: it makes none. Table of
    profiles, bucket, time zone and delay are needed for such decisions only."""
    profiles_table: str = ""
    bucket: str = ""
    time_zone: str = "UTC"
    """IANA name: the hours that rules speak of. It is the analyzer's."""
    label_delay_days: Annotated[int, msgspec.Meta(ge=0, le=8)] = 7
    """Days after which most labels are known, as the analyzer takes it."""
    approved_ruleset: str = ""
    """The digest of the ruleset that came with the program, where any other needs two people; else nothing."""
    approved_models: str = ""
    """The digest of the models that came with the program, where any others need two people; else nothing."""
    approves_lists: bool = False
    """Whether an entry of a list needs two people."""
    sca_advice: Literal["off", "issuer", "acquirer"] = "off"
    """Who asks which payments strong customer authentication may be left out of; for inline decisions only."""
    sca_counter: Literal["amount", "payments"] = "amount"
    sca_card_fraud_rate: float | None = None
    """The provider's own, of remote card payments, in per cent; None: there is no exemption by risk analysis."""
    sca_transfer_fraud_rate: float | None = None


class AnalyzerSettings(CommonSettings, frozen=True, kw_only=True):
    """The fraud analyzer's environment."""

    transactions_table: str
    profiles_table: str
    alerts_table: str
    bucket: str
    token_keys_on_top: str = ""
    """Keys of the token numbers from 2 on, separated by commas."""
    time_zone: str = "UTC"
    """IANA name: the hours that rules speak of."""
    label_delay_days: Annotated[int, msgspec.Meta(ge=0, le=8)] = 7
    """Days after which most labels are known: features that are shares of fraud leave newer transactions out."""
    exploration_per_cent: Annotated[float, msgspec.Meta(ge=0, le=100)] = 0.0
    """Share of the approved transactions that is put into the review queue by chance."""
    profile_retention_days: int = RETENTION_DAYS
    alert_retention_days: int = RETENTION_DAYS
    outbox_table: str = ""
    approved_ruleset: str = ""
    """The digest of the ruleset that came with the program, as the processor has it."""
    approved_models: str = ""
    """The digest of the models that came with the program, as the processor has it."""
    approves_lists: bool = False
    """Whether an entry of a list needs two people."""
    approves_labels: bool = False
    """Whether a label needs two people."""
    events: str = ""
    """Types of the events that other systems are told, separated by commas; none: there is no outbox to write to."""


class ReporterSettings(CommonSettings, frozen=True, kw_only=True):
    """The report generator's environment."""

    bucket: str
    transactions_table: str
    profiles_table: str
    """Table of profiles: of it one item is used, the newest link of the log's chain, and what was written on lists."""
    log_key: str
    """Key of the HMACs over segments and hours of the decision log: base64, at least 32 bytes."""
    decision_log_days: int = DECISION_LOG_DAYS
    """After which the bucket deletes what is in the log."""
    approved_ruleset: str = ""
    """As the processor's: reports take the rates of the ruleset that functions judge by."""
    approved_models: str = ""
    """As the processor's: drift is measured from the live model that functions judge by."""
    approves_labels: bool = False
    """Whether a label needs two people."""


S = TypeVar("S", bound=CommonSettings)


def environment(settings: type[CommonSettings], **values: object) -> dict[str, object]:
    """Return the environment of a function, names checked against its settings.

    Args:
        settings: the function's settings class.
        **values: a value for each setting, by its name: plain, or a Pulumi output that becomes one.

    Returns:
        Variable names (the settings' names in upper case) to values; plain values as strings.

    Raises:
        SettingsError: a name that the settings do not know, or a required one that is missing.
    """
    fields = {field.name: field for field in msgspec.structs.fields(settings)}
    if unknown := sorted(values.keys() - fields.keys()):
        raise SettingsError(f"{settings.__name__} has no setting {', '.join(unknown)}")
    if missing := sorted(name for name, field in fields.items() if field.required and name not in values):
        raise SettingsError(f"{settings.__name__} needs {', '.join(missing)}")
    return {name.upper(): str(value) if isinstance(value, str | int) else value for name, value in values.items()}


def read_settings(settings: type[S], variables: Mapping[str, str] = os.environ) -> S:
    """Read a function's settings from its environment variables.

    Raises:
        SettingsError: a variable is missing or has the wrong type; the message names it and never its value.
    """
    values = {
        field.name: variables[field.name.upper()]
        for field in msgspec.structs.fields(settings)
        if field.name.upper() in variables
    }
    try:
        return msgspec.convert(values, settings, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{settings.__name__}: {error}") from None

"""What the functions are told in their environments, from the settings and the places where data is stored."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fraudstream.contract import ANALYZER, DECISION_DEADLINE_SECONDS, PROCESSOR, REPORTER, FourEyes
from fraudstream.settings import AnalyzerSettings, ProcessorSettings, ReporterSettings, environment
from infra.compute.placeholders import read_placeholders
from infra.data.keys import Keys
from infra.data.program_rules import program_models, program_ruleset
from infra.data.queues import DeadLetters
from infra.data.report_bucket import ReportBucket
from infra.data.tables import Tables
from infra.settings import StackSettings


@dataclass(frozen=True, kw_only=True)
class Stores:
    """The places where data is stored."""

    keys: Keys
    tables: Tables
    bucket: ReportBucket
    dead_letters: DeadLetters


def environments(settings: StackSettings, stores: Stores) -> Mapping[str, Mapping[str, Any]]:
    """Return the environment variables of each function, by its purpose."""
    common = {"environment_suffix": settings.environment_suffix, "log_level": settings.log_level}
    tables = stores.tables
    numbers = {"token_keys_on_top": stores.keys.token_keys_on_top} if settings.token_keys > 1 else {}
    return {
        PROCESSOR: environment(
            ProcessorSettings,
            **common,
            transactions_table=tables.transactions.name,
            token_key=stores.keys.token_key,
            token_number=settings.token_number,
            **numbers,
            placeholders=read_placeholders(),
            retention_days=settings.retention_days,
            max_past_days=settings.max_past_days,
            max_future_seconds=settings.max_future_seconds,
            decision_deadline_seconds=DECISION_DEADLINE_SECONDS,
            **_inline_settings(settings, stores),
        ),
        ANALYZER: environment(
            AnalyzerSettings,
            **common,
            transactions_table=tables.transactions.name,
            profiles_table=tables.profiles.name,
            alerts_table=tables.alerts.name,
            **numbers,
            bucket=stores.bucket.name,
            **_event_settings(settings, stores),
            **_file_approval_settings(settings),
            **_list_settings(settings),
            **_label_settings(settings),
            time_zone=settings.time_zone,
            label_delay_days=settings.label_delay_days,
            **_exploration_settings(settings),
            profile_retention_days=settings.retention_days,
            alert_retention_days=settings.retention_days,
        ),
        REPORTER: environment(
            ReporterSettings,
            **common,
            bucket=stores.bucket.name,
            transactions_table=tables.transactions.name,
            profiles_table=tables.profiles.name,
            log_key=stores.keys.log_key,
            decision_log_days=settings.decision_log_days,
            **_file_approval_settings(settings),
            **_label_settings(settings),
        ),
    }


def _inline_settings(settings: StackSettings, stores: Stores) -> Mapping[str, Any]:
    """Return what the processor needs to decide while clients wait; nothing where it does not."""
    if not settings.inline_decisions:
        return {}
    return {
        "inline_budget_milliseconds": settings.inline_budget_milliseconds,
        "profiles_table": stores.tables.profiles.name,
        "bucket": stores.bucket.name,
        "time_zone": settings.time_zone,
        "label_delay_days": settings.label_delay_days,
        **_file_approval_settings(settings),
        **_list_settings(settings),
        **_sca_settings(settings),
    }


def _sca_settings(settings: StackSettings) -> Mapping[str, Any]:
    """Return what the processor needs to advise on strong customer authentication; nothing where it does not."""
    if settings.sca_advice == "off":
        return {}
    rates = {
        "sca_card_fraud_rate": settings.sca_card_fraud_rate,
        "sca_transfer_fraud_rate": settings.sca_transfer_fraud_rate,
    }
    known = {name: rate for name, rate in rates.items() if rate is not None}
    return {"sca_advice": settings.sca_advice, "sca_counter": settings.sca_counter, **known}


def _exploration_settings(settings: StackSettings) -> Mapping[str, Any]:
    """Return what share of approvals the analyzer puts into the review queue; nothing where it is none."""
    share = settings.exploration_percent
    return {"exploration_per_cent": share} if float(share) > 0 else {}


def _file_approval_settings(settings: StackSettings) -> Mapping[str, Any]:
    """Return which ruleset and models need no approval by two people; nothing where no others need one."""
    known = {"approved_ruleset": program_ruleset} if FourEyes.RULES in settings.four_eyes else {}
    known |= {"approved_models": program_models} if FourEyes.MODELS in settings.four_eyes else {}
    return {name: digest() for name, digest in known.items()}


def _list_settings(settings: StackSettings) -> Mapping[str, Any]:
    """Return what tells whoever judges that entries of lists need two people; nothing where they do not."""
    return {"approves_lists": 1} if FourEyes.LISTS in settings.four_eyes else {}


def _label_settings(settings: StackSettings) -> Mapping[str, Any]:
    """Return what tells whoever learns and logs labels that they need two people; nothing where they do not."""
    return {"approves_labels": 1} if FourEyes.LABELS in settings.four_eyes else {}


def _event_settings(settings: StackSettings, stores: Stores) -> Mapping[str, Any]:
    """Return what the analyzer needs to tell other systems; nothing where it tells them nothing."""
    if not settings.events:
        return {}
    return {"outbox_table": stores.tables.outbox.name, "events": ",".join(settings.events)}

"""What each function may do with the stores: this is the whole of it."""

from collections.abc import Mapping

from fraudstream.contract import (
    ANALYZER,
    BREAKER_PREFIX,
    LISTED_PREFIX,
    LOG_CHAIN_ITEM,
    PROCESSOR,
    PROFILE_PREFIXES,
    REPORTER,
    SET_ASIDE_PREFIX,
    FourEyes,
)
from infra.compute.functions import FunctionRole
from infra.environments import Stores
from infra.settings import StackSettings


def grant(settings: StackSettings, stores: Stores, roles: Mapping[str, FunctionRole]) -> None:
    """Grant each function what it does, and nothing else.

    Args:
        settings: the stack's.
        stores: what there is to reach.
        roles: the functions' roles, by purpose.
    """
    tables = stores.tables
    processor = roles[PROCESSOR].role
    tables.transactions.grant_add_and_find(processor)
    if settings.inline_decisions:
        tables.profiles.grant_read_many(processor, (*PROFILE_PREFIXES, LISTED_PREFIX, BREAKER_PREFIX))
        stores.bucket.grant_read_ruleset(processor)
        if set(settings.four_eyes) - {FourEyes.LABELS}:
            stores.bucket.grant_read_approvals(processor)

    analyzer = roles[ANALYZER].role
    tables.transactions.grant_read_stream(analyzer)
    tables.transactions.grant_update(analyzer)
    judged_by = (*PROFILE_PREFIXES, LISTED_PREFIX)
    tables.profiles.grant_replace(analyzer, (*PROFILE_PREFIXES, SET_ASIDE_PREFIX), read=judged_by)
    tables.profiles.grant_update_beginning(analyzer, BREAKER_PREFIX)
    tables.alerts.grant_open_and_close(analyzer)
    if settings.events:
        tables.outbox.grant_put(analyzer)
    stores.bucket.grant_read_ruleset(analyzer)
    stores.bucket.grant_read_earlier_rulesets(analyzer)
    if settings.four_eyes:
        stores.bucket.grant_read_approvals(analyzer)
    stores.dead_letters.grant_send(analyzer)

    reporter = roles[REPORTER].role
    tables.transactions.grant_read_stream(reporter)
    tables.transactions.grant_sample(reporter)
    tables.profiles.grant_one_item(reporter, LOG_CHAIN_ITEM)
    tables.profiles.grant_find_listed(reporter)
    stores.bucket.grant_report(reporter)
    stores.bucket.grant_read_ruleset(reporter)
    stores.bucket.grant_read_earlier_rulesets(reporter)
    stores.bucket.grant_read_records(reporter)
    if set(settings.four_eyes) - {FourEyes.LISTS}:
        stores.bucket.grant_read_approvals(reporter)
    stores.dead_letters.grant_send(reporter)

"""The transaction processor: serves both routes of the API and, by an alias, turns identifiers into tokens."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fraudstream.aws.clients import quick_dynamodb, quick_s3
from fraudstream.aws.endpoint import Limits
from fraudstream.clock import epoch_milliseconds
from fraudstream.contract import PROCESSOR, TOKENS_ALIAS
from fraudstream.settings import ProcessorSettings, read_settings
from fraudstream.telemetry import Log, MetricEmitter
from fraudstream.transactions.api.routes import Answer, TransactionApi
from fraudstream.transactions.decisions.inline import InlineDecider, LazyDecider
from fraudstream.transactions.pseudonyms.lookup import find_tokens
from fraudstream.transactions.pseudonyms.tokens import Tokenizer, TokenRaiser
from fraudstream.transactions.storage.deadline import Deadline
from fraudstream.transactions.storage.store import TransactionStore

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

_settings = read_settings(ProcessorSettings)
_deadline = Deadline()
_client = quick_dynamodb(Limits(read_seconds=2), _deadline.check)
_log = Log(PROCESSOR, _settings)
_meter = MetricEmitter(_settings)
_raiser = TokenRaiser(_settings.token_keys_on_top)
_tokenizer = Tokenizer(_settings.token_key, _raiser, _settings.token_number)
_placeholders = frozenset(_settings.placeholders.split(","))


def _undecided(error: Exception) -> None:
    _log.failure("no decision could be made while the client waited", error)


def _not_refreshed(error: Exception) -> None:
    _log.failure("the ruleset or a model could not be looked at, the last good one stays active", error)


def _inline_decider() -> InlineDecider:
    """Load what judging needs, with clients of its own: one attempt each, within the budget."""
    from fraudstream.detection.features.compute import Calendar, time_zone  # noqa: PLC0415  (nobody may ever wait)
    from fraudstream.detection.inline import InlineJudge  # noqa: PLC0415  (as above)
    from fraudstream.detection.sca_policy import ScaPolicy  # noqa: PLC0415  (as above)
    from fraudstream.detection.stores.lists.list_approvals import ListApprovals  # noqa: PLC0415  (as above)
    from fraudstream.functions.rulesets import ruleset_store  # noqa: PLC0415  (as above)

    budget = _settings.inline_budget_milliseconds / 1000
    limits = Limits(connect_seconds=budget / 2, read_seconds=budget / 2, attempts=1)
    deadline = Deadline()
    s3 = quick_s3(_settings.bucket, limits, deadline.check)
    return InlineJudge(
        dynamodb=quick_dynamodb(limits, deadline.check),
        deadline=deadline,
        table=_settings.profiles_table,
        # Earlier versions are the analyzer's business: without a ruleset there is no inline decision.
        rulesets=ruleset_store(_settings, s3, _raiser, on_refused=_not_refreshed),
        calendar=Calendar(time_zone(_settings.time_zone), _settings.label_delay_days),
        budget_seconds=budget,
        on_failure=_undecided,
        raiser=_raiser,
        sca=ScaPolicy(
            is_issuer=_settings.sca_advice == "issuer",
            counts_payments=_settings.sca_counter == "payments",
            card_fraud_rate=_settings.sca_card_fraud_rate,
            transfer_fraud_rate=_settings.sca_transfer_fraud_rate,
        )
        if _settings.sca_advice != "off"
        else None,
        lists=ListApprovals(s3, _settings.bucket) if _settings.approves_lists else None,
    )


_decider = LazyDecider(_inline_decider, _undecided) if _settings.inline_budget_milliseconds else None
if _decider and os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "provisioned-concurrency":
    # It starts before anybody waits.
    _decider.prepare()
_api = TransactionApi(
    store=TransactionStore(
        client=_client,
        table=_settings.transactions_table,
        tokenizer=_tokenizer,
        retention_days=_settings.retention_days,
        placeholders=_placeholders,
    ),
    settings=_settings,
    deadline=_deadline,
    log=_log,
    meter=_meter,
    clock=epoch_milliseconds,
    decider=_decider,
)


def handler(event: Mapping[str, Any], context: "LambdaContext") -> Answer:
    """Answer one request that API Gateway passes on; invoked by the alias for tokens, return tokens and nothing else.

    Which of both it is, Lambda says and not the event: nobody who may invoke the one can ask for the other.
    """
    _log.invocation(context.aws_request_id)
    if context.invoked_function_arn.endswith(f":{TOKENS_ALIAS}"):
        tokens = find_tokens(event, _tokenizer, _placeholders)
        _log.info("tokens were given out", count=len(tokens))
        return {"tokens": tokens}
    try:
        return _api.answer(event)
    finally:
        _meter.flush()

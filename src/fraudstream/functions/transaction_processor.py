"""The transaction processor: serves both routes of the API and, by an alias, turns identifiers into tokens."""

import os
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import boto3

from fraudstream.aws_clients import client_config
from fraudstream.contract import PROCESSOR, RULESET_PREFIX, TOKENS_ALIAS
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
    from mypy_boto3_dynamodb import DynamoDBClient

_settings = read_settings(ProcessorSettings)
_client: "DynamoDBClient" = boto3.client(  # pyright: ignore[reportUnknownMemberType]  (stubs know few services)
    "dynamodb",
    config=client_config(read_seconds=2),
)
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
    from fraudstream.detection.inline import InlineJudge  # noqa: PLC0415
    from fraudstream.detection.stores.ruleset import RulesetStore  # noqa: PLC0415

    budget = _settings.inline_budget_milliseconds / 1000
    config = client_config(connect_seconds=budget / 2, read_seconds=budget / 2, attempts=1, is_lean=True)
    s3 = boto3.client("s3", config=config)  # pyright: ignore[reportUnknownMemberType]
    return InlineJudge(
        dynamodb=boto3.client("dynamodb", config=config),  # pyright: ignore[reportUnknownMemberType]
        s3=s3,
        table=_settings.profiles_table,
        # Earlier versions are the analyzer's business: without a ruleset there is no inline decision.
        rulesets=RulesetStore(
            s3,
            bucket=_settings.bucket,
            prefix=RULESET_PREFIX,
            on_refused=_not_refreshed,
            recovers=False,
            raiser=_raiser,
        ),
        calendar=Calendar(time_zone(_settings.time_zone), _settings.label_delay_days),
        budget_seconds=budget,
        on_failure=_undecided,
        raiser=_raiser,
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
    deadline=Deadline(_client),
    log=_log,
    meter=_meter,
    clock=lambda: time.time_ns() // 1_000_000,
    decider=_decider,
)


def handler(event: Mapping[str, Any], context: "LambdaContext") -> Answer:
    """Answer one request that API Gateway passes on; invoked by the alias for tokens, return tokens and nothing else.

    Which of both it is, Lambda says and not the event: nobody who may invoke the one can ask for the other.
    """
    _log.invocation(context.aws_request_id)
    if context.invoked_function_arn.endswith(f":{TOKENS_ALIAS}"):
        found = find_tokens(event, _tokenizer, _placeholders)
        _log.info("tokens were given out", count=len(found))
        return {"tokens": found}
    try:
        return _api.answer(event)
    finally:
        _meter.flush()

"""The transaction processor: serves both routes of the API."""

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import boto3

from fraudstream.aws_clients import client_config
from fraudstream.contract import PROCESSOR
from fraudstream.settings import ProcessorSettings, read_settings
from fraudstream.telemetry import Log, MetricEmitter
from fraudstream.transactions.api.routes import Answer, TransactionApi
from fraudstream.transactions.deadline import Deadline
from fraudstream.transactions.pseudonyms.tokens import Tokenizer
from fraudstream.transactions.store import TransactionStore

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
_api = TransactionApi(
    store=TransactionStore(
        client=_client,
        table=_settings.transactions_table,
        tokenizer=Tokenizer(_settings.token_key),
        retention_days=_settings.retention_days,
        placeholders=frozenset(_settings.placeholders.split(",")),
    ),
    settings=_settings,
    deadline=Deadline(_client),
    log=_log,
    meter=_meter,
    clock=lambda: time.time_ns() // 1_000_000,
)


def handler(event: Mapping[str, Any], context: "LambdaContext") -> Answer:
    """Answer one request that API Gateway passes on."""
    _log.invocation(context.aws_request_id)
    try:
        return _api.answer(event)
    finally:
        _meter.flush()

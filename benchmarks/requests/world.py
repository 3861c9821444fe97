"""The tables and the bucket that the functions work on, as a stack has them after a day."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks.inline import bucket
from benchmarks.items import item_size
from embedded_aws.ministack.server import MinistackServer
from fraudstream.detection.judge import Judge, Judgement
from fraudstream.detection.profiles.profile import Profile
from fraudstream.detection.rules.ruleset import Ruleset
from fraudstream.detection.stores.profiles.items import StoredProfile
from fraudstream.detection.stores.profiles.store import ProfileStore
from fraudstream.durations import DAY
from fraudstream.transactions.api.validation import TimeBounds, read_request
from fraudstream.transactions.pseudonyms.pseudonymize import pseudonymize
from fraudstream.transactions.pseudonyms.tokens import Tokenizer
from fraudstream_tools.lab.replay.history import judge_history
from fraudstream_tools.rules.folder import RulesFolder
from infra.data.tables import ALERTS, PROFILES, TRANSACTIONS, TableSpec

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import KeySchemaElementTypeDef

ROOT: Final = Path(__file__).resolve().parents[2]
TABLES: Final = (TRANSACTIONS, PROFILES, ALERTS)
KEY: Final = "a2V5LW9mLXRoZS1iZW5jaG1hcmstb2YtMzItYnl0ZXM="
BUCKET: Final = "bench"


def make_world(aws: MinistackServer, warm_up: Sequence[Mapping[str, Any]], now: int) -> "DynamoDBClient":
    """Create tables and bucket with the profiles that transactions leave, and return a client of DynamoDB."""
    dynamodb: DynamoDBClient = aws.client("dynamodb")
    for spec in TABLES:
        _create(dynamodb, spec)
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": aws.region})
    for key, content in bucket().items():
        s3.put_object(Bucket=BUCKET, Key=key, Body=content)
    with ThreadPoolExecutor(8) as pool:
        ProfileStore(dynamodb, "profiles", 400, pool).save(
            {key: StoredProfile(each, None) for key, each in _profiles(warm_up, now).items()}
        )
    return dynamodb


def item_bytes(
    dynamodb: Any,  # noqa: ANN401  (boto3's types do not say of which kind an attribute is)
    metered: int,
    all_transactions: int,
) -> dict[str, float]:
    """Return the bytes of a transaction's items and of its share of profiles, as DynamoDB counts them."""
    sizes = Counter[str]()
    for table in ("transactions", "profiles", "alerts"):
        for page in dynamodb.get_paginator("scan").paginate(TableName=table):
            for item in page["Items"]:
                sizes[item["kind"]["S"].lower() if table == "transactions" else table] += item_size(item)
    divided = {name: size / (all_transactions if name == "profiles" else metered) for name, size in sizes.items()}
    return {name: round(size, 1) for name, size in divided.items()}


def _create(dynamodb: "DynamoDBClient", spec: TableSpec) -> None:
    more: dict[str, Any] = {}
    if spec.indexes:
        more["GlobalSecondaryIndexes"] = [
            {
                "IndexName": index.name,
                "KeySchema": [
                    {"AttributeName": index.hash_key, "KeyType": "HASH"},
                    {"AttributeName": index.range_key, "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": index.projection},
            }
            for index in spec.indexes
        ]
    if spec.stream:
        more["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": spec.stream}
    keys: list[KeySchemaElementTypeDef] = [{"AttributeName": spec.hash_key, "KeyType": "HASH"}]
    if spec.range_key:
        keys.append({"AttributeName": spec.range_key, "KeyType": "RANGE"})
    dynamodb.create_table(
        TableName=spec.purpose,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": kind} for name, kind in spec.attributes.items()],
        KeySchema=keys,
        **more,
    )


def _profiles(warm_up: Sequence[Mapping[str, Any]], now: int) -> dict[str, Profile]:
    """Return the profiles that transactions leave, their identifiers as tokens."""
    tokenizer, times = Tokenizer(KEY), TimeBounds(earliest=now - 30 * DAY, latest=now)
    transactions = [
        pseudonymize(
            read_request(json.dumps(each).encode(), times),
            tokenizer,
            timestamp=each["timestamp"],
            received_at=each["timestamp"],
        )
        for each in warm_up
    ]
    judge = _KeepingJudge(RulesFolder(ROOT / "rules").load())
    for _ in judge_history(transactions, {}, judge):
        pass
    return judge.profiles


class _KeepingJudge(Judge):
    """Keeps the newest state of every profile."""

    def __init__(self, ruleset: Ruleset) -> None:
        super().__init__(ruleset)
        self.profiles: dict[str, Profile] = {}

    def judge(self, *arguments: Any, **named: Any) -> Judgement:  # noqa: ANN401  (those of the base class)
        judgement = super().judge(*arguments, **named)
        self.profiles |= judgement.profiles
        return judgement

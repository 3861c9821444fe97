"""Events for the functions' handlers, made of what 0.1.0 stored: batches of the stream, and a request to read."""

from collections.abc import Iterator, Mapping
from itertools import cycle
from typing import Any, Final

import msgspec

from benchmarks.fixed_table import on_the_wire
from benchmarks.inline import bucket
from benchmarks.items import Stored
from fraudstream.contract import MODELS_FILE, MODELS_FOLDER, RULESET_PREFIX
from fraudstream.detection.models.model import ModelFile, seal
from fraudstream.durations import DAY

OTHER_VARIABLES: Final = {"ALERTS_TABLE": "alerts", "LOG_KEY": "bG9n" * 11}
"""What the analyzer and the reporter need beside the processor's environment."""
_NOT_POSTED: Final = ("label", "labelSource", "labeledAt", "learntLabel", "learntLabeledAt")


def batches(stored: Stored, size: int) -> Iterator[dict[str, Any]]:
    """Yield events of the stream with so many new transactions: the stored ones in their order, as if some days later.

    At their own times, or in another order, profiles would take them for late ones, and each batch would be judged
    twice.
    """
    by_time = sorted(zip(stored.transactions, stored.decisions, strict=True), key=lambda pair: _time(pair[0]))
    pairs = cycle(by_time)
    all_days = ((_time(by_time[-1][0]) - _time(by_time[0][0])) // DAY + 1) * DAY
    number = 0
    while True:
        records: list[dict[str, Any]] = []
        for item, decision in (next(pairs) for _ in range(size)):
            number += 1
            left_out = {*decision.to_item(), *_NOT_POSTED}
            image = {name: value for name, value in item.items() if name not in left_out}
            later = (1 + (number - 1) // len(stored.transactions)) * all_days
            moved = {name: {"N": str(int(image[name]["N"]) + later)} for name in ("timestamp", "receivedAt")}
            image |= moved | {"transactionId": {"S": f"s{number}"}}
            records.append(_record(on_the_wire(image), number))
        yield {"Records": records}


def _time(item: Mapping[str, Any]) -> int:
    return int(item["timestamp"]["N"])


def _record(image: Mapping[str, Any], number: int) -> dict[str, Any]:
    return {
        "eventID": f"{number:032x}",
        "eventName": "INSERT",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-2",
        "dynamodb": {
            "ApproximateCreationDateTime": 1_795_400_000 + number,
            "Keys": {name: image[name] for name in ("transactionId", "timestamp")},
            "NewImage": image,
            "SequenceNumber": f"1000000000000{number:08d}",
            "SizeBytes": 500,
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
    }


def get(transaction_id: str) -> dict[str, Any]:
    """Return API Gateway's event of a GET."""
    return {
        "httpMethod": "GET",
        "resource": "/transactions/{id}",
        "headers": None,
        "pathParameters": {"id": transaction_id},
        "requestContext": {"requestId": "r", "path": f"/v1/transactions/{transaction_id}"},
        "body": None,
        "isBase64Encoded": False,
    }


def bucket_with_live_model() -> dict[str, bytes]:
    """Return the shipped ruleset by its keys in the bucket, and the shipped model, as if it had one's own labels."""
    files = bucket()
    key = f"{RULESET_PREFIX}{MODELS_FOLDER}default.json"
    shipped = msgspec.json.decode(files[key], type=ModelFile)
    files[key] = seal(msgspec.structs.replace(shipped, own_labels=True)).to_json()
    files[RULESET_PREFIX + MODELS_FILE] = b"schemaVersion: 1\nlive: default.json\nshadow: null\n"
    return files

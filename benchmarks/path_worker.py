"""Handles events by the functions of one source tree, and says what that took: a process of `benchmarks.path`.

It is run as a file, with the tree's `src` on PYTHONPATH, and reads a line of JSON for each thing to do.
"""

import json
import os
import sys
import time
from collections import Counter
from http import HTTPStatus
from itertools import pairwise
from typing import Any
from unittest import mock

import msgspec


def main() -> None:
    """Answer each line: `function`, `events`, and whether to do it `withoutSdk`; with microseconds of each event.

    Without the SDK, too, with how many decisions were written together with an alert.
    """
    real, sys.stdout = sys.stdout, open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115  (as long as the process)
    from fraudstream.functions import fraud_analyzer, transaction_processor  # noqa: PLC0415  (they print)

    handlers: dict[str, Any] = {"processor": transaction_processor.handler, "analyzer": fraud_analyzer.handler}
    calls = Counter[str]()
    context: Any = type("Context", (), {"aws_request_id": "1", "invoked_function_arn": "arn:function"})
    for line in sys.stdin:
        asked = json.loads(line)
        if "withoutSdk" in asked:
            _leave_out_sdk(asked["withoutSdk"], calls)
        calls.clear()
        handler, answers = handlers[asked["function"]], list[Any]()
        times = [time.process_time()]
        for event in asked["events"]:
            answers.append(handler(event, context))
            times.append(time.process_time())
        taken = [(after - before) * 1e6 for before, after in pairwise(times)]
        wrong = [
            each
            for each in answers
            if each.get("statusCode", HTTPStatus.OK) >= HTTPStatus.MULTIPLE_CHOICES or each.get("batchItemFailures")
        ]
        waited = [each for each in answers if "inlineDecision" in str(each.get("body"))]
        found = {"microseconds": taken, "wrong": len(wrong), "decided": len(waited)}
        print(json.dumps(found | {"flagged": calls["TransactWriteItems"]}), file=real, flush=True)


def _leave_out_sdk(answers: dict[str, Any], calls: Counter[str]) -> None:
    """Have DynamoDB's client count its calls, and return at once what it would have read.

    Profiles are kept as they are written, so that each transaction is judged by its own past; everything else is always
    answered alike, by operation.
    """
    from fraudstream.aws import dynamodb  # noqa: PLC0415  (an earlier tree has no such module)

    read: dict[str, Any] = {
        name: msgspec.json.decode(msgspec.json.encode(each), type=dynamodb.DynamoDbAnswer)
        for name, each in answers.items()
    }
    kept: dict[str, Any] = {}

    def call(_: object, operation: str, parameters: Any) -> Any:  # noqa: ANN401  (each operation's own)
        calls[operation] += 1
        if operation == "PutItem" and (entity := parameters["Item"].get("entity")):
            kept[entity["S"]] = parameters["Item"]
        if operation != "BatchGetItem":
            return read.get(operation, {})
        ((table, wanted),) = parameters["RequestItems"].items()
        entities = (key["entity"]["S"] for key in wanted["Keys"])
        return {"Responses": {table: [kept[entity] for entity in entities if entity in kept]}}

    mock.patch.object(dynamodb.DynamoDb, "call", call).start()


if __name__ == "__main__":
    main()

"""Handles events by the functions of one source tree, and says what that took: a process of `benchmarks.path`.

It is run as a file, with the tree's `src` on PYTHONPATH, and reads a line of JSON for each thing to do.
"""

import json
import os
import sys
import time
from collections import Counter
from typing import Any
from unittest import mock


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
        started = time.process_time()
        answers.extend(handler(event, context) for event in asked["events"])
        taken = (time.process_time() - started) / len(asked["events"])
        wrong = [each for each in answers if each.get("statusCode", 200) >= 300 or each.get("batchItemFailures")]  # noqa: PLR2004
        waited = [each for each in answers if "inlineDecision" in str(each.get("body"))]
        found = {"microseconds": taken * 1e6, "wrong": len(wrong), "decided": len(waited)}
        print(json.dumps(found | {"flagged": calls["TransactWriteItems"]}), file=real, flush=True)


def _leave_out_sdk(answers: dict[str, Any], calls: Counter[str]) -> None:
    """Have DynamoDB's client count its calls, and return at once what it would have read, by operation."""
    import msgspec  # noqa: PLC0415

    from fraudstream.aws import dynamodb  # noqa: PLC0415

    read: dict[str, Any] = {
        name: msgspec.json.decode(msgspec.json.encode(each), type=dynamodb.DynamoDbAnswer)
        for name, each in answers.items()
    }
    by_kind = {
        item["entity"]["S"].partition("#")[0]: item
        for items in read["BatchGetItem"]["Responses"].values()
        for item in items
    }

    def call(_: object, operation: str, parameters: Any) -> Any:  # noqa: ANN401
        calls[operation] += 1
        if operation != "BatchGetItem":
            return read.get(operation, {})
        ((table, wanted),) = parameters["RequestItems"].items()
        kinds = ((key, key["entity"]["S"].partition("#")[0]) for key in wanted["Keys"])
        return {"Responses": {table: [by_kind[kind] | key for key, kind in kinds if kind in by_kind]}}

    mock.patch.object(dynamodb.DynamoDb, "call", call).start()


if __name__ == "__main__":
    main()

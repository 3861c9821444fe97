"""A report of which a part could not be read because AWS was busy is not made, and is asked for again."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.integration.functions.report_generator_harness import Shop

BUSY: Any = {"Error": {"Code": "SlowDown", "Message": "busy"}, "ResponseMetadata": {"HTTPStatusCode": 503}}


@pytest.mark.parametrize(("operation", "beginning"), [("GetObject", "rulesets/live/"), ("ListObjectsV2", "audit/")])
def test_a_part_that_cannot_be_read_for_a_moment_is_not_left_out(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, operation: str, beginning: str
) -> None:
    shop.store("t-1")
    shop.decide("t-1")
    shop.call(shop.stream())
    refused: list[str] = []

    def refuse_once(params: dict[str, Any], **_: object) -> None:
        if not refused and params.get("Key", params.get("Prefix", "")).startswith(beginning):
            refused.append(operation)
            raise ClientError(BUSY, operation)

    def busy(limits: Any, real: Any = shop.handler.whole_s3) -> Any:
        client = real(limits)
        client.meta.events.register(f"provide-client-params.s3.{operation}", refuse_once)
        return client

    monkeypatch.setattr(shop.handler, "whole_s3", busy)
    with pytest.raises(ClientError, match="SlowDown"):
        shop.call({"task": "daily-report", "date": shop.day})
    assert (refused, shop.keys("reports/")) == ([operation], [])
    answer = shop.call({"task": "daily-report", "date": shop.day})
    report = json.loads(shop.read(answer["keys"][1]))
    assert report["people"] is not None

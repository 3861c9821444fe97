"""Lambda's Invoke call on loopback."""

import json

import boto3
import httpx
from botocore.config import Config

from fraudstream_tools.cli.support.local.lambda_endpoint import lambda_endpoint


def invoke(name: str, event: object) -> object:
    if name == "broken":
        raise KeyError(name)
    return {"name": name, "event": event}


def test_boto3_invokes_functions_through_it() -> None:
    with lambda_endpoint(invoke) as url:
        client = boto3.client(
            "lambda",
            endpoint_url=url,
            region_name="us-east-2",
            aws_access_key_id="a",
            aws_secret_access_key="b",
            config=Config(retries={"total_max_attempts": 1}),
        )
        answer = client.invoke(FunctionName="report", Payload=b'{"task": "daily-report"}')
        assert json.load(answer["Payload"]) == {"name": "report", "event": {"task": "daily-report"}}
        assert "FunctionError" not in answer

        by_alias = client.invoke(FunctionName="report", Qualifier="tokens")
        assert json.load(by_alias["Payload"])["name"] == "report:tokens"

        failed = client.invoke(FunctionName="broken")
        assert failed["FunctionError"] == "Unhandled"
        assert json.load(failed["Payload"])["errorType"] == "KeyError"
        client.close()


def test_a_web_page_cannot_invoke_anything() -> None:
    with lambda_endpoint(invoke) as url:
        answer = httpx.post(f"{url}/2015-03-31/functions/report/invocations", content=b"{}")
        other = httpx.post(f"{url}/elsewhere", headers={"authorization": "AWS4-HMAC-SHA256 x"})
        by_a_name_of_its_own = httpx.post(
            f"{url}/2015-03-31/functions/report/invocations",
            headers={"authorization": "AWS4-HMAC-SHA256 x", "host": f"evil.example:{url.rpartition(':')[2]}"},
            content=b"{}",
        )
    assert [each.status_code for each in (answer, other, by_a_name_of_its_own)] == [403, 403, 403]

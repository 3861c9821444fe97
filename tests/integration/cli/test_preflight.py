"""Preflight against the embedded AWS, whose account can take the stack."""

import json

import pytest

from embedded_aws.ministack.server import MinistackServer
from tests.cli_harness import Command, clean_environment


def test_the_embedded_account_passes_preflight(
    aws: MinistackServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clean_environment(monkeypatch)
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.endpoint_url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    ran = Command(capsys)("preflight", "--json")
    assert ran.code == 0, ran.out
    names = [check["name"] for check in json.loads(ran.out)]
    looked_at = "account, Lambda concurrency, API Gateway rate, API Gateway log role, API's TLS policy, VPCs, runtime"
    assert ", ".join(names) == looked_at

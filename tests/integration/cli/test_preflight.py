"""Preflight against the embedded AWS, whose account can take the stack."""

import json
from pathlib import Path

import pytest

from embedded_aws.ministack.server import MinistackServer
from tests.cli_harness import CHECKOUT, Command, point_at


def test_the_embedded_account_passes_preflight(
    aws: MinistackServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    point_at(aws.endpoint_url, monkeypatch)
    # A checkout in which nothing runs.
    for part in ("Pulumi.yaml", "infra"):
        Path(part).symlink_to(CHECKOUT / part)
    ran = Command(capsys)("preflight", "--json")
    assert ran.code == 0, ran.out
    names = [check["name"] for check in json.loads(ran.out)]
    looked_at = "account, Lambda concurrency, API Gateway rate, API Gateway log role, API's TLS policy, VPCs, runtime"
    assert ", ".join(names) == looked_at

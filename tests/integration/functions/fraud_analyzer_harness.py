"""The fraud analyzer's module, as Lambda starts it with a stack's settings."""

import importlib
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from embedded_aws.ministack.server import MinistackServer
from fraudstream.contract import RULESET_FILES
from fraudstream.settings import AnalyzerSettings, environment
from tests.aws_harness import function_variables

RULES = Path(__file__).parents[3] / "rules"
BUCKET = "bucket-reports"
PREFIX = "rulesets/live/"
_HANDLER = "fraudstream.functions.fraud_analyzer"


@dataclass(frozen=True)
class Context:
    aws_request_id: str = "11111111-2222"


@contextmanager
def started(server: MinistackServer, **settings: object) -> Iterator[ModuleType]:
    """Import the module anew, with settings beside those that every stack has."""
    least: dict[str, object] = {
        "environment_suffix": "test",
        "transactions_table": "transactions",
        "profiles_table": "profiles",
        "alerts_table": "alerts",
        "bucket": BUCKET,
    }
    variables = function_variables(server, environment(AnalyzerSettings, **(least | settings)))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        sys.modules.pop(_HANDLER, None)
        module = importlib.import_module(_HANDLER)
        try:
            yield module
        finally:
            module._POOL.shutdown()
            sys.modules.pop(_HANDLER, None)


def make_bucket(server: MinistackServer) -> Any:
    """Make the bucket, with old versions as a stack's has them, and return a client of it."""
    client = server.client("s3")
    client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "us-east-2"})
    client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    return client


def upload(s3: Any, **contents: bytes) -> None:
    for name in RULESET_FILES:
        body = contents.get(name.removesuffix(".yaml"), (RULES / name).read_bytes())
        s3.put_object(Bucket=BUCKET, Key=PREFIX + name, Body=body)


def lines(printed: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in printed.splitlines()]

"""`profiles rebuild` learns amounts by the exchange rates that functions judge by."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from embedded_aws.ministack.server import MinistackServer
from fraudstream.contract import files_digest
from fraudstream_tools.cli.support.local.lambda_endpoint import lambda_endpoint
from tests.cli_harness import Command, point_at
from tests.integration.detection.analyzer_harness import RULESET_FILES, World, a_world, transaction
from tests.integration.functions.fraud_analyzer_harness import BUCKET, make_bucket, upload

RULES, RATES, LISTS = RULESET_FILES
MAPPING = "883b8191-9021-4a51-bfad-1b62a4759726"


class AnalyzersMapping:
    """The analyzer's stream mapping, which the command stops and starts."""

    def __init__(self) -> None:
        self.state = "Enabled"

    def described(self) -> Mapping[str, str | int]:
        return {"UUID": MAPPING, "State": self.state, "MaximumRecordAgeInSeconds": 3600}

    def set_record_age(self, seconds: float) -> None:
        """Keep the age: nothing waits here."""

    def set_enabled(self, *, enabled: bool) -> None:
        self.state = "Enabled" if enabled else "Disabled"


class MappingOfOne:
    """The only one."""

    def __init__(self) -> None:
        self.only = AnalyzersMapping()

    def mappings(self, function_name: str) -> list[AnalyzersMapping]:
        assert function_name == "analyzer"
        return [self.only]

    def mapping(self, identifier: str) -> AnalyzersMapping:
        assert identifier == MAPPING
        return self.only


@pytest.fixture
def world(aws: MinistackServer) -> Iterator[World]:
    with a_world(aws) as made:
        yield made


def test_rates_that_wait_for_a_second_person_change_no_profile(
    aws: MinistackServer,
    world: World,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    world.store(transaction(1, currency="USD"))
    world.analyze()
    s3 = make_bucket(aws)
    upload(s3, ruleset=RULES, rates=RATES, lists=LISTS)
    upload(s3, ruleset=RULES, rates=RATES.replace(b"{}", b"{USD: 0.0001}"), lists=LISTS)
    point_at(
        aws.endpoint_url,
        monkeypatch,
        transactionsTable="transactions",
        profilesTable="profiles",
        bucketName=BUCKET,
        analyzerFunction="analyzer",
        approvedRuleset=files_digest(*RULESET_FILES),
    )
    monkeypatch.chdir(tmp_path)
    with lambda_endpoint(lambda *_: None, MappingOfOne()) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", url)
        ran = Command(capsys)("profiles", "rebuild", "--json")
    assert ran.code == 0, ran.err
    counted = json.loads(ran.out)
    assert (counted["transactions"], counted["changed"], counted["same"]) == (1, 0, 1)

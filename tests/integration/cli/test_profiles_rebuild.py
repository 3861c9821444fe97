"""`profiles rebuild`, on the tables of an analyzer."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from embedded_aws.ministack.server import MinistackServer
from fraudstream.contract import files_digest
from fraudstream.detection.stores.profiles.reads import ProfilesUnavailableError
from fraudstream.detection.stores.profiles.store import ProfileStore
from fraudstream_tools.cli.support.local.lambda_endpoint import lambda_endpoint
from tests.cli_harness import Command, Ran, point_at
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


@pytest.fixture
def rebuild(
    aws: MinistackServer,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Iterator[Callable[[], Ran]]:
    """The command, on the tables of the world."""
    upload(make_bucket(aws), ruleset=RULES, rates=RATES, lists=LISTS)
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
        yield lambda: Command(capsys)("profiles", "rebuild", "--json")


def test_a_busy_table_of_profiles_is_no_fault_of_the_program(
    world: World, rebuild: Callable[[], Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    def unavailable(*_: object, **__: object) -> None:
        raise ProfilesUnavailableError("7 profiles could not be read in 8 attempts")

    world.store(transaction(1))
    world.analyze()
    monkeypatch.setattr(ProfileStore, "load", unavailable)
    ran = rebuild()
    assert ran.code == 1
    assert "7 profiles could not be read in 8 attempts" in ran.err
    assert "run it again to go on" in ran.err


def test_rates_that_wait_for_a_second_person_change_no_profile(
    world: World, rebuild: Callable[[], Ran], aws: MinistackServer
) -> None:
    world.store(transaction(1, currency="USD"))
    world.analyze()
    upload(aws.client("s3"), ruleset=RULES, rates=RATES.replace(b"{}", b"{USD: 0.0001}"), lists=LISTS)
    ran = rebuild()
    assert ran.code == 0, ran.err
    counted = json.loads(ran.out)
    assert (counted["transactions"], counted["changed"], counted["same"]) == (1, 0, 1)

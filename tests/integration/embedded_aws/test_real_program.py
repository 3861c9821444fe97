"""The product's own Pulumi program, with every kind of setting that changes what it declares."""

import zipfile
from pathlib import Path

import pytest

from embedded_aws.ministack.server import MinistackServer
from embedded_aws.provider import Account, LocalProvider, ServicePlan
from embedded_aws.pulumi_program import run_program
from embedded_aws.unpacked import UnpackedPackages
from infra.compute.lambda_packages import Package, Target
from infra.program import main


@pytest.fixture
def package(tmp_path: Path) -> Package:
    """An empty package: what is in it is not looked at here."""
    path = tmp_path / "function.zip"
    with zipfile.ZipFile(path, "w"):
        pass
    return Package(path=path, sha256="")


def deploy(aws: MinistackServer, package: Package, folder: Path, **settings: str) -> ServicePlan:
    def program() -> None:
        def give(function: str, target: Target) -> Package:
            del function, target
            return package

        main(give)

    provider = LocalProvider(
        Account(aws), packages=UnpackedPackages(folder), reserve_port=lambda: 4711, on_progress=lambda _: None
    )
    config = {f"fraudstream:{name}": value for name, value in settings.items()}
    run_program(program, project="fraudstream", stack="test", config=config, provider=provider)
    return provider.finish()


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {
            "apiAuth": "API_KEY",
            "waf": "true",
            "analytics": "true",
            "alarmEmail": "a@example.com",
            "alertEmail": "b@example.com",
        },
        {"customerManagedKey": "false", "apiGatewayAccountRole": "existing"},
    ],
    ids=["defaults", "everything", "plain"],
)
def test_every_resource_that_the_program_may_declare_is_played(
    aws: MinistackServer, package: Package, tmp_path: Path, settings: dict[str, str]
) -> None:
    plan = deploy(aws, package, tmp_path / "packages", **settings)

    assert len(plan.functions) == 3
    assert len(plan.event_sources) == 2
    assert len(plan.pipes) == 1
    assert len(plan.schedules) == 2
    (kept,) = plan.event_invokes
    assert kept.function_name == plan.schedules[0].function_name
    assert kept.on_failure_queue_arn == plan.event_sources[0].on_failure_queue_arn
    (gateway,) = plan.gateways
    assert {(each.http_method, each.path) for each in gateway.spec.routes} == {
        ("POST", "/transactions"),
        ("GET", "/transactions/{id}"),
    }
    with_key = settings.get("apiAuth") == "API_KEY"
    assert len(gateway.spec.api_keys) == with_key
    assert all(each.api_key_required is with_key for each in gateway.spec.routes)


def test_what_runs_is_what_the_settings_say(aws: MinistackServer, package: Package, tmp_path: Path) -> None:
    plan = deploy(
        aws,
        package,
        tmp_path / "packages",
        analyzerConcurrency="123",
        segmentWindowSeconds="7",
        reportHour="4",
        throttleBurst="321",
        environmentSuffix="other",
    )
    functions = {each.name: each for each in plan.functions}
    assert functions["lambda-fraud-analyzer-other"].reserved_concurrency == 123
    assert {each.batching_window_seconds for each in plan.event_sources} == {0, 7}
    assert plan.schedules[0].expression == "cron(0 4 * * ? *)"
    assert plan.gateways[0].spec.throttle_burst == 321

"""`cases reopen` where the answer to a write is lost, or AWS refuses in the middle: it can be done to its end."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from embedded_aws.ministack.server import MinistackServer
from fraudstream_tools.cli.support.running.deployment import Deployment
from tests.cli_harness import Command
from tests.console_harness import desk_command
from tests.integration.cli.review_harness import System

REOPEN = ("cases", "reopen", "a-1", "--note", "called again")


@pytest.fixture
def fraudstream(
    aws: MinistackServer, system: System, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Command:
    """Give the command of somebody who has closed a case."""
    system.alert("a-1")
    command = desk_command(aws, capsys, monkeypatch)
    assert command("cases", "take", "a-1").code == 0
    assert command("cases", "decide", "a-1", "--fraud", "--note", "denied").code == 0
    return command


def interfere(monkeypatch: pytest.MonkeyPatch, event: str, hook: Any) -> None:
    """Have a hook see what the command's own client of DynamoDB does."""
    real = Deployment.client

    def client(deployment: Deployment, service: str, settings: Any = None) -> Any:
        made = real(deployment, service, settings)
        if service == "dynamodb":
            made.meta.events.register_first(event, hook)
        return made

    monkeypatch.setattr(Deployment, "client", client)


def steps(fraudstream: Command) -> list[str]:
    case = json.loads(fraudstream("cases", "show", "a-1", "--json").out)
    return [case["status"], *(event["what"] for event in case["events"])]


def test_an_alert_that_was_opened_by_a_lost_answer_is_opened(
    fraudstream: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[int] = []

    def once_more(**_: object) -> int | None:
        sent.append(1)
        return 0 if len(sent) == 1 else None

    interfere(monkeypatch, "needs-retry.dynamodb.UpdateItem", once_more)
    ran = fraudstream(*REOPEN)
    assert (ran.code, ran.err) == (0, "")
    assert len(sent) > 2
    assert steps(fraudstream) == ["OPEN", "opened", "taken", "closed", "reopened"]
    assert "refused" not in fraudstream("audit").out


def test_a_reopening_that_was_broken_off_goes_on(fraudstream: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    writes: list[int] = []

    def refuse_the_second(**_: object) -> None:
        writes.append(1)
        if len(writes) == 2:
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": ""}}, "UpdateItem")

    interfere(monkeypatch, "provide-client-params.dynamodb.UpdateItem", refuse_the_second)
    assert fraudstream(*REOPEN).code == 1
    assert steps(fraudstream) == ["CLOSED", "opened", "taken", "closed"]
    assert fraudstream(*REOPEN).code == 0
    assert steps(fraudstream) == ["OPEN", "opened", "taken", "closed", "reopened"]
    again = fraudstream(*REOPEN)
    assert (again.code, "it is open" in again.err) == (1, True)

"""A customer gets one case after another, however many there were, and whether they are still stored."""

import msgspec
import pytest

from embedded_aws.ministack.server import MinistackServer
from fraudstream_tools.operations.cases import store
from fraudstream_tools.operations.cases.case import CaseEventKind, ReviewCase, case_key
from fraudstream_tools.operations.cases.store import CaseStore
from fraudstream_tools.operations.review.alert_summary import AlertStatus, AlertSummary
from tests.integration.cli.review_harness import ALERTS, NOW, System

BY = "arn:aws:iam::123456789012:user/ann"


class Desk:
    """Somebody who opens and closes cases of one customer."""

    def __init__(self, aws: MinistackServer) -> None:
        self.system = System(aws)
        self.now = NOW
        self.cases = CaseStore(self.system.dynamodb, ALERTS, self.clock)

    def clock(self) -> int:
        self.now += 1
        return self.now

    def open(self, number: int) -> ReviewCase:
        return self.cases.opened(_alert(number), BY)

    def open_and_close(self, number: int) -> str:
        case = self.open(number)
        closed = {"status": AlertStatus.CLOSED, "closed_at": self.now}
        self.cases.change(case.case_id, self.cases.event(CaseEventKind.CLOSED, BY), lambda _: closed)
        return case.case_id


@pytest.fixture
def desk(aws: MinistackServer) -> Desk:
    return Desk(aws)


def _alert(number: int) -> AlertSummary:
    return msgspec.convert(
        {
            "transactionId": f"a-{number}",
            "timestamp": number,
            "createdAt": number,
            "status": "OPEN",
            "decision": "REVIEW",
            "score": 60,
            "reasonCodes": "X",
            "entity": "customer#tok_p",
        },
        AlertSummary,
    )


def test_a_customer_has_more_cases_than_are_read_at_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "_CASES_OF_AN_ENTITY", 3)
    assert len({desk.open_and_close(number) for number in range(12)}) == 12


def test_a_case_is_opened_after_older_ones_have_expired(desk: Desk) -> None:
    ids = [desk.open_and_close(number) for number in range(9)]
    for expired in ids[:2]:
        desk.system.dynamodb.delete_item(TableName=ALERTS, Key=case_key(expired))
    assert desk.open(9).case_id not in ids


def test_two_people_who_open_a_case_at_once_get_the_same(desk: Desk) -> None:
    desk.open_and_close(0)
    first = desk.open(1)
    assert desk.open(2).case_id == first.case_id

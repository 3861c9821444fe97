"""Changes that meet another write of the same item at the same moment: they are made after it."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from embedded_aws.ministack.server import MinistackServer
from fraudstream.contract import EntityKind
from fraudstream_tools.operations.cases.case import CaseEventKind
from fraudstream_tools.operations.lists.entity_lists import EntityLists
from fraudstream_tools.operations.privacy.erasure.marks import mark_profile
from fraudstream_tools.operations.recovery.redriving import redrive_transaction
from tests.aws_harness import create_profiles_table
from tests.integration.cli.review_harness import NOW, TRANSACTIONS
from tests.integration.operations.test_next_case import BY, Desk

PROFILES = "profiles"
TOKEN = "tok_0123456789abcdefABCDEF"


def note(desk: Desk) -> None:
    case_id = desk.open(1).case_id
    desk.cases.change(case_id, desk.cases.event(CaseEventKind.NOTED, BY, "tried"), lambda _: {})


def put_on_list(desk: Desk) -> None:
    EntityLists(desk.system.dynamodb, PROFILES).add("blocked", EntityKind.CARD, TOKEN, by=BY, reason="tried")


def redrive(desk: Desk) -> None:
    item: Any = {
        "transactionId": {"S": "t-1"},
        "timestamp": {"N": str(NOW)},
        "kind": {"S": "TXN"},
    }
    desk.system.dynamodb.put_item(TableName=TRANSACTIONS, Item=item)
    assert redrive_transaction(desk.system.dynamodb, TRANSACTIONS, "t-1")


def erase(desk: Desk) -> None:
    mark_profile(desk.system.dynamodb, PROFILES, f"customer#{TOKEN}", f"customer#{TOKEN}", NOW)


@pytest.mark.parametrize("change", [note, put_on_list, redrive, erase])
def test_a_change_is_made_after_another_write_of_the_same_item(
    aws: MinistackServer, change: Callable[[Desk], None]
) -> None:
    desk = Desk(aws)
    create_profiles_table(desk.system.dynamodb, PROFILES)
    refused: list[str] = []

    def refuse_twice(params: dict[str, Any], model: Any, **_: object) -> None:
        # An item that a test lays ready has no condition.
        if len(refused) < 2 and "ConditionExpression" in params:
            refused.append(model.name)
            raise ClientError({"Error": {"Code": "TransactionConflictException", "Message": ""}}, model.name)

    for operation in ("UpdateItem", "PutItem"):
        desk.system.dynamodb.meta.events.register(f"provide-client-params.dynamodb.{operation}", refuse_twice)
    change(desk)
    assert len(refused) == 2

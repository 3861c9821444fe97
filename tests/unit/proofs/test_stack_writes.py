"""What the deployed experiment does to writes: dropped conditions are requests still, and rivals meet."""

import asyncio
from collections.abc import Mapping
from typing import Any

from fraudstream.contract import EntityKind
from fraudstream.detection.profiles.profile import Profile
from fraudstream.detection.stores.profiles.items import StoredProfile, condition
from proofs.stack.kinds import StackFault, StackFaults
from proofs.stack.mutations import unconditional
from proofs.stack.rivals import Rivals


def test_a_put_without_its_condition_refers_to_nothing() -> None:
    put = {
        "TableName": "profiles",
        "Item": {"entity": {"S": "x"}},
        **condition(StoredProfile(Profile.new(EntityKind.MERCHANT), 3)),
    }
    assert unconditional("PutItem", put) == {"TableName": "profiles", "Item": {"entity": {"S": "x"}}}


def test_an_update_without_its_condition_keeps_its_own_names() -> None:
    update: dict[str, Any] = {
        "Key": {"transactionId": {"S": "x"}},
        "UpdateExpression": "SET #decision = :decision",
        "ExpressionAttributeNames": {"#decision": "decision"},
        "ExpressionAttributeValues": {":decision": {"S": "APPROVE"}},
    }
    conditional = update | {
        "ConditionExpression": "attribute_not_exists(#decision)",
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    assert unconditional("UpdateItem", conditional) == update


def _version_of(_: str, parameters: Mapping[str, Any]) -> tuple[str, int]:
    return parameters["entity"], parameters["version"]


def _met(*writes: tuple[str, int]) -> int:
    """Return how many of some writes met a rival."""
    faults, rivals = StackFaults(1, 1, frozenset({StackFault.RIVALS})), Rivals()
    rivals.contested_by = _version_of

    async def write_all() -> None:
        await asyncio.gather(
            *(rivals.meet(faults, "PutItem", {"entity": entity, "version": version}) for entity, version in writes)
        )

    asyncio.run(write_all())
    return faults.counted[StackFault.RIVALS]


def test_a_write_goes_on_with_one_that_has_read_the_same() -> None:
    assert _met(("merchant", 3), ("merchant", 3)) == 1


def test_writes_of_other_profiles_and_versions_do_not_meet() -> None:
    assert _met(("merchant", 3), ("merchant", 4), ("device", 3)) == 0

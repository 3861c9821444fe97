"""A role may touch no family of items or objects that it never touches, and is refused none that it does."""

from pathlib import Path
from typing import Any

import pytest

from proofs.access.evaluator import Asked
from proofs.access.families import SELDOM, refused, unused_families
from proofs.access.places import AskedPlace

TESTS = Path(__file__).parents[2]
ROLE = "role-fraud-analyzer"
TABLE = "arn:aws:dynamodb:us-east-2:123456789012:table/table-profiles-x"
BUCKET = "arn:aws:s3:::bucket-reports-x"
PLACES = [
    AskedPlace("a profile", "dynamodb", TABLE, {"dynamodb:LeadingKeys": ["customer#tok_1"]}),
    AskedPlace("a list entry", "dynamodb", TABLE, {"dynamodb:LeadingKeys": ["list#customer#tok_1"]}),
    AskedPlace("the log's chain", "dynamodb", TABLE, {"dynamodb:LeadingKeys": ["log-chain"]}),
    AskedPlace("the log", "s3", f"{BUCKET}/decision-log/segments/a"),
    AskedPlace("a mark", "s3", f"{BUCKET}/decision-log/erasures/a"),
]


def _statement(action: str, resource: str = TABLE, **more: object) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": [action], "Resource": [resource], **more}


def _only(*patterns: str) -> dict[str, Any]:
    return {"Condition": {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": [*patterns]}}}


def _put(*keys: str) -> Asked:
    return Asked("dynamodb:PutItem", TABLE, {"dynamodb:LeadingKeys": keys})


def test_a_family_of_items_that_is_allowed_and_never_written_is_named() -> None:
    everything = {ROLE: [_statement("dynamodb:PutItem")]}
    asked = {ROLE: [_put("customer#tok_2", "customer#tok_3")]}
    assert unused_families(everything, PLACES, asked) == [
        f"{ROLE}: dynamodb:PutItem on a list entry",
        f"{ROLE}: dynamodb:PutItem on the log's chain",
    ]
    assert unused_families({ROLE: [_statement("dynamodb:PutItem", **_only("customer#*"))]}, PLACES, asked) == []


def test_a_family_of_objects_that_is_allowed_and_never_written_is_named() -> None:
    policies = {ROLE: [_statement("s3:PutObject", f"{BUCKET}/decision-log/*")]}
    asked = {ROLE: [Asked("s3:PutObject", f"{BUCKET}/decision-log/segments/b")]}
    assert unused_families(policies, PLACES, asked) == [f"{ROLE}: s3:PutObject on a mark"]
    another_day = {ROLE: [Asked("s3:PutObject", f"{BUCKET}/reports/date=2026-11-28/a")]}
    report = AskedPlace("a report", "s3", f"{BUCKET}/reports/date=2026-11-27/a")
    assert unused_families({ROLE: [_statement("s3:PutObject", f"{BUCKET}/*")]}, [report], another_day) == []


def test_what_is_asked_for_and_not_allowed_is_named() -> None:
    policies = {ROLE: [_statement("dynamodb:PutItem", **_only("customer#*"))]}
    assert refused(policies, {ROLE: [_put("customer#tok_2")]}) == []
    (told,) = refused(policies, {ROLE: [_put("list#customer#tok_2")]})
    assert told.startswith(f"{ROLE}: dynamodb:PutItem on {TABLE}")


def test_a_key_with_a_prefix_is_no_id_of_a_transaction() -> None:
    no_others = {"ForAllValues:StringNotLike": {"dynamodb:LeadingKeys": ["*#*"]}}
    policies = {ROLE: [_statement("dynamodb:PutItem", Condition=no_others)]}
    assert refused(policies, {ROLE: [_put("order-1")]}) == []
    assert len(refused(policies, {ROLE: [_put("case#1")]})) == 1


@pytest.mark.parametrize("name", {*SELDOM.values()})
def test_what_a_run_has_no_occasion_for_is_done_in_a_test(name: str) -> None:
    assert any(f"def {name}(" in file.read_text() for file in TESTS.rglob("test_*.py"))

"""What policies allow is used, each action of its own: one that services need excuses no other."""

from typing import Any

from proofs.access.coverage import unexplained
from proofs.access.evaluator import Asked
from proofs.access.matrix import unused

TABLE = "arn:aws:dynamodb:us-east-2:123456789012:table/table-profiles-x"
ROLE = "role-fraud-analyzer"
READ = Asked("dynamodb:GetItem", TABLE, {"dynamodb:LeadingKeys": ["breaker#1"]})


def _statement(*actions: str, **more: object) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": [*actions], "Resource": [TABLE], **more}


def _not_used(statement: dict[str, Any], *, of: str = ROLE) -> list[str]:
    return unexplained(unused({of: [statement]}, {of: (READ,)}))


def test_an_action_that_somebody_asks_for_excuses_no_other_of_its_statement() -> None:
    told = _not_used(_statement("dynamodb:GetItem", "dynamodb:UpdateItem"))
    assert told == [f"{ROLE}: dynamodb:UpdateItem on {TABLE}"]


def test_an_action_that_services_need_excuses_no_other_of_its_statement() -> None:
    told = _not_used(_statement("xray:PutTraceSegments", "xray:GetTraceSummaries"))
    assert told == [f"{ROLE}: xray:GetTraceSummaries on {TABLE}"]


def test_in_a_persons_name_services_need_keys_alone() -> None:
    told = _not_used(_statement("kms:Decrypt", "dynamodb:GetRecords"), of="policy-analyst")
    assert told == [f"policy-analyst: dynamodb:GetRecords on {TABLE}"]


def test_what_is_asked_for_elsewhere_or_by_others_uses_nothing() -> None:
    other_key = _statement("dynamodb:GetItem", Condition={"StringLike": {"dynamodb:LeadingKeys": ["list#*"]}})
    assert len(_not_used(other_key)) == 1
    assert len(unused({ROLE: [_statement("dynamodb:GetItem")]}, {"role-report-generator": [READ]})) == 1


def test_what_is_denied_need_not_be_asked_for() -> None:
    assert _not_used({**_statement("ec2:*"), "Effect": "Deny"}) == []

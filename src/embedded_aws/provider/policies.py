"""Resource policies as they can hold on one machine."""

import json
from collections.abc import Mapping
from typing import Any, cast

_CALLER_KEYS = ("aws:SourceAccount", "aws:SourceArn")


def without_transport_demands(policy: str) -> str | None:
    """Leave out the statements that refuse plain HTTP: on the loopback interface nothing else is spoken.

    Args:
        policy: a policy document, as JSON.

    Returns:
        The rest of it, as JSON; None where nothing is left.
    """
    document = json.loads(policy)
    statements = document.get("Statement", [])
    kept = [each for each in _as_list(statements) if not _refuses_plain_http(each)]
    return json.dumps({**document, "Statement": kept}) if kept else None


def without_caller_conditions(trust: str) -> str:
    """Leave out of a role's trust policy which resource a service acts for: ministack's requests do not say it.

    Args:
        trust: the role's trust policy, as JSON.

    Returns:
        The policy without conditions on `aws:SourceAccount` and `aws:SourceArn`, as JSON.
    """
    document = json.loads(trust)
    statements = [dict(each) for each in _as_list(document.get("Statement", []))]
    for statement in statements:
        conditions: Mapping[str, Mapping[str, Any]] = statement.get("Condition", {})
        kept = {
            operator: {key: value for key, value in keys.items() if key not in _CALLER_KEYS}
            for operator, keys in conditions.items()
        }
        statement["Condition"] = {operator: keys for operator, keys in kept.items() if keys}
    return json.dumps({**document, "Statement": statements})


def _as_list(statements: object) -> list[Mapping[str, Any]]:
    return cast("list[Mapping[str, Any]]", statements if isinstance(statements, list) else [statements])


def _refuses_plain_http(statement: Mapping[str, Any]) -> bool:
    conditions = statement.get("Condition", {})
    return statement.get("Effect") == "Deny" and "aws:SecureTransport" in conditions.get("Bool", {})

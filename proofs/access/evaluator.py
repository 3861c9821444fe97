"""An evaluator of IAM policies: it judges what the embedded AWS does not enforce, attributes and leading keys among it.

It knows what the stack's policies use, and fails on anything else. Requests are judged as boto3 makes them, by the
condition keys that AWS's service authorization reference has for them.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, cast

from botocore.exceptions import ClientError

Statement = Mapping[str, Any]
Context = Mapping[str, Sequence[str]]

ATTRIBUTE = re.compile(r"(?<![:\w#])#?[A-Za-z]\w*")
FUNCTIONS = (
    *("if_not_exists", "attribute_exists", "attribute_not_exists", "attribute_type"),
    *("begins_with", "contains", "size", "list_append"),
)
WORDS = {*["SET", "REMOVE", "ADD", "DELETE", "AND", "OR", "NOT", "IN", "BETWEEN"], *FUNCTIONS}


@dataclass(frozen=True)
class Asked:
    """One action on one resource, with the values of its condition keys."""

    action: str
    resource: str
    context: Context = field(default_factory=dict[str, Sequence[str]])


def allows(statements: Iterable[Statement], asked: Asked, variables: Mapping[str, str]) -> bool:
    """Return whether policies allow what is asked for: a statement does, and none denies it."""
    found = [each["Effect"] for each in statements if applies(each, asked, variables)]
    return "Allow" in found and "Deny" not in found


def applies(statement: Statement, asked: Asked, variables: Mapping[str, str]) -> bool:
    """Return whether a statement speaks of what is asked for."""
    return (
        any(_matches(each.lower(), asked.action.lower()) for each in _as_list(statement["Action"]))
        and any(_matches(_filled(pattern, variables), asked.resource) for pattern in _as_list(statement["Resource"]))
        and all(
            _holds(operator, asked.context.get(key), _as_list(wanted))
            for operator, keys in statement.get("Condition", {}).items()
            for key, wanted in keys.items()
        )
    )


def _holds(operator: str, given: Sequence[str] | None, wanted: Sequence[str]) -> bool:
    match operator:
        case "Null":
            return (given is None) == (wanted == ["true"])
        case "StringLike" | "StringEquals" | "ArnEquals" | "ArnLike":
            return given is not None and any(_is_like(operator, each, wanted) for each in given)
        case "ForAllValues:StringNotLike":
            return not any(_is_like(operator, each, wanted) for each in given or ())
        case "ForAllValues:StringLike" | "ForAllValues:StringEquals":
            # As IAM has it: a key that is absent, or has no values, passes.
            return all(_is_like(operator, each, wanted) for each in given or ())
        case _:
            raise NotImplementedError(operator)


def _is_like(operator: str, given: str, wanted: Sequence[str]) -> bool:
    has_wildcards = operator.endswith("Like") or "Arn" in operator
    return any(_matches(each, given) if has_wildcards else each == given for each in wanted)


def _matches(pattern: str, text: str) -> bool:
    return fnmatchcase(text, pattern.replace("[", "[[]"))


def _filled(pattern: str, variables: Mapping[str, str]) -> str:
    return re.sub(r"\$\{([^}]+)\}", lambda found: variables[found[1]], pattern)


def _as_list(value: object) -> list[str]:
    return cast("list[str]", value) if isinstance(value, list) else [str(value)]


def asked_by(
    service: str, operation: str, params: Mapping[str, Any], table_arn: str, other_arn: str
) -> Iterator[Asked]:
    """Yield what a request of boto3 asks for.

    Args:
        service: such as `dynamodb`.
        operation: such as `UpdateItem`.
        params: the request's parameters.
        table_arn: what ARNs of tables begin with.
        other_arn: what ARNs of functions begin with.
    """
    if service == "dynamodb":
        yield from _of_table(operation, params, table_arn)
    elif service == "s3":
        bucket = f"arn:aws:s3:::{params['Bucket']}"
        if operation.startswith("List"):
            action = {"ListObjectsV2": "s3:ListBucket", "ListObjectVersions": "s3:ListBucketVersions"}[operation]
            yield Asked(action, bucket, {"s3:prefix": [params.get("Prefix", "")]})
            return
        version = "Version" if "VersionId" in params else ""
        action = {"PutObject": "s3:PutObject"}.get(operation, f"s3:GetObject{version}")
        if operation not in {"PutObject", "GetObject", "HeadObject"}:
            raise NotImplementedError(operation)
        context = {"s3:if-none-match": [params["IfNoneMatch"]]} if "IfNoneMatch" in params else {}
        yield Asked(action, f"{bucket}/{params['Key']}", context)
    elif service == "cloudwatch":
        yield Asked(
            f"cloudwatch:{operation}", other_arn.replace(":lambda:", ":cloudwatch:").replace("function:", "alarm:*")
        )
    elif service == "lambda":
        yield Asked("lambda:InvokeFunction", f"{other_arn}{params['FunctionName']}:{params['Qualifier']}")
    else:
        raise NotImplementedError(service)


def _of_table(operation: str, params: Mapping[str, Any], table_arn: str) -> Iterator[Asked]:
    action = f"dynamodb:{operation}"
    for table, asked in params.get("RequestItems", {}).items():
        keys = [next(iter(key.values())) for key in asked["Keys"]]
        yield Asked(action, table_arn + table, {"dynamodb:LeadingKeys": [_text(each) for each in keys]})
    for write in params.get("TransactItems", ()):
        for kind, asked in write.items():
            # Each part of a transaction needs the right to do it alone.
            yield from _of_table(f"{kind}Item", asked, table_arn)
    if "TableName" not in params:
        return
    table = params["TableName"]
    index = f"/index/{params['IndexName']}" if "IndexName" in params else ""
    item: Mapping[str, Any] = params.get("Key") or params.get("Item") or {}
    name = next((each for each in ("transactionId", "entity") if each in item), None)
    context: dict[str, Sequence[str]] = {"dynamodb:LeadingKeys": [_text(item[name])]} if name else {}
    if operation == "UpdateItem":
        context["dynamodb:Attributes"] = sorted({*item, *_named(params)})
    elif operation == "PutItem":
        context["dynamodb:Attributes"] = sorted(item)
    yield Asked(action, table_arn + table + index, context)


def _named(params: Mapping[str, Any]) -> set[str]:
    names = params.get("ExpressionAttributeNames", {})
    text = " ".join(params.get(each, "") for each in ("UpdateExpression", "ConditionExpression"))
    return {names.get(each, each) for each in ATTRIBUTE.findall(text)} - WORDS


def _text(value: object) -> str:
    return str(next(iter(cast("dict[str, Any]", value).values())) if isinstance(value, dict) else value)


def enforce(
    client: Any,  # noqa: ANN401  (a client)
    allowed: Callable[[Asked], bool],
    table_arn: str,
    other_arn: str,
) -> Any:  # noqa: ANN401  (the same client)
    """Have a boto3 client refuse what is not allowed as AWS does, and return the client."""

    def check(
        params: Mapping[str, Any],
        model: Any,  # noqa: ANN401  (botocore tells no type)
        **_: object,
    ) -> None:
        service = model.service_model.service_name
        for asked in asked_by(service, model.name, params, table_arn, other_arn):
            if not allowed(asked):
                said: Any = {
                    "Error": {"Code": "AccessDeniedException", "Message": f"{asked.action} on {asked.resource}"}
                }
                raise ClientError(said, model.name)

    client.meta.events.register("provide-client-params", check)
    return client

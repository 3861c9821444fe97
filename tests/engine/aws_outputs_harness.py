"""What AWS adds to a resource that it makes: ARNs, ids, URLs, looking as the real ones do."""

import functools
import importlib
import re
from collections.abc import Mapping
from typing import Any

ACCOUNT = "123456789012"
_FOLDERS = {"lambda": "lambda_", "index": ""}
_ARNS = {
    "aws:cloudwatch/logGroup:LogGroup": "logs:{region}:{account}:log-group:{name}",
    "aws:dynamodb/table:Table": "dynamodb:{region}:{account}:table/{name}",
    "aws:iam/role:Role": "iam::{account}:role/{name}",
    "aws:iam/policy:Policy": "iam::{account}:policy/{name}",
    "aws:kms/key:Key": "kms:{region}:{account}:key/11111111-2222-3333-4444-555555555555",
    "aws:lambda/function:Function": "lambda:{region}:{account}:function:{name}",
    "aws:s3/bucket:Bucket": "s3:::{name}",
    "aws:sns/topic:Topic": "sns:{region}:{account}:{name}",
    "aws:sqs/queue:Queue": "sqs:{region}:{account}:{name}",
}


def _sdk_class(kind: str) -> type:
    package, module, name = kind.split(":")
    folder = module.split("/")[0]
    return getattr(importlib.import_module(f"pulumi_{package}.{_FOLDERS.get(folder, folder)}".rstrip(".")), name)


def is_tagged(kind: str) -> bool:
    """Tell whether resources of a type carry tags, the provider's default ones too."""
    return hasattr(_sdk_class(kind), "tags_all")


@functools.cache
def _texts(kind: str) -> frozenset[str]:
    """The names of a type's outputs that are always a text."""
    found = _sdk_class(kind)
    texts: set[str] = set()
    for attribute, value in found.__dict__.items():
        annotation = str(value.fget.__annotations__.get("return")) if isinstance(value, property) and value.fget else ""
        if "str" in annotation and not re.search("Sequence|Mapping|Optional", annotation):
            texts.add(getattr(value.fget, "_pulumi_name", attribute))
    return frozenset(texts)


def computed(kind: str, name: str, inputs: Mapping[str, Any], region: str) -> dict[str, Any]:
    """Return the outputs of a new resource that are not among its inputs.

    Args:
        kind: its type, such as `aws:dynamodb/table:Table`.
        name: Pulumi's name of it.
        inputs: what it is made of.
        region: where it is made.
    """
    outputs: dict[str, Any] = {key: f"{name}-{key}" for key in _texts(kind) - inputs.keys()}
    physical = inputs.get("bucket" if kind.startswith("aws:s3/") else "name", name)
    if "arn" in outputs:
        pattern = _ARNS.get(kind, "service:{region}:{account}:{name}")
        outputs["arn"] = "arn:aws:" + pattern.format(region=region, account=ACCOUNT, name=physical)
    match kind:
        case "aws:dynamodb/table:Table":
            outputs["streamArn"] = f"{outputs['arn']}/stream/2026-01-01T00:00:00.000"
        case "aws:lambda/function:Function":
            path = f"lambda:path/2015-03-31/functions/{outputs['arn']}/invocations"
            outputs["invokeArn"] = f"arn:aws:apigateway:{region}:{path}"
        case "aws:apigateway/restApi:RestApi":
            outputs["executionArn"] = f"arn:aws:execute-api:{region}:{ACCOUNT}:a1b2c3d4e5"
        case "aws:sqs/queue:Queue":
            outputs["url"] = f"https://sqs.{region}.amazonaws.com/{ACCOUNT}/{physical}"
        case _:
            pass
    return outputs

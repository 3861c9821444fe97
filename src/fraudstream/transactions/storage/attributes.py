"""DynamoDB's attribute values, to and from plain Python.

boto3's own serializer is not used: it speaks `Decimal` for every number, and refuses the base64 text in which Lambda's
stream events carry binary.
"""

import base64
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeAlias, cast

import msgspec

AttributeValue: TypeAlias = Mapping[str, Any]
"""One attribute value in DynamoDB's JSON, such as `{"S": "EUR"}`."""
Item: TypeAlias = dict[str, Any]
"""One item in DynamoDB's JSON: attribute name to attribute value."""


def to_attribute(value: object) -> dict[str, Any]:
    """Convert a plain value to an attribute value.

    Raises:
        TypeError: a type that DynamoDB has no attribute for.
    """
    match value:
        case None:
            return {"NULL": True}
        case bool():
            return {"BOOL": value}
        case str():
            return {"S": value}
        case int() | float():
            return {"N": repr(value)}
        case bytes():
            return {"B": value}
        case Mapping():
            return {"M": to_item(cast("Mapping[str, object]", value))}
        case list() | tuple():
            return {"L": [to_attribute(element) for element in cast("Sequence[object]", value)]}
        case _:
            raise TypeError(f"DynamoDB has no attribute for {type(value).__name__}")


def from_attribute(attribute: AttributeValue) -> Any:  # noqa: ANN401  (the stored type is known at run time only)
    """Convert an attribute value, from the API or from a Lambda stream event, to a plain value.

    Raises:
        TypeError: an attribute type that fraudstream never writes.
    """
    ((kind, value),) = attribute.items()
    match kind:
        case "S" | "BOOL":
            return value
        case "N":
            try:
                return int(value)
            except ValueError:
                if not any(mark in value for mark in ".eE"):
                    raise
                return float(value)
        case "B":
            # Of a number, `bytes` would make as many zeros.
            return base64.b64decode(value) if isinstance(value, str) else bytes(memoryview(value))
        case "M":
            return from_item(value)
        case "L":
            return [from_attribute(element) for element in value]
        case "NULL":
            return None
        case _:
            raise TypeError(f"unexpected attribute type {kind}")


def to_item(values: Mapping[str, object]) -> Item:
    """Convert a mapping of plain values to an item."""
    return {name: to_attribute(value) for name, value in values.items()}


def from_item(item: Mapping[str, AttributeValue]) -> dict[str, Any]:
    """Convert an item to a mapping of plain values."""
    return {name: from_attribute(attribute) for name, attribute in item.items()}


def own_values(item: Mapping[str, AttributeValue], struct: type[msgspec.Struct]) -> dict[str, Any]:
    """Convert the attributes of an item that are fields of a struct; what else is there may be of any type.

    Raises:
        TypeError: one of them is of a type that fraudstream never writes.
    """
    return {name: from_attribute(item[name]) for name in struct.__struct_encode_fields__ if name in item}


def readable_values(item: Mapping[str, AttributeValue]) -> dict[str, Any]:
    """Convert the attributes of an item that can be read: whoever may write one may give it any type."""
    values: dict[str, Any] = {}
    for name, attribute in item.items():
        with suppress(TypeError, ValueError):
            values[name] = from_attribute(attribute)
    return values

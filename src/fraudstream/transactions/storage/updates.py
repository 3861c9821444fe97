"""The parameters of DynamoDB's UpdateItem that say what changes in an item."""

from collections.abc import Iterable, Mapping
from typing import TypedDict

from fraudstream.transactions.storage.attributes import AttributeValue


class ChangeParameters(TypedDict):
    """Parameters of `update_item`, or of an `Update` in a transaction."""

    UpdateExpression: str
    ExpressionAttributeNames: dict[str, str]
    ExpressionAttributeValues: dict[str, AttributeValue]


def change_of(
    attributes: Mapping[str, AttributeValue],
    *,
    removed: Iterable[str] = (),
    compared: Mapping[str, AttributeValue] | None = None,
) -> ChangeParameters:
    """Return the parameters that set some attributes of an item and remove others.

    An attribute `status` is called `#status` in them, and its new value `:status`. A condition may use both.

    Args:
        attributes: the new values, at least one, by the attributes' names.
        removed: the names of the attributes that are removed.
        compared: values that only the condition uses, by their names there, such as `:old_status`.
    """
    removed = tuple(removed)
    expression = "SET " + ", ".join(f"#{name} = :{name}" for name in attributes)
    if removed:
        expression += " REMOVE " + ", ".join(f"#{name}" for name in removed)
    return {
        "UpdateExpression": expression,
        "ExpressionAttributeNames": {f"#{name}": name for name in (*attributes, *removed)},
        "ExpressionAttributeValues": {f":{name}": value for name, value in attributes.items()} | dict(compared or {}),
    }

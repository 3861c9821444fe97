"""The model by which the API checks a body before it calls the function."""

import json
from pathlib import Path
from typing import Any

OPENAPI = Path(__file__).resolve().parents[2] / "docs" / "openapi.json"
MODEL_NAME = "TransactionRequest"


class OpenApiError(RuntimeError):
    """The API's description is missing, or lacks the schema of a transaction."""


def request_model(openapi: Path = OPENAPI) -> str:
    """Return the model of a posted transaction: JSON Schema draft 4, the only one that API Gateway knows.

    It holds what can be refused without naming a field: a body that is no JSON object, and one with more members than a
    transaction has. API Gateway cannot say which field is wrong without repeating the value, and values
    must not be repeated; so fields are checked by the function, by the schema that the same document describes.

    Raises:
        OpenApiError: the document is missing or has no such schema.
    """
    try:
        document: dict[str, Any] = json.loads(openapi.read_bytes())
    except FileNotFoundError:
        raise OpenApiError(f"{openapi.name} is missing: `make openapi` writes it") from None
    try:
        properties: dict[str, Any] = document["components"]["schemas"][MODEL_NAME]["properties"]
    except KeyError:
        raise OpenApiError(f"{openapi.name} has no schema {MODEL_NAME} with properties") from None
    model = {
        "$schema": "http://json-schema.org/draft-04/schema#",
        "title": MODEL_NAME,
        "type": "object",
        "maxProperties": len(properties),
    }
    return json.dumps(model)

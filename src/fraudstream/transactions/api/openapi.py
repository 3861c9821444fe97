"""The API as an OpenAPI 3.1 document, made from the types that validate requests and shape answers."""

from typing import Annotated, Any, Final, cast, get_args, get_origin

import msgspec
from msgspec import Meta

from fraudstream.transactions.api.answer import Problem, ReasonText, TransactionState
from fraudstream.transactions.api.preferences import MAX_WAIT_SECONDS
from fraudstream.transactions.request import MAX_BODY_BYTES, TransactionRequest

_REFERENCES = "#/components/schemas/"
_LEAVE_OUT: Final = frozenset(
    struct.__name__ for struct in (TransactionState, ReasonText) if struct.__struct_config__.omit_defaults
)
"""What leaves out a field that has no value; all else writes null."""
_LOCATION = "Where to read it: a path below the one that was called, the stage or a custom domain's base path included."
_PREFER: dict[str, Any] = {
    "name": "Prefer",
    "in": "header",
    "required": False,
    "description": f"`wait=N`: the client waits up to N seconds for an inline decision (RFC 7240); more than "
    f"{MAX_WAIT_SECONDS} count as {MAX_WAIT_SECONDS}. The stack's own budget, by default 200 ms, is usually shorter. "
    "Without a decision in time the answer is PENDING. What cannot be understood is passed over.",
    "schema": {"type": "string"},
    "example": "wait=1",
}
_PREFERENCE_APPLIED: dict[str, Any] = {
    "description": "`wait`: the client asked to wait, and the answer has a decision. Absent otherwise.",
    "schema": {"type": "string", "enum": ["wait"]},
}
_REFUSED: Final = """A field is wrong, missing or unknown; `errors` names every such field and no value.

What fits the schema is refused, too, with one of these messages:

- any text or number: `must not hold a card number`; any name: `must not have a card number in its name`
- what is stored as it is: `must not hold an account number (IBAN)`; any name: `must not have an account number (IBAN)
  in its name`
- any text: `must hold printable characters only`
- what becomes a token: `must be a text of 1 to 128 printable characters, not only spaces`
- an integer with a fraction or an exponent: `must be an integer of minor units`, `must be epoch milliseconds`,
  `must be a whole number`
- `ipAddress`: `must be an IPv4 or IPv6 address`
- `timestamp`: `is too far in the past` (by default more than 30 days)
- `timestamp` and `accountOpenedAt`: `is in the future` (by default by more than 5 minutes), `milliseconds are needed`
- `originalTransactionId`: `is required for REFUND and REVERSAL`, `must be another transaction`
- `latitude` and `longitude`: `is required together with` the other
- a name that stands twice in one object: `must stand only once`
"""
_READ_IT: Final = {
    "read": {
        "operationId": "getTransaction",
        "parameters": {"id": "$response.body#/transactionId"},
        "description": "What was decided is read by the transaction's id.",
    }
}
EXAMPLE: Final = {
    "transactionId": "order-20261123-0001",
    "amountMinor": 4999,
    "currency": "EUR",
    "type": "PAYMENT",
    "customerId": "customer-81",
    "cardToken": "card-5521",
    "cardCountry": "DE",
    "merchantId": "shop-17",
    "merchantCategoryCode": "5732",
    "merchantCountry": "NL",
    "channel": "ECOMMERCE",
}


def openapi_document() -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of the API, as plain JSON values."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "fraudstream",
            "version": "1",
            "description": "Post a payment transaction, and read what was decided about it a moment later.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": {
            "/transactions": {"post": _post()},
            "/transactions/{id}": {"get": _get()},
        },
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {
                "iam": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Authorization",
                    "description": "AWS Signature Version 4, service execute-api.",
                },
                "apiKey": {"type": "apiKey", "in": "header", "name": "x-api-key"},
            },
        },
        "security": [{"iam": []}, {"apiKey": []}],
    }


def _schemas() -> dict[str, Any]:
    _, components = msgspec.json.schema_components(
        [TransactionRequest, TransactionState, Problem], ref_template=_REFERENCES + "{name}"
    )
    properties = components["TransactionRequest"]["properties"]
    for info in msgspec.structs.fields(TransactionRequest):
        properties[info.encode_name] |= _codes(info)
    enums = {name for name, schema in components.items() if "enum" in schema}
    return {
        name: _inlined(schema, {enum: components[enum] for enum in enums}, leaves_out=name in _LEAVE_OUT)
        for name, schema in components.items()
        if name not in enums
    }


def _codes(info: msgspec.structs.FieldInfo) -> dict[str, Any]:
    """Return the schema's list of a field's codes, such as the currencies, if it can only have some."""
    annotated = next(part for part in (info.type, *get_args(info.type)) if get_origin(part) is Annotated)
    _, meta = cast("tuple[Any, Meta]", get_args(annotated))
    codes: frozenset[str] | None = (meta.extra or {}).get("codes")
    return {} if codes is None else {"enum": sorted(codes)}


def _inlined(node: Any, enums: dict[str, Any], *, leaves_out: bool) -> Any:  # noqa: ANN401  (every JSON type)
    """Return a schema without references to enums, in terms that draft 4 of JSON Schema also knows."""
    match node:
        case list() | tuple():
            parts = cast("list[Any] | tuple[Any, ...]", node)
            return [_inlined(element, enums, leaves_out=leaves_out) for element in parts]
        case {"anyOf": [schema, {"type": "null"}], "default": None, **others} if leaves_out:
            return _inlined({**others, **schema}, enums, leaves_out=leaves_out)
        case {"$ref": str(reference), **others} if reference.removeprefix(_REFERENCES) in enums:
            codes = enums[reference.removeprefix(_REFERENCES)]["enum"]
            return {**others, "type": "string", "enum": codes}
        case {"propertyNames": {"pattern": str(pattern)}, "additionalProperties": schema, **others}:
            return {**others, "patternProperties": {pattern: schema}, "additionalProperties": False}
        case dict():
            members = cast("dict[str, Any]", node).items()
            return {name: _inlined(part, enums, leaves_out=leaves_out) for name, part in members}
        case _:
            return node


def _post() -> dict[str, Any]:
    return {
        "operationId": "createTransaction",
        "summary": "Submit a transaction. The decision follows within about a second: read it with getTransaction, or "
        "ask for an inline decision with the Prefer header.",
        "parameters": [_PREFER],
        "requestBody": {
            "required": True,
            "description": f"At most {MAX_BODY_BYTES} bytes of UTF-8; a name twice in one object is refused.",
            "content": {
                "application/json": {"schema": {"$ref": _REFERENCES + "TransactionRequest"}, "example": EXAMPLE}
            },
        },
        "responses": {
            "201": {
                **_state("Stored; not yet decided, unless the client waited for an inline decision."),
                "headers": {
                    "Location": {"description": _LOCATION, "schema": {"type": "string"}},
                    "Preference-Applied": _PREFERENCE_APPLIED,
                },
                "links": _READ_IT,
            },
            "200": {
                **_state("The same transaction was stored before; this is its present state."),
                "headers": {"Preference-Applied": _PREFERENCE_APPLIED},
                "links": _READ_IT,
            },
            "400": _problem(_REFUSED),
            "403": _problem("The signature or the API key is missing or wrong."),
            "409": _problem("Another transaction was stored under this transactionId."),
            "413": _problem("The body is too large."),
            "415": _problem("The body is not application/json."),
            **_unavailable(),
        },
    }


def _get() -> dict[str, Any]:
    return {
        "operationId": "getTransaction",
        "summary": "Read a transaction, with decision, score and reasons as soon as there are any.",
        "parameters": [
            {
                "name": "id",
                "in": "path",
                "required": True,
                "description": "The transactionId.",
                "schema": _schemas()["TransactionRequest"]["properties"]["transactionId"],
            }
        ],
        "responses": {
            "200": _state("The transaction in its present state."),
            "403": _problem("The signature or the API key is missing or wrong."),
            "404": _problem("No such transaction."),
            **_unavailable(),
        },
    }


def _unavailable() -> dict[str, Any]:
    return {
        "429": _problem("Too many requests.", retry=True),
        "500": _problem("Something went wrong on our side."),
        "503": _problem("Something that we depend on failed; the same call may be sent again.", retry=True),
        "504": _problem("The request took too long; the same call may be sent again.", retry=True),
    }


def _state(description: str) -> dict[str, Any]:
    schema = {"$ref": _REFERENCES + "TransactionState"}
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _problem(description: str, *, retry: bool = False) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "description": description,
        "content": {"application/problem+json": {"schema": {"$ref": _REFERENCES + "Problem"}}},
    }
    if retry:
        answer["headers"] = {
            "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}}
        }
    return answer

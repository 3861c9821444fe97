"""Request validation: a body against the model of its content type."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from jsonschema import Draft4Validator, ValidationError

from embedded_aws.gateway.responses import bad_body

_JSON = "application/json"
_ANY_TYPE = "$default"


class BodyValidator:
    """Checks bodies as API Gateway's request validator does: JSON Schema draft 4.

    A body of a content type without a model passes: "If no matching content type is found, request validation is not
    performed" (https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-method-request-validation.html).

    Raises:
        jsonschema.SchemaError: A model is no draft 4 schema.
    """

    def __init__(self, schemas: Mapping[str, Mapping[str, Any]]) -> None:
        self._validators: dict[str, Draft4Validator] = {}
        for content_type, schema in schemas.items():
            Draft4Validator.check_schema(schema)
            self._validators[content_type.lower()] = Draft4Validator(schema)

    def check(self, content_type: str | None, body: bytes) -> None:
        """Refuse a body that does not fit.

        Args:
            content_type: The header's value; without one API Gateway assumes `application/json`.
            body: The body as it came.

        Raises:
            RefusalError: It does not fit.
        """
        name = (content_type or _JSON).partition(";")[0].strip().lower()
        validator = self._validators.get(name) or self._validators.get(_ANY_TYPE)
        if validator is None:
            return
        try:
            value: Any = json.loads(body, parse_constant=_refuse)
        except (ValueError, RecursionError):
            raise bad_body("Unable to parse the request body") from None
        errors: Iterable[ValidationError] = validator.iter_errors(value)  # pyright: ignore[reportUnknownMemberType]  (no types)
        if described := [_describe(error) for error in errors]:
            raise bad_body(f"[{', '.join(described)}]")


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _describe(error: ValidationError) -> str:
    # Never jsonschema's own message: that one repeats the value.
    where = "/".join(str(part) for part in error.absolute_path)
    return f"{error.validator} at /{where}"

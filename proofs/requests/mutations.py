"""Differences between document and gateway, put back into one system: the experiment must tell of each."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from proofs.requests.experiment import FAILED, LET_IN, REFUSED, UNREADABLE, RequestsExperiment
from proofs.running.code_changes import CodeChange
from proofs.running.deployed import deployed

_EXAMPLES: Final = 150
_ROUTES: Final = "transactions/api/routes.py"
_VALIDATION: Final = "transactions/api/validation.py"


@dataclass(frozen=True)
class RequestsMutation:
    """A difference, and how the experiment calls what it finds."""

    found_as: str
    changes: tuple[CodeChange, ...]


MUTATIONS: Final[Mapping[str, RequestsMutation]] = {
    "a new transaction is answered with 202": RequestsMutation(
        "UndefinedStatusCode",
        (CodeChange(_ROUTES, "status = HTTPStatus.CREATED if", "status = HTTPStatus.ACCEPTED if"),),
    ),
    "a refund cannot be stored": RequestsMutation(
        FAILED,
        (CodeChange(_ROUTES, "put(request, now=now,", 'put(request, now=now // (request.type != "REFUND"),'),),
    ),
    "problems are pages": RequestsMutation(
        "UndefinedContentType",
        (CodeChange(_ROUTES, '{"Content-Type": "application/problem+json"}', '{"Content-Type": "text/html"}'),),
    ),
    "a time is given as a text": RequestsMutation(
        "JsonSchemaError",
        (
            CodeChange(
                "transactions/api/answer.py",
                "**msgspec.structs.asdict(transaction),",
                '**{**msgspec.structs.asdict(transaction), "received_at": str(transaction.received_at)},',
            ),
        ),
    ),
    "a channel is not served any more": RequestsMutation(
        REFUSED,
        (
            CodeChange(
                _VALIDATION,
                '    address = values.get("ipAddress")\n',
                '    if values.get("channel") == "ATM":\n'
                '        yield FieldError(field="channel", message="is not served")\n'
                '    address = values.get("ipAddress")\n',
            ),
        ),
    ),
    "unknown fields are passed over": RequestsMutation(
        LET_IN,
        (
            CodeChange("transactions/request.py", "forbid_unknown_fields=True", "forbid_unknown_fields=False"),
            CodeChange(
                _VALIDATION,
                '[FieldError(field=_shown(name), message=f"is not a field of a transaction{_meant(name)}")]',
                "[]",
            ),
        ),
    ),
    "an id that begins with a digit is not found again": RequestsMutation(
        UNREADABLE,
        (
            CodeChange(
                _ROUTES,
                "self.store.get(transaction_id) if _TRANSACTION_ID",
                "self.store.get(transaction_id) if not transaction_id[0].isdigit() and _TRANSACTION_ID",
            ),
        ),
    ),
}


def missed(seed: int, folder: Path) -> list[str]:
    """Return the differences that the experiment does not find in a system that has all of them.

    Args:
        seed: of the experiment.
        folder: an empty one.
    """
    with deployed(folder, "proof") as system:
        for mutation in MUTATIONS.values():
            for change in mutation.changes:
                change.apply(system.cloud)
        findings = RequestsExperiment(system, seed, lambda _: None).run(_EXAMPLES).findings
    return [name for name, mutation in MUTATIONS.items() if not findings[mutation.found_as]]

"""What a client may post: one struct, derived from the declaration of a transaction's fields.

msgspec checks and publishes the bounds of each field; `extra` holds what msgspec cannot say (see `fields.FieldSpec`).
Optional fields may be left out; null is not a way to leave them out.
"""

from typing import TYPE_CHECKING, Any, Final

import msgspec

from fraudstream.transactions.fields import request_fields
from fraudstream.transactions.transaction import FIELDS

MAX_BODY_BYTES: Final = 16_384
"""Largest body of a request: every field at its longest fits, in four-byte characters too."""

if TYPE_CHECKING:

    class TransactionRequest(msgspec.Struct, frozen=True, kw_only=True):
        """One payment event, as a client posts it; the fields that code reads by name."""

        transaction_id: str
        timestamp: int | msgspec.UnsetType = msgspec.UNSET

        def __getattr__(self, name: str) -> Any: ...  # noqa: ANN401  (the declaration has all other fields)

else:
    TransactionRequest = msgspec.defstruct(
        "TransactionRequest",
        request_fields(FIELDS),
        module=__name__,
        namespace={"__doc__": "One payment event, as a client posts it."},
        frozen=True,
        kw_only=True,
        rename="camel",
        forbid_unknown_fields=True,
    )

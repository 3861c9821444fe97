"""The stores of a running fraudstream that hold tokens: the one register of them.

A store that is not here is not erased. So tests hold the register to the Pulumi program, and look through everything
that a running system has stored for tokens in other places.
"""

from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from fraudstream.contract import (
    AUDIT_PREFIX,
    DECISION_LOG_PREFIX,
    ERASURE_MARKS_PREFIX,
    RECEIPTS_PREFIX,
    REPORT_PREFIX,
    EntityKind,
)
from fraudstream.transactions.transaction import FIELDS
from fraudstream_tools.operations.privacy.log_turn import turn_with_log

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

    from fraudstream_tools.operations.privacy.log_owner import LogOwner


OnStep = Callable[[str, int, int | None], None]
"""Takes what is being done, how much of it is done, and of how much."""


def says_nothing(_what: str, _done: int, _total: int | None) -> None:
    """Ignore how far something is."""


class TokenStore(StrEnum):
    """Where tokens are, as receipts name it."""

    TRANSACTIONS = "transactions"
    """With their claims, and the index of the sample, which goes with its items."""
    PROFILES = "profiles"
    """Entries of lists, marks and copies of damaged profiles are in the same table."""
    ALERTS = "alerts"
    OUTBOX = "outbox"
    LOG = "decision log"
    REPORTS = "reports"
    AUDIT = "records of what people did"
    OTHER_OBJECTS = "other objects"
    """Everything else in the bucket: rulesets and lists, models, results of queries, whatever comes later."""


TABLES: Final[Mapping[str, TokenStore]] = {
    "transactions": TokenStore.TRANSACTIONS,
    "profiles": TokenStore.PROFILES,
    "alerts": TokenStore.ALERTS,
    "outbox": TokenStore.OUTBOX,
}
"""The purpose of each table, as in its name, to its store."""

PREFIXES: Final[Mapping[str, TokenStore]] = {
    DECISION_LOG_PREFIX: TokenStore.LOG,
    REPORT_PREFIX: TokenStore.REPORTS,
    AUDIT_PREFIX: TokenStore.AUDIT,
}
"""Stores of the bucket's objects by prefix; all others are `OTHER_OBJECTS`."""
WITHOUT_TOKENS: Final = (ERASURE_MARKS_PREFIX, RECEIPTS_PREFIX)
"""Prefixes of objects that this package writes itself."""

OF_BUSINESSES: Final = frozenset({EntityKind.MERCHANT, EntityKind.TERMINAL})
"""They stay."""
OF_PERSONS: Final = frozenset(EntityKind) - OF_BUSINESSES
"""Kinds of entities that may be one person's alone: they go with the last customer who used them."""

OWN_ENTITIES: Final[Mapping[str, EntityKind]] = {
    field.public_name: kind
    for field in FIELDS
    if (kind := field.spec.identifies) is not None and kind in OF_PERSONS and kind.of_tokens is not EntityKind.CUSTOMER
}
"""Attributes with tokens of what may be a person's alone."""


@dataclass(frozen=True, kw_only=True)
class PrivacySystem:
    """The stores, and who reaches them."""

    dynamodb: "DynamoDBClient"
    s3: "S3Client"
    log_owner: "LogOwner"
    transactions: str
    profiles: str
    alerts: str
    bucket: str
    outbox: str | None = None
    """None: the stack was deployed by a version that had none."""
    audit_bucket: str | None = None
    """Bucket of the audit trail, if there is one: nothing is erased from it."""

    def turn_with_log(self, names: Collection[str], on_step: OnStep) -> AbstractContextManager[None]:
        """Wait for the turn to change hours of the log; see `log_turn.turn_with_log`."""
        waiting = "waiting: another erasure, or `tokens rekey`, is changing the log (if it was killed, run it again)"
        return turn_with_log(self.dynamodb, self.profiles, names, lambda: on_step(waiting, 0, None))

"""The stores of a system as `erase` and `tokens rekey` reach them, and tokens of two numbers."""

import base64
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from embedded_aws.ministack.server import MinistackServer
from fraudstream.contract import DECISION_LOG_PREFIX, REPORT_PREFIX, EntityKind
from fraudstream.reporting.daily.reporter import Reporter
from fraudstream.reporting.log.chain.links import LinkKind
from fraudstream.reporting.storage.object_store import BucketStore
from fraudstream.transactions.pseudonyms.lookup import find_tokens
from fraudstream.transactions.pseudonyms.tokens import Tokenizer, TokenRaiser
from fraudstream_tools.operations.privacy.log_owner import LogOwner
from fraudstream_tools.operations.privacy.system import PrivacySystem
from tests.console_harness import PROFILES
from tests.integration.cli.review_harness import ALERTS, BUCKET, TRANSACTIONS

FIRST, SECOND = (base64.b64encode(bytes([number]) * 32).decode() for number in (1, 2))
TOKENIZER = Tokenizer(FIRST, TokenRaiser(SECOND), 2)
(ANN, NEWER), (BOB, _) = (TOKENIZER.tokens(EntityKind.CUSTOMER, name) for name in ("ann", "bob"))
CARD = TOKENIZER.tokens(EntityKind.CARD, "shared")[0]


class Owner(LogOwner):
    """What the report generator does about a log that is empty, with its own code."""

    def __init__(self, store: BucketStore) -> None:
        self.store = store

    def merge_open_hours(self, changed: Sequence[str] = ()) -> None:
        Reporter(
            store=self.store,
            log_prefix=DECISION_LOG_PREFIX,
            report_prefix=REPORT_PREFIX,
            sample=lambda _: set(),
            now=datetime.now(UTC),
            time_left=lambda: 1e9,
        ).roll_up(open_hours=True, changed=changed)

    def note_changes(self, hours: Sequence[str], kind: LinkKind) -> None:
        assert not hours, kind  # the log is empty


def stores_of(aws: MinistackServer) -> PrivacySystem:
    s3 = aws.client("s3")
    return PrivacySystem(
        dynamodb=aws.client("dynamodb"),
        s3=s3,
        log_owner=Owner(BucketStore(s3, BUCKET)),
        transactions=TRANSACTIONS,
        profiles=PROFILES,
        alerts=ALERTS,
        bucket=BUCKET,
    )


def ask(**asked: Any) -> list[list[str]]:
    """Answer as the processor does to who asks for the newest tokens."""
    return [list(found) for found in find_tokens(asked, TOKENIZER, frozenset())]

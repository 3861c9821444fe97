"""Which labels count, where a stack asks for two people: those that have the marks of both.

A label is approved by what it says of which transaction, and by its time: so another label, or a later one, needs a
second person anew. Who says so, the kind of fraud, and what the client did change no profile, and may be told alone.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

import msgspec

from fraudstream.contract import FourEyes
from fraudstream.detection.stores.approvals.change_marks import ChangeMarks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from concurrent.futures import Executor

    from mypy_boto3_s3 import S3Client

_OF_LABEL: Final = frozenset(
    {"label", "labelSource", "labeledAt", "fraudType", "fraudTypeAt", "labelApprovedAt", "labelApprovedBy"}
)


class LabelApprovals:
    """Leaves labels out that do not count.

    Whatever AWS refuses is raised as `ClientError`, and what cannot be reached as `BotoCoreError`.
    """

    def __init__(self, s3: S3Client, bucket: str, pool: Executor) -> None:
        """Store the bucket; marks are asked for side by side in the pool."""
        self._marks = ChangeMarks(s3, bucket, FourEyes.LABELS)
        self._pool = pool

    def counting(self, records: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """Return records of the transactions' stream, or such as are made like them, without labels that still wait.

        A function that is told of a transaction without its label goes on with what it knew before.
        """
        return list(self._pool.map(self._counting, records))

    def _counting(self, record: Mapping[str, Any]) -> Mapping[str, Any]:
        match record:
            case {"dynamodb": {"NewImage": {"label": _} as image}} if not self._counts(image):
                kept = {name: value for name, value in image.items() if name not in _OF_LABEL}
                return {**record, "dynamodb": {**record["dynamodb"], "NewImage": kept}}
            case _:
                return record

    def _counts(self, image: Mapping[str, Any]) -> bool:
        """Return whether a label counts: profiles have learnt it, which functions alone note, or two people say so.

        What waits for a second person says so, and costs no request.
        """
        match image:
            case {"label": label, "labeledAt": at, "learntLabel": learnt, "learntLabeledAt": learnt_at} if (
                label,
                at,
            ) == (learnt, learnt_at):
                return True
            case {
                "transactionId": {"S": str(name)},
                "label": {"S": str(truth)},
                "labeledAt": {"N": str(at)},
                "labelApprovedAt": {"N": str(approved)},
            } if at.isdecimal() and approved != "0":
                # Marks stay: those of an earlier label must not bring it back by whoever writes labels alone.
                learnt_since = image.get("learntLabeledAt", {}).get("N", "0")
                return int(at) >= int(learnt_since) and self._marks.is_approved(label_digest(name, truth, int(at)))
            case _:
                return False


def label_digest(transaction_id: str, truth: str, labeled_at: int) -> str:
    """Return what a label is approved by, a SHA-256.

    Args:
        transaction_id: of which transaction it is.
        truth: what it says.
        labeled_at: its time, epoch milliseconds.
    """
    return hashlib.sha256(msgspec.json.encode([transaction_id, truth, labeled_at])).hexdigest()

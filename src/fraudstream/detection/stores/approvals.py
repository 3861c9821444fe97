"""Marks of people on a ruleset: where a stack asks for two, what one person alone has stored is not used.

A mark is an object whose name says all, and a policy holds each person to names that end with their own
`aws:userid`. So two names are two people, whoever wrote the ruleset itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fraudstream.contract import RULES_APPROVAL_PREFIX, ruleset_digest
from fraudstream.detection.rules.ruleset import RulesetError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PEOPLE: Final = 2


class NotApprovedError(RulesetError):
    """Fewer than two people have put their mark on a ruleset."""


class Approvals:
    """Reads who put a mark on a ruleset.

    Whatever AWS refuses is raised as `ClientError`, and what cannot be reached as `BotoCoreError`.
    """

    def __init__(self, s3: S3Client, bucket: str, known: str = "") -> None:
        """Store the bucket, and the digest of the ruleset that came with the program, which needs no marks."""
        self._s3 = s3
        self._bucket = bucket
        self._known = known

    def people(self, *files: bytes) -> tuple[str, ...]:
        """Return the `aws:userid` of all whose mark a ruleset has, by its three files."""
        prefix = mark_prefix(ruleset_digest(*files))
        found = self._s3.list_objects_v2(Bucket=self._bucket, Prefix=prefix).get("Contents", [])
        names = (entry.get("Key", "").removeprefix(prefix) for entry in found)
        # A policy's pattern lets through what has more parts, whose end alone is the person's own.
        return tuple(sorted(name for name in names if name and "/" not in name))

    def check(self, *files: bytes) -> None:
        """Check that a ruleset, by its three files, came with the program or has the marks of two people.

        Raises:
            NotApprovedError: it has not.
        """
        if ruleset_digest(*files) != self._known and len(self.people(*files)) < PEOPLE:
            raise NotApprovedError(
                ["it waits for another person: whoever did not publish it approves it by `fraudstream rules approve`"]
            )


def mark_prefix(digest: str) -> str:
    """Return what the names of a ruleset's marks begin with; behind it stands the `aws:userid`."""
    return f"{RULES_APPROVAL_PREFIX}{digest}/"

"""Which rulesets and models may be used, where a stack asks for two people: those that have the marks of both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fraudstream.contract import FourEyes, files_digest
from fraudstream.detection.models.model import ModelError
from fraudstream.detection.rules.ruleset import RulesetError
from fraudstream.detection.stores.approvals.change_marks import ChangeMarks

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class NotApprovedError(RulesetError, ModelError):
    """Fewer than two people have put their mark on a ruleset, or on models."""


class Approvals:
    """Knows which rulesets, or which models, may be used."""

    def __init__(self, s3: S3Client, bucket: str, known: str, kind: FourEyes = FourEyes.RULES) -> None:
        """Prepare to look for marks.

        Args:
            s3: the client to read with.
            bucket: the bucket's name.
            known: the digest of the files that came with the program: they need no marks.
            kind: of which kind the files are.
        """
        self._marks = ChangeMarks(s3, bucket, kind)
        self._known = known
        self._kind = kind

    def check(self, *files: bytes) -> None:
        """Check that files came with the program, or have the marks of two people.

        Args:
            files: as `files_digest` wants them.

        Raises:
            NotApprovedError: neither is so.
        """
        digest = files_digest(*files)
        if digest != self._known and not self._marks.is_approved(digest):
            command = f"fraudstream {self._kind} approve"
            raise NotApprovedError(
                [f"it waits for another person: whoever did not publish it approves it by `{command}`"]
            )

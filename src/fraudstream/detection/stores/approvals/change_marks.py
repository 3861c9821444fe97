"""Marks of people on changes: where a stack asks for two people, what one person alone has stored is not used.

A mark is an object whose name says all, and a policy holds each person to names that end with their own
`aws:userid`. So two names are two people, whoever wrote the change itself, unless they are sessions of one name: one
person may have two roles.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fraudstream.aws.listing import objects_under
from fraudstream.contract import APPROVALS_PREFIX, FourEyes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mypy_boto3_s3 import S3Client

PEOPLE: Final = 2


class ChangeMarks:
    """Reads who put a mark on a change of one kind.

    Whatever AWS refuses is raised as `ClientError`, and what cannot be reached as `BotoCoreError`.
    """

    def __init__(self, s3: S3Client, bucket: str, kind: FourEyes) -> None:
        """Prepare to read marks.

        Args:
            s3: the client to read with.
            bucket: the bucket's name.
            kind: of which kind the changes are.
        """
        self._s3 = s3
        self._bucket = bucket
        self._kind = kind

    def people(self, digest: str) -> tuple[str, ...]:
        """Return the `aws:userid` of all whose mark a change has, by its digest."""
        prefix = mark_prefix(self._kind, digest)
        names = [each.get("Key", "").removeprefix(prefix) for each in objects_under(self._s3, self._bucket, prefix)]
        # A policy's pattern lets through what has more parts, whose end alone is the person's own. However many of
        # those there are, they must not hide a mark.
        return tuple(sorted(name for name in names if name and "/" not in name))

    def is_approved(self, digest: str) -> bool:
        """Return whether a change has the marks of two people."""
        return are_two(self.people(digest))


def are_two(marked_by: Iterable[str]) -> bool:
    """Return whether those who put a mark on a change are two people.

    Args:
        marked_by: the `aws:userid` of each.
    """
    return len({person_of(each) for each in marked_by}) >= PEOPLE


def person_of(user_id: str) -> str:
    """Return by what a person is known again in another role: of a session its name, and of a user all of it.

    A session's `aws:userid` is its role's id, a colon, and its name, which a sign-in portal takes from the person in
    whatever role they work. What some portals take is as the person typed it, in small letters or not.

    Args:
        user_id: the `aws:userid`.
    """
    return user_id.rpartition(":")[2].casefold()


def mark_prefix(kind: FourEyes, digest: str) -> str:
    """Return what the names of a change's marks begin with; behind it stands the `aws:userid`."""
    return f"{APPROVALS_PREFIX}{kind}/{digest}/"

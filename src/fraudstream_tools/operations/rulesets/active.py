"""Rulesets in a stack's bucket: put in place after the analyzer's own checks, and taken back.

A ruleset is three files. Each is written on condition that it is still what the plan was made from, so that two people
who deploy at the same time never overwrite each other unknowingly.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from fraudstream.aws.bounded_reads import read_beginning
from fraudstream.aws.errors import error_code
from fraudstream.contract import LISTS_FILE, RATES_FILE, RULESET_FILE, RULESET_FILES, RULESET_PREFIX
from fraudstream.detection.rules.ruleset import Ruleset, RulesetError
from fraudstream.detection.stores.approvals.file_approvals import Approvals
from fraudstream.detection.stores.rulesets.s3_cache import MOST_BYTES, is_absent
from fraudstream_tools.operations.audit.change_note import ChangeNote
from fraudstream_tools.operations.rulesets.differences import RulesetDifference, compare
from fraudstream_tools.operations.rulesets.history import (
    RulesetHistory,
    RulesetVersion,
    checked,
    checked_as_new,
    ruleset_digest,
)

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import HeadObjectOutputTypeDef

_LISTS_FIRST: Final = (LISTS_FILE, RATES_FILE, RULESET_FILE)
_PRECONDITION_FAILED: Final = "PreconditionFailed"
_CONFLICT: Final = "ConditionalRequestConflict"


class ConcurrentChangeError(RuntimeError):
    """Somebody else changed the ruleset after the plan was made."""


@dataclass(frozen=True, kw_only=True)
class StoredRuleset:
    """The files of a ruleset as they are stored, by name; a file that is not there is left out."""

    contents: Mapping[str, bytes]
    etags: Mapping[str, str]

    @property
    def digest(self) -> str:
        """By which whoever changes it says what they began with."""
        return ruleset_digest(self.contents)


@dataclass(frozen=True, kw_only=True)
class RulesetPlan:
    """What would change if a ruleset took the place of the active one. It has passed the analyzer's checks."""

    before: str | None
    """The version of the active ruleset; None where there is none."""
    after: str
    difference: RulesetDifference
    files: tuple[str, ...]
    """The files that would be written, in this order; none if all are stored already."""
    contents: Mapping[str, bytes]
    stored: StoredRuleset
    """What it was made from."""
    displaces: str | None
    """The version of another ruleset that waits for a second person, and would wait no more; None where none does."""

    @property
    def digest(self) -> str:
        """What the ruleset is approved by."""
        return ruleset_digest(self.contents)


class RulesetBucket:
    """The part of a stack's bucket with the ruleset.

    Whatever AWS refuses is raised as `ClientError`, and what cannot be reached as `BotoCoreError`.
    """

    def __init__(self, s3: "S3Client", bucket: str, *, approvals: Approvals | None = None) -> None:
        """Prepare to read and write the files of a ruleset.

        Args:
            s3: the client to do it with.
            bucket: the bucket's name.
            approvals: knows which rulesets were approved; None where one person is enough.
        """
        self._s3 = s3
        self._bucket = bucket
        self._history = RulesetHistory(s3, bucket, approvals)

    def stored(self) -> StoredRuleset:
        """Read the files as they are stored now."""
        contents: dict[str, bytes] = {}
        etags: dict[str, str] = {}
        for name in RULESET_FILES:
            try:
                found = read_beginning(self._s3, self._bucket, RULESET_PREFIX + name, MOST_BYTES)
            except ClientError as error:
                if not is_absent(error):
                    raise
                continue
            contents[name], etags[name] = found.content, found.etag
        return StoredRuleset(contents=contents, etags=etags)

    def active(self) -> Ruleset:
        """Return the ruleset that functions judge by: the newest that can be used.

        Raises:
            NoSuchVersionError: the bucket keeps none.
        """
        return checked(self._history.active().contents)

    def active_files(self) -> Mapping[str, bytes]:
        """Return the three files of the ruleset that functions judge by, by name.

        Raises:
            NoSuchVersionError: the bucket keeps none.
        """
        return self._history.active().contents

    def history(self) -> Iterator[RulesetVersion]:
        """Yield what is and was stored; see `RulesetHistory.versions`."""
        return self._history.versions()

    def plan_deployment(self, contents: Mapping[str, bytes], *, is_stored: bool = False) -> RulesetPlan:
        """Check files, and compare them to the active ruleset.

        Args:
            contents: the three files by name.
            is_stored: they are stored already, and are checked as the functions do and no more.

        Raises:
            RulesetError: every problem of the files.
        """
        after = checked(contents) if is_stored else checked_as_new(contents)
        return self._plan(contents, after, self._history.active_or_none())

    def plan_rollback(self, version: str | None = None) -> RulesetPlan:
        """Find an earlier ruleset, check it as the functions do now, and compare it to the active one.

        Args:
            version: the version or its beginning. None for the one before: the active one where a newer one is stored
                that is refused, else the newest other one that can be used.

        Raises:
            NoSuchVersionError: there is none, the functions would refuse it, or none is named although what is newest
                was gone back to.
        """
        active = self._history.active_or_none()
        chosen = self._history.named(version) if version is not None else self._history.before(active)
        return self._plan(chosen.contents, checked(chosen.contents), active)

    def put(self, plan: RulesetPlan, note: ChangeNote) -> None:
        """Write the files of a plan, each on condition that it is still as the plan saw it.

        Raises:
            ConcurrentChangeError: somebody else changed a file since; the message says what was written.
        """
        written: list[str] = []
        # Files that stay as they are have been checked together with those that are written.
        for name in RULESET_FILES:
            if not self._is_as_stored(name, plan.stored):
                raise ConcurrentChangeError(_overtaken(name, written))
        for name in plan.files:
            if not self._put(name, plan.contents[name], plan.stored.etags.get(name), note):
                raise ConcurrentChangeError(_overtaken(name, written))
            written.append(name)

    def _put(self, name: str, content: bytes, etag: str | None, note: ChangeNote) -> bool:
        """Write a file if it is still the one with the ETag, or still absent; return whether it was."""
        condition: dict[str, Any] = {"IfNoneMatch": "*"} if etag is None else {"IfMatch": etag}
        try:
            self._s3.put_object(
                Bucket=self._bucket,
                Key=RULESET_PREFIX + name,
                Body=content,
                ContentType="application/yaml",
                Metadata=note.to_metadata(content),
                **condition,
            )
        except ClientError as error:
            if error_code(error) not in {_PRECONDITION_FAILED, _CONFLICT} and not is_absent(error):
                raise
            # The answer to a write may be lost, and the SDK repeats it: the second time, our own file is in the way.
            stored = self._head(name)
            return stored is not None and ChangeNote.from_metadata(stored["Metadata"], content) == note
        return True

    def _head(self, name: str) -> "HeadObjectOutputTypeDef | None":
        try:
            return self._s3.head_object(Bucket=self._bucket, Key=RULESET_PREFIX + name)
        except ClientError as error:
            if not is_absent(error):
                raise
            return None

    def _is_as_stored(self, name: str, stored: StoredRuleset) -> bool:
        head = self._head(name)
        return (head["ETag"] if head else None) == stored.etags.get(name)

    def _plan(self, contents: Mapping[str, bytes], after: Ruleset, active: RulesetVersion | None) -> RulesetPlan:
        before = checked(active.contents) if active else None
        stored = self.stored()
        wanted = {name: contents[name] for name in RULESET_FILES}
        newest = next(self._history.versions(), None)
        return RulesetPlan(
            before=before.version if before else None,
            after=after.version,
            difference=compare(before, after),
            files=tuple(name for name in _order(stored.contents, wanted) if stored.contents.get(name) != wanted[name]),
            contents=wanted,
            stored=stored,
            displaces=newest.version if newest and newest.waits and newest.contents != wanted else None,
        )


def _order(stored: Mapping[str, bytes], wanted: Mapping[str, bytes]) -> tuple[str, ...]:
    """Return the order in which files are written: functions that read in between find a ruleset that can be used.

    A list has to be there before a rule asks for it, and may go when none does any more.
    """
    try:
        checked({**stored, LISTS_FILE: wanted[LISTS_FILE]})
    except RulesetError:
        return RULESET_FILES
    return _LISTS_FIRST


def _overtaken(name: str, written: list[str]) -> str:
    done = f"; {', '.join(written)} had been written by then" if written else "; nothing was written"
    return (
        f"somebody else changed {name} after it was read{done}: look at `fraudstream rules history`, then do it again"
    )

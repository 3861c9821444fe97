"""Rulesets in a stack's bucket: put in place after the analyzer's own checks, with their history, and taken back.

A ruleset is three files. Each is written on condition that it is still what the plan was made from, so that two people
who deploy at the same time never overwrite each other unknowingly.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from fraudstream.contract import LISTS_FILE, RATES_FILE, RULESET_FILE, RULESET_FILES, RULESET_PREFIX
from fraudstream.detection import trial
from fraudstream.detection.rules.ruleset import Ruleset, RulesetError, load, version_of
from fraudstream.detection.stores.earlier_versions import FolderState, states
from fraudstream.detection.stores.s3_cache import is_absent
from fraudstream_tools.operations.audit.change_note import ChangeNote
from fraudstream_tools.operations.rulesets.differences import RulesetDifference, compare

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import HeadObjectOutputTypeDef

_LISTS_FIRST: Final = (LISTS_FILE, RATES_FILE, RULESET_FILE)
_RULES_FIRST: Final = (RULESET_FILE, RATES_FILE, LISTS_FILE)
_PRECONDITION_FAILED: Final = "PreconditionFailed"
_CONFLICT: Final = "ConditionalRequestConflict"
_SHORTEST_VERSION: Final = 4


class NoSuchVersionError(LookupError):
    """The bucket keeps no ruleset of a version, or none that can be used."""


class ConcurrentChangeError(RuntimeError):
    """Somebody else changed the ruleset after the plan was made."""


@dataclass(frozen=True, kw_only=True)
class StoredRuleset:
    """The files of a ruleset as they are stored, by name; a file that is not there is left out."""

    contents: Mapping[str, bytes]
    etags: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class RulesetVersion:
    """A ruleset that is or was stored in the bucket."""

    version: str | None
    """None where a file is missing."""
    since: datetime
    files: tuple[str, ...]
    """The files that were written or deleted then."""
    note: ChangeNote | None
    """Who did it; None where no command did: an upload by hand or by `pulumi up`."""
    rules: int | None
    """How many rules it has; None where it is refused."""
    problems: tuple[str, ...]
    """Why the functions refuse it; empty where they do not."""
    is_active: bool
    contents: Mapping[str, bytes]


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


def checked(contents: Mapping[str, bytes]) -> Ruleset:
    """Load a ruleset as the functions do: strict reading, checking, and a trial judgement.

    Args:
        contents: the three files by name.

    Raises:
        RulesetError: every problem that was found.
    """
    if missing := [name for name in RULESET_FILES if name not in contents]:
        raise RulesetError([f"{name}: it is not there" for name in missing])
    ruleset = load(*(contents[name] for name in RULESET_FILES))
    trial.check_ruleset(ruleset)
    return ruleset


class RulesetBucket:
    """The part of a stack's bucket with the ruleset.

    Whatever AWS refuses is raised as `ClientError`, and what cannot be reached as `BotoCoreError`.
    """

    def __init__(self, s3: "S3Client", bucket: str, prefix: str = RULESET_PREFIX) -> None:
        """Store where it is."""
        self._s3 = s3
        self._bucket = bucket
        self._prefix = prefix
        self._known: dict[tuple[str, str], tuple[bytes, ChangeNote | None]] = {}

    def stored(self) -> StoredRuleset:
        """Read the files as they are stored now."""
        contents: dict[str, bytes] = {}
        etags: dict[str, str] = {}
        for name in RULESET_FILES:
            try:
                answer = self._s3.get_object(Bucket=self._bucket, Key=self._prefix + name)
            except ClientError as error:
                if not is_absent(error):
                    raise
                continue
            contents[name], etags[name] = answer["Body"].read(), answer["ETag"]
        return StoredRuleset(contents=contents, etags=etags)

    def active(self) -> Ruleset:
        """Return the ruleset that functions judge by: the newest that can be used.

        Raises:
            NoSuchVersionError: the bucket keeps none.
        """
        return checked(self._active_version().contents)

    def history(self) -> Iterator[RulesetVersion]:
        """Yield what is and was stored, newest first, as far back as the bucket keeps old versions.

        Files that one command wrote make one version. What was stored before all three files were there is left out.
        """
        is_found = False
        unfinished: list[RulesetVersion] = []
        for version in self._versions():
            if version.version is None:
                unfinished.append(version)
                continue
            yield from unfinished
            unfinished = []
            yield replace(version, is_active=not is_found and not version.problems)
            is_found = is_found or not version.problems

    def plan_deployment(self, contents: Mapping[str, bytes]) -> RulesetPlan:
        """Check files, and compare them to the active ruleset.

        Args:
            contents: the three files by name.

        Raises:
            RulesetError: every problem of the files.
        """
        after = checked(contents)
        return self._plan(contents, after, self._active_or_none())

    def plan_rollback(self, version: str | None = None) -> RulesetPlan:
        """Find an earlier ruleset, check it as the functions do now, and compare it to the active one.

        Args:
            version: the version or its beginning. None for the one before: the active one where a newer one is stored
                that is refused, else the newest other one that can be used.

        Raises:
            NoSuchVersionError: there is none, or the functions would refuse it.
        """
        active = self._active_or_none()
        chosen = self._named(version) if version is not None else self._before(active)
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
                Key=self._prefix + name,
                Body=content,
                ContentType="application/yaml",
                Metadata=note.to_metadata(content),
                **condition,
            )
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") not in {_PRECONDITION_FAILED, _CONFLICT} and not is_absent(
                error
            ):
                raise
            # The answer to a write may be lost, and the SDK repeats it: the second time, our own file is in the way.
            found = self._head(name)
            return found is not None and ChangeNote.from_metadata(found["Metadata"], content) == note
        return True

    def _head(self, name: str) -> "HeadObjectOutputTypeDef | None":
        try:
            return self._s3.head_object(Bucket=self._bucket, Key=self._prefix + name)
        except ClientError as error:
            if not is_absent(error):
                raise
            return None

    def _is_as_stored(self, name: str, stored: StoredRuleset) -> bool:
        found = self._head(name)
        return (found["ETag"] if found else None) == stored.etags.get(name)

    def _plan(self, contents: Mapping[str, bytes], after: Ruleset, active: RulesetVersion | None) -> RulesetPlan:
        before = checked(active.contents) if active else None
        stored = self.stored()
        wanted = {name: contents[name] for name in RULESET_FILES}
        return RulesetPlan(
            before=before.version if before else None,
            after=after.version,
            difference=compare(before, after),
            files=tuple(name for name in _order(stored.contents, wanted) if stored.contents.get(name) != wanted[name]),
            contents=wanted,
            stored=stored,
        )

    def _active_or_none(self) -> RulesetVersion | None:
        return next((version for version in self.history() if version.is_active), None)

    def _active_version(self) -> RulesetVersion:
        if (active := self._active_or_none()) is None:
            raise NoSuchVersionError(f"the bucket {self._bucket} keeps no ruleset that can be used: deploy one")
        return active

    def _named(self, version: str) -> RulesetVersion:
        if len(version) < _SHORTEST_VERSION:
            raise NoSuchVersionError(f"{version}: name at least {_SHORTEST_VERSION} digits of the version")
        found = [each for each in self.history() if each.version is not None and each.version.startswith(version)]
        versions = dict.fromkeys(each.version for each in found)
        if not versions:
            raise NoSuchVersionError(f"the bucket keeps no ruleset {version}: `fraudstream rules history` lists them")
        if len(versions) > 1:
            raise NoSuchVersionError(f"{version} may be {' or '.join(map(str, versions))}: name more digits")
        if found[0].problems:
            raise NoSuchVersionError("\n  ".join([f"ruleset {found[0].version} is refused:", *found[0].problems]))
        return found[0]

    def _before(self, active: RulesetVersion | None) -> RulesetVersion:
        versions = list(self.history())
        if active is not None and versions[0].problems:
            return active
        for version in versions:
            if not version.problems and (active is None or version.version != active.version):
                return version
        raise NoSuchVersionError("the bucket keeps no earlier ruleset that can be used")

    def _versions(self) -> Iterator[RulesetVersion]:
        """Yield the history without saying which version is active."""
        pending: list[FolderState] = []
        noted: ChangeNote | None = None
        for state in states(self._s3, self._bucket, self._prefix, RULESET_FILES.__contains__):
            note = (
                self._read(state.changed, state.versions[state.changed])[1] if state.changed in state.versions else None
            )
            if pending and (note is None or noted is None or note.change_id != noted.change_id):
                yield self._version(pending, noted)
                pending = []
            pending.append(state)
            noted = note
        if pending:
            yield self._version(pending, noted)

    def _version(self, made_by: list[FolderState], note: ChangeNote | None) -> RulesetVersion:
        newest = made_by[0]
        contents = {name: self._read(name, version)[0] for name, version in newest.versions.items()}
        try:
            rules, problems = len(checked(contents).rules), ()
        except RulesetError as error:
            rules, problems = None, error.problems
        is_whole = all(name in contents for name in RULESET_FILES)
        return RulesetVersion(
            version=version_of(*(contents[name] for name in RULESET_FILES)) if is_whole else None,
            since=newest.since,
            files=tuple(sorted({state.changed for state in made_by})),
            note=note,
            rules=rules,
            problems=problems,
            is_active=False,
            contents=contents,
        )

    def _read(self, name: str, version: str) -> tuple[bytes, ChangeNote | None]:
        if (name, version) not in self._known:
            answer = self._s3.get_object(Bucket=self._bucket, Key=self._prefix + name, VersionId=version)
            content = answer["Body"].read()
            self._known[name, version] = content, ChangeNote.from_metadata(answer["Metadata"], content)
        return self._known[name, version]


def _order(stored: Mapping[str, bytes], wanted: Mapping[str, bytes]) -> tuple[str, ...]:
    """Return the order in which files are written: functions that read in between find a ruleset that can be used.

    A list has to be there before a rule asks for it, and may go when none does any more.
    """
    try:
        checked({**stored, LISTS_FILE: wanted[LISTS_FILE]})
    except RulesetError:
        return _RULES_FIRST
    return _LISTS_FIRST


def _overtaken(name: str, written: list[str]) -> str:
    done = f"; {', '.join(written)} had been written by then" if written else "; nothing was written"
    return (
        f"somebody else changed {name} after it was read{done}: look at `fraudstream rules history`, then do it again"
    )

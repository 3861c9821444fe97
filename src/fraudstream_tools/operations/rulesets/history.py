"""Rulesets that are or were stored in a stack's bucket, as far back as it keeps old versions of its files."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from fraudstream.aws.bounded_reads import read_beginning
from fraudstream.contract import RULESET_FILE, RULESET_FILES, RULESET_PREFIX, files_digest
from fraudstream.detection import trial
from fraudstream.detection.rules.ruleset import Ruleset, RulesetError, version_of
from fraudstream.detection.stores.approvals.file_approvals import Approvals, NotApprovedError
from fraudstream.detection.stores.rulesets.earlier_versions import FolderState, states
from fraudstream.detection.stores.rulesets.s3_cache import MOST_BYTES
from fraudstream_tools.operations.audit.change_note import ChangeNote
from fraudstream_tools.rules.folder import load_once
from fraudstream_tools.rules.written import check_written

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_SHORTEST_VERSION: Final = 4
_DISPLACED: Final = "it waited for another person until another ruleset was stored: deploy it again"


class RuleChange(StrEnum):
    """What is done to the ruleset."""

    DEPLOY = "deploy"
    ROLL_BACK = "rollback"


class NoSuchVersionError(LookupError):
    """The bucket keeps no ruleset of a version, or none that can be used."""


class RolledBackAlreadyError(NoSuchVersionError):
    """The newest change is a rollback: the version before it is the one that somebody took back."""

    def __init__(self, newest: "RulesetVersion", note: ChangeNote) -> None:
        """Build the sentence: who did it, when, and what to do."""
        super().__init__(
            f"the rules were rolled back already, by {note.by} at {newest.since:%Y-%m-%d %H:%M} UTC, and ruleset "
            f"{newest.version} is active: to go back further, name a version that `fraudstream rules history` lists"
        )


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
    waits: bool = False
    """Whether it could be used, and another person has to approve it."""
    contents: Mapping[str, bytes]

    @property
    def digest(self) -> str | None:
        """What it is approved by; None where a file is missing."""
        return ruleset_digest(self.contents) if self.version is not None else None


def ruleset_digest(contents: Mapping[str, bytes]) -> str:
    """Return what the files of a ruleset are told from all others by, unlike by a version, which is short.

    Args:
        contents: the files by name; one that is not there is taken for an empty one.
    """
    return files_digest(*(contents.get(name, b"") for name in RULESET_FILES))


def checked(contents: Mapping[str, bytes]) -> Ruleset:
    """Load a ruleset as the functions do: strict reading, checking, and a trial judgement.

    Args:
        contents: the three files by name.

    Raises:
        RulesetError: every problem that was found.
    """
    if missing := [name for name in RULESET_FILES if name not in contents]:
        raise RulesetError([f"{name}: it is not there" for name in missing])
    ruleset = load_once(*(contents[name] for name in RULESET_FILES))
    trial.check_ruleset(ruleset)
    return ruleset


def checked_as_new(contents: Mapping[str, bytes]) -> Ruleset:
    """Load a ruleset that somebody wants to publish: it may have no comparison that no transaction can meet.

    Args:
        contents: the three files by name.

    Raises:
        RulesetError: every problem that was found.
    """
    ruleset = checked(contents)
    check_written(ruleset, contents[RULESET_FILE])
    return ruleset


class RulesetHistory:
    """Reads what is and was stored.

    Whatever AWS refuses is raised as `ClientError`, and what cannot be reached as `BotoCoreError`.
    """

    def __init__(self, s3: "S3Client", bucket: str, approvals: Approvals | None = None) -> None:
        """Prepare to read the files of a ruleset.

        Args:
            s3: the client to do it with.
            bucket: the bucket's name.
            approvals: knows which rulesets were approved; None where one person is enough.
        """
        self._s3 = s3
        self._bucket = bucket
        self._approvals = approvals
        self._known: dict[tuple[str, str], tuple[bytes, ChangeNote | None]] = {}

    def versions(self) -> Iterator[RulesetVersion]:
        """Yield what is and was stored, newest first, as far back as the bucket keeps old versions.

        Files that one command wrote make one version. What was stored before all three files were there is part of the
        first version.
        """
        is_found = False
        whole: RulesetVersion | None = None
        unfinished: list[RulesetVersion] = []
        """Those before it, as far as a file was missing."""
        for version in self._stored():
            if version.version is None:
                unfinished.append(version)
                continue
            if whole is not None:
                yield whole
            yield from unfinished
            # Only what is newest can be approved.
            standing = replace(version, waits=False, problems=(_DISPLACED,)) if whole and version.waits else version
            whole, unfinished = replace(standing, is_active=not is_found and not standing.problems), []
            is_found = is_found or not standing.problems
        if whole is not None:
            files = {file for each in (whole, *unfinished) for file in each.files}
            yield replace(whole, files=tuple(sorted(files)))

    def active_or_none(self) -> RulesetVersion | None:
        """Return what functions judge by: the newest that can be used; None where there is none."""
        return next((version for version in self.versions() if version.is_active), None)

    def active(self) -> RulesetVersion:
        """Return what functions judge by: the newest that can be used.

        Raises:
            NoSuchVersionError: the bucket keeps none.
        """
        if (active := self.active_or_none()) is None:
            raise NoSuchVersionError(f"the bucket {self._bucket} keeps no ruleset that can be used: deploy one")
        return active

    def named(self, version: str) -> RulesetVersion:
        """Return a version by its name or the beginning of that.

        Raises:
            NoSuchVersionError: there is none, there are several, or the functions refuse it.
        """
        if len(version) < _SHORTEST_VERSION:
            raise NoSuchVersionError(f"{version}: name at least {_SHORTEST_VERSION} digits of the version")
        matching = [each for each in self.versions() if each.version is not None and each.version.startswith(version)]
        versions = dict.fromkeys(each.version for each in matching)
        if not versions:
            raise NoSuchVersionError(f"the bucket keeps no ruleset {version}: `fraudstream rules history` lists them")
        if len(versions) > 1:
            raise NoSuchVersionError(f"{version} may be {' or '.join(map(str, versions))}: name more digits")
        if matching[0].problems:
            raise NoSuchVersionError("\n  ".join([f"ruleset {matching[0].version} is refused:", *matching[0].problems]))
        return matching[0]

    def before(self, active: RulesetVersion | None) -> RulesetVersion:
        """Return the version to go back to, which may be the active one: where a newer one is stored that is refused.

        Raises:
            RolledBackAlreadyError: what is newest was gone back to.
            NoSuchVersionError: there is none that can be used.
        """
        versions = list(self.versions())
        newest = versions[0] if versions else None
        # An alarm calls several people to this: the second one must not bring back what the first has taken away.
        if newest and newest.note and newest.note.action == RuleChange.ROLL_BACK and newest.is_active:
            raise RolledBackAlreadyError(newest, newest.note)
        if active is not None and versions[0].problems:
            return active
        for version in versions:
            if not version.problems and (active is None or version.version != active.version):
                return version
        raise NoSuchVersionError("the bucket keeps no earlier ruleset that can be used")

    def _stored(self) -> Iterator[RulesetVersion]:
        """Yield the history without saying which version is active."""
        pending: list[FolderState] = []
        noted: ChangeNote | None = None
        for state in states(self._s3, self._bucket, RULESET_PREFIX, RULESET_FILES.__contains__):
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
        rules, problems, waits = None, (), False
        try:
            rules = len(checked(contents).rules)
            if self._approvals:
                self._approvals.check(*(contents[name] for name in RULESET_FILES))
        except RulesetError as error:
            problems, waits = error.problems, isinstance(error, NotApprovedError)
        is_whole = all(name in contents for name in RULESET_FILES)
        return RulesetVersion(
            version=version_of(*(contents[name] for name in RULESET_FILES)) if is_whole else None,
            since=newest.since,
            files=tuple(sorted({state.changed for state in made_by})),
            note=note,
            rules=rules,
            problems=problems,
            is_active=False,
            waits=waits,
            contents=contents,
        )

    def _read(self, name: str, version: str) -> tuple[bytes, ChangeNote | None]:
        if (name, version) not in self._known:
            found = read_beginning(self._s3, self._bucket, RULESET_PREFIX + name, MOST_BYTES, VersionId=version)
            self._known[name, version] = found.content, ChangeNote.from_metadata(found.metadata, found.content)
        return self._known[name, version]

"""The models that a stack's bucket names as active, with what their files say of them.

Whatever AWS refuses is raised as `ClientError`, and what cannot be reached as `BotoCoreError`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fraudstream.contract import MODELS_FILE, MODELS_FOLDER, RULESET_PREFIX, VERSION_DIGITS, FourEyes, files_digest
from fraudstream.detection.models.model import ModelError, ModelFile, load
from fraudstream.detection.models.selection import ActiveModels, model_names, parse_selection
from fraudstream.detection.stores.approvals.file_approvals import Approvals
from fraudstream.detection.stores.rulesets.active import RulesetStore
from fraudstream.reporting.storage.object_store import BucketStore

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True, kw_only=True)
class StoredModel:
    """A model that is to be active."""

    is_live: bool
    """It takes part in decisions; otherwise it is scored and logged beside them, and never counts."""
    name: str
    """Name of its file."""
    file: ModelFile | None
    """None where it cannot be used: functions go on with what they had."""
    problem: str = ""
    """Why not."""


@dataclass(frozen=True, kw_only=True)
class StoredModels:
    """The models that are named."""

    models: tuple[StoredModel, ...] = ()
    """The live one first."""
    digest: str | None = None
    """What they are approved by; None where a file is missing."""

    @property
    def version(self) -> str:
        """What people call them by: the beginning of the digest."""
        return (self.digest or "")[:VERSION_DIGITS]


def stored_models(s3: "S3Client", bucket: str) -> StoredModels:
    """Return the models that are named, in three requests at most.

    Raises:
        ModelError: the file that names them cannot be used.
    """
    store = BucketStore(s3, bucket)
    pointer = store.read(RULESET_PREFIX + MODELS_FILE)
    return models_named(pointer, lambda name: store.read(f"{RULESET_PREFIX}{MODELS_FOLDER}{name}"))


def models_named(pointer: bytes | None, read: Callable[[str], bytes | None]) -> StoredModels:
    """Return the models that a file names.

    Args:
        pointer: the content of the file that names them; None where there is none.
        read: gives the content of a model's file by its name; None where it is not there.

    Raises:
        ModelError: the file that names them cannot be used.
    """
    if pointer is None:
        return StoredModels()
    chosen = parse_selection(pointer)
    contents = {name: read(name) for name in model_names(chosen)}
    named = ((True, chosen.live), (False, chosen.shadow))
    present = [content for content in contents.values() if content is not None]
    return StoredModels(
        models=tuple(_stored(name, contents[name], is_live=is_live) for is_live, name in named if name),
        digest=files_digest(pointer, *present) if len(present) == len(contents) else None,
    )


def live_file(models: Iterable[StoredModel]) -> ModelFile | None:
    """Return the live model's file; None where none is live, or where it cannot be used."""
    return next((each.file for each in models if each.is_live), None)


def live_in_use(s3: "S3Client", bucket: str, known: str) -> ModelFile | None:
    """Return the live model of functions where models need two people: see `models_in_use`.

    Raises:
        RulesetError: there is no ruleset that functions could use.
    """
    live = models_in_use(s3, bucket, known).live
    return None if live is None else live.file


def models_in_use(s3: "S3Client", bucket: str, known: str) -> ActiveModels:
    """Return the models of functions where models need two people: not those which wait.

    Args:
        s3: asks S3.
        bucket: the bucket of models and marks.
        known: the digest of the models that came with the program.

    Raises:
        RulesetError: there is no ruleset that functions could use.
    """
    approvals = Approvals(s3, bucket, known, FourEyes.MODELS)
    store = RulesetStore(
        s3,
        bucket=bucket,
        on_refused=lambda _: None,
        history=lambda: s3,
        model_approvals=approvals,
    )
    return store.current().models


def _stored(name: str, content: bytes | None, *, is_live: bool) -> StoredModel:
    if content is None:
        return StoredModel(is_live=is_live, name=name, file=None, problem="it is not there")
    try:
        return StoredModel(is_live=is_live, name=name, file=load(content).file)
    except ModelError as error:
        return StoredModel(is_live=is_live, name=name, file=None, problem=str(error))

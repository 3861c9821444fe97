"""The models that a stack's bucket names as active, with what their files say of them.

Whatever AWS refuses is raised as `ClientError`, and what cannot be reached as `BotoCoreError`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fraudstream.contract import MODELS_FILE, MODELS_FOLDER, RULESET_PREFIX
from fraudstream.detection.models.model import ModelError, ModelFile, load
from fraudstream.detection.models.selection import parse_selection
from fraudstream.reporting.storage.object_store import BucketStore

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True, kw_only=True)
class StoredModel:
    """A model that is to be active."""

    is_live: bool
    """It takes part in decisions; otherwise it is scored and logged beside them, and never counts."""
    name: str
    """Of its file."""
    file: ModelFile | None
    """None where it cannot be used: functions go on with what they had."""
    problem: str = ""
    """Why not."""


def stored_models(s3: "S3Client", bucket: str) -> list[StoredModel]:
    """Return the models that are named, the live one first; in three requests at most.

    Raises:
        ModelError: the file that names them cannot be used.
    """
    store = BucketStore(s3, bucket)
    content = store.read(RULESET_PREFIX + MODELS_FILE)
    if content is None:
        return []
    chosen = parse_selection(content)
    named = ((True, chosen.live), (False, chosen.shadow))
    return [_stored(store, name, is_live=is_live) for is_live, name in named if name]


def live_file(models: Iterable[StoredModel]) -> ModelFile | None:
    """Return the live model's file; None where none is live, or where it cannot be used."""
    return next((each.file for each in models if each.is_live), None)


def _stored(store: BucketStore, name: str, *, is_live: bool) -> StoredModel:
    content = store.read(f"{RULESET_PREFIX}{MODELS_FOLDER}{name}")
    if content is None:
        return StoredModel(is_live=is_live, name=name, file=None, problem="it is not there")
    try:
        return StoredModel(is_live=is_live, name=name, file=load(content).file)
    except ModelError as error:
        return StoredModel(is_live=is_live, name=name, file=None, problem=str(error))

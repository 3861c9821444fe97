"""Models in a stack's bucket: one takes its place among the active ones, if nobody changed these meanwhile.

Whatever AWS refuses is raised as `ClientError`, and what cannot be reached as `BotoCoreError`.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from fraudstream.aws.bounded_reads import read_beginning
from fraudstream.aws.errors import error_code
from fraudstream.contract import MODELS_FILE, MODELS_FOLDER, RULESET_PREFIX
from fraudstream.detection.models.model import Model
from fraudstream.detection.models.selection import ModelSelection, parse_selection
from fraudstream.detection.stores.rulesets.s3_cache import MOST_BYTES, is_absent
from fraudstream.reporting.storage.object_store import BucketStore
from fraudstream_tools.lab.training.storage.model_storage import (
    chosen_with,
    file_name,
    model_bucket,
    read_models,
    selection_file,
    write_files,
)
from fraudstream_tools.operations.models.approving import ModelApproval
from fraudstream_tools.operations.models.stored_models import StoredModels, models_in_use, models_named
from fraudstream_tools.operations.rulesets.active import ConcurrentChangeError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_KEY: Final = RULESET_PREFIX + MODELS_FILE
_OVERTAKEN: Final = frozenset({"PreconditionFailed", "ConditionalRequestConflict"})


class WaitingModelError(RuntimeError):
    """Another model waits for a second person, and would become active with the mark that this one gets."""


@dataclass(frozen=True, kw_only=True)
class PlannedPromotion:
    """A model beside the active ones as they were read."""

    model: Model
    is_live: bool
    chosen: ModelSelection
    """What will be named."""
    before: StoredModels
    etag: str | None
    """ETag of the file that names `before`; None where there is none."""
    digest: str | None
    """What is approved: of exactly what will be named. None where a model that stays is not there."""
    displaces: str | None
    """The version of models that wait for a second person, and will not be named any more."""


class ModelPromotion:
    """Makes models active in a bucket."""

    def __init__(self, s3: "S3Client", bucket: str, approval: ModelApproval | None) -> None:
        """Prepare to read and write the models of a bucket.

        Args:
            s3: the client to do it with.
            bucket: the bucket's name.
            approval: puts the person's mark on models; None where one person is enough.
        """
        self._s3 = s3
        self._bucket = bucket
        self._approval = approval

    def plan(self, model: Model, *, live: bool) -> PlannedPromotion:
        """Read what is named, and put a model in its place among it; nothing is written.

        Args:
            model: the one to become active.
            live: it is to take part in decisions; else it is watched.

        Raises:
            ModelError: the file that names the active models cannot be used.
            WaitingModelError: the other model that is named waits, and somebody else has named it.
            RulesetError: one waits, and there is no ruleset to tell by which models functions use.
        """
        pointer, etag = self._named()
        store = BucketStore(self._s3, self._bucket)
        contents: dict[str, bytes | None] = {}

        def read(name: str) -> bytes | None:
            if name not in contents:
                contents[name] = store.read(f"{RULESET_PREFIX}{MODELS_FOLDER}{name}")
            return contents[name]

        before = models_named(pointer, read)
        chosen = chosen_with(ModelSelection() if pointer is None else parse_selection(pointer), model, live=live)
        contents[file_name(model)] = model.to_json()
        digest = models_named(selection_file(chosen), read).digest
        is_displaced = self._approval is not None and self._approval.waits(before) and before.digest != digest
        plan = PlannedPromotion(
            model=model,
            is_live=live,
            chosen=chosen,
            before=before,
            etag=etag,
            digest=digest,
            displaces=before.version if is_displaced else None,
        )
        self._refuse_another_that_waits(plan)
        return plan

    def deciding(self, plan: PlannedPromotion) -> Model | None:
        """Return the live model that functions use now, which is not one that waits; None where rules decide alone.

        Raises:
            ModelError: a model that is named cannot be used.
            RulesetError: models wait, and there is no ruleset to tell by which ones functions use.
        """
        if self._approval is not None and self._approval.waits(plan.before):
            return models_in_use(self._s3, self._bucket, self._approval.known).live
        return read_models(model_bucket(self._s3, self._bucket)).live

    def put(self, plan: PlannedPromotion) -> bool:
        """Write a plan, then the person's mark for exactly that; return whether it waits for somebody else.

        What two people have approved before waits for nobody.

        Raises:
            ConcurrentChangeError: somebody else changed since which models are active.
        """
        write_files(model_bucket(self._s3, self._bucket), plan.model)
        self._name(selection_file(plan.chosen), plan.etag)
        if self._approval is None:
            return False
        if plan.digest is None:
            return True
        self._approval.approver.mark(plan.digest)
        return self._approval.waits(StoredModels(digest=plan.digest))

    def _named(self) -> tuple[bytes | None, str | None]:
        try:
            found = read_beginning(self._s3, self._bucket, _KEY, MOST_BYTES)
        except ClientError as error:
            if not is_absent(error):
                raise
            return None, None
        return found.content, found.etag

    def _name(self, content: bytes, etag: str | None) -> None:
        condition: dict[str, Any] = {"IfNoneMatch": "*"} if etag is None else {"IfMatch": etag}
        try:
            self._s3.put_object(
                Bucket=self._bucket, Key=_KEY, Body=content, ContentType="application/yaml", **condition
            )
        except ClientError as error:
            if error_code(error) not in _OVERTAKEN and not is_absent(error):
                raise
            # The answer to a write may be lost, and the SDK repeats it: the second time, our own file is in the way.
            if self._named()[0] != content:
                raise ConcurrentChangeError(
                    "somebody else changed which models are active after that was read: look at `fraudstream models "
                    "show`, then run it again"
                ) from None

    def _refuse_another_that_waits(self, plan: PlannedPromotion) -> None:
        """Refuse to put a mark on the model that stays, where functions use another in its place."""
        approval, before = self._approval, plan.before
        # Who has a mark on what waits has named it, or has looked at it.
        if approval is None or not approval.waits(before) or approval.has_marked(before):
            return
        used = models_in_use(self._s3, self._bucket, approval.known)
        kept, role = (used.shadow, "shadow") if plan.is_live else (used.live, "live")
        stays = next((each for each in before.models if each.is_live is not plan.is_live), None)
        # As a shadow model that goes live it is replaced.
        if stays is not None and stays.name == file_name(plan.model) and plan.is_live:
            return
        if (stays and stays.file) != (kept and kept.file):
            change = f"that no model is {role}" if stays is None else f"the {role} model {stays.name}"
            raise WaitingModelError(
                f"{change} waits for a second person, and your mark would be on it too: look at `fraudstream "
                "models show` and approve it, or have it taken back, then run it again"
            )

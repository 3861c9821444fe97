"""The active ruleset and models: read from S3, checked once a minute, never replaced by invalid ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from fraudstream.aws.errors import is_passing
from fraudstream.clock import epoch_seconds
from fraudstream.contract import MODELS_FILE, MODELS_FOLDER, RULESET_FILES, RULESET_PREFIX
from fraudstream.detection import trial
from fraudstream.detection.models.model import ModelError
from fraudstream.detection.models.selection import NO_MODELS, ActiveModels, load_models, model_names, parse_selection
from fraudstream.detection.rules.ruleset import Ruleset, RulesetError, load
from fraudstream.detection.stores.rulesets.earlier_versions import MAX_STATES, MAX_WAITING_STATES, earlier_states
from fraudstream.detection.stores.rulesets.s3_cache import S3Cache, is_absent
from fraudstream.transactions.pseudonyms.tokens import TokenRaiser

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_s3 import S3Client

    from fraudstream.detection.stores.approvals.file_approvals import Approvals

CHECK_SECONDS: Final = 60.0
STALE_SECONDS: Final = 300.0
"""Age of a look from which nobody judges without another one: Lambda may have kept the function frozen for hours."""


class RulesetStore:
    """Returns the active ruleset, with the models beside its rules."""

    def __init__(
        self,
        s3: S3Client,
        *,
        bucket: str,
        on_refused: Callable[[Exception], None],
        clock: Callable[[], float] = epoch_seconds,
        history: Callable[[], S3Client] | None = None,
        raiser: TokenRaiser | None = None,
        approvals: Approvals | None = None,
        model_approvals: Approvals | None = None,
    ) -> None:
        """Store where the ruleset is.

        Args:
            s3: the client to read it with.
            bucket: the bucket's name.
            on_refused: called at each look at which files cannot be used, so that what was active stays so: an
                earlier ruleset, or earlier models, which may be none.
            clock: the time, epoch seconds.
            history: makes the client that reads earlier versions: a first look takes one where the present one cannot
                be used. None: it raises what was wrong.
            raiser: has the keys of later token numbers: lists may hold tokens of earlier ones.
            approvals: knows who approved a ruleset; None where one person is enough.
            model_approvals: knows who approved models; None where one person is enough.
        """
        self._raiser = raiser or TokenRaiser()
        self._approvals = approvals
        self._model_approvals = model_approvals
        self._bucket = bucket
        self._files = S3Cache(s3, bucket=bucket, prefix=RULESET_PREFIX)
        self._on_refused = on_refused
        self._clock = clock
        self._history = history
        self._loaded: tuple[str, ...] = ()
        self._loaded_models: tuple[str, ...] = ()
        self._models = NO_MODELS
        self._has_models = False
        self._ruleset: Ruleset | None = None
        """Without models."""
        self._judged_by: Ruleset | None = None
        """What `_current` was made of."""
        self._current: Ruleset | None = None
        self._next_look = 0.0

    @property
    def at_hand(self) -> Ruleset | None:
        """The ruleset that was active at the last look; None before the first one."""
        return self._current

    @property
    def is_due(self) -> bool:
        """Whether it is time for another look."""
        return self._current is None or self._clock() >= self._next_look

    @property
    def is_stale(self) -> bool:
        """Whether the last look is too long ago to judge by what it found."""
        return self._clock() >= self._next_look - CHECK_SECONDS + STALE_SECONDS

    def current(self) -> Ruleset:
        """Return the active ruleset.

        Raises:
            RulesetError: what is stored in S3 is invalid, and so is every earlier version of it.
            ModelError: a model is invalid, and no earlier version may be taken.
            ClientError: nothing was read before, and S3 does not give it.
            BotoCoreError: nothing was read before, and S3 cannot be reached.
        """
        if self._current is not None and self._clock() < self._next_look:
            return self._current
        self._next_look = self._clock() + CHECK_SECONDS
        try:
            ruleset = self._look()
        except (RulesetError, ClientError, BotoCoreError) as error:
            self._on_refused(error)
            ruleset = self._last_good_ruleset(error) if self._ruleset is None else self._ruleset
        self._ruleset = ruleset
        # A model that cannot be used keeps no new rule from becoming active, nor the other way round.
        try:
            self._look_at_models()
        except (ModelError, ClientError, BotoCoreError) as error:
            self._on_refused(error)
            if not self._has_models:
                # Rules alone would decide otherwise than with the models, and each decision is for good.
                if self._history is None or is_passing(error):
                    raise
                self._models = self._last_good_models(self._history(), error)
        self._has_models = True
        if self._current is None or ruleset is not self._judged_by or self._current.models is not self._models:
            # In one step: another thread may read `at_hand`.
            self._current = ruleset.with_models(self._models)
            self._judged_by = ruleset
        return self._current

    def _last_good_ruleset(self, error: Exception) -> Ruleset:
        """Return the newest earlier ruleset that can be used; a cold start must not wait for somebody to mend this one.

        Raises:
            Exception: the given error, where there is no such ruleset or S3 cannot be read at all.
        """
        if self._history and (isinstance(error, RulesetError) or (isinstance(error, ClientError) and is_absent(error))):
            most = MAX_WAITING_STATES if self._approvals else MAX_STATES
            wanted = RULESET_FILES.__contains__
            for state in earlier_states(self._history(), self._bucket, RULESET_PREFIX, wanted, most):
                try:
                    files = [state.read(name) for name in RULESET_FILES]
                    # One person may store any number that wait: these are passed over before anybody reads the rules.
                    if self._approvals:
                        self._approvals.check(*files)
                    return self._usable(*files)
                except (RulesetError, FileNotFoundError):
                    continue
        raise error

    def _last_good_models(self, history: S3Client, error: Exception) -> ActiveModels:
        """Return the newest earlier models that can be used, none where there are none.

        Raises:
            ClientError: S3 is too busy to tell.
            BotoCoreError: S3 cannot be reached.
        """
        if not isinstance(error, ModelError) and not (isinstance(error, ClientError) and is_absent(error)):
            return NO_MODELS
        try:
            for state in earlier_states(history, self._bucket, RULESET_PREFIX, _is_of_models):
                try:
                    return self._usable_models(
                        state.read(MODELS_FILE), lambda name, state=state: state.read(MODELS_FOLDER + name)
                    )
                except (ModelError, FileNotFoundError):
                    continue
        except (ClientError, BotoCoreError) as unread:
            self._on_refused(unread)
            if is_passing(unread):
                raise
        return NO_MODELS

    def _look(self) -> Ruleset:
        files = [self._files.read(name) for name in RULESET_FILES]
        etags = tuple(file.etag for file in files)
        if self._ruleset is None or etags != self._loaded:
            self._ruleset = self._usable(*(file.content for file in files))
            self._loaded = etags
        return self._ruleset

    def _usable(self, *files: bytes) -> Ruleset:
        ruleset = load(*files)
        trial.check_ruleset(ruleset)
        if self._approvals:
            self._approvals.check(*files)
        return ruleset.with_raised_lists(self._raiser)

    def _look_at_models(self) -> None:
        try:
            pointer = self._files.read(MODELS_FILE)
        except ClientError as error:
            # Where there never was one, rules decide alone; to end a model's part, the file says that there is none.
            if self._loaded_models or not is_absent(error):
                raise
            return
        files = {name: self._files.read(MODELS_FOLDER + name) for name in model_names(parse_selection(pointer.content))}
        etags = (pointer.etag, *(file.etag for file in files.values()))
        if etags != self._loaded_models:
            self._models = self._usable_models(pointer.content, lambda name: files[name].content)
            self._loaded_models = etags

    def _usable_models(self, pointer: bytes, read: Callable[[str], bytes]) -> ActiveModels:
        chosen = parse_selection(pointer)
        models = _checked_models(load_models(chosen, read))
        if self._model_approvals:
            self._model_approvals.check(pointer, *map(read, model_names(chosen)))
        return models


def _checked_models(models: ActiveModels) -> ActiveModels:
    for model in models:
        if model is not None:
            trial.check_model(model)
    return models


def _is_of_models(name: str) -> bool:
    return name == MODELS_FILE or name.startswith(MODELS_FOLDER)

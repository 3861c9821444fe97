"""The ruleset in force: read from S3, looked at again at most once a minute, and never replaced by a worse one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from fraudstream.detection.ruleset import FILES, Ruleset, RulesetError, load

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_s3 import S3Client

CHECK_SECONDS: Final = 60.0
_NOT_MODIFIED: Final = 304


class RulesetStore:
    """Gives the ruleset in force."""

    def __init__(
        self,
        s3: S3Client,
        *,
        bucket: str,
        prefix: str,
        on_refused: Callable[[Exception], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Say where the ruleset lies.

        Args:
            s3: the client to read it with.
            bucket: the bucket's name.
            prefix: what the three files' keys begin with, such as `rulesets/live/`.
            on_refused: called at each look at which the files cannot be used, so that an earlier ruleset stays.
            clock: seconds that only grow.
        """
        self._s3 = s3
        self._bucket = bucket
        self._prefix = prefix
        self._on_refused = on_refused
        self._clock = clock
        self._files: dict[str, tuple[str, bytes]] = {}
        self._loaded: tuple[str, ...] = ()
        self._current: Ruleset | None = None
        self._next_look = 0.0

    def current(self) -> Ruleset:
        """Give the ruleset in force.

        Raises:
            RulesetError: there is no earlier one, and what lies in S3 is invalid.
            ClientError: there is no earlier one, and S3 does not give it.
            BotoCoreError: there is no earlier one, and S3 cannot be reached.
        """
        now = self._clock()
        if self._current is not None and now < self._next_look:
            return self._current
        self._next_look = now + CHECK_SECONDS
        try:
            self._current = self._look()
        except (RulesetError, ClientError, BotoCoreError) as error:
            if self._current is None:
                raise
            self._on_refused(error)
        return self._current

    def _look(self) -> Ruleset:
        for name in FILES:
            self._fetch(name)
        found = tuple(self._files[name][0] for name in FILES)
        if self._current is None or found != self._loaded:
            self._current = load(*(self._files[name][1] for name in FILES))
            self._loaded = found
        return self._current

    def _fetch(self, name: str) -> None:
        key = self._prefix + name
        try:
            if name in self._files:
                answer = self._s3.get_object(Bucket=self._bucket, Key=key, IfNoneMatch=self._files[name][0])
            else:
                answer = self._s3.get_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") == _NOT_MODIFIED:
                return
            raise
        self._files[name] = answer["ETag"], answer["Body"].read()

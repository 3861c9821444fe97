"""Rulesets and models that the functions of a local system refuse: told to whoever runs it."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from fraudstream.contract import MODELS_FILE, RULESET_PREFIX
from fraudstream.detection.rules.ruleset import RulesetError
from fraudstream.settings import Metric
from fraudstream_tools.cli.support.local.log_tail import LogTail
from fraudstream_tools.operations.rulesets.active import RulesetBucket
from fraudstream_tools.operations.rulesets.history import checked

if TYPE_CHECKING:
    from embedded_aws.cloud import LocalCloud

_METRIC: Final = f'"{Metric.RULESET_INVALID}"'.encode()


class RefusalWatch:
    """Looks into the analyzer's log for files that it refused."""

    def __init__(self, log: Path, rulesets: RulesetBucket) -> None:
        """Begin to watch: what was written before counts too.

        Args:
            log: the file to which the analyzer writes its log.
            rulesets: the bucket's part with the ruleset that the analyzer reads.
        """
        self._tail = LogTail(log)
        self._rulesets = rulesets
        self._told: str | None = None

    @classmethod
    def of(cls, cloud: "LocalCloud") -> "RefusalWatch":
        """Watch the analyzer of a local system."""
        rulesets = RulesetBucket(cloud.client("s3"), cloud.outputs["bucketName"])
        return cls(cloud.log_file(cloud.outputs["analyzerFunction"]), rulesets)

    def news(self) -> str | None:
        """Return a sentence on what was refused since the last look; None if nothing was, or it was told before."""
        if not any(_METRIC in line for line in self._tail.new_lines()):
            return None
        why = self._why()
        if why == self._told:
            return None
        self._told = why
        return f"the analyzer refuses what is stored in {RULESET_PREFIX}, and goes on with the last good files:\n{why}"

    def _why(self) -> str:
        try:
            checked(self._rulesets.stored().contents)
        except RulesetError as error:
            return str(error)
        except (BotoCoreError, ClientError) as error:
            return f"why cannot be seen: {error}"
        return f"the ruleset is good now; if nobody put it right since, {MODELS_FILE} or a model cannot be used"

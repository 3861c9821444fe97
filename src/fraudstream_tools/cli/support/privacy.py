"""What the commands about persons and tokens share: the stores, and how far they are."""

import time
from typing import TYPE_CHECKING, Final

from fraudstream_tools.cli.support.deployment import Deployment
from fraudstream_tools.cli.support.terminal.output import err

if TYPE_CHECKING:
    from fraudstream_tools.operations.privacy.system import PrivacySystem

_SECONDS_BETWEEN_LINES: Final = 5.0


def privacy_system(deployment: Deployment) -> "PrivacySystem":
    """Return the stores of a deployment."""
    from fraudstream_tools.operations.privacy.log_owner import LogOwner  # noqa: PLC0415
    from fraudstream_tools.operations.privacy.system import PrivacySystem  # noqa: PLC0415

    return PrivacySystem(
        dynamodb=deployment.client("dynamodb"),
        s3=deployment.client("s3"),
        log_owner=LogOwner(deployment.client("lambda"), deployment["reportFunction"]),
        transactions=deployment["transactionsTable"],
        profiles=deployment["profilesTable"],
        alerts=deployment["alertsTable"],
        bucket=deployment["bucketName"],
        audit_bucket=deployment.get("auditBucket"),
    )


class Steps:
    """Says on standard error what is being done, and every few seconds how far it is."""

    def __init__(self) -> None:
        self._what = ""
        self._said = 0.0

    def __call__(self, what: str, done: int, total: int | None) -> None:
        """Print a line, if the last one of the same step was some seconds ago."""
        now = time.monotonic()
        if what == self._what and now - self._said < _SECONDS_BETWEEN_LINES and done != total:
            return
        self._what, self._said = what, now
        of = f": {done:,} of {total:,}" if total else ""
        err.print(f"{what}{of}", style="dim", markup=False)

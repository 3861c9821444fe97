"""Records of what commands change, in the name of whose credentials they run with."""

from typing import TYPE_CHECKING

from fraudstream_tools.cli.support.terminal.output import err

if TYPE_CHECKING:
    from fraudstream.contract import FourEyes
    from fraudstream_tools.cli.support.running.deployment import Deployment
    from fraudstream_tools.operations.approving import Approver
    from fraudstream_tools.operations.audit.records import AuditLog


def audit_log(deployment: "Deployment") -> "AuditLog":
    """Return what writes records into the bucket of a deployment.

    Raises:
        CommandError: nothing says which bucket it is.
    """
    from fraudstream_tools.operations.audit.identity import operator_of
    from fraudstream_tools.operations.audit.records import AuditLog

    return AuditLog(deployment.client("s3"), deployment["bucketName"], operator_of(deployment.client("sts")))


def needs_two(deployment: "Deployment", kind: "FourEyes") -> bool:
    """Return whether changes of a kind need a second person."""
    return kind in (deployment.get("fourEyes") or "").split(",")


def say_that_it_waits(deployment: "Deployment", kind: "FourEyes") -> None:
    """Print that a change counts once somebody else has approved it, where that is so."""
    if needs_two(deployment, kind):
        err.print(f"it counts once somebody else has approved it: fraudstream {kind} approve")


def approver(deployment: "Deployment", kind: "FourEyes") -> "Approver":
    """Return what puts the mark of whose credentials these are on changes of a kind.

    Raises:
        CommandError: nothing says which bucket it is.
    """
    from fraudstream_tools.operations.approving import Approver

    return Approver(s3=deployment.client("s3"), bucket=deployment["bucketName"], audit=audit_log(deployment), kind=kind)

"""What answers questions to the decision log of a fraudstream, by what its stack has."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fraudstream_tools.cli.support.running.athena_workgroup import athena_of

if TYPE_CHECKING:
    from fraudstream_tools.analytics.log_questions import LogQuestions
    from fraudstream_tools.cli.support.running.deployment import Deployment


def log_questions(
    deployment: "Deployment", copy: Path | None, fetched: Path, watch: Callable[[Any], Any] = lambda client: client
) -> "LogQuestions":
    """Return what answers: a copy that is named, Athena where the stack has it, or a copy that is fetched when needed.

    Args:
        deployment: which fraudstream.
        copy: a folder that somebody has copied it to.
        fetched: an empty folder for what is fetched; whoever made it removes it.
        watch: returns a client that counts its requests.
    """
    from fraudstream_tools.analytics.log_questions import AthenaLog, FetchedLog, FolderLog

    if copy is not None:
        return FolderLog(copy)
    if deployment.get("analyticsWorkgroup") and deployment.get("analyticsDatabase"):
        athena = athena_of(deployment)
        watch(athena.client)
        return AthenaLog(athena)
    return FetchedLog(watch(deployment.client("s3")), deployment["bucketName"], fetched)

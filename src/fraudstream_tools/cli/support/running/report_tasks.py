"""What the commands about the log and its reports share: they have the report function do a task."""

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from fraudstream_tools.cli.support.running.deployment import Deployment
from fraudstream_tools.cli.support.terminal.failures import explained
from fraudstream_tools.cli.support.terminal.output import CommandError

if TYPE_CHECKING:
    from fraudstream_tools.operations.report_function import ReportFunction


def refuse_future(option: str, day: date) -> None:
    """Refuse a day that has not begun, which no report and no part of the log is about.

    Raises:
        CommandError: it is later than today (UTC).
    """
    today = datetime.now(UTC).date()
    if day > today:
        raise CommandError(f"{option} {day}: that day has not begun; it is {today} (UTC)")


def report_function(deployment: Deployment) -> "ReportFunction":
    """Return the report function of a deployment.

    Raises:
        CommandError: nothing says which function it is.
    """
    from fraudstream_tools.operations.report_function import CLIENT_SETTINGS, ReportFunction

    name = deployment["reportFunction"]
    return ReportFunction(deployment.client("lambda", CLIENT_SETTINGS), name, deployment.log_file(name) or "")


def run_task(deployment: Deployment, task: str, *, advice: str = "", **asked: object) -> Any:  # noqa: ANN401  (JSON)
    """Return the report function's answer to a task.

    Args:
        deployment: has the function.
        task: what is to be done.
        advice: what helps where the function fails.
        **asked: what the task takes.

    Raises:
        CommandError: the function cannot be called, or fails.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    from fraudstream_tools.operations.report_function import ReportFunctionError

    try:
        return report_function(deployment).run(task, **asked)
    except ReportFunctionError as error:
        raise CommandError(f"{error}{f'; {advice}' if advice else ''}") from None
    except (BotoCoreError, ClientError) as error:
        raise CommandError(f"the report function cannot be called: {explained(error)}") from None

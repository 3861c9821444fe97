"""What the commands about the log and its reports share: they have the report function do a task."""

from typing import Any

from fraudstream_tools.cli.support.running.deployment import Deployment
from fraudstream_tools.cli.support.terminal.failures import explained
from fraudstream_tools.cli.support.terminal.output import CommandError


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

    from fraudstream_tools.operations.report_function import ReportFunction, ReportFunctionError

    function = ReportFunction(deployment.client("lambda"), deployment["reportFunction"])
    try:
        return function.run(task, **asked)
    except ReportFunctionError as error:
        raise CommandError(f"{error}{f'; {advice}' if advice else ''}") from None
    except (BotoCoreError, ClientError) as error:
        raise CommandError(f"the report function cannot be called: {explained(error)}") from None

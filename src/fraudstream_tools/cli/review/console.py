"""`fraudstream console`: pages for people who review alerts."""

import tempfile
import webbrowser
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from fraudstream_tools.cli.support.options import StackOption
from fraudstream_tools.cli.support.running.deployment import Deployment
from fraudstream_tools.cli.support.running.ports import refuse_taken
from fraudstream_tools.cli.support.terminal.output import err, out

if TYPE_CHECKING:
    from fraudstream_tools.console.system import ConsoleSystem

_CLIENT_SETTINGS: Final[Mapping[str, Any]] = {
    "connect_timeout": 5,
    "retries": {"mode": "standard", "total_max_attempts": 3},
}
"""Options of botocore's `Config`; own choice: a person waits, and can ask again. By itself, botocore asks DynamoDB ten
times, which takes half a minute where nothing answers, and waits a minute for each connection to the others."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(console)


def console(
    *,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65_535, help="The port on 127.0.0.1; 0 takes a free one.")
    ] = 0,
    open_it: Annotated[
        bool, typer.Option("--open/--no-open", help="Open it in the browser; the link is printed either way.")
    ] = True,
    log: Annotated[
        Path | None,
        typer.Option(
            "--log",
            metavar="FOLDER",
            exists=True,
            file_okay=False,
            help="A copy of the decision log (`fraudstream log pull`).  [default: the stack's own]",
        ),
    ] = None,
    rules: Annotated[
        Path,
        typer.Option("--rules", metavar="FOLDER", help="The folder of rules whose fixtures a draft is tried on."),
    ] = Path("rules"),
    stack: StackOption = None,
) -> None:
    """Review alerts in the browser, until Ctrl-C.

    The pages are served to this machine alone, and work with your AWS credentials on the fraudstream that is found. The
    printed link works once. Everything that you do is recorded under your AWS identity.

    ```
    fraudstream console
    fraudstream console --stack prod --no-open
    fraudstream console --log log-copy
    ```
    """
    from fraudstream_tools.cli.support.logs.log_questions import log_questions
    from fraudstream_tools.console.request_counts import watch
    from fraudstream_tools.console.server import serve
    from fraudstream_tools.operations.day_so_far import DayCopy

    refuse_taken(port)
    deployment = Deployment(stack, client_settings=_CLIENT_SETTINGS)
    system = _system(deployment)
    system.rules = rules

    def ready(url: str) -> None:
        out.print(url, soft_wrap=True)
        err.print(f"{system.name}, as {system.operator.name}; Ctrl-C ends it", style="dim")
        if open_it:
            webbrowser.open(url)

    # What is fetched of the decision log is tokens and amounts, for as long as somebody works.
    with tempfile.TemporaryDirectory(prefix="fraudstream-console-") as fetched:
        system.log = log_questions(deployment, log, Path(fetched, "log"), watch)
        system.today = DayCopy(s3=system.s3, bucket=system.bucket, folder=Path(fetched, "today"))
        serve(system, port, ready)


def _system(deployment: Deployment) -> "ConsoleSystem":
    from fraudstream_tools.cli.support.review.case_work import case_news
    from fraudstream_tools.console.request_counts import watch
    from fraudstream_tools.console.system import ConsoleSystem
    from fraudstream_tools.operations.audit.identity import operator_of
    from fraudstream_tools.operations.cases.service_level import ServiceLevel
    from fraudstream_tools.operations.privacy.tokens import ask_for_tokens

    # Where no fraudstream is found, that is what is to be said, and nothing of credentials.
    alerts = deployment["alertsTable"]
    processor = deployment.get("processorFunction")
    return ConsoleSystem(
        name="local system" if deployment.is_local else f"stack {deployment.stack}" if deployment.stack else "AWS",
        dynamodb=watch(deployment.client("dynamodb")),
        s3=watch(deployment.client("s3")),
        operator=operator_of(deployment.client("sts")),
        transactions=deployment["transactionsTable"],
        alerts=alerts,
        profiles=deployment["profilesTable"],
        bucket=deployment["bucketName"],
        service_level=ServiceLevel.of_outputs(deployment.get("reviewHours"), deployment.get("reviewExpiryDays")),
        back_office=deployment.get("backOfficeUrl"),
        approved_ruleset=deployment.get("approvedRuleset"),
        approved_models=deployment.get("approvedModels"),
        four_eyes=(deployment.get("fourEyes") or "").split(","),
        news=case_news(deployment),
        cloudwatch=None if deployment.is_local else watch(deployment.client("cloudwatch")),
        environment=alerts.removeprefix("table-alerts-"),
        ask_for_tokens=partial(ask_for_tokens, watch(deployment.client("lambda")), processor) if processor else None,
    )

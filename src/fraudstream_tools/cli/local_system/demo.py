"""`fraudstream demo`: the whole system on this machine, for one simulated day."""

from typing import Annotated

import typer

from fraudstream_tools.cli.support.checkout import enter_checkout


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(demo)


def demo(
    connections: Annotated[
        int, typer.Option("--connections", "-c", min=1, max=64, help="Number of requests at the same time.")
    ] = 3,
) -> None:
    """Run the whole system on this machine: deploy it, replay a day, show what was decided and why, and stop.

    The Pulumi program is deployed into an embedded AWS, without Docker and without an AWS account. A simulated day of
    more than 5,000 transactions, with fraud in it, goes through the API; nothing leaves 127.0.0.1. The report stays in
    .local/demo-report. The last line is for machines; exits with 1 if a single transaction was lost.

    ```
    fraudstream demo
    fraudstream demo -c 8
    ```
    """
    from fraudstream_tools.cli.support.demo.run import run_demo

    if run_demo(enter_checkout() / ".local" / "demo-report", connections):
        raise typer.Exit(1)

"""`fraudstream local`: the whole system on this machine, until Ctrl-C."""

import json
import os
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from fraudstream_tools.cli.support.checkout import enter_checkout
from fraudstream_tools.cli.support.files.output_files import refuse_unwritable
from fraudstream_tools.cli.support.running.deployment import LOCAL_OUTPUTS
from fraudstream_tools.cli.support.terminal.output import CommandError, err, out
from fraudstream_tools.cli.support.terminal.steps import ProgressSteps

if TYPE_CHECKING:
    from embedded_aws.cloud import LocalCloud

_LOOK_SECONDS = 1.0
_EXAMPLE = {
    "transactionId": "order-1",
    "amountMinor": 4999,
    "currency": "EUR",
    "type": "PAYMENT",
    "customerId": "customer-81",
    "cardCountry": "DE",
    "ipCountry": "BR",
}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(local)


def local(
    port: Annotated[
        int | None,
        typer.Option("--port", min=1, max=65_535, help="The API's port; without it, a free one, another each time."),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A setting of the stack (docs/settings.md); may be repeated."),
    ] = None,
) -> None:
    """Run the whole system on this machine until Ctrl-C.

    Prints the API's URL and curl lines to paste. While it runs, the other commands find it by themselves, and a ruleset
    or model that its analyzer refuses is told here. What it stored goes when it stops; with --port its URL stays.

    ```
    fraudstream local --port 8080
    fraudstream local --set events=all --set reviewHours=4
    ```
    """
    from fraudstream_tools.cli.support.local.lambda_endpoint import lambda_endpoint
    from fraudstream_tools.cli.support.local.system import deployed, local_settings

    outputs_file = enter_checkout() / LOCAL_OUTPUTS
    refuse_unwritable(outputs_file)
    chosen = local_settings(settings or (), "local")
    with (
        ProgressSteps() as steps,
        deployed("local", steps, port, chosen) as cloud,
        lambda_endpoint(cloud.invoke, cloud) as lambda_url,
    ):
        steps.pause()
        with _left_in(outputs_file, _outputs(cloud, lambda_url)):
            _print_hints(cloud, outputs_file.parent / "local" / "state")
            try:
                _tell_troubles(cloud)
            except KeyboardInterrupt:
                err.print()


def _tell_troubles(cloud: "LocalCloud") -> NoReturn:
    """Print which rulesets and models are refused, and that logs are lost, until Ctrl-C.

    Raises:
        CommandError: the embedded AWS ended.
    """
    from embedded_aws.ministack.server import ServerError
    from fraudstream_tools.cli.support.local.refused_rulesets import RefusalWatch

    watch = RefusalWatch.of(cloud)
    is_loss_told = False
    while True:
        time.sleep(_LOOK_SECONDS)
        try:
            cloud.check()
        except ServerError as error:
            raise CommandError(f"the embedded AWS has ended: start `fraudstream local` again\n{error}") from None
        if news := watch.news():
            _warn(news)
        if not is_loss_told and (lost := cloud.lost_log):
            is_loss_told = True
            _warn(f"lines of the functions' logs are lost: {lost.filename}: {lost.strerror}")


def _warn(trouble: str) -> None:
    err.print(f"warning: {trouble}", style="yellow", soft_wrap=True)


def _outputs(cloud: "LocalCloud", lambda_url: str) -> Mapping[str, str]:
    return {
        **cloud.outputs,
        "endpointUrl": cloud.endpoint_url,
        "lambdaUrl": lambda_url,
        "functionLogs": str(cloud.log_file(cloud.outputs["reportFunction"]).parent),
        "accessKeyId": cloud.credentials.access_key,
        "secretAccessKey": cloud.credentials.secret_key,
    }


@contextmanager
def _left_in(file: Path, content: Mapping[str, str]) -> Generator[None]:
    try:
        # A new file, readable by its owner alone: the keys in it open everything that is stored here.
        file.unlink(missing_ok=True)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
            json.dump(content, stream, indent=2)
        yield
    finally:
        file.unlink(missing_ok=True)


def _print_hints(cloud: "LocalCloud", state: Path) -> None:
    url, region = cloud.outputs["apiUrl"], cloud.outputs["region"]
    signed = (
        f'curl --aws-sigv4 "aws:amz:{region}:execute-api" \\\n'
        f'    --user "{cloud.credentials.access_key}:{cloud.credentials.secret_key}" \\\n'
    )
    body = f"    -H 'content-type: application/json' \\\n    -d '{json.dumps(_EXAMPLE)}' \\\n"
    lines = (
        f"\nfraudstream is running at {url}\n\nPost a transaction, and read what was decided:\n",
        f"  {signed}{body}    {url}/transactions\n",
        f"  {signed}    {url}/transactions/{_EXAMPLE['transactionId']}\n",
        "Or, in another terminal (.venv/bin on the PATH):\n",
        "  fraudstream submit --id order-2 --amount 49.99 --currency EUR --set cardCountry=DE --set ipCountry=BR",
        "  fraudstream get order-2",
        "  fraudstream simulate --customers 200 --days 1 --episodes 40 --output day.jsonl",
        "  fraudstream replay day.jsonl --shift-to-now",
        "  fraudstream alerts list",
        "  fraudstream console\n",
        f"Its state and the functions' logs are in {state}, and go when it stops.",
        "Ctrl-C stops it and leaves nothing behind.",
    )
    for line in lines:
        out.print(line, soft_wrap=True)

"""`fraudstream log pull`: the decision log, for what is asked of it on this machine."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from fraudstream_tools.cli.support.deployment import Deployment
from fraudstream_tools.cli.support.options import JsonOption, StackOption
from fraudstream_tools.cli.support.output import CommandError, err, out, print_json
from fraudstream_tools.cli.support.progress import progress_bar

_KEPT = "What was copied stays: run it again to go on"


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    log = typer.Typer(name="log", no_args_is_help=True, help="Copy the decision log to this machine.")
    log.command()(pull)
    app.add_typer(log)


def pull(
    folder: Annotated[Path, typer.Argument(help="The folder to copy to.")] = Path("decision-log"),
    *,
    since: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The first day (UTC).  [default: all]")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The last day (UTC).  [default: all]")
    ] = None,
    stack: StackOption = None,
    as_json: JsonOption = False,
) -> None:
    """Copy the decision log from the bucket to a folder.

    `train`, `promote`, `backtest`, `rules explain` and `report --log` read such a folder. What is there already is not
    copied again, so the same command brings a folder up to date, and goes on where it was broken off. A day is the one
    on which transactions were received; of segments, the one on which the log was told.

    ```
    fraudstream log pull
    fraudstream log pull november/ --since 2026-11-01 --until 2026-11-30
    ```
    """
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415  (kept out of `--help`)

    from fraudstream.contract import DECISION_LOG_PREFIX  # noqa: PLC0415
    from fraudstream_tools.cli.support.logs.log_copy import LogCopy  # noqa: PLC0415

    if since and until and since > until:
        raise CommandError("--since is after --until")
    deployment = Deployment(stack)
    copy = LogCopy(
        client=deployment.client("s3"), bucket=deployment["bucketName"], prefix=DECISION_LOG_PREFIX, folder=folder
    )
    try:
        missing, known = copy.missing(since and since.date(), until and until.date())
        size = sum(each.size for each in missing)
        with progress_bar("bytes", size) as advance:
            copy.pull(missing, advance)
    except (BotoCoreError, ClientError) as error:
        raise CommandError(f"the bucket {copy.bucket} cannot be read: {error}. {_KEPT}") from None
    except OSError as error:
        raise CommandError(f"{error.filename or folder}: {error.strerror}. {_KEPT}") from None
    except KeyboardInterrupt:
        raise CommandError(f"broken off. {_KEPT}") from None
    if as_json:
        print_json({"objects": known, "copied": len(missing), "bytes": size})
        return
    if not known:
        err.print("the bucket has no decision log of these days yet")
    out.print(f"{folder}: {len(missing):,} of {known:,} objects copied, {size:,} bytes", markup=False, soft_wrap=True)

"""`fraudstream breaker`: whether the live model is held back, and its reset."""

from typing import TYPE_CHECKING, Annotated

import typer

from fraudstream_tools.cli.support.options import JsonOption, StackOption
from fraudstream_tools.cli.support.review.audit import audit_log
from fraudstream_tools.cli.support.running.deployment import Deployment
from fraudstream_tools.cli.support.terminal.output import CommandError, one_line, out, print_json

if TYPE_CHECKING:
    from fraudstream.detection.models.model import ModelFile
    from fraudstream_tools.operations.models.breaker import BreakerState, ModelBreaker


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    group = typer.Typer(
        name="breaker",
        no_args_is_help=True,
        help="""
Show and reset the breaker of the live model.

A live model that alone flags far more than it did in its training loses its power to decline: what only the model would
decline is reviewed, rules decline as before, and the alarm `model-held-back` rings. Somebody has to find out why, and
to reset it, or to take another model (`fraudstream train`, `fraudstream promote`).
""",
    )
    group.command()(show)
    group.command()(reset)
    app.add_typer(group)


def show(*, stack: StackOption = None, as_json: JsonOption = False) -> None:
    """Show what the live model alone flagged in the last 24 hours, and whether it may decline.

    ```
    fraudstream breaker show
    ```
    """
    deployment = Deployment(stack)
    model = _live(deployment)
    state = None if model is None else _breaker(deployment).state(model)
    if as_json:
        import msgspec

        print_json(msgspec.to_builtins(state))
    elif model is None:
        out.print("no model is live: rules decide alone, and nothing has to be watched")
    elif state is None:
        out.print("the live model promises nothing, so nothing keeps watch over it: train it anew")
    else:
        _print(state)


def reset(
    *,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it is recorded.")],
    stack: StackOption = None,
    as_json: JsonOption = False,
) -> None:
    """Return to the live model its power to decline, and count anew; it is recorded who did it and why.

    Analyzers know it within a minute.

    ```
    fraudstream breaker reset --reason "sale of the year, alerts looked at"
    ```
    """
    from fraudstream_tools.operations.audit.change_note import ReasonError, checked_reason
    from fraudstream_tools.operations.models.breaker import NotHeldBackError

    deployment = Deployment(stack)
    model = _live(deployment)
    if model is None:
        raise CommandError("no model is live: rules decide alone, and nothing is to be reset")
    try:
        _breaker(deployment).reset(model, reason=checked_reason(reason), audit=audit_log(deployment))
    except (NotHeldBackError, ReasonError) as error:
        raise CommandError(str(error)) from None
    if as_json:
        print_json({"version": model.version, "reset": True})
        return
    out.print(f"model {model.version} may decline again")


def held_back(deployment: Deployment) -> str | None:
    """Return the version of the live model that functions use where the breaker holds it back, else None."""
    try:
        model = _live(deployment)
    except CommandError:
        return None
    state = None if model is None else _breaker(deployment).state(model)
    return None if state is None or state.broken_at is None else state.version


def _breaker(deployment: Deployment) -> "ModelBreaker":
    from fraudstream_tools.operations.models.breaker import ModelBreaker

    return ModelBreaker(deployment.client("dynamodb"), deployment["profilesTable"])


def _live(deployment: Deployment) -> "ModelFile | None":
    from fraudstream.detection.models.model import ModelError
    from fraudstream.detection.rules.ruleset import RulesetError
    from fraudstream_tools.operations.models.stored_models import live_file, live_in_use, stored_models

    s3, bucket, known = deployment.client("s3"), deployment["bucketName"], deployment.get("approvedModels")
    try:
        # What is named may wait for a second person, while functions go on with what they had.
        return live_in_use(s3, bucket, known) if known else live_file(stored_models(s3, bucket).models)
    except (ModelError, RulesetError) as error:
        raise CommandError(f"no model is active: {error}") from None


def _print(state: "BreakerState") -> None:
    from fraudstream_tools.cli.support.terminal.ages import moment_text

    status = "may decline" if state.broken_at is None else f"is held back since {moment_text(state.broken_at)}"
    out.print(f"model {state.version} {status}")
    if not state.is_readable:
        out.print(
            f"something else than counts is stored in breaker#{state.version}: nothing keeps watch over the model "
            "until `fraudstream breaker reset`",
            soft_wrap=True,
        )
    out.print(
        f"in the last 24 hours it alone flagged {state.flagged:,} of {state.decisions:,} decisions; "
        f"its promise allows {state.allowed:,.1f}",
        soft_wrap=True,
    )
    if state.reset_at is not None:
        out.print(f"reset at {moment_text(state.reset_at)} by {one_line(state.reset_by or '')}", soft_wrap=True)

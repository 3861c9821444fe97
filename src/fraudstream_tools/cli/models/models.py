"""`fraudstream models`: which models a running fraudstream names, and the second person's word on them."""

from typing import TYPE_CHECKING, Annotated

import typer

from fraudstream.contract import VERSION_DIGITS, FourEyes
from fraudstream_tools.cli.models.breaker import held_back
from fraudstream_tools.cli.support.options import JsonOption, StackOption
from fraudstream_tools.cli.support.review.audit import approver
from fraudstream_tools.cli.support.running.deployment import Deployment
from fraudstream_tools.cli.support.terminal.output import CommandError, out, print_json

if TYPE_CHECKING:
    from fraudstream_tools.operations.models.approving import ModelApproval
    from fraudstream_tools.operations.models.stored_models import StoredModels


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    group = typer.Typer(
        name="models",
        no_args_is_help=True,
        help="""
Show and approve the models that a running fraudstream names as active.

`fraudstream promote` names them. Where the setting `fourEyes` names models, the functions use what two people have put
their mark on, or what came with the program, and nothing else.
""",
    )
    group.command()(show)
    group.command()(approve)
    app.add_typer(group)


def show(*, stack: StackOption = None, as_json: JsonOption = False) -> None:
    """Show the models that are named, the version of both together, and whether they wait for a second person.

    Where the breaker holds back the live model that functions use, it says so.

    They are approved by the whole digest: other models can be made that share a version.

    ```
    fraudstream models show
    ```
    """
    deployment = Deployment(stack)
    stored = _stored(deployment)
    waits = bool(deployment.get("approvedModels")) and _approval(deployment).waits(stored)
    held = held_back(deployment)
    if as_json:
        named = [{"as": "live" if each.is_live else "shadow", "name": each.name} for each in stored.models]
        told = {"version": stored.version or None, "digest": stored.digest, "waits": waits, "heldBack": held}
        print_json(told | {"models": named})
        return
    if not stored.models:
        out.print("no model is named: rules decide alone", style="dim")
    for each in stored.models:
        problem = f": {each.problem}" if each.problem else ""
        out.print(f"{'live' if each.is_live else 'shadow'} {each.name}{problem}", soft_wrap=True)
    if stored.digest is not None:
        waiting = ", which waits until somebody else has approved it" if waits else ""
        out.print(f"version {stored.version}{waiting}", soft_wrap=True)
        out.print(f"digest {stored.digest}", style="dim", soft_wrap=True)
    if held is not None:
        out.print(f"the live model {held} is held back, and declines nothing: fraudstream breaker show", soft_wrap=True)


def approve(
    digest: Annotated[
        str, typer.Argument(metavar="DIGEST", help="The digest of what you have looked at, all 64 digits.")
    ],
    *,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why it may become active.")],
    stack: StackOption = None,
    as_json: JsonOption = False,
) -> None:
    """Approve the models that are named by your mark, where the stack asks for two people (setting `fourEyes`).

    Whoever promotes a model puts a mark on what is named then, and it stays unused until somebody else has done so.
    Before the setting is turned on, two people approve the active models so, unless they came with the program.

    ```
    fraudstream models show
    fraudstream models approve 3f9c0d2a71be… --reason "seen with its card"
    ```
    """
    from fraudstream_tools.operations.approving import ApprovalError
    from fraudstream_tools.operations.audit.change_note import ReasonError

    deployment = Deployment(stack)
    try:
        _approval(deployment).approve(_stored(deployment), digest, reason=reason)
    except (ApprovalError, ReasonError) as error:
        raise CommandError(str(error)) from None
    if as_json:
        print_json({"digest": digest, "approved": True})
    else:
        said = f"your mark is on the models {digest[:VERSION_DIGITS]}; functions use it within a minute of the second"
        out.print(said, soft_wrap=True)


def model_approval(deployment: Deployment) -> "ModelApproval | None":
    """Return what puts the person's mark on models; None where the stack asks for one person."""
    return _approval(deployment) if deployment.get("approvedModels") else None


def _approval(deployment: Deployment) -> "ModelApproval":
    from fraudstream_tools.operations.models.approving import ModelApproval

    return ModelApproval(approver(deployment, FourEyes.MODELS), deployment.get("approvedModels") or "")


def _stored(deployment: Deployment) -> "StoredModels":
    from fraudstream.detection.models.model import ModelError
    from fraudstream_tools.operations.models.stored_models import stored_models

    try:
        return stored_models(deployment.client("s3"), deployment["bucketName"])
    except ModelError as error:
        raise CommandError(f"no model is active: {error}") from None

"""Models: which one decides, which one is watched, what their files say of them, and how far scores have drifted."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from fraudstream.contract import SIGNIFICANT_DRIFT
from fraudstream.detection.models.model import ModelError
from fraudstream.detection.models.selection import ActiveModels
from fraudstream.detection.rules.ruleset import RulesetError
from fraudstream_tools.console.changes import changed
from fraudstream_tools.console.rendering import page
from fraudstream_tools.lab.training.storage.model_card import METRIC_WORDS
from fraudstream_tools.operations.approving import ApprovalError
from fraudstream_tools.operations.models.approving import ModelApproval
from fraudstream_tools.operations.models.breaker import ModelBreaker
from fraudstream_tools.operations.models.stored_models import StoredModel, live_file, models_in_use, stored_models

if TYPE_CHECKING:
    from fraudstream_tools.console.system import ConsoleSystem


def _in_use(system: "ConsoleSystem") -> ActiveModels | None:
    """Return what functions go on with while models wait; None where they have nothing."""
    try:
        return models_in_use(system.s3, system.bucket, system.approved_models or "")
    except RulesetError:
        return None


def _can_be_replaced(named: Sequence[StoredModel], used: ActiveModels) -> bool:
    """Return whether promoting earlier models takes the place of all that wait: of none, there is no promotion."""
    versions = {each.is_live: each.file and each.file.version for each in named}
    kept = {True: used.live, False: used.shadow}
    return all(model or versions.get(is_live) is None for is_live, model in kept.items())


def approve(request: Request) -> Response:
    """Write the person's mark for models that wait for another person."""
    system: ConsoleSystem = request.app.state.system
    form = request.state.form

    def change() -> str:
        stored = stored_models(system.s3, system.bucket)
        _approval(system).approve(stored, form.get("digest", ""), reason=form.get("reason", ""))
        return "You have approved the models. Functions use them within a minute."

    return changed(request, "/models", change)


def _approval(system: "ConsoleSystem") -> ModelApproval:
    if system.model_approval is None:
        raise ApprovalError("this stack asks for no second person for models: see the setting fourEyes")
    return system.model_approval


def show(request: Request) -> Response:
    """Answer with the page."""
    system: ConsoleSystem = request.app.state.system
    try:
        stored = stored_models(system.s3, system.bucket)
    except ModelError as error:
        raise HTTPException(500, f"no model is active: {error}") from None
    approval = system.model_approval
    waits = approval is not None and approval.waits(stored)
    # While models wait, functions go on with what they had.
    used = _in_use(system) if waits else None
    live = used.live and used.live.file if used else None if waits else live_file(stored.models)
    days = system.reports.days()
    report: dict[str, Any] = (system.reports.summary(days[0]) if days else None) or {}
    figures: dict[str, Any] = report.get("model") or {}
    past: dict[str, Any] = report.get("past") or {}
    return page(
        request,
        "models",
        models=stored.models,
        metric_words=METRIC_WORDS,
        version=stored.version,
        digest=stored.digest,
        waits=waits,
        marked_by=approval.marked_by(stored) if waits and approval else (),
        has_my_mark=waits and approval is not None and approval.has_marked(stored),
        used=used,
        can_be_replaced=used is not None and _can_be_replaced(stored.models, used),
        breaker=ModelBreaker(system.dynamodb, system.profiles).state(live) if live else None,
        day=days[0] if report else None,
        decisions=dict(figures.get("versions", ())) | dict(figures.get("shadowVersions", ())),
        calibration=figures.get("calibration", ()),
        psi=past.get("scorePsi"),
        significant=SIGNIFICANT_DRIFT,
    )

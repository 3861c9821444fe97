"""Models: which one decides, which one is watched, what their files say of them, and how far scores have drifted."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from fraudstream.contract import SIGNIFICANT_DRIFT
from fraudstream.detection.models.model import ModelError
from fraudstream_tools.console.rendering import page
from fraudstream_tools.operations.models.breaker import BreakerState, ModelBreaker
from fraudstream_tools.operations.models.stored_models import StoredModel, live_file, stored_models

if TYPE_CHECKING:
    from fraudstream_tools.console.system import ConsoleSystem


def _breaker(system: "ConsoleSystem", models: Sequence[StoredModel]) -> BreakerState | None:
    live = live_file(models)
    return None if live is None else ModelBreaker(system.dynamodb, system.profiles).state(live)


def show(request: Request) -> Response:
    """Answer with the page."""
    system: ConsoleSystem = request.app.state.system
    try:
        models = stored_models(system.s3, system.bucket)
    except ModelError as error:
        raise HTTPException(500, f"no model is active: {error}") from None
    days = system.reports.days()
    report: dict[str, Any] = (system.reports.summary(days[0]) if days else None) or {}
    figures: dict[str, Any] = report.get("model") or {}
    past: dict[str, Any] = report.get("past") or {}
    return page(
        request,
        "models",
        models=models,
        breaker=_breaker(system, models),
        day=days[0] if report else None,
        decisions=dict(figures.get("versions", ())) | dict(figures.get("shadowVersions", ())),
        calibration=figures.get("calibration", ()),
        psi=past.get("scorePsi"),
        significant=SIGNIFICANT_DRIFT,
    )

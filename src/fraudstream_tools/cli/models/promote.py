"""`fraudstream promote`."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.table import Table

from fraudstream_tools.cli.models.models import model_approval
from fraudstream_tools.cli.support.logs.training_source import (
    DataOption,
    DelayOption,
    LogOption,
    RulesOption,
    ShareOption,
    TrainingSource,
    TruthFileOption,
    ZoneOption,
)
from fraudstream_tools.cli.support.options import JsonOption, MapOption, StackOption, TruthMapOption, refuse_unused
from fraudstream_tools.cli.support.review.audit import audit_log
from fraudstream_tools.cli.support.running.deployment import Deployment
from fraudstream_tools.cli.support.terminal.output import CommandError, err, out, print_json

if TYPE_CHECKING:
    from fraudstream.detection.models.model import Model
    from fraudstream_tools.lab.training.measuring.promotion_gate import GateFigures, ModelComparison
    from fraudstream_tools.operations.models.promotion import ModelPromotion, PlannedPromotion


_SHOWN: Final[Mapping[str, Callable[["GateFigures"], str]]] = {
    "average precision": lambda figures: f"{figures.average_precision:.3f}",
    "recall at 0.1 % false positives": lambda figures: f"{figures.recall:.3f}",
    "alerts a day": lambda figures: f"{figures.alerts_a_day:.1f}",
    "declines a day": lambda figures: f"{figures.declines_a_day:.1f}",
    "fraud among alerts": lambda figures: "-" if figures.precision is None else f"{figures.precision:.0%}",
}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(promote)


def promote(
    candidate: Annotated[Path, typer.Argument(help="The model, as `fraudstream train` wrote it.")],
    *,
    log: LogOption = None,
    data: DataOption = None,
    truth: TruthFileOption = None,
    file_map: MapOption = None,
    truth_map: TruthMapOption = None,
    rules: RulesOption = Path("rules"),
    time_zone: ZoneOption = None,
    label_delay: DelayOption = None,
    share_delay: ShareOption = None,
    shadow: Annotated[
        bool,
        typer.Option("--shadow", help="Make it a shadow model: its scores are logged, and never change a decision."),
    ] = False,
    to: Annotated[
        str,
        typer.Option(
            metavar="FOLDER|bucket",
            help="Where to store the model: a folder that is deployed, or the running stack's bucket.",
        ),
    ] = "models",
    more_alerts: Annotated[
        bool,
        typer.Option("--more-alerts", help="Take it although it makes over twice as many alerts or declines a day."),
    ] = False,
    stack: StackOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a model active, if it is not worse than what decides now.

    Both are compared together with the rules, on labelled transactions of the newest four weeks that neither of them
    has learnt from. The model is refused if it never saw labels of your own, if there are fewer than 30 frauds to
    compare on, if its average precision or its recall at 0.1 % false positives is worse by more than a margin, or if
    it makes more than twice as many alerts or declines a day (--more-alerts takes it all the same).
    As a shadow model (--shadow) it is taken as it is, and needs no labels.

        fraudstream promote candidate.json --shadow
        fraudstream promote candidate.json --log decision-log/
        fraudstream promote candidate.json --log decision-log/ --to bucket

    In a folder, it becomes active with the next `pulumi up`; in the bucket, within a minute, or where the setting
    `fourEyes` names models, when somebody else has approved it (`fraudstream models approve`). A deployment copies the
    folder's models to the bucket when they change, so write them to both.
    """
    from fraudstream.detection.models.model import ModelError
    from fraudstream.detection.rules.ruleset import RulesetError
    from fraudstream_tools.lab.training.measuring.promotion_gate import compare
    from fraudstream_tools.lab.training.storage.model_storage import (
        activate,
        model_folder,
        read_model,
        read_models,
    )
    from fraudstream_tools.operations.models.promotion import WaitingModelError
    from fraudstream_tools.operations.rulesets.active import ConcurrentChangeError

    if shadow:
        given = {"--log": log, "--data": data, "--truth": truth, "--map": file_map, "--truth-map": truth_map}
        given |= {"--time-zone": time_zone, "--label-delay": label_delay, "--share-delay": share_delay}
        refuse_unused(
            given | {"--more-alerts": more_alerts or None}, "for a comparison: a shadow model is taken as it is"
        )
    source = TrainingSource(
        log=log,
        data=data,
        truth=truth,
        file_map=file_map,
        truth_map=truth_map,
        rules=rules,
        time_zone=time_zone,
        label_delay=label_delay,
        share_delay=share_delay,
    )
    deployment = Deployment(stack)
    folder = model_folder(Path(to))
    waits = False
    promotion = _promotion(deployment, to)
    try:
        model = read_model(candidate)
        # Before the comparison: it holds for what is active now.
        plan = promotion.plan(model, live=not shadow) if promotion else None
        if to != "bucket" and not Path(to).is_dir():
            raise CommandError(f"--to {to}: there is no such folder; name the one that is deployed, or bucket")
        if not shadow:
            champion = promotion.deciding(plan) if promotion and plan else read_models(folder).live
            compared = compare(model, champion, source.examples(), more_alerts=more_alerts)
            _print_comparison(compared, model, champion.version if champion else None, as_json=as_json)
            _refuse_worse(compared, model)
        if promotion and plan:
            waits, chosen = _put(deployment, promotion, plan), plan.chosen
        else:
            chosen = activate(folder, model, live=not shadow)
    except (ConcurrentChangeError, WaitingModelError, RulesetError) as error:
        raise CommandError(f"{to}: {error}") from None
    except ModelError as error:
        # An error of the candidate names its file; one of what is active, only the file in the place.
        where = "" if str(error).startswith(str(candidate)) else f"{to}: "
        raise CommandError(f"{where}{error}") from None
    # Where a comparison has been printed as JSON, one object is all that a program reads.
    if not as_json:
        out.print(f"{to}: live {chosen.live or 'none'}, shadow {chosen.shadow or 'none'}", soft_wrap=True)
    elif shadow:
        print_json({"model": model.version, "live": chosen.live, "shadow": chosen.shadow, "waits": waits})
    if waits:
        err.print("functions use it when somebody else has approved it: fraudstream models show")


def _refuse_worse(compared: "ModelComparison", model: "Model") -> None:
    if compared.refusals:
        raise CommandError("\n  ".join([f"{model.version} is refused:", *compared.refusals]))


def _promotion(deployment: Deployment, to: str) -> "ModelPromotion | None":
    """Return what makes models active in the stack's bucket; None for a folder."""
    if to != "bucket":
        return None
    from fraudstream_tools.operations.models.promotion import ModelPromotion

    return ModelPromotion(deployment.client("s3"), deployment["bucketName"], model_approval(deployment))


def _put(deployment: Deployment, promotion: "ModelPromotion", plan: "PlannedPromotion") -> bool:
    if plan.displaces:
        err.print(f"models {plan.displaces} wait for a second person; these take their place", soft_wrap=True)
    after = {"model": plan.model.version, "as": "live" if plan.is_live else "shadow"}
    with audit_log(deployment).recorded("promote-model", "models", after=after):
        return promotion.put(plan)


def _print_comparison(compared: "ModelComparison", candidate: "Model", champion: str | None, *, as_json: bool) -> None:
    from fraudstream_tools.cli.support.shown.rule_weights import weights_table
    from fraudstream_tools.cli.support.shown.whole_table import print_whole

    if as_json:
        import msgspec

        weights = {name: each.weight for name, each in (candidate.file.rule_weights or {}).items()}
        print_json(msgspec.to_builtins(compared) | {"championVersion": champion, "ruleWeights": weights})
        return
    if candidate.file.rule_weights:
        out.print("beside the candidate, rules count (those that its training has not seen, in full):")
        print_whole(weights_table(candidate))
    out.print(f"compared on {compared.transactions:,} labelled transactions, {compared.frauds:,} of them fraud")
    if compared.by_validation:
        out.print(
            "these are the candidate's own validation weeks, as its card has them: nothing newer is labelled enough"
        )
    if compared.candidate is None or compared.champion is None:
        return
    active = f"active ({champion or 'rules alone'})"
    table = Table("", "candidate", active, box=None, header_style="dim")
    for name, shown in _SHOWN.items():
        table.add_row(name, shown(compared.candidate), shown(compared.champion))
    out.print(table)

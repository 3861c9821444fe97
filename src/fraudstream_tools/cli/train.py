"""`fraudstream train` and `fraudstream promote`."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer
from rich.table import Table

from fraudstream_tools.cli.support.deployment import Deployment
from fraudstream_tools.cli.support.options import JsonOption, StackOption
from fraudstream_tools.cli.support.output import CommandError, err, out, print_json
from fraudstream_tools.cli.support.progress import progress_bar

if TYPE_CHECKING:
    from fraudstream.detection.judge import Judge
    from fraudstream_tools.lab.training.examples import Examples
    from fraudstream_tools.lab.training.promotion_gate import GateFigures, ModelComparison

LogOption = Annotated[
    Path | None,
    typer.Option("--log", metavar="FOLDER", help="A decision log: a copy of the bucket's decision-log/, or a part."),
]
DataOption = Annotated[
    Path | None,
    typer.Option(
        "--data", metavar="FILE", help="Transactions, by the API's names: CSV, JSON Lines or Parquet, with labels."
    ),
]
TruthOption = Annotated[
    Path | None,
    typer.Option(
        "--truth", metavar="FILE", help="Their labels, if those stand in another file, as `simulate` writes it."
    ),
]
RulesOption = Annotated[
    Path, typer.Option("--rules", metavar="FOLDER", help="The ruleset: with --data it judges them.")
]
ZoneOption = Annotated[
    str, typer.Option("--time-zone", metavar="NAME", help="With --data: what hours refer to; as the stack's setting.")
]
ShareOption = Annotated[
    int,
    typer.Option("--share-delay", metavar="DAYS", min=0, max=8, help="With --data: the stack's labelDelayDays."),
]
DelayOption = Annotated[
    float,
    typer.Option(
        "--label-delay",
        metavar="DAYS",
        min=0,
        max=400,
        help="How old a transaction is when its label is known, or will not come.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command()(train)
    app.command()(promote)


def train(
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="Where to; the model card goes beside it, as .md.")],
    log: LogOption = None,
    data: DataOption = None,
    truth: TruthOption = None,
    rules: RulesOption = Path("rules"),
    time_zone: ZoneOption = "UTC",
    label_delay: DelayOption = 7.0,
    share_delay: ShareOption = 7,
    until: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Know nothing of this day (UTC) and later ones.  [default: all]"),
    ] = None,
    validation: Annotated[
        float, typer.Option(metavar="DAYS", min=1, max=400, help="The newest days, to be measured on.")
    ] = 14.0,
    own_labels: Annotated[
        bool,
        typer.Option(
            "--own-labels", help="With --data: these labels are of real transactions of yours, so the model may decide."
        ),
    ] = False,
    description: Annotated[
        str | None, typer.Option(help="What the labels are from, in words for the model card.")
    ] = None,
    trees: Annotated[int, typer.Option(min=1, max=1000)] = 200,
    leaves: Annotated[int, typer.Option(min=2, max=64, help="Of a tree.")] = 12,
    seed: Annotated[int, typer.Option(help="The same data and seed give the same model.")] = 1,
    as_json: JsonOption = False,
) -> None:
    """Train a model on what was decided and what turned out to be true.

    It learns from a decision log, where features stand as they were judged, or from a file of transactions, which are
    judged one after the other by the analyzer's own code, labels coming in when they did. Nothing is known before it
    was: a transaction counts once its label would be known (--label-delay), as fraud if it was labelled so by then,
    else as legitimate; what was declined and never labelled is left out. How good the model is, is measured on the
    newest days by one that learnt from earlier ones only.

        fraudstream train --log decision-log/ --output candidate.json
        fraudstream train --data history.parquet --own-labels --until 2026-10-01 --output candidate.json
        fraudstream train --data world.parquet --truth world.truth.parquet --output toy.json
    """
    from fraudstream_tools.lab.training.boosting import Parameters  # noqa: PLC0415  (each command pays for what it uses)
    from fraudstream_tools.lab.training.fit import TrainingError, Validation, fit  # noqa: PLC0415
    from fraudstream_tools.lab.training.model_storage import write_model  # noqa: PLC0415

    source = _Source(
        log=log,
        data=data,
        truth=truth,
        rules=rules,
        time_zone=time_zone,
        label_delay=label_delay,
        share_delay=share_delay,
    )
    found = source.examples(until)
    words = "a decision log" if log else "the user's labelled transactions" if own_labels else "a file of transactions"
    try:
        model = fit(
            found.vectors,
            found.labels,
            found.timestamps,
            points=found.points,
            parameters=Parameters(trees=trees, leaves=leaves, seed=seed),
            validation=Validation(days=validation, label_delay_days=label_delay),
            trained_on=description or words,
            own_labels=own_labels or log is not None,
        )
    except TrainingError as error:
        raise CommandError(str(error)) from None
    card = write_model(output, model)
    if as_json:
        file = model.file
        print_json(
            {
                "version": model.version,
                "transactions": file.training.transactions,
                "frauds": file.training.frauds,
                "weight": file.weight,
                "pointsWeight": file.points_weight,
                "metrics": file.metrics,
            }
        )
        return
    out.print(f"model {model.version} in {output}, its card in {card}", soft_wrap=True)
    if not model.file.metrics:
        err.print("it was not measured: there are too few frauds in the newest days, or before them")
    for name, value in model.file.metrics.items():
        out.print(f"  {name} {value:.4f}", markup=False)


def promote(
    candidate: Annotated[Path, typer.Argument(help="The model, as `fraudstream train` wrote it.")],
    *,
    log: LogOption = None,
    data: DataOption = None,
    truth: TruthOption = None,
    rules: RulesOption = Path("rules"),
    time_zone: ZoneOption = "UTC",
    label_delay: DelayOption = 7.0,
    share_delay: ShareOption = 7,
    shadow: Annotated[
        bool, typer.Option("--shadow", help="Only watch it: it is scored and logged, and never counts.")
    ] = False,
    to: Annotated[
        str, typer.Option(metavar="FOLDER|bucket", help="A folder that is deployed, or the running stack's bucket.")
    ] = "models",
    stack: StackOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let a model take part in decisions, if it is not worse than what decides now.

    Both are compared together with the rules, on labelled transactions of the newest four weeks that neither of them
    has learnt from. The model is refused if it never saw labels of your own, if there are fewer than 30 frauds to
    compare on, or if its average precision or its recall at 0.1 % false positives is worse by more than a margin.
    As a shadow model (--shadow) it is taken as it is, and needs no labels.

        fraudstream promote candidate.json --shadow
        fraudstream promote candidate.json --log decision-log/
        fraudstream promote candidate.json --log decision-log/ --to bucket

    Into a folder, it comes into force with the next `pulumi up`; into the bucket, within a minute. A deployment puts
    the folder's models into the bucket when they change, so write them to both.
    """
    from fraudstream.detection.models.model import ModelError  # noqa: PLC0415  (each command pays for what it uses)
    from fraudstream_tools.lab.training.model_storage import Bucket, Folder, activate, read_model, read_models  # noqa: PLC0415
    from fraudstream_tools.lab.training.promotion_gate import compare  # noqa: PLC0415

    source = _Source(
        log=log,
        data=data,
        truth=truth,
        rules=rules,
        time_zone=time_zone,
        label_delay=label_delay,
        share_delay=share_delay,
    )
    deployment = Deployment(stack)
    place = Bucket(deployment.client("s3"), deployment["bucketName"]) if to == "bucket" else Folder(Path(to))
    try:
        model = read_model(candidate)
        if not shadow:
            champion = read_models(place).live
            compared = compare(model, champion, source.examples())
            _print_comparison(compared, champion.version if champion else None, as_json=as_json)
            if compared.refusals:
                raise CommandError("\n  ".join([f"{model.version} is refused:", *compared.refusals]))
        chosen = activate(place, model, live=not shadow)
    except ModelError as error:
        raise CommandError(str(error)) from None
    if not as_json:
        out.print(f"{to}: live {chosen.live or 'none'}, shadow {chosen.shadow or 'none'}", markup=False)


def _print_comparison(compared: "ModelComparison", champion: str | None, *, as_json: bool) -> None:
    if as_json:
        import msgspec  # noqa: PLC0415  (kept out of `--help`)

        print_json(msgspec.to_builtins(compared) | {"championVersion": champion})
        return
    out.print(f"compared on {compared.transactions:,} labelled transactions, {compared.frauds:,} of them fraud")
    if compared.candidate is None or compared.champion is None:
        return
    table = Table("", "average precision", "recall at 0.1 % false positives", box=None, header_style="dim")
    rows: tuple[tuple[str, GateFigures], ...] = (
        ("candidate", compared.candidate),
        (f"in force ({champion or 'rules alone'})", compared.champion),
    )
    for name, figures in rows:
        table.add_row(name, f"{figures.average_precision:.3f}", f"{figures.recall:.3f}")
    out.print(table)


@dataclass(frozen=True, kw_only=True)
class _Source:
    """Where examples come from, as the options say."""

    log: Path | None
    data: Path | None
    truth: Path | None
    rules: Path
    time_zone: str
    label_delay: float
    share_delay: int

    def examples(self, until: datetime | None = None) -> "Examples":
        from fraudstream_tools.lab.files.examples import KnowledgeCutoff, from_log, from_transactions  # noqa: PLC0415
        from fraudstream_tools.lab.files.transactions import FileProblemError  # noqa: PLC0415  (kept out of `--help`)

        if (self.log is None) == (self.data is None):
            raise CommandError("what from? Give either a decision log (--log) or a file of transactions (--data)")
        last = round(until.replace(tzinfo=UTC).timestamp() * 1000) - 1 if until else None
        cut = KnowledgeCutoff(until=last, label_delay_days=self.label_delay)
        try:
            with progress_bar("reading" if self.log else "judging", None) as advance:
                if self.data is not None:
                    found = from_transactions(self.data, self.truth, self._judge(), cut, advance)
                else:
                    found = from_log(cast("Path", self.log), self._judge().ruleset, cut, advance)
        except FileProblemError as error:
            raise CommandError(str(error)) from None
        left_out = found.left_out
        err.print(
            f"{len(found.labels):,} transactions, {int(found.labels.sum()):,} of them fraud; left out: "
            f"{left_out.too_new:,} too new to have labels, {left_out.declined:,} declined without one, "
            f"{left_out.other_features:,} with features of another version",
            soft_wrap=True,
        )
        return found

    def _judge(self) -> "Judge":
        from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # noqa: PLC0415  (kept out of `--help`)

        from fraudstream.detection.features.compute import Calendar  # noqa: PLC0415
        from fraudstream.detection.judge import Judge  # noqa: PLC0415
        from fraudstream.detection.rules.ruleset import FILES, RulesetError, load  # noqa: PLC0415

        try:
            ruleset = load(*((self.rules / name).read_bytes() for name in FILES))
            zone = ZoneInfo(self.time_zone)
        except OSError as error:
            raise CommandError(f"{error.filename}: {error.strerror}") from None
        except RulesetError as error:
            raise CommandError("\n  ".join(["the ruleset cannot be used:", *error.problems])) from None
        except (ZoneInfoNotFoundError, ValueError):
            raise CommandError("--time-zone must be an IANA name, such as Europe/Berlin") from None
        return Judge(ruleset, Calendar(zone, self.share_delay))

"""`fraudstream train`."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fraudstream_tools.cli.support.files.output_files import refuse_unwritable
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
from fraudstream_tools.cli.support.options import JsonOption, MapOption, TruthMapOption
from fraudstream_tools.cli.support.review.labelling import fraud_type_of
from fraudstream_tools.cli.support.terminal.ages import parse_day
from fraudstream_tools.cli.support.terminal.output import CommandError, err, out, print_json
from fraudstream_tools.cli.support.terminal.steps import ProgressSteps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fraudstream.detection.models.model import Model
    from fraudstream.transactions.decisions.decision import FraudType
    from fraudstream_tools.lab.training.samples.examples import Examples


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(train)


def train(
    *,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The file to write; the model card is written beside it, as .md.")
    ],
    log: LogOption = None,
    data: DataOption = None,
    truth: TruthFileOption = None,
    file_map: MapOption = None,
    truth_map: TruthMapOption = None,
    rules: RulesOption = Path("rules"),
    time_zone: ZoneOption = None,
    label_delay: DelayOption = None,
    share_delay: ShareOption = None,
    until: Annotated[
        datetime | None,
        typer.Option(
            parser=parse_day,
            metavar="DAY",
            help="Use only data from before this day (UTC).  [default: all]",
        ),
    ] = None,
    validation: Annotated[
        float,
        typer.Option(metavar="DAYS", min=1, max=400, help="Number of the newest days, on which the model is measured."),
    ] = 14.0,
    own_labels: Annotated[
        bool,
        typer.Option(
            "--own-labels", help="With --data: these labels are of real transactions of yours, so the model may decide."
        ),
    ] = False,
    description: Annotated[
        str | None, typer.Option(help="Where the labels come from, in words for the model card.")
    ] = None,
    sample: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=100,
            help="With --log: legitimate transactions to learn from, about; all frauds are.  [default: 500000]",
        ),
    ] = None,
    without_kind: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND", help="Leave frauds of a kind out, such as FIRST_PARTY or AUTHORIZED_SCAM; may be repeated."
        ),
    ] = None,
    trees: Annotated[int, typer.Option(min=1, max=1000)] = 200,
    leaves: Annotated[int, typer.Option(min=2, max=64, help="Of a tree.")] = 12,
    seed: Annotated[int, typer.Option(help="The same data and seed give the same model.")] = 1,
    as_json: JsonOption = False,
) -> None:
    """Train a model on past decisions and on their labels.

    It learns from a decision log, where features are as they were judged, or from a file of transactions, which are
    judged one after the other by the analyzer's own code, labels coming in when they did. Nothing is known before it
    was: a transaction counts once its label would be known (--label-delay), as fraud if it was labelled so by then,
    else as legitimate; what was declined and never labelled is left out. How good the model is, is measured on the
    newest days by one that learnt from earlier ones only.

    Of a decision log, all frauds are taken, and a sample of the rest (--sample), with more of it where scores were
    high. Each one stands for as many as were not drawn, in training, calibration and measurement. So memory depends on
    the sample, and not on the log. The model card says what was drawn.

        fraudstream train --log decision-log/ --output candidate.json
        fraudstream train --data history.parquet --own-labels \\
            --until 2026-10-01 --output candidate.json
        fraudstream train --data world.parquet --truth world.truth.parquet \\
            --output toy.json
        fraudstream train --data fraudTrain.csv --map sparkov --output toy.json
        fraudstream train --log decision-log/ --without-kind FIRST_PARTY \\
            --output candidate.json
    """
    from fraudstream.detection.features.own import INPUTS
    from fraudstream_tools.lab.training.boosting import Parameters
    from fraudstream_tools.lab.training.fit import Arrived, TrainingError, Validation, fit
    from fraudstream_tools.lab.training.storage.model_storage import write_model

    refuse_unwritable(output)
    without = [fraud_type_of(name, "--without-kind") for name in without_kind or ()]
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
        sample=sample,
        without=without,
    )
    examples = source.examples(until)
    words = "a decision log" if log else "the user's labelled transactions" if own_labels else "a file of transactions"
    try:
        with ProgressSteps() as steps, steps.step("growing trees, and measuring them on the newest weeks"):
            model = fit(
                examples.vectors,
                examples.labels,
                examples.timestamps,
                use=INPUTS,
                hits=examples.hits,
                arrival=Arrived(known_at=examples.known_at, share=examples.arrived, unseen=examples.unseen),
                declined=examples.declined,
                newer=examples.newer,
                stopped=examples.left_out.stopped,
                stands_for=examples.weights,
                parameters=Parameters(trees=trees, leaves=leaves, seed=seed),
                validation=Validation(days=validation, label_delay_days=examples.delay_days),
                trained_on=(description or words) + _sampling_in_words(examples, without),
                own_labels=own_labels or log is not None,
            )
    except TrainingError as error:
        raise CommandError(str(error)) from None
    _print_trained(model, output, write_model(output, model), as_json=as_json)


def _print_trained(model: "Model", output: Path, card: Path, *, as_json: bool) -> None:
    from fraudstream_tools.lab.training.storage.model_card import METRIC_WORDS

    if as_json:
        file = model.file
        print_json(
            {
                "version": model.version,
                "transactions": file.training.transactions,
                "frauds": file.training.frauds,
                "weight": file.weight,
                "scoreBase": file.score_base,
                "ruleWeights": {name: each.weight for name, each in (file.rule_weights or {}).items()},
                "metrics": file.metrics,
            }
        )
        return
    out.print(f"model {model.version} in {output}, its card in {card}", soft_wrap=True)
    if not model.file.metrics:
        err.print("it was not measured: there are too few frauds in the newest days, or before them")
    for name, value in model.file.metrics.items():
        out.print(f"  {METRIC_WORDS.get(name, name)}: {value:.4f}")


def _sampling_in_words(examples: "Examples", without: "Sequence[FraudType]") -> str:
    """Return which of the labelled transactions a model learns from, as the model card goes on after their origin."""
    words = ""
    if examples.weights is not None and examples.drawn is not None:
        words += (
            f": all frauds, and of {examples.drawn.of:,} legitimate transactions {examples.drawn.taken:,}, "
            "drawn by day and score, and weighted"
        )
    if examples.unseen is not None and (explored := examples.explored) is not None:
        words += (
            f"; of {explored.drawing.drawn:,} approvals that were drawn by chance, {explored.frauds:,} are fraud and "
            "stand for those that nobody reports too"
        )
    return words + (f", without frauds of the kind {' or '.join(without)}" if without else "")

"""`fraudstream evaluate`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fraudstream.counts import counted
from fraudstream_tools.cli.support.files.file_problems import file_problems, map_of, tell_repeated
from fraudstream_tools.cli.support.logs.training_source import (
    ShareOption,
    ZoneOption,
    judge_of,
)
from fraudstream_tools.cli.support.options import JsonOption, MapOption, TruthMapOption
from fraudstream_tools.cli.support.terminal.output import CommandError, err, print_json
from fraudstream_tools.cli.support.terminal.progress import progress_bar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fraudstream_tools.lab.evaluation.figures import EvaluationRow
    from fraudstream_tools.lab.evaluation.plan import EvaluationPlan


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(evaluate)


def evaluate(
    *,
    file: Annotated[Path, typer.Argument(help="Transactions with what is true of them: CSV, JSON Lines or Parquet.")],
    file_map: MapOption = None,
    truth: Annotated[
        Path | None,
        typer.Option("--truth", metavar="FILE", help="The file of labels, if they are in another file."),
    ] = None,
    truth_map: TruthMapOption = None,
    rules: Annotated[
        Path, typer.Option("--rules", metavar="FOLDER", help="The ruleset that judges the transactions.")
    ] = Path("rules"),
    time_zone: ZoneOption = None,
    label_delay: Annotated[
        float,
        typer.Option(
            "--label-delay",
            metavar="DAYS",
            min=0,
            max=400,
            help="Age at which a label that does not say when it came is known, and from which no other is expected.",
        ),
    ] = 7.0,
    share_delay: ShareOption = None,
    test_days: Annotated[
        float | None,
        typer.Option(
            "--test-days",
            metavar="DAYS",
            min=0.1,
            max=400,
            help="How many of the newest days are tested.  [default: a quarter of them, at most 28]",
        ),
    ] = None,
    reviews: Annotated[
        int, typer.Option("--reviews", metavar="N", min=1, help="Transactions that somebody looks at on a day.")
    ] = 10,
    as_json: JsonOption = False,
) -> None:
    """Measure how well a labelled file's frauds would have been found: by rules alone, and after weeks of labels.

    The transactions are judged in order of time by the analyzer's own code. Nothing is known before it was: profiles
    learn a label when it comes, and before the test begins a model is trained on the last 1, 2, 4 and 8 weeks whose
    labels are known then, and one on all. All are tested on the same newest days, together with the rules.

    A file whose map names no customer but columns to learn from (`ulb-cards`, `baf`) has a table of the model alone.

        fraudstream evaluate fraudTrain.csv --map sparkov
        fraudstream evaluate train_transaction.csv --map ieee-cis --reviews 50
        fraudstream evaluate creditcard.csv --map ulb-cards --label-delay 0
        fraudstream evaluate world.parquet --truth world.truth.parquet
    """
    from fraudstream_tools.lab.evaluation.columns import evaluate_columns, read_columns
    from fraudstream_tools.lab.evaluation.ordered import OrderedFile
    from fraudstream_tools.lab.evaluation.run import evaluate as evaluate_transactions

    if truth_map is not None and truth is None:
        raise CommandError("--truth-map is for another file of labels: name it with --truth")
    mapped, mapped_truth = map_of(file_map), map_of(truth_map)

    def plan(first: int, last: int) -> "EvaluationPlan":
        from fraudstream_tools.lab.evaluation.plan import usual_plan

        try:
            return usual_plan(first, last, label_delay_days=label_delay, test_days=test_days, reviews_a_day=reviews)
        except ValueError as error:
            raise CommandError(f"{error} (--label-delay, --test-days)") from None

    with file_problems():
        if mapped is not None and mapped.learn:
            if truth is not None:
                raise CommandError("--truth is for files of transactions: this map's labels are in the file itself")
            with progress_bar("reading", None) as advance:
                data = read_columns(file, mapped, label_delay, advance)
            planned = plan(int(data.times[0]), int(data.times[-1]))
            _show(evaluate_columns(data, planned, on_training=_tell_training), reviews, as_json=as_json)
            return
        judge = judge_of(rules, time_zone, share_delay)
        with progress_bar("reading", None) as advance:
            ordered = OrderedFile(
                file,
                mapped,
                truth=truth,
                truth_map=mapped_truth,
                label_delay_days=label_delay,
                on_progress=advance,
            )
        with ordered as transactions:
            planned = plan(transactions.first, transactions.last)
            with progress_bar("judging", transactions.rows) as advance:
                rows = evaluate_transactions(
                    transactions, transactions.rows, judge, planned, advance, on_training=_tell_training
                )
    err.print(f"{counted(ordered.rows, 'transaction')}, {ordered.frauds:,} of them fraud")
    tell_repeated(ordered.repeated)
    _show(rows, reviews, as_json=as_json)


def _tell_training(course: str) -> None:
    """Print what takes a while: nothing is judged meanwhile."""
    err.print(f"training on {course}", style="dim")


def _show(rows: "Sequence[EvaluationRow]", reviews: int, *, as_json: bool) -> None:
    if as_json:
        import msgspec

        print_json({"reviewsADay": reviews, "rows": msgspec.to_builtins(rows)})
        return
    from fraudstream_tools.cli.support.shown.evaluation_table import print_evaluation

    print_evaluation(rows, reviews)

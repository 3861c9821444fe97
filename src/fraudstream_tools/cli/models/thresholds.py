"""`fraudstream thresholds`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fraudstream.contract import RULESET_FILE
from fraudstream_tools.cli.support.files.output_files import refuse_unwritable, write_output
from fraudstream_tools.cli.support.files.rules_folder import loaded_ruleset
from fraudstream_tools.cli.support.logs.decision_logs import decision_log
from fraudstream_tools.cli.support.options import JsonOption
from fraudstream_tools.cli.support.terminal.output import CommandError, err, out, print_json

if TYPE_CHECKING:
    from fraudstream_tools.lab.thresholds.proposal import ThresholdProposal

_RULES = Path("rules")
_SHOWN = (0.5, 1, 2, 5, 10, 20, 50, 100)
"""Multiples of ten transactions a day for which the table has a row."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(thresholds)


def thresholds(
    *,
    log: Annotated[
        Path, typer.Option("--log", metavar="FOLDER", help="A decision log: a copy of the bucket's decision-log/.")
    ],
    review_budget: Annotated[
        float, typer.Option("--review-budget", metavar="N", min=0, help="How many transactions a day can be looked at.")
    ],
    decline_precision: Annotated[
        float,
        typer.Option(min=0.01, max=1, help="Share of fraud among what is declined, as expected by the probabilities."),
    ] = 0.9,
    picture: Annotated[
        Path | None, typer.Option("--picture", metavar="FILE.svg", help="Draw the curve into this file.")
    ] = None,
    rules: Annotated[
        Path | None,
        typer.Option(
            "--rules",
            metavar="FOLDER",
            help="The folder with the active ruleset: what its floors and rules send to review whatever the probability"
            " takes its part of the budget.  [default: rules, where it is]",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Propose thresholds of probabilities from a decision log.

    The newest 28 days are taken. Decline begins where what is declined has the asked share of fraud; review where as
    many are left as somebody can look at. Everything is expected by the probabilities, which need no labels; the table
    has what is labelled by now beside it. Write the proposal into the ruleset as `probabilities`.

        fraudstream thresholds --log decision-log/ --review-budget 40
        fraudstream thresholds --log decision-log/ --review-budget 40 \\
            --picture curve.svg
    """
    from fraudstream_tools.lab.thresholds.proposal import NoProbabilityError, forcing_rules, propose

    if picture is not None:
        refuse_unwritable(picture)
    folder = rules or (_RULES if (_RULES / RULESET_FILE).exists() else None)
    if folder is None:
        err.print(
            f"there is no {_RULES}/{RULESET_FILE} here: reviews that rules ask for whatever the probability are not "
            "counted; --rules names the folder with the ruleset",
            style="dim",
            soft_wrap=True,
        )
    forcing = forcing_rules(loaded_ruleset(folder)) if folder else ()
    with decision_log(log) as opened:
        try:
            proposal = propose(
                opened, review_budget=review_budget, decline_precision=decline_precision, forcing=forcing
            )
        except NoProbabilityError as error:
            raise CommandError(f"{log}: {error}") from None
    if picture is not None:
        from fraudstream_tools.cli.support.shown.threshold_curve import picture as drawn

        write_output(picture, drawn(proposal))
    if not proposal.reviews_a_day and proposal.unavoidable_reviews_a_day > review_budget:
        err.print(
            f"{proposal.unavoidable_reviews_a_day:g} reviews a day that rules ask for, or that have no probability, "
            f"exceed the budget of {review_budget:g} by themselves: no threshold of reviews keeps to it",
            soft_wrap=True,
        )
    if as_json:
        import msgspec

        print_json(msgspec.to_builtins(proposal))
        return
    _print(proposal)


def _print(proposal: "ThresholdProposal") -> None:
    from rich.table import Table

    table = Table(
        *("a day", "from probability", "fraud among them", "of all frauds", "of their value", "labelled fraud"),
        box=None,
        header_style="dim",
    )
    for column in table.columns:
        column.justify = "right"
    for many in _SHOWN:
        fitting = [point for point in proposal.curve if point.a_day <= 10 * many]
        if fitting and fitting[-1].a_day > 5 * many:
            point = fitting[-1]
            table.add_row(
                f"{point.a_day:.1f}",
                f"{point.threshold:.3g}",
                f"{point.precision:.1%}",
                f"{point.frauds:.1%}",
                f"{point.value:.1%}",
                f"{point.labelled_fraud:,}",
            )
    out.print(table)
    out.print(
        f"from {proposal.decisions:,} decisions of {proposal.days:g} days: {proposal.reviews_a_day:g} reviews and "
        f"{proposal.declines_a_day:g} declines a day, {proposal.forced_reviews_a_day:g} reviews that rules ask for "
        f"below, and {proposal.other_reviews_a_day:g} reviews that have no probability",
        soft_wrap=True,
    )
    out.print(f"probabilities: {{review: {proposal.review:.3g}, decline: {proposal.decline:.3g}}}")

"""`fraudstream sizing`: which settings a peak of requests needs."""

from typing import Annotated, Final

import typer
from rich.table import Table

from fraudstream_tools.cli.support.options import JsonOption
from fraudstream_tools.cli.support.terminal.output import err, out, print_json

_NEVER: Final = 1e-9
"""Share of requests: one of a thousand million, of which a peak of a year has fewer."""


def register(app: typer.Typer) -> None:
    """Add this module's command."""
    app.command()(sizing)


def _at_least(number: float, least: float) -> str:
    return f"less than {least}" if number < least else f"{number:,.1f}"


def _refused(share: float) -> str:
    if share < _NEVER:
        return "hardly any request"
    return f"one of {1 / share:,.0f} requests"


def sizing(
    *,
    peak: Annotated[
        float,
        typer.Option(
            "--peak-rps", metavar="N", min=1, max=100_000, help="POSTs a second at the peak.", show_default=False
        ),
    ],
    as_json: JsonOption = False,
) -> None:
    """Print the settings that a peak of requests needs, and what AWS must allow for them.

    Service times are measured (`make bench-requests`), with 5 ms for each answer of DynamoDB. The processor is ready
    for twice the peak. `make bench-scale` tries such settings in a simulation.

        fraudstream sizing --peak-rps 800
    """
    from fraudstream_tools.costs.estimate import read_counts
    from fraudstream_tools.sizing.advice import advice
    from fraudstream_tools.sizing.plan import plan_for
    from fraudstream_tools.sizing.service import service_times

    plan = plan_for(peak, service_times(read_counts()))
    settings = {
        "processorConcurrency": plan.processor_concurrency,
        "analyzerConcurrency": plan.analyzer_concurrency,
        "throttleBurst": plan.throttle_burst,
    }
    if as_json:
        print_json(
            {
                "peak": peak,
                "settings": settings,
                "partitions": plan.partitions,
                "processorBusy": round(plan.busy, 1),
                "refused": plan.refused,
                "batch": round(plan.batch, 1),
                "laneLoad": round(plan.lane_load, 3),
                "decisionSeconds": round(plan.decision_seconds, 3),
                "toDo": advice(plan),
            }
        )
        return
    table = Table("setting", "value", title=f"{peak:,.0f} requests a second")
    for name, value in settings.items():
        table.add_row(name, str(value))
    out.print(table)
    out.print(
        f"On average {_at_least(plan.busy, 0.1)} environments of the processor work at once; {_refused(plan.refused)}"
        f" finds none. The stream has {plan.partitions} shards; the analyzer gets {plan.batch:,.1f}"
        f" transactions at once, its lanes are busy for {min(plan.lane_load, 1):.0%} of their time, and a decision"
        f" takes {plan.decision_seconds:.2f} s on average."
    )
    for each in advice(plan):
        err.print(f"- {each}")

"""`fraudstream simulate`."""

from collections import Counter
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer
from rich.table import Table

from fraudstream.counts import counted
from fraudstream_tools.cli.support.files.file_problems import file_problems
from fraudstream_tools.cli.support.files.output_files import refuse_unwritable
from fraudstream_tools.cli.support.options import JsonOption
from fraudstream_tools.cli.support.terminal.ages import parse_day
from fraudstream_tools.cli.support.terminal.output import CommandError, out, print_json

if TYPE_CHECKING:
    from fraudstream_tools.lab.world.handbook import HandbookWorld
    from fraudstream_tools.lab.world.simulate import Simulation


class WorldName(StrEnum):
    """The worlds that can be simulated."""

    TOWNS = "towns"
    HANDBOOK = "handbook"
    FINTECH = "fintech"


_OF_TOWNS = "World of towns"
_OF_PEOPLE = "Worlds of towns and of a fintech"
_OF_HANDBOOK = "World of the handbook"


_SETTINGS = {
    WorldName.TOWNS: {"customers", "days", "activity", "warm_up_days", "episodes", "traps"},
    WorldName.FINTECH: {"customers", "days", "episodes", "traps"},
    WorldName.HANDBOOK: {
        *("customers", "days", "activity", "terminals"),
        *("spending", "shift_day", "compromise_days", "leak_days"),
    },
}
"""The options that each world has, beside seed and start."""


def register(app: typer.Typer) -> None:
    """Add this module's command."""
    app.command()(simulate)


def simulate(
    *,
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="The file to write: a name ending in .jsonl, .jsonl.gz, .csv or .parquet."),
    ],
    world: Annotated[WorldName, typer.Option(help="The world to simulate, as described above.")] = WorldName.TOWNS,
    seed: Annotated[int, typer.Option(help="Seed of the world: the same seed gives the same world.")] = 1,
    customers: Annotated[
        int | None, typer.Option(min=1, max=1_000_000, help="[default: 1000, handbook 5000, fintech 300]")
    ] = None,
    days: Annotated[int | None, typer.Option(min=1, max=1000, help="[default: 7, handbook 183, fintech 90]")] = None,
    start: Annotated[
        datetime | None,
        typer.Option(
            parser=parse_day,
            metavar="DAY",
            help="The first day (UTC).  [default: 2026-01-05, handbook 2018-04-01, fintech 2025-09-08]",
        ),
    ] = None,
    activity: Annotated[
        float | None,
        typer.Option(
            min=0.1, max=50, help="Mean number of transactions of a customer on a day; in the handbook world, a factor."
        ),
    ] = None,
    warm_up: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=60,
            help="Days before the first one, thinned to each device's first use.",
            rich_help_panel=_OF_TOWNS,
        ),
    ] = None,
    episodes: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1000,
            help="Fraud episodes a day for each 1,000 customers.  [default: 4, fintech 2.6]",
            rich_help_panel=_OF_PEOPLE,
        ),
    ] = None,
    traps: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1000,
            help="Honest events that look like fraud, a day for each 1,000 customers.  [default: 1, fintech 14]",
            rich_help_panel=_OF_PEOPLE,
        ),
    ] = None,
    terminals: Annotated[
        int | None, typer.Option(min=1, max=1_000_000, help="[default: 10000]", rich_help_panel=_OF_HANDBOOK)
    ] = None,
    spending: Annotated[
        float | None,
        typer.Option(
            min=0.01, max=100, help="Factor by which usual amounts are multiplied.", rich_help_panel=_OF_HANDBOOK
        ),
    ] = None,
    shift_day: Annotated[
        int | None,
        typer.Option(min=0, help="First day on which --spending and --activity apply.", rich_help_panel=_OF_HANDBOOK),
    ] = None,
    compromise_days: Annotated[
        int | None,
        typer.Option(min=0, help="Days a terminal stays compromised.  [default: 28]", rich_help_panel=_OF_HANDBOOK),
    ] = None,
    leak_days: Annotated[
        int | None,
        typer.Option(min=0, help="Days a leaked card is used.  [default: 14]", rich_help_panel=_OF_HANDBOOK),
    ] = None,
    api_fields: Annotated[
        bool,
        typer.Option(
            "--api-fields",
            help="Write only the API's fields, and a truth file beside it.",
            rich_help_panel=_OF_HANDBOOK,
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Build a world of customers, merchants and fraudsters, and write its transactions to a file.

    **towns** is fraudstream's own world, with an episode for each pattern of fraud and honest events that look like it.
    Transactions are as the API takes them, in order of time. A second file beside it has the truth: which of them
    are fraud, the name of the episode, and the label that somebody gives it later, with its source: analysts at once,
    customers within days, chargebacks after weeks; some frauds are never reported. `fraudstream labels import` takes
    it.

    **handbook** is the world that the Fraud Detection Handbook measures detectors on, written as its table:
    transaction_id, time_seconds, customer_id, terminal_id, amount_cents, fraud, scenario.

    **fintech** is a world that is independent of the rules: ordinary life with rent, salaries, new phones, holidays,
    joint accounts, subscriptions, sales days, outages and guests, and frauds that stay small, slow, near and spread.

    The same options give the same bytes.

        fraudstream simulate --customers 5000 --days 14 --output world.parquet
        fraudstream replay world.parquet --shift-to-now
        fraudstream simulate --world handbook --spending 1.5 -o shifted.parquet
    """
    given: dict[str, Any] = {
        "customers": customers,
        "days": days,
        "activity": activity,
        "warm_up_days": warm_up,
        "episodes": episodes,
        "traps": traps,
        "terminals": terminals,
        "spending": spending,
        "shift_day": shift_day,
        "compromise_days": compromise_days,
        "leak_days": leak_days,
    }
    settings: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    others = sorted(settings.keys() - _SETTINGS[world])
    if api_fields and world is not WorldName.HANDBOOK:
        others.append("api_fields")
    if others:
        names = " and no ".join(f"--{name.replace('_', '-')}" for name in others)
        raise CommandError(f"the world {world} has no {names}: see fraudstream simulate --help for the worlds that do")
    settings["seed"] = seed
    if start:
        settings["start"] = start.replace(tzinfo=UTC)
    refuse_unwritable(output)
    with file_problems():
        if world is WorldName.TOWNS:
            made = _towns(output, settings)
        elif world is WorldName.FINTECH:
            made = _fintech(output, settings)
        else:
            made = _handbook(output, settings, api_fields=api_fields)
    if as_json:
        print_json(
            {
                "file": str(output),
                "truthFile": str(made.truth) if made.truth else None,
                "transactions": made.transactions,
                "frauds": dict(sorted(made.frauds.items())),
            }
        )
    else:
        _say(output, made)


class _MadeWorld(NamedTuple):
    """What was written."""

    truth: Path | None
    transactions: int
    frauds: Counter[str]
    """By the name of the episode."""


def _towns(output: Path, settings: dict[str, Any]) -> _MadeWorld:
    from fraudstream_tools.lab.files import writing
    from fraudstream_tools.lab.world.simulate import WorldSettings, simulate

    writing.file_format(output)
    return _write(output, simulate(WorldSettings(**settings)))


def _fintech(output: Path, settings: dict[str, Any]) -> _MadeWorld:
    from fraudstream_tools.lab.files import writing
    from fraudstream_tools.lab.fintech.world import FintechSettings, make_fintech_world

    writing.file_format(output)
    try:
        made = make_fintech_world(FintechSettings(**settings))
    except ValueError as error:
        raise CommandError(str(error)) from None
    return _write(output, made)


def _write(output: Path, made: "Simulation") -> _MadeWorld:
    from fraudstream_tools.lab.files import writing
    from fraudstream_tools.lab.files.shifting import truth_file

    truth = truth_file(output)
    writing.write_together({output: made.transactions, truth: (row.as_row() for row in made.truths)})
    frauds = Counter(row.episode for row in made.truths if row.fraud)
    return _MadeWorld(truth, len(made.transactions), frauds)


def _handbook(output: Path, settings: dict[str, Any], *, api_fields: bool) -> _MadeWorld:
    from fraudstream_tools.lab.files import writing
    from fraudstream_tools.lab.files.shifting import truth_file
    from fraudstream_tools.lab.world.handbook import (
        SCENARIOS,
        HandbookSettings,
        make_handbook_world,
    )

    writing.file_format(output)
    made: HandbookWorld = make_handbook_world(HandbookSettings(**settings))
    truth = None
    if api_fields:
        truth = truth_file(output)
        writing.write_together({output: made.transactions(), truth: made.truths()})
    else:
        writing.write_columns(output, made.columns())
    frauds = Counter({name: int((made.scenario == number).sum()) for number, name in SCENARIOS.items()})
    return _MadeWorld(truth, len(made.scenario), frauds)


def _say(output: Path, made: _MadeWorld) -> None:
    out.print(
        f"{counted(made.transactions, 'transaction')} in {output}, {made.frauds.total():,} of them fraud",
        soft_wrap=True,
    )
    if made.truth:
        out.print(f"the truth about them in {made.truth}", soft_wrap=True)
    table = Table("episode", "transactions", box=None, header_style="dim")
    table.columns[1].justify = "right"
    for episode, number in sorted(made.frauds.items()):
        table.add_row(episode, f"{number:,}")
    if made.frauds:
        out.print(table)

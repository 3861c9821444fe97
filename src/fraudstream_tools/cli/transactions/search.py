"""`fraudstream search`: all that is stored of whom an identifier or a token stands for."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from fraudstream.contract import EntityKind
from fraudstream.counts import counted
from fraudstream_tools.cli.support.options import JsonOption, StackOption
from fraudstream_tools.cli.support.running.active_ruleset import active_ruleset
from fraudstream_tools.cli.support.running.deployment import Deployment
from fraudstream_tools.cli.support.running.privacy import tokens_of
from fraudstream_tools.cli.support.shown.whole_table import print_whole
from fraudstream_tools.cli.support.terminal.ages import last_day_text, moment_text
from fraudstream_tools.cli.support.terminal.output import CommandError, decision_text, err, one_line, out, print_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fraudstream_tools.operations.investigation.customer_history import PastTransaction
    from fraudstream_tools.operations.investigation.log_search import LogFindings
    from fraudstream_tools.operations.investigation.search import TokenFindings, TokenSearch


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(search)


def search(
    identifier: Annotated[
        str, typer.Argument(help="An identifier as clients post it, or a token (tok_…).", show_default=False)
    ],
    *,
    kind: Annotated[EntityKind, typer.Option("--as", help="What the identifier is of.")] = EntityKind.CUSTOMER,
    log: Annotated[
        Path | None,
        typer.Option(
            "--log", metavar="FOLDER", exists=True, file_okay=False, help="A copy of the decision log to look in, too."
        ),
    ] = None,
    in_log: Annotated[
        bool, typer.Option("--in-log", help="Look in the stack's decision log, too: Athena, or what is fetched for it.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, max=100, help="How many transactions at most, the newest.")] = 50,
    stack: StackOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show all that is stored of a customer: lists, cases, alerts and transactions; of a card or another, its lists.

    The processor turns an identifier into its token; `fraudstream get` shows a transaction by its id. What a card,
    device, address, merchant, terminal or counterparty took part in is known by the decision log.

    ```
    fraudstream search customer-1042
    fraudstream search tok_9vR2… --json | jq '.transactions[].transactionId'
    fraudstream search 203.0.113.7 --as ip --in-log
    ```
    """
    import msgspec

    deployment = Deployment(stack)
    tokens = tokens_of(deployment, kind, identifier)
    token = tokens[-1]
    found = _search(deployment).find_all(tokens, limit=limit)
    transactions = found.history.transactions if found.history else None
    logged = _look_in_log(deployment, tokens, log, limit) if log or in_log else None
    if as_json:
        content: dict[str, Any] = {
            "token": token,
            "lists": found.listed,
            "rulesetLists": found.of_ruleset,
            "cases": found.cases,
            "alerts": found.alerts,
            "transactions": transactions,
        }
        if logged:
            content["log"] = {"asOf": logged.as_of, "transactions": logged.transactions, "hasMore": logged.has_more}
        print_json(msgspec.to_builtins(content))
        return
    out.print(Text(f"{kind} {token}", style="bold"), soft_wrap=True)
    _print_findings(found)
    if transactions:
        print_whole(_table(transactions))
    elif transactions is None:
        out.print("transactions are not found by customer: see the setting customerIndex", style="dim")
    if logged:
        _print_logged(logged)
    elif found.is_empty:
        out.print("nothing is stored of it; --in-log looks in the decision log")


def _search(deployment: Deployment) -> "TokenSearch":
    from fraudstream_tools.operations.cases.store import CaseStore
    from fraudstream_tools.operations.investigation.customer_history import CustomerHistory
    from fraudstream_tools.operations.investigation.search import TokenSearch
    from fraudstream_tools.operations.lists.entity_lists import EntityLists
    from fraudstream_tools.operations.review.alerts import AlertQueue

    dynamodb = deployment.client("dynamodb")
    alerts, transactions = deployment["alertsTable"], deployment["transactionsTable"]
    return TokenSearch(
        alerts=AlertQueue(dynamodb, alerts=alerts, transactions=transactions),
        cases=CaseStore(dynamodb, alerts),
        lists=EntityLists(dynamodb, deployment["profilesTable"]),
        history=CustomerHistory(dynamodb, transactions),
        ruleset=active_ruleset(deployment, quiet=True),
    )


def _look_in_log(deployment: Deployment, tokens: "Sequence[str]", copy: Path | None, limit: int) -> "LogFindings":
    import tempfile

    from fraudstream_tools.analytics.answers import QuestionError
    from fraudstream_tools.cli.support.logs.log_questions import log_questions
    from fraudstream_tools.operations.investigation.log_search import search_log_for_all

    with tempfile.TemporaryDirectory() as fetched:
        try:
            return search_log_for_all(log_questions(deployment, copy, Path(fetched)), tokens, limit)
        except QuestionError as error:
            raise CommandError(str(error)) from None


def _print_logged(found: "LogFindings") -> None:
    known = f"until {moment_text(found.as_of)}" if found.as_of else "nothing"
    out.print(f"the decision log, which knows {known}:", style="dim")
    if found.transactions:
        print_whole(_table(found.transactions))
    else:
        out.print("it is named nowhere")
    if found.has_more:
        out.print("these are the newest: --limit shows more", style="dim")


def _print_findings(found: "TokenFindings") -> None:
    from fraudstream_tools.operations.investigation.search import ALERTS

    for entity, entries in found.listed.items():
        for name, entry in entries.items():
            ended = f", ended {moment_text(entry.ended_at)}" if entry.ended_at else ""
            said = f"on {name} as {entity.partition('#')[0]}, since {moment_text(entry.since)}: {entry.reason}{ended}"
            out.print(one_line(said), soft_wrap=True)
    for entity, ends in (found.of_ruleset or {}).items():
        for name, end in ends.items():
            until = f", until {last_day_text(end)}" if end else ""
            out.print(f"on {name} as {entity.partition('#')[0]}, by lists.yaml of the ruleset{until}", soft_wrap=True)
    if found.of_ruleset is None:
        err.print("lists.yaml of the ruleset cannot be read: who is on a list there is left out", style="dim")
    for case in found.cases:
        count = counted(len(case.alerts), "alert")
        line = f"case {case.status.value.lower()}, opened {moment_text(case.created_at)}, {count}: {case.alerts[0]}"
        out.print(line, soft_wrap=True)
    if found.alerts:
        is_open = sum(alert.status.value == "OPEN" for alert in found.alerts)
        count = counted(len(found.alerts), "alert")
        newest = "the newest " if len(found.alerts) == ALERTS else ""
        out.print(f"{newest}{count}, {is_open} open: `fraudstream alerts show ID`")


def _table(transactions: "Sequence[PastTransaction]") -> Table:
    from fraudstream.transactions.values.money import format_money

    table = Table("transaction", "when", "amount", "type", "decision", "score", "label", box=None, header_style="dim")
    table.columns[2].justify = table.columns[5].justify = "right"
    for each in transactions:
        table.add_row(
            Text(each.transaction_id),
            moment_text(each.timestamp),
            format_money(each.amount_minor, each.currency),
            each.type.value.lower(),
            decision_text(each.decision) if each.decision else "",
            "" if each.score is None else str(each.score),
            each.label.value.lower() if each.label else "",
        )
    return table

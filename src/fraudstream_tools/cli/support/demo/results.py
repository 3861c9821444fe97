"""What the demo prints in the end."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from fraudstream.clock import epoch_milliseconds
from fraudstream.transactions.decisions.decision import Verdict
from fraudstream.transactions.values.money import format_money
from fraudstream_tools.cli.support.demo.reconciliation import Noticed, RunCounts
from fraudstream_tools.cli.support.shown.review.alert_table import alert_table
from fraudstream_tools.cli.support.shown.whole_table import print_whole
from fraudstream_tools.cli.support.terminal.output import decision_text, out
from fraudstream_tools.lab.replay.client import PERCENTILES, ReplayResult, percentile
from fraudstream_tools.operations.review.alert_summary import AlertSummary

_SHOWN_ALERTS = 5
_SHOWN_REASONS = 3


@dataclass(frozen=True, kw_only=True)
class Results:
    """What came of a demo."""

    replayed: ReplayResult
    tally: RunCounts
    noticed: Noticed
    decisions: list[dict[str, Any]]
    """A few transactions as the API answers them."""
    alerts: list[AlertSummary]
    """The open ones."""
    report: Path


def print_results(results: Results, *, seconds: float) -> None:
    """Print the results for people, and the last line for machines.

    Args:
        results: what to print.
        seconds: how long the whole demo took.
    """
    _section("A few decisions, and why")
    print_whole(_decisions(results.decisions))
    _section("All decisions")
    out.print(_counts(results))
    _section("Fraud in the sample, by episode")
    out.print(_episodes(results.noticed))
    noticed = results.noticed
    out.print(
        f"Of {noticed.stopped:,} reviewed or declined, {noticed.precision:.0%} are fraud (precision); "
        f"of {noticed.frauds.total():,} fraudulent, {noticed.recall:.0%} were reviewed or declined (recall)."
    )
    shown = results.alerts[:_SHOWN_ALERTS]
    _section(f"Open alerts: {len(results.alerts)}; the newest {len(shown)}")
    if shown:
        print_whole(alert_table(shown, now=epoch_milliseconds(), together=True))
    _section("Latency")
    out.print(_latency(results))
    for refusal in results.replayed.refusals[:_SHOWN_ALERTS]:
        out.print(f"refused: {refusal.transaction_id} {refusal.status} {refusal.detail}", soft_wrap=True)
    report = os.path.relpath(results.report)
    out.print(f"\nThe day's report: {report}\nAll of it took {seconds:.0f} s.\n", soft_wrap=True)
    print(results.tally.summary_line(report))


def _section(title: str) -> None:
    out.print()
    out.print(Rule(Text(title, style="bold"), align="left", style="dim"))


def _decisions(decisions: list[dict[str, Any]]) -> Table:
    table = Table("transaction", "amount", "decision", "score", "why", box=None, header_style="dim")
    table.columns[1].justify = table.columns[3].justify = "right"
    for state in decisions:
        # Two rules may have found the same thing.
        reasons = dict.fromkeys(reason.get("message") or reason["code"] for reason in state.get("reasons") or ())
        why = "\n".join(list(reasons)[:_SHOWN_REASONS])
        amount = format_money(state["amountMinor"], state["currency"])
        decision = decision_text(state["decision"], state["status"])
        table.add_row(state["transactionId"], amount, decision, str(state["score"]), why)
    return table


def _counts(results: Results) -> Table:
    table = Table(box=None, show_header=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_column(justify="right", style="dim")
    decisions = results.tally.decisions
    for decision in Verdict:
        share = decisions[decision] / max(decisions.total(), 1)
        table.add_row(decision_text(decision), f"{decisions[decision]:,}", f"{share:.1%}")
    return table


def _episodes(noticed: Noticed) -> Table:
    table = Table("episode", "transactions", "reviewed or declined", box=None, header_style="dim")
    table.columns[1].justify = table.columns[2].justify = "right"
    for episode, number in sorted(noticed.frauds.items()):
        table.add_row(episode.replace("_", " "), f"{number:,}", f"{noticed.found[episode]:,}")
    return table


def _latency(results: Results) -> Table:
    table = Table("", *PERCENTILES, box=None, header_style="dim")
    measured = {
        "POST, from request to answer": results.replayed.latencies,
        "decision, from receipt": results.tally.decision_seconds,
    }
    for name, seconds in measured.items():
        values = (percentile(seconds, share) * 1000 for share in PERCENTILES.values())
        table.add_row(name, *(f"{value:,.0f} ms" for value in values))
    return table

"""A backtest's figures as tables for people."""

from datetime import UTC, datetime

from rich.table import Table
from rich.text import Text

from fraudstream.counts import counted
from fraudstream_tools.cli.support.shown.explored_words import explored_words
from fraudstream_tools.cli.support.terminal.output import DECISION_STYLES, SafeConsole, out
from fraudstream_tools.lab.backtest.estimates import UnseenEstimate
from fraudstream_tools.lab.backtest.figures import BacktestFigures, BacktestRuleFigures, ChangeFigures, RulesetFigures
from fraudstream_tools.lab.backtest.intervals import Share

_WIDTH = 126
"""Columns that a table of rules needs; it is not squeezed into fewer."""


def print_figures(result: BacktestFigures) -> None:
    """Print a backtest's figures."""
    first, last = (datetime.fromtimestamp(time / 1000, UTC).date() for time in (result.first, result.last))
    out.print(f"{counted(result.transactions, 'transaction')} from {first} to {last}, {result.days:.1f} days")
    known = result.known
    if _is_labelled(result):
        out.print(
            f"{known['fraud']:,} are fraud, {known['legitimate']:,} legitimate, {known['matured']:,} older than "
            f"the labels' delay and not complained about; of {known['unknown']:,} nothing is known",
            soft_wrap=True,
        )
    else:
        out.print("there are no labels: how often rules hit is all that can be said")
    if result.explored is not None:
        out.print(explored_words(result.explored, result.first), soft_wrap=True)
    if result.repeated:
        out.print(f"{result.repeated:,} came more than once, and counted once")
    if result.other_features:
        out.print(f"{result.other_features:,} left out: their features are of another version of the code")
    if result.unvalued_frauds:
        out.print(f"frauds without an exchange rate, which add nothing to the values: {result.unvalued_frauds:,}")
    for letter, ruleset in zip("AB", result.rulesets, strict=False):
        out.print()
        _print_ruleset(letter, ruleset, result)
    if result.changes is not None:
        out.print()
        _print_changes(result.changes, result)


def _is_labelled(result: BacktestFigures) -> bool:
    return result.known["unknown"] < result.transactions


def _print_ruleset(letter: str, ruleset: RulesetFigures, result: BacktestFigures) -> None:
    deciders = f"rules {ruleset.version}" + (f", model {ruleset.model}" if ruleset.model else ", no model")
    out.print(Text.assemble((letter, "bold"), f" {ruleset.name}  ", (deciders, "dim")), soft_wrap=True)
    decisions = Text()
    for verdict, number in ruleset.decisions.items():
        decisions.append(verdict, DECISION_STYLES[verdict])
        decisions.append(f" {number:,} ({number / result.transactions:.2%})  ")
    decisions.append(f"alerts a day {ruleset.alerts_a_day:,.1f}")
    out.print(decisions, soft_wrap=True)
    if ruleset.value_saved is not None and ruleset.value_missed is not None:
        out.print(
            f"precision {_share(ruleset.precision)}, recall {_share(ruleset.recall)}, "
            f"false alerts {ruleset.false_alerts:,}\n"
            f"value saved {ruleset.value_saved:,.2f} {result.base_currency}, "
            f"missed {ruleset.value_missed:,.2f} {result.base_currency}",
            soft_wrap=True,
        )
    labelled = _is_labelled(result)
    headings = ["rule", "hits", "hit rate", "unique"]
    headings += ["n", "precision", "recall", "value saved"] if labelled else []
    table = Table(*headings, "unevaluable", box=None, header_style="dim")
    for column in table.columns[1:]:
        column.justify = "right"
    table.columns[0].no_wrap = True
    for rule in ruleset.rules:
        table.add_row(*_row(rule, labelled=labelled))
    # Rich takes a terminal that calls itself dumb for 80 columns wide, unless the height is given too.
    SafeConsole(width=max(out.width, _WIDTH), height=out.height).print(table)
    if labelled:
        out.print(
            "95 % intervals in brackets; n: hits of which is known what they are; recall is of "
            f"{result.known['fraud']:,} {_of_frauds(result.unseen)}",
            style="dim",
            soft_wrap=True,
        )


def _of_frauds(unseen: UnseenEstimate | None) -> str:
    return "frauds" if unseen is None else f"known frauds and {unseen.value:,.0f} that nobody reported"


def _row(rule: BacktestRuleFigures, *, labelled: bool) -> list[str | Text]:
    name = rule.id if rule.mode == "live" else Text.assemble(f"{rule.id} ", ("(shadow)", "dim"))
    row: list[str | Text] = [name, f"{rule.hits:,}", f"{rule.hit_rate:.3%}", f"{rule.unique_hits:,}"]
    if labelled:
        row += [f"{rule.known_hits:,}", _cell(rule.precision), _cell(rule.recall), f"{rule.value_saved or 0:,.2f}"]
    return [*row, f"{rule.unevaluable:,}"]


def _cell(share: Share | None) -> str:
    if share is None:
        return "-"
    return f"{share.value:.1%} ({100 * share.low:.0f}-{100 * share.high:.0f})"


def _share(share: Share | None) -> str:
    if share is None:
        return "unknown"
    return f"{share.value:.1%} ({share.low:.1%} to {share.high:.1%}, n {share.n:,})"


def _print_changes(changes: list[ChangeFigures], result: BacktestFigures) -> None:
    total = sum(change.transactions for change in changes)
    out.print(Text.assemble(("A to B", "bold"), f" {total:,} decisions change"))
    if not changes:
        return
    labelled, is_weighed = _is_labelled(result), result.unseen is not None
    table = Table("from", "to", "transactions", box=None, header_style="dim")
    if labelled:
        for heading in ("fraud", "no fraud", f"fraud in {result.base_currency}"):
            table.add_column(heading)
        if is_weighed:
            table.add_column("precision")
    for column in table.columns[2:]:
        column.justify = "right"
    for change in changes:
        row = [change.before, change.after, f"{change.transactions:,}"]
        if labelled:
            row += [f"{change.frauds:,}", f"{change.no_frauds:,}", f"{change.fraud_amount:,.2f}"]
            if is_weighed:
                row.append(_cell(change.precision))
        table.add_row(*row)
    out.print(table)

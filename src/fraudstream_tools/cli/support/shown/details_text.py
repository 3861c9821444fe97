"""Everything that is known of a transaction, in words."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from fraudstream.clock import epoch_milliseconds
from fraudstream_tools.cli.support.shown.whole_table import print_whole
from fraudstream_tools.cli.support.terminal.ages import age_text, moment_text
from fraudstream_tools.cli.support.terminal.output import decision_text, out
from fraudstream_tools.operations.investigation.field_words import SHOWN_ELSEWHERE, field_words, probability_words

if TYPE_CHECKING:
    from fraudstream_tools.operations.investigation.transaction_details import TransactionDetails


def print_details(details: "TransactionDetails") -> None:
    """Print everything that is known of a transaction: what it was, what was decided why, and when."""
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim", no_wrap=True)
    facts.add_column()
    for name, text in (*_what(details.state), *_decision(details), *_label(details.state), *_alert(details)):
        facts.add_row(name, text)
    print_whole(facts, out)
    _section("why")
    _print_reasons(details)
    if details.judgement.habits:
        _section("beside this customer's habit")
        habits = _bullets()
        for habit in details.judgement.habits:
            habits.add_row("•", Text(habit.text, style="bold" if habit.is_unusual else ""))
        out.print(habits)
    _section("what happened")
    history = Table.grid(padding=(0, 2))
    for event in details.history:
        history.add_row(Text(moment_text(event.at), style="dim"), Text(event.what))
    out.print(Padding(history, (0, 0, 0, 2), expand=False))


def _section(title: str) -> None:
    out.print(Text(f"\n{title}", style="bold"))


def _bullets() -> Table:
    table = Table.grid(padding=(0, 1))
    table.add_column(width=3, justify="right")
    return table


def _what(state: Mapping[str, Any]) -> Iterator[tuple[str, Text]]:
    from fraudstream.transactions.values.money import format_money

    yield "transaction", Text(str(state["transactionId"]))
    yield "amount", Text(f"{format_money(state['amountMinor'], state['currency'])}  {state['type']}", style="bold")
    happened = state["timestamp"]
    yield "when", Text(f"{moment_text(happened)}, {age_text(_now() - happened)} ago")
    for name, value in state.items():
        if name not in SHOWN_ELSEWHERE and value is not None:
            yield field_words(name), Text(moment_text(value) if name.endswith("At") else str(value))
    metadata: Mapping[str, Any] = state.get("metadata") or {}
    for name, value in metadata.items():
        yield f"metadata.{name}", Text(str(value))


def _decision(details: "TransactionDetails") -> Iterator[tuple[str, Text]]:
    state = details.state
    decision = decision_text(state.get("decision"), str(state.get("status", "")))
    if state.get("decisionStage") == "INLINE":
        decision.append("  answered at once; the final decision follows", style="dim")
    if state.get("score") is not None:
        decision.append(f"  score {state['score']} of 100", style="default")
    if state.get("probability") is not None:
        decision.append(f", fraud with {probability_words(state['probability'])}", style="default")
    if state.get("status") == "FAILED":
        decision.append("  no decision came in time: an operator can send it again (fraudstream redrive)")
    yield "decision", decision
    if state.get("rulesetVersion"):
        yield "ruleset", Text(str(state["rulesetVersion"]))
    if state.get("modelVersion"):
        yield "model", Text(str(state["modelVersion"]))
    yield from _beside_decision(state)


def _beside_decision(state: Mapping[str, Any]) -> Iterator[tuple[str, Text]]:
    if inline := state.get("inlineDecision"):
        yield "answered at once", Text(f"{inline['decision']}, score {inline['score']} of 100")
    if state.get("shadowModel"):
        yield "shadow model", Text(f"{state['shadowModel']} would have given a score of {state.get('shadowScore')}")
    if listed := state.get("listedAs"):
        yield "listed as", Text(", ".join(str(each).replace(":", " ") for each in listed))
    if (drawn := state.get("explorationPropensity")) is not None:
        yield "in the queue", Text(f"by chance: {probability_words(drawn)} of what is approved is")
    for name, what in (("shadowHits", "shadow rules hit"), ("unevaluableRules", "rules without their fields")):
        if state.get(name):
            yield what, Text(", ".join(state[name]))


def _label(state: Mapping[str, Any]) -> Iterator[tuple[str, Text]]:
    if state.get("actionTaken"):
        yield "you did", Text(state["actionTaken"])
    if not state.get("label"):
        yield "label", Text("none: nobody has said what it turned out to be", style="dim")
        return
    kind = f" ({state['fraudType']})" if state.get("fraudType") else ""
    said = f"{state['label']}{kind}, says {state.get('labelSource')}"
    if state.get("labelApprovedAt") == 0:
        said += "; it waits until somebody else has approved it"
    if state.get("learntLabeledAt") is not None and state["learntLabeledAt"] == state.get("labeledAt"):
        said += "; the profiles have learnt it"
    yield "label", Text(said)


def _alert(details: "TransactionDetails") -> Iterator[tuple[str, Text]]:
    alert = details.alert
    if alert is None:
        return
    if alert.status == "OPEN":
        yield "alert", Text(f"open since {age_text(_now() - alert.created_at)}", style="yellow")
    else:
        yield "alert", Text(f"closed{f' as {alert.label}' if alert.label else ', since it is approved after all'}")


def _print_reasons(details: "TransactionDetails") -> None:
    reasons = details.state.get("reasons") or ()
    if not reasons:
        out.print("  nothing speaks against it" if details.state.get("decision") else "  it is not decided yet")
    told = _bullets()
    for reason in reasons:
        told.add_row("•", Text(reason.get("message") or reason["code"]))
        points = f", {reason['points']:+g} points" if reason.get("points") else ""
        source = reason.get("source", "")
        behind = Text(f"{reason['code']}{f', from {source}' if source else ''}{points}")
        if description := details.rules.get(source):
            behind.append(f": {description}")
        behind.stylize("dim")
        told.add_row("", behind)
        for each in details.judgement.evidence.get(source, ()):
            told.add_row("", Text(f"✓ {each}", style="dim"))
    out.print(told)
    if details.rules and details.ruleset != details.state.get("rulesetVersion"):
        out.print(
            f"  (what the rules look for is told by the active ruleset, {details.ruleset}; another one decided)",
            style="dim",
        )


def _now() -> int:
    return epoch_milliseconds()

"""How rules, and what they say of a transaction, are shown."""

from collections.abc import Collection, Iterator
from typing import Any, Final

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from fraudstream.counts import counted
from fraudstream.detection.features.codec import unpack
from fraudstream.detection.features.compute import Calendar
from fraudstream.detection.features.own import inputs
from fraudstream.detection.features.registry import FEATURES, MAXIMA
from fraudstream.detection.models.selection import ActiveModels
from fraudstream.detection.rules.language import fields, parser
from fraudstream.detection.rules.language.compiler import TruthValue
from fraudstream.detection.rules.rule import Mode, Rule, Signal
from fraudstream.detection.rules.ruleset import Ruleset
from fraudstream.detection.scoring import Outcome, decide, score_of
from fraudstream.transactions.api.openapi import openapi_document
from fraudstream.transactions.decisions.decision import Verdict
from fraudstream.transactions.decisions.reasons import sentence
from fraudstream_tools.cli.support.shown.rule_weights import weight_of
from fraudstream_tools.cli.support.shown.whole_table import print_whole
from fraudstream_tools.cli.support.terminal.output import decision_text, out, print_json
from fraudstream_tools.rules.fixtures import Result
from fraudstream_tools.rules.questions import ExplainedTransaction, vector_of
from fraudstream_tools.rules.trace import ExpressionPart, RuleTrace, parameters_of, traces
from fraudstream_tools.rules.words import in_words, leaf_in_words, share_in_words, value_in_words

SIGNALS: Final = {
    Signal.COMPROMISED_ELEMENTS: "lists of compromised or stolen authentication elements",
    Signal.AMOUNT: "the amount of each payment",
    Signal.FRAUD_SCENARIOS: "known fraud scenarios",
    Signal.MALWARE: "signs of malware",
    Signal.DEVICE_USE: "abnormal use of the access device or software",
}
_TRUTHS: Final[dict[TruthValue, str]] = {True: "hit", False: "miss", None: "unevaluable"}
_MARKS: Final[dict[TruthValue, tuple[str, str]]] = {True: ("✓", "green"), False: ("✗", "red"), None: ("?", "yellow")}


def show_rules(ruleset: Ruleset, *, as_json: bool) -> None:
    """Print all rules of a ruleset, a line each."""
    if as_json:
        print_json([_rule_as_json(rule, ruleset.models) for rule in ruleset.rules])
        return
    beside = ["beside model"] if any(ruleset.models) else []
    table = Table("rule", "effect", *beside, "mode", "what it is", box=None, header_style="dim", pad_edge=False)
    for rule in ruleset.rules:
        weight = weight_of(rule, ruleset.models)
        counted = [f"{weight.points:+.2f}" if weight else ""] if beside else []
        table.add_row(Text(rule.id, style="bold"), _effect(rule), *counted, rule.mode.value, Text(rule.description))
    print_whole(table)


def show_rule(ruleset: Ruleset, rule_id: str, *, as_json: bool) -> None:
    """Print what a rule asks, of which fields, and where it comes from."""
    rule = next(rule for rule in ruleset.rules if rule.id == rule_id)
    if as_json:
        print_json(_rule_as_json(rule, ruleset.models))
        return
    out.print(Text.assemble((rule.id, "bold"), f"  {_effect(rule)}, {rule.mode}, severity {rule.severity}"))
    _indented(rule.description)
    _heading("hits when")
    for line in in_words(parser.parsed(rule.when), parameters_of(rule)):
        _indented(line)
    _heading("as it is written")
    _indented(rule.when.strip())
    if rule.parameters:
        _heading("parameters")
        for name, value in parameters_of(rule).items():
            _indented(f"{name} = {value_in_words(value)}")
    _heading("fields")
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold", style="dim")
    table.add_column(overflow="fold", style="dim")
    for each in _fields_of(rule):
        table.add_row(*each)
    out.print(Padding(table, (0, 0, 0, 2)))
    for heading, said in _how_it_counts(rule, ruleset):
        _heading(heading)
        _indented(said)
    _heading("reason")
    _indented(f"{rule.reason_code}: {sentence(rule.reason_code)}")
    _heading("source")
    _indented(rule.source)
    if rule.signal is not None:
        _heading("PSD2 signal")
        _indented(f"article 2(2)({rule.signal}) of the RTS: {SIGNALS[rule.signal]}")


def _how_it_counts(rule: Rule, ruleset: Ruleset) -> Iterator[tuple[str, str]]:
    """Yield headings, and what bounds and weighs the hits of a rule."""
    if rule.family is not None:
        most = ruleset.counting.families[rule.family]
        yield "family", f"{rule.family}: its rules add at most {most:g} points together"
    if rule.share is not None:
        yield "share", f"it counts for {share_in_words(rule)}; its other hits are logged as those of a shadow rule"
    if weight := weight_of(rule, ruleset.models):
        yield "counts", weight.words
    if rule.proven_precision:
        yield "precision", f"of its hits at least {rule.proven_precision:.0%} were fraud, by a measurement"


def show_decision(
    ruleset: Ruleset, question: ExplainedTransaction, rule_id: str | None, calendar: Calendar, *, as_json: bool
) -> None:
    """Print what the rules say of a transaction, and which parts of them decided it."""
    vector = vector_of(question, ruleset, calendar)
    all_traces = traces(ruleset, question.transaction, vector, question.listed_as)
    outside = ruleset.outside_share(question.transaction.customer_id)
    seen = inputs(vector, question.transaction)
    outcome = decide(ruleset, [trace.truth for trace in all_traces], seen, outside)
    shown = [trace for trace in all_traces if rule_id in (None, trace.rule.id)]
    if as_json:
        print_json(_decision_as_json(ruleset, question, outcome, shown))
        return
    hits = [
        trace.rule
        for trace in all_traces
        if trace.truth and trace.rule.mode is Mode.LIVE and trace.rule.id not in outside
    ]
    points = ruleset.counting.points(hits, ruleset.points)
    out.print(
        Text.assemble(
            (question.transaction.transaction_id, "bold"),
            "  ",
            decision_text(outcome.verdict),
            f"  score {outcome.score}",
        )
    )
    _indented(
        f"log-odds {ruleset.base_log_odds:+g} and {points:+g} of the rules that hit make {outcome.log_odds:+g}; "
        f"from {ruleset.thresholds.review} on it is reviewed, from {ruleset.thresholds.decline} on declined"
    )
    for line in _counted(ruleset, outcome):
        _indented(line)
    _indented(f"ruleset {ruleset.version}; features {_origin(question)}")
    for truth, heading in ((True, "hit"), (None, "cannot be said, for a field is missing"), (False, "did not hit")):
        same = [trace for trace in shown if trace.truth is truth]
        if same:
            _heading(heading)
            for trace in same:
                _show_trace(trace, outside)


def _counted(ruleset: Ruleset, outcome: Outcome) -> Iterator[str]:
    """Yield what made score or decision otherwise than the points alone say."""
    if outcome.verdict is not Verdict.DECLINE and outcome.score > score_of(outcome.log_odds):
        yield f"a hit of its severity leaves no score below {outcome.score}"
    if outcome.verdict is Verdict.REVIEW and outcome.score >= ruleset.thresholds.decline:
        yield "it is not declined: that takes rules of two families, or one whose precision is proven"


def show_failure(result: Result) -> None:
    """Print why a fixture's case came out otherwise than it must."""
    out.print(f"    {result.case.name}: must be {result.case.expect}, is {result.outcome}")
    for trace in traces(result.ruleset, result.transaction, unpack(result.decision.features)):
        if trace.rule.id == result.rule:
            _show_parts(trace, "      ")


def _origin(question: ExplainedTransaction) -> str:
    if question.vector is not None:
        return "as they were logged"
    return f"computed from {counted(len(question.history), 'earlier transaction')}"


def _show_trace(trace: RuleTrace, outside: Collection[str]) -> None:
    rule = trace.rule
    shadow = "  in shadow: it does not count" if rule.mode is Mode.SHADOW else ""
    if rule.id in outside:
        shadow = f"  it does not count: the customer is not among the {share_in_words(rule)}"
    out.print(Text.assemble("  ", (rule.id, "bold"), f"  {_effect(rule)}", (shadow, "dim")))
    _show_parts(trace, "    ")


def _show_parts(trace: RuleTrace, indent: str) -> None:
    for part in trace.decisive:
        out.print(
            Text.assemble(indent, _MARKS[part.truth], " ", leaf_in_words(part.expression, parameters_of(trace.rule))),
            Text(f"  [{_values(part)}]" if part.values else "", style="dim"),
            sep="",
            soft_wrap=True,
        )


def _values(part: ExpressionPart) -> str:
    return ", ".join(f"{name} is {value_in_words(value)}" for name, value in part.values.items())


def _effect(rule: Rule) -> str:
    return rule.decision.value if rule.decision is not None else f"{rule.points or 0.0:+g}"


def _heading(text: str) -> None:
    out.print(Text(text, style="dim"))


def _indented(text: str) -> None:
    for line in text.splitlines():
        out.print(Padding(Text(line), (0, 0, 0, 2)))


def _fields_of(rule: Rule) -> list[tuple[str, str, str]]:
    """Return name, type and meaning of the fields that a rule asks for."""
    asked = parser.names(rule.when)
    meanings = {feature.name: feature.description for feature in FEATURES}
    schema: dict[str, Any] = openapi_document()["components"]["schemas"]["TransactionRequest"]["properties"]
    described = {name: str(field.get("description", "")) for name, field in schema.items()}
    return [
        (
            field.name,
            f"{field.type.value}{_maximum(field.name)}{', may be missing' if field.optional else ''}",
            (described | meanings)[field.name],
        )
        for field in fields.FIELDS
        if field.name in asked
    ]


def _maximum(name: str) -> str:
    return f", {MAXIMA[name]:g} at most" if name in MAXIMA else ""


def _rule_as_json(rule: Rule, models: ActiveModels) -> dict[str, Any]:
    weight = weight_of(rule, models)
    return {
        "id": rule.id,
        "description": rule.description,
        "when": rule.when,
        "inWords": in_words(parser.parsed(rule.when), parameters_of(rule)),
        "parameters": rule.parameters,
        "fields": [{"name": name, "type": kind, "meaning": meaning} for name, kind, meaning in _fields_of(rule)],
        "points": rule.points,
        "besideModel": weight.as_json() if weight else None,
        "family": rule.family,
        "provenPrecision": rule.proven_precision,
        "decision": rule.decision,
        "reasonCode": rule.reason_code,
        "severity": rule.severity,
        "mode": rule.mode,
        "share": rule.share,
        "source": rule.source,
        "signal": rule.signal,
    }


def _decision_as_json(
    ruleset: Ruleset, question: ExplainedTransaction, outcome: Outcome, shown: list[RuleTrace]
) -> dict[str, Any]:
    return {
        "transactionId": question.transaction.transaction_id,
        "decision": outcome.verdict,
        "score": outcome.score,
        "logOdds": outcome.log_odds,
        "rulesetVersion": ruleset.version,
        "rules": [
            {
                "id": trace.rule.id,
                "outcome": _TRUTHS[trace.truth],
                "mode": trace.rule.mode,
                "points": trace.rule.points,
                "decision": trace.rule.decision,
                "decisive": [
                    {
                        "part": leaf_in_words(part.expression, parameters_of(trace.rule)),
                        "outcome": {True: "true", False: "false", None: "unknown"}[part.truth],
                        "values": part.values,
                        "missing": part.missing,
                    }
                    for part in trace.decisive
                ],
            }
            for trace in shown
        ],
    }

"""How well rules alone tell fraud from honest life, on worlds that they were not made for.

Ten worlds of `simulate --world fintech`, which was there before the rules. Everything counts from the first day on,
when nobody is known yet. A false decline is a declined honest transaction; an alert is a review or a decline. Intervals
are Wilson's, of 95 %. The rules of 0.1.0 judge in the same run, by the same features; where those remember more than
0.1.0 did, its rules are better here than they were. Its recall is taken from as many transactions with the highest
score as today's rules have alerts, and where scores are equal, from the share that chance would take.

    python -m benchmarks.rules [--full] [--seeds 101 102 ...] [--people 100]

The last line printed is JSON.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from benchmarks.rule_runs import RuleSample, go_through, is_live, rules_of_today
from fraudstream.statistics import wilson_interval
from fraudstream.transactions.decisions.decision import Verdict
from fraudstream_tools.lab.fintech.world import FintechSettings

HELD_OUT: Final = tuple(range(101, 111))
"""Seeds that no rule was tried on before the first rules with families were done."""
SIZES: Final = {False: (150, 90), True: (1500, 90)}
"""People and days of the small and of the full form."""
ORDINARY: Final = "(ordinary)"


def _is_alert(verdict: Verdict) -> bool:
    return verdict is not Verdict.APPROVE


def recall_before(judged: Sequence[RuleSample], alerts: int) -> dict[int, float]:
    """Return what 0.1.0 finds with so many alerts: places of transactions, and the probability that it takes each."""
    by_odds: dict[float, list[int]] = defaultdict(list)
    for place, each in enumerate(judged):
        by_odds[each.odds_before].append(place)
    taken: dict[int, float] = {}
    left = float(alerts)
    for odds in sorted(by_odds, reverse=True):
        places = by_odds[odds]
        taken |= dict.fromkeys(places, min(1.0, left / len(places)))
        left -= len(places)
        if left <= 0:
            break
    return taken


def table_of_patterns(judged: Sequence[RuleSample], taken: dict[int, float]) -> tuple[Table, list[dict[str, Any]]]:
    """Return the frauds by pattern: how many of them are found, by number and by value, now and before."""
    places: dict[str, list[int]] = defaultdict(list)
    for place, each in enumerate(judged):
        if each.pattern:
            places[each.pattern].append(place)
    rows: list[dict[str, Any]] = []
    for pattern, found in sorted(places.items()):
        euros = sum(judged[place].euros for place in found) or 1.0
        now = [place for place in found if _is_alert(judged[place].now)]
        rows.append(
            {
                "pattern": pattern,
                "frauds": len(found),
                "recall": len(now) / len(found),
                "declined": sum(judged[place].now is Verdict.DECLINE for place in found) / len(found),
                "before": sum(taken.get(place, 0.0) for place in found) / len(found),
                "value": sum(judged[place].euros for place in now) / euros,
                "value before": sum(taken.get(place, 0.0) * judged[place].euros for place in found) / euros,
            }
        )
    return _as_table("frauds, found by a review or decline", rows), rows


def table_of_kinds(judged: Sequence[RuleSample]) -> tuple[Table, list[dict[str, Any]]]:
    """Return the honest transactions by what they look like: false declines and alerts per 1,000, now and before."""
    found: dict[str, list[RuleSample]] = defaultdict(list)
    for each in judged:
        if not each.pattern and not each.prepared:
            found[each.kind or ORDINARY].append(each)
    rows: list[dict[str, Any]] = []
    for kind, honest in sorted(found.items()):
        declined = sum(each.now is Verdict.DECLINE for each in honest)
        rows.append(
            {
                "honest": kind,
                "transactions": len(honest),
                "declined": 1000 * declined / len(honest),
                "at most": 1000 * wilson_interval(declined, len(honest))[1],
                "declined before": 1000 * sum(each.before is Verdict.DECLINE for each in honest) / len(honest),
                "alerts": 1000 * sum(_is_alert(each.now) for each in honest) / len(honest),
                "alerts before": 1000 * sum(_is_alert(each.before) for each in honest) / len(honest),
            }
        )
    return _as_table("honest transactions, per 1,000", rows), rows


def table_of_rules(judged: Iterable[RuleSample]) -> Table:
    """Return each rule's hits, and how many of them are fraud, with the lower end of the interval of that share."""
    hits: dict[str, list[bool]] = defaultdict(list)
    for each in judged:
        for rule in each.rules:
            if not each.prepared:
                hits[rule].append(bool(each.pattern))
    ruleset = rules_of_today()
    rows = [
        {
            "rule": rule,
            "counts": "live" if is_live(ruleset, rule) else "shadow",
            "hits": len(found),
            "precision": sum(found) / len(found),
            "at least": wilson_interval(sum(found), len(found))[0],
        }
        for rule, found in sorted(hits.items())
    ]
    return _as_table("rules", rows)


def _as_table(title: str, rows: Sequence[dict[str, Any]]) -> Table:
    table = Table(*(rows[0] if rows else ()), title=title)
    for row in rows:
        table.add_row(*(f"{value:.3f}" if isinstance(value, float) else str(value) for value in row.values()))
    return table


def main() -> None:
    """Run the benchmark; the last line is JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="worlds of about 210,000 transactions each")
    parser.add_argument("--seeds", type=int, nargs="+", default=HELD_OUT)
    parser.add_argument("--people", type=int, help="of each world, instead of the form's")
    asked = parser.parse_args()
    people, days = SIZES[asked.full]
    people = asked.people or people
    worlds = [FintechSettings(seed=seed, customers=people, days=days) for seed in asked.seeds]
    with ProcessPoolExecutor(2) as pool:
        judged = [each for world in pool.map(go_through, worlds) for each in world]
    counted = [each for each in judged if not each.prepared]
    alerts = [each for each in counted if _is_alert(each.now)]
    taken = recall_before(counted, len(alerts))
    of_patterns, patterns = table_of_patterns(counted, taken)
    of_kinds, kinds = table_of_kinds(counted)
    console = Console(width=140)
    for table in (of_kinds, of_patterns, table_of_rules(judged)):
        console.print(table)
    print(json.dumps(_summary(counted, patterns, kinds, taken) | {"alerts_a_day": len(alerts) / days / len(worlds)}))


def _summary(
    counted: Sequence[RuleSample],
    patterns: Sequence[dict[str, Any]],
    kinds: Sequence[dict[str, Any]],
    taken: dict[int, float],
) -> dict[str, Any]:
    honest = [each for each in counted if not each.pattern]
    frauds = [(place, each) for place, each in enumerate(counted) if each.pattern]
    euros = sum(each.euros for _, each in frauds)
    found = [each for _, each in frauds if _is_alert(each.now)]
    alerts = sum(_is_alert(each.now) for each in counted)
    alerts_before = [each for each in counted if _is_alert(each.before)]
    worst = max(kinds, key=lambda row: row["at most"])
    return {
        "false_declines_per_1000": 1000 * sum(each.now is Verdict.DECLINE for each in honest) / len(honest),
        "worst_lookalike_per_1000": worst["at most"],
        "worst_lookalike": worst["honest"],
        "alert_precision": len(found) / alerts if alerts else None,
        "alert_recall": len(found) / len(frauds),
        "recall_before": sum(taken.get(place, 0.0) for place, _ in frauds) / len(frauds),
        "value_recall": sum(each.euros for each in found) / euros,
        "value_recall_before": sum(taken.get(place, 0.0) * each.euros for place, each in frauds) / euros,
        "patterns_below_before": [row["pattern"] for row in patterns if row["recall"] < row["before"]],
        "values_below_before": [row["pattern"] for row in patterns if row["value"] < row["value before"]],
        "false_declines_per_1000_before": 1000 * sum(each.before is Verdict.DECLINE for each in honest) / len(honest),
        "alert_precision_before": sum(bool(each.pattern) for each in alerts_before) / len(alerts_before),
        "alert_recall_before_at_its_own_alerts": sum(bool(each.pattern) for each in alerts_before) / len(frauds),
        "honest": len(honest),
        "frauds": len(frauds),
    }


if __name__ == "__main__":
    main()

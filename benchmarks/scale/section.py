"""The part of docs/performance.md on sizing."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

_TEMPLATE: Final = Path(__file__).with_name("section.md")


def scale_section(figures: Mapping[str, Any]) -> str:
    """Return the part of docs/performance.md that is of the simulation."""
    sized = figures["as_sized"]
    decisions = [row["decision_milliseconds"] for row in sized]
    dollars = [row["dollars_a_million"] for row in figures["by_default"]]
    return _TEMPLATE.read_text().format(
        **figures["service_milliseconds"],
        by_default="\n".join(
            f"| {row['rate']:,} | {row['given_up_share']:.2%} | {_pair(row, 'post')} | {_pair(row, 'decision')} |"
            f" {row['busiest']} | {row['batch']} | ${row['dollars_a_million']:,.2f} |"
            for row in figures["by_default"]
        ),
        without_throttle="\n".join(
            f"| {row['rate']:,} | {row['given_up_share']:.2%} | {row['refused'].get('table refused', 0):,} |"
            f" {row['refused'].get('no environment', 0):,} | {row['undecided']:,} |"
            f" {row['decision_milliseconds']['p99']:,.0f} |"
            for row in figures["without_throttle"]
        ),
        as_sized="\n".join(
            f"| {row['rate']:,} | {row['processor_concurrency']:,} | {row['analyzer_concurrency']} |"
            f" {row['partitions']} | {row['given_up_share']:.2%} | {row['post_milliseconds']['p99']:,.0f} |"
            f" {_pair(row, 'decision')} |"
            for row in sized
        ),
        given_up=", ".join(f"{row['given_up_share'] * 100:.1f}" for row in figures["by_default"]),
        dollars=", ".join(f"{each:.2f}" for each in dollars),
        dearest=round(1.2 * max(dollars)),
        rates=", ".join(str(row["rate"]) for row in sized),
        most=round(1.2 * max(each["p99"] for each in decisions)),
        slow=", ".join(str(each["p99"]) for each in decisions),
        middle=", ".join(str(each["p50"]) for each in decisions),
        scenarios="\n".join(
            f"| {row['name']} | {row['given_up_share']:.2%} | {row['cold_starts']} |"
            f" {row['post_milliseconds']['p99']:,.0f} | {_pair(row, 'decision')} | {row['undecided']:,} |"
            for row in figures["scenarios"]
        ),
        caught_up=next(row["caught_up_seconds"] for row in figures["scenarios"] if "caught_up_seconds" in row),
    )


def _pair(row: Mapping[str, Any], what: str) -> str:
    found = row[f"{what}_milliseconds"]
    return f"{found['p50']:,.0f}, {found['p99']:,.0f}"

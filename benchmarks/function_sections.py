"""The parts of docs/performance.md on the functions: their start and their processor time."""

from collections.abc import Mapping
from typing import Any, Final, TypeAlias, cast

Figures: TypeAlias = Mapping[str, Any]

_COLD: Final = """## Cold start

New processes load a function's package and handle their first event, against a table and a bucket that answer at once.
Processor time up to the first answer, the least of several starts, by that of a bare client that makes its first call
from the same package (boto3's `put_item`, for the reporter its `put_object`).

| function | ms | by a bare client's | asked |
| --- | --- | --- | --- |
{rows}
"""
_COLD_ASKED: Final = {"processor": 1.15, "processor_waiting": 1.5, "analyzer": 1.2, "reporter": 1.15}

_PATH: Final = """## Processor time of a transaction

The same events go through this code and through that of the last commit that called AWS by boto3's clients, in turns,
against a table and a bucket that answer at once; the best of many rounds counts. The analyzer takes batches of ten.
Without the SDK means that its client returns at once what it would have read.

| what | µs before | µs now | share | asked | µs without the SDK | asked |
| --- | --- | --- | --- | --- | --- | --- |
{rows}

A POST that waits for its decision takes {post_waiting_by_post_before} of the earlier POST that does not.

Without the SDK each transaction is judged by its own past: the sample's transactions come again and again, as if some
days later, and of each batch the least of eight times counts. {flagged_share:.0%} of them are flagged. (Up to commit
75c9eb4 transactions came in no order, so that half of the profiles took them for old ones and were not written; and
profiles were emptier: 735 µs, and 510 without the SDK.) About a fifth of the analyzer's time is taken by the 16 threads
that write side by side, and find nothing to wait for here. The rest is spread over many parts; the largest are the
features and what profiles learn, each about a seventh.
"""
_PATH_ASKED: Final = {"post": (0.52, 300), "post_waiting": (None, None), "get": (None, 150), "analyzer": (0.4, 350)}


_INLINE: Final = """## A decision that the client waits for

POSTs of the sample day's transactions with and without `Prefer: wait=1`, in turns, against a table and a bucket that
take a fixed time for each answer.

| what | measured | asked |
| --- | --- | --- |
{rows}
"""
_INLINE_ASKED: Final = (
    ("cpu_ratio", "processor time of a POST that waits, by that of one that does not", None),
    ("p50_ratio", "median time of the same, at 5 ms for each answer", 1.5),
    ("requests", "requests to AWS of a POST, without and with waiting", None),
    ("share_within_one_write_unit", "share of transactions that fit into one write unit with both decisions", 0.95),
)

_HOT: Final = """## One entity for many

Batch, store and judge are the real ones, the table is simulated: 5 ms for a read or write, 1,000 write and 3,000 read
units a second for each of four partitions and within them for a key. Forty analyzers take 1,000 transactions a second
on one entity (200 on a card) after a backlog of ten seconds. The ratio is of p99 by that of the same load spread over
many. Settled is the second half of the ten seconds: only the card's backlog is gone by then, and the others compare two
systems that are both catching up; `make bench-hot ARGS="--seconds 30"` waits until it is gone. At most 2 was asked, and
no failed batch.

| one | decided a second | failed batches | p99, s | ratio | p99 settled, s | ratio settled |
| --- | --- | --- | --- | --- | --- | --- |
{rows}

Of thirty seconds (2026-11-28, commit 8debd6a3) the second half has no backlog left on one merchant, device, address or
card: p99 is .053 s, and .020 s on a card, 1.36 and 1.35 times that of spread load, and no batch fails. On all three at
once, about as much is written as four partitions take: one batch failed, which Lambda sends again, and p99 is 6 s; the
same spread over many fails twelve, with 24 s.
"""


def inline_section(figures: Figures) -> str:
    """Return the part on decisions that clients wait for."""
    return _INLINE.format(
        rows="\n".join(f"| {what} | {_shown(figures[name])} | {_said(asked)} |" for name, what, asked in _INLINE_ASKED)
    )


def hot_section(figures: Figures) -> str:
    """Return the part on entities that many transactions touch at once."""
    columns = ("decided_per_second", "failed_batches", "p99", "p99_ratio", "p99_settled", "p99_settled_ratio")
    return _HOT.format(
        rows="\n".join(
            f"| {row['scenario']} | {' | '.join(f'{row[column]:,}' for column in columns)} |"
            for row in figures["scenarios"]
        )
    )


def _shown(value: Any) -> str:  # noqa: ANN401  (figures are numbers, or some by kind of POST)
    if isinstance(value, Mapping):
        return ", ".join(f"{each:,}" for each in cast("Mapping[str, float]", value).values())
    return f"{value:,}"


def cold_section(figures: Figures) -> str:
    """Return the part on cold starts."""
    return _COLD.format(
        rows="\n".join(
            f"| {name} | {figures['milliseconds'][name]} | {figures[name]:.2f} | {asked:.2f} |"
            for name, asked in _COLD_ASKED.items()
        )
    )


def path_section(figures: Figures) -> str:
    """Return the part on processor time."""
    times, logic = figures["microseconds"], figures["logic_microseconds"]
    rows = [
        f"| {name} | {times['before'][name]:,} | {times['now'][name]:,} | {figures[name]:.2f} | {_said(share)} |"
        f" {_said(logic.get(name))} | {_said(most)} |"
        for name, (share, most) in _PATH_ASKED.items()
    ]
    return _PATH.format(rows="\n".join(rows), **figures)


def _said(value: float | None) -> str:
    return "" if value is None else f"{value:,}"

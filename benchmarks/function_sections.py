"""The parts of docs/performance.md on the functions: their start and their processor time."""

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

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
"""
_PATH_ASKED: Final = {"post": (0.52, 300), "post_waiting": (None, None), "get": (None, 150), "analyzer": (0.4, 350)}


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

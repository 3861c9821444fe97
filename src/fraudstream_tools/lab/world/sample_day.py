"""The sample day that ships with fraudstream: one simulated day with fraud in it, and a warm-up before it."""

from pathlib import Path
from typing import Any

from fraudstream_tools.lab.files.shifting import shifted
from fraudstream_tools.lab.files.transactions import read_transactions
from fraudstream_tools.lab.world.simulate import WorldSettings

SAMPLE = Path(__file__).parent / "sample" / "sample_day.jsonl.gz"
TRUTH = SAMPLE.with_name("sample_day.truth.jsonl.gz")
SAMPLE_SETTINGS = WorldSettings(
    seed=2026, customers=645, days=1, warm_up_days=2, activity=7.4, episodes=36.0, traps=7.6
)
"""What made the files: another seed and other habits than a world has by default, so that nothing which learned from a
default world has seen this one."""


def sample_transactions(now: int) -> list[dict[str, Any]]:
    """Return the sample's transactions, moved in time as one so that the last happened just now.

    Args:
        now: epoch milliseconds.
    """
    transactions = list(read_transactions(SAMPLE))
    ahead = now - max(transaction["timestamp"] for transaction in transactions)
    return [shifted(transaction, ahead) for transaction in transactions]


def sample_truth() -> dict[str, str]:
    """Return the fraudulent transactions of the sample: id to the episode's name."""
    rows = read_transactions(TRUTH)
    return {row["transactionId"]: row["episode"] for row in rows if row["fraud"]}

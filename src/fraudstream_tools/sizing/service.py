"""How long the functions work, from what `make bench-requests` metered."""

from typing import Final, NamedTuple

from fraudstream_tools.costs.estimate import (
    ANALYZER_WAITS,
    PROCESSOR_WAITS,
    WAIT_SECONDS,
    MeteredCounts,
    compute_seconds,
)

LARGEST_BATCH: Final = 100
"""Largest batch of the analyzer's event source (`infra/compute/stream_consumers.py`)."""


class ServiceTimes(NamedTuple):
    """Seconds of work, without cold starts."""

    post: float
    """Service time of the processor for a POST."""
    batch: float
    """Service time of the analyzer for a batch, beside its transactions."""
    decision: float
    """Service time of the analyzer for each transaction of a batch."""


def service_times(counts: MeteredCounts) -> ServiceTimes:
    """Return the times at the functions' default memory: processor time as metered, and assumed answers of DynamoDB."""
    memory, functions = counts.memory_megabytes, counts.functions
    alone = functions["analyzer_1"]["microseconds"]
    together = functions[f"analyzer_{LARGEST_BATCH}"]["microseconds"]
    # A line through the smallest and the largest batch.
    each = (together * LARGEST_BATCH - alone) / (LARGEST_BATCH - 1)
    return ServiceTimes(
        post=compute_seconds(memory["processor"], functions["processor"]["microseconds"])
        + PROCESSOR_WAITS * WAIT_SECONDS,
        batch=compute_seconds(memory["analyzer"], max(alone - each, 0)) + ANALYZER_WAITS * WAIT_SECONDS,
        decision=compute_seconds(memory["analyzer"], each),
    )

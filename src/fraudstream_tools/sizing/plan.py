"""What a stack needs for a peak of requests: its settings, and what AWS must allow."""

import math
from typing import Final, NamedTuple

from fraudstream_tools.sizing.erlang import erlang_b, servers_for
from fraudstream_tools.sizing.service import LARGEST_BATCH, ServiceTimes

MINIMUM_CONCURRENCY: Final = 100
"""Least concurrency that the settings take (`infra/settings.py`)."""
MAXIMUM_CONCURRENCY: Final = 3000
"""Greatest concurrency that the settings take."""
REQUESTS_PER_ENVIRONMENT: Final = 10
"""A second: Lambda refuses more than ten times the concurrency (its developer guide, "Understanding concurrency")."""
RESERVE: Final = 2
"""Times the peak that the processor is ready for."""
REFUSED_SHARE: Final = 1e-6
WRITES_PER_TRANSACTION: Final = 3
"""Units of the table of transactions: claim, transaction, decision."""
UNITS_PER_PARTITION: Final = 1000
"""Write units a second of one partition (DynamoDB's developer guide, "Partitions", as for the number and the quota)."""
FIRST_PARTITIONS: Final = 4
"""Partitions of a new table on demand: 4,000 write units a second."""
TABLE_QUOTA: Final = 40_000
"""Write units a second of one table, unless AWS raises it."""
LANES_PER_SHARD: Final = 10
"""The parallelization factor of the analyzer's event source."""
POLL_SECONDS: Final = 0.25
"""Between two looks of Lambda at a shard's end (its developer guide, "Process DynamoDB records")."""
FULL_LANE: Final = 0.8
"""Share of its time that a lane may be busy at the peak."""


class Plan(NamedTuple):
    """What a peak needs."""

    peak: float
    """Requests a second."""
    processor_concurrency: int
    analyzer_concurrency: int
    throttle_burst: int
    busy: float
    """Environments of the processor that work at once, on average."""
    refused: float
    """Share of requests that find no environment free (Erlang B)."""
    partitions: int
    """Partitions of the table of transactions, and shards of its stream."""
    batch: float
    """Transactions in a batch of the analyzer at the peak, on average."""
    lane_load: float
    """Share of its time that each lane of the analyzer is busy with transactions; from 1 on the stream falls behind."""
    decision_seconds: float
    """From POST to decision, on average."""

    @property
    def keeps_up(self) -> bool:
        """Whether the analyzer decides as fast as transactions come in, with some reserve."""
        return self.lane_load <= FULL_LANE

    @property
    def fits_settings(self) -> bool:
        """Whether the settings can be set so."""
        return max(self.processor_concurrency, self.analyzer_concurrency) <= MAXIMUM_CONCURRENCY


def plan_for(peak: float, times: ServiceTimes) -> Plan:
    """Return what a peak of so many POSTs a second needs, spread over customers and merchants."""
    load = peak * times.post
    concurrency = max(
        MINIMUM_CONCURRENCY,
        math.ceil(RESERVE * peak / REQUESTS_PER_ENVIRONMENT),
        servers_for(RESERVE * load, REFUSED_SHARE),
    )
    partitions = max(FIRST_PARTITIONS, math.ceil(peak * WRITES_PER_TRANSACTION / UNITS_PER_PARTITION))
    lanes = partitions * LANES_PER_SHARD
    lane_load = peak / lanes * times.decision
    # A batch holds one and what came until the lane's next look; where lanes are busy, what came during the one before.
    waited = 1 + peak / lanes * POLL_SECONDS / 2 * max(1 - lane_load, 0)
    queued = peak / lanes * times.batch / (1 - lane_load) if lane_load < 1 else LARGEST_BATCH
    batch = min(max(waited, queued), LARGEST_BATCH)
    work = times.batch + batch * times.decision
    return Plan(
        peak=peak,
        processor_concurrency=concurrency,
        analyzer_concurrency=max(MINIMUM_CONCURRENCY, lanes),
        throttle_burst=concurrency,
        busy=load,
        refused=erlang_b(load, concurrency),
        partitions=partitions,
        batch=batch,
        lane_load=lane_load,
        # It waits for the lane's next look, for half of the batch before, and for its own.
        decision_seconds=times.post + POLL_SECONDS / 2 + work * (1 + min(lane_load, 1) / 2),
    )

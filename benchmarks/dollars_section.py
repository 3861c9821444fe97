"""What the requests of a transaction come to in dollars, for docs/performance.md."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from fraudstream_tools.costs.estimate import MeteredCounts, Usage, batches, estimate, read_prices

A_DAY: Final = 1_000_000
ASKED: Final = 8.80
"""Dollars for a million transactions at a million a day, without storage and inline decisions."""
ASKED_STORAGE: Final = 2.60
_STORAGE: Final = ("DynamoDB: storage", "DynamoDB: point-in-time recovery")
_LEAST: Final = {
    "API Gateway: requests": "one request of a REST API",
    "DynamoDB: writes of claims and transactions": (
        "two writes: an id is unique by its claim ([ADR 0001](adr/0001-claim-then-put.md))"
    ),
    "DynamoDB: writes of decisions": "one write, the last ([ADR 0002](adr/0002-decision-last.md))",
    "DynamoDB: index of customers": "one write; `customerIndex: false` saves it",
    "DynamoDB: writes of profiles and alerts": (
        "one write for each entity of a transaction, each within the kilobyte of a unit"
    ),
}
_SECTION: Final = """At a million transactions a day, with the defaults and {batch} transactions in a batch of the
analyzer, without free tiers, a million of them comes to:

| what | dollars | asked |
| --- | --- | --- |
| all but storage and inline decisions | {running:.2f} | {asked:.2f} |
| storage and recovery at {days} days | {storage:.2f} | {asked_storage:.2f} |

What every transaction takes at the least, as it is stored, decided and learnt of:

| part | why it takes no less | dollars |
| --- | --- | --- |
{least}
| together | | {least_sum:.2f} |

What was cut beside it, and what was not, is in [ADR 0042](adr/0042-pay-for-what-is-read.md) and
[ADR 0060](adr/0060-shared-profiles-as-they-were.md).

All together by the size of batches: {by_batch}. At {largest} in a batch the analyzer makes
{reads:.2f} requests a transaction to read (0.6 were asked) and {writes:.2f} to write: one for each entity that it
touches, less those that it shares with others of its batch, and one for the decision. Each has a condition of its own,
which `BatchWriteItem` does not take."""


def dollars_section(figures: Mapping[str, Any]) -> str:
    """Return the part of the document on dollars.

    Args:
        figures: what `make bench-requests` printed.
    """
    counts, prices, usage = msgspec.convert(figures, MeteredCounts), read_prices(None), Usage(A_DAY)
    lines = {line.name: line.million for line in estimate(usage, counts, prices)}
    storage = sum(lines[name] for name in _STORAGE)
    sizes = batches(counts)
    totals = {
        size: sum(line.million for line in estimate(usage._replace(batch=size), counts, prices)) for size in sizes
    }
    most = counts.functions[f"analyzer_{sizes[-1]}"]
    return _SECTION.format(
        batch=usage.batch,
        days=usage.retention_days,
        running=sum(lines.values()) - storage,
        asked=ASKED,
        storage=storage,
        asked_storage=ASKED_STORAGE,
        least="\n".join(f"| {name} | {why} | {lines[name]:.2f} |" for name, why in _LEAST.items()),
        least_sum=sum(lines[name] for name in _LEAST),
        by_batch=", ".join(f"${total:.2f} at {size}" for size, total in totals.items()),
        largest=sizes[-1],
        reads=most["dynamodb_BatchGetItem"],
        writes=most["dynamodb_requests"] - most["dynamodb_BatchGetItem"],
    )

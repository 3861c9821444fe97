"""What a stack costs: from what a transaction was measured to ask of AWS, and from a file of prices."""

from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Final, NamedTuple

import msgspec

from fraudstream.contract import DECISION_LOG_DAYS, RETENTION_DAYS, TRACED_SHARE
from fraudstream.durations import SECONDS_A_DAY

DAYS_A_MONTH: Final = 365 / 12
GIGABYTE: Final = 1e9
"""AWS bills storage by 2^30 bytes and calls that GB; by 10^9 bytes the estimate is 7 % too high, and never too low."""
ITEM_OVERHEAD: Final = 100
"""Bytes that DynamoDB adds to each stored item (its developer guide, "Storage")."""
INDEX_WRITES: Final = 1
"""Write units of the index of customers for a transaction: an entry has keys alone, which no decision changes."""
INDEX_ENTRY: Final = ITEM_OVERHEAD + 110
"""Bytes that an entry takes, about: an id, a token and two times with their names, and what DynamoDB adds. Recovery
keeps no index."""
VCPU_MEGABYTES: Final = 1769
"""Memory at which a function has one vCPU (Lambda's developer guide)."""
WAIT_SECONDS: Final = 0.005
"""Assumed for an answer of DynamoDB."""
PROCESSOR_WAITS: Final = 2
ANALYZER_WAITS: Final = 3
"""Answers that a batch waits for, one after the other: profiles, decisions, profiles again."""
LAMBDA_TRACED_SHARE: Final = 0.05
"""Share of a stream's batches, beside the first of each second, that Lambda samples (its developer guide, "X-Ray")."""
LOG_MONTHS: Final = 7 / DAYS_A_MONTH
"""For which the functions' and the API's logs are kept."""
REPORTER_BATCH: Final = 10_000
REPORTER_WINDOW_SECONDS: Final = 60


class PriceError(ValueError):
    """A file of prices cannot be used; the message says why."""


class Price(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What some number of a thing costs."""

    dollars: Annotated[float, msgspec.Meta(ge=0)]
    per: Annotated[float, msgspec.Meta(gt=0)]
    what: str
    source: str
    """The page that says so."""


class Prices(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """List prices of a region on a day."""

    date: str
    region: str
    prices: dict[str, Price]

    def dollars(self, name: str, number: float) -> float:
        """Return what a number of something costs."""
        price = self.prices[name]
        return number / price.per * price.dollars


class MeteredCounts(msgspec.Struct, frozen=True):
    """What `make bench-requests` counted of one transaction."""

    functions: dict[str, dict[str, float]]
    """By function and size of its batches."""
    access_log_bytes: int
    item_bytes: dict[str, float]
    metrics: list[str]
    """Names of the metrics that the functions write."""
    alarms: int
    memory_megabytes: dict[str, int]
    """Default memory of each function."""


class Usage(NamedTuple):
    """How a stack is used."""

    transactions_a_day: int
    inline_share: float = 0.0
    """Share of the POSTs that wait for a decision."""
    batch: int = 3
    """Transactions that the analyzer gets at once, on average."""
    retention_days: int = RETENTION_DAYS


class CostLine(NamedTuple):
    """One line of a bill."""

    name: str
    month: float
    """Dollars."""
    million: float
    """Dollars for a million transactions."""


def read_prices(path: Path | None) -> Prices:
    """Read a file of prices; without one, the list prices that are shipped.

    Raises:
        PriceError: the file cannot be used.
    """
    shipped = msgspec.json.decode(_shipped("prices.json"), type=Prices)
    if path is None:
        return shipped
    try:
        own = msgspec.json.decode(path.read_bytes(), type=Prices)
    except OSError as error:
        raise PriceError(f"{path}: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise PriceError(f"{path}: {error}") from None
    if missing := sorted(shipped.prices.keys() - own.prices.keys()):
        raise PriceError(f"{path}: it has no price of {', '.join(missing)}")
    return own


def read_counts() -> MeteredCounts:
    """Read what was measured."""
    return msgspec.json.decode(_shipped("counts.json"), type=MeteredCounts)


def batches(counts: MeteredCounts) -> list[int]:
    """Return the sizes of batches that were measured."""
    return sorted(int(name.removeprefix("analyzer_")) for name in counts.functions if name.startswith("analyzer_"))


def estimate(usage: Usage, counts: MeteredCounts, prices: Prices) -> list[CostLine]:
    """Return what a month costs, line by line."""
    monthly = usage.transactions_a_day * DAYS_A_MONTH
    return [
        CostLine(name, dollars, dollars / monthly * 1e6)
        for name, dollars in _Month(usage, counts, prices).lines()
        if dollars
    ]


class _Month:
    """What a month's transactions ask of each service."""

    def __init__(self, usage: Usage, counts: MeteredCounts, prices: Prices) -> None:
        self._usage = usage
        self._counts = counts
        self._prices = prices
        self._transactions = usage.transactions_a_day * DAYS_A_MONTH
        self._plain, self._waiting = counts.functions["processor"], counts.functions["processor_waiting"]
        self._analyzer, self._reporter = counts.functions[f"analyzer_{usage.batch}"], counts.functions["reporter_100"]
        self._analyzer_runs = self._analyzer["invocations"] * self._transactions
        self._reporter_runs = _reporter_runs(usage.transactions_a_day) * DAYS_A_MONTH

    def lines(self) -> Iterator[tuple[str, float]]:
        """Yield the name and the dollars of each line."""
        dollars = self._prices.dollars
        yield "API Gateway: requests", dollars("api_requests", self._transactions)
        yield from self._requests_of_tables()
        yield from self._storage_of_tables()
        yield from self._functions()
        yield from self._logs_and_traces()
        yield "S3: decision log", _object_dollars(self._usage, self._reporter, self._prices, self._reporter_runs)
        yield "inline decisions", self._inline()
        yield "CloudWatch: metrics", dollars("metrics", len(self._counts.metrics))
        yield "CloudWatch: alarms", dollars("alarms", self._counts.alarms)
        yield "KMS: key", dollars("keys", 1)

    def _requests_of_tables(self) -> Iterator[tuple[str, float]]:
        dollars, monthly, analyzer = self._prices.dollars, self._transactions, self._analyzer
        claims, decisions = self._plain["write_units"], analyzer["dynamodb_UpdateItem"]
        profiles = analyzer["write_units"] - decisions
        yield "DynamoDB: writes of claims and transactions", dollars("infrequent_write_units", claims * monthly)
        yield "DynamoDB: index of customers", dollars("infrequent_write_units", INDEX_WRITES * monthly)
        yield "DynamoDB: writes of decisions", dollars("infrequent_write_units", decisions * monthly)
        yield "DynamoDB: writes of profiles and alerts", dollars("write_units", profiles * monthly)
        yield "DynamoDB: reads of profiles and lists", dollars("read_units", analyzer["read_units"] * monthly)

    def _storage_of_tables(self) -> Iterator[tuple[str, float]]:
        dated, others = _stored_gigabytes(self._usage, self._counts)
        infrequent = self._prices.dollars("infrequent_gigabyte_months", dated + _index_gigabytes(self._usage))
        yield "DynamoDB: storage", infrequent + self._prices.dollars("table_gigabyte_months", others)
        yield (
            "DynamoDB: point-in-time recovery",
            self._prices.dollars("recovery_gigabyte_months", dated + others),
        )

    def _functions(self) -> Iterator[tuple[str, float]]:
        runs_of = {
            "processor": (self._plain, self._transactions, PROCESSOR_WAITS * WAIT_SECONDS),
            "analyzer": (self._analyzer, self._analyzer_runs, ANALYZER_WAITS * WAIT_SECONDS),
            "reporter": (self._reporter, self._reporter_runs, WAIT_SECONDS),
        }
        for name, (found, invocations, wait) in runs_of.items():
            memory = self._counts.memory_megabytes[name]
            seconds = compute_seconds(memory, found["microseconds"] * self._transactions) + invocations * wait
            yield (
                f"Lambda: {name}",
                self._prices.dollars("lambda_requests", invocations)
                + self._prices.dollars("lambda_gigabyte_seconds", seconds * memory / 1024),
            )

    def _logs_and_traces(self) -> Iterator[tuple[str, float]]:
        dollars, runs, reporter = self._prices.dollars, self._reporter_runs, self._reporter
        logged = self._plain["log_bytes"] + self._counts.access_log_bytes + self._analyzer["log_bytes"]
        of_reporter = reporter["log_bytes"] / reporter["invocations"] * runs
        logs = (logged * self._transactions + of_reporter) / GIGABYTE
        yield "CloudWatch: logs", dollars("log_gigabytes", logs) + dollars("log_gigabyte_months", logs * LOG_MONTHS)
        batches_a_day = self._analyzer_runs / DAYS_A_MONTH, runs / DAYS_A_MONTH
        traces = TRACED_SHARE * self._usage.transactions_a_day + sum(map(_traces, batches_a_day))
        yield "X-Ray: traces", dollars("traces", traces * DAYS_A_MONTH)

    def _inline(self) -> float:
        """Return what decisions in the answer cost beside what every request does."""
        dollars, plain, waiting = self._prices.dollars, self._plain, self._waiting
        inline = self._usage.inline_share * self._transactions
        memory = self._counts.memory_megabytes["processor"]
        more_seconds = compute_seconds(memory, (waiting["microseconds"] - plain["microseconds"]) * inline)
        return (
            dollars("read_units", waiting["read_units"] * inline)
            + dollars("infrequent_write_units", max(waiting["write_units"] - plain["write_units"], 0) * inline)
            + dollars("lambda_gigabyte_seconds", more_seconds * memory / 1024)
        )


def _stored_gigabytes(usage: Usage, counts: MeteredCounts) -> tuple[float, float]:
    """Return what the table of transactions holds when as much expires as comes in, and what the others hold."""
    sizes = counts.item_bytes
    dated = sizes["claim"] + sizes["txn"] + 2 * ITEM_OVERHEAD
    # Profiles are as many as the sample's transactions of three days have made, and do not grow with the years.
    others = sizes.get("alerts", 0) * usage.retention_days + 3 * sizes["profiles"]
    daily = usage.transactions_a_day / GIGABYTE
    return daily * dated * usage.retention_days, daily * others


def _index_gigabytes(usage: Usage) -> float:
    return usage.transactions_a_day * usage.retention_days * INDEX_ENTRY / GIGABYTE


def compute_seconds(memory: int, microseconds: float) -> float:
    """Return for how long a function computes: with less memory it gets a part of a processor."""
    return microseconds / 1e6 / min(memory / VCPU_MEGABYTES, 1)


def _reporter_runs(transactions_a_day: float) -> float:
    records = 2 * transactions_a_day
    return max(min(records, SECONDS_A_DAY / REPORTER_WINDOW_SECONDS), records / REPORTER_BATCH)


def _traces(requests_a_day: float) -> float:
    first = min(requests_a_day, SECONDS_A_DAY)
    return first + LAMBDA_TRACED_SHARE * (requests_a_day - first)


def _object_dollars(usage: Usage, reporter: Mapping[str, float], prices: Prices, runs: float) -> float:
    writes = reporter["s3_PutObject"] + reporter["s3_ListObjectsV2"]
    kept = usage.transactions_a_day * reporter["stored_bytes"] * DECISION_LOG_DAYS / GIGABYTE
    return prices.dollars("object_writes", writes / reporter["invocations"] * runs) + prices.dollars(
        "object_gigabyte_months", kept
    )


def _shipped(name: str) -> bytes:
    return files("fraudstream_tools.costs").joinpath(name).read_bytes()

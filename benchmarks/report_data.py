"""A day of the decision log as it is at 1000 transactions a second: the data of `make bench-report`."""

import base64
import hashlib
import multiprocessing
import random
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from fraudstream.contract import DECISION_LOG_PREFIX
from fraudstream.detection.features import named_values
from fraudstream.detection.judge import Judge
from fraudstream.reporting.log.columns import DECISIONS, LABELS
from fraudstream.reporting.log.hours.merging import FINGERPRINT, write_hits, write_tallies
from fraudstream.reporting.log.keys import LogTable, table_key
from fraudstream.reporting.log.record import SCHEMA_VERSION, LogEvent, LogRecord
from fraudstream.reporting.log.segments import compress, hour_prefix
from fraudstream.reporting.storage.duckdb_engine import connect, quoted, write_parquet
from fraudstream.reporting.storage.object_store import FolderStore
from fraudstream.transactions.decisions.decision import Decision, Reason, Verdict
from fraudstream.transactions.storage.attributes import to_item
from fraudstream.transactions.transaction import Transaction, TransactionType
from fraudstream_tools.lab.replay.history import KnownOutcome, as_transaction, judge_history
from fraudstream_tools.lab.world.simulate import WorldSettings, simulate
from fraudstream_tools.rules.folder import RulesFolder

RULES_FOLDER = Path(__file__).resolve().parents[1] / "rules"
DAY = date(2026, 11, 22)
HOUR = datetime(2026, 11, 22, 0, tzinfo=UTC)
HOUR_MS = 3_600_000
LINES = 2000
"""Lines of a segment: Lambda hands over at most 6 MB, and a record with both images has about 3 KB of JSON."""
PART = 20_000
"""Transactions of which one process writes the segments."""
REPEATED = 0.01
VECTORS = "vectors.msgpack"
"""Packed feature vectors of a simulated world, from which those of the hour are drawn."""
WORLD = WorldSettings(seed=2, customers=400, days=20, activity=2.5)
STOPPED = 0.02
LABELLED_ONE_IN = 500
ENTITIES = {
    "customer": 2_000_000,
    "card": 2_500_000,
    "merchant": 50_000,
    "terminal": 100_000,
    "device": 2_000_000,
    "ip": 900_000,
}
RULES = tuple(f"rule-number-{number}" for number in range(25))
COUNTRIES = ("DE", "FR", "ES", "IT", "NL", "US", "GB", "PL", "AT", "CH")
CHANNELS = ("ECOMMERCE", "ECOMMERCE", "MOBILE", "POS", "POS", "ATM")
CATEGORIES = ("5411", "5812", "5999", "4111", "5541", "7995", "6011", "5732")


def token(kind: str, number: int) -> str:
    """Return the token of an entity."""
    return (
        "tok_"
        + base64.urlsafe_b64encode(hashlib.blake2b(f"{kind}{number}".encode(), digest_size=16).digest()).decode()[:22]
    )


def make_vectors(path: Path) -> None:
    """Write the vectors of a world that the shipped rules judge, one transaction after the other."""
    world = simulate(WORLD)
    transactions = [as_transaction(row, number) for number, row in enumerate(world.transactions, start=1)]
    known = {
        each.transaction_id: KnownOutcome(each.fraud, each.report.labeled_at) for each in world.truths if each.report
    }
    judge = Judge(RulesFolder(RULES_FOLDER).load())
    vectors = [decision.features for _, decision in judge_history(transactions, known, judge)]
    path.write_bytes(msgspec.msgpack.encode(vectors))


def decisions(first: int, count: int, per_hour: int, vectors: Sequence[bytes]) -> Iterator[LogRecord]:
    """Return the log's lines of some transactions of the hour."""
    start = int(HOUR.timestamp() * 1000)
    chance = random.Random(first)
    for number in range(first, first + count):
        received_at = start + number * HOUR_MS // per_hour
        decided_at = min(received_at + int(chance.lognormvariate(6, 0.6)), start + HOUR_MS - 1)
        stored = LogRecord(
            schema_version=SCHEMA_VERSION,
            event=LogEvent.STORED,
            logged_at=received_at // 1000 * 1000,
            transaction_id=f"{chance.getrandbits(128):032x}",
            timestamp=received_at - 20,
            received_at=received_at,
            amount_minor=int(chance.lognormvariate(8, 1.4)),
            currency=chance.choice(("EUR", "EUR", "EUR", "USD", "GBP", "PLN")),
        )
        yield stored
        country = chance.choice(COUNTRIES)
        vector = chance.choice(vectors)
        listed = named_values.listed(vector)
        hits = chance.sample(RULES, chance.choice((1, 1, 2, 3))) if chance.random() < 0.1 else []  # noqa: PLR2004  (a share of them)
        common = {name: getattr(stored, name) for name in stored.__struct_fields__[3:8]}
        yield LogRecord(
            **common,
            schema_version=SCHEMA_VERSION,
            event=LogEvent.DECIDED,
            logged_at=decided_at // 1000 * 1000,
            type="PAYMENT",
            customer_id=token("customer", chance.randrange(ENTITIES["customer"])),
            card_token=token("card", chance.randrange(ENTITIES["card"])),
            merchant_id=token("merchant", int(ENTITIES["merchant"] * chance.random() ** 3)),
            merchant_category_code=chance.choice(CATEGORIES),
            merchant_country=chance.choice(COUNTRIES),
            card_country=country,
            billing_country=country,
            ip_country=country,
            terminal_id=token("terminal", chance.randrange(ENTITIES["terminal"])),
            device_id=token("device", chance.randrange(ENTITIES["device"])),
            ip_address=token("ip", chance.randrange(ENTITIES["ip"])),
            channel=chance.choice(CHANNELS),
            entry_mode="CHIP",
            authorization_result="APPROVED",
            response_code="00",
            decision=chance.choice(("REVIEW", "DECLINE")) if chance.random() < STOPPED else "APPROVE",
            score=min(100, int(chance.expovariate(0.2))),
            reasons=tuple(hit.upper().replace("-", "_") for hit in hits),
            sources=tuple(hits),
            points=tuple(0.5 for _ in hits),
            unevaluable_rules=tuple(RULES[:2]) if chance.random() < 0.3 else (),  # noqa: PLR2004  (a share of them)
            shadow_hits=(RULES[-1],) if chance.random() < 0.02 else (),  # noqa: PLR2004  (a share of them)
            features=base64.b64encode(vector).decode(),
            feature_schema=listed and listed.schema,
            feature_values=listed.values if listed else (),
            ruleset_version="abcdef123456",
            model_version="2026-11-01",
            decided_at=decided_at,
        )


def write_part(root: Path, per_hour: int, part: int) -> None:
    """Write some segments of the hour; each but the first of them begins with lines that the one before ended with."""
    first = part * PART
    vectors = msgspec.msgpack.decode(root.joinpath(VECTORS).read_bytes(), type=list[bytes])
    lines = decisions(first, min(PART, per_hour - first), per_hour, vectors)
    before: list[LogRecord] = []
    for number in range(PART * 2 // LINES):
        new = list(islice(lines, LINES))
        if new:
            repeated = before[-round(LINES * REPEATED) :] + new
            key = f"{hour_prefix(DECISION_LOG_PREFIX, HOUR)}{part:08}-{number:021}-{len(repeated)}.jsonl.gz"
            FolderStore(root).write(key, compress(repeated))
        before = new


def make_hour(root: Path, per_hour: int) -> None:
    """Write the segments of the hour."""
    say("vectors of a simulated world")
    apart(make_vectors, root / VECTORS)
    parts = range(-(-per_hour // PART))
    with ProcessPoolExecutor() as pool:
        for done, _ in enumerate(pool.map(partial(write_part, root, per_hour), parts), start=1):
            say(f"segments: part {done} of {len(parts)}")


def copy_hour(root: Path, later: int) -> None:
    """Write another hour of the day: the merged one with other ids, times and tokens, and its labels."""
    hour = HOUR + timedelta(hours=later)
    source = root / table_key(DECISION_LOG_PREFIX, LogTable.DECISIONS, DAY, HOUR)
    replaced = {
        "transactionId": f"md5(transactionId || {later})",
        **{name: f"{name} + {later * HOUR_MS}" for name in ("timestamp", "receivedAt", "loggedAt", "decidedAt")},
        # As many entities as in an hour come and go in the others.
        **{
            name: f"'tok_' || substr(md5({name} || {later}), 1, 22)" for name in ("customerId", "cardToken", "deviceId")
        },
    }
    columns = ", ".join(f"{replaced.get(name, name)} AS {name}" for name in DECISIONS)
    with tempfile.TemporaryDirectory() as name, connect(Path(name)) as connection:
        folder = Path(name)
        files = {table: folder / f"{table}.parquet" for table in LogTable}
        if later:
            write_parquet(connection, f"SELECT {columns} FROM {quoted(source)}", files[LogTable.DECISIONS])
            made = f"read_parquet({quoted(files[LogTable.DECISIONS])})"
            keys = f"(SELECT *, receivedAt // 1000 * 1000 AS storedAt, NULL AS inline FROM {made})"
            write_tallies(connection, keys, files[LogTable.DECISIONS], files[LogTable.TALLIES])
            write_hits(connection, files[LogTable.DECISIONS], files[LogTable.HITS])
            ids = f"SELECT DISTINCT {FINGERPRINT} AS fingerprint FROM {made} ORDER BY 1"
            write_parquet(connection, ids, files[LogTable.IDS])
        else:
            files = {LogTable.LABELS: files[LogTable.LABELS]}
            made = f"read_parquet({quoted(source)})"
        label = {
            "label": "'FRAUD'",
            "labelSource": "'chargeback'",
            "labeledAt": "decidedAt + 900000000",
            "learnt": "true",
        }
        columns = ", ".join(f"{label.get(name, name)} AS {name}" for name in LABELS)
        labelled = f"hash(transactionId) % {LABELLED_ONE_IN} = 0"
        write_parquet(connection, f"SELECT {columns} FROM {made} WHERE {labelled}", files[LogTable.LABELS])
        for table, path in files.items():
            FolderStore(root).write(table_key(DECISION_LOG_PREFIX, table, DAY, hour), path)


def stream_records(count: int, vectors: Sequence[bytes]) -> Iterator[dict[str, Any]]:
    """Return records as Lambda hands them over: a transaction is stored, then decided."""
    for number in range(count // 2):
        tokens: dict[str, Any] = {
            name: token(name, number)
            for name in ("customer_id", "card_token", "merchant_id", "device_id", "ip_address")
        }
        stored = Transaction(
            transaction_id=f"{number:032x}",
            timestamp=1_795_400_000_000,
            received_at=1_795_400_000_000,
            amount_minor=1250,
            currency="EUR",
            type=TransactionType.PAYMENT,
            **tokens,
        )
        decision = Decision(
            decision=Verdict.REVIEW,
            score=50,
            reasons=(Reason(code="CARD_VELOCITY", source="card-velocity", points=1.5),),
            ruleset_version="abcdef123456",
            decided_at=1_795_400_000_400,
        )
        old = stored.to_item() | to_item({"kind": "TXN", "expiresAt": 1})
        vector = base64.b64encode(vectors[number % len(vectors)]).decode()
        new = old | decision.to_item() | {"features": {"B": vector}}
        for images in ({"NewImage": old}, {"OldImage": old, "NewImage": new}):
            change = {"SequenceNumber": f"{number:021}", "ApproximateCreationDateTime": 1_795_400_000, **images}
            yield {"eventID": f"{number:032x}", "dynamodb": change}


def apart(work: Callable[..., Any], *arguments: object) -> Any:  # noqa: ANN401  (whatever the work gives)
    """Do work in a process of its own. This one must stay small: Linux counts its memory as its children's."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, arguments)


def say(sentence: str) -> None:
    """Return how far it is, on a terminal."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{sentence}\x1b[K")

"""Times what brings data back: `make bench-recovery`.

A world is simulated and learnt. Then profiles are made again from its rows on this machine alone, as `fraudstream
profiles rebuild` does between reading and writing; and items are copied from one table into another on the embedded
AWS, as `fraudstream restore table` does, where most of the time is the emulator's. The last line printed is JSON.
"""

import argparse
import json
import os
import resource
import tempfile
import time
from pathlib import Path

from embedded_aws.ministack.server import MinistackServer
from fraudstream.contract import ItemKind
from fraudstream.detection.profiles.entities import entities
from fraudstream.transactions.storage.attributes import to_item
from fraudstream.transactions.transaction import Transaction
from fraudstream_tools.lab.replay.history import as_transaction
from fraudstream_tools.lab.world.simulate import WorldSettings, simulate
from fraudstream_tools.operations.recovery.entity_rows import EntityRow, EntityRows
from fraudstream_tools.operations.recovery.profile_rebuild import rebuild_profiles
from fraudstream_tools.operations.recovery.table_copy import Copied, copy_items
from fraudstream_tools.operations.recovery.table_scan import SEGMENTS
from fraudstream_tools.rules.folder import RulesFolder

RULES = Path(__file__).resolve().parents[1] / "rules"
ROWS_A_PARTITION = 200_000


def main() -> None:
    """Measure, and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--transactions", type=int, default=200_000, help="to rebuild profiles from, roughly")
    parser.add_argument("--items", type=int, default=5_000, help="to copy on the embedded AWS")
    asked = parser.parse_args()
    world = simulate(WorldSettings(customers=asked.transactions // 50, days=20, activity=2.5))
    transactions = [as_transaction(each, number) for number, each in enumerate(world.transactions)]
    with tempfile.TemporaryDirectory() as folder:
        result = {
            "processors": os.cpu_count(),
            "transactions": len(transactions),
            **_rebuild(transactions, Path(folder)),
            **_copy(transactions[: asked.items], Path(folder)),
        }
    print(json.dumps(result))


def _rebuild(transactions: list[Transaction], folder: Path) -> dict[str, float | int]:
    rates = RulesFolder(RULES).load().rates
    rows = [EntityRow(key, each, None) for each in transactions for key in entities(each).values()]
    started = time.process_time()
    gathered = EntityRows(folder / "rows", len(rows) // ROWS_A_PARTITION + 1)
    for start in range(0, len(rows), 1000):
        gathered.add(start // 1000 % SEGMENTS, rows[start : start + 1000])
    written = time.process_time()
    profiles = sum(len(rebuild_profiles(gathered.read(each, SEGMENTS), rates)) for each in range(gathered.partitions))
    ended = time.process_time()
    return {
        "profiles": profiles,
        "rebuild_transactions_per_cpu_second": round(len(transactions) / (ended - started)),
        "gather_share": round((written - started) / (ended - started), 2),
        "megabytes_on_disk": round(sum(each.stat().st_size for each in (folder / "rows").iterdir()) / 1e6, 1),
        "peak_megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def _copy(transactions: list[Transaction], folder: Path) -> dict[str, float | int]:
    with MinistackServer(folder / "aws") as aws:
        client = aws.client("dynamodb")
        for table in ("restored", "stack"):
            client.create_table(
                TableName=table,
                BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[
                    {"AttributeName": "transactionId", "AttributeType": "S"},
                    {"AttributeName": "timestamp", "AttributeType": "N"},
                ],
                KeySchema=[
                    {"AttributeName": "transactionId", "KeyType": "HASH"},
                    {"AttributeName": "timestamp", "KeyType": "RANGE"},
                ],
            )
        for each in transactions:
            client.put_item(TableName="restored", Item=each.to_item() | to_item({"kind": ItemKind.TRANSACTION}))
        started = time.perf_counter()
        counts = copy_items(client, "restored", "stack")
        seconds = time.perf_counter() - started
    return {"copied": counts[Copied.ADDED], "copied_per_second": round(counts[Copied.ADDED] / seconds)}


if __name__ == "__main__":
    main()

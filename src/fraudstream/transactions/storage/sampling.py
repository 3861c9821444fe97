"""The marks by which a day's sample of the table is found: one transaction in `ONE_IN` has its day of receipt on it.

The table has no index by day, and the decision log cannot tell what it lacks. The marked transactions are in a sparse
index, which costs a write for those alone; what was stored before there were marks has none.
"""

import zlib
from datetime import UTC, datetime
from typing import Any, Final

from fraudstream.contract import SAMPLE_DAY

ONE_IN: Final = 50


def sample_mark(transaction_id: str, received_at: int) -> dict[str, Any]:
    """Return the attributes that mark a transaction; none of most.

    Args:
        transaction_id: the client's id, which decides: a repeated request marks the same.
        received_at: when it came in, epoch milliseconds.
    """
    if zlib.crc32(transaction_id.encode()) % ONE_IN:
        return {}
    return {SAMPLE_DAY: datetime.fromtimestamp(received_at / 1000, UTC).date().isoformat()}

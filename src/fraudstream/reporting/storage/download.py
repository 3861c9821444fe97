"""Brings many objects to a folder side by side."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fraudstream.reporting.storage.object_store import Store

DOWNLOADS = 16
"""Objects fetched side by side: a full hour has thousands of segments, each of them small."""


def fetch_all(store: "Store", keys: Sequence[str], folder: Path) -> list[Path]:
    """Download objects to a new folder, and return their files in the same order.

    Args:
        store: where they are.
        keys: their keys.
        folder: where to; it must not exist yet. Files keep their names, behind a number.
    """
    folder.mkdir()

    def fetch(number: int) -> Path:
        path = folder / f"{number:06}-{keys[number].rpartition('/')[2]}"
        store.fetch(keys[number], path)
        return path

    with ThreadPoolExecutor(DOWNLOADS) as pool:
        return list(pool.map(fetch, range(len(keys))))

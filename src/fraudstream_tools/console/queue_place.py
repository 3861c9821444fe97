"""Where in the queue a person works: the filters that were chosen and the row, which pages of cases carry along."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, urlencode

_FILTERS: Final = ("state", "sort", "who", "rule", "channel", "least")
"""Names of the queue's filters in its address."""
_LONGEST_ROW: Final = 4
"""Digits: the queue has no more rows."""


@dataclass(frozen=True, kw_only=True)
class QueuePlace:
    """A row of the queue as somebody has filtered and sorted it."""

    filters: Mapping[str, str]
    """As the queue's address has them; those alone that were chosen."""
    row: int
    """From 0, when the case was opened."""

    @classmethod
    def of_queue(cls, asked: Mapping[str, str], row: int = 0) -> "QueuePlace":
        """Read the filters from the address of the queue itself."""
        return cls(filters={name: asked[name] for name in _FILTERS if asked.get(name)}, row=row)

    @classmethod
    def carried(cls, fields: Mapping[str, str]) -> "QueuePlace":
        """Read what an address or a form carries; the queue as it is without filters where they carry nothing."""
        row = fields.get("row", "")
        return cls.of_queue(
            dict(parse_qsl(fields.get("queue", ""))),
            int(row) if row.isascii() and row.isdecimal() and len(row) <= _LONGEST_ROW else 0,
        )

    def at(self, row: int) -> "QueuePlace":
        """Return another row of the same queue."""
        return QueuePlace(filters=self.filters, row=row)

    @property
    def fields(self) -> dict[str, str]:
        """What addresses and forms carry."""
        carried = {"queue": urlencode(self.filters), "row": str(self.row) if self.row else ""}
        return {name: value for name, value in carried.items() if value}

    @property
    def queue_url(self) -> str:
        """Where the queue is."""
        return f"/queue?{urlencode(self.filters)}" if self.filters else "/queue"

    def case_url(self, transaction_id: str) -> str:
        """Return where a transaction's page is."""
        return f"/case?{urlencode({'id': transaction_id, **self.fields})}"

    def next_url(self, transaction_id: str) -> str:
        """Return what leads to the case behind a transaction's."""
        return f"/queue/next?{urlencode({'after': transaction_id, **self.fields})}"

"""Who else used a transaction's card, device, address, terminal or counterparty, by a copy of the decision log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fraudstream_tools.analytics.local_log import ask_folder

SHARED_FIELDS: Final = ("cardToken", "deviceId", "ipAddress", "terminalId", "counterpartyToken")
"""What tells of a connection; a merchant is shared by all who buy there."""
MOST: Final = 200
"""Pairs of what is shared and who shares it; own choice: more than fits a page."""
_AGE: Final = "SELECT max(receivedAt) FROM decisions"
_QUESTION: Final = """
    WITH uses AS (
        UNPIVOT (
            SELECT transactionId, customerId, receivedAt,
                cardToken, deviceId, ipAddress, terminalId, counterpartyToken
            FROM decisions
        )
        ON cardToken, deviceId, ipAddress, terminalId, counterpartyToken
        INTO NAME field VALUE token
    ),
    known AS (SELECT transactionId, arg_max(label, labeledAt) AS label FROM labels GROUP BY transactionId)
    SELECT field, token, customerId, count(DISTINCT transactionId),
        count(DISTINCT transactionId) FILTER (label = 'FRAUD'), max(receivedAt)
    FROM uses LEFT JOIN known USING (transactionId)
    WHERE (field || ' ' || token) IN (?, ?, ?, ?, ?) AND customerId <> ?
    GROUP BY ALL
    ORDER BY 5 DESC, 4 DESC, customerId, field
"""


@dataclass(frozen=True, kw_only=True)
class CustomerLink:
    """Another customer who used the same."""

    field: str
    """Of the transaction, such as `deviceId`."""
    token: str
    """What is shared."""
    customer: str
    """The other's token."""
    transactions: int
    frauds: int
    """Among them, those that are known to be fraud."""
    newest: int
    """When the newest was received, epoch milliseconds."""


@dataclass(frozen=True, kw_only=True)
class Links:
    """What a copy of the log says of who is connected."""

    links: Sequence[CustomerLink]
    """Most frauds first, then most transactions."""
    has_more: bool
    as_of: int
    """When the copy's newest decision was received, epoch milliseconds."""


def find_links(log: Path, customer: str, shared: Mapping[str, str]) -> Links:
    """Look for other customers in a copy of the decision log.

    Args:
        log: the folder that `fraudstream log pull` wrote.
        customer: the transaction's own, by the token.
        shared: token of each of `SHARED_FIELDS` that the transaction has.

    Raises:
        QuestionError: there is no merged hour, or it cannot be read.
    """
    ((as_of,),) = ask_folder(log, _AGE, (), 1).rows
    wanted = [f"{field} {shared.get(field, '')}" for field in SHARED_FIELDS]
    answer = ask_folder(log, _QUESTION, [*wanted, customer], MOST)
    links = [
        CustomerLink(field=field, token=token, customer=other, transactions=count, frauds=frauds, newest=newest)
        for field, token, other, count, frauds, newest in answer.rows
    ]
    return Links(links=links, has_more=answer.has_more, as_of=as_of or 0)

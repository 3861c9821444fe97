"""Who else used a transaction's card, device, address, terminal or counterparty, by the decision log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from fraudstream_tools.analytics.log_questions import KNOWN_LABELS, LogQuestions, first_day

SHARED_FIELDS: Final = ("cardToken", "deviceId", "ipAddress", "terminalId", "counterpartyToken")
"""What tells of a connection; a merchant is shared by all who buy there."""
MOST: Final = 200
"""Pairs of what is shared and who shares it; own choice: more than fits a page."""
_AGE: Final = ""
"""Stands for a field in the row that says how old the log is."""
_USES: Final = " UNION ALL ".join(
    f"SELECT '{field}' AS field, {field} AS token, asked.* FROM asked WHERE {field} IS NOT NULL"  # noqa: S608  (names)
    for field in SHARED_FIELDS
)
# DuckDB and Athena answer it alike.
_QUESTION: Final = f"""
    WITH asked AS (
        SELECT transactionId, customerId, receivedAt, {", ".join(SHARED_FIELDS)} FROM decisions WHERE "date" >= ?
    ),
    uses AS ({_USES}),
    {KNOWN_LABELS},
    found AS (
        SELECT field, token, customerId, count(DISTINCT uses.transactionId) AS transactions,
            count(DISTINCT CASE WHEN label = 'FRAUD' THEN uses.transactionId END) AS frauds,
            max(receivedAt) AS newest
        FROM uses LEFT JOIN known ON known.transactionId = uses.transactionId
        WHERE (field || ' ' || token) IN (?, ?, ?, ?, ?) AND customerId <> ?
        GROUP BY field, token, customerId
    )
    SELECT * FROM (
        SELECT field, token, customerId, transactions, frauds, newest FROM found
        UNION ALL
        SELECT '{_AGE}', '', '', 0, 0, coalesce(max(receivedAt), 0) FROM asked
    ) AS answer
    ORDER BY CASE WHEN field = '{_AGE}' THEN 0 ELSE 1 END, frauds DESC, transactions DESC, customerId, field
    LIMIT {MOST + 2}
"""  # noqa: S608  (names of columns, and a number)


@dataclass(frozen=True, kw_only=True)
class CustomerLink:
    """Another customer who used the same."""

    field: str
    """Field of the transaction, such as `deviceId`."""
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
    """What the log says of who is connected."""

    links: Sequence[CustomerLink]
    """Most frauds first, then most transactions."""
    has_more: bool
    as_of: int
    """When the newest decision that the log knows was received, epoch milliseconds; 0 if it knows none."""


def find_links(log: LogQuestions, customer: str, shared: Mapping[str, str]) -> Links:
    """Look for other customers in the newest days of the decision log.

    Args:
        log: what answers.
        customer: the transaction's own, by the token.
        shared: token of each of `SHARED_FIELDS` that the transaction has.

    Raises:
        QuestionError: there is no merged hour, or it cannot be read.
    """
    since = first_day(log)
    wanted = [f"{field} {shared.get(field, '')}" for field in SHARED_FIELDS]
    age, *rows = log.ask(_QUESTION, [since, since, *wanted, customer], MOST + 2).rows
    links = [
        CustomerLink(field=field, token=token, customer=other, transactions=count, frauds=frauds, newest=newest)
        for field, token, other, count, frauds, newest in rows[:MOST]
    ]
    return Links(links=links, has_more=len(rows) > MOST, as_of=age[-1])

"""What cards, devices, addresses and others did, by the decision log: tables have an index of customers alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from fraudstream_tools.analytics.log_questions import KNOWN_LABELS, LogQuestions, first_day
from fraudstream_tools.operations.investigation.customer_history import PastTransaction

TOKEN_FIELDS: Final = (
    *("customerId", "cardToken", "deviceId", "ipAddress", "merchantId", "terminalId", "counterpartyToken"),
)
_SHOWN: Final = (
    *("transactionId", "timestamp", "receivedAt", "type", "channel", "amountMinor", "currency"),
    *("merchantId", "merchantCountry", "cardToken", "deviceId", "customerId", "decision", "score"),
)
# DuckDB and Athena answer it alike; the first row says how old the log is.
_QUESTION: Final = f"""
    WITH asked AS (
        SELECT {", ".join(dict.fromkeys((*_SHOWN, *TOKEN_FIELDS)))} FROM decisions WHERE "date" >= ?
    ),
    {KNOWN_LABELS},
    found AS (
        SELECT 1 AS place, {", ".join(f"asked.{name}" for name in _SHOWN)}, label
        FROM asked LEFT JOIN known ON known.transactionId = asked.transactionId
        WHERE ? IN ({", ".join(f"coalesce({name}, '')" for name in TOKEN_FIELDS)})
    )
    SELECT * FROM (
        SELECT * FROM found
        UNION ALL
        SELECT 0, '', 0, coalesce(max(receivedAt), 0), '', '', 0, '', '', '', '', '', '', '', 0, '' FROM asked
    ) AS answer
    ORDER BY place, receivedAt DESC, transactionId
"""  # noqa: S608  (names of columns)


class LoggedTransaction(PastTransaction, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A transaction as the log tells of it."""

    customer_id: str


@dataclass(frozen=True, kw_only=True)
class LogFindings:
    """What the log says of a token."""

    transactions: Sequence[LoggedTransaction]
    """Newest first, by when they were received."""
    has_more: bool
    as_of: int
    """When the newest decision that the log knows was received, epoch milliseconds; 0 if it knows none."""


def search_log(log: LogQuestions, token: str, limit: int) -> LogFindings:
    """Return the newest transactions that name a token, of the newest days of the decision log.

    Args:
        log: what answers.
        token: of a customer, card, device, address, merchant, terminal or counterparty.
        limit: how many at most.

    Raises:
        QuestionError: there is no merged hour, or it cannot be read.
    """
    since = first_day(log)
    answer = log.ask(f"{_QUESTION} LIMIT {limit + 2}", [since, since, token], limit + 2)
    (_, _, _, as_of, *_), *rows = answer.rows
    return LogFindings(
        transactions=[_transaction(row) for row in rows[:limit]], has_more=len(rows) > limit, as_of=as_of
    )


def search_log_for_all(log: LogQuestions, tokens: Sequence[str], limit: int) -> LogFindings:
    """Return what the log says of an entity by all of its tokens: see `search_log`.

    Args:
        log: what answers.
        tokens: all that the entity has.
        limit: how many transactions at most.

    Raises:
        QuestionError: there is no merged hour, or it cannot be read.
    """
    found = [search_log(log, token, limit) for token in tokens]
    # One with two of them, as payer and payee, is named by both.
    named = {each.transaction_id: each for findings in found for each in findings.transactions}
    newest = sorted(named.values(), key=lambda each: (-each.received_at, each.transaction_id))
    return LogFindings(
        transactions=newest[:limit],
        has_more=len(newest) > limit or any(each.has_more for each in found),
        as_of=max(each.as_of for each in found),
    )


def _transaction(row: Sequence[Any]) -> LoggedTransaction:
    values = dict(zip((*_SHOWN, "label"), row[1:], strict=True))
    return msgspec.convert({name: value for name, value in values.items() if value is not None}, LoggedTransaction)

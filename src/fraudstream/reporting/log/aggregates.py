"""Tallies: what reports count, per hour of the log and day of receipt, in a form in which hours simply add up.

A tally has the columns of `COLUMNS`. `transactions` and `amountMinor` of rows with the same `dimension`, `key`,
`other`, `currency` and `decision` are added, and of `largest` the largest counts: so a day is the union of its hours,
however many transactions it had. `docs/decision-log.md` says
what each dimension counts.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from fraudstream.transactions.decisions.reasons import NO_RULES_CODES
from fraudstream.transactions.transaction import FIELDS

ENTITIES: Mapping[str, str] = {
    field.spec.identifies.value: field.public_name
    for field in FIELDS
    if field.spec.identifies is not None and field.spec.logged
}
"""Kind of entity to the log's column of its tokens."""

AGGREGATION: Final = 2
"""Version of what hours are merged into: of the columns, the dimensions and how they are counted. Hours of an older one
are made again. It is raised once in a release that changes any of it; 1 was that of 0.1.0."""

COLUMNS: Mapping[str, str] = {
    "dimension": "VARCHAR",
    "key": "VARCHAR",
    "other": "VARCHAR",
    "currency": "VARCHAR",
    "decision": "VARCHAR",
    "transactions": "BIGINT",
    "amountMinor": "DECIMAL(38, 0)",
    "largest": "BIGINT",
}
"""A tally's columns with DuckDB's types. No sum of amounts overflows 38 digits."""

INLINE_ANSWERED = "ANSWERED"
"""Key of the dimension `inline` for clients that got the decision which they waited for."""

STOPPED = "decision IN ('REVIEW', 'DECLINE')"
"""Condition for what was flagged."""
_MINUTE = "strftime(epoch_ms(receivedAt), '%H:%M')"
# 1, 2 or 5, and as many zeros as the amount has further digits.
_AMOUNT_BAND = (
    "CASE WHEN amountMinor = 0 THEN '0' ELSE rpad(CASE WHEN left(amountMinor::VARCHAR, 1) >= '5' THEN '5' "
    "WHEN left(amountMinor::VARCHAR, 1) >= '2' THEN '2' ELSE '1' END, length(amountMinor::VARCHAR)::INTEGER, '0') END"
)

_REMOTE = "channel IN ('ECOMMERCE', 'MOBILE')"
PAYMENT_KIND = (
    f"CASE WHEN type = 'TRANSFER' AND {_REMOTE} THEN 'remoteTransfer' "
    f"WHEN type = 'PAYMENT' AND cardToken IS NOT NULL AND {_REMOTE} THEN 'remoteCard' "
    "WHEN type = 'PAYMENT' AND cardToken IS NOT NULL AND channel = 'MOTO' THEN 'orderCard' END"
)
"""What a decision is to the meters of the payment industry, as SQL."""
DECLINED_BY_ISSUER = "authorizationResult IS NOT DISTINCT FROM 'DECLINED'"
_PAYMENT_STATE = (
    f"CASE WHEN {DECLINED_BY_ISSUER} THEN 'declined' ELSE '' END || "
    "CASE WHEN list_contains(reasons, 'CARD_TESTING') THEN 'Enumerated' ELSE '' END"
)

NO_RULES: Final = ", ".join(f"'{code}'" for code in sorted(NO_RULES_CODES))
"""Codes of reasons behind which there is no rule, as a list in SQL."""
HIT = f"list_filter(sources, lambda source, place: reasons[place] NOT IN ({NO_RULES}))"
"""The rules among `sources`, which also names features of the model, profiles and files, as SQL."""
_RULES = f"(SELECT *, unnest({HIT}) AS rule FROM {{table}})"

_PLAIN: Mapping[str, tuple[str, str]] = {
    "total": ("''", "''"),
    "hour": ("strftime(epoch_ms(receivedAt), '%H')", "''"),
    "minute": (_MINUTE, "''"),
    "channel": ("channel", "''"),
    "type": ("type", "''"),
    "entryMode": ("entryMode", "''"),
    "authorizationResult": ("authorizationResult", "''"),
    "merchantCategoryCode": ("merchantCategoryCode", "''"),
    "corridor": ("coalesce(cardCountry, billingCountry)", "coalesce(merchantCountry, ipCountry)"),
    "amountBand": (_AMOUNT_BAND, "''"),
    "score": ("score::VARCHAR", "''"),
    # Two digits are enough for a sum, and make few rows.
    "probability": ("printf('%.1e', probability)", "''"),
    "shadowScore": ("shadowScore::VARCHAR", "shadowModel"),
    "version": ("rulesetVersion", "modelVersion"),
    "inlineDecision": ("inlineDecision", "''"),
    "payment": (PAYMENT_KIND, _PAYMENT_STATE),
    "exemption": ("scaExemption", f"coalesce({PAYMENT_KIND}, '') || ' ' || coalesce(scaBand, 0)"),
}
"""Dimensions that have each decision once: key and other, as SQL."""

_ALSO: Mapping[str, tuple[str, str, str]] = {
    "rule": ("rule", "code", "(SELECT *, unnest(sources) AS rule, unnest(reasons) AS code FROM {table})"),
    "ruleAlone": (f"{HIT}[1]", "''", f"(SELECT * FROM {{table}} WHERE len({HIT}) = 1)"),
    "rulePair": (
        "rule",
        "second",
        f"(SELECT *, unnest(list_filter({HIT}, lambda each: each > rule)) AS second FROM {_RULES})",
    ),
    "ruleMinute": ("rule", _MINUTE, f"{_RULES[:-1]} WHERE {STOPPED})"),
    "shadow": ("rule", "''", "(SELECT *, unnest(shadowHits) AS rule FROM {table})"),
    "unevaluable": ("rule", "''", "(SELECT *, unnest(unevaluableRules) AS rule FROM {table})"),
    **{kind: (column, "''", f"(SELECT * FROM {{table}} WHERE {STOPPED})") for kind, column in ENTITIES.items()},
}
"""Dimensions of some decisions, or that have a decision more than once: key, other, and what is counted, as SQL."""


def of_decisions(table: str, *, by: str = "") -> Iterator[str]:
    """Return a query for each dimension of decided transactions.

    Args:
        table: what to count, with the columns of decisions.
        by: further columns to count by, each with a comma before it.
    """
    counted = f"currency, decision{by}, count(*) AS transactions, sum(amountMinor) AS amountMinor, NULL AS largest"
    for dimension, (key, other) in _PLAIN.items():
        yield _tally(dimension, key, other, counted, table)
    for dimension, (key, other, source) in _ALSO.items():
        yield _tally(dimension, key, other, counted, source.format(table=table))
    yield (
        f"SELECT 'flagged', transactionId, score::VARCHAR, currency, decision{by}, 1, amountMinor, receivedAt "
        f"FROM {table} WHERE {STOPPED}"
    )
    yield (
        f"SELECT 'flaggedProbability', transactionId, probability::VARCHAR, currency, decision{by}, 1, amountMinor, "
        f"receivedAt FROM {table} WHERE {STOPPED} AND probability IS NOT NULL"
    )


def _tally(dimension: str, key: str, other: str, counted: str, source: str) -> str:
    return (
        f"SELECT '{dimension}' AS dimension, {key} AS key, {other} AS other, {counted} FROM {source} "
        f"WHERE {key} IS NOT NULL GROUP BY ALL"
    )


def of_keys(keys: str) -> Iterator[str]:
    """Return a query for each dimension that tells how the log came about.

    Args:
        keys: a row for each transaction that was stored or decided in the hour: `transactionId`, `receivedAt`,
            `storedAt` (or NULL), `decidedAt` (or NULL), `loggedAt` and `inline`
            (what came of a client's wait, or NULL).
    """
    some = "HAVING count(*) > 0"
    yield f"{_uncounted('stored')}, count(*), NULL, max(storedAt) FROM {keys} WHERE storedAt IS NOT NULL {some}"
    yield f"{_uncounted('logged')}, count(*), NULL, max(loggedAt) FROM {keys} {some}"
    yield f"{_uncounted('inline', 'inline')}, count(*), NULL, NULL FROM {keys} WHERE inline IS NOT NULL GROUP BY ALL"
    yield f"{_uncounted('onlyStored', 'transactionId')}, 1, NULL, receivedAt FROM {keys} WHERE decidedAt IS NULL"
    yield f"{_uncounted('onlyDecided', 'transactionId')}, 1, NULL, NULL FROM {keys} WHERE storedAt IS NULL"
    # Two machines' clocks may differ by more than a quick decision takes. DuckDB's greatest() passes over NULL.
    for dimension, start in (("latency", "receivedAt"), ("lag", "storedAt")):
        took = f"decidedAt - {start}"
        yield (
            f"{_uncounted(dimension, _band('took'))}, count(*), NULL, max(took) "
            f"FROM (SELECT greatest(0, {took}) AS took FROM {keys} WHERE {took} IS NOT NULL) GROUP BY ALL"
        )


def _uncounted(dimension: str, key: str = "''") -> str:
    return f"SELECT '{dimension}', {key}, '', NULL, NULL"


def _band(value: str) -> str:
    # Below 1024 each millisecond by itself, and then steps of 1/256 of the value at most.
    steps = " ".join(f"WHEN {value} < {1024 * 4**power} THEN {4**power}" for power in range(20))
    return f"({value} - {value} % (CASE {steps} ELSE {4**20} END))::VARCHAR"

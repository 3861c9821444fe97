"""All that is stored of whom a token stands for.

Whatever AWS refuses is raised as `ClientError`, and what cannot be reached as `BotoCoreError`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from fraudstream.contract import EntityKind
from fraudstream.detection.rules.ruleset import Ruleset
from fraudstream.detection.stores.lists.listings import ListEntry
from fraudstream_tools.operations.cases.case import ReviewCase
from fraudstream_tools.operations.cases.store import CaseStore
from fraudstream_tools.operations.investigation.customer_history import (
    CustomerHistory,
    CustomerIndexError,
    HistoryPage,
    Position,
)
from fraudstream_tools.operations.lists.entity_lists import EntityLists
from fraudstream_tools.operations.review.alert_summary import AlertSummary
from fraudstream_tools.operations.review.alerts import AlertQueue

ALERTS: Final = 50
"""The newest alerts of a customer that are found; own choice."""


@dataclass(frozen=True, kw_only=True)
class TokenFindings:
    """What is stored under a token. A token does not say of which kind it is: only customers have the last three."""

    listed: Mapping[str, Mapping[str, ListEntry]]
    """Items of the table, by entity such as `card#tok_…` and list; ended entries too."""
    of_ruleset: Mapping[str, Mapping[str, int | None]] | None
    """What lists.yaml of the active ruleset says, by entity and list: when it ends, epoch milliseconds, or None where
    it does not. None where there is no ruleset to look in."""
    cases: Sequence[ReviewCase]
    """Newest first."""
    alerts: Sequence[AlertSummary]
    """Newest first, at most `ALERTS`."""
    history: HistoryPage | None
    """None where the table has no index of customers that can be used."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing at all is stored."""
        return not (
            self.listed or self.of_ruleset or self.cases or self.alerts or (self.history and self.history.transactions)
        )


@dataclass(frozen=True, kw_only=True)
class TokenSearch:
    """Finds what is stored under tokens, in a number of requests that does not grow with it."""

    alerts: AlertQueue
    cases: CaseStore
    lists: EntityLists
    history: CustomerHistory
    ruleset: Ruleset | None
    """The active one; None where there is none, or it cannot be read."""

    def find(self, token: str, *, limit: int = 50, after: Position | None = None) -> TokenFindings:
        """Return what there is.

        Args:
            token: of a customer, card or other.
            limit: how many transactions at most.
            after: where the part of the history before it ended.

        Raises:
            TimeoutError: the tables are too busy to be read.
        """
        try:
            history = self.history.page(token, limit, after=after)
        except CustomerIndexError:
            history = None
        return TokenFindings(
            listed=self.lists.of_entities(kind.key(token) for kind in EntityKind),
            of_ruleset=self._of_ruleset(token),
            cases=self.cases.of_entity(EntityKind.CUSTOMER.key(token)),
            alerts=self.alerts.of_customer(token, ALERTS),
            history=history,
        )

    def find_all(self, tokens: Sequence[str], *, limit: int = 50) -> TokenFindings:
        """Return what there is of an entity by all of its tokens: while they change, what is stored may have any.

        Args:
            tokens: of a customer, card or other.
            limit: how many transactions at most.

        Raises:
            TimeoutError: the tables are too busy to be read.
        """
        found = [self.find(token, limit=limit) for token in tokens]
        pages = [each.history for each in found if each.history is not None]
        past = sorted(
            (each for page in pages for each in page.transactions), key=lambda each: each.received_at, reverse=True
        )
        return TokenFindings(
            listed={entity: entries for each in found for entity, entries in each.listed.items()},
            of_ruleset=None
            if self.ruleset is None
            else {entity: ends for each in found for entity, ends in (each.of_ruleset or {}).items()},
            cases=sorted(
                (case for each in found for case in each.cases), key=lambda case: case.created_at, reverse=True
            ),
            alerts=sorted(
                (alert for each in found for alert in each.alerts), key=lambda alert: alert.created_at, reverse=True
            )[:ALERTS],
            history=HistoryPage(transactions=past[:limit], goes_on_after=None) if pages else None,
        )

    def _of_ruleset(self, token: str) -> dict[str, dict[str, int | None]] | None:
        if self.ruleset is None:
            return None
        lists = self.ruleset.lists
        ends = {kind.key(token): ends for kind in EntityKind if (ends := lists.of_entity(kind, token))}
        return {
            entity: {name: None if math.isinf(end) else int(end) for name, end in of_lists.items()}
            for entity, of_lists in ends.items()
        }

"""What other systems are told of cases that somebody works on here."""

from typing import TYPE_CHECKING

from fraudstream_tools.cli.support.deployment import Deployment

if TYPE_CHECKING:
    from fraudstream_tools.operations.cases.news import CaseNews


def case_news(deployment: Deployment) -> "CaseNews | None":
    """Return what tells other systems of cases; None where the stack tells nobody anything."""
    from fraudstream_tools.operations.cases.news import news_of

    return news_of(
        outbox=deployment.get("outboxTable"),
        types=deployment.get("events"),
        environment=deployment["alertsTable"].removeprefix("table-alerts-"),
    )

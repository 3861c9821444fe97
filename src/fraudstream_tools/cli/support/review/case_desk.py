"""A fraudstream as those see it who work on cases: what is there, what they may do, and what they are told."""

from typing import TYPE_CHECKING, TypeVar

from fraudstream.contract import FourEyes
from fraudstream_tools.cli.support.review.audit import needs_two
from fraudstream_tools.cli.support.review.case_work import alert_queue, case_news, reviews_of
from fraudstream_tools.cli.support.running.deployment import Deployment
from fraudstream_tools.cli.support.terminal.output import CommandError, out, print_json
from fraudstream_tools.redaction import shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from fraudstream_tools.operations.cases.case import ReviewCase
    from fraudstream_tools.operations.cases.service_level import ServiceLevel
    from fraudstream_tools.operations.cases.store import CaseStore
    from fraudstream_tools.operations.cases.work import CaseWork
    from fraudstream_tools.operations.review.alert_summary import AlertSummary
    from fraudstream_tools.operations.review.alerts import AlertQueue

T = TypeVar("T")


class CaseDesk:
    """A fraudstream and what a person may do there with cases."""

    def __init__(self, stack: str | None) -> None:
        self._deployment = Deployment(stack)

    @property
    def queue(self) -> "AlertQueue":
        """All alerts."""
        return alert_queue(self._deployment)

    @property
    def cases(self) -> "CaseStore":
        """What was stored of cases."""
        from fraudstream_tools.operations.cases.store import CaseStore

        return CaseStore(self._deployment.client("dynamodb"), self._deployment["alertsTable"])

    @property
    def service_level(self) -> "ServiceLevel":
        """Within what time cases are to be looked at."""
        from fraudstream_tools.operations.cases.service_level import ServiceLevel

        return ServiceLevel.of_outputs(self._deployment.get("reviewHours"), self._deployment.get("reviewExpiryDays"))

    @property
    def work(self) -> "CaseWork":
        """What may be done with cases, in the name of who runs the command."""
        from fraudstream_tools.operations.cases.work import CaseWork

        return CaseWork(reviews=reviews_of(self._deployment), queue=self.queue, news=case_news(self._deployment))

    @property
    def me(self) -> str:
        """The ARN of who runs the command."""
        return self.work.reviews.operator.arn

    @property
    def waits(self) -> str:
        """What is to be said of a label that was given here, if it waits for somebody else."""
        return ", once somebody else has approved it" if needs_two(self._deployment, FourEyes.LABELS) else ""

    def tell(self, transaction_id: str, sentence: str, *, as_json: bool) -> None:
        """Print what was done as a sentence, or as JSON the case as it is now."""
        import msgspec

        if as_json:
            case = self.case(self.alert(transaction_id))
            alerts = self.queue.by_ids(case.alerts)
            print_json({**msgspec.to_builtins(case), "alerts": msgspec.to_builtins(alerts)})
        else:
            out.print(sentence, soft_wrap=True)

    def alert(self, transaction_id: str) -> "AlertSummary":
        """Return a transaction's alert.

        Raises:
            CommandError: it has none.
        """
        alert = self.queue.get(transaction_id)
        if alert is None:
            raise CommandError(f"{shown(transaction_id)} has no alert (any more)")
        return alert

    def refuse_closed(self, alert: "AlertSummary") -> None:
        """Refuse to decide about an alert that is closed already.

        Raises:
            CommandError: it is; says as what, and who says so.
        """
        from fraudstream_tools.operations.cases.case import decider_of
        from fraudstream_tools.operations.review.alert_summary import AlertStatus
        from fraudstream_tools.operations.review.labels import LabelError, outcome_of

        if alert.status is AlertStatus.OPEN:
            return
        client, table = self._deployment.client("dynamodb"), self._deployment["transactionsTable"]
        try:
            label = outcome_of(client, table, alert.transaction_id).label
        except LabelError:
            label = None
        said = f", says {label.label_source}" if label and label.label is alert.label else ""
        case = self.cases.get(alert.case_id) if alert.case_id else None
        decider = (decider_of(case, alert.transaction_id) if case else None) or alert.assignee
        by = f", by {decider}" if decider else ""
        raise CommandError(
            f"nothing was changed: {shown(alert.transaction_id)} was closed as {alert.label or 'approved'}{said}{by}. "
            "Look at it (`fraudstream cases show`), and decide all the same with --over"
        )

    def case(self, alert: "AlertSummary") -> "ReviewCase":
        """Return the case that an alert is in.

        Raises:
            CommandError: nobody has worked on it yet.
        """
        case = self.cases.get(alert.case_id) if alert.case_id else None
        if case is None:
            raise CommandError(f"nobody has worked on the case of {shown(alert.transaction_id)} yet: take it first")
        return case


def changed(change: "Callable[[], T]") -> T:
    """Make a change; say in a sentence why it was not made."""
    from fraudstream_tools.operations.audit.change_note import ReasonError
    from fraudstream_tools.operations.review.assignments import AlertTakenError, HeldByColleagueError
    from fraudstream_tools.operations.review.labels import LabelError

    try:
        return change()
    except HeldByColleagueError as error:
        raise CommandError(f"nothing was changed: {error} (`fraudstream cases take --over`)") from None
    except (AlertTakenError, LabelError, ReasonError) as error:
        raise CommandError(f"nothing was changed: {error}") from None

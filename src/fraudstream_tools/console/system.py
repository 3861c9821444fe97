"""What the console's pages work on: a running fraudstream, with the credentials of whoever started the console."""

import math
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from fraudstream.contract import TRANSACTION_PLACE, FourEyes
from fraudstream.detection.rules.ruleset import Ruleset, RulesetError
from fraudstream.detection.stores.approvals.file_approvals import Approvals
from fraudstream.detection.stores.lists.list_approvals import ListApprovals
from fraudstream_tools.analytics.log_questions import LogQuestions
from fraudstream_tools.operations.alarms import RingingAlarm, ringing_alarms
from fraudstream_tools.operations.approving import Approver
from fraudstream_tools.operations.audit.identity import Operator
from fraudstream_tools.operations.audit.records import AuditLog
from fraudstream_tools.operations.cases.closing import CaseClosing
from fraudstream_tools.operations.cases.news import CaseNews
from fraudstream_tools.operations.cases.queue import CaseQueue
from fraudstream_tools.operations.cases.service_level import ServiceLevel
from fraudstream_tools.operations.cases.store import CaseStore
from fraudstream_tools.operations.cases.work import CaseWork
from fraudstream_tools.operations.daily_reports import DailyReports
from fraudstream_tools.operations.day_so_far import DayCopy
from fraudstream_tools.operations.investigation.customer_history import CustomerHistory
from fraudstream_tools.operations.investigation.search import TokenSearch
from fraudstream_tools.operations.lists.approving import ListApproval
from fraudstream_tools.operations.lists.entity_lists import EntityLists
from fraudstream_tools.operations.lists.listing import ListEditor
from fraudstream_tools.operations.models.approving import ModelApproval
from fraudstream_tools.operations.privacy.tokens import AskForTokens
from fraudstream_tools.operations.review.alerts import AlertQueue
from fraudstream_tools.operations.review.label_approval import LabelApproval
from fraudstream_tools.operations.review.reviews import Reviews
from fraudstream_tools.operations.rulesets.active import RulesetBucket, RulesetPlan
from fraudstream_tools.operations.rulesets.approving import RuleApproval
from fraudstream_tools.operations.rulesets.history import NoSuchVersionError
from fraudstream_tools.operations.rulesets.publishing import RulePublishing
from fraudstream_tools.rules.fixtures import FOLDER

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

    from fraudstream_tools.operations.rulesets.trials import DraftBacktest

_RULESET_SECONDS: Final = 30
"""Own choice: a page may be that far behind a ruleset that somebody deploys."""


@dataclass(kw_only=True)
class ConsoleSystem:
    """A running fraudstream."""

    name: str
    """As the pages call it, such as `stack dev`."""
    dynamodb: "DynamoDBClient"
    s3: "S3Client"
    operator: Operator
    transactions: str
    alerts: str
    profiles: str
    bucket: str
    ask_for_tokens: AskForTokens | None = None
    """Asks the processor for tokens; None where nobody knows its name."""
    rules: Path = Path("rules")
    """The folder with the rules' fixtures in it, where there is one."""
    log: LogQuestions | None = None
    """Answers questions to the decision log; None where nothing does."""
    today: DayCopy | None = None
    """Knows what was decided today so far; None where nothing is fetched of the log."""
    service_level: ServiceLevel = field(default_factory=ServiceLevel)
    back_office: str | None = None
    """Where the team's own system shows a transaction."""
    approved_ruleset: str | None = None
    """The digest of the ruleset that came with the program, where any other needs two people; else None."""
    approved_models: str | None = None
    """The digest of the models that came with the program, where any others need two people; else None."""
    news: CaseNews | None = None
    """Tells other systems of cases; None where nobody is told of anything."""
    four_eyes: Collection[str] = ()
    """The changes that need a second person."""
    cloudwatch: Any = None
    """boto3's client; None where there are no alarms, as on one machine."""
    environment: str = ""
    """The suffix of the stack's names."""
    monotonic: Callable[[], float] = time.monotonic
    """The clock, in seconds."""
    _trial: "tuple[str | None, str, DraftBacktest | None] | None" = None
    """The newest trial on the log: of which ruleset, beside which one."""
    _list_approvals: ListApprovals | None = None
    _ruleset: Ruleset | None = None
    _read_at: float = field(default=-math.inf)

    @property
    def rulesets(self) -> RulesetBucket:
        """The stored rulesets."""
        known = self.approved_ruleset
        approvals = Approvals(self.s3, self.bucket, known) if known else None
        return RulesetBucket(self.s3, self.bucket, approvals=approvals)

    @property
    def ruleset(self) -> Ruleset | None:
        """The active ruleset, at most half a minute old; None where none can be used."""
        if (now := self.monotonic()) - self._read_at >= _RULESET_SECONDS:
            try:
                self._ruleset = self.rulesets.active()
            except (NoSuchVersionError, RulesetError):
                self._ruleset = None
            self._read_at = now
        return self._ruleset

    @property
    def has_fixtures(self) -> bool:
        """Whether a draft can be tried on fixtures here."""
        return (self.rules / FOLDER).is_dir()

    @property
    def queue(self) -> AlertQueue:
        """The alerts, with amounts in the base currency where there are exchange rates."""
        ruleset = self.ruleset
        return AlertQueue(
            self.dynamodb,
            alerts=self.alerts,
            transactions=self.transactions,
            rates=ruleset.rates if ruleset else None,
        )

    @property
    def reviews(self) -> Reviews:
        """What the operator may do with single alerts."""
        return Reviews(
            dynamodb=self.dynamodb,
            transactions=self.transactions,
            alerts=self.alerts,
            operator=self.operator,
            audit=self.audit,
            approval=self.label_approval,
        )

    @property
    def label_approval(self) -> LabelApproval | None:
        """What the operator may do for labels that need two people; None where one is enough."""
        if FourEyes.LABELS not in self.four_eyes:
            return None
        return LabelApproval(
            approver=self.approver(FourEyes.LABELS),
            dynamodb=self.dynamodb,
            transactions=self.transactions,
            alerts=self.alerts,
        )

    @property
    def closing(self) -> CaseClosing:
        """What approves labels, and closes cases with them."""
        return CaseClosing(reviews=self.reviews, queue=self.queue, news=self.news)

    @property
    def cases(self) -> CaseStore:
        """The kept cases."""
        return CaseStore(self.dynamodb, self.alerts)

    @property
    def case_queue(self) -> CaseQueue:
        """Cases, and alerts that would become one."""
        return CaseQueue(self.queue, self.cases, self.service_level)

    @property
    def work(self) -> CaseWork:
        """What the operator may do with cases."""
        return CaseWork(reviews=self.reviews, queue=self.queue, news=self.news)

    @property
    def lists(self) -> EntityLists:
        """Entities on lists."""
        if FourEyes.LISTS not in self.four_eyes:
            return EntityLists(self.dynamodb, self.profiles)
        # What was approved stays so, and is asked for once.
        self._list_approvals = self._list_approvals or ListApprovals(self.s3, self.bucket)
        approval = ListApproval(self.approver(FourEyes.LISTS), self._list_approvals)
        return EntityLists(self.dynamodb, self.profiles, approval=approval)

    @property
    def listing(self) -> ListEditor:
        """What the operator may do with lists."""
        return ListEditor(lists=self.lists, audit=self.audit)

    @property
    def search(self) -> TokenSearch:
        """What is stored under tokens."""
        history = CustomerHistory(self.dynamodb, self.transactions)
        return TokenSearch(alerts=self.queue, cases=self.cases, lists=self.lists, history=history, ruleset=self.ruleset)

    @property
    def publishing(self) -> RulePublishing:
        """What the operator may do with rules."""
        approval = RuleApproval(self.approver(FourEyes.RULES), self.approved_ruleset or "")
        return RulePublishing(
            rulesets=self.rulesets,
            operator=self.operator,
            audit=self.audit,
            approval=approval if self.approved_ruleset else None,
        )

    def remember_trial(self, plan: RulesetPlan, backtest: "DraftBacktest | None") -> None:
        """Keep what the log said of a plan, for whoever is asked whether it is to be active."""
        self._trial = plan.before, plan.after, backtest

    def trial_of(self, plan: RulesetPlan) -> "DraftBacktest | None":
        """Return what the log said of a plan, if that was the newest trial; None where it was not tried."""
        before, after, backtest = self._trial or (None, "", None)
        return backtest if (before, after) == (plan.before, plan.after) else None

    def approver(self, kind: FourEyes) -> Approver:
        """Return what puts the operator's mark on changes of a kind."""
        return Approver(s3=self.s3, bucket=self.bucket, audit=self.audit, kind=kind)

    @property
    def model_approval(self) -> ModelApproval | None:
        """What the operator may do with models; None where no second person is asked for."""
        known = self.approved_models
        return ModelApproval(self.approver(FourEyes.MODELS), known) if known else None

    def office_link(self, transaction_id: str) -> str | None:
        """Return where the team's own system shows a transaction; None where nobody said it."""
        return self.back_office.replace(TRANSACTION_PLACE, quote(transaction_id, safe="")) if self.back_office else None

    def alarms(self) -> Sequence[RingingAlarm] | None:
        """Return the alarms that ring; None where they cannot be seen."""
        return None if self.cloudwatch is None else ringing_alarms(self.cloudwatch, self.environment)

    def forget_ruleset(self) -> None:
        """Read the ruleset anew for the next page: it was changed here."""
        self._read_at = -math.inf

    @property
    def audit(self) -> AuditLog:
        """Records of what people did."""
        return AuditLog(self.s3, self.bucket, self.operator)

    @property
    def reports(self) -> DailyReports:
        """The daily reports."""
        return DailyReports(self.s3, self.bucket)

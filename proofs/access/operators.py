"""What operators do with a running system, each held to their policy: so that it is known which statements they use.

The embedded AWS holds nobody to attributes or leading keys, so the evaluator judges every request of theirs.
"""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.exceptions import ClientError

from embedded_aws.cloud import LocalCloud
from fraudstream.contract import RULESET_FILE, EntityKind, EventType, FourEyes
from fraudstream.reporting.log.keys import LogTable
from fraudstream.transactions.decisions.decision import Truth
from fraudstream_tools.analytics.log_copy import LogCopy
from fraudstream_tools.cli.support.local.lambda_endpoint import lambda_endpoint
from fraudstream_tools.console.sessions import ConsoleSession
from fraudstream_tools.console.system import ConsoleSystem
from fraudstream_tools.operations.audit.identity import Operator
from fraudstream_tools.operations.cases.news import news_of
from fraudstream_tools.operations.models.breaker import ModelBreaker
from fraudstream_tools.operations.models.stored_models import live_file, stored_models
from fraudstream_tools.operations.privacy.tokens import ask_for_tokens, tokens_of_identifier
from fraudstream_tools.operations.review.alerts import AlertQuery
from proofs.access.evaluator import Asked, Statement, allows, enforce
from proofs.access.matrix import Policies
from proofs.access.places import OWN_USER, VARIABLES, StackNames
from proofs.running.console import browser_on, console_of

_PORT: Final = 4712
_PAGES: Final = (
    *("/", "/queue", "/search?q=tok_AAAAAAAAAAAAAAAAAAAAAA", "/lists", "/rules", "/rules/history", "/rules/edit"),
    *("/models", "/reports", "/audit"),
)
_COMMENT: Final = "\n# Published by the experiment.\n"
_WHY: Final = "the experiment does it"
_APPROVED: Final = "0" * 64
"""The digest of no ruleset: a stack that has one asks for two people."""


def work_as_operators(
    cloud: LocalCloud, policies: Policies, names: StackNames, note: Callable[[str, Asked], None]
) -> list[str]:
    """Do the tasks of analysts, authors of rules and auditors; return what one of them was kept from.

    Args:
        cloud: where the system runs, with an open alert and a live model that is held back; a record of each task is
            left.
        policies: of the deployed stack.
        names: of its resources.
        note: told who has asked for what.
    """
    kept_out: list[str] = []
    with lambda_endpoint(cloud.invoke, cloud) as lambda_url:
        for name, task in _TASKS.items():
            desk = _desk(cloud, policies[name], names, partial(note, name), lambda_url)
            try:
                task(desk)
            except ClientError as error:
                kept_out.append(f"{name}: {error}")
    return kept_out


def _desk(
    cloud: LocalCloud,
    statements: Sequence[Statement],
    names: StackNames,
    note: Callable[[Asked], None],
    lambda_url: str,
) -> ConsoleSystem:
    def may(asked: Asked) -> bool:
        note(asked)
        return allows(statements, asked, VARIABLES)

    session: Any = boto3.session.Session()

    def client(service: str) -> Any:  # noqa: ANN401  (a client)
        made = session.client(
            service,
            region_name=names.region,
            endpoint_url=lambda_url if service == "lambda" else cloud.endpoint_url,
            aws_access_key_id=cloud.credentials.access_key,
            aws_secret_access_key=cloud.credentials.secret_key,
        )
        return enforce(made, may, names.arn("dynamodb", "table/"), names.arn("lambda", "function:"))

    console = console_of(cloud, "proof", client=client)
    console.operator = Operator(user_id=OWN_USER, arn=f"arn:aws:iam::{names.account}:user/operator")
    console.approved_ruleset = _APPROVED
    console.four_eyes = (FourEyes.LISTS,)
    console.news = news_of(
        outbox=cloud.outputs["outboxTable"], types=EventType.KEPT_CASE_OPENED, environment=names.suffix
    )
    console.cloudwatch = client("cloudwatch")
    console.environment = names.suffix
    console.ask_for_tokens = partial(ask_for_tokens, client("lambda"), cloud.outputs["processorFunction"])
    return console


def _look_at_everything(console: ConsoleSystem) -> None:
    browser = browser_on(console, ConsoleSession(port=_PORT))
    (alert, *_) = console.queue.find(AlertQuery(), 1)
    for path in (*_PAGES, f"/case?id={alert.transaction_id}"):
        browser.get(path).raise_for_status()


def _look_at_log(console: ConsoleSystem) -> None:
    """Fetch a table of the log, as the console does for its pages of today and of links."""
    with tempfile.TemporaryDirectory() as folder:
        copy = LogCopy.of_table(console.s3, console.bucket, LogTable.TALLIES, Path(folder))
        wanted, _ = copy.missing()
        assert wanted  # noqa: S101  (the hours are merged before)
        copy.pull(wanted, lambda _: None)


def _analyst(console: ConsoleSystem) -> None:
    _look_at_everything(console)
    _look_at_log(console)
    assert console.ask_for_tokens is not None  # noqa: S101  (it is given above)
    token = tokens_of_identifier(console.ask_for_tokens, EntityKind.CARD, "a card of nobody's")[-1]
    console.listing.add_to_list("blocked", EntityKind.CARD, token, reason=_WHY, until=None)
    console.listing.remove_from_list("blocked", EntityKind.CARD, token, reason=_WHY)
    (alert, *_) = console.queue.find(AlertQuery(), 1)
    console.work.take(alert)
    console.work.note(alert, _WHY)
    taken = console.queue.get(alert.transaction_id)
    console.work.decide(alert.transaction_id, Truth.FRAUD, _WHY, alert=taken, seen=None)


def _rule_author(console: ConsoleSystem) -> None:
    _look_at_everything(console)
    _look_at_log(console)
    stored = console.rulesets.stored().contents
    draft = stored[RULESET_FILE].decode() + _COMMENT
    plan = console.publishing.check(draft)
    console.publishing.publish(draft, base=plan.stored.digest, reason=_WHY)
    live = live_file(stored_models(console.s3, console.bucket).models)
    assert live is not None  # noqa: S101  (whoever calls says so)
    ModelBreaker(console.dynamodb, console.profiles).reset(live, reason=_WHY, audit=console.audit)


def _auditor(console: ConsoleSystem) -> None:
    _look_at_everything(console)
    _look_at_log(console)


_TASKS: Final[Mapping[str, Callable[[ConsoleSystem], None]]] = {
    "policy-analyst": _analyst,
    "policy-rule-author": _rule_author,
    "policy-auditor": _auditor,
}

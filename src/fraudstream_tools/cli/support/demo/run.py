"""What `fraudstream demo` does and shows."""

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import httpx
from botocore.credentials import Credentials

from fraudstream.clock import epoch_milliseconds
from fraudstream.durations import HOUR
from fraudstream.reporting.log.keys import ReportFormat
from fraudstream.transactions.decisions.decision import Truth
from fraudstream_tools.cli.support.demo.reconciliation import STOPPED, RunCounts, logged_decisions, stored_transactions
from fraudstream_tools.cli.support.demo.results import Results, print_results
from fraudstream_tools.cli.support.files.output_files import refuse_unwritable, write_output
from fraudstream_tools.cli.support.local.log_tail import LogTail
from fraudstream_tools.cli.support.local.system import deployed
from fraudstream_tools.cli.support.terminal.steps import ProgressStep, ProgressSteps
from fraudstream_tools.lab.replay.client import ReplayResult, replay
from fraudstream_tools.lab.replay.signing import SignedRequests
from fraudstream_tools.lab.world.sample_day import sample_transactions, sample_truth
from fraudstream_tools.operations.daily_reports import DailyReports
from fraudstream_tools.operations.review.alerts import AlertQuery, AlertQueue
from fraudstream_tools.operations.review.labels import label_now

if TYPE_CHECKING:
    from embedded_aws.cloud import LocalCloud

_UNREVIEWED_HOURS = 6
"""The sample's last hours, which nobody has looked at yet: their alerts stay open."""
_IDLE_SECONDS = 90
_SHOWN_DECISIONS = 6


def run_demo(report_folder: Path, connections: int) -> int:
    """Run the demo, print its results and give the number of lost transactions.

    Args:
        report_folder: where the day's report is left.
        connections: how many requests are under way at once.

    Raises:
        CommandError: no report can be left there, or the system cannot be deployed.
    """
    # What can only be written after minutes is looked at before them.
    for file_format in get_args(ReportFormat):
        refuse_unwritable(_report_file(report_folder, file_format))
    started = time.monotonic()
    with ProgressSteps() as steps, deployed("demo", steps) as cloud:
        results = _run(cloud, steps, report_folder, connections)
    print_results(results, seconds=time.monotonic() - started)
    return results.tally.lost


def _run(cloud: "LocalCloud", steps: ProgressSteps, report_folder: Path, connections: int) -> Results:
    auth = SignedRequests(
        Credentials(cloud.credentials.access_key, cloud.credentials.secret_key), cloud.outputs["region"]
    )
    sample = sample_transactions(epoch_milliseconds())
    truth = sample_truth()
    days = {datetime.now(UTC).date()}
    with steps.step("replaying the sample day", len(sample)) as step:
        replayed = replay(
            sample, cloud.outputs["apiUrl"], auth, connections=connections, on_progress=_Watch(cloud, step).see
        )
        step.say(f"{replayed.rate:,.0f}/s", replayed.accepted)
    days.add(datetime.now(UTC).date())
    with steps.step("waiting until all is decided and logged"):
        _wait_until_idle(cloud)
    with steps.step("saying what turned out to be fraud") as step:
        labels = _label(cloud, truth)
        _wait_until_idle(cloud)
        step.say(f"{labels:,} labels, as analysts and customers would")
    with steps.step("writing the daily report"):
        report = _report(cloud, sorted(days), report_folder)
    with steps.step("counting what is stored and logged"):
        tally = _count(cloud, replayed)
        decisions = _ask(cloud, auth, _examples(tally))
        tables = {"alerts": cloud.outputs["alertsTable"], "transactions": cloud.outputs["transactionsTable"]}
        alerts = AlertQueue(cloud.client("dynamodb"), **tables).find(AlertQuery())
    return Results(
        replayed=replayed, tally=tally, noticed=tally.noticed(truth), decisions=decisions, alerts=alerts, report=report
    )


def _wait_until_idle(cloud: "LocalCloud") -> None:
    try:
        cloud.wait_until_idle(_IDLE_SECONDS)
    finally:
        _refuse_lost_logs(cloud)


def _refuse_lost_logs(cloud: "LocalCloud") -> None:
    """Refuse to go on where functions' logs are lost: what else they write is on the same disk.

    Raises:
        OSError: some are; names the file.
    """
    if lost := cloud.lost_log:
        raise lost


@dataclass
class _Watch:
    """Shows a replay's rate, and how many decisions the analyzer has told its metrics of."""

    cloud: "LocalCloud"
    step: ProgressStep
    decided: int = 0
    _tail: LogTail | None = None
    _looked: float = 0.0
    _started: float = 0.0

    def see(self, result: ReplayResult) -> None:
        """Store a replay's counts."""
        now = time.monotonic()
        self._started = self._started or now
        if now - self._looked >= 0.5:  # noqa: PLR2004  (seconds: what an eye can follow)
            self._looked = now
            _refuse_lost_logs(self.cloud)
            self.decided += self._new_decisions()
        rate = result.accepted / max(now - self._started, 0.001)
        self.step.say(f"{rate:,.0f}/s, {self.decided:,} decided", result.accepted)

    def _new_decisions(self) -> int:
        if self._tail is None:
            self._tail = LogTail(self.cloud.log_file(self.cloud.outputs["analyzerFunction"]))
        lines = (line[line.find(b"{") :] for line in self._tail.new_lines() if b"DecisionsMade" in line)
        return sum(int(sum(json.loads(line)["DecisionsMade"])) for line in lines)


def _label(cloud: "LocalCloud", truth: Mapping[str, str]) -> int:
    """Return what turned out to be fraud: analysts of what was stopped, customers of what got through."""
    client, table = cloud.client("dynamodb"), cloud.outputs["transactionsTable"]
    stored = stored_transactions(client, table)
    until = max(t["timestamp"] for t in stored.values()) - _UNREVIEWED_HOURS * HOUR
    labels = 0
    for transaction_id, transaction in stored.items():
        stopped, is_fraud = transaction.get("decision") in STOPPED, transaction_id in truth
        if transaction["timestamp"] < until and (stopped or is_fraud):
            source = "analyst" if stopped else "customer"
            label_now(client, table, transaction_id, Truth.FRAUD if is_fraud else Truth.LEGITIMATE, source)
            labels += 1
    return labels


def _report(cloud: "LocalCloud", days: Sequence[date], folder: Path) -> Path:
    """Have the report of each day written on which something was received, and bring the newest here."""
    for day in days:
        cloud.invoke(cloud.outputs["reportFunction"], {"task": "daily-report", "date": str(day)})
    return _fetch(cloud, days[-1], folder)


def _fetch(cloud: "LocalCloud", day: date, folder: Path) -> Path:
    reports = DailyReports(cloud.client("s3"), cloud.outputs["bucketName"])
    for file_format in get_args(ReportFormat):
        write_output(_report_file(folder, file_format), reports.read(day, file_format) or b"")
    return _report_file(folder, "html")


def _report_file(folder: Path, file_format: ReportFormat) -> Path:
    return folder / f"report.{file_format}"


def _count(cloud: "LocalCloud", replayed: ReplayResult) -> RunCounts:
    return RunCounts(
        received=replayed.accepted,
        stored=stored_transactions(cloud.client("dynamodb"), cloud.outputs["transactionsTable"]),
        logged=logged_decisions(cloud.client("s3"), cloud.outputs["bucketName"]),
    )


def _examples(tally: RunCounts) -> Iterable[str]:
    """Choose transactions to show: those with the highest scores, each for another reason, and an approved one."""
    seen = set[str]()
    for transaction in sorted(tally.decided, key=lambda t: t["score"], reverse=True):
        first = next((reason["code"] for reason in transaction.get("reasons", ())), "")
        if transaction["decision"] in STOPPED and first not in seen and len(seen) < _SHOWN_DECISIONS - 1:
            seen.add(first)
            yield transaction["transactionId"]
    yield from [t["transactionId"] for t in tally.decided if t["decision"] == "APPROVE"][:1]


def _ask(cloud: "LocalCloud", auth: httpx.Auth, ids: Iterable[str]) -> list[dict[str, Any]]:
    with httpx.Client(base_url=cloud.outputs["apiUrl"], auth=auth, timeout=30) as client:
        answers = [client.get(f"/transactions/{transaction_id}").raise_for_status() for transaction_id in ids]
    return [answer.json() for answer in answers]

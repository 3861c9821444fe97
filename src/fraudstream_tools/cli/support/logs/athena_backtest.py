"""A backtest of a stack's log by Athena: what it will cost at most is said before it runs."""

from collections.abc import Sequence
from datetime import date

from fraudstream.contract import DECISION_LOG_PREFIX
from fraudstream.counts import counted
from fraudstream.detection.rules.ruleset import Ruleset
from fraudstream.reporting.log.keys import LogTable
from fraudstream_tools.analytics.answers import QuestionError
from fraudstream_tools.analytics.athena import dollars
from fraudstream_tools.analytics.scan_bounds import BucketLog
from fraudstream_tools.cli.support.logs.decision_logs import tell_other_numbers
from fraudstream_tools.cli.support.running.athena_workgroup import athena_of
from fraudstream_tools.cli.support.running.deployment import Deployment
from fraudstream_tools.cli.support.terminal.output import CommandError, err
from fraudstream_tools.lab.backtest.athena_engine import AthenaBacktest, tally
from fraudstream_tools.lab.backtest.run import BacktestTally
from fraudstream_tools.rules.token_numbers import listed_tokens


def judge_by_athena(
    stack: str | None,
    days: tuple[date, date],
    rulesets: Sequence[Ruleset],
    *,
    label_delay_days: float,
    with_changes: bool,
) -> BacktestTally:
    """Judge some days of a stack's log.

    Args:
        stack: the Pulumi stack that was asked for.
        days: of receipt: the first and the last one.
        rulesets: one, or two.
        label_delay_days: days after which a transaction's label is known, or will not come.
        with_changes: list the transactions that two decide differently.

    Raises:
        CommandError: there is no workgroup, it would stop the query, or it did not answer.
    """
    if days[0] > days[1]:
        raise CommandError("--since is after --until")
    deployment = Deployment(stack)
    athena = athena_of(deployment)
    if deployment.get("tokenKeys"):
        tell_other_numbers(listed_tokens(rulesets), [deployment.number("tokenKeys")])
    backtest = AthenaBacktest(days=days, rulesets=rulesets, label_delay_days=label_delay_days)
    log = BucketLog(client=deployment.client("s3"), bucket=deployment["bucketName"], prefix=DECISION_LOG_PREFIX)
    try:
        files = log.files((LogTable.DECISIONS, LogTable.LABELS), days)
        summary = log.most_scanned(files, backtest.summary())
        judging = log.most_scanned(files, backtest.query(0, is_labelled=True).counts())
        explored = log.most_scanned(files, backtest.explored(0))
        _say_bound([summary, judging, explored], judging, len(files), with_changes=with_changes)
        cutoff = athena.cutoff()
        if cutoff is not None and judging > cutoff:
            raise CommandError(
                f"the workgroup {athena.workgroup} stops a query that reads more than {cutoff:,} bytes: name fewer days"
            )
        result = tally(athena, backtest, with_changes=with_changes)
    except QuestionError as error:
        raise CommandError(str(error)) from None
    scanned = sum(answer.scanned or 0 for answer in result.answers)
    err.print(f"Athena read {scanned:,} bytes (${dollars(scanned, len(result.answers)):.4f}); results are kept under:")
    for answer in result.answers:
        err.print(f"  query {answer.query_id}")
    return result.tally


def _say_bound(statements: Sequence[int], judging: int, files: int, *, with_changes: bool) -> None:
    looked, bound = counted(files, "file"), sum(statements)
    said = f"{looked}: Athena reads at most {bound:,} bytes (${dollars(bound, len(statements)):.4f})"
    if with_changes:
        said += f", and at most {judging:,} (${dollars(judging):.4f}) for each list of changes"
    err.print(said, soft_wrap=True)

"""`fraudstream rules deploy|approve|history|rollback`: which ruleset a running fraudstream judges by."""

import dataclasses
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from fraudstream.contract import VERSION_DIGITS, FourEyes
from fraudstream.counts import counted
from fraudstream_tools.cli.support.options import JsonOption, StackOption
from fraudstream_tools.cli.support.review.audit import approver
from fraudstream_tools.cli.support.running.active_ruleset import ruleset_bucket
from fraudstream_tools.cli.support.running.deployment import Deployment, SystemKind, target
from fraudstream_tools.cli.support.shown.ruleset_plans import print_plan
from fraudstream_tools.cli.support.terminal.confirmation import DryRunOption, YesOption, confirm
from fraudstream_tools.cli.support.terminal.output import CommandError, err, one_line, out, print_json

if TYPE_CHECKING:
    from fraudstream_tools.operations.rulesets.active import RulesetBucket, RulesetPlan
    from fraudstream_tools.operations.rulesets.approving import RuleApproval
    from fraudstream_tools.operations.rulesets.history import RulesetVersion

ReasonOption = Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="Why; it is shown in the history.")]
ToOption = Annotated[
    SystemKind | None,
    typer.Option(
        "--to",
        help="Where to: the fraudstream that runs here, or a stack's bucket.  [default: what the other commands use]",
    ),
]


def register(rules: typer.Typer) -> None:
    """Add this module's commands to the group of the rules."""
    rules.command()(deploy)
    rules.command()(approve)
    rules.command()(history)
    rules.command()(rollback)


def deploy(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="The folder with ruleset.yaml, rates.yaml and lists.yaml.")
    ] = Path("rules"),
    *,
    to: ToOption = None,
    reason: ReasonOption = None,
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    stack: StackOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make the rules of a folder the active ones, after the checks that the functions make.

    Shows first what changes, rule by rule, and asks. Functions that run use the new ruleset within a minute. If
    somebody else changed the stored one in the meantime, nothing is overwritten. `pulumi up` uploads a file of rules/
    only if it changed there, so that what is deployed here stays; keep rules/ the same.

    ```
    fraudstream rules deploy --reason "card testing since Monday"
    fraudstream rules deploy candidate/ --dry-run
    ```
    """
    from fraudstream_tools.rules.folder import RulesFolder

    deployment = target(stack, to)
    with _problems(f"the ruleset in {folder} cannot be used:"):
        contents = RulesFolder(folder).contents
        bucket = ruleset_bucket(deployment)
        plan = bucket.plan_deployment(contents)
        _carry_out("deploy", deployment, bucket, plan, reason, yes=yes, dry_run=dry_run, as_json=as_json)


def approve(
    digest: Annotated[
        str, typer.Argument(metavar="DIGEST", help="The digest of the ruleset that you have looked at, all 64 digits.")
    ],
    *,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why it may become active.")],
    to: ToOption = None,
    stack: StackOption = None,
    as_json: JsonOption = False,
) -> None:
    """Approve the newest ruleset by your mark, where the stack asks for two people (setting `fourEyes`).

    Whoever publishes a ruleset puts a mark on it, and it stays unused until somebody else has done so. Before the
    setting is turned on, two people approve the active ruleset in this way: without marks it would not be used any
    more. The ruleset that came with the program needs none.

    `rules history` shows the digest of the newest ruleset. A version is too short for this: two rulesets can be made
    that share one.

    ```
    fraudstream rules history
    fraudstream rules approve 3f9c0d2a71be… --reason "seen with the backtest"
    ```
    """
    deployment = target(stack, to)
    with _problems("the ruleset cannot be approved:"):
        _approval(deployment).approve(next(ruleset_bucket(deployment).history(), None), digest, reason=reason)
    if as_json:
        print_json({"digest": digest, "approved": True})
    else:
        said = f"your mark is on the ruleset {digest[:VERSION_DIGITS]}…; functions use it within a minute of the second"
        out.print(said, soft_wrap=True)


def rollback(
    version: Annotated[
        str | None,
        typer.Argument(help="The version or its first digits, as `rules history` shows it.  [default: the one before]"),
    ] = None,
    *,
    to: ToOption = None,
    reason: ReasonOption = None,
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    stack: StackOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make an earlier ruleset the active one again, after the checks that the functions make.

    All three files come back as they were, entries of lists.yaml too: what changes is shown first. Where the newest
    ruleset is refused, the default is the one that is active. Where the newest change is itself a rollback, there is no
    default: name a version. It must still be in the bucket (`oldVersionDays`).

    ```
    fraudstream rules rollback --reason "too many reviews"
    fraudstream rules rollback 3f9c
    ```
    """
    deployment = target(stack, to)
    with _problems("the ruleset cannot be used:"):
        bucket = ruleset_bucket(deployment)
        plan = bucket.plan_rollback(version)
        _carry_out("rollback", deployment, bucket, plan, reason, yes=yes, dry_run=dry_run, as_json=as_json)


def history(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many versions to show.")] = 20,
    *,
    to: ToOption = None,
    stack: StackOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the rulesets that are and were stored, newest first: when, by whom, why, and which one is active.

    A ruleset that the functions refuse is shown with what is wrong. Old versions stay in the bucket for
    `oldVersionDays`.

    ```
    fraudstream rules history
    fraudstream rules history --json --limit 100
    ```
    """
    deployment = target(stack, to)
    versions = list(islice(ruleset_bucket(deployment).history(), limit + 1))
    if len(versions) > limit:
        versions.pop()
        err.print(f"the newest {limit}; --limit shows more", style="dim")
    if as_json:
        print_json([_version_as_json(each) for each in versions])
        return
    if not versions:
        raise CommandError(f"the bucket {deployment['bucketName']} holds no ruleset: `fraudstream rules deploy` does")
    for number, each in enumerate(versions):
        _print_version(each)
        if number == 0 and each.digest:
            out.print(f"    digest {each.digest}", style="dim", soft_wrap=True)


def _print_version(version: "RulesetVersion") -> None:
    standing = _standing(version)
    line = Text(f"{version.since.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC  ")
    line.append(f"{version.version or 'incomplete':12}", style="bold")
    line.append(f"  {standing:7}", style={"active": "green", "refused": "red"}.get(standing, "dim"))
    line.append(f"  {counted(version.rules, 'rule')}" if version.rules is not None else "")
    line.append(f"  ({', '.join(version.files)})", style="dim")
    out.print(line, soft_wrap=True)
    if version.note is None:
        out.print("    by pulumi up, or by hand", style="dim")
    else:
        reason = f": {version.note.reason}" if version.note.reason else ""
        out.print(one_line(f"    {version.note.action} by {version.note.by}{reason}"), soft_wrap=True)
    for problem in version.problems:
        out.print(Text(f"    {standing}: {problem}", style="red"), soft_wrap=True)


def _approval(deployment: Deployment) -> "RuleApproval":
    from fraudstream_tools.operations.rulesets.approving import RuleApproval

    return RuleApproval(approver(deployment, FourEyes.RULES), deployment.get("approvedRuleset") or "")


@contextmanager
def _problems(heading: str) -> Generator[None]:
    from fraudstream.detection.rules.ruleset import RulesetError
    from fraudstream_tools.operations.approving import ApprovalError
    from fraudstream_tools.operations.audit.change_note import ReasonError
    from fraudstream_tools.operations.rulesets.active import ConcurrentChangeError
    from fraudstream_tools.operations.rulesets.history import NoSuchVersionError

    try:
        yield
    except RulesetError as error:
        raise CommandError("\n  ".join([heading, *error.problems])) from None
    except (ApprovalError, ConcurrentChangeError, NoSuchVersionError, ReasonError) as error:
        raise CommandError(str(error)) from None


def _carry_out(
    action: str,
    deployment: Deployment,
    bucket: "RulesetBucket",
    plan: "RulesetPlan",
    reason: str | None,
    *,
    yes: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    from fraudstream_tools.operations.audit.change_note import checked_reason
    from fraudstream_tools.operations.rulesets.history import RuleChange
    from fraudstream_tools.operations.rulesets.publishing import RulePublishing

    why = None if reason is None else checked_reason(reason)
    bucket_name = deployment["bucketName"]
    if not as_json:
        print_plan(plan, bucket_name)
    is_written = bool(plan.files) and not dry_run
    by, waits = None, False
    if is_written:
        confirm(f"make {plan.after} the active ruleset?", yes=yes, as_json=as_json)
        approval = _approval(deployment)
        by = approval.approver.operator.arn
        publishing = RulePublishing(
            rulesets=bucket,
            operator=approval.approver.operator,
            audit=approval.approver.audit,
            approval=approval if deployment.get("approvedRuleset") else None,
        )
        publishing.store(RuleChange(action), plan, why)
        waits = publishing.waits(plan)
    if as_json:
        print_json(
            {
                "bucket": bucket_name,
                "before": plan.before,
                "after": plan.after,
                "files": plan.files,
                "digest": plan.digest,
                "displaces": plan.displaces,
                "waits": waits,
                "difference": dataclasses.asdict(plan.difference),
                "written": is_written,
                "by": by,
                "reason": why,
            }
        )
    elif is_written:
        approve = f"when somebody else has approved it: fraudstream rules approve {plan.digest} --reason …"
        when = approve if waits else "within a minute"
        out.print(f"{plan.after} is stored; functions use it {when}", soft_wrap=True)


def _standing(version: "RulesetVersion") -> str:
    if version.waits:
        return "waits"
    return "refused" if version.problems else "active" if version.is_active else "usable"


def _version_as_json(version: "RulesetVersion") -> dict[str, Any]:
    note = version.note
    return {
        "version": version.version,
        "digest": version.digest,
        "since": version.since.astimezone(UTC).isoformat(),
        "standing": _standing(version),
        "rules": version.rules,
        "files": version.files,
        "action": note.action if note else None,
        "by": note.by if note else None,
        "reason": note.reason if note else None,
        "problems": version.problems,
    }

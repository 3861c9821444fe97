"""The ruleset that a running fraudstream judges by, for commands that only look at it."""

from typing import TYPE_CHECKING

from fraudstream_tools.cli.support.running.deployment import Deployment
from fraudstream_tools.cli.support.terminal.output import CommandError, err

if TYPE_CHECKING:
    from fraudstream.detection.rules.ruleset import Ruleset
    from fraudstream_tools.operations.rulesets.active import RulesetBucket


def ruleset_bucket(deployment: Deployment) -> "RulesetBucket":
    """Return the stored rulesets, with who approved them where the stack asks for two people.

    Raises:
        CommandError: nothing says where they are.
    """
    from fraudstream.detection.stores.approvals.file_approvals import Approvals
    from fraudstream_tools.operations.rulesets.active import RulesetBucket

    s3, bucket, known = deployment.client("s3"), deployment["bucketName"], deployment.get("approvedRuleset")
    return RulesetBucket(s3, bucket, approvals=Approvals(s3, bucket, known) if known else None)


def required_ruleset(deployment: Deployment) -> "Ruleset":
    """Return the active ruleset.

    Raises:
        CommandError: nothing says where it is, or it cannot be used.
    """
    from fraudstream.detection.rules.ruleset import RulesetError
    from fraudstream_tools.operations.rulesets.history import NoSuchVersionError

    try:
        return ruleset_bucket(deployment).active()
    except (NoSuchVersionError, RulesetError) as error:
        raise CommandError(f"the active ruleset, with its exchange rates, cannot be used: {error}") from None


def active_ruleset(deployment: Deployment, *, quiet: bool = False) -> "Ruleset | None":
    """Return the active ruleset, or say on standard error that it cannot be had: what it tells is not needed.

    Args:
        deployment: which fraudstream.
        quiet: whether nothing is said.
    """
    if deployment.get("bucketName") is None:
        return None
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return required_ruleset(deployment)
    except (CommandError, BotoCoreError, ClientError) as error:
        if not quiet:
            err.print(f"what the rules look for is left out: {error}", style="dim", soft_wrap=True)
        return None

"""Changes of a standing stack that would delete its data: refused by what the stack itself exported before."""

from collections.abc import Iterator

from infra.naming import Names
from infra.previous import PreviousStack
from infra.setting_reader import NAMESPACE, StackSettingsError
from infra.settings import StackSettings


def refuse_loss(previous: PreviousStack, settings: StackSettings) -> None:
    """Refuse settings that would delete a standing stack's data, make it unreadable, or reset what others share.

    Args:
        previous: the stack as it stands.
        settings: those of the deployment to come.

    Raises:
        StackSettingsError: a setting would do so; the message names it and says what can be done instead.
    """
    complaints = [*_key(previous, settings), *_tokens(previous, settings)]
    if not settings.allow_destructive_changes:
        complaints += [*_place(previous, settings), *_account_role(previous, settings), *_trail(previous, settings)]
    if complaints:
        raise StackSettingsError("\n".join(complaints))


def _place(previous: PreviousStack, settings: StackSettings) -> Iterator[str]:
    table = previous.text("transactionsTable")
    if table is not None and table != Names(settings.environment_suffix).of("table", "transactions"):
        yield _deletes("environmentSuffix", settings.environment_suffix, table.removeprefix("table-transactions-"))
    region = previous.text("region")
    if region is not None and region != settings.region:
        yield _deletes("region", settings.region, region)


def _deletes(name: str, value: str, before: str) -> str:
    return (
        f"{NAMESPACE}:{name} is {value!r}, and this stack stands with {before!r}: the change would delete every table "
        f"and the bucket with all that is in them. Set it back to {before!r}, or deploy a second stack and move to it "
        f"(docs/settings.md, moving a stack). If the data may go, set {NAMESPACE}:allowDestructiveChanges true."
    )


def _account_role(previous: PreviousStack, settings: StackSettings) -> Iterator[str]:
    if previous.text("apiGatewayAccountRole") == "manage" and settings.api_gateway_account_role != "manage":
        yield (
            f"{NAMESPACE}:apiGatewayAccountRole is 'existing', and this stack manages the account's role: the change "
            "would leave every REST API of the account and region without access logs until another role is set. "
            "Set it back to 'manage', or hand the role over (docs/settings.md, the account's role) with "
            f"{NAMESPACE}:allowDestructiveChanges true."
        )


def _trail(previous: PreviousStack, settings: StackSettings) -> Iterator[str]:
    if previous.text("auditBucket") is not None and not settings.audit_trail:
        yield (
            f"{NAMESPACE}:auditTrail is false, and this stack keeps a trail: the change would delete its bucket with "
            "all that was recorded. Set it back to true, or copy what is to be kept (aws s3 sync) and set "
            f"{NAMESPACE}:allowDestructiveChanges true."
        )


def _tokens(previous: PreviousStack, settings: StackSettings) -> Iterator[str]:
    for name, output, value in (
        ("tokenKeys", previous.text("tokenKeys"), settings.token_keys),
        ("tokenNumber", previous.text("tokenNumber"), settings.token_number),
    ):
        if output is not None and output.isdecimal() and value < int(output):
            yield (
                f"{NAMESPACE}:{name} is {value}, and this stack stands with {output}: the change would delete or leave "
                f"a key by which people are found again. Set it back to {output}; token numbers only grow."
            )


def _key(previous: PreviousStack, settings: StackSettings) -> Iterator[str]:
    if previous.text("encryptionKeyArn") is not None and not settings.customer_managed_key:
        yield (
            f"{NAMESPACE}:customerManagedKey is false, and this stack's data is encrypted with its own key: seven days "
            "after the change nobody could read it any more. Set it back to true; a stack without a key of its own is "
            "a new one (docs/settings.md, moving a stack)."
        )

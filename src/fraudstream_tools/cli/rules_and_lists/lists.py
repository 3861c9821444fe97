"""`fraudstream lists`: which customers, cards and others are blocked, trusted or on another list."""

from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from fraudstream.contract import EntityKind, FourEyes
from fraudstream_tools.cli.support.options import JsonOption, StackOption
from fraudstream_tools.cli.support.review.audit import approver, audit_log, needs_two, say_that_it_waits
from fraudstream_tools.cli.support.review.digests import with_digests
from fraudstream_tools.cli.support.running.active_ruleset import ruleset_bucket
from fraudstream_tools.cli.support.running.deployment import Deployment
from fraudstream_tools.cli.support.running.privacy import tokens_of
from fraudstream_tools.cli.support.shown.listed_entities import entry_as_json, print_changes, print_entry
from fraudstream_tools.cli.support.terminal.ages import parse_day
from fraudstream_tools.cli.support.terminal.output import CommandError, err, one_line, out, print_json

if TYPE_CHECKING:
    from fraudstream.detection.rules.ruleset import Ruleset
    from fraudstream_tools.operations.lists.entity_lists import EntityLists
    from fraudstream_tools.operations.lists.entries import ListChange, ListedEntity
    from fraudstream_tools.operations.lists.listing import ListEditor

ListArgument = Annotated[str, typer.Argument(metavar="LIST", help="The list's name, such as blocked or trusted.")]
KindArgument = Annotated[
    EntityKind, typer.Argument(metavar="KIND", help="customer, card, merchant, terminal, device, ip or counterparty.")
]
IdsArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="ID…", help="Identifiers as clients post them, or tokens as the API answers them."),
]
TransactionOption = Annotated[
    str | None,
    typer.Option("--transaction", metavar="ID", help="Take the one that this stored transaction has, by its id."),
]
WhyOption = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it is stored with the entry.")]


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    group = typer.Typer(
        name="lists",
        no_args_is_help=True,
        help="""
Block or trust customers, cards, merchants, terminals, devices, internet addresses and counterparties.

Rules ask for a list by `listed("blocked")`; lists.yaml, beside the rules, names the lists. An entry that
these commands make counts for the next transaction, and stays when rules change. Entries that should be kept in git
stand in lists.yaml itself.
""",
    )
    group.command()(show)
    group.command()(add)
    group.command()(remove)
    group.command()(waiting)
    group.command()(approve)
    app.add_typer(group)


def add(
    list_name: ListArgument,
    kind: KindArgument,
    ids: IdsArgument = None,
    *,
    reason: WhyOption,
    until: Annotated[
        datetime | None,
        typer.Option(
            parser=parse_day,
            metavar="DAY",
            help="The last day (UTC) on which it counts.  [default: no end]",
        ),
    ] = None,
    transaction: TransactionOption = None,
    stack: StackOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add entities to a list; one that is there already gets the new end and reason.

    ```
    fraudstream lists add blocked card --transaction order-1 --reason "testing"
    fraudstream lists add trusted customer tok_5hQJmVWeqAVnVQB4WmnPgA \\
        --until 2026-12-31 --reason "known traveller"
    ```
    """
    from fraudstream_tools.operations.lists.entries import check_list

    deployment = Deployment(stack)
    end = None if until is None else int((until.replace(tzinfo=UTC) + timedelta(days=1)).timestamp() * 1000)
    with _problems():
        ruleset = _ruleset(deployment)
        check_list(list_name, ruleset.lists.names)
        tokens = _checked(deployment, kind, ids, transaction, reason)
        listing = _listing(deployment)
        done = [
            (newest, listing.add_to_list(list_name, kind, newest, reason=reason, until=end)) for *_, newest in tokens
        ]
    _print_changes(deployment, list_name, kind, done, as_json=as_json)
    _warn_if_not_asked_for(ruleset, list_name)


def remove(
    list_name: ListArgument,
    kind: KindArgument,
    ids: IdsArgument = None,
    *,
    reason: WhyOption,
    transaction: TransactionOption = None,
    stack: StackOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove entities from a list; `lists show --ended` shows for 90 days who did it and why.

    Entries of lists.yaml are removed there, and go with `fraudstream rules deploy`. Exits with 1 if one of the entities
    was not on the list.

    ```
    fraudstream lists remove blocked card --transaction order-1 --reason "why"
    ```
    """
    from fraudstream_tools.operations.lists.entries import ListChange

    deployment = Deployment(stack)
    with _problems():
        tokens = _checked(deployment, kind, ids, transaction, reason)
        listing = _listing(deployment)
        done = [
            (token, listing.remove_from_list(list_name, kind, token, reason=reason))
            for of_one in tokens
            for token in listing.lists.listed_among(list_name, kind, of_one)
        ]
    _print_changes(deployment, list_name, kind, done, as_json=as_json)
    if any(change is ListChange.ABSENT for _, change in done):
        raise typer.Exit(1)


def show(
    list_name: Annotated[
        str | None, typer.Argument(metavar="LIST", help="The list's name; without one, all lists are shown.")
    ] = None,
    *,
    kind: Annotated[EntityKind | None, typer.Option(help="Only entities of this kind.")] = None,
    ended: Annotated[bool, typer.Option("--ended", help="Entries too that ended in the last 90 days.")] = False,
    stack: StackOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show who is on a list, since when, until when, by whom and why, newest first.

    Entries of the active ruleset's lists.yaml are counted.

    ```
    fraudstream lists show
    fraudstream lists show blocked --kind card --ended
    ```
    """
    from fraudstream_tools.operations.lists.entries import check_list

    deployment = Deployment(stack)
    with _problems():
        ruleset = _ruleset(deployment)
        contents = _lists(deployment).show(list_name, kind, with_ended=ended)
        if list_name is not None and not contents.entries:
            check_list(list_name, ruleset.lists.names)
    counts = _ruleset_counts(ruleset, list_name, kind)
    if as_json:
        print_json(
            {
                "entries": [entry_as_json(each) for each in contents.entries],
                "rulesetEntries": counts,
                "damaged": contents.damaged,
            }
        )
        return
    for each in contents.entries:
        print_entry(each)
    for name in sorted({each.list_name for each in contents.entries}):
        _warn_if_not_asked_for(ruleset, name)
    if not contents.entries:
        out.print("nobody was put on a list by the commands", style="dim")
    for name, kinds in counts.items():
        of_kinds = ", ".join(f"{count:,} {of_kind}" for of_kind, count in kinds.items())
        out.print(f"lists.yaml has more on {name}: {of_kinds}", soft_wrap=True)
    for key in contents.damaged:
        out.print(Text(f"{key} in the table of profiles cannot be read: delete it", style="red"), soft_wrap=True)


def waiting(*, stack: StackOption = None, as_json: JsonOption = False) -> None:
    """List the entries of lists, and the removals, that wait for a second person (setting `fourEyes`).

    Before the setting names lists, all entries wait that do not have two marks yet. The digest of each is what
    `lists approve` takes.

    fraudstream lists waiting --json
    """
    with _problems():
        found = _waiting(_listing(Deployment(stack), is_asked=True))
    if as_json:
        print_json([entry_as_json(each) for each in found])
        return
    for each in found:
        print_entry(each)
    if not found:
        out.print("no entry waits for anybody")


def approve(
    digests: Annotated[list[str], typer.Argument(metavar="DIGEST…", help="Of entries that `lists waiting` shows.")],
    *,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why they may count; it is recorded.")],
    stack: StackOption = None,
    as_json: JsonOption = False,
) -> None:
    """Approve entries of lists, or their removals, that wait for a second person (setting `fourEyes`).

    Before the setting names lists, two people approve all entries in this way: without marks they would not count any
    more. An entry that somebody has changed since you looked has another digest, and is left alone. Exits with 1 if
    none got your mark.

    ```
    fraudstream lists approve 5f0c2a9be1d47c38 --reason "seen the dispute"
    ```
    """
    from fraudstream_tools.operations.approving import ApprovalError

    deployment = Deployment(stack)
    done: list[ListedEntity] = []
    with _problems():
        listing = _listing(deployment, is_asked=True)
        for each in with_digests(_waiting(listing), digests, "fraudstream lists waiting"):
            try:
                listing.approve(each.list_name, each.kind, each.token, each.digest, reason=reason)
                done.append(each)
            except ApprovalError as error:
                said = one_line(f"{each.list_name} {each.kind.value} {each.token}: {error}")
                err.print(said, soft_wrap=True)
    if as_json:
        print_json([entry_as_json(each) for each in done])
    for each in () if as_json else done:
        said = (
            f"your mark is on {each.list_name} {each.kind.value} {each.token}; it counts ten seconds after the second"
        )
        out.print(said, soft_wrap=True)
    if not done:
        raise CommandError("no entry got your mark: `fraudstream lists waiting` has all that wait")


def _waiting(listing: "ListEditor") -> list["ListedEntity"]:
    return [each for each in listing.lists.show().entries if each.waits]


def _print_changes(
    deployment: Deployment, list_name: str, kind: EntityKind, done: "Sequence[tuple[str, ListChange]]", *, as_json: bool
) -> None:
    from fraudstream_tools.operations.lists.entries import ListChange

    print_changes(list_name, kind, done, waits=needs_two(deployment, FourEyes.LISTS), as_json=as_json)
    if any(change not in {ListChange.ABSENT, ListChange.WITHDRAWN} for _, change in done):
        say_that_it_waits(deployment, FourEyes.LISTS)


def _lists(deployment: Deployment, *, is_asked: bool = False) -> "EntityLists":
    from fraudstream.detection.stores.lists.list_approvals import ListApprovals
    from fraudstream_tools.operations.lists.approving import ListApproval
    from fraudstream_tools.operations.lists.entity_lists import EntityLists

    approval = None
    if is_asked or needs_two(deployment, FourEyes.LISTS):
        approvals = ListApprovals(deployment.client("s3"), deployment["bucketName"])
        approval = ListApproval(approver(deployment, FourEyes.LISTS), approvals)
    return EntityLists(deployment.client("dynamodb"), deployment["profilesTable"], approval=approval)


def _listing(deployment: Deployment, *, is_asked: bool = False) -> "ListEditor":
    from fraudstream_tools.operations.lists.listing import ListEditor

    return ListEditor(lists=_lists(deployment, is_asked=is_asked), audit=audit_log(deployment))


def _ruleset(deployment: Deployment) -> "Ruleset":
    return ruleset_bucket(deployment).active()


def _warn_if_not_asked_for(ruleset: "Ruleset", list_name: str) -> None:
    from fraudstream.detection.rules.rule import Mode
    from fraudstream.detection.rules.rule_checks import asked_lists

    if not any(list_name in asked_lists(rule.when) for rule in ruleset.rules if rule.mode is Mode.LIVE):
        text = f"no live rule asks for {list_name}: nothing is decided otherwise until one does"
        err.print(text, soft_wrap=True)


@contextmanager
def _problems() -> Generator[None]:
    from fraudstream_tools.operations.audit.change_note import ReasonError
    from fraudstream_tools.operations.lists.entity_tokens import UnknownEntityError
    from fraudstream_tools.operations.lists.entries import ListError
    from fraudstream_tools.operations.rulesets.history import NoSuchVersionError

    try:
        yield
    except (ListError, NoSuchVersionError, ReasonError, UnknownEntityError) as error:
        raise CommandError(str(error)) from None


def _checked(
    deployment: Deployment, kind: EntityKind, ids: list[str] | None, transaction: str | None, reason: str
) -> list["Sequence[str]"]:
    """Return the tokens of those who are meant, each with those of earlier numbers, once there is a reason."""
    from fraudstream_tools.operations.audit.change_note import checked_reason

    checked_reason(reason)
    if bool(ids) == (transaction is not None):
        raise CommandError("give identifiers or tokens, or else a stored transaction: --transaction ID")
    named = [_of_transaction(deployment, kind, transaction)] if transaction is not None else ids or ()
    tokens = [tokens_of(deployment, kind, each) for each in named]
    # Of two that name the same one, the identifier tells more than a later token.
    by_newest = {each[-1]: each for each in sorted(tokens, key=len)}
    return [by_newest[newest] for newest in dict.fromkeys(each[-1] for each in tokens)]


def _of_transaction(deployment: Deployment, kind: EntityKind, transaction: str) -> str:
    from fraudstream_tools.operations.lists.entity_tokens import token_in_transaction

    table = deployment["transactionsTable"]
    return token_in_transaction(deployment.client("dynamodb"), table, transaction, kind)


def _ruleset_counts(ruleset: "Ruleset", list_name: str | None, kind: str | None) -> dict[str, dict[str, int]]:
    """Return how many entities lists.yaml has, by list and kind."""
    counts = {
        name: Counter(of_kind for of_kind, _, _ in entries if kind in (None, of_kind))
        for name, entries in ruleset.lists.entries().items()
        if list_name in (None, name)
    }
    return {name: dict(sorted(kinds.items())) for name, kinds in counts.items() if kinds}

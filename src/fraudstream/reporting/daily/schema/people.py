"""What a report says of what people did on its day."""

from fraudstream.reporting.daily.schema.parts import Part


class ActionFigures(Part, frozen=True, kw_only=True):
    """One thing that people did, by its records."""

    action: str
    """Such as `label-transaction`."""
    done: int
    refused: int
    """Recorded, and then refused by AWS or by a condition."""


class RulesetChange(Part, frozen=True, kw_only=True):
    """A file of the ruleset that was written or deleted."""

    at: int
    """Epoch milliseconds, by S3."""
    file: str
    version: str | None
    """Version of the ruleset as it was then; None where a file was missing."""
    recorded: bool
    """Whether a record tells of a ruleset of this version, or of one that came about within a minute."""


class UnrecordedLabel(Part, frozen=True, kw_only=True):
    """A label that was written on the day, and that no record tells of."""

    transaction_id: str
    source: str
    """Who says so, as the label has it."""
    at: int
    """When the log was told of it, epoch milliseconds."""


class LabelWrites(Part, frozen=True, kw_only=True):
    """Labels that were written on the day, of transactions of any day."""

    written: int
    unrecorded: int
    """Those that no record tells of, by their transaction or by the source of a file."""
    examples: tuple[UnrecordedLabel, ...] = ()
    """The oldest of the unrecorded."""


class UnrecordedListWrite(Part, frozen=True, kw_only=True):
    """An entry of a list that was written or ended on the day, and that no record tells of."""

    list: str
    entity: str
    """Its kind and its token; it and the list are `(of no known form)` where somebody wrote what can be none."""
    ended: bool
    """Whether the entry was ended; else it was written."""
    at: int
    """As the entry has it, epoch milliseconds."""


class ListWrites(Part, frozen=True, kw_only=True):
    """Entries of lists that were written or ended on the day, as the table has them when the report is made."""

    written: int
    unrecorded: int
    """Those that no record tells of."""
    examples: tuple[UnrecordedListWrite, ...] = ()
    """The oldest of the unrecorded."""


class PeopleFigures(Part, frozen=True, kw_only=True):
    """What people did, by their records and by what is stored."""

    people: int
    """Who left a record, by `aws:userid`."""
    actions: tuple[ActionFigures, ...]
    """The most frequent first."""
    unread: int
    """Records that were not read, since the day has too many or they are damaged."""
    ruleset_changes: tuple[RulesetChange, ...]
    """Oldest first."""
    labels: LabelWrites | None = None
    """None where the log's labels were not looked at."""
    lists: ListWrites | None = None
    """None where the lists were not looked at."""

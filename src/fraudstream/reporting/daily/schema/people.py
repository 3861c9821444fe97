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
    """Of the ruleset as it was then; None where a file was missing."""
    recorded: bool
    """Whether a record tells of a ruleset of this version, or of one that came about within a minute."""


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

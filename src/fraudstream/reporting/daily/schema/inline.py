"""What a report says of decisions that clients waited for."""

from fraudstream.reporting.daily.schema.parts import Counts, Part


class InlineAgreement(Part, frozen=True, kw_only=True):
    """What was finally decided where clients had been answered one verdict."""

    answered: str
    """The inline decision."""
    final: Counts


class InlineFigures(Part, frozen=True, kw_only=True):
    """Stored transactions whose clients waited for a decision."""

    asked: int = 0
    answered: int = 0
    """Those that got one, within the budget."""
    fallbacks: tuple[tuple[str, int], ...] = ()
    """Why the others got none, and how many."""
    agreement: tuple[InlineAgreement, ...] = ()
    """By inline decision, of those that have a final one."""

"""What a report says of decisions that clients waited for."""

from fraudstream.reporting.daily.schema.parts import Counts, Part


class InlineAgreement(Part, frozen=True, kw_only=True):
    """What was finally decided where clients had been answered one verdict."""

    answered: str
    """The inline decision."""
    final: Counts


class ExemptionFigures(Part, frozen=True, kw_only=True):
    """Payments of one kind, currency and band whose clients were advised the same on strong authentication."""

    kind: str
    """`remoteCard` or `remoteTransfer`."""
    exemption: str
    """`TRA`, `LOW_VALUE` or `NONE`."""
    band: int
    """Euros up to which payments are exempt by risk analysis; 0 of the others."""
    currency: str
    count: int
    value: int
    """Minor units."""
    fraud: int = 0
    """Number of those that are labelled as fraud so far."""
    fraud_value: int = 0
    """Value of those that are labelled as fraud so far, in minor units."""


class ExemptionsUsed(Part, frozen=True, kw_only=True):
    """Payments of one kind, currency, band and advice over 90 days, beside the limit of the exemption."""

    used: ExemptionFigures
    days: int
    """Days that have figures."""
    limit: float | None
    """Reference fraud rate of the band, as a share of one; None where the exemption has none."""
    ratio: float | None
    """The fraud rate of all payments of the kind and currency in these days; None: not measurable."""

    @property
    def is_above(self) -> bool:
        """Whether payments were exempt at a fraud rate that does not allow it."""
        return self.limit is not None and self.ratio is not None and self.ratio > self.limit


class InlineFigures(Part, frozen=True, kw_only=True):
    """Stored transactions whose clients waited for a decision."""

    asked: int = 0
    answered: int = 0
    """Those that got one, within the budget."""
    fallbacks: tuple[tuple[str, int], ...] = ()
    """Why the others got none, and how many."""
    agreement: tuple[InlineAgreement, ...] = ()
    """By inline decision, of those that have a final one."""

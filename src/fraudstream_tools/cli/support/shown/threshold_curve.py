"""The curve of thresholds as a picture: what share of frauds and of their value so many looks a day find."""

import math
from typing import TYPE_CHECKING, Final, NamedTuple

from fraudstream_tools.cli.support.shown.templates import TEMPLATES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fraudstream_tools.lab.thresholds.proposal import CurvePoint, ThresholdProposal

WIDTH, HEIGHT = 640, 360
_LEFT, _TOP, _PLOT_WIDTH, _PLOT_HEIGHT = 60, 40, 550, 260
_SHARES: Final = (0.0, 0.25, 0.5, 0.75, 1.0)


class Tick(NamedTuple):
    """A mark of an axis."""

    at: float
    text: str


def picture(proposal: "ThresholdProposal") -> str:
    """Return an SVG image; looks a day are drawn by their logarithm."""
    curve = proposal.curve
    lowest = math.floor(math.log10(max(curve[0].a_day, 1e-3)))
    highest = max(math.ceil(math.log10(curve[-1].a_day)), lowest + 1)

    def across(a_day: float) -> float:
        share = (math.log10(max(a_day, 10**lowest)) - lowest) / (highest - lowest)
        return round(_LEFT + share * _PLOT_WIDTH, 1)

    def up(share: float) -> float:
        return round(_TOP + (1 - share) * _PLOT_HEIGHT, 1)

    looked_at = proposal.reviews_a_day + proposal.declines_a_day
    return TEMPLATES.get_template("threshold_curve.svg").render(
        width=WIDTH,
        height=HEIGHT,
        left=_LEFT,
        right=_LEFT + _PLOT_WIDTH,
        top=_TOP,
        bottom=_TOP + _PLOT_HEIGHT,
        frauds=_line(curve, lambda point: (across(point.a_day), up(point.frauds))),
        value=_line(curve, lambda point: (across(point.a_day), up(point.value))),
        across=[Tick(across(10**power), f"{10.0**power:g}") for power in range(lowest, highest + 1)],
        up=[Tick(up(share), f"{share:.0%}") for share in _SHARES],
        chosen=across(looked_at) if looked_at else None,
        proposal=proposal,
    )


def _line(curve: "Sequence[CurvePoint]", coordinates: "Callable[[CurvePoint], tuple[float, float]]") -> str:
    return " ".join(f"{x:g},{y:g}" for x, y in map(coordinates, curve))

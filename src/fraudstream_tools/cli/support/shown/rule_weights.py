"""What rules count beside a model, as it is shown."""

from typing import Any, NamedTuple

from rich.table import Table
from rich.text import Text

from fraudstream.detection.models.model import Model
from fraudstream.detection.models.selection import ActiveModels
from fraudstream.detection.rules.counting import fingerprint, weight_beside
from fraudstream.detection.rules.rule import Rule


class ShownWeight(NamedTuple):
    """What a rule counts beside a model."""

    model: str
    is_live: bool
    weight: float
    points: float
    """Its points, so weighed."""
    known: bool
    """The model's training has seen the rule as it is now."""

    @property
    def words(self) -> str:
        """Return it as a sentence."""
        name = f"{'live' if self.is_live else 'shadow'} model {self.model}"
        why = "by its training" if self.known else "whose training has not seen it as it is now"
        return f"{self.points:+.2f} beside the {name}, {why}: its points times {self.weight:g}"

    def as_json(self) -> dict[str, Any]:
        """Return it as the commands' JSON has it."""
        return {
            "model": self.model,
            "live": self.is_live,
            "weight": self.weight,
            "points": self.points,
            "known": self.known,
        }


def weight_of(rule: Rule, models: ActiveModels) -> ShownWeight | None:
    """Return what a rule counts beside the live model or, if there is none, beside the one that is watched."""
    model = models.live or models.shadow
    if model is None or rule.points is None:
        return None
    weight = weight_beside(model, rule) * model.file.points_weight
    seen = (model.file.rule_weights or {}).get(rule.id)
    known = model.file.schema_version == 1 or (seen is not None and seen.rule == fingerprint(rule))
    return ShownWeight(model.version, model is models.live, weight, weight * rule.points, known)


def weights_table(model: Model) -> Table:
    """Return the weights of all rules that a model's training has seen, as a table."""
    table = Table("rule", "counts", "hits in training", box=None, header_style="dim")
    weights = (model.file.rule_weights or {}).items()
    for name, each in sorted(weights, key=lambda each: (-each[1].weight, each[0])):
        table.add_row(Text(name), f"{each.weight:g} of its points", f"{each.hits:,}")
    return table

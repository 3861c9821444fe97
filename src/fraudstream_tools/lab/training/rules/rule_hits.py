"""Which rules hit transactions that a model learns from, and what that adds to their scores."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fraudstream.detection.rules.rule import Mode, Rule
from fraudstream.detection.rules.ruleset import Ruleset
from fraudstream_tools.lab.training.boosting import Flags


def counting_rules(ruleset: Ruleset) -> tuple[Rule, ...]:
    """Return the rules whose points count: live ones."""
    return tuple(rule for rule in ruleset.rules if rule.mode is Mode.LIVE and rule.points is not None)


class RuleHits(NamedTuple):
    """Which rules hit each transaction."""

    ruleset: Ruleset
    rows: NDArray[np.bool_]
    """A row for each transaction, and a column for each of `counting_rules`."""

    def chosen(self, those: Flags | NDArray[np.int64]) -> "RuleHits":
        """Return the hits of some of the transactions."""
        return RuleHits(self.ruleset, self.rows[those])

    def points(self, added: Mapping[str, float]) -> NDArray[np.float64]:
        """Return what the rules add to each transaction, as a decision counts it.

        Args:
            added: what each rule adds, by its id.
        """
        rules = counting_rules(self.ruleset)
        packed, places = np.unique(np.packbits(self.rows, axis=1), axis=0, return_inverse=True)
        met = np.unpackbits(packed, axis=1, count=len(rules)).astype(np.bool_)
        # There are few combinations, and each is counted by the code that counts it in a decision.
        sums = [self.ruleset.counting.points([rules[place] for place in np.flatnonzero(row)], added) for row in met]
        return np.array(sums, dtype=np.float64)[places.reshape(-1)]


def rule_hits(ruleset: Ruleset, hits: Sequence[Collection[str]]) -> RuleHits:
    """Return hits that are told by the ids of the rules, a collection for each transaction."""
    rules = counting_rules(ruleset)
    rows = np.zeros((len(hits), len(rules)), dtype=np.bool_)
    places = {rule.id: place for place, rule in enumerate(rules)}
    for number, ids in enumerate(hits):
        for name in ids:
            if name in places:
                rows[number, places[name]] = True
    return RuleHits(ruleset, rows)

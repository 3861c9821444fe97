"""LightGBM behind a typed class: it trains, and gives its trees as `fraudstream.detection` reads them."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

import lightgbm
import numpy as np
from numpy.typing import NDArray

from fraudstream.detection.models.trees import Tree

Matrix = NDArray[np.float64]
Flags = NDArray[np.bool_]
Weights = NDArray[np.float64] | None
"""For how many transactions each row stands; None where each stands for itself."""


def weights_of(stands_for: Weights, chosen: Flags) -> Weights:
    """Return for how many transactions some of the rows stand."""
    return None if stands_for is None else stands_for[chosen]


class BoostingError(ValueError):
    """LightGBM made something that cannot be exported."""


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """How trees are grown."""

    trees: int = 200
    leaves: int = 12
    learning_rate: float = 0.05
    transactions_per_leaf: int = 50
    share_of_features: float = 0.7
    """Share of the features that a tree is grown on; they are drawn anew for each tree."""
    share_of_transactions: float = 0.8
    """Share of the transactions that a tree is grown on; they are drawn anew for each tree."""
    penalty: float = 5.0
    """On the squares of what leaves give (L2)."""
    bins: int = 1023
    """Bins of a feature: with LightGBM's 255 a threshold such as an amount's may fall between the bins."""
    seed: int = 1


_FIXED: Final = {
    "objective": "binary",
    "feature_pre_filter": False,
    # The same data and seed give the same trees, whatever the number of threads.
    "deterministic": True,
    "force_row_wise": True,
    "verbose": -1,
}
_MANY_ROWS: Final = 100_000
_DUMPED_INFINITY: Final = 1e300


class Booster:
    """A trained ensemble."""

    def __init__(self, vectors: Matrix, labels: Flags, parameters: Parameters, weights: Weights = None) -> None:
        """Train on features (one row for each transaction; NaN is missing) and on what is fraud, by weight."""
        settings = _FIXED | {
            "num_leaves": parameters.leaves,
            "learning_rate": parameters.learning_rate,
            "min_data_in_leaf": parameters.transactions_per_leaf,
            "feature_fraction": parameters.share_of_features,
            "bagging_fraction": parameters.share_of_transactions,
            "bagging_freq": 1,
            "lambda_l2": parameters.penalty,
            "max_bin": parameters.bins,
            "seed": parameters.seed,
            # On little data threads mostly wait for each other; 0 is one for each core.
            "num_threads": 1 if len(vectors) < _MANY_ROWS else 0,
        }
        data = lightgbm.Dataset(vectors, labels.astype(np.float64), weight=weights, params=settings)
        self._booster: Any = cast("Any", lightgbm).train(settings, data, num_boost_round=parameters.trees)

    def raw(self, vectors: Matrix) -> NDArray[np.float64]:
        """Return the raw score of each row, in log-odds."""
        return np.asarray(self._booster.predict(vectors, raw_score=True), dtype=np.float64)

    def export(self) -> tuple[Tree, ...]:
        """Return the trees.

        Raises:
            BoostingError: they use something that `Tree` cannot say.
        """
        dumped: dict[str, Any] = self._booster.dump_model()
        return tuple([_tree(info["tree_structure"]) for info in dumped["tree_info"]])


def _tree(root: Mapping[str, Any]) -> Tree:
    splits: list[Mapping[str, Any]] = []
    leaves: list[Mapping[str, Any]] = []
    _collect(root, splits, leaves)
    # Numbered from the root down and from left to right; children after their parents.
    numbers = {id(node): number for number, node in enumerate(splits)}
    numbers |= {id(node): -1 - number for number, node in enumerate(leaves)}
    return Tree(
        feature=tuple([split["split_feature"] for split in splits]),
        threshold=tuple([_threshold(split) for split in splits]),
        missing_left=tuple([_missing_left(split) for split in splits]),
        left=tuple([numbers[id(split["left_child"])] for split in splits]),
        right=tuple([numbers[id(split["right_child"])] for split in splits]),
        mean=tuple([_mean(split)[0] for split in splits]),
        leaf=tuple([float(leaf["leaf_value"]) for leaf in leaves]),
    )


def _collect(node: Mapping[str, Any], splits: list[Mapping[str, Any]], leaves: list[Mapping[str, Any]]) -> None:
    if "leaf_value" in node:
        leaves.append(node)
        return
    if node["decision_type"] != "<=":
        raise BoostingError("a split on categories cannot be exported: features are numbers")
    splits.append(node)
    _collect(node["left_child"], splits, leaves)
    _collect(node["right_child"], splits, leaves)


def _threshold(split: Mapping[str, Any]) -> float:
    # A split that only parts missing values from others is at infinity, which LightGBM's dump writes as 1e300.
    threshold = float(split["threshold"])
    return sys.float_info.max if threshold == _DUMPED_INFINITY else threshold


def _missing_left(split: Mapping[str, Any]) -> bool:
    match split["missing_type"]:
        case "NaN":
            return bool(split["default_left"])
        case "None":
            # Nothing was missing in training: LightGBM then reads a missing value as 0.
            return float(split["threshold"]) >= 0
        case _:
            raise BoostingError("zero as a missing value cannot be exported")


def _mean(node: Mapping[str, Any]) -> tuple[float, int]:
    """Return the mean of what comes out below a node over the training's rows, and their number."""
    if "leaf_value" in node:
        return float(node["leaf_value"]), int(node.get("leaf_count", 1))
    sides: Sequence[tuple[float, int]] = (_mean(node["left_child"]), _mean(node["right_child"]))
    rows = sum(count for _, count in sides)
    return sum(value * count for value, count in sides) / rows, rows

"""Regression trees as data: checked, compiled to plain Python, and read for what each feature added.

A sum of trees is compiled to one function of nested conditional expressions: at 200 trees of 12 leaves that takes less
than half the time of walking lists. What is compiled is written from numbers that were checked, and from nothing else.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Final, TypeAlias

import msgspec

from fraudstream.detection.features.registry import Vector

MAX_TREES: Final = 1000
MAX_LEAVES: Final = 64
"""Leaves of one tree, at most."""
MAX_OUTPUT: Final = 1000.0
"""Largest leaf or mean, in log-odds: far more than any training gives, and no sum of them is infinite."""
MAX_SPLITS: Final = 20_000
"""Splits of all trees together, at most; compiling takes some 10 µs for each."""


class TreeError(ValueError):
    """Trees cannot be used; the message says which one, and why."""


class Tree(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """One regression tree. A split sends values up to its threshold to the left, and the first split is the root.

    A child is a split's number, or for a leaf minus one minus the leaf's number; a split's children come after it.
    """

    feature: tuple[Annotated[int, msgspec.Meta(ge=0)], ...]
    """By split: position in the model's list of features."""
    threshold: tuple[float, ...]
    """By split."""
    missing_left: tuple[bool, ...]
    """By split: a missing value goes to the left."""
    left: tuple[int, ...]
    right: tuple[int, ...]
    mean: tuple[float, ...]
    """By split: the mean of what the tree gives to the transactions that it learnt from and that come by."""
    leaf: tuple[float, ...]
    """By leaf: what the tree gives, in log-odds."""

    @property
    def root_mean(self) -> float:
        """What the tree gives before anything is known."""
        return self.mean[0] if self.mean else self.leaf[0]


def check(trees: Sequence[Tree], features: int) -> None:
    """Check that trees can be evaluated, in bounded time, on so many features.

    Raises:
        TreeError: they cannot.
    """
    if len(trees) > MAX_TREES:
        raise TreeError(f"{len(trees)} trees: at most {MAX_TREES} can be used")
    if sum(len(tree.feature) for tree in trees) > MAX_SPLITS:
        raise TreeError(f"more than {MAX_SPLITS} splits in all trees together")
    for number, tree in enumerate(trees):
        problem = _problem(tree, features)
        if problem:
            raise TreeError(f"tree {number}: {problem}")


def _problem(tree: Tree, features: int) -> str | None:
    splits, leaves = len(tree.feature), len(tree.leaf)
    if leaves > MAX_LEAVES:
        return f"{leaves} leaves: at most {MAX_LEAVES} can be used"
    if {len(tree.threshold), len(tree.missing_left), len(tree.left), len(tree.right), len(tree.mean)} != {splits}:
        return "its lists of splits differ in length"
    if leaves != splits + 1:
        return f"{splits} splits need {splits + 1} leaves, and there are {leaves}"
    if not all(math.isfinite(number) for number in (*tree.threshold, *tree.mean, *tree.leaf)):
        return "a threshold, mean or leaf is no finite number"
    if any(abs(number) > MAX_OUTPUT for number in (*tree.mean, *tree.leaf)):
        return f"a mean or leaf is beyond {MAX_OUTPUT:.0f} log-odds"
    if any(feature >= features for feature in tree.feature):
        return f"a split is on a feature that the model does not list: it lists {features}"
    # Children after their parents: so there is no cycle. Each one once: so there is one way to everything.
    if any(0 <= child <= split for side in (tree.left, tree.right) for split, child in enumerate(side)):
        return "a split leads back to one before it"
    if sorted((*tree.left, *tree.right)) != [*range(-leaves, 0), *range(1, splits)]:
        return "each of its leaves and splits must be the child of exactly one split"
    return None


def compiled(trees: Sequence[Tree], positions: Sequence[int]) -> Callable[[Vector], float]:
    """Compile checked trees into one function of a feature vector, which gives their sum.

    It adds in the order of the trees, as LightGBM does, and so comes out the same to the last bit.

    Args:
        trees: what `check` has accepted.
        positions: the index in the vector of each of the model's features.
    """
    used = sorted({feature for tree in trees for feature in tree.feature})
    lines = ["def total(vector):"]
    for feature in used:
        lines += [f" x{feature} = vector[{positions[feature]}]", f" if x{feature} is None: x{feature} = missing"]
    lines += [" total = 0.0", *(f" total += {_expression(tree)}" for tree in trees), " return total"]
    names: dict[str, Callable[[Vector], float]] = {}
    # No builtins, and no text in it but the names and numbers above.
    exec(compile("\n".join(lines), "<model>", "exec"), {"__builtins__": {}, "missing": math.nan}, names)  # noqa: S102  (said above)
    return names["total"]


def _expression(tree: Tree) -> str:
    if not tree.feature:
        return repr(tree.leaf[0])
    parts: dict[int, str] = {-1 - number: repr(value) for number, value in enumerate(tree.leaf)}
    for split in reversed(range(len(tree.feature))):
        left, right = parts.pop(tree.left[split]), parts.pop(tree.right[split])
        value, threshold = f"x{tree.feature[split]}", repr(tree.threshold[split])
        # Any comparison with a missing value (NaN) is false, so it goes where `else` leads.
        if tree.missing_left[split]:
            parts[split] = f"({right} if {value} > {threshold} else {left})"
        else:
            parts[split] = f"({left} if {value} <= {threshold} else {right})"
    return parts[0]


def explainer(trees: Sequence[Tree], positions: Sequence[int]) -> Callable[[Vector], Mapping[int, float]]:
    """Return a function of a feature vector that gives what each feature added to the sum of checked trees.

    Features are named by their positions in the model's list. On its way through a tree, a transaction's expected
    outcome changes from one split's mean to the next one's; each change is put to the feature that was asked. Together
    with the roots' means they add up to the sum of the trees.
    """
    roots = [_node(tree, 0) for tree in trees if tree.feature]

    def explain(vector: Vector) -> Mapping[int, float]:
        values = [vector[position] for position in positions]
        contributions: defaultdict[int, float] = defaultdict(float)
        for root in roots:
            node: _Node | None = root
            while node:
                feature, threshold, left, right, missing = node
                value = values[feature]
                change, node, _ = missing if value is None else left if value <= threshold else right
                contributions[feature] += change
        return contributions

    return explain


def walked(trees: Sequence[Tree], positions: Sequence[int]) -> Callable[[Vector], float]:
    """Return the function that `compiled` gives, to the last bit, without compiling it: for whoever needs it seldom.

    It takes some four times as long, and compiling as long as some hundred walks.
    """
    roots = [(_node(tree, 0) if tree.feature else None, tree.root_mean) for tree in trees]

    def total(vector: Vector) -> float:
        values = [vector[position] for position in positions]
        total = 0.0
        for root, start in roots:
            node, reached = root, start
            while node:
                feature, threshold, left, right, missing = node
                value = values[feature]
                _, node, reached = missing if value is None else left if value <= threshold else right
            total += reached
        return total

    return total


_Node: TypeAlias = "tuple[int, float, _Way, _Way, _Way]"
"""A split: its feature and threshold, and the ways of values up to it, of those beyond it, and of missing ones."""
_Way: TypeAlias = "tuple[float, _Node | None, float]"
"""How the mean changes on the way to a split or a leaf, the split, and the mean or what the leaf gives."""


def _node(tree: Tree, split: int) -> _Node:
    left, right = (_way(tree, split, child) for child in (tree.left[split], tree.right[split]))
    return tree.feature[split], tree.threshold[split], left, right, left if tree.missing_left[split] else right


def _way(tree: Tree, split: int, child: int) -> _Way:
    reached = tree.mean[child] if child >= 0 else tree.leaf[-1 - child]
    return reached - tree.mean[split], _node(tree, child) if child >= 0 else None, reached

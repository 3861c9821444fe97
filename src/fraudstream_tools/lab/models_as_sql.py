"""A model's trees as SQL over the decision log's feature columns."""

from collections.abc import Mapping

from fraudstream.detection.features.named_values import INPUT_COLUMNS
from fraudstream.detection.models.model import ModelFile
from fraudstream.detection.models.trees import Tree
from fraudstream.detection.rules.language.sql import literal


def raw_sum(model: ModelFile, names: Mapping[str, str] = INPUT_COLUMNS) -> str:
    """Return the sum of a checked model's trees, in their order, as SQL: what `Model.raw` gives.

    Args:
        model: a model's file.
        names: of its features' columns; short ones make a short statement.
    """
    columns = [names[name] for name in model.features]
    return f"({' + '.join(['0e0', *(_tree(tree, columns) for tree in model.trees)])})"


def _tree(tree: Tree, columns: list[str]) -> str:
    parts = {-1 - number: literal(value) for number, value in enumerate(tree.leaf)}
    for split in reversed(range(len(tree.feature))):
        left, right = parts.pop(tree.left[split]), parts.pop(tree.right[split])
        value, threshold = columns[tree.feature[split]], literal(tree.threshold[split])
        # A comparison with NULL is not true, so that a missing value goes where the last part leads. CASE would say the
        # same in more than twice the room, and a statement has a longest length.
        if tree.missing_left[split]:
            parts[split] = f"if({value}>{threshold},{right},{left})"
        else:
            parts[split] = f"if({value}<={threshold},{left},{right})"
    return parts[0] if tree.feature else literal(tree.leaf[0])

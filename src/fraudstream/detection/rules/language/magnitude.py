"""How large a calculation can become: what tells whether it could pass the largest number that there is.

Features are stored in single precision and literals are bounded, so that calculations as people write them stay far
below it. One that could pass it is unknown when it does, in Python as in SQL.
"""

import ast
import sys
from collections.abc import Mapping
from typing import Final, NamedTuple

LARGEST: Final = sys.float_info.max
_LARGEST_FEATURE: Final = 3.5e38
_SMALLEST_FEATURE: Final = 1e-45
"""Other than 0."""


class Magnitude(NamedTuple):
    """Bounds of a number's absolute value."""

    most: float
    least: float
    """Where it is not 0; 0 if nothing is known."""

    @property
    def is_finite(self) -> bool:
        """Whether it cannot pass the largest number."""
        return self.most < LARGEST


def magnitude_of(node: ast.expr, parameters: Mapping[str, object]) -> Magnitude:
    """Return the bounds of a number of a checked expression.

    Args:
        node: a part as it was written.
        parameters: the rule's.
    """
    match node:
        case ast.Constant(value=int() | float() as value):
            return Magnitude(abs(value), abs(value))
        case ast.Name(id=name):
            value = parameters.get(name)
            if isinstance(value, int | float):
                return Magnitude(abs(value), abs(value))
            return Magnitude(_LARGEST_FEATURE, _SMALLEST_FEATURE)
        case ast.UnaryOp():
            return magnitude_of(node.operand, parameters)
        case ast.BinOp():
            left, right = (_known(magnitude_of(each, parameters)) for each in (node.left, node.right))
            return _calculated(node.op, left, right)
        case ast.Call():
            parts = [_known(magnitude_of(each, parameters)) for each in node.args]
            return Magnitude(max(each.most for each in parts), min(each.least for each in parts))
        case _:
            return Magnitude(LARGEST, 0.0)


def _known(part: Magnitude) -> Magnitude:
    # What passes it is unknown, and goes no further.
    return part if part.is_finite else Magnitude(LARGEST, part.least)


def _calculated(operator: ast.operator, left: Magnitude, right: Magnitude) -> Magnitude:
    match operator:
        case ast.Mult():
            return Magnitude(left.most * right.most, left.least * right.least)
        case ast.Div():
            most = left.most / right.least if right.least else LARGEST
            return Magnitude(most, left.least / right.most if right.most else 0.0)
        case _:
            return Magnitude(left.most + right.most, 0.0)

"""What may lie between the groups of a card number's digits.

Anything but letters may. Letters between digits are also what hexadecimal and base64 ids are made of, so that they
count only where the groups are regular, or the letters are few or none that a hexadecimal id has.
"""

import re
from collections.abc import Sequence
from typing import Final

LONGEST_SEPARATOR: Final = 4

_HEX_GAP: Final = re.compile("[0-9A-Fa-f:-]*")
_HEX_LETTER: Final = re.compile("[A-Fa-f]")
_PRINTED_IN_THREE: Final = frozenset({(4, 6, 5), (4, 6, 4), (4, 4, 4)})  # as cards show them, besides fours
_PRINTED: Final = _PRINTED_IN_THREE | {(6, 13), (6, 10)}
_LARGEST_EQUAL: Final = 8
_FEW_LETTERS: Final = 3
_FEWEST_IN_HEX_ID: Final = 4


def may_join(sizes: Sequence[int], gaps: Sequence[str], around: tuple[str, str], *, in_hex_id: bool) -> bool:
    """Return whether groups of digits may be one number.

    Args:
        sizes: how many digits each group has.
        gaps: the text between one group and the next, one fewer than the groups.
        around: the character before the first group and the one behind the last, or "".
        in_hex_id: the groups stand in a long hexadecimal id.
    """
    letters = [gap for gap in gaps if any(character.isalpha() for character in gap)]
    if not letters:
        return True
    if in_hex_id:
        # Fewer groups of regular sizes come about by chance too often.
        return tuple(sizes) in _PRINTED_IN_THREE or (len(sizes) >= _FEWEST_IN_HEX_ID and _are_regular(sizes))
    if _are_regular(sizes):
        return True
    of_hex = {gap for gap in letters if _HEX_GAP.fullmatch(gap)}
    others = sum(1 for gap in letters if gap not in of_hex)
    if len(of_hex) <= 1 + 2 * others:
        return True
    is_a_word = not any(_HEX_LETTER.fullmatch(character) for character in around)
    return is_a_word and sum(map(len, letters)) <= _FEW_LETTERS


def _are_regular(sizes: Sequence[int]) -> bool:
    first, *others = sizes
    equal = first <= _LARGEST_EQUAL and all(size == first for size in others[:-1]) and sizes[-1] <= first
    return equal or tuple(sizes) in _PRINTED

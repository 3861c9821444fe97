"""The text of an expression: what it may be made of, how large it may be, and its syntax tree."""

import ast
import re
import unicodedata
import warnings
from typing import Final

MAX_LENGTH: Final = 1000
"""Characters of an expression."""
MAX_NODES: Final = 300
MAX_DEPTH: Final = 24
MAX_TEXT: Final = 64
"""Characters of a text in quotes."""
MAX_NUMBER: Final = 1e12

_UNPLAIN = re.compile(r"[^\x20-\x7e]")
_SPACES = re.compile(r"[\t\n\r]")
_WHAT_IT_IS: Final = {
    "Attribute": "a dot after a name is",
    "Subscript": "an index in brackets is",
    "Lambda": "a lambda is",
    "IfExp": "a conditional expression is",
    "NamedExpr": "an assignment is",
    "Await": "await is",
    "Yield": "yield is",
    "YieldFrom": "yield is",
    "JoinedStr": "a formatted text is",
    "Starred": "a star is",
    "Dict": "a dictionary is",
    "ListComp": "a comprehension is",
    "SetComp": "a comprehension is",
    "DictComp": "a comprehension is",
    "GeneratorExp": "a comprehension is",
    "Tuple": "several values are (except after in)",
    "List": "several values are (except after in)",
    "Set": "several values are (except after in)",
    "Pow": "the operator ** is",
    "Mod": "the operator % is",
    "FloorDiv": "the operator // is",
    "MatMult": "the operator @ is",
    "LShift": "the operator << is",
    "RShift": "the operator >> is",
    "BitOr": "the operator | is (use or)",
    "BitAnd": "the operator & is (use and)",
    "BitXor": "the operator ^ is",
    "Invert": "the operator ~ is (use not)",
    "UAdd": "a plus sign before a value is",
    "Is": "the operator is (use present(field), or ==)",
    "IsNot": "the operator is (use present(field), or ==)",
}


class LanguageError(ValueError):
    """An expression is not one of the language; the message says where and what to do."""


def parsed(text: str) -> ast.expr:
    """Return the syntax tree of an expression that `checker.check` has accepted, as it was written."""
    return ast.parse(_SPACES.sub(" ", text).strip(), mode="eval").body


def names(text: str) -> set[str]:
    """Return the names of fields, parameters and functions in an expression that `checker.check` has accepted."""
    return {node.id for node in ast.walk(parsed(text)) if isinstance(node, ast.Name)}


def size(text: str) -> int:
    """Return the number of parts of an expression that `checker.check` has accepted."""
    return sum(1 for _ in ast.walk(parsed(text)))


def unusable(value: float | str) -> str:
    """Return why a value cannot be used in an expression or as a parameter; "" if it can."""
    if isinstance(value, str):
        if len(value) > MAX_TEXT:
            return f"a text is longer than {MAX_TEXT} characters"
        return f"{_character(unplain[0])} is no plain character" if (unplain := _UNPLAIN.search(value)) else ""
    return "" if abs(value) <= MAX_NUMBER else f"a number is greater than {MAX_NUMBER:.0f}"


def parse(text: str) -> ast.expr:
    """Parse an expression, whose size and depth are bounded before and after.

    Raises:
        LanguageError: it is no expression, too large or too deep, or not of plain characters.
    """
    if len(text) > MAX_LENGTH:
        raise LanguageError(f"it is longer than {MAX_LENGTH} characters: split it into several rules")
    plain = _SPACES.sub(" ", text).strip()
    if unplain := _UNPLAIN.search(plain):
        # Python would take some of them for letters that they only look like, and others for the letter meant.
        raise LanguageError(f"at character {unplain.start() + 1}: {_character(unplain[0])} is no plain character")
    if "\\" in plain:
        raise LanguageError("it has a backslash: texts are plain characters in quotes")
    if "#" in plain:
        # Its lines were joined: a comment would take all that follows away without a word.
        raise LanguageError("it has a #: describe the rule in its description")
    if _nesting(plain) > MAX_DEPTH:
        raise LanguageError("it is nested too deeply")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            body = ast.parse(plain, mode="eval").body
    except (SyntaxError, ValueError) as error:
        where = f" (character {error.offset})" if isinstance(error, SyntaxError) and error.offset else ""
        raise LanguageError(f"it cannot be read as an expression{where}") from None
    except (MemoryError, RecursionError):
        raise LanguageError("it is nested too deeply") from None
    if sum(1 for _ in ast.walk(body)) > MAX_NODES:
        raise LanguageError("it has too many parts: split it into several rules")
    return body


def _nesting(text: str) -> int:
    """Count how deeply brackets are nested at most, those in texts too: it bounds the work of the parser."""
    deepest = depth = 0
    for character in text:
        if character in "([{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in ")]}":
            depth -= 1
    return deepest


def _character(character: str) -> str:
    name = unicodedata.name(character, "").lower()
    return f"U+{ord(character):04X}" + (f" ({name})" if name else "")


def at(node: ast.expr) -> str:
    """Return the position of a part of an expression."""
    return f"at character {node.col_offset + 1}"


def refused(what: ast.AST, where: ast.expr) -> LanguageError:
    """Return the error for a part that is not of the language."""
    name = type(what).__name__
    return LanguageError(f"{at(where)}: {_WHAT_IT_IS.get(name, f'{name} is')} not part of the language")

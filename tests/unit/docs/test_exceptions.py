"""What sets a rule of ruff or pyright aside says why there, in one form."""

import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FOLDERS = ("src", "infra", "policy", "benchmarks", "proofs", "accessibility")
_SETS_ASIDE = re.compile(r"#\s*(?:noqa|type:|pyright:|pragma|ruff:)")
_RULES = r"(?:noqa: [A-Z]+\d+(?:, [A-Z]+\d+)*|pyright: ignore\[\w+(?:, \w+)*\])"
_WITH_REASON = re.compile(rf"# {_RULES}  \(\S.*\)")


def exceptions(module: str) -> Iterator[tuple[int, str]]:
    """Yield the line and the text of each comment that sets a rule aside."""
    for token in tokenize.generate_tokens(io.StringIO(module).readline):
        if token.type == tokenize.COMMENT and _SETS_ASIDE.search(token.string):
            yield token.start[0], token.string


@pytest.mark.parametrize("folder", FOLDERS)
def test_each_exception_from_a_rule_has_its_reason(folder: str) -> None:
    found = [
        (f"{path.relative_to(ROOT)}:{line}", comment)
        for path in sorted((ROOT / folder).rglob("*.py"))
        for line, comment in exceptions(path.read_text())
    ]
    assert [each for each in found if not _WITH_REASON.fullmatch(each[1])] == []


@pytest.mark.parametrize(
    "comment",
    [
        "# noqa",
        "# noqa: S101",
        "# noqa: S101 (one blank)",
        "# noqa: S101 - a dash",
        "# noqa: S101  ()",
        "# type: ignore[misc]  (no checker reads it)",
        "# pyright: ignore  (whatever it is)",
        "# pyright: basic",
        "# pragma: no cover",
    ],
)
def test_an_exception_of_another_form_is_found(comment: str) -> None:
    ((line, found),) = exceptions(f"assert 1  {comment}\n")
    assert (line, found) == (1, comment)
    assert not _WITH_REASON.fullmatch(found)


def test_a_reason_in_a_string_is_none() -> None:
    assert list(exceptions('text = "# noqa: S101"\n')) == []

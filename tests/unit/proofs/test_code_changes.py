"""The lines that experiments replace by faults are in the code, each once."""

from pathlib import Path

import pytest

from proofs.privacy.mutations import MUTATIONS as LEAKS
from proofs.requests.mutations import MUTATIONS as DIFFERENCES
from proofs.running.code_changes import CodeChange
from proofs.stack.mutations import CHANGES as OF_STACK

SOURCE = Path(__file__).parents[3] / "src/fraudstream"
CHANGES = [
    *(each.change for each in LEAKS.values() if each.change),
    *OF_STACK,
    *(change for each in DIFFERENCES.values() for change in each.changes),
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: f"{change.module}-{change.line.strip()[:30]}")
def test_a_line_that_is_replaced_is_there_once(change: CodeChange) -> None:
    assert (SOURCE / change.module).read_text(encoding="utf-8").count(change.line) == 1

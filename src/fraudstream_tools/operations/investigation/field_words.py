"""A transaction's fields as words, for people who read them."""

import re
from typing import Final

_WORD: Final = re.compile(r"(?<=[a-z])(?=[A-Z0-9])")
_SHORT: Final = {"id": "", "ip": "IP", "bin": "BIN", "last4": "last 4"}
SHOWN_ELSEWHERE: Final = frozenset(
    {
        *("transactionId", "amountMinor", "currency", "type", "timestamp", "receivedAt", "metadata"),
        *("status", "decision", "score", "reasons", "rulesetVersion", "modelVersion", "decidedAt"),
        *("decisionStage", "inlineDecision"),
        *("label", "labelSource", "labeledAt", "fraudType", "actionTaken", "actionAt"),
        *("learntLabel", "learntLabeledAt", "labelApprovedAt", "labelApprovedBy", "redrivenAt", "restoredAt"),
        *("unevaluableRules", "shadowHits", "shadowModel", "shadowScore", "listedAs"),
        *("probability", "explorationPropensity"),
    }
)
"""What is shown in its own place."""


def probability_words(probability: float) -> str:
    """Return a probability as a share of a hundred, with two digits: `4.2 %`."""
    if probability < 0.0001:  # noqa: PLR2004  (said in the text)
        return "under 0.01 %"
    return f"{float(f'{100 * probability:.2g}'):g} %"


def field_words(name: str) -> str:
    """Return a field's name as words: `merchantCategoryCode` is `merchant category code`, `customerId` `customer`."""
    words = [_SHORT.get(word.lower(), word.lower()) for word in _WORD.sub(" ", name).split()]
    return " ".join(filter(None, words)).removesuffix(" at").removesuffix(" token")

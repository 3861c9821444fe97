"""How a model's part in a decision is explained: by a reason code for each family of features."""

import re
from typing import Final

from fraudstream.detection.features.own import INPUTS
from fraudstream.detection.features.registry import Vector
from fraudstream.detection.models.model import Model
from fraudstream.transactions.decisions.decision import Reason

MOST_REASONS: Final = 3
LEAST_POINTS: Final = 0.1
"""Log-odds; less makes fraud hardly a tenth more likely, and is no reason."""

_FAMILIES: Final = (
    (r"Fraud", "MODEL_KNOWN_FRAUD"),
    (r"Decline", "MODEL_DECLINES"),
    (r"^travel|^cardTravel", "MODEL_TRAVEL"),
    (r"^customer((Device|Country|Payee)AgeHours|PayeePeak|(Devices|Payees)Known|Devices7d)", "MODEL_NEW_TO_CUSTOMER"),
    (r"^accountAge|^customer(Age|Idle)Days", "MODEL_ACCOUNT"),
    (r"^local|HourShare|^arrivalDelay", "MODEL_TIME"),
    (r"^amount|Amount|PeakRatio|RefundRatio|^refund|NearThreshold", "MODEL_AMOUNT"),
    (r"^customer", "MODEL_CUSTOMER_ACTIVITY"),
    (r"^card", "MODEL_CARD_ACTIVITY"),
    (r"^merchant", "MODEL_MERCHANT_ACTIVITY"),
    (r"^terminal", "MODEL_TERMINAL_ACTIVITY"),
    (r"^device", "MODEL_DEVICE_ACTIVITY"),
    (r"^ip", "MODEL_ADDRESS_ACTIVITY"),
    (r"^own", "MODEL_TRANSACTION"),
    (r"^counterparty", "MODEL_COUNTERPARTY_ACTIVITY"),
    (r"", "MODEL_OTHER"),
)
CODES: Final = {name: next(code for pattern, code in _FAMILIES if re.search(pattern, name)) for name in INPUTS}
"""Reason code by feature."""


def reasons(model: Model, vector: Vector) -> tuple[Reason, ...]:
    """Return the features that spoke most for fraud, strongest first, one of each family.

    Args:
        model: the model that took part in the decision.
        vector: what it judged.
    """
    by_code: dict[str, Reason] = {}
    added = model.contributions(vector)
    for name in sorted(added, key=lambda name: (-added[name], name)):
        points = round(model.file.weight * added[name], 2)
        if points < LEAST_POINTS or len(by_code) == MOST_REASONS:
            break
        by_code.setdefault(CODES[name], Reason(code=CODES[name], source=name, points=points))
    return tuple(by_code.values())

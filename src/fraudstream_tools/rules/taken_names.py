"""Names by which alerts, events and reports tell what no rule has said, so that no rule can have them."""

from typing import Final

MODEL: Final = "model"
"""What is among an alert's rules where a model took part."""
EXPLORATION: Final = "exploration"
"""What is among the rules of an alert that was drawn by chance."""
MODEL_CODES: Final = "MODEL_"
"""What the reason codes of models begin with."""

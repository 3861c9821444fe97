"""How long tests wait for what must come."""

from typing import Final

PATIENCE_SECONDS: Final = 120
"""Longer than any machine takes, however busy: whoever waits so long has waited for what does not come."""

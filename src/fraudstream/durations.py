"""Lengths of time in milliseconds, the unit of every time in fraudstream."""

from typing import Final

SECOND: Final = 1000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
SECONDS_A_DAY: Final = 86_400
"""DynamoDB's time to live counts seconds."""

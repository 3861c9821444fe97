"""The ruleset of the experiment: rules that count, and one that compares."""

from typing import Final

from fraudstream.detection.rules.ruleset import Ruleset, load

_RULES: Final = """
schemaVersion: 1
baseLogOdds: {base}
thresholds: {{review: 30, decline: 80}}
rules:
  - id: often
    description: often
    when: cardCount2h >= 3
    points: 2.5
    reasonCode: CARD_VELOCITY
    severity: low
    source: own
  - id: abroad
    description: abroad
    when: ipCountry != cardCountry
    points: 1.5
    reasonCode: COUNTRY_MISMATCH
    severity: low
    source: own
"""
_DECLINING: Final = b"""
  - id: too-often
    description: too often
    when: cardCount2h >= 6
    points: 4
    reasonCode: CARD_VELOCITY
    severity: low
    source: own
"""
_RATES: Final = b"{baseCurrency: EUR, rates: [{validFrom: 2026-01-01, perBase: {}}]}"


def ruleset_files(base: float) -> tuple[bytes, bytes, bytes]:
    """Return rules that only review, exchange rates and lists, with the log-odds that every transaction begins with."""
    return _RULES.format(base=base).encode(), _RATES, b"{blocked: {}}"


def ruleset(base: float) -> Ruleset:
    """Return the ruleset with the log-odds that every transaction begins with: each verdict occurs by it."""
    rules, rates, lists = ruleset_files(base)
    return load(rules + _DECLINING, rates, lists)

"""Which thresholds of probabilities a log proposes."""

"""Measurements of speed, memory and quality; each prints one line of JSON last."""

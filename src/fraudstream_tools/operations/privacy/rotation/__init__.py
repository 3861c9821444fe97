"""Rewrite every stored token with the newest token key."""

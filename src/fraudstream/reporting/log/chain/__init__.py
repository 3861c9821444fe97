"""What shows that nobody changed the decision log: keyed hashes over segments and merged hours."""

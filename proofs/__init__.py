"""The promises of docs/guarantees.md as experiments that anyone can run."""

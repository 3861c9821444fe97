"""The write protocol as a small model, of which every state is looked at: docs/protocol.md says what is in it."""

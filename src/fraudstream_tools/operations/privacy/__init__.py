"""What operators do about persons: erase them, hold them, and give all tokens a new number."""

"""The one reader of the decision log: whatever state its files are in, each decision once with its newest label."""

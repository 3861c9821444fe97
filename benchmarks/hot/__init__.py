"""Many writers of one entity, in simulated time."""

"""Nothing lost, nothing doubled: the functions' own code on tables in memory, behind a network that fails."""

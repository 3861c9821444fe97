"""A deployed system on this machine, which experiments talk to, look into, and put faults back into."""

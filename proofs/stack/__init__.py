"""The deployed system under faults: the real functions in their own processes, and a proxy in front of AWS."""

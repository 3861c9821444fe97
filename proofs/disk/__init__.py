"""A disk that is full while the log is merged and a report is made: nothing is lost of either."""

"""Personal values and card numbers are put wherever they can be put, and then looked for wherever something is kept."""

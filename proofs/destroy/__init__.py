"""The experiment with what is left after a stack was destroyed."""

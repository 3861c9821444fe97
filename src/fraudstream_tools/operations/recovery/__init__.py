"""Bringing back what was lost: items of a table, profiles, objects of the bucket."""

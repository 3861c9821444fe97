"""Erase everything that is stored of one person, and keep a receipt of what was done."""

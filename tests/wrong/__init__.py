"""Deliberately wrong siblings: each law of the suite must catch one of them."""

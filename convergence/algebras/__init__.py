"""Formulas evaluated in kinds of numbers other than arrays: exact, enclosed, or by sign."""

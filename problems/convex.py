"""Convex functions that theorems and counterexamples speak of."""

from __future__ import annotations

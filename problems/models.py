"""Small non-convex models: factorisations, phase retrieval, networks, robust regression."""

from __future__ import annotations

"""Functions with saddle points."""

from __future__ import annotations

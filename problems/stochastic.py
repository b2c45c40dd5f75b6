"""Stochastic problems whose noise is known exactly."""

from __future__ import annotations

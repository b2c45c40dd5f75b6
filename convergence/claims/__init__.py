"""Published theorems as claims: `online`, `convex`, `nonconvex`, and `failures`."""

from convergence.claim import catalogue, find
from convergence.claims import adaptive, convex, descent, failures, nonconvex, online, stochastic
from convergence.verdict import judge

__all__ = ["catalogue", "convex", "failures", "find", "judge", "nonconvex", "online"]

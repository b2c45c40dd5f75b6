"""Published theorems as claims: `online`, `convex`, `nonconvex`, and `failures`."""

from convergence.claim import catalogue, find, judge
from convergence.claims import convex, failures, nonconvex, online

__all__ = ["catalogue", "convex", "failures", "find", "judge", "nonconvex", "online"]

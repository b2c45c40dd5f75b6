"""Published theorems as claims.

`online` (regret), `convex`, `descent` and `nonconvex` (exact gradients), `stochastic`, `adaptive`
(step lengths, adaptive and sign methods), `failures` (what is false, and what methods fail).
"""

from convergence.claim import catalogue, find
from convergence.claims import adaptive, convex, descent, failures, nonconvex, online, stochastic
from convergence.verdict import judge

__all__ = [
    "adaptive",
    "catalogue",
    "convex",
    "descent",
    "failures",
    "find",
    "judge",
    "nonconvex",
    "online",
    "stochastic",
]

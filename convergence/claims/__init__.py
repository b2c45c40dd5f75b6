"""Published theorems as claims.

`online` (regret), `convex`, `descent` and `nonconvex` (exact gradients), `momentum` (acceleration
and averaging), `stochastic`, `adaptive` (step lengths, adaptive and sign methods), `identities`,
`exactness` (methods as they are printed), `recent` (theorems since 2017), `normalized` (steps of a
length of their own), `failures` (what is false, and what methods fail).
"""

from typing import TYPE_CHECKING, Any

from convergence.claim import catalogue, find
from convergence.claims import (
    adaptive,
    convex,
    descent,
    exactness,
    failures,
    identities,
    limits,
    momentum,
    nonconvex,
    normalized,
    online,
    recent,
    stochastic,
)

__all__ = [
    "adaptive",
    "catalogue",
    "convex",
    "descent",
    "exactness",
    "failures",
    "find",
    "identities",
    "judge",
    "limits",
    "momentum",
    "nonconvex",
    "normalized",
    "online",
    "recent",
    "stochastic",
]

if TYPE_CHECKING:
    from convergence.judges import judge


def __getattr__(name: str) -> Any:
    if name != "judge":
        raise AttributeError(f"module 'convergence.claims' has no attribute {name!r}")
    # It brings statistics along, for which a listing should not wait.
    from convergence.judges import judge

    return judge

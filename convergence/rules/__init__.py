"""Update rules by family: `gradient` (descent and momentum) and `adaptive`."""

from convergence.rule import catalogue, find
from convergence.rules import adaptive, gradient

__all__ = ["adaptive", "catalogue", "find", "gradient"]

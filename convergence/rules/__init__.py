"""Update rules by family: `gradient` (descent and momentum), `adaptive` and `sign`."""

from convergence.rule import catalogue, find
from convergence.rules import adaptive, gradient, sign

__all__ = ["adaptive", "catalogue", "find", "gradient", "sign"]

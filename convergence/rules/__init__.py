"""Update rules by family.

`gradient` (descent and momentum), `averaging` (acceleration and averaging), `adaptive` and `sign`.
"""

from convergence.rule import catalogue, find
from convergence.rules import adaptive, averaging, gradient, sign

__all__ = ["adaptive", "averaging", "catalogue", "find", "gradient", "sign"]

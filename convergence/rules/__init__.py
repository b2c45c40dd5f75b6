"""Update rules by family.

`gradient` (descent and momentum), `normalized` (steps with a length of their own), `averaging`
(acceleration and averaging), `adaptive`, `sign`, and `matrix` (rules that see blocks of the iterate
as matrices).
"""

from convergence.rule import catalogue, find
from convergence.rules import adaptive, averaging, gradient, matrix, normalized, sign

__all__ = ["adaptive", "averaging", "catalogue", "find", "gradient", "matrix", "normalized", "sign"]

"""The catalogue of problems; it knows no optimizer.

Families, one file each: `online` and `streams` (judged by regret, on an interval and in several
dimensions), `quadratic`, `convex`, `attained` (where newer bounds are attained), `stochastic`,
`data` (regression on data), `nonconvex` (classical landscapes), `saddles`, `models`, `matrices`.
`find("key:name=value")` builds a problem, `catalogue` lists them, `from_function` makes one of your
own, `problems.laws.check` tests what it states.
"""

from problems import (
    attained,
    convex,
    data,
    matrices,
    models,
    more_garbow_hillstrom,
    nonconvex,
    online,
    quadratic,
    saddles,
    stochastic,
    streams,
)
from problems.domain import Ball, Box, Simplex, WholeSpace
from problems.notation import InputError
from problems.own import find, from_function
from problems.problem import (
    CONSTANTS,
    TAGS,
    Constant,
    Deferred,
    Outcomes,
    Problem,
    Stationary,
    catalogue,
    derived,
    exact,
    problem,
    split,
)
from problems.references import Reference, reference, references

__all__ = [
    "CONSTANTS",
    "TAGS",
    "Ball",
    "Box",
    "Constant",
    "Deferred",
    "InputError",
    "Outcomes",
    "Problem",
    "Reference",
    "Simplex",
    "Stationary",
    "WholeSpace",
    "attained",
    "catalogue",
    "convex",
    "data",
    "derived",
    "exact",
    "find",
    "from_function",
    "matrices",
    "models",
    "more_garbow_hillstrom",
    "nonconvex",
    "online",
    "problem",
    "quadratic",
    "reference",
    "references",
    "saddles",
    "split",
    "stochastic",
    "streams",
]

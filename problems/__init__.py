"""The catalogue of problems; it knows no optimizer.

Families, one file each: `online` (judged by regret), `quadratic`, `nonconvex`, `data`
(regression on real data). `find("key:name=value")` builds a problem, `catalogue` lists them.
"""

from problems import data, nonconvex, online, quadratic
from problems.domain import Ball, Box, Simplex, WholeSpace
from problems.notation import InputError
from problems.problem import CONSTANTS, Constant, Problem, catalogue, exact, find, problem
from problems.references import Reference, reference, references

__all__ = [
    "CONSTANTS",
    "Ball",
    "Box",
    "Constant",
    "InputError",
    "Problem",
    "Reference",
    "Simplex",
    "WholeSpace",
    "catalogue",
    "data",
    "exact",
    "find",
    "nonconvex",
    "online",
    "problem",
    "quadratic",
    "reference",
    "references",
]

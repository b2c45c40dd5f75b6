"""The problems that the laws are run on: every entry as it is by default, and variants."""

import inspect
from pathlib import Path

import problems
from problems.notation import format_specification

TINY = str(Path(__file__).parent / "fixtures" / "tiny.svm")
TINY_CSV = str(Path(__file__).parent / "fixtures" / "tiny.csv")


def with_path(key, path, **settings):
    return format_specification(key, {"path": path, **settings})


VARIANTS = (
    "periodic-linear:slopes=[4,-2,0,-3.5,1],domain=[-2,3],start=1",
    "periodic-linear:slopes=[2,-1,-1]",
    "reddi-2018-thm1:C=2",
    "reddi-2018-thm1:C=5,start=0.5",
    "periodic-hinge:slopes=[-4,1,2.5,-1],start=2",
    "quadratic:kappa=1,dimension=1,L=2",
    "quadratic:kappa=10,dimension=5,L=3",
    "rosenbrock:dimension=5",
    "breast-cancer-logistic:batch=16",
    "digits-softmax:ridge=0.1,batch=8",
    with_path("svmlight-logistic", TINY, ridge=0.05),
    with_path("svmlight-logistic", TINY, ridge=0.05, batch=4),
)


def buildable():
    """Entries that need no parameter."""
    return [
        entry
        for entry in problems.catalogue
        if inspect.Parameter.empty not in entry.parameters.values()
    ]


SPECIFICATIONS = (*(entry.key for entry in buildable()), *VARIANTS)

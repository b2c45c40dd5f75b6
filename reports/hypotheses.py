"""The hypotheses of all claims as a page: what tests each, and what the test looks at."""

from __future__ import annotations

import sys

from convergence.claims import catalogue
from reports.markdown import escaped, table

__all__ = ["GUARANTEED", "page"]

_INTRODUCTION = """\
# The hypotheses of the claims

A claim is judged where its hypotheses hold; elsewhere it is *not applicable*, and the verdict names
the first that fails. They are tested in the order of these tables. *Tested by* names the function,
or the one that makes it, in `convergence.claims.assumptions` or beside the claim.

Of the method a test looks at its rule. Where that fails, it looks at every other rule of the
catalogue that is the same method with these settings, by its formulas
(`convergence.capability.views`): gradient descent is a heavy ball without momentum. An optimizer
that does not say what it is meets no hypothesis about the method.

Besides, the figure that is bounded must have a value, such as a suboptimality where the minimum is
known (`Measure.unavailable`). What a problem states is held against its proof by the tests of the
catalogue, and against each run by the judges (`convergence.judges.labels`).

This page is written by `convergence catalogue`.
"""

#: What no claim need test, and what sees to it.
GUARANTEED = (
    ("The start lies in the domain, and is finite.", "`Problem`"),
    (
        "mu_min <= mu <= mu_pl <= L <= L_max, G_inf <= G, and none of the constants is negative.",
        "`Problem`",
    ),
    (
        "Domains are closed and convex, and the nearest point is taken.",
        "`problems.domain`; of a class of one's own its author",
    ),
    (
        "0 <= beta1 < 1, 0 <= beta2 < 1, 0 <= beta1_decay <= 1: a beta1_t never rises; eps, the "
        "accumulator's first value and the weight of decay are not negative.",
        "`convergence.rule.SETTINGS`",
    ),
    ("Moments, velocities and AMSGrad's maximum start at 0.", "the decorators of the rules"),
    ("Step sizes are positive.", "`convergence.schedule`"),
    ("The first iterate is the start, and x_0 = x_1 where a method asks for x_0.", "`run`"),
)


def page() -> str:
    """The whole page, in Markdown."""
    lines = [_INTRODUCTION, "## Guaranteed by the notation", ""]
    lines += table(("hypothesis", "by"), ((escaped(text), by) for text, by in GUARANTEED))
    family = ""
    for entry in catalogue:
        module = sys.modules[entry.function.__module__]
        if module.__name__ != family:
            family = module.__name__
            heading = family.rpartition(".")[2].capitalize()
            lines += [f"## {heading}", "", str(module.__doc__).splitlines()[0], ""]
        lines += [f"### `{entry.key}`", "", escaped(entry.title) + ".", ""]
        rows = [(escaped(what), f"`{by}`", looks_at) for what, by, looks_at in entry().hypotheses]
        lines += table(("hypothesis", "tested by", "looks at"), rows)
    return "\n".join(lines).rstrip() + "\n"

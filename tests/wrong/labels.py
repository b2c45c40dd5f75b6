"""The same problem with one label made false, for every label that it states."""

from dataclasses import replace

import numpy as np

from problems.problem import Constant, Stationary

SWAPPED = {
    "convex": "non-convex",
    "convex-on-average": "non-convex",
    "non-convex": "convex-on-average",
    "smooth": "non-smooth",
    "non-smooth": "smooth",
}
UPPER = ("L", "L_max", "L_spectral", "G", "G_inf")
LOWER = ("mu", "mu_pl", "mu_min")


# What would contradict a false constant before any law could be asked.
CONTRADICTING = {
    "L": ("mu", "mu_pl", "mu_min", "L_max"),
    "L_max": ("L",),
    "L_spectral": ("L",),
    "mu": ("mu_pl", "mu_min", "L"),
    "mu_pl": ("mu", "mu_min", "L"),
    "mu_min": ("mu",),
    "G": ("G_inf",),
}


def stating(problem, letter, value):
    """The same problem stating another value of a constant."""
    true = problem.constants[letter]
    dropped = (letter, *CONTRADICTING.get(letter, ()))
    others = {name: problem.constants[name] for name in problem.constants if name not in dropped}
    wrong = Constant(value, true.known, true.how, true.tolerance, true.at)
    return replace(problem, constants={**others, letter: wrong})


def tagged(problem, tag, instead_of):
    """The same problem with another tag in the place of one."""
    tags = [tag if old == instead_of else old for old in problem.tags]
    return replace(problem, tags=tuple(tags))


def bent(problem):
    """A slightly curved loss in the place of a linear one."""
    centre = problem.start[0] if problem.scalar else problem.start
    loss, gradient = problem.loss_formula, problem.gradient_formula

    def more(x):
        square = 0.01 * (x - centre) ** 2
        return square if problem.scalar else square.sum(axis=-1)

    return replace(
        problem,
        loss_formula=lambda x, sample: loss(x, sample) + more(x),
        gradient_formula=lambda x, sample: gradient(x, sample) + 0.02 * (x - centre),
        objective_formula=problem.objective_formula
        and (lambda x: problem.objective_formula(x) + more(x)),
        objective_gradient_formula=problem.objective_gradient_formula
        and (lambda x: problem.objective_gradient_formula(x) + 0.02 * (x - centre)),
    )


def cubic(problem):
    """A third power on top of the losses."""
    loss, gradient = problem.loss_formula, problem.gradient_formula
    objective, slope = problem.objective_formula, problem.objective_gradient_formula

    def more(x):
        return 0.01 * x**3 if problem.scalar else 0.01 * (x**3).sum(axis=-1)

    return replace(
        problem,
        loss_formula=lambda x, sample: loss(x, sample) + more(x),
        gradient_formula=lambda x, sample: gradient(x, sample) + 0.03 * x**2,
        objective_formula=objective and (lambda x: objective(x) + more(x)),
        objective_gradient_formula=slope and (lambda x: slope(x) + 0.03 * x**2),
    )


def tilted(problem):
    """Outcomes of which the rarest takes a twentieth of the probability of all."""
    known = problem.outcomes()
    rarest = np.arange(known.probabilities.size) == known.probabilities.argmin()
    return replace(known, probabilities=0.95 * known.probabilities + 0.05 * rarest)


def false_labels(problem, report):
    """Yield (label, what was done, function without arguments that makes the problem).

    Constants called exact or computed are moved by 5 %, derived ones to 5 % beyond what was
    measured.
    """
    for letter in problem.constants:
        constant = problem.constants[letter]
        value = constant.value
        if letter in UPPER + LOWER:
            factor = 0.95 if letter in UPPER else 1.05
            measured = report[letter].measured
            base = value if constant.known != "derived" else measured
            if base == 0:
                if letter == "L":
                    yield "L", "a bent loss", lambda: bent(problem)
                continue
            yield letter, f"times {factor}", _stating(problem, letter, factor * base)
        elif letter == "minimum":
            if problem.has_objective:
                # Beyond the rounding of a function that is large at its start.
                size = 1e-6 * (1 + abs(float(value))) + 4 * constant.tolerance
                size += 2.0**-42 * float(abs(problem.objective(problem.start)))
                yield "minimum", "raised", _stating(problem, letter, float(value) + size)
                if "minimizer" in problem.constants:
                    yield "minimum", "lowered", _stating(problem, letter, float(value) - size)
        elif letter == "minimizer":
            if problem.has_objective or not problem.stochastic:
                moved = problem.domain.project(np.asarray(value, float) + 0.03)
                if np.array_equal(moved, value):
                    moved = problem.domain.project(np.asarray(value, float) - 0.03)
                if abs(moved - value).max() > 1e-3:
                    yield "minimizer", "moved", _stating(problem, letter, moved)
        elif letter in ("sigma2", "M_G"):
            if not problem.has_objective:
                continue
            base = value if constant.known != "derived" else report[letter].measured
            # Where M alone holds the second moment, M_G may be anything.
            if base > 0:
                yield letter, "times 0.95", _stating(problem, letter, 0.95 * base)
        elif letter == "M":
            if constant.known != "derived" and value > 0:
                yield letter, "times 0.95", _stating(problem, letter, 0.95 * value)
        elif letter == "nonzeros":
            yield letter, "one less", _stating(problem, letter, report[letter].measured - 1)
    for tag, other in SWAPPED.items():
        if tag in problem.tags:
            yield other, f"{other} for {tag}", lambda o=other, t=tag: tagged(problem, o, t)
    for index, point in enumerate(problem.stationary):
        others = list(problem.stationary)
        moved = np.asarray(point.point, float) + 0.01 * (1 + abs(np.asarray(point.point)))
        others[index] = Stationary(moved, point.kind, point.how, point.curvature, point.tolerance)
        yield "stationary", f"{index} moved", lambda o=tuple(others): replace(problem, stationary=o)
        opposite = {"saddle": "local minimum", "maximum": "local minimum"}
        others[index] = Stationary(
            point.point, opposite.get(point.kind, "maximum"), "", None, point.tolerance
        )
        yield (
            "stationary",
            f"{index} of another kind",
            lambda o=tuple(others): replace(problem, stationary=o),
        )
    if problem.hindsight_formula is not None:
        hindsight = problem.hindsight_formula
        for name, shift in (("raised", 1.0), ("lowered", -1.0)):
            yield (
                "hindsight",
                name,
                lambda s=shift: replace(
                    problem,
                    hindsight_formula=lambda rounds, seeds: (
                        hindsight(rounds, seeds) + s * (1e-3 + 1e-3 * abs(hindsight(rounds, seeds)))
                    ),
                ),
            )
    if problem.affine:
        yield "affine", "a third power more", lambda: cubic(problem)
    if "linear" in problem.tags:
        yield "linear", "a bent loss", lambda: bent(problem)
    if problem.stochastic and problem.outcomes and problem.outcomes().probabilities.size > 1:
        wrong = tilted(problem)
        yield "outcomes", "tilted", lambda: replace(problem, outcomes=lambda: wrong)
    if problem.noise_variance is not None:
        variance = 1.05 * problem.noise_variance
        yield "noise_variance", "larger", lambda: replace(problem, noise_variance=variance)
    yield "gradient", "off by a thousandth", lambda: steeper(problem)
    if problem.stochastic and problem.has_objective:
        yield "unbiased", "shifted", lambda: biased(problem)


def _stating(problem, letter, value):
    return lambda: stating(problem, letter, value)


def steeper(problem):
    """Gradients that are off by a thousandth."""
    exact = problem.objective_gradient_formula
    return replace(
        problem,
        gradient_formula=lambda x, sample: 1.001 * problem.gradient_formula(x, sample),
        objective_gradient_formula=exact and (lambda x: 1.001 * exact(x)),
    )


def biased(problem):
    """A stochastic gradient that is shifted by a share of its size at the start."""
    size = np.sqrt((problem.objective_gradient(problem.start) ** 2).sum()) + 1.0
    # The mean of draws without a variance is known less well.
    size *= 1.0 if "sigma2" in problem.unknown else 0.1
    return replace(
        problem,
        gradient_formula=lambda x, sample: problem.gradient_formula(x, sample) + size,
    )

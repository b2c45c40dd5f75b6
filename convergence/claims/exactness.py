"""Methods as they are printed: in sums over all gradients, in points alone, in their first step.

A bound only sees what makes a method worse than it says. These claims see every change: each sets
a run beside what a paper's formula gives when it is worked out another way than the rule does it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy import sqrt
from numpy.typing import NDArray

from convergence import rules, schedule
from convergence.claim import Assumption, claim
from convergence.claims.assumptions import (
    constant_step,
    exact_gradients,
    step_size,
    the_problem,
)
from convergence.experiment import Experiment

__all__ = [
    "coupled_decay_is_a_penalty",
    "matrix_methods_first_step",
    "methods_in_sums",
    "momentum_in_points",
]

Array = NDArray[np.float64]

# Sums over all rounds before are written out for no more rounds.
_LONGEST = 1_000


def _step_sizes(experiment: Experiment) -> Array:
    rounds = np.arange(1, experiment.steps + 1)
    return experiment.schedule.step_sizes(rounds, experiment.problem, experiment.steps)


def _moved_by(experiment: Experiment, displacements: Array, shares: Array) -> Experiment:
    """A run that in round t moves by -displacements[t-1] - shares[t-1] x, then projects.

    Args:
        experiment: Where it starts, and the domain.
        displacements: Shape (rounds, n).
        shares: Shape (rounds,).
    """
    moving = replace(
        experiment.problem,
        scalar=False,
        loss_formula=lambda x, k: 0.0 * x.sum(axis=-1),
        gradient_formula=lambda x, k: displacements[k] + shares[k] * x,
        samples=lambda rounds, seeds: rounds - 1,
    )
    by = rules.find("gradient-descent"), schedule.find("constant:alpha=1")
    # On a line all projections are the same.
    return experiment.changed(
        problem=moving, optimizer=by[0], schedule=by[1], projection="euclidean"
    )


def _short(experiment: Experiment) -> str:
    return "" if experiment.steps <= _LONGEST else f"the run has {experiment.steps} rounds"


# Sums over the gradients of all rounds

_DECOUPLED = ("adafactor", "adam-mini", "lion", "muon", "normalized-momentum")


def _lags(g: Array) -> tuple[Array, Array]:
    """Rounds t = 1..T, and t - s for all rounds t (rows) and s (columns)."""
    t = np.arange(1.0, g.size + 1)
    return t, t[:, None] - t


def _sum(beta: float, g: Array) -> Array:
    """sum_{s<=t} beta**(t-s) g_s, for each t."""
    _, lag = _lags(g)
    return np.where(lag < 0, 0.0, beta ** abs(lag)) @ g


def _mean(beta: float, g: Array) -> Array:
    return (1 - beta) * _sum(beta, g)


def _first(g: Array, s: Mapping[str, Any]) -> Array:
    """sum_{s<=t} (1 - b_s) b_{s+1} ... b_t g_s with b_t = beta1 lam**(t-1)."""
    lam = s.get("beta1_decay", 1.0)
    t, lag = _lags(g)
    exponents = (t * (t - 1) / 2)[:, None] - t * (t - 1) / 2
    weights = np.where(lag < 0, 0.0, s["beta1"] ** abs(lag) * lam ** abs(exponents))
    return weights @ ((1 - s["beta1"] * lam ** (t - 1)) * g)


def _corrected(moment: Array, beta: float, wanted: bool = True) -> Array:
    t = np.arange(1.0, moment.size + 1)
    return moment / (1 - beta**t) if wanted else moment


def _over(numerator: Array, v: Array, s: Mapping[str, Any]) -> Array:
    """The numerator over the root of v, with eps where it belongs; 0/0 is 0."""
    eps, inside = s.get("eps", 0.0), s.get("eps_position") == "inside"
    root = sqrt(v + eps) if inside else sqrt(v) + eps
    with np.errstate(all="ignore"):
        return np.where(numerator == 0, 0.0, numerator / root)


def _adam(g: Array, s: Mapping[str, Any]) -> Array:
    correction = s.get("bias_correction", "both")
    m = _corrected(_first(g, s), s["beta1"], correction in ("both", "first"))
    v = _corrected(_mean(s["beta2"], g * g), s["beta2"], correction in ("both", "second"))
    return _over(m, v, s)


def _second(g: Array, s: Mapping[str, Any]) -> Array:
    """RMSprop's: about the mean, if centred."""
    v = _mean(s["beta2"], g * g)
    return v - _mean(s["beta2"], g) ** 2 if s["centered"] else v


def _amsgrad(g: Array, s: Mapping[str, Any]) -> Array:
    second = s["bias_correction"] in ("both", "second")
    m = _corrected(_first(g, s), s["beta1"], s["bias_correction"] in ("both", "first"))
    v = _mean(s["beta2"], g * g)
    if s["maximum_of"] == "corrected":
        return _over(m, np.maximum.accumulate(_corrected(v, s["beta2"], second)), s)
    return _over(m, _corrected(np.maximum.accumulate(v), s["beta2"], second), s)


def _adamx(g: Array, s: Mapping[str, Any]) -> Array:
    t, _ = _lags(g)
    share = 1 - s["beta1"] * s["beta1_decay"] ** (t - 1)
    largest = np.maximum.accumulate(_mean(s["beta2"], g * g) / share**2)
    return _over(_first(g, s), share**2 * largest, s)


def _adamnc(g: Array, s: Mapping[str, Any]) -> Array:
    t, _ = _lags(g)
    return _over(_first(g, s), np.cumsum(g * g) / t, s)


def _adamax(g: Array, s: Mapping[str, Any]) -> Array:
    _, lag = _lags(g)
    u = np.where(lag < 0, 0.0, s["beta2"] ** abs(lag) * abs(g)).max(axis=1)
    return _over(_corrected(_first(g, s), s["beta1"]), u * u, s)


def _nadam(g: Array, s: Mapping[str, Any]) -> Array:
    t = np.arange(1.0, g.size + 2)
    rising = 1 - 0.5 * 0.96 ** (t / 250) if s["momentum"] == "rising" else np.ones_like(t)
    mu = s["beta1"] * rising
    product = np.cumprod(mu)
    ahead = mu[1:] * _first(g, s) / (1 - product[1:]) + (1 - mu[:-1]) * g / (1 - product[:-1])
    return _over(ahead, _corrected(_mean(s["beta2"], g * g), s["beta2"]), s)


def _adopt(g: Array, s: Mapping[str, Any]) -> Array:
    # The first gradient g_0 has the weight of all that were before it.
    v = _mean(s["beta2"], g * g) + s["beta2"] * _sum(s["beta2"], g * g * (np.arange(g.size) == 0))
    scaled = g[1:] / np.maximum(sqrt(v[:-1]), s["eps"])
    if s["clip"] == "fourth-root":
        most = np.arange(1.0, g.size) ** 0.25
        scaled = np.clip(scaled, -most, most)
    return np.concatenate([[0.0], _mean(s["beta1"], scaled)])


def _adafactor(g: Array, s: Mapping[str, Any]) -> Array:
    t, _ = _lags(g)
    squares = g * g + s["eps"]
    if s["beta2_rule"] == "constant":
        v = _corrected(_mean(s["beta2"], squares), s["beta2"])
    else:
        kept = np.cumprod(np.where(t > 1, 1 - t**-0.8, 1.0))
        v = kept * np.cumsum(t**-0.8 * squares / kept)
    update = g / sqrt(v)
    most = s["clip_threshold"]
    return update / np.maximum(1.0, abs(update) / most) if most else update


def _heavy_ball(g: Array, a: Array, s: Mapping[str, Any]) -> Array:
    if s["velocity"] == "average":
        return a * _mean(s["beta1"], g)
    share = 1 - s["dampening"]
    if s["velocity"] == "sum":
        return share * a * _sum(s["beta1"], g)
    return share * _sum(s["beta1"], a * g)


def _nesterov(g: Array, a: Array, s: Mapping[str, Any]) -> Array:
    if s["iterate"] == "look-ahead":
        return a * (g + s["beta1"] * _sum(s["beta1"], g))
    return _sum(s["beta1"], a * g)


def _lion(g: Array, s: Mapping[str, Any]) -> Array:
    before = np.concatenate([[0.0], _mean(s["beta2"], g)[:-1]])
    return s["beta1"] * before + (1 - s["beta1"]) * g


def _muon(g: Array, s: Mapping[str, Any]) -> Array:
    u = _sum(s["beta1"], g)
    return g + s["beta1"] * u if s["nesterov"] else u


_Sums = Callable[[Array, Mapping[str, Any]], Array]
# The direction; the displacement, where the step size is inside; what the sign is taken of.
_DIRECTIONS: Mapping[str, _Sums] = {
    "gradient-descent": lambda g, s: g,
    "adafactor": _adafactor,
    "adagrad": lambda g, s: _over(g, s["initial"] + np.cumsum(g * g), s),
    "adagrad-norm": lambda g, s: _over(g, s["initial"] + np.cumsum(g * g), s),
    "adam": _adam,
    "adam-mini": _adam,
    "adamax": _adamax,
    "adamnc": _adamnc,
    "adamw": _adam,
    "adamx": _adamx,
    "adopt": _adopt,
    "amsgrad": _amsgrad,
    "clipped-gradient": lambda g, s: (
        np.clip(g, -s["clip_norm"], s["clip_norm"]) if s["clip_norm"] else g
    ),
    "nadam": _nadam,
    "rmsprop": lambda g, s: _over(g, _second(g, s), s),
    "shampoo": lambda g, s: g / sqrt(s["initial"] + np.cumsum(g * g)),
}
_DISPLACEMENTS: Mapping[str, Callable[[Array, Array, Mapping[str, Any]], Array]] = {
    "error-feedback-sign": lambda g, sizes, s: sizes * g,
    "heavy-ball": _heavy_ball,
    "nesterov": _nesterov,
}
_SIGNED: Mapping[str, _Sums] = {
    "lion": _lion,
    "muon": _muon,
    "normalized-momentum": lambda g, s: _mean(s["beta1"], g),
    "sign-descent": lambda g, s: g,
    "signum": lambda g, s: _mean(s["beta1"], g),
}
_IN_SUMS = sorted({*_DIRECTIONS, *_DISPLACEMENTS, *_SIGNED})
# A setting that the sums do not have, and the value at which they are the method.
_NARROWED = {
    "maximize": False,
    "relative_step": False,
    "orthogonalization": "polar",
}


def _decouples(experiment: Experiment) -> bool:
    rule = experiment.method
    return rule.key in _DECOUPLED or rule.settings.get("decay") == "decoupled"


def _has_sums(experiment: Experiment) -> str:
    """The key of the rule, or of one that is the same method, and some of its settings."""
    settings = experiment.method.settings
    if experiment.method.key not in _IN_SUMS:
        return f"the run used {experiment.method.key}"
    for name, value in _NARROWED.items():
        if settings.get(name, value) != value:
            return f"the run used {name}={settings[name]}"
    return ""


def _little_decay(experiment: Experiment) -> str:
    """The rule's decay and its weight, and the step sizes of all rounds."""
    if not experiment.method.settings.get("weight_decay"):
        return ""
    if not _decouples(experiment):
        return "it joins the gradient"
    most = float(_shares(experiment).max())
    return "" if most <= 1 else f"it is {most:.6g}"


def _shares(experiment: Experiment) -> Array:
    """What decoupled decay takes off in each round, in parts of the iterate."""
    settings, sizes = experiment.method.settings, _step_sizes(experiment)
    scale = np.ones_like(sizes) if settings.get("decay_scale") == "none" else sizes
    return np.asarray(settings.get("weight_decay", 0.0) * scale)


def _slopes_on_a_line(experiment: Experiment) -> str:
    """The tags `linear`, `1-D` and `stochastic`."""
    problem = experiment.problem
    if "linear" not in problem.tags or "1-D" not in problem.tags:
        return "they are not"
    return "they are drawn" if problem.stochastic else ""


def _slopes(experiment: Experiment) -> Array:
    problem = experiment.problem
    assert problem.gradient_formula is not None
    rounds = np.arange(1, experiment.steps + 1)
    if problem.samples is None:
        return np.full(experiment.steps, float(problem.objective_gradient(problem.start)[0]))
    shown = problem.samples(rounds, np.zeros(1, np.uint64))
    at = problem.start[0] if problem.scalar else problem.start
    return np.array([float(np.ravel(problem.gradient_formula(at, one))[0]) for one in shown])


def _displacements(experiment: Experiment, g: Array) -> Array:
    key, settings, sizes = (
        experiment.method.key,
        experiment.method.settings,
        _step_sizes(experiment),
    )
    if key in _DISPLACEMENTS:
        return _DISPLACEMENTS[key](g, sizes, settings)
    if key in _DIRECTIONS:
        return sizes * _DIRECTIONS[key](g, settings)
    # On a matrix of one entry the scales of Muon are 1 but for one.
    scale = 0.2 if settings.get("scale") == "rms" else 1.0
    return scale * sizes * np.sign(_SIGNED[key](g, settings))


# In parts of a step size: what rounding may do to the direction of a round.
_CLOSE = 2.0**-38
# Smaller numbers are not rounded as others are.
_SMALL = 2.0**-900


def _well_rounded(experiment: Experiment) -> str:
    """The number of rounds, and their gradients, step sizes and sums."""
    if reason := _short(experiment):
        return reason
    key, settings, g = experiment.method.key, experiment.method.settings, _slopes(experiment)
    betas = [settings[name] for name in ("beta1", "beta2") if settings.get(name)]
    with np.errstate(all="ignore"):
        if not np.where(g == 0, 1.0, g * g).min() * min(betas, default=1.0) ** g.size > _SMALL:
            return "squares of gradients, or their weights, come near to underflow"
        if key in _SIGNED:
            left, terms = abs(_SIGNED[key](g, settings)), _SIGNED[key](abs(g), settings)
            near = (left < 2.0**-30 * terms).any()
            return "a sum whose sign is taken nearly vanishes" if near else ""
        # Numerators have the signs of the gradients, denominators are sums of squares or of sizes:
        # with all gradients positive no term cancels another.
        most = (abs(_displacements(experiment, abs(g))) / _step_sizes(experiment)).max()
    units = 8 * experiment.steps + 64 + sum(1 / (1 - beta) for beta in betas)
    if settings.get("centered"):
        # Here terms cancel in the denominator too.
        units = units * (_mean(settings["beta2"], g * g) / _second(g, settings)).max()
    off = units * most * 2.0**-53
    return "" if off <= _CLOSE else f"they may be moved by {off:.3g} step sizes"


def _by_sums(experiment: Experiment) -> Experiment:
    moves = _displacements(experiment, _slopes(experiment))
    return _moved_by(experiment, moves[:, None], _shares(experiment) * bool(_decouples(experiment)))


_UNEQUAL = "periodic-linear:slopes=[1,-3,2,0.5,-1,-0.25,4,1,-2],domain=[-99,99]"
_FALLING = "periodic-linear:slopes=[-8,1,-1,0.5,0.25,-2,0.125],domain=[-99,99]"


@claim(
    source=(
        "kingma2015, Section 3 and Algorithm 2",
        "reddi2018",
        "tran2019",
        "dozat2016",
        "taniguchi2024",
        "shazeer2018",
        "bernstein2018",
        "cutkosky2020",
        "koloskova2023",
        "chen2023",
        "duchi2011",
        "gupta2018",
        "tieleman2012",
    ),
    tags=("identity", "adaptive", "sign", "momentum"),
    measure="difference",
    twin=_by_sums,
    assumes=[
        Assumption(
            "the losses are linear, on a line, the same for every seed",
            _slopes_on_a_line,
            "problem",
        ),
        Assumption("the method is one whose direction is a sum that is written here", _has_sums),
        Assumption("weight decay is decoupled and takes off no more than all", _little_decay),
        Assumption(
            f"rounding leaves directions as they are, in at most {_LONGEST} rounds", _well_rounded
        ),
    ],
    status="proved here",
    cases=f"""
        holds
            {_UNEQUAL}  adam:beta1=0.5,beta2=0.75,eps=0.1  constant:alpha=0.1  60
            {_UNEQUAL}  adam  inverse-sqrt:alpha=0.1  60
            {_UNEQUAL}  adamw:weight_decay=0.5  constant:alpha=0.1  60
            {_FALLING}  amsgrad:beta1=0.5,beta2=0.75,beta1_decay=0.9  constant:alpha=0.1  60
            {_FALLING}  amsgrad:bias_correction=both,maximum_of=corrected,beta1=0.5,beta2=0.75 \
                constant:alpha=0.1  60
            {_FALLING}  adamx:beta1=0.5,beta2=0.75,beta1_decay=0.9  constant:alpha=0.1  60
            {_UNEQUAL}  adamnc:beta1=0.5  inverse-sqrt:alpha=1  60
            {_FALLING}  adamax:beta1=0.5,beta2=0.75  constant:alpha=0.1  60
            {_UNEQUAL}  nadam:beta1=0.5,beta2=0.75  constant:alpha=0.1  60
            {_UNEQUAL}  adopt:beta1=0.5,beta2=0.75,eps=0.5  constant:alpha=0.1  60
            {_FALLING}  adopt:clip=fourth-root  constant:alpha=0.1  60
            {_UNEQUAL}  rmsprop:beta2=0.75,eps=0.1,eps_position=inside  constant:alpha=0.1  60
            {_UNEQUAL}  rmsprop:beta2=0.75,centered=true  constant:alpha=0.1  60
            {_UNEQUAL}  adagrad:eps=0.1,initial=2  constant:alpha=0.1  60
            {_UNEQUAL}  adagrad-norm:initial=2  constant:alpha=0.1  60
            {_UNEQUAL}  lion:weight_decay=0.5  constant:alpha=0.1  60
            {_UNEQUAL}  signum  inverse-sqrt:alpha=0.1  60
            {_UNEQUAL}  sign-descent  constant:alpha=0.1  60
            {_UNEQUAL}  adafactor:relative_step=false,clip_threshold=0.8  constant:alpha=0.1  60
            {_UNEQUAL}  adam-mini:beta1=0.5,beta2=0.75  constant:alpha=0.1  60
            {_UNEQUAL}  muon:orthogonalization=polar,weight_decay=0.5 \
                constant:alpha=0.1  60
            {_UNEQUAL}  normalized-momentum:weight_decay=0.5  inverse-sqrt:alpha=0.1  60
            {_UNEQUAL}  clipped-gradient  inverse-sqrt:alpha=0.1  60
            {_UNEQUAL}  shampoo:initial=0.1  constant:alpha=0.1  60
            {_UNEQUAL}  heavy-ball:beta1=0.5,dampening=0.25  inverse-sqrt:alpha=0.1  60
            {_UNEQUAL}  nesterov:beta1=0.5  inverse-sqrt:alpha=0.1  60
        not applicable
            {_UNEQUAL}  accelerated-gradient  constant:alpha=0.1  60
            periodic-linear:slopes=[1]  rmsprop:centered=true  constant:alpha=0.1  60
            {_UNEQUAL}  adam:weight_decay=0.1  constant:alpha=0.1  60
            {_UNEQUAL}  adam  constant:alpha=0.1  1_001
            {_UNEQUAL}  adam:beta1=0.5,beta2=0.999999,eps=0  constant:alpha=0.1  60
            periodic-linear:slopes=[1,-0.5]  signum:beta1=0.5  constant:alpha=0.1  60
            quadratic  adam  constant:alpha=0.1  60
            random-signs  adam  constant:alpha=0.1  60
    """,
)
def methods_in_sums(T: Any, alpha_sum: Any) -> Any:
    """Adaptive, sign and momentum methods step by these sums over all gradients so far.

    On linear losses x_{t+1} = x_t - alpha_t d_t, then projected, with
    S(b) = sum_{s<=t} b**(t-s) g_s, m = (1 - b1) S(b1), v = (1 - b2) sum_{s<=t} b2**(t-s) g_s**2,
    without corrections and eps:
    Adam m / sqrt(v); AMSGrad m / sqrt(max_{s<=t} v_s);
    RMSprop g_t / sqrt(v), centred with v - ((1 - b2) S(b2))**2 for v;
    clipping max(-c, min(c, g_t));
    AdaGrad g_t / sqrt(sum_{s<=t} g_s**2), and so Shampoo, with eps in the root;
    AdamNC m / sqrt(1/t sum_{s<=t} g_s**2);
    AdamX m / sqrt(max_{s<=t} ((1 - b1_t) / (1 - b1_s))**2 v_s);
    AdaMax m / max_{s<=t} b2**(t-s) |g_s|;
    NAdam (mu_{t+1} m / (1 - mu_1...mu_{t+1}) + (1 - mu_t) g_t / (1 - mu_1...mu_t)) / sqrt(v);
    ADOPT (1 - b1) sum_{1<s<=t} b1**(t-s) g_s / sqrt(v_{s-1}), with all weight before it on g_1;
    Adafactor of one entry g_t / sqrt(v) with 1 - t**-0.8 for b2;
    Signum and normalised momentum sign(m), Lion sign(b1 m_{t-1} + (1 - b1) g_t), m with b2, Muon of
    one entry sign(S(b1)) or sign(g_t + b1 S(b1)); heavy ball and Nesterov's method S(b1).

    Gradients of linear losses do not depend on the iterate. The recurrences y_t = b y_{t-1} + c g_t
    and max(b y_{t-1}, |g_t|) are unrolled from 0; the factors of AdamX's maximum telescope. A sum
    of t terms is off by a few t units of the terms' sizes, which are held against 2**-38 of a step
    size beforehand.
    """
    return _CLOSE * alpha_sum


# Points alone


def _share_of_new(s: Mapping[str, Any]) -> float:
    return float((1 - s["beta1"]) if s["velocity"] == "average" else (1 - s["dampening"]))


_Slope = Callable[[Array], Array]


def _points_of_heavy_ball(f: _Slope, x: Array, a: float, s: Mapping[str, Any], rounds: int) -> Any:
    before, share = x, a * _share_of_new(s)
    for _ in range(rounds):
        before, x = x, x - share * f(x) + s["beta1"] * (x - before)
        yield x


def _points_of_nesterov(f: _Slope, x: Array, a: float, s: Mapping[str, Any], rounds: int) -> Any:
    y = x
    for _ in range(rounds):
        before, x = x, y - a * f(y)
        y = x + s["beta1"] * (x - before)
        yield x if s["iterate"] == "descent" else y


def _weights(rounds: int, simplified: bool = False) -> list[float]:
    """w_1 .. w_{rounds+1}."""
    weights = [1.0]
    for t in range(2, rounds + 2):
        last = weights[-1]
        weights.append((t + 1) / 2 if simplified else 0.5 + float(sqrt(0.25 + last * last)))
    return weights


def _points_of_fista(f: _Slope, x: Array, a: float, s: Mapping[str, Any], rounds: int) -> Any:
    y, weights = x, _weights(rounds, s["weights"] == "simplified")
    for w, following in pairwise(weights):
        before, x = x, y - a * f(y)
        y = x + (w - 1) / following * (x - before)
        yield x


def _points_of_ogm(f: _Slope, x: Array, a: float, s: Mapping[str, Any], rounds: int) -> Any:
    q, y, weights = x, x, _weights(rounds)
    for w, following in pairwise(weights):
        before, y = y, q - a * f(q)
        ahead = (w - 1) * (y - before) + w * (y - q)
        yield y + ahead / (0.5 + sqrt(0.25 + 2 * w * w)) if s["last_step"] else y
        q = y + ahead / following


def _points_of_ogm_g(f: _Slope, x: Array, a: float, s: Mapping[str, Any], rounds: int) -> Any:
    """By the descent sequence y, with the weights of `_weights` from the last to the first."""
    last = int(s["rounds"])
    weights = _weights(last)[last - 1 :: -1]
    weights = [0.5 + sqrt(0.25 + 2 * weights[0] ** 2), *weights]
    before = x
    for w, following in pairwise(weights[: rounds + 1]):
        y = x - a * f(x)
        share = (2 * following - 1) / (2 * w - 1)
        before, x = y, y + share * ((w - 1) / w * (y - before) + (y - x))
        yield x
    for _ in range(last, rounds):
        yield x


def _points_of_averaging(f: _Slope, x: Array, a: float, s: Mapping[str, Any], rounds: int) -> Any:
    before, p = x, s["averaging_power"]
    for t in range(1, rounds + 1):
        step = a * (1 + p) * f(x) - (t - 1) * (x - before)
        before, x = x, x - step / (t + 1 + p)
        yield x


def _points_of_free(f: _Slope, x: Array, a: float, s: Mapping[str, Any], rounds: int) -> Any:
    b, moved = s["interpolation"], [x]
    for _ in range(rounds):
        moved.append(moved[-1] - a * f((1 - b) * moved[-1] + b * x))
        x = np.mean(moved, axis=0)
        yield x


def _points_of_polyak(f: _Slope, x: Array, a: float, s: Mapping[str, Any], rounds: int) -> Any:
    for _ in range(rounds):
        g = f(x)
        # Of a quadratic with its minimum at 0 the gap is half of g.x.
        x = x - a * (g @ x) / (2 * (g @ g)) * g if g.any() else x
        yield x


def _points_of_unified(f: _Slope, x: Array, a: float, s: Mapping[str, Any], rounds: int) -> Any:
    side = x
    for _ in range(rounds):
        last, side = side, x - s["look_ahead"] * a * f(x)
        x = x - a * f(x) + s["beta1"] * (side - last)
        yield x


_POINTS: Mapping[str, Callable[..., Any]] = {
    "accelerated-gradient": _points_of_fista,
    "heavy-ball": _points_of_heavy_ball,
    "nesterov": _points_of_nesterov,
    "optimized-gradient": _points_of_ogm,
    "optimized-gradient-norm": _points_of_ogm_g,
    "polyak-step": _points_of_polyak,
    "primal-averaging": _points_of_averaging,
    "schedule-free": _points_of_free,
    "unified-momentum": _points_of_unified,
}


def _by_points(experiment: Experiment) -> Experiment:
    problem, settings = experiment.problem, experiment.method.settings
    made = _POINTS[experiment.method.key](
        problem.objective_gradient,
        problem.start,
        float(_step_sizes(experiment)[0]),
        settings,
        experiment.steps,
    )
    points = np.stack([problem.start, *made])
    return _moved_by(experiment, -np.diff(points, axis=0), np.zeros(experiment.steps))


def _has_points(experiment: Experiment) -> str:
    """The key of the rule, or of one that is the same method, its settings, and the rounds."""
    settings = experiment.method.settings
    if experiment.method.key not in _POINTS:
        return f"the run used {experiment.method.key}"
    if settings.get("look_ahead", 0.0) > 1:
        return f"the run used look_ahead={settings['look_ahead']:g}"
    extras = {"weight_decay": 0.0, "maximize": False}
    for name, value in extras.items():
        if settings.get(name, value) != value:
            return f"the run used {name}={settings[name]}"
    return _short(experiment)


_STRETCHED = "quadratic:kappa=10,dimension=3"


@claim(
    source=(
        "polyak1964",
        "nesterov1983",
        "beck2009, Section 4",
        "su2016",
        "kim2016",
        "kim2021",
        "tao2021",
        "yan2018",
        "defazio2024",
        "polyak1969",
    ),
    tags=("identity", "momentum", "acceleration", "averaging"),
    measure="difference",
    twin=_by_points,
    assumes=[
        the_problem("quadratic"),
        Assumption(
            f"the method is one of momentum whose points are written here, for {_LONGEST} rounds",
            _has_points,
        ),
        constant_step,
        step_size("alpha <= 1/L", lambda experiment: 1.0),
    ],
    status="proved here",
    cases=f"""
        holds
            {_STRETCHED}  heavy-ball:beta1=0.5  inverse-smoothness:h=0.7  30
            {_STRETCHED}  heavy-ball:velocity=average  inverse-smoothness  30
            # Gradient descent is a heavy ball without momentum.
            {_STRETCHED}  sgd  inverse-smoothness  30
            {_STRETCHED}  nesterov:beta1=0.5  inverse-smoothness:h=0.7  30
            {_STRETCHED}  nesterov:iterate=look-ahead  inverse-smoothness:h=0.7  30
            {_STRETCHED}  accelerated-gradient  inverse-smoothness:h=0.7  30
            {_STRETCHED}  accelerated-gradient:weights=simplified  inverse-smoothness:h=0.7  30
            {_STRETCHED}  optimized-gradient  inverse-smoothness:h=0.7  30
            {_STRETCHED}  optimized-gradient:last_step=false  inverse-smoothness:h=0.7  30
            {_STRETCHED}  optimized-gradient-norm:rounds=20  inverse-smoothness:h=0.7  30
            {_STRETCHED}  primal-averaging  inverse-smoothness  30
            {_STRETCHED}  primal-averaging:averaging_power=1  inverse-smoothness  30
            {_STRETCHED}  schedule-free:interpolation=0.5  inverse-smoothness:h=0.7  30
            {_STRETCHED}  schedule-free  inverse-smoothness  30
            {_STRETCHED}  polyak-step  inverse-smoothness:h=0.7  30
            {_STRETCHED}  unified-momentum:beta1=0.5,look_ahead=0.75  inverse-smoothness:h=0.7  30
            quadratic:rotated=true  heavy-ball  inverse-smoothness  300
        not applicable
            {_STRETCHED}  signsgd  constant:alpha=0.1  30
            {_STRETCHED}  heavy-ball  inverse-smoothness:h=1.1  30
            {_STRETCHED}  heavy-ball  inverse-sqrt:alpha=0.1  30
            {_STRETCHED}  unified-momentum:look_ahead=2  inverse-smoothness:h=0.1  30
            pl-sine  heavy-ball  inverse-smoothness  30
    """,
)
def momentum_in_points(T: Any, R0: Any) -> Any:
    """Momentum methods with velocities make the points that are printed without them.

    On a quadratic, x_0 = x_1 = y_1:
    heavy ball x_{t+1} = x_t - alpha g(x_t) + beta (x_t - x_{t-1});
    Nesterov's method x_{t+1} = y_t - alpha g(y_t), y_{t+1} = x_{t+1} + beta (x_{t+1} - x_t), whose
    look-ahead iterates are y; FISTA with (w_t - 1) / w_{t+1} for beta;
    the optimized gradient method y_{t+1} = q_t - alpha g(q_t), q_{t+1} = y_{t+1}
    + ((w_t - 1) (y_{t+1} - y_t) + w_t (y_{t+1} - q_t)) / w_{t+1};
    OGM-G y_{t+1} = x_t - alpha g(x_t), x_{t+1} = y_{t+1} + s_t ((w_t - 1) / w_t (y_{t+1} - y_t)
    + y_{t+1} - x_t), s_t = (2 w_{t+1} - 1) / (2 w_t - 1), its weights those from the last back;
    averaging, the heavy ball with alpha (1 + p) / (t + 1 + p) and (t - 1) / (t + 1 + p);
    Schedule-Free z_{t+1} = z_t - alpha g((1 - b) z_t + b x_t), x_t the mean of z_1..z_t;
    unified momentum s_{t+1} = x_t - s alpha g(x_t), x_{t+1} = x_t - alpha g(x_t)
    + beta (s_{t+1} - s_t);
    and without any momentum, Polyak's step x_{t+1} = x_t - alpha g.x / (2 g.g) g, g = g(x_t), as
    f - f* = g.x / 2.

    The velocity of each is a difference of two of its points. The points of a quadratic are
    polynomials in its matrix, of size at most 2 t + 1 for alpha <= 1/L, and an error of one round
    is passed on by such a polynomial: what rounding leaves grows no faster than T**3. Polyak's step
    is no polynomial; where f - f* is off by a share, it moves x by that share of ||x|| at most.
    """
    return 2.0**-48 * T**3 * R0


# Coupled decay


_COUPLED = (
    "adagrad",
    "adagrad-norm",
    "adam",
    "adamax",
    "adamnc",
    "adamw",
    "adamx",
    "adopt",
    "amsgrad",
    "gradient-descent",
    "heavy-ball",
    "nadam",
    "nesterov",
    "rmsprop",
    "sign-descent",
    "signum",
)


def _couples(experiment: Experiment) -> str:
    """The rule's decay and its weight."""
    rule = experiment.method
    if rule.key not in _COUPLED:
        return f"the run used {rule.key}"
    if rule.settings.get("decay", "coupled") == "decoupled":
        return "the run used decoupled decay"
    return "" if rule.settings["weight_decay"] > 0 else "the run used no weight decay"


def _formula(experiment: Experiment) -> str:
    """Whether the problem has examples, or takes differences."""
    problem = experiment.problem
    # Other loops would take the sums over examples in an order of their own.
    plain = problem.examples is None and not problem.by_differences
    return "" if plain else "it is a sum over examples, or of differences"


def _penalised(experiment: Experiment) -> Experiment:
    """The same method without decay, on the loss plus weight_decay/2 ||x||**2; less, climbing."""
    problem, settings = experiment.problem, experiment.method.settings
    weight, gradient = float(settings["weight_decay"]), problem.gradient_formula
    weight = -weight if settings["maximize"] else weight
    assert gradient is not None
    return experiment.changed(
        problem=replace(problem, gradient_formula=lambda x, k: gradient(x, k) + weight * x),
        optimizer=experiment.method.entry(**{**settings, "weight_decay": 0.0}),
    )


@claim(
    source="loshchilov2019, Section 2",
    tags=("identity", "weight-decay"),
    measure="difference",
    twin=_penalised,
    assumes=[
        Assumption("the method joins weight decay to the gradient", _couples),
        Assumption("the gradient is a formula", _formula, "problem"),
    ],
    cases="""
        holds
            quadratic  sgd:weight_decay=0.1  inverse-smoothness:h=0.5  100
            rosenbrock  heavy-ball:weight_decay=0.1  constant:alpha=1e-4  100
            quadratic  nesterov:weight_decay=0.1  inverse-smoothness:h=0.5  100
            himmelblau  adam:weight_decay=0.1  constant:alpha=0.01  100
            noisy-quadratic  adagrad:weight_decay=0.1  constant:alpha=0.1  100  seeds=4
            himmelblau  signum:weight_decay=50  constant:alpha=0.01  100
            reddi-2018-thm1  amsgrad:weight_decay=0.1  inverse-sqrt:alpha=0.1  100
            rosenbrock  sgd:weight_decay=0.1,maximize=true  constant:alpha=1e-4  100
            quadratic  sgd:weight_decay=0.1  inverse-smoothness:h=3  3_000
        not applicable
            quadratic  sgd  inverse-smoothness  9
            quadratic  lion:weight_decay=0.1  constant:alpha=0.01  9
            quadratic  adamw:weight_decay=0.1  constant:alpha=0.01  9
            breast-cancer-logistic:batch=8  sgd:weight_decay=0.1  inverse-smoothness  9
    """,
)
def coupled_decay_is_a_penalty(T: Any, iterate_sup: Any) -> Any:
    """Weight decay that joins the gradient is a quadratic penalty, for every method.

    The run is that of the method without decay on f + w/2 ||x||**2, w the weight of the decay; a
    method that climbs does so on f - w/2 ||x||**2.

    The gradient of the penalty is w x, at the point where the gradient of f is taken. Of a run that
    leaves all bounds the claim says nothing from 2**500 on.
    """
    return np.where(iterate_sup < 2.0**500, 0.0, np.inf)


# The first step of a matrix


def _muon_first(G: Array, X: Array, s: Mapping[str, Any]) -> Array:
    U, sizes, V = np.linalg.svd(G, full_matrices=False)
    if s["orthogonalization"] == "polar":
        sizes = np.ones_like(sizes)
    else:
        moved = (1 + s["beta1"]) * sizes if s["nesterov"] else sizes
        sizes = moved / (np.linalg.norm(moved) + s["eps"])
        for _ in range(5):
            sizes = 3.4445 * sizes - 4.775 * sizes**3 + 2.0315 * sizes**5
    r, c = G.shape
    scale = {"tall": max(1, r / c), "rms": 0.04 * max(r, c), "spectral": r / c, "none": 1.0}
    return sqrt(scale[s["scale"]]) * (U * sizes) @ V


def _adam_mini_first(G: Array, X: Array, s: Mapping[str, Any]) -> Array:
    return G / (np.linalg.norm(G) / sqrt(G.size) + s["eps"])


def _adafactor_first(G: Array, X: Array, s: Mapping[str, Any]) -> Array:
    squares = G**2 + s["eps"]
    rows, columns = squares.sum(axis=1), squares.sum(axis=0)
    update = G / sqrt(np.outer(rows, columns) / rows.sum())
    size = np.linalg.norm(update) / sqrt(G.size)
    if s["clip_threshold"] and size > s["clip_threshold"]:
        update = update * (s["clip_threshold"] / size)
    scale = max(s["least_scale"], np.linalg.norm(X) / sqrt(X.size)) if s["relative_step"] else 1.0
    return scale * update


def _shampoo_first(G: Array, X: Array, s: Mapping[str, Any]) -> Array:
    U, sizes, V = np.linalg.svd(G, full_matrices=False)
    return (U * (sizes / sqrt(s["initial"] + sizes**2))) @ V


_FIRST: Mapping[str, Callable[[Array, Array, Mapping[str, Any]], Array]] = {
    "adafactor": _adafactor_first,
    "adam-mini": _adam_mini_first,
    "muon": _muon_first,
    "shampoo": _shampoo_first,
}


def _first_moves(experiment: Experiment) -> Array:
    """By what the first step moves, in units of the step size, flat."""
    problem, rule = experiment.problem, experiment.method
    x = problem.start
    parts = zip(
        problem.matrices(problem.objective_gradient(x)).values(),
        problem.matrices(x).values(),
        strict=True,
    )
    moves = np.concatenate([_FIRST[rule.key](G, X, rule.settings).ravel() for G, X in parts])
    return np.asarray(moves + rule.settings.get("weight_decay", 0.0) * x)


def _by_first_step(experiment: Experiment) -> Experiment:
    moves = _step_sizes(experiment)[0] * _first_moves(experiment)
    return _moved_by(experiment, np.tile(moves, (experiment.steps, 1)), np.zeros(experiment.steps))


def _sees_matrices(experiment: Experiment) -> str:
    """The key of the rule, or of one that is the same method."""
    rule = experiment.method
    if rule.key not in _FIRST:
        return f"the run used {rule.key}"
    return "the run used maximize=true" if rule.settings["maximize"] else ""


def _well_conditioned(experiment: Experiment) -> str:
    """The objective's gradient at the start."""
    problem = experiment.problem
    for name, G in problem.matrices(problem.objective_gradient(problem.start)).items():
        sizes = np.linalg.svd(G, compute_uv=False)
        if not sizes[-1] * 2**10 >= sizes[0] > 0:
            return f"in block {name} they go from {sizes[-1]:.3g} to {sizes[0]:.3g}"
    return ""


@claim(
    source=(
        *("jordan2024", "liu2025", "shazeer2018, Algorithm 4", "zhang2025, Algorithm 1"),
        "gupta2018, Algorithm 1",
    ),
    tags=("identity", "matrix", "adaptive"),
    measure="difference",
    twin=_by_first_step,
    assumes=[
        Assumption("the method sees matrices", _sees_matrices),
        exact_gradients,
        Assumption(
            "the singular values of the first gradients are within 2**10",
            _well_conditioned,
            "problem",
        ),
    ],
    status="proved here",
    cases="""
        holds
            matrix-quadratic  muon  constant:alpha=0.1  5
            matrix-quadratic:rows=3,columns=4,rotated=true \
                muon:orthogonalization=polar,scale=rms,weight_decay=0.1  constant:alpha=0.1  5
            matrix-quadratic:rotated=true  adam-mini:eps=0.1,weight_decay=0.1  constant:alpha=0.1 \
                5
            matrix-quadratic:rotated=true  adafactor  constant:alpha=0.1  5
            matrix-quadratic:rotated=true  shampoo:initial=0.1  constant:alpha=0.1  5
            matrix-quadratic:rotated=true  adafactor:clip_threshold=0.5,weight_decay=0.1 \
                inverse-sqrt:alpha=0.1  5
        not applicable
            matrix-quadratic  adamw  constant:alpha=0.1  5
            matrix-quadratic:noise=1  muon  constant:alpha=0.1  5
            matrix-quadratic:kappa_rows=1e6  muon  constant:alpha=0.1  5
    """,
)
def matrix_methods_first_step(T: Any, alpha: Any, n: Any, start_norm: Any) -> Any:
    """The first step of Muon, Adafactor, Adam-mini and Shampoo is this function of the gradient.

    With G = U diag(s) V' the gradient of a block of r rows and c columns, the step is -alpha times
    Muon: k U diag(p(s / (||G||_F + eps))) V', p the polynomial 3.4445 s - 4.775 s**3 + 2.0315 s**5
    five times, or 1, and k the scale, max(1, r/c)**(1/2), 0.2 max(r, c)**(1/2), (r/c)**(1/2) or 1;
    Adam-mini: G / (RMS(G) + eps);
    Adafactor: max(least, RMS(X)) W / max(1, RMS(W) / d), W_ij = G_ij / sqrt(R_i C_j / sum_i R_i),
    R and C the sums of G**2 + eps along rows and columns;
    Shampoo: U diag(s / sqrt(eps + s**2)) V';
    and weight_decay X besides. Of later steps nothing is claimed.

    From empty moments a corrected average is the newest value, and odd matrix polynomials act on
    singular values. Rounding is magnified by 3.4445**5 at most where a singular value is small.
    """
    return np.where(T == 1, 2.0**-36 * alpha * n * (1 + start_norm), np.inf)

"""What the claims are worth as tests: rules broken in one place, and the claims that notice.

A mutant is a rule of the catalogue with one text of its source replaced, many of them slips that
were made in published code. `CAUGHT` names for each a claim that holds on a run of the right rule
and is violated by the mutant. `NOT_CAUGHT` names those that no claim catches, and why not: a bound
only sees what makes a method worse than it says. Worst cases of mutants over all functions are
computed as in `benchmarks/worst_cases.py`.
"""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from wrong.mutants import broken

import convergence.rules
from convergence.claims import catalogue, judge
from convergence.schedule import find as find_schedule
from convergence.simulation import run


@dataclass(frozen=True)
class Run:
    problem: str
    rule: str
    schedule: str
    steps: int
    seeds: int = 1


@dataclass(frozen=True)
class Mutant:
    """A text of a function, what stands there instead, and the claim that notices on a run."""

    name: str
    function: str
    old: str
    new: str
    claim: str
    run: Run


@dataclass(frozen=True)
class Missed:
    """As a mutant, with the rule on which it matters and the reason why no claim notices."""

    name: str
    function: str
    old: str
    new: str
    rule: str
    reason: str


CAUGHT = {
    "gradient-descent": [
        Mutant(
            "climbs",
            "gradient_descent",
            "return (with_coupled_decay(g, x, weight_decay),)",
            "return (-with_coupled_decay(g, x, weight_decay),)",
            "gd-nonconvex-min",
            Run("quadratic:kappa=1,dimension=1", "sgd", "inverse-smoothness", 5),
        ),
        Mutant(
            "doubled",
            "gradient_descent",
            "return (with_coupled_decay(g, x, weight_decay),)",
            "return (2 * with_coupled_decay(g, x, weight_decay),)",
            "gd-nonconvex-min",
            Run("quadratic:kappa=1,dimension=1", "sgd", "inverse-smoothness", 5),
        ),
        Mutant(
            "halved",
            "gradient_descent",
            "return (with_coupled_decay(g, x, weight_decay),)",
            "return (0.5 * with_coupled_decay(g, x, weight_decay),)",
            "gd-nonconvex-classic",
            Run("quadratic:kappa=1,dimension=1", "sgd", "inverse-smoothness", 5),
        ),
        Mutant(
            "a decay of 0.1 always",
            "gradient_descent",
            "with_coupled_decay(g, x, weight_decay)",
            "with_coupled_decay(g, x, 0.1)",
            "gd-nonconvex-classic",
            Run("quadratic:kappa=1,dimension=1", "sgd", "inverse-smoothness", 5),
        ),
    ],
    "heavy-ball": [
        Mutant(
            "momentum doubled",
            "heavy_ball",
            "u = beta1 * u + (share",
            "u = 2 * beta1 * u + (share",
            "polyak-hb-quadratic",
            Run(
                "quadratic:kappa=1.0201,dimension=2",
                "heavy-ball:beta1=1/40401",
                "constant:alpha=40804/40401",
                10,
            ),
        ),
        Mutant(
            "momentum of the wrong sign",
            "heavy_ball",
            "u = beta1 * u + (share",
            "u = -beta1 * u + (share",
            "polyak-hb-quadratic",
            Run(
                "quadratic:kappa=1.0201,dimension=2",
                "heavy-ball:beta1=1/40401",
                "constant:alpha=40804/40401",
                10,
            ),
        ),
        Mutant(
            "the momentum is lost",
            "heavy_ball",
            "u = beta1 * u + (share",
            "u = 0 * u + (share",
            "polyak-hb-quadratic",
            Run(
                "quadratic:kappa=1.0201,dimension=2",
                "heavy-ball:beta1=1/40401",
                "constant:alpha=40804/40401",
                10,
            ),
        ),
        Mutant(
            "1 - beta1 in a sum",
            "heavy_ball",
            "share = g if fixed_at(dampening, 0)",
            "share = (1 - beta1) * g if fixed_at(dampening, 0)",
            "ghadimi-2015-hb-sc",
            Run(
                "quadratic:kappa=1,dimension=1", "heavy-ball:beta1=0.75", "constant:alpha=0.25", 100
            ),
        ),
        Mutant(
            "the average lacks 1 - beta1",
            "heavy_ball",
            "u = beta1 * u + (1 - beta1) * g",
            "u = beta1 * u + g",
            "momentum-threshold-above",
            Run(
                "quadratic:kappa=1,dimension=1",
                "heavy-ball:velocity=average",
                "constant:alpha=38.1",
                1000,
            ),
        ),
        Mutant(
            "the average's betas exchanged",
            "heavy_ball",
            "u = beta1 * u + (1 - beta1) * g",
            "u = (1 - beta1) * u + beta1 * g",
            "momentum-threshold-below",
            Run(
                "quadratic:kappa=1,dimension=1",
                "heavy-ball:velocity=average,beta1=0",
                "constant:alpha=1.9",
                200,
            ),
        ),
        Mutant(
            "steps as Nesterov does",
            "heavy_ball",
            "step_size * share)\n    return u, u",
            "step_size * share)\n    return share + beta1 * u, u",
            "polyak-hb-quadratic",
            Run(
                "quadratic:kappa=1.0201,dimension=2",
                "heavy-ball:beta1=1/40401",
                "constant:alpha=40804/40401",
                10,
            ),
        ),
    ],
    "nesterov": [
        Mutant(
            "looks back",
            "nesterov",
            "query=next_x - beta1 * u",
            "query=next_x + beta1 * u",
            "nesterov-2004-sc",
            Run("goujaud-2023:start=[100,3]", "nesterov:beta1=2/3", "inverse-smoothness", 100),
        ),
        Mutant(
            "looks twice as far",
            "nesterov",
            "query=next_x - beta1 * u",
            "query=next_x - 2 * beta1 * u",
            "nesterov-2004-sc",
            Run("goujaud-2023:start=[100,3]", "nesterov:beta1=2/3", "inverse-smoothness", 100),
        ),
        Mutant(
            "momentum doubled",
            "nesterov",
            "u = beta1 * u + step_size * g",
            "u = 2 * beta1 * u + step_size * g",
            "nesterov-2004-sc",
            Run("goujaud-2023:start=[100,3]", "nesterov:beta1=2/3", "inverse-smoothness", 100),
        ),
        Mutant(
            "gradient twice",
            "nesterov",
            "u = beta1 * u + step_size * g",
            "u = beta1 * u + 2 * step_size * g",
            "nesterov-2004-sc",
            Run("goujaud-2023:start=[100,3]", "nesterov:beta1=2/3", "inverse-smoothness", 100),
        ),
        Mutant(
            "the velocity is lost",
            "nesterov",
            "u = beta1 * u + step_size * g",
            "u = step_size * g",
            "nesterov-2004-sc",
            Run("goujaud-2023:start=[100,3]", "nesterov:beta1=2/3", "inverse-smoothness", 100),
        ),
    ],
    "adagrad": [
        Mutant(
            "no square",
            "adagrad",
            "s = s + g * g",
            "s = s + abs(g)",
            "duchi-2011-adagrad-diag",
            Run(
                "periodic-linear:slopes=[100,-100],start=1",
                "adagrad:eps=0",
                "constant:alpha=1.4",
                60,
            ),
        ),
        Mutant(
            "forgets",
            "adagrad",
            "s = s + g * g",
            "s = g * g",
            "duchi-2011-adagrad-diag",
            Run("reddi-2018-thm1", "adagrad", "constant:alpha=1", 2000),
        ),
        Mutant(
            "the sum before",
            "adagrad",
            "_scaled(g, s, eps, eps_position)",
            "_scaled(g, s - g * g, eps, eps_position)",
            "wilson-2017-lemma31",
            Run("wilson-2017", "adagrad:eps=0", "constant:alpha=0.1", 300),
        ),
        Mutant(
            "no root without eps",
            "_scaled",
            "root = sqrt(v)\n        return ratio(numerator, root), root",
            "root = v\n        return ratio(numerator, root), root",
            "duchi-2011-adagrad-diag",
            Run("periodic-linear:slopes=[100],start=1", "adagrad:eps=0", "constant:alpha=1.4", 60),
        ),
        Mutant(
            "no root with eps",
            "_scaled",
            "else sqrt(v) + eps",
            "else v + eps",
            "duchi-2011-adagrad-diag",
            Run("reddi-2018-thm1", "adagrad", "constant:alpha=1", 2000),
        ),
        Mutant(
            "eps inside",
            "_scaled",
            'if eps_position == "inside"',
            'if eps_position == "outside"',
            "duchi-2011-adagrad-diag",
            Run(
                "periodic-linear:slopes=[0.001],start=1",
                "adagrad:eps=0.01",
                "constant:alpha=1",
                200,
            ),
        ),
        Mutant(
            "a fading sum",
            "adagrad",
            "s = s + g * g",
            "s = 0.9 * s + g * g",
            "wilson-2017-lemma31",
            Run("wilson-2017", "adagrad:eps=0", "constant:alpha=0.1", 300),
        ),
        Mutant(
            "multiplied by the root",
            "_scaled",
            "return numerator / root, root",
            "return numerator * root, root",
            "duchi-2011-adagrad-diag",
            Run("reddi-2018-thm1", "adagrad", "constant:alpha=1", 2000),
        ),
    ],
    "rmsprop": [
        Mutant(
            "product form",
            "rmsprop",
            "v = beta2 * v + (1 - beta2) * g * g",
            "v = (beta2 * v + (1 - beta2)) * g * g",
            "wilson-2017-lemma31",
            Run("wilson-2017", "rmsprop:eps=0", "constant:alpha=0.001", 200),
        ),
        Mutant(
            "betas exchanged",
            "rmsprop",
            "v = beta2 * v + (1 - beta2) * g * g",
            "v = (1 - beta2) * v + beta2 * g * g",
            "shi-2021-large-beta2",
            Run(
                "shi-2021:C=3",
                "rmsprop:beta2=0.99,eps=0",
                "inverse-sqrt:alpha=0.3",
                10_000,
                seeds=8,
            ),
        ),
    ],
    "adam": [
        Mutant(
            "first moment uncorrected",
            "_adam",
            'bias_correction in ("both", "first")',
            'bias_correction == "first"',
            "adam-first-step",
            Run("quadratic", "adam:eps=0", "constant:alpha=0.01", 100),
        ),
        Mutant(
            "second moment uncorrected",
            "_adam",
            'bias_correction in ("both", "second")',
            'bias_correction == "second"',
            "adam-step-sup",
            Run(
                "periodic-linear:slopes=[1,2,4,8,16,32,64,128,256,512,1024,2048,4096,8192,16384,32768,65536,131072,262144,524288]",
                "adam:beta1=0.25,beta2=0.5,eps=0",
                "constant:alpha=0.01",
                20,
            ),
        ),
        Mutant(
            "1 - beta without the power",
            "_adam",
            "m_hat = _corrected(m, power1,",
            "m_hat = _corrected(m, beta1,",
            "adam-step-sup",
            Run(
                "periodic-linear:slopes=[1,2,4,8,16,32,64,128,256,512,1024,2048,4096,8192,16384,32768,65536,131072,262144,524288]",
                "adam:beta1=0.25,beta2=0.5,eps=0",
                "constant:alpha=0.01",
                20,
            ),
        ),
        Mutant(
            "correction late by a round",
            "_adam",
            "m_hat = _corrected(m, power1,",
            "m_hat = _corrected(m, beta1 * power1,",
            "adam-first-step",
            Run("quadratic", "adam:eps=0", "constant:alpha=0.01", 100),
        ),
        Mutant(
            "multiplied by the correction",
            "_corrected",
            "moment / (1 - power)",
            "moment * (1 - power)",
            "adam-step-sup",
            Run(
                "periodic-linear:slopes=[1,2,4,8,16,32,64,128,256,512,1024,2048,4096,8192,16384,32768,65536,131072,262144,524288]",
                "adam:beta1=0.25,beta2=0.5,eps=0",
                "constant:alpha=0.01",
                20,
            ),
        ),
        Mutant(
            "no root",
            "_scaled",
            "root = sqrt(v)\n        return ratio(numerator, root), root",
            "root = v\n        return ratio(numerator, root), root",
            "adam-first-step",
            Run("himmelblau", "adam:eps=0,beta2=0.5", "inverse-sqrt:alpha=0.1", 100),
        ),
        Mutant(
            "no 1 - beta1",
            "_moments",
            "m = beta1_t * m + (1 - beta1_t) * g",
            "m = beta1_t * m + g",
            "adam-step-sup",
            Run(
                "periodic-linear:slopes=[1,2,4,8,16,32,64,128,256,512,1024,2048,4096,8192,16384,32768,65536,131072,262144,524288]",
                "adam:beta1=0.25,beta2=0.5,eps=0",
                "constant:alpha=0.01",
                20,
            ),
        ),
        Mutant(
            "no 1 - beta2",
            "_moments",
            "v = beta2 * v + (1 - beta2) * g * g",
            "v = beta2 * v + g * g",
            "adam-first-step",
            Run("quadratic", "adam:eps=0", "constant:alpha=0.01", 100),
        ),
        Mutant(
            "beta2 exchanged",
            "_moments",
            "v = beta2 * v + (1 - beta2) * g * g",
            "v = (1 - beta2) * v + beta2 * g * g",
            "adam-first-step",
            Run("quadratic", "adam:eps=0", "constant:alpha=0.01", 100),
        ),
        Mutant(
            "beta1 exchanged",
            "_moments",
            "m = beta1_t * m + (1 - beta1_t) * g",
            "m = (1 - beta1_t) * m + beta1_t * g",
            "adam-step-sup",
            Run(
                "periodic-linear:slopes=[10,11,12,13,15,16,18,19,21,24,26,29,31,35,38,42,46,51,56,61,67,74,81,90,98,108,119,131,144,159,174,192,211,232,255,281,309,340,374,411,453,498,548,602,663,729,802,882,970,1067,1174,1291,1420,1562,1719,1891,2080,2288,2516,2768,3045,3349,3684,4053,4458,4904,5394,5933,6527,7180,7897,8687,9556,10512,11563]",
                "adam:beta2=0.99,eps=0",
                "inverse-sqrt:alpha=0.01",
                75,
            ),
        ),
        Mutant(
            "v of m",
            "_moments",
            "v = beta2 * v + (1 - beta2) * g * g",
            "v = beta2 * v + (1 - beta2) * m * m",
            "adam-step-sup",
            Run(
                "periodic-linear:slopes=[1,2,4,8,16,32,64,128,256,512,1024,2048,4096,8192,16384,32768,65536,131072,262144,524288]",
                "adam:beta1=0.25,beta2=0.5,eps=0",
                "constant:alpha=0.01",
                20,
            ),
        ),
        Mutant(
            "no square",
            "_moments",
            "v = beta2 * v + (1 - beta2) * g * g",
            "v = beta2 * v + (1 - beta2) * abs(g)",
            "adam-step-sup",
            Run(
                "periodic-linear:slopes=[1,2,4,8,16,32,64,128,256,512,1024,2048,4096,8192,16384,32768,65536,131072,262144,524288]",
                "adam:beta1=0.25,beta2=0.5,eps=0",
                "constant:alpha=0.01",
                20,
            ),
        ),
        Mutant(
            "climbs",
            "_scaled",
            "return ratio(numerator, root), root",
            "return ratio(-numerator, root), root",
            "reddi-2018-thm2",
            Run(
                "reddi-2018-thm2",
                "adam:beta1=0.5,beta2=0.5,eps=0,bias_correction=none",
                "inverse-sqrt:alpha=1",
                2000,
            ),
        ),
        Mutant(
            "eps taken off",
            "_scaled",
            "else sqrt(v) + eps",
            "else sqrt(v) - eps",
            "adam-step-sup",
            Run("himmelblau", "adam", "constant:alpha=0.01", 500),
        ),
    ],
    "adamw": [
        Mutant(
            "decay coupled",
            "adamw",
            'if decay == "coupled"',
            'if decay == "decoupled"',
            "decoupled-decay-as-penalty",
            Run(
                "breast-cancer-logistic",
                "adamw:beta1=0,eps=1e30,weight_decay=0.01,decay_scale=none",
                "constant:alpha=1e29",
                300,
            ),
        ),
        Mutant(
            "decay without the step size",
            "adamw",
            "weight_decay, decay_scale)",
            'weight_decay, "none")',
            "decoupled-decay-as-penalty",
            Run(
                "noisy-quadratic",
                "adamw:beta1=0,eps=1e30,weight_decay=1e-31",
                "constant:alpha=1e29",
                300,
                4,
            ),
        ),
        Mutant(
            "decay of the wrong sign",
            "adamw",
            "step_size, weight_decay, decay_scale",
            "step_size, -weight_decay, decay_scale",
            "decoupled-decay-as-penalty",
            Run(
                "breast-cancer-logistic",
                "adamw:beta1=0,eps=1e30,weight_decay=0.01,decay_scale=none",
                "constant:alpha=1e29",
                300,
            ),
        ),
    ],
    "amsgrad": [
        Mutant(
            "the maximum is dropped",
            "amsgrad",
            "        vhat = maximum(vhat, v)\n        largest",
            "        vhat = maximum(beta2 * vhat, v)\n        largest",
            "alacaoglu-2020-thm1",
            Run("periodic-linear", "amsgrad:beta1=0,beta2=0.1", "inverse-sqrt:alpha=0.5", 1000),
        ),
        Mutant(
            "the maximum is of the round before",
            "amsgrad",
            "        vhat = maximum(vhat, v)\n        largest = _corrected(vhat, power2, second)",
            "        largest = _corrected(vhat, power2, second)\n        vhat = maximum(vhat, v)",
            "wilson-2017-lemma31",
            Run("wilson-2017:positives=30,negatives=10", "amsgrad", "inverse-sqrt:alpha=0.01", 300),
        ),
        Mutant(
            "no root",
            "_scaled",
            "root = sqrt(v)\n        return ratio(numerator, root), root",
            "root = v\n        return ratio(numerator, root), root",
            "alacaoglu-2020-thm1",
            Run(
                "periodic-linear:slopes=[100],start=1",
                "amsgrad:beta1=0,beta2=0.1",
                "inverse-sqrt:alpha=0.5",
                100,
            ),
        ),
        Mutant(
            "no 1 - beta1",
            "_moments",
            "m = beta1_t * m + (1 - beta1_t) * g",
            "m = beta1_t * m + g",
            "adam-first-moment-most",
            Run(
                "reddi-2018-thm3:delta=1.4,C=1.5",
                "amsgrad:beta1=0.5,beta2=0.5",
                "constant:alpha=0.01",
                60,
                256,
            ),
        ),
        Mutant(
            "no 1 - beta2",
            "_moments",
            "v = beta2 * v + (1 - beta2) * g * g",
            "v = beta2 * v + g * g",
            "adam-second-moment-most",
            Run(
                "reddi-2018-thm3:delta=1.4,C=1.5",
                "amsgrad:beta1=0.5,beta2=0.5",
                "constant:alpha=0.01",
                60,
                256,
            ),
        ),
        Mutant(
            "beta2 exchanged",
            "_moments",
            "v = beta2 * v + (1 - beta2) * g * g",
            "v = (1 - beta2) * v + beta2 * g * g",
            "alacaoglu-2020-thm1",
            Run(
                "periodic-linear:slopes=[1],start=1",
                "amsgrad:beta1=0,beta2=0.01",
                "inverse-sqrt:alpha=0.5",
                100,
            ),
        ),
        Mutant(
            "climbs",
            "_scaled",
            "return ratio(numerator, root), root",
            "return ratio(-numerator, root), root",
            "alacaoglu-2020-thm1",
            Run(
                "periodic-linear:slopes=[1],start=1",
                "amsgrad:beta1=0,beta2=0.75",
                "inverse-sqrt:alpha=0.7071067811865476",
                1000,
            ),
        ),
        Mutant(
            "multiplied by the root",
            "_scaled",
            "return ratio(numerator, root), root",
            "return numerator * root, root",
            "alacaoglu-2020-thm1",
            Run(
                "periodic-linear:slopes=[0.01],start=1",
                "amsgrad:beta1=0,beta2=0.1",
                "inverse-sqrt:alpha=0.5",
                400,
            ),
        ),
    ],
    "adagrad-norm": [
        Mutant(
            "by coordinate",
            "adagrad_norm",
            "size = norm(g)",
            "size = abs(g)",
            "adagrad-norm-regret",
            Run("expert-advice:dimension=10", "adagrad-norm", "constant:alpha=1.5", 600),
        ),
        Mutant(
            "norm not squared",
            "adagrad_norm",
            "s = s + size * size",
            "s = s + size",
            "adagrad-norm-regret",
            Run(
                "periodic-linear:slopes=[100,-100],start=1",
                "adagrad-norm",
                "constant:alpha=1.4",
                60,
            ),
        ),
        Mutant(
            "forgets",
            "adagrad_norm",
            "s = s + size * size",
            "s = size * size",
            "ward-2019-thm22",
            Run(
                "quadratic:dimension=1,kappa=1",
                "adagrad-norm:initial=10000",
                "constant:alpha=100",
                3,
            ),
        ),
        Mutant(
            "no root",
            "adagrad_norm",
            "return ratio(g, sqrt(s)), s",
            "return ratio(g, s), s",
            "ward-2019-thm22",
            Run(
                "quadratic:dimension=1,kappa=1",
                "adagrad-norm:initial=10000",
                "constant:alpha=100",
                3,
            ),
        ),
        Mutant(
            "the sum before",
            "adagrad_norm",
            "return ratio(g, sqrt(s)), s",
            "return ratio(g, sqrt(s - size * size)), s",
            "adam-scale-invariance",
            Run("pl-sine", "adagrad-norm", "constant:alpha=1", 100),
        ),
        Mutant(
            "climbs",
            "adagrad_norm",
            "return ratio(g, sqrt(s)), s",
            "return ratio(-g, sqrt(s)), s",
            "ward-2019-thm22",
            Run(
                "quadratic:dimension=1,kappa=1",
                "adagrad-norm:initial=10000",
                "constant:alpha=100",
                3,
            ),
        ),
    ],
    "adopt": [
        Mutant(
            "eps added",
            "adopt",
            "maximum(sqrt(v), eps)",
            "sqrt(v) + eps",
            "adopt-without-momentum",
            Run("huber-worst", "adopt:beta1=0,beta2=0.1,eps=0.05", "constant:alpha=0.002", 1000),
        ),
        Mutant(
            "no root",
            "adopt",
            "maximum(sqrt(v), eps)",
            "maximum(v, eps)",
            "adopt-without-momentum",
            Run("huber-worst:R0=100", "adopt:beta1=0,beta2=0.1,eps=1", "constant:alpha=0.05", 6000),
        ),
        Mutant(
            "eps inside",
            "adopt",
            "maximum(sqrt(v), eps)",
            "sqrt(v + eps)",
            "adopt-without-momentum",
            Run("huber-worst", "adopt:beta1=0,beta2=0.1,eps=0.05", "constant:alpha=0.002", 1000),
        ),
        Mutant(
            "climbs",
            "adopt",
            "return m, m, v",
            "return -m, m, v",
            "adopt-without-momentum",
            Run("huber-worst", "adopt:beta1=0,beta2=0.1,eps=0.05", "constant:alpha=0.002", 1000),
        ),
    ],
    "adamnc": [
        Mutant(
            "share always 1/10",
            "adamnc",
            "share = 1 / t",
            "share = 0.1",
            "adamnc-nonincreasing-beta1",
            Run("single-spike:k=12", "adamnc:beta1=0", "inverse-sqrt:alpha=1.4", 1600),
        ),
        Mutant(
            "climbs",
            "_scaled",
            "return ratio(numerator, root), root",
            "return ratio(-numerator, root), root",
            "adamnc-nonincreasing-beta1",
            Run(
                "periodic-linear:slopes=[1],start=1",
                "adamnc:beta1=0",
                "inverse-sqrt:alpha=1.414",
                500,
            ),
        ),
        Mutant(
            "no root",
            "_scaled",
            "root = sqrt(v)\n        return ratio(numerator, root), root",
            "root = v\n        return ratio(numerator, root), root",
            "adamnc-nonincreasing-beta1",
            Run(
                "periodic-linear:slopes=[100],start=1",
                "adamnc:beta1=0",
                "inverse-sqrt:alpha=0.5",
                100,
            ),
        ),
    ],
    "adamx": [
        Mutant(
            "the maximum is dropped",
            "adamx",
            "vhat = maximum(vhat, v)",
            "vhat = v",
            "tran-phong-2019-thm51",
            Run("periodic-linear", "adamx:beta1=0,beta2=0.1", "inverse-sqrt:alpha=0.5", 1000),
        ),
        Mutant(
            "climbs",
            "_scaled",
            "return ratio(numerator, root), root",
            "return ratio(-numerator, root), root",
            "tran-phong-2019-thm51",
            Run(
                "periodic-linear:slopes=[1],start=1",
                "adamx:beta1=0,beta2=0.1",
                "inverse-sqrt:alpha=1.3",
                500,
            ),
        ),
        Mutant(
            "no root",
            "_scaled",
            "root = sqrt(v)\n        return ratio(numerator, root), root",
            "root = v\n        return ratio(numerator, root), root",
            "tran-phong-2019-thm51",
            Run(
                "periodic-linear:slopes=[100],start=1",
                "adamx:beta1=0,beta2=0.1",
                "inverse-sqrt:alpha=0.5",
                100,
            ),
        ),
        Mutant(
            "no 1 - beta2",
            "_moments",
            "v = beta2 * v + (1 - beta2) * g * g",
            "v = beta2 * v + g * g",
            "tran-phong-2019-thm51",
            Run(
                "periodic-linear:slopes=[1],start=1",
                "adamx:beta1=0,beta2=0.99",
                "inverse-sqrt:alpha=0.2",
                400,
            ),
        ),
    ],
    "sign-descent": [
        Mutant(
            "climbs",
            "sign_descent",
            "return (sign(with_coupled_decay(g, x, weight_decay)),)",
            "return (-sign(with_coupled_decay(g, x, weight_decay)),)",
            "bernstein-2018-thm1-exact",
            Run("quadratic:kappa=1", "signsgd", "constant:alpha=1/64", 64),
        ),
        Mutant(
            "no sign",
            "sign_descent",
            "return (sign(with_coupled_decay(g, x, weight_decay)),)",
            "return (with_coupled_decay(g, x, weight_decay),)",
            "bernstein-2018-thm1-exact",
            Run("quadratic:kappa=1", "signsgd", "constant:alpha=1/64", 64),
        ),
        Mutant(
            "doubled",
            "sign_descent",
            "return (sign(with_coupled_decay(g, x, weight_decay)),)",
            "return (2 * sign(with_coupled_decay(g, x, weight_decay)),)",
            "bernstein-2018-thm1-exact",
            Run("quadratic:kappa=1", "signsgd", "constant:alpha=0.03", 700),
        ),
        Mutant(
            "halved",
            "sign_descent",
            "return (sign(with_coupled_decay(g, x, weight_decay)),)",
            "return (0.5 * sign(with_coupled_decay(g, x, weight_decay)),)",
            "bernstein-2018-thm1-exact",
            Run("quadratic:kappa=1", "signsgd", "constant:alpha=1/64", 64),
        ),
        Mutant(
            "decoupled decay coupled",
            "sign_descent",
            'if decay == "coupled"',
            'if decay == "decoupled"',
            "decoupled-sign-box",
            Run(
                "absolute-value:start=30",
                "sign-descent:weight_decay=0.1,decay=decoupled,maximize=true",
                "constant:alpha=0.1",
                1000,
            ),
        ),
        Mutant(
            "decay of the wrong sign",
            "sign_descent",
            "step_size, weight_decay,",
            "step_size, -weight_decay,",
            "decoupled-sign-box",
            Run(
                "absolute-value:start=30",
                "sign-descent:weight_decay=0.1,decay=decoupled,maximize=true",
                "constant:alpha=0.1",
                1000,
            ),
        ),
        Mutant(
            "decay halved",
            "sign_descent",
            "step_size, weight_decay,",
            "step_size, weight_decay / 2,",
            "decoupled-sign-box",
            Run(
                "absolute-value:start=30",
                "sign-descent:weight_decay=0.1,decay=decoupled,maximize=true",
                "constant:alpha=0.1",
                1000,
            ),
        ),
    ],
    "signum": [
        Mutant(
            "no sign",
            "signum",
            "with_decoupled_decay(sign(m)",
            "with_decoupled_decay(m",
            "decoupled-sign-box",
            Run(
                "periodic-linear:slopes=[100]",
                "signum:weight_decay=10,decay=decoupled",
                "constant:alpha=0.01",
                200,
            ),
        ),
        Mutant(
            "decoupled decay coupled",
            "signum",
            '    if decay == "coupled":\n        return sign(m), m',
            '    if decay == "decoupled":\n        return sign(m + weight_decay * x), m',
            "decoupled-sign-box",
            Run(
                "breast-cancer-logistic:batch=32",
                "signum:weight_decay=1,decay=decoupled",
                "constant:alpha=0.01",
                500,
                4,
            ),
        ),
        Mutant(
            "decay halved",
            "signum",
            "step_size, weight_decay,",
            "step_size, weight_decay / 2,",
            "decoupled-sign-box",
            Run(
                "breast-cancer-logistic:batch=32",
                "signum:weight_decay=1,decay=decoupled",
                "constant:alpha=0.01",
                500,
                4,
            ),
        ),
    ],
    "lion": [
        Mutant(
            "no sign",
            "lion",
            "direction = sign(beta1 * m + (1 - beta1) * g)",
            "direction = beta1 * m + (1 - beta1) * g",
            "decoupled-sign-box",
            Run("periodic-linear:slopes=[100]", "lion:weight_decay=10", "constant:alpha=0.01", 200),
        ),
        Mutant(
            "doubled",
            "lion",
            "direction = sign(beta1 * m + (1 - beta1) * g)",
            "direction = 2 * sign(beta1 * m + (1 - beta1) * g)",
            "decoupled-sign-box",
            Run("periodic-linear:slopes=[-1]", "lion:weight_decay=2", "constant:alpha=0.01", 1000),
        ),
        Mutant(
            "decay halved",
            "lion",
            "step_size, weight_decay,",
            "step_size, weight_decay / 2,",
            "decoupled-sign-box",
            Run("periodic-linear:slopes=[-1]", "lion:weight_decay=2", "constant:alpha=0.01", 1000),
        ),
        Mutant(
            "decay without the step size",
            "lion",
            'weight_decay, "step-size")',
            'weight_decay, "none")',
            "decoupled-sign-box",
            Run("rosenbrock", "lion:weight_decay=2", "constant:alpha=0.01", 1000),
        ),
    ],
    "accelerated-gradient": [
        Mutant(
            "gradient at the iterate",
            "accelerated_gradient",
            "query=next_x - u",
            "query=next_x",
            "beck-teboulle-2009-fista",
            Run("huber-worst:N=50", "accelerated-gradient", "inverse-smoothness", 100),
        ),
        Mutant(
            "looks back",
            "accelerated_gradient",
            "query=next_x - u",
            "query=next_x + u",
            "taylor-2017-accelerated-gradient",
            Run(
                "digits-softmax",
                "accelerated-gradient:weights=simplified",
                "inverse-smoothness",
                300,
            ),
        ),
        Mutant(
            "the weight starts anew",
            "accelerated_gradient",
            "momentum = (weight - 1) / following",
            "momentum = weight / following",
            "beck-teboulle-2009-fista",
            Run("huber-worst:N=50", "accelerated-gradient", "inverse-smoothness", 100),
        ),
        Mutant(
            "2 for 4 in the weights",
            "accelerated_gradient",
            "4 * weight * weight",
            "2 * weight * weight",
            "beck-teboulle-2009-fista",
            Run("huber-worst:N=5201", "accelerated-gradient", "inverse-smoothness", 200),
        ),
        Mutant(
            "momentum without the gradient's step",
            "accelerated_gradient",
            "u = momentum * displacement",
            "u = momentum * u",
            "taylor-2017-accelerated-gradient",
            Run(
                "huber-worst:N=13,h=0.5",
                "accelerated-gradient:weights=simplified",
                "inverse-smoothness",
                5,
            ),
        ),
    ],
    "optimized-gradient": [
        Mutant(
            "the look at the gradient left out",
            "optimized_gradient",
            "new = (weight - 1) * displacement + weight * step",
            "new = (weight - 1) * displacement",
            "kim-fessler-2017-ogm-primary",
            Run(
                "huber-worst:N=2650",
                "optimized-gradient:last_step=false",
                "inverse-smoothness",
                100,
            ),
        ),
        Mutant(
            "Nesterov's query",
            "optimized_gradient",
            "query=next_x + behind - new / following",
            "query=next_x - new / following",
            "kim-fessler-2016-ogm",
            Run("quadratic:kappa=1,dimension=1", "optimized-gradient", "inverse-smoothness", 100),
        ),
        Mutant(
            "no last step",
            "optimized_gradient",
            "behind = new / stopping",
            "behind = 0 * new / stopping",
            "kim-fessler-2016-ogm",
            Run("quadratic:kappa=1,dimension=1", "optimized-gradient", "inverse-smoothness", 100),
        ),
        Mutant(
            "4 for 8 in the last weight",
            "optimized_gradient",
            "stopping = (1 + sqrt(1 + 8 * weight * weight)) / 2",
            "stopping = (1 + sqrt(1 + 4 * weight * weight)) / 2",
            "kim-fessler-2016-ogm",
            Run("quadratic:kappa=1,dimension=1", "optimized-gradient", "inverse-smoothness", 100),
        ),
        Mutant(
            "look-ahead doubled",
            "optimized_gradient",
            "query=next_x - new / following)\n    # w",
            "query=next_x - 2 * new / following)\n    # w",
            "kim-fessler-2017-ogm-primary",
            Run(
                "quadratic:kappa=10000",
                "optimized-gradient:last_step=false",
                "inverse-smoothness",
                1000,
            ),
        ),
    ],
    "primal-averaging": [
        Mutant(
            "no averaging",
            "primal_averaging",
            "return share * u, (1 - share) * u",
            "return u, u - u",
            "primal-averaging-lipschitz",
            Run("l1-norm", "primal-averaging", "constant:alpha=0.4", 100),
        ),
        Mutant(
            "the velocity is kept whole",
            "primal_averaging",
            "return share * u, (1 - share) * u",
            "return share * u, u",
            "goujaud-2022-heavy-ball",
            Run("quadratic:kappa=100", "primal-averaging", "inverse-smoothness", 1000),
        ),
        Mutant(
            "step size halved",
            "primal_averaging",
            "u = u + step_size * g",
            "u = u + 0.5 * step_size * g",
            "goujaud-2022-heavy-ball",
            Run("huber-worst:N=50,h=0.5", "primal-averaging", "inverse-smoothness", 50),
        ),
    ],
    "unified-momentum": [
        Mutant(
            "momentum doubled",
            "unified_momentum",
            "displacement = step_size * g + beta1 * (u + ahead)",
            "displacement = step_size * g + 2 * beta1 * (u + ahead)",
            "yan-2018-heavy-ball",
            Run(
                "star-convex-valley:start=1",
                "unified-momentum:look_ahead=0,beta1=0.5",
                "constant:alpha=0.05",
                200,
            ),
        ),
        Mutant(
            "the velocity is lost",
            "unified_momentum",
            "displacement = step_size * g + beta1 * (u + ahead)",
            "displacement = step_size * g + beta1 * ahead",
            "yan-2018-heavy-ball",
            Run("huber-worst:N=1", "unified-momentum:look_ahead=0", "constant:alpha=5e-4", 3000),
        ),
        Mutant(
            "climbs",
            "unified_momentum",
            "displacement = step_size * g + beta1 * (u + ahead)",
            "displacement = -step_size * g + beta1 * (u + ahead)",
            "yan-2018-heavy-ball",
            Run(
                "star-convex-valley:start=0.01",
                "unified-momentum:look_ahead=0,beta1=0",
                "constant:alpha=0.25",
                100,
            ),
        ),
    ],
}

_OF_BLOCKS = "no claim speaks of blocks; a loop over matrices notices (test_rules_matrix)"
NOT_CAUGHT = {
    "gradient-descent": [
        Missed(
            "decay off the wrong way",
            "gradient_descent",
            "with_coupled_decay(g, x, weight_decay)",
            "with_coupled_decay(g, x, -weight_decay)",
            "sgd:weight_decay=0.1",
            "no claim speaks of gradient descent with decay",
        ),
    ],
    "nesterov": [
        Missed(
            "gradient at the iterate",
            "nesterov",
            "query=next_x - beta1 * u",
            "query=next_x",
            "nesterov",
            "a heavy ball, whose worst case stays below the bound (.86 at T = 4, .70 at 12)",
        ),
        Missed(
            "look-ahead without the gradient",
            "nesterov",
            "return g + beta1 * u, u",
            "return beta1 * u, u",
            "nesterov:iterate=look-ahead",
            "no claim speaks of iterate=look-ahead",
        ),
    ],
    "rmsprop": [
        Missed(
            "no root",
            "_scaled",
            "else sqrt(v) + eps",
            "else v + eps",
            "rmsprop",
            "no claim bounds the steps or the regret of RMSprop",
        ),
        Missed(
            "no 1 - beta2",
            "rmsprop",
            "v = beta2 * v + (1 - beta2) * g * g",
            "v = beta2 * v + g * g",
            "rmsprop",
            "as above; it is RMSprop with another step size",
        ),
    ],
    "adam": [
        Missed(
            "eps inside for outside",
            "_scaled",
            'if eps_position == "inside"',
            'if eps_position == "outside"',
            "adam",
            "the claims with eps > 0 have room for either place",
        ),
    ],
    "adamw": [
        Missed(
            "first moment uncorrected",
            "_adam",
            'bias_correction in ("both", "first")',
            'bias_correction == "first"',
            "adamw",
            "the claims on the steps of Adam do not speak of adamw",
        ),
        Missed(
            "second moment uncorrected",
            "_adam",
            'bias_correction in ("both", "second")',
            'bias_correction == "second"',
            "adamw",
            "as above",
        ),
    ],
    "amsgrad": [
        Missed(
            "beta1 does not shrink",
            "_moments",
            "beta1_decay * decay_t",
            "decay_t",
            "amsgrad:beta1_decay=0.9",
            "the bounds hold for every beta1_t that does not rise: true",
        ),
    ],
    "adamax": [
        Missed(
            "no fading",
            "adamax",
            "u = maximum(beta2 * u, abs(g))",
            "u = maximum(u, abs(g))",
            "adamax",
            "no claim speaks of AdaMax but that scale does not matter to it",
        ),
        Missed(
            "no absolute value",
            "adamax",
            "u = maximum(beta2 * u, abs(g))",
            "u = maximum(beta2 * u, g)",
            "adamax",
            "as above",
        ),
        Missed(
            "first moment uncorrected",
            "adamax",
            "m_hat = _corrected(m, power1, True)",
            "m_hat = _corrected(m, power1, False)",
            "adamax",
            "as above",
        ),
    ],
    "nadam": [
        Missed(
            "moment corrected by this round's product",
            "nadam",
            "next_mu * m / (1 - next_mu * product)",
            "next_mu * m / (1 - product)",
            "nadam",
            "no claim speaks of NAdam but that scale does not matter to it",
        ),
        Missed(
            "momentum of this round for the next one's",
            "nadam",
            "beta1 * (1 - 0.5 * (_FADING * fade))",
            "beta1 * (1 - 0.5 * fade)",
            "nadam",
            "as above",
        ),
        Missed(
            "no product",
            "nadam",
            "product = mu * product",
            "product = mu",
            "nadam",
            "as above",
        ),
    ],
    "adopt": [
        Missed(
            "second moment first",
            "adopt",
            "maximum(sqrt(v), eps)",
            "maximum(sqrt(beta2 * v + (1 - beta2) * g * g), eps)",
            "adopt",
            "biased only where gradients and their size go together; the bound has room for that",
        ),
        Missed(
            "first round steps",
            "adopt",
            "m = where(t > 1, beta1 * m + (1 - beta1) * scaled, m)",
            "m = beta1 * m + (1 - beta1) * scaled",
            "adopt",
            "one more step of at most the same kind",
        ),
        Missed(
            "least for largest",
            "adopt",
            "maximum(sqrt(v), eps)",
            "eps",
            "adopt",
            "the proof needs no more than a denominator between eps and max(G_inf, eps): true",
        ),
    ],
    "adamnc": [
        Missed(
            "share 1/(t+1)",
            "adamnc",
            "share = 1 / t",
            "share = 1 / (t + 1)",
            "adamnc",
            "steps that are sqrt(1 + 1/t) times as long: nothing of it is left for large T",
        ),
        Missed(
            "share 1/t**2",
            "adamnc",
            "share = 1 / t",
            "share = 1 / t / t",
            "adamnc",
            "a second moment that hardly moves; the same on gradients of one size",
        ),
    ],
    "adamx": [
        Missed(
            "weight upside down",
            "adamx",
            "growth = share / before",
            "growth = before / share",
            "adamx:beta1_decay=0.9",
            "the weight tends to 1, and the bound is loose",
        ),
        Missed(
            "weight not squared",
            "adamx",
            "growth * growth * vhat",
            "growth * vhat",
            "adamx:beta1_decay=0.9",
            "as above",
        ),
    ],
    "signum": [
        Missed(
            "climbs",
            "signum",
            "with_decoupled_decay(sign(m)",
            "with_decoupled_decay(-sign(m)",
            "signum:decay=decoupled",
            "the only claim on Signum is its box, which does not know what is minimised",
        ),
        Missed(
            "the momentum is lost",
            "signum",
            "m = beta1 * m + (1 - beta1) * g",
            "m = 0 * m + (1 - beta1) * g",
            "signum",
            "as above; it is sign descent",
        ),
    ],
    "lion": [
        Missed(
            "climbs",
            "lion",
            "direction = sign(beta1 * m + (1 - beta1) * g)",
            "direction = -sign(beta1 * m + (1 - beta1) * g)",
            "lion",
            "the only claim on Lion is its box, which does not know what is minimised",
        ),
        Missed(
            "betas exchanged",
            "lion",
            "m = beta2 * m + (1 - beta2) * g",
            "m = beta1 * m + (1 - beta1) * g",
            "lion",
            "as above",
        ),
        Missed(
            "momentum first",
            "lion",
            "direction = sign(beta1 * m + (1 - beta1) * g)",
            "direction = sign(beta2 * m + (1 - beta2) * g)",
            "lion",
            "as above",
        ),
    ],
    "accelerated-gradient": [
        Missed(
            "momentum t / (t + 2)",
            "accelerated_gradient",
            "momentum = following = (t - 1) / (t + 2)",
            "momentum = following = t / (t + 2)",
            "accelerated-gradient:weights=simplified",
            "its worst case stays below the bound (.88 at T = 2, .79 at 5, .82 at 10)",
        ),
    ],
    "primal-averaging": [
        Missed(
            "share of the newest doubled",
            "primal_averaging",
            "(1 + averaging_power) / (t",
            "2 * (1 + averaging_power) / (t",
            "primal-averaging",
            "its worst case stays below the bound (.67 at T = 1, .74 at 12)",
        ),
        Missed(
            "one round late",
            "primal_averaging",
            "/ (t + 1 + averaging_power)",
            "/ (t + averaging_power)",
            "primal-averaging",
            "it is one step ahead, and better: .80 of the bound at T = 3, .88 at 6",
        ),
    ],
    "adafactor": [
        Missed(
            "moments of rows alone",
            "adafactor",
            'v = row * column / mean_along(row, "block")',
            "v = row",
            "adafactor",
            _OF_BLOCKS,
        ),
        Missed(
            "clipped by the norm",
            "adafactor",
            "_root_mean_square(update) / clip_threshold",
            'norm_along(update, "block") / clip_threshold',
            "adafactor",
            _OF_BLOCKS,
        ),
        Missed(
            "t**-0.4",
            "adafactor",
            "decay = 1 - 1 / ((root * root) * (root * root))",
            "decay = 1 - 1 / (root * root)",
            "adafactor",
            _OF_BLOCKS,
        ),
        Missed(
            "relative to the gradient",
            "adafactor",
            "maximum(least_scale, _root_mean_square(x))",
            "maximum(least_scale, _root_mean_square(g))",
            "adafactor",
            _OF_BLOCKS,
        ),
    ],
    "adam-mini": [
        Missed(
            "second moment by coordinate",
            "adam_mini",
            'mean_along(g * g, "block")',
            "(g * g)",
            "adam-mini",
            _OF_BLOCKS,
        ),
        Missed(
            "one number a row",
            "adam_mini",
            'mean_along(g * g, "block")',
            'mean_along(g * g, "rows")',
            "adam-mini",
            _OF_BLOCKS,
        ),
        Missed(
            "the square of the mean",
            "adam_mini",
            'mean_along(g * g, "block")',
            'mean_along(g, "block") * mean_along(g, "block")',
            "adam-mini",
            _OF_BLOCKS,
        ),
    ],
    "muon": [
        Missed(
            "a coefficient miscopied",
            "_quintic",
            "2.0315 * matmul(gram, gram)",
            "2.0351 * matmul(gram, gram)",
            "muon",
            _OF_BLOCKS,
        ),
        Missed("four steps", "_quintic", "range(5)", "range(4)", "muon", _OF_BLOCKS),
        Missed(
            "norm of columns",
            "muon",
            'norm_along(moved, "block")',
            'norm_along(moved, "columns")',
            "muon",
            _OF_BLOCKS,
        ),
        Missed(
            "momentum once more",
            "muon",
            "g + beta1 * u if nesterov",
            "g + u if nesterov",
            "muon",
            _OF_BLOCKS,
        ),
        Missed(
            "wide for tall",
            "muon",
            "sqrt(maximum(1.0, rows / columns))",
            "sqrt(maximum(1.0, columns / rows))",
            "muon",
            _OF_BLOCKS,
        ),
    ],
    "unified-momentum": [
        Missed(
            "look-ahead of the wrong sign",
            "unified_momentum",
            "return displacement, displacement - ahead",
            "return displacement, displacement + ahead",
            "unified-momentum",
            "its worst case stays below the bound (.55 at T = 4, .60 at 8)",
        ),
    ],
}


def listed(table):
    return [
        pytest.param(key, mutant, id=f"{key}: {mutant.name}")
        for key, mutants in table.items()
        for mutant in mutants
    ]


def word(claim, how, rule, schedule=None):
    claim = catalogue[claim]()
    record = run(
        how.problem,
        rule,
        schedule or how.schedule,
        how.steps,
        seeds=how.seeds,
        measures=[],
        times=[how.steps] if claim.kind == "every run" else None,
    )
    return judge(claim, record).word


def mutated(key, mutant, rule):
    """The broken rule under the key of the right one."""
    made = broken(key, mutant.function, mutant.old, mutant.new).find(rule)
    assert made.key == key
    return made


@pytest.mark.parametrize(("key", "mutant"), listed(CAUGHT))
def test_a_mutant_is_caught_by_a_claim_that_holds_for_the_rule(key, mutant):
    assert word(mutant.claim, mutant.run, mutant.run.rule) == "holds"
    assert word(mutant.claim, mutant.run, mutated(key, mutant, mutant.run.rule)) == "violated"


@pytest.mark.parametrize(("key", "mutant"), listed(NOT_CAUGHT))
def test_a_mutant_that_no_claim_catches_is_another_rule(key, mutant):
    made = mutated(key, mutant, mutant.rule)
    assert made.formula() != convergence.rules.find(mutant.rule).formula()
    assert mutant.reason


@pytest.mark.slow
@pytest.mark.parametrize(("key", "mutant"), listed(NOT_CAUGHT))
def test_no_case_of_a_claim_catches_what_is_said_not_to_be_caught(key, mutant):
    catalogued = broken(key, mutant.function, mutant.old, mutant.new)
    noticed = []
    for entry in catalogue:
        claim = entry()
        for case in claim.cases:
            if case.expected != "holds" or convergence.rules.find(case.rule).key != key:
                continue
            how = Run(case.problem, case.rule, case.schedule, case.steps, case.seeds)
            if word(entry.key, how, catalogued.find(case.rule)) == "violated":
                noticed.append(entry.key)
    assert noticed == []


def test_every_rule_has_three_mutants():
    # That file goes on from this one.
    import test_mutants_recent as recent

    tables = (CAUGHT, NOT_CAUGHT, recent.CAUGHT, recent.NOT_CAUGHT)
    few = {
        entry.key
        for entry in convergence.rules.catalogue
        if sum(len(table.get(entry.key, [])) for table in tables) < 3
    }
    assert few == set()


# Step sizes

ALTERNATING = "periodic-linear:slopes=[1,-1]"
SCHEDULES = {
    "1/t for 1/sqrt(t)": (
        lambda t, *, alpha: alpha / t,
        "zinkevich-2003-thm1",
        Run("periodic-linear:slopes=[1],start=1", "sgd", "inverse-sqrt:alpha=0.1", 2_000),
    ),
    "constant for 1/sqrt(t)": (
        lambda t, *, alpha: alpha + 0 * t,
        "zinkevich-2003-thm1",
        Run(ALTERNATING, "sgd", "inverse-sqrt:alpha=1", 1_000),
    ),
    "1/sqrt(t) for 1/t": (
        lambda t, *, alpha: alpha / np.sqrt(t),
        "hazan-2007-thm1",
        Run("drifting-quadratics:period=2,radius=0.1", "sgd", "inverse:alpha=1", 1_000),
    ),
    "2/L for 1/L": (
        lambda t, L, *, h: 2 * h / L + 0 * t,
        "drori-teboulle-2014-gd",
        Run("quadratic:kappa=1,dimension=1", "sgd", "inverse-smoothness", 100),
    ),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_broken_schedule_is_caught_by_a_claim_that_holds_for_the_right_one(name):
    function, claim, how = SCHEDULES[name]
    right = find_schedule(how.schedule)
    wrong = replace(right, entry=replace(right.entry, function=function))
    # The claim must not be told: it asks the schedule for its step sizes.
    told = catalogue[claim]()
    blind = replace(told, assumptions=())
    assert word(claim, how, how.rule) == "holds"
    record = run(how.problem, how.rule, wrong, how.steps, measures=[])
    assert judge(blind, record).word == "violated"

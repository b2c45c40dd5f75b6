"""Compiled steps on problems of several dimensions: the bits of the numpy engine."""

import warnings
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from levels import quick_if

from convergence import find_problem, find_schedule, quantity, rules, run
from convergence.engines import steps
from convergence.experiment import Experiment
from convergence.simulation import Simulation
from problems.domain import Ball, Simplex
from problems.problem import Problem

QUANTITIES = [entry.key.replace("-", "_") for entry in quantity.catalogue]
FEW = ["loss_sum", "gradient_norm_least", "iterate_low"]
# One of each kind: no noise, noise, drawn rows, a box, a network of products.
KINDS = [
    "quadratic:dimension=3",
    "noisy-quadratic",
    "breast-cancer-logistic:batch=4",
    "sparse-hinge",
    "rosenbrock",
]
# Rules of blocks have no compiled steps; for those that ask for the objective see
# `test_rules_recent`.
QUICK_RULES = ["amsgrad", "adam", "nesterov", "adagrad", "lion"]
RULES = [e.key for e in rules.catalogue if {"matrix", "objective"}.isdisjoint(e.tags)]


def bits(
    problem,
    rule,
    engine,
    *,
    seeds=(0, 1, 2),
    quantities=FEW,
    rounds=(7, 30),
    alpha=0.01,
    workers=1,
):
    """The bytes of all that a run keeps."""
    simulation = Simulation(
        Experiment(
            find_problem(problem) if isinstance(problem, str) else problem,
            rules.find(rule),
            find_schedule(f"constant:alpha={alpha}"),
            rounds[-1],
        ),
        seeds=seeds,
        quantities=quantities,
        engine=engine,
        workers=workers,
    )
    for to in rounds:
        simulation.advance(to)
    kept = {"x": simulation.iterate, "y": simulation.query_point}
    kept |= simulation.state | simulation.totals
    # Which sign a NaN has is left to the processor.
    return {n: np.where(np.isnan(v), np.nan, v).tobytes() for n, v in kept.items()}


# What takes long here is to compile. Every rule is compiled in the quick tests of `test_compiled`.
@pytest.mark.parametrize(
    ("problem", "rule"),
    quick_if(lambda both: both in zip(KINDS, QUICK_RULES, strict=True), [*product(KINDS, RULES)]),
)
def test_every_rule_has_the_same_bits(problem, rule):
    assert bits(problem, rule, "compiled") == bits(problem, rule, "array")


@pytest.mark.parametrize("rule", quick_if({"adam"}.__contains__, RULES))
def test_every_quantity_has_the_same_bits(rule):
    parts = ("quadratic:dimension=5,rotated=true", rule)
    both = (bits(*parts, engine, quantities=QUANTITIES) for engine in ("compiled", "array"))
    assert next(both) == next(both)


@pytest.mark.parametrize("seeds", [(0,), (4, 0), range(9)])
def test_lanes_are_independent(seeds):
    def lanes(seeds):
        return run(
            "noisy-quadratic", "adam", "constant:alpha=0.1", 40, seeds=seeds, engine="compiled"
        ).series["iterate"]

    whole = lanes(seeds)
    for place, seed in enumerate(seeds):
        assert np.array_equal(lanes([seed])[0], whole[place])


def on(domain):
    """A quadratic whose minimiser lies outside the domain."""
    return Problem(
        formula="||x - (3, 1)||**2 / 2",
        domain=domain,
        start=np.array([0.5, 0.5]),
        loss_formula=lambda x, sample: 0.5 * ((x - [3.0, 1.0]) ** 2).sum(axis=-1),
        gradient_formula=lambda x, sample: x - [3.0, 1.0],
    )


@pytest.mark.parametrize("domain", [Ball(1.0), Simplex()])
@pytest.mark.parametrize("rule", ["sgd", "adam", "heavy-ball"])
def test_other_projections_are_called(domain, rule):
    assert bits(on(domain), rule, "compiled") == bits(on(domain), rule, "array")


@pytest.mark.slow
@given(
    beta1=st.floats(0, 0.999),
    beta2=st.floats(0, 0.9999),
    eps=st.floats(0, 1),
    alpha=st.floats(1e-300, 1e300),
    key=st.sampled_from(["adam", "amsgrad", "nadam", "adamax"]),
)
@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_drawn_settings_have_the_same_bits(beta1, beta2, eps, alpha, key):
    parts = ("quadratic:dimension=3", f"{key}:beta1={beta1},beta2={beta2},eps={eps}")
    assert bits(*parts, "compiled", alpha=alpha) == bits(*parts, "array", alpha=alpha)


def test_a_gradient_that_is_the_iterate_itself_is_read_before_it_is_overwritten():
    problem = replace(
        on(Ball(10.0)),
        loss_formula=lambda x, sample: 0.5 * (x * x).sum(axis=-1),
        gradient_formula=lambda x, sample: x,
    )
    assert bits(problem, "adam", "compiled") == bits(problem, "adam", "array")


def test_what_stood_before_stays_as_it_was():
    simulation = Simulation(
        Experiment(
            find_problem("quadratic:dimension=3"),
            rules.find("adam"),
            find_schedule("constant:alpha=0.01"),
            20,
        ),
        engine="compiled",
    )
    simulation.advance(10)
    before = simulation.iterate
    copy = before.copy()
    simulation.advance(20)
    assert np.array_equal(before, copy)


def test_a_step_in_another_form_would_be_found(monkeypatch):
    """One operation regrouped is another last bit somewhere."""
    right = bits("quadratic:dimension=5", "adam", "array")
    original = steps.compiled_steps

    def regrouped(*parts):
        made = original(*parts)
        old, new = "setting_beta1 * state_m", "(setting_beta1 / 3.0 * state_m) * 3.0"
        assert old in made.body
        return replace(made, body=made.body.replace(old, new))

    monkeypatch.setattr(steps, "compiled_steps", regrouped)
    assert bits("quadratic:dimension=5", "adam", "compiled") != right


def test_what_has_no_compiled_step_runs_on_numpy_and_says_why():
    with pytest.warns(UserWarning, match="projection onto the ball of radius 1 comes before"):
        bits(on(Ball(1.0)), "nesterov", "compiled")
    with pytest.warns(UserWarning, match="projection in the metric"):
        run(
            on(Ball(1.0)),
            "adagrad:eps=1e-8",
            "constant:alpha=0.1",
            5,
            projection="metric",
            engine="compiled",
        )


def test_a_long_run_takes_compiled_steps_by_itself():
    def parts(horizon):
        return Simulation(
            Experiment(
                find_problem("quadratic:dimension=3"),
                rules.find("adam"),
                find_schedule("constant:alpha=0.01"),
                horizon,
            )
        )

    assert parts(1000)._steps is None
    assert parts(1_000_000)._steps is not None


def test_no_warning_where_nothing_is_lost():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        bits("quadratic:dimension=3", "sgd", "compiled")


@pytest.mark.parametrize("problem", KINDS)
@pytest.mark.parametrize("workers", [2, 3, 64])
def test_any_number_of_threads_gives_the_same_bits(problem, workers):
    parts = {"seeds": range(5), "rounds": (7, 20)}
    for rule in ("adam", "accelerated-gradient"):
        alone = bits(problem, rule, "compiled", **parts)
        assert bits(problem, rule, "compiled", workers=workers, **parts) == alone

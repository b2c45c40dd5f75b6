"""What is computed once, or not at all, leaves verdicts and bits as they are."""

import sys
from dataclasses import replace

import numpy as np
import pytest
from scipy import special

import convergence
import problems
from convergence import capability, simulation
from convergence.claims import find
from convergence.experiment import Experiment
from convergence.judges import judge, judge_experiment
from convergence.judges.stream import Planned, Stream
from convergence.rules import find as find_rule
from convergence.simulation import Simulation, run, run_all
from problems import arithmetic, draws
from problems.data import predictors
from problems.notation import InputError
from problems.problem import once

PLANS = [
    # One round, every round, runs that end early, a twin, chance, a trend.
    ("adam-first-step", "quadratic", "adam:eps=0", "constant:alpha=0.01", 30, 1),
    ("gd-nonconvex-classic", "quadratic", "gradient-descent", "constant:alpha=0.001", 30, 1),
    ("sgd-convex-avg", "quadratic", "gradient-descent", "constant:alpha=1000000000", 300, 1),
    ("sgd-convex-avg", "noisy-huber", "gradient-descent", "constant:alpha=0.001", 30, 4),
    ("decoupled-sign-box", "wilson-2017", "lion:weight_decay=2", "constant:alpha=0.1", 30, 1),
    ("bertsekas-tsitsiklis-2000", "two-point-noise", "sgd", "inverse:alpha=1", 2000, 4),
    ("gd-strongly-convex", "rosenbrock", "gradient-descent", "constant:alpha=0.001", 30, 1),
    ("coupled-decay-is-a-penalty", "quadratic", "sgd:weight_decay=1", "constant:alpha=0.1", 9, 1),
]

#: Its best fixed point depends on what was drawn.
DRAWN = "reddi-2018-stochastic"


@pytest.mark.parametrize(("key", "problem", "rule", "schedule", "steps", "seeds"), PLANS)
def test_a_run_that_is_planned_is_judged_as_one_that_is_recorded(
    key, problem, rule, schedule, steps, seeds
):
    claim = find(key)
    last = [steps] if claim.kind == "every run" else None
    record = convergence.run(problem, rule, schedule, steps, seeds=seeds, measures=[], times=last)
    assert judge_experiment(claim, record.experiment) == judge(claim, record)


def test_a_plan_that_could_not_begin_is_refused_even_where_the_claim_does_not_speak_of_it():
    nowhere = problems.from_function(lambda x: np.nan, lambda x: x, start=[1.0])
    experiment = Experiment(nowhere, "adam", "constant:alpha=1", 3)
    with pytest.raises(InputError, match="is not finite at its start point"):
        judge_experiment(find("gd-strongly-convex"), experiment)


def test_what_follows_from_a_problem_alone_is_computed_once_for_each_problem():
    asked = []

    @once
    def dimension(problem):
        asked.append(problem)
        return problem.dimension

    first, second = problems.find("quadratic"), problems.find("quadratic:dimension=3")
    made_anew = replace(first, formula="another")
    answers = [dimension(p) for p in (first, second, first, second, made_anew)]
    assert answers == [p.dimension for p in (first, second, first, second, first)]
    assert len(asked) == 3


@pytest.mark.parametrize("rule", ["adam", "nesterov"])
@pytest.mark.parametrize("problem", ["rare-feature-logistic", "reddi-2018-stochastic", "quartic"])
@pytest.mark.parametrize("seeds", [1, 3])
def test_rounds_one_by_one_or_many_at_once_have_the_same_bits(problem, rule, seeds):
    """Samples and step sizes are made for rounds ahead, and lanes looked at in blocks."""

    def begun():
        experiment = Experiment(problem, rule, "inverse-sqrt:alpha=0.1", 300, seeds=seeds)
        return Simulation(experiment, seeds=range(seeds), quantities=["loss_sum"])

    blocks, steps, jumps = begun(), begun(), begun()
    observed = [seen for _, seen in blocks.every_round(300)]
    iterates = np.concatenate([seen.iterate for seen in observed], axis=1)
    sums = np.concatenate([seen.totals["loss_sum"] for seen in observed], axis=1)
    for t in range(1, 301):
        steps.advance(t)
        assert (steps.iterate == iterates[:, t - 1]).all()
        assert (steps.totals["loss_sum"] == sums[:, t - 1]).all()
    for t in (1, 2, 130, 299, 300):
        jumps.advance(t)
        assert (jumps.iterate == iterates[:, t - 1]).all()


@pytest.mark.parametrize("seeds", [1, 2])
def test_the_first_step_that_is_not_finite_is_found_in_a_block(seeds):
    parts = "noisy-quadratic", "gradient-descent", "constant:alpha=1000", 300
    one, many = (Simulation(Experiment(*parts), seeds=range(seeds)) for _ in "ab")
    for t in range(1, 301):
        one.advance(t)
    for _ in many.every_round(300):
        pass
    assert (one.ended > 0).all()
    assert (many.ended == one.ended).all()


@pytest.mark.parametrize("shape", [(4, 4), (3, 7, 5), (2, 3, 10, 10), (5, 40, 2)])
def test_compiled_rotations_have_the_bits_of_those_on_arrays(shape, monkeypatch):
    """Of whole matrices, of ranks that are not full, and of a lane that is not finite."""
    a = np.random.default_rng(0).standard_normal(shape)
    square = a @ np.swapaxes(a, -1, -2)
    a[..., -1] = a[..., 0]
    if a.ndim > 2:
        a[0], square[0] = np.nan, 0.0
    found = {}
    for some in (1, 1 << 30):
        monkeypatch.setattr(arithmetic, "_SOME", some)
        monkeypatch.setitem(sys.modules, "numba", __import__("numba"))
        with np.errstate(all="ignore"):
            parts = arithmetic.polar(a), arithmetic.inverse_fourth_root(square)
        found[some] = [part.tobytes() for part in parts]
    assert found[1] == found[1 << 30]


def test_draws_compiled_or_not_have_the_same_bits(monkeypatch):
    found = []
    for some in (1, 1 << 30):
        monkeypatch.setattr(draws, "_SOME", some)
        monkeypatch.setattr(draws, "_MANY", some)
        seeds, rounds = np.arange(5)[None, :, None], np.arange(1, 9)[:, None, None]
        numbers = [draws.uniform(seeds, rounds, np.arange(k)) for k in (1, 7)]
        found.append([n.tobytes() for n in (*numbers, draws.indices(seeds, rounds, 0, 9))])
    assert found[0] == found[1]


@pytest.mark.parametrize("constant_step", [False, True])
@pytest.mark.parametrize("one_coordinate", [False, True])
def test_what_tells_rules_apart_early_never_parts_the_same_method(
    constant_step, one_coordinate, monkeypatch
):
    """Without it every pair is compared formula by formula, with the same answer."""
    texts = ["heavy-ball:beta1=0", "adamw:weight_decay=0", "adam:beta1=0,eps=0", "nesterov"]
    how = {"constant_step": constant_step, "one_coordinate": one_coordinate}

    def found():
        capability._others.cache_clear()
        return [[r.specification for r in capability.views(find_rule(t), **how)] for t in texts]

    early = found()
    monkeypatch.setattr(capability, "_differ", lambda rule, other, constant_step: False)
    assert found() == early
    assert any(len(others) > 1 for others in early)


@pytest.mark.parametrize("count", [2, 7, 8, 10, 23, 128, 200])
def test_softmax_and_log_sum_exp_have_the_bits_of_scipy(count):
    scores = np.random.default_rng(0).normal(size=(3, 50, count))
    scores *= np.array([1e-3, 1.0, 300.0])[:, None, None]
    scores[0, 0], scores[1, 0, :2] = 0.0, 50.0
    assert np.array_equal(predictors._softmax(scores), special.softmax(scores, axis=-1))
    assert np.array_equal(predictors._log_sum_exp(scores), special.logsumexp(scores, axis=-1))
    scores[0, 0, 0], scores[1, 0, 0], scores[2, 0] = np.inf, np.nan, -np.inf
    expected = special.logsumexp(scores, axis=-1)
    assert np.array_equal(predictors._log_sum_exp(scores), expected, equal_nan=True)


@pytest.mark.parametrize(
    ("key", "problem", "step"),
    [
        ("sgd-convex-avg", "noisy-huber", 0.001),
        ("ghadimi-lan-2013", "rare-feature-logistic", 0.1),
        ("ghadimi-lan-2013", "digits-softmax:batch=1", 0.01),
        ("ghadimi-lan-2013", "noisy-quadratic", 1e9),
    ],
)
def test_seeds_that_join_others_are_seen_as_if_all_were_run_together(key, problem, step):
    experiment = Experiment(problem, "sgd", f"constant:alpha={step}", 60, seeds=6)
    times = np.array([1, 2, 10, 60])
    few = Planned(experiment.changed(seeds=range(4)), times)
    joined = Stream(find(key), experiment, few).with_more([4, 5]).recorded
    together = Stream(find(key), experiment, Planned(experiment, times)).recorded
    assert np.array_equal(joined.times, together.times)
    for name in ("measured", "bound", "ends"):
        assert np.array_equal(getattr(joined, name), getattr(together, name), equal_nan=True)
    a, b = joined.observed, together.observed
    assert np.array_equal(a.iterate, b.iterate, equal_nan=True)
    assert a.totals.keys() == b.totals.keys()
    for name in a.totals:
        assert np.array_equal(a.totals[name], b.totals[name], equal_nan=True)


@pytest.mark.parametrize("rule", ["sgd", "nesterov", "sign-descent"])
@pytest.mark.parametrize(
    "problem", ["rare-feature-logistic", "noisy-huber", "noisy-quadratic", "two-point-noise"]
)
@pytest.mark.parametrize("size", [1e9, 0.1])
def test_gradients_of_many_rounds_at_once_have_the_sums_of_one_round_at_a_time(
    problem, rule, size, monkeypatch
):
    def sums():
        experiment = Experiment(problem, rule, f"constant:alpha={size}", 300, seeds=3)
        return convergence.run(experiment, measures=["gradient_mean_square"]).series

    together = sums()
    monkeypatch.setattr(simulation, "_FEW_LANES", 0)
    for name, values in sums().items():
        assert np.array_equal(values, together[name], equal_nan=True)


def test_what_was_best_in_hindsight_is_asked_anew_for_other_rounds_or_seeds():
    known, fresh = problems.find(DRAWN), lambda: problems.find(DRAWN)
    for times, seeds in (([5, 9], [1, 2]), ([5, 9], [1, 2]), ([5, 8], [1, 2]), ([5, 9], [2, 1])):
        assert np.array_equal(known.hindsight(times, seeds), fresh().hindsight(times, seeds))


def test_cells_with_the_same_seeds_draw_once_and_have_the_bits_of_runs_alone():
    cells = [
        Experiment(DRAWN, "adam", f"inverse-sqrt:alpha={alpha}", 30, seeds=seeds)
        for alpha, seeds in ((1, [4, 2]), (2, [4, 2]), (3, [2, 9]))
    ]
    together = run_all(cells)
    assert [record.checksum for record in together] == [run(cell).checksum for cell in cells]

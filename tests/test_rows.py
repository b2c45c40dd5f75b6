"""Compiled runs on mini-batches of examples: the bits of the numpy engine."""

import inspect
import warnings
from contextlib import contextmanager
from dataclasses import replace

import numba
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from instances import TINY, TINY_CSV
from levels import crossed, quick_if
from test_sparse import SCORES, SMALL, of_score
from test_steps import bits

from convergence import find_problem, find_schedule, rules
from convergence.engines import rows
from convergence.experiment import Experiment
from convergence.simulation import Simulation
from problems.data import row_products
from problems.data.scores import POISSON
from problems.problem import Problem

# Rules of blocks have no compiled steps; for those that ask for the objective see
# `test_rules_recent`.
RULES = [e.key for e in rules.catalogue if {"matrix", "objective"}.isdisjoint(e.tags)]
# Totals of all levels, but none that needs a loss.
FEW = ["gradient_norm_least", "iterate_sum", "step_size_sum"]
PROBLEMS = [
    "breast-cancer-logistic:batch=1",
    "breast-cancer-logistic:batch=6",
    "breast-cancer-hinge:batch=5",
    "diabetes-least-squares:batch=3",
    "diabetes-huber:batch=4",
    "diabetes-geman-mcclure:batch=2",
    f"csv-least-squares:path={TINY_CSV},target=y,batch=3",
    f"svmlight-logistic:path={TINY},ridge=0.05,batch=4",
    f"svmlight-least-squares:path={TINY},ridge=0.1,batch=1",
    SMALL,
]


def begun(problem, rule="adam", **how):
    problem = problem if isinstance(problem, Problem) else find_problem(problem)
    schedule = find_schedule("constant:alpha=0.01")
    return Simulation(Experiment(problem, rules.find(rule), schedule, 60), engine="compiled", **how)


@contextmanager
def told_elsewhere():
    """Where a rule looks at every coordinate of sparse rows, a warning says so: tested below."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="a step of .* costs as much as all")
        yield


def both(problem, rule, **how):
    """Bits of the two engines; rounds go through the loop over rows."""
    how = {"quantities": FEW, **how}
    with told_elsewhere():
        assert begun(problem, rule, quantities=how["quantities"])._rows is not None
        return [bits(problem, rule, engine, **how) for engine in ("compiled", "array")]


# What takes long here is to compile. Every rule is compiled in the quick tests of `test_compiled`.
@pytest.mark.parametrize("rule", quick_if({"adam", "heavy-ball"}.__contains__, RULES))
def test_every_rule_has_the_same_bits(rule):
    compiled, array = both("breast-cancer-logistic:batch=6", rule)
    assert compiled == array


@pytest.mark.parametrize("problem", quick_if(PROBLEMS[-3:].__contains__, PROBLEMS))
@pytest.mark.parametrize("rule", ["adam", pytest.param("nesterov", marks=pytest.mark.slow)])
def test_every_kind_of_rows_has_the_same_bits(problem, rule):
    compiled, array = both(problem, rule)
    assert compiled == array


@pytest.mark.parametrize("score", quick_if({"huber"}.__contains__, [*SCORES]))
def test_every_loss_of_scores_has_the_same_bits(score):
    compiled, array = both(of_score(SCORES[score], 3), "adam")
    assert compiled == array


@pytest.mark.parametrize("seeds", [1, 34, 35, 71])
def test_lanes_that_do_not_fill_a_block_have_the_same_bits(seeds):
    assert rows._COORDINATES // 30 == 34
    parts = {"seeds": range(seeds), "rounds": (3, 9)}
    compiled, array = both("breast-cancer-logistic:batch=6", "adam", **parts)
    assert compiled == array


@pytest.mark.parametrize("workers", [2, 3, 64])
@pytest.mark.parametrize("rule", ["adam", "accelerated-gradient"])
def test_any_number_of_threads_gives_the_same_bits(workers, rule):
    parts = {"seeds": range(40), "rounds": (3, 9), "quantities": FEW}
    problem = "breast-cancer-logistic:batch=6"
    alone = bits(problem, rule, "compiled", **parts)
    assert bits(problem, rule, "compiled", workers=workers, **parts) == alone


@pytest.mark.slow
@given(
    beta1=st.floats(0, 0.999),
    beta2=st.floats(0, 0.9999),
    eps=st.floats(0, 1),
    alpha=st.floats(1e-300, 1e300),
    key=st.sampled_from(["adam", "amsgrad", "nadam", "adamax"]),
)
@settings(max_examples=6, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_drawn_settings_have_the_same_bits(beta1, beta2, eps, alpha, key):
    rule = f"{key}:beta1={beta1},beta2={beta2},eps={eps}"
    compiled, array = both("breast-cancer-hinge:batch=3", rule, alpha=alpha, seeds=(0, 1))
    assert compiled == array


@pytest.mark.parametrize(
    ("problem", "quantities", "reason"),
    [
        ("digits-softmax:batch=4", (), "not known as functions of scores"),
        ("breast-cancer-logistic", (), "not known as functions of scores"),
        ("diabetes-lasso:batch=3", (), "not known as functions of scores"),
        ("linnerud-poisson:batch=3", (), "cannot be traced"),
        ("breast-cancer-logistic:batch=6", ("loss_sum",), "depends on the loss of every round"),
    ],
)
def test_what_has_no_loop_over_rows_has_compiled_steps(problem, quantities, reason):
    simulation = begun(problem, quantities=quantities)
    assert simulation._rows is None
    assert reason in rows.why_no_rows(simulation._steps, simulation.problem)


@pytest.mark.parametrize("problem", ["breast-cancer-logistic:batch=6", SMALL])
def test_a_problem_with_another_gradient_does_not_run_by_its_examples(problem):
    right = find_problem(problem)
    doubled = replace(right, gradient_formula=lambda w, rows: 2 * right.gradient_formula(w, rows))
    how = {"quantities": FEW, "rounds": (3, 9)}
    with told_elsewhere():
        assert begun(doubled)._rows is None
        found = [bits(doubled, "sgd", engine, **how) for engine in ("compiled", "array")]
    assert found[0] == found[1] != bits(right, "sgd", "array", **how)


def test_sparse_losses_that_cannot_be_traced_say_what_a_step_costs():
    with pytest.warns(UserWarning, match=r"all 9 coordinates.*cannot be traced"):
        begun(of_score(POISSON))


def _scores(matrix, rows, vectors, out):
    """From the last column to the first."""
    for lane in range(rows.shape[0]):
        for r in range(rows.shape[1]):
            s = 0.0
            for j in range(matrix.shape[1] - 1, -1, -1):
                s += matrix[rows[lane, r], j] * vectors[lane, j]
            out[lane, r] = s


def test_a_sum_in_another_order_would_be_found(monkeypatch):
    """Right in every digit but the last, and another module."""
    parts = ("breast-cancer-logistic:batch=6", "adam")
    right = bits(*parts, "array", quantities=FEW)
    loops = numba.njit(_scores), row_products.compiled_loops()[1]
    monkeypatch.setattr(row_products, "compiled_loops", lambda: loops)
    monkeypatch.setattr(rows, "_digest", lambda: "of an edited file")
    assert bits(*parts, "compiled", quantities=FEW) != right


def test_the_text_of_a_loop_tells_the_file_of_the_loops_that_it_calls(monkeypatch, tmp_path):
    """So that an edit makes another module."""
    text = begun("breast-cancer-logistic:batch=6")._rows.source
    assert rows._digest() in text
    edited = tmp_path / "row_products.py"
    edited.write_text(inspect.getsource(row_products) + "# edited")
    monkeypatch.setattr(row_products, "__file__", str(edited))
    assert begun("breast-cancer-logistic:batch=6")._rows.source != text


@pytest.mark.parametrize(
    ("problem", "rule"),
    [
        ("breast-cancer-logistic:batch=6", "adam"),
        (f"{SMALL},batch=6", "adagrad"),
        (f"svmlight-logistic:path={TINY},ridge=0.1,batch=6", "adagrad"),
    ],
)
@pytest.mark.parametrize("row", [-1, 569])
def test_a_row_that_is_not_there_is_an_error(problem, rule, row):
    with told_elsewhere():
        simulation = begun(problem, rule)
    drawn = np.full((1, 1, 6), row)
    with pytest.raises(IndexError, match="a row that the matrix does not have"):
        simulation._rows.run(drawn, np.ones(1), 0, simulation._letters, simulation._live)


@pytest.mark.parametrize(
    ("problem", "name"),
    crossed(
        [SMALL, "breast-cancer-hinge:batch=3", "absolute-value"],
        ["k", "score", "data", "first", "history"],
    ),
)
def test_state_may_have_any_name(problem, name):
    """Even that of a variable of the loop."""
    scope = {}
    exec(f"def f(g, {name}):\n    return g * {name}, 0.5 * {name}", scope)
    right = rules.catalogue["sgd"]
    entry = replace(
        right,
        key="fading",
        parameters={"maximize": False},
        function=scope["f"],
        facts={"state": {name: 1}},
    )
    rule = entry()
    seeds = (0,) if problem == "absolute-value" else (0, 1)
    found = []
    with told_elsewhere():
        for engine in ("compiled", "array"):
            simulation = Simulation(
                Experiment(find_problem(problem), rule, find_schedule("constant:alpha=0.1"), 9),
                seeds=seeds,
                engine=engine,
            )
            simulation.advance(9)
            assert simulation.state[name][0, 0] == 0.5**9
            found.append(simulation.iterate.tobytes())
    assert found[0] == found[1]

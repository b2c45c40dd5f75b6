"""Compiled runs on sparse examples: the bits of the numpy engine, and when there are none."""

import math
import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from instances import TINY
from levels import crossed
from scipy import sparse as matrices
from scipy.special import expit

from convergence import find_problem, find_schedule, rules, run, tracing
from convergence.algebras.signs import FINITE, POSITIVE, kinds_of, reachable
from convergence.engines import rows, sparse, steps
from convergence.engines.lowering import lowered
from convergence.engines.modules import compiled_function
from convergence.experiment import Experiment
from convergence.quantity import with_parts
from convergence.simulation import Simulation
from problems import arithmetic
from problems.data.finite_sum import Terms, finite_sum
from problems.data.predictors import Linear
from problems.data.scores import HINGE, LOGISTIC, POISSON, SQUARES, geman_mcclure, huber
from problems.domain import WholeSpace
from problems.notation import InputError
from problems.problem import Problem

SMALL = "sparse-logistic:examples=30,features=40,density=0.1"
ADAGRAD = rules.find("adagrad").traced
STILL = [
    "gradient-descent",
    "gradient-descent:maximize=true",
    "adagrad",
    "adagrad:eps=0",
    "adagrad:initial=0.1",
    "sign-descent",
]
SCORES = {
    "logistic": LOGISTIC,
    "squares": SQUARES,
    "hinge": HINGE,
    "huber": huber(0.5),
    "geman-mcclure": geman_mcclure(1.0),
}


def of_score(score, batch=1, scale=1.0):
    """A problem without a ridge; the last column has no entry, and one row none."""
    generator = np.random.default_rng(1)
    dense = generator.normal(size=(12, 9)) * (generator.random((12, 9)) < 0.3) * scale
    dense[:, 8] = dense[5] = 0.0
    targets = np.where(generator.random(12) < 0.5, 1.0, -1.0)
    model = Linear(matrices.csr_matrix(dense), targets, score)
    return finite_sum(model, Terms(), batch, "a mean of losses of scores", {}, {})


def simulation(problem, rule, engine, *, seeds=(0, 1, 2), quantities=(), alpha=0.1, workers=1):
    return Simulation(
        Experiment(
            find_problem(problem) if isinstance(problem, str) else problem,
            rules.find(rule),
            find_schedule(f"constant:alpha={alpha}"),
            60,
        ),
        seeds=seeds,
        quantities=quantities,
        engine=engine,
        workers=workers,
    )


def bits(problem, rule, engine, **how):
    """The bytes of all that a run keeps."""
    begun = simulation(problem, rule, engine, **how)
    assert (begun._rows is not None and begun._rows.few) == (engine == "compiled")
    for to in (7, 60):
        begun.advance(to)
    kept = {"x": begun.iterate, "y": begun.query_point, "ended": begun.ended}
    kept |= begun.state | begun.totals
    return {name: np.array(value).tobytes() for name, value in kept.items()}


@pytest.mark.parametrize(("batch", "rule"), crossed([1, 4], STILL))
def test_rules_that_stand_still_have_the_same_bits(rule, batch):
    problem = f"{SMALL},batch={batch}"
    assert bits(problem, rule, "compiled") == bits(problem, rule, "array")


@pytest.mark.parametrize(
    ("rule", "batch", "score"),
    crossed(["gradient-descent", "adagrad"], [1, 3], [*SCORES]),
)
def test_every_loss_of_scores_has_the_same_bits(score, batch, rule):
    problem = of_score(SCORES[score], batch)
    assert bits(problem, rule, "compiled") == bits(problem, rule, "array")


def test_a_file_of_yours_without_a_ridge_has_the_same_bits():
    problem = f"svmlight-logistic:path={TINY},ridge=0,batch=2"
    assert bits(problem, "adagrad", "compiled") == bits(problem, "adagrad", "array")


def test_totals_that_stand_still_are_kept_too():
    of = ("gradient_square_sum", "step_size_sum")
    both = (bits(SMALL, "adagrad", engine, quantities=of) for engine in ("compiled", "array"))
    assert next(both) == next(both)


@pytest.mark.parametrize("workers", [2, 3, 8])
def test_any_number_of_threads_gives_the_same_bits(workers):
    alone = bits(SMALL, "adagrad", "compiled", seeds=range(5))
    assert bits(SMALL, "adagrad", "compiled", seeds=range(5), workers=workers) == alone


def test_lanes_are_independent():
    def lanes(seeds):
        return run(
            SMALL, "adagrad", "constant:alpha=0.1", 60, seeds=seeds, engine="compiled"
        ).series["iterate"]

    whole = lanes(range(4))
    for seed in range(4):
        assert lanes([seed]).tobytes() == whole[[seed]].tobytes()


@pytest.mark.slow
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    rule=st.sampled_from(["gradient-descent", "adagrad", "sign-descent"]),
    eps=st.sampled_from([0.0, 1e-300, 1e-8, 1.0]),
    alpha=st.floats(1e-320, 1e300),
    batch=st.sampled_from([1, 2]),
)
def test_drawn_settings_have_the_same_bits(rule, eps, alpha, batch):
    specification = f"adagrad:eps={eps!r}" if rule == "adagrad" else rule
    problem = f"{SMALL},batch={batch}"
    both = (bits(problem, specification, e, alpha=alpha) for e in ("compiled", "array"))
    assert next(both) == next(both)


def test_a_lane_that_diverges_ends_in_the_same_round():
    problem = of_score(SQUARES, 1, scale=1e10)
    ended = {}
    for engine in ("compiled", "array"):
        begun = simulation(problem, "gradient-descent", engine, alpha=1e6)
        begun.advance(60)
        ended[engine] = begun.ended.tolist()
        assert begun._rows is None
    assert ended["compiled"] == ended["array"]
    assert all(ended["array"])


def test_slopes_that_are_too_large_are_left_to_others():
    problem = of_score(SQUARES, 1)
    begun = simulation(problem, "gradient-descent", "compiled")
    drawn, sizes = np.zeros((3, 1, 1), np.intp), np.full(3, 0.1)
    far = np.full((1, 9), 1e200)
    assert begun._rows.run(drawn, sizes, 0, {}, (far, far)) is None
    assert begun._rows.run(drawn, sizes, 0, {}, (0 * far, 0 * far)) is not None
    for size in (0.0, math.inf, math.nan):
        assert begun._rows.run(drawn, np.full(3, size), 0, {}, (0 * far, 0 * far)) is None


def test_a_sum_in_another_order_would_be_found(monkeypatch):
    """Last entry first: right in every digit but the last."""
    text = rows.sparse_text
    whole = bits(SMALL, "gradient-descent", "array")

    def backwards(*parts):
        written = text(*parts)
        forward = "score += data[e] * x_row[indices[e]]"
        assert forward in written
        turned = "score += data[first + last - 1 - e] * x_row[indices[first + last - 1 - e]]"
        return written.replace(forward, turned)

    monkeypatch.setattr(rows, "sparse_text", backwards)
    assert bits(SMALL, "gradient-descent", "compiled") != whole


def why_not_sparse(rule, quantities, problem):
    """The reason for a rule with these totals."""
    first = {f"state_{name}": value for name, value in rule.state.items()}
    first |= {f"total_{q.name}": q.start for q in quantities}
    letters = {f"setting_{name}": value for name, value in rule.letters.items()}
    round_ = lowered(rule.traced, quantities, problem.domain)
    return sparse.why_not_sparse(round_, problem, letters, first)


@pytest.mark.parametrize(
    ("problem", "rule", "quantities", "reason"),
    [
        (SMALL, "adam", (), "where the gradient is 0, the iterate and m of the rule and v of"),
        (SMALL, "heavy-ball", (), "the iterate and u of the rule may change"),
        (SMALL, "adagrad-norm", (), "depends on all coordinates at once"),
        (SMALL, "nesterov", (), "takes gradients at a point other than the iterate"),
        (SMALL, "adagrad", ("iterate_sum",), "the total iterate_sum may change"),
        (SMALL, "adagrad", ("loss_sum",), "the total loss_sum depends on the loss of every round"),
        (SMALL, "adagrad", ("gradient_norm_least",), "depends on all coordinates at once"),
        ("breast-cancer-logistic:batch=1", "adagrad", (), "not sums of a few sparse rows"),
        (
            f"svmlight-logistic:path={TINY},batch=1",
            "adagrad",
            (),
            "a ridge pulls at every coordinate",
        ),
        (f"svmlight-logistic:path={TINY},ridge=0", "adagrad", (), "not sums of a few sparse rows"),
    ],
)
def test_what_looks_at_every_coordinate_says_why(problem, rule, quantities, reason):
    parts = (rules.find(rule), with_parts(quantities), find_problem(problem))
    assert reason in why_not_sparse(*parts)


def test_losses_that_cannot_be_traced_and_large_entries_say_why():
    parts = (rules.find("adagrad"), [])
    poisson = of_score(POISSON)
    made = steps.compiled_steps(lowered(parts[0].traced, [], poisson.domain))
    assert "cannot be traced" in rows.why_no_rows(made, poisson)
    assert "an entry is larger" in why_not_sparse(*parts, of_score(HINGE, scale=1e153))
    assert why_not_sparse(*parts, of_score(HINGE)) == ""


def test_a_start_at_minus_zero_is_not_left_alone():
    """x - 0.0 keeps -0.0, but x + 0.0, as when climbing, does not."""
    problem = replace(find_problem(SMALL), start=np.full(40, -0.0))
    climbing = rules.find("gradient-descent:maximize=true")
    assert why_not_sparse(rules.find("gradient-descent"), [], problem) == ""
    assert "the iterate may change" in why_not_sparse(climbing, [], problem)


def test_a_rule_that_moves_everything_warns_and_runs_as_ever():
    with pytest.warns(UserWarning, match=r"all 40 coordinates.*the iterate and m"):
        compiled = run(SMALL, "adam", "constant:alpha=0.1", 30, engine="compiled")
    on_numpy = run(SMALL, "adam", "constant:alpha=0.1", 30, engine="numpy")
    same = compiled.series["iterate"].tobytes() == on_numpy.series["iterate"].tobytes()
    assert same


def test_a_long_run_takes_the_loop_by_itself_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        begun = Simulation(
            Experiment(
                find_problem(SMALL),
                rules.find("adagrad"),
                find_schedule("constant:alpha=0.1"),
                10**6,
            )
        )
    assert begun._rows.few


def test_an_edited_slope_is_another_module():
    def text(slope):
        problem = find_problem(SMALL)
        examples = replace(problem.examples, slope=slope)
        return sparse.sparse_text(lowered(ADAGRAD, [], problem.domain), examples, 1)

    assert text(lambda s, y: s - y) != text(lambda s, y: s - 2 * y)


# The logistic function


def test_the_compiled_logistic_function_is_that_of_numpy_arrays():
    """Both are 1 / (1 + exp(-x)), with the exponential of the same library."""
    problem = find_problem(SMALL)
    text = sparse.sparse_text(lowered(ADAGRAD, [], problem.domain), problem.examples, 1)
    compiled = compiled_function(text).py_func.__globals__["expit"]
    generator = np.random.default_rng(0)
    bits_drawn = generator.integers(0, 2**64, 20_000, np.uint64, endpoint=False).view(float)
    some = generator.normal(size=20_000) * 10.0 ** generator.integers(-8, 4, 20_000)
    special = [0.0, -0.0, math.inf, -math.inf, math.nan, 709.79, 745.2, -745.2]
    x = np.concatenate([bits_drawn[~np.isnan(bits_drawn)], some, special])
    with np.errstate(all="ignore"):
        assert np.array([compiled(v) for v in x.tolist()]).tobytes() == expit(x).tobytes()


def test_rules_and_exact_problems_may_not_use_it():
    entry = replace(
        rules.catalogue["gradient-descent"],
        key="squashed",
        parameters={"maximize": False},
        function=lambda g: (arithmetic.expit(g),),
    )
    with pytest.raises(InputError, match=r"rule squashed uses expit, which rounds as the"):
        entry(maximize=False)
    problem = Problem(
        formula="log(1 + exp(x))",
        domain=WholeSpace(),
        start=np.zeros(1),
        loss_formula=lambda x, sample: x,
        gradient_formula=lambda x, sample: arithmetic.expit(x),
        scalar=True,
    )
    assert "expit rounds as the exponential" in tracing.why_not(problem)
    assert tracing.arithmetic_of(problem) == "machine"


# Kinds of numbers


def test_every_kept_rule_is_one_of_those_known():
    """Of all rules as they come, those that leave a coordinate alone."""
    problem = find_problem(SMALL)
    still = {
        entry.key
        for entry in rules.catalogue
        if "matrix" not in entry.tags and not why_not_sparse(rules.find(entry.key), [], problem)
    }
    assert still == {"gradient-descent", "adagrad", "sign-descent"}


def test_reachable_kinds_of_adagrad_have_no_minus():
    made = lowered(rules.find("adagrad").traced, [], WholeSpace()).made
    first = {"state_s": kinds_of(0.0), "x": kinds_of(1.0)}
    inputs = {"g": FINITE, "step_size": POSITIVE, "t": POSITIVE, "setting_eps": POSITIVE}
    known = reachable(made, first, inputs)
    assert known["state_s"] == {"0", "+", "inf"}

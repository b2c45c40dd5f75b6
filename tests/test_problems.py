"""What a problem is, and figures of single problems that no general law speaks of."""

import numpy as np
import pytest

import problems
from problems.domain import Box, WholeSpace
from problems.notation import InputError
from problems.problem import Constant, Deferred, Problem, exact


def test_rosenbrock_starts_where_the_literature_starts():
    problem = problems.find("rosenbrock")
    np.testing.assert_array_equal(problem.start, [-1.2, 1.0])
    assert float(problem.objective(problem.start)) == pytest.approx(24.2, rel=1e-14)


def subdivision_proves(mu):
    """Whether f'(x)**2 >= 2 mu f(x) on [-5, 5] for f = x**2 + 3 sin(x)**2 is proved.

    h = f'**2 - 2 mu f is even, with h(0) = 0 and h' = 2 f' (f'' - mu), positive on (0, 1/10]
    as f'' >= 2 + 6 cos(1/5) there. Elsewhere |h'| <= 2 (2 x + 3) max(8 - mu, 4 + mu) bounds h
    on an interval from its value in the middle.
    """
    assert mu < 2 + 6 * np.cos(0.2)
    low, high = np.array([0.1]), np.array([5.0])
    for _ in range(60):
        middle = (low + high) / 2
        slope = 2 * middle + 3 * np.sin(2 * middle)
        h = slope**2 - 2 * mu * (middle**2 + 3 * np.sin(middle) ** 2)
        if (h < 0).any():
            return False
        steepest = 2 * (2 * high + 3) * max(8 - mu, 4 + mu)
        # Rounding of h, whose terms are below 200, is far below 1e-12.
        open_ = h - steepest * (high - low) / 2 < 1e-12
        if not open_.any():
            return True
        low, middle, high = low[open_], middle[open_], high[open_]
        low, high = np.concatenate([low, middle]), np.concatenate([middle, high])
    return False


def test_the_constant_of_pl_sine_is_proved_from_below_and_attained():
    stated = problems.find("pl-sine").constant("mu_pl")
    assert stated == 0.1755309858797
    assert subdivision_proves(stated - 1e-6)
    assert not subdivision_proves(stated + 1e-6)
    assert not subdivision_proves(1.05 * stated)
    x = np.array([2.2017091764])
    problem = problems.find("pl-sine")
    at = float(problem.gradient(x)[0] ** 2 / (2 * problem.loss(x)))
    assert stated <= at <= stated + 1e-12


def test_the_comparator_is_right_beyond_one_block_of_draws():
    problem = problems.find("reddi-2018-stochastic")
    T = (1 << 14) + 57
    total = problem.samples(np.arange(1, T + 1), np.array([9], np.uint64)).sum()
    assert problem.hindsight([T - 1000, T], (9,))[0, 1] == -abs(total)


@pytest.mark.parametrize(
    "specification",
    [entry.key for entry in problems.catalogue if "online" in entry.tags],
)
def test_the_comparator_of_a_horizon_does_not_depend_on_the_others_asked_for(specification):
    problem = problems.find(specification)
    times = [1, 2, 3, 10, 101, 203]
    together = problem.hindsight(times, (2,))
    alone = [float(problem.hindsight([T], (2,))[0, 0]) for T in times]
    np.testing.assert_allclose(together[0], alone, rtol=1e-12, atol=1e-12)


def test_the_comparator_of_a_fixed_function_is_its_minimum_times_the_rounds():
    problem = problems.find("quadratic")
    np.testing.assert_array_equal(problem.hindsight([1, 10])[0], [0.0, 0.0])
    problem = problems.find("breast-cancer-logistic")
    np.testing.assert_array_equal(
        problem.hindsight([1, 10])[0], np.array([1, 10]) * problem.constant("minimum")
    )


# What a problem is


def flat(**changes):
    facts = {
        "formula": "0",
        "domain": WholeSpace(),
        "start": np.zeros(2),
        "loss_formula": lambda x, sample: 0.0 * x.sum(axis=-1),
        "gradient_formula": lambda x, sample: 0.0 * x,
    }
    return Problem(**{**facts, **changes})


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"start": np.zeros((2, 2))}, "(2, 2)"),
        ({"start": np.array([np.nan, 0])}, "nan"),
        ({"start": np.array([3.0, 0]), "domain": Box(-1.0, 1.0)}, "the box [-1, 1]"),
        ({"scalar": True}, "dimension 1"),
        ({"constants": {"Lip": exact(1.0)}}, "'Lip'"),
        ({"unknown": {"Lip": "no"}}, "'Lip'"),
        ({"constants": {"L": exact(1.0), "mu": exact(2.0)}}, "mu=2.0 exceeds L=1.0"),
        ({"constants": {"L": exact(1.0), "mu_pl": exact(2.0)}}, "mu_pl=2.0 exceeds L=1.0"),
        ({"constants": {"mu": exact(2.0), "mu_pl": exact(1.0)}}, "mu=2.0 exceeds mu_pl=1.0"),
        ({"constants": {"L": exact(2.0), "L_max": exact(1.0)}}, "L=2.0 exceeds L_max=1.0"),
        ({"constants": {"G": exact(1.0), "G_inf": exact(2.0)}}, "G_inf=2.0 exceeds G=1.0"),
        ({"constants": {"mu": exact(-1.0)}}, "mu=-1.0"),
        ({"constants": {"minimizer": exact(np.zeros(3))}}, "(3,)"),
        ({"tags": ("convexx",)}, "did you mean convex"),
        ({"domain": object()}, "has no project"),
    ],
)
def test_a_problem_that_contradicts_itself_is_refused(changes, named):
    with pytest.raises(InputError) as refused:
        flat(**changes)
    assert named in str(refused.value)


def test_a_constant_that_is_not_finite_is_refused():
    with pytest.raises(InputError, match="inf"):
        Constant(np.inf, "exact", "by hope")


def test_what_a_problem_does_not_state_is_refused_with_the_reason():
    with pytest.raises(InputError, match="without bound"):
        problems.find("rosenbrock").constant("L")
    with pytest.raises(InputError, match="no fixed objective"):
        problems.find("reddi-2018-online").objective([0.0])
    with pytest.raises(InputError, match="no known comparator"):
        flat().hindsight([1])


def probed(**changes):
    with pytest.raises(InputError) as refused:
        flat(**changes).probe()
    return str(refused.value)


def test_a_gradient_of_the_wrong_shape_or_type_is_named_before_the_first_step():
    assert "(2, 1)" in probed(gradient_formula=lambda x, sample: x[..., :1])
    single = probed(gradient_formula=lambda x, sample: x.astype(np.float32))
    assert "float32" in single
    assert "float64" in single
    whole = probed(gradient_formula=lambda x, sample: np.sign(x).astype(int))
    assert "int64" in whole
    assert "not finite" in probed(gradient_formula=lambda x, sample: x / 0.0 * 0.0 + np.nan)
    assert "shape (2, 2)" in probed(loss_formula=lambda x, sample: x)
    assert "fails" in probed(gradient_formula=lambda x, sample: x @ np.zeros((3, 3)))


def test_deferred_constants_are_computed_once_and_only_when_asked():
    calls = []

    def least():
        calls.append(1)
        return exact(0.0)

    constants = Deferred({"L": exact(1.0), "minimum": least})
    problem = flat(constants=constants)
    assert "minimum" in problem.constants
    assert list(problem.constants) == ["L", "minimum"]
    assert calls == []
    assert problem.constant("minimum") == problem.constant("minimum") == 0.0
    assert calls == [1]


def test_a_gradient_left_out_is_taken_by_differences_with_a_warning():
    with pytest.warns(UserWarning, match="central differences"):
        problem = flat(loss_formula=lambda x, sample: (x**3).sum(axis=-1), gradient_formula=None)
    x = np.array([[1.0, -2.0], [0.5, 3.0]])
    np.testing.assert_allclose(problem.gradient(x), 3 * x**2, rtol=1e-9)
    with pytest.warns(UserWarning, match="central differences"):
        scalar = flat(
            start=np.zeros(1),
            scalar=True,
            loss_formula=lambda x, sample: x * x * x,
            gradient_formula=None,
        )
    np.testing.assert_allclose(scalar.gradient([[2.0]]), [[12.0]], rtol=1e-9)


@pytest.mark.parametrize("letter", ["G", "sigma2", "M", "M_G", "L_max", "nonzeros"])
def test_a_negative_bound_is_refused(letter):
    with pytest.raises(InputError, match=f"{letter}=-1.0 must not be negative"):
        flat(constants={letter: exact(-1.0)})

"""Each law can fail: problems that are wrong on purpose, beyond a false number."""

from dataclasses import replace

import numpy as np
import pytest
from wrong import problems as wrong

import problems
from problems.domain import Ball, Box
from problems.laws import ERROR, INEQUALITIES, LABELS, check, views
from problems.notation import InputError
from problems.problem import Outcomes, Problem, Stationary, exact


def verdict(problem, label):
    return check(problem, labels={label})[label].verdict


def simple(**changes):
    facts = {
        "formula": "||x||**2 / 2",
        "domain": Box(-2.0, 2.0),
        "start": np.array([1.0, -1.0]),
        "loss_formula": lambda x, sample: 0.5 * (x * x).sum(axis=-1),
        "gradient_formula": lambda x, sample: x,
        "constants": {"L": exact(1.0), "minimum": exact(0.0), "minimizer": exact([0.0, 0.0])},
    }
    return Problem(**{**facts, **changes})


def test_a_sound_problem_breaks_no_law():
    report = check(simple(tags=("convex", "smooth")))
    assert report.violated == ()
    assert {f.verdict for f in report.findings} == {"holds"}
    assert "nothing was found to be false" in report.summary


@pytest.mark.parametrize("name", ["quadratic", "pl-sine", "breast-cancer-logistic:batch=16"])
def test_lanes_that_mix_are_caught(name):
    assert verdict(problems.find(name), "lanes") == "holds"
    assert verdict(wrong.mixing(problems.find(name)), "lanes") == "violated"


def test_a_sample_that_depends_on_its_neighbours_is_caught():
    problem = problems.find("reddi-2018-stochastic")

    def samples(rounds, seeds):
        return problem.samples(rounds, seeds) * len(rounds)

    assert verdict(replace(problem, samples=samples), "lanes") == "violated"


@pytest.mark.parametrize("name", ["reddi-2018-stochastic", "breast-cancer-logistic:batch=16"])
def test_draws_that_do_not_follow_their_law_are_caught(name):
    assert verdict(problems.find(name), "unbiased") == "holds"
    assert verdict(wrong.enlarging(problems.find(name)), "unbiased") == "violated"


def test_wrong_probabilities_are_caught():
    problem = problems.find("reddi-2018-stochastic")
    outcomes = Outcomes(np.array([1010.0, -10.0]), np.array([0.02, 0.98]))
    assert verdict(replace(problem, outcomes=lambda: outcomes), "unbiased") == "violated"


@pytest.mark.parametrize("name", ["periodic-linear", "reddi-2018-stochastic", "periodic-hinge"])
def test_a_comparator_of_another_round_or_point_is_caught(name):
    problem = problems.find(name)
    assert verdict(problem, "hindsight") == "holds"
    for broken in (wrong.hindsight_of_the_start, wrong.hindsight_off_by_one_round):
        assert verdict(broken(problem), "hindsight") == "violated"


class Careless(Box):
    """A box that projects onto a larger one."""

    def project(self, x, weights=None):
        return np.clip(x, self.low - 0.5, self.high + 0.5)


class Lazy(Box):
    """A box that sends what is outside to its centre."""

    def project(self, x, weights=None):
        x = np.asarray(x, float)
        return np.where(self.contains(x)[..., None], x, 0.0)


class Rough(Ball):
    """A ball that scales a coordinate at a time, which is not the nearest point."""

    def project(self, x, weights=None):
        side = self.radius / np.sqrt(np.shape(x)[-1])
        return np.where(self.contains(x)[..., None], x, np.clip(x, -side, side))


@pytest.mark.parametrize("domain", [Careless(-2.0, 2.0), Lazy(-2.0, 2.0), Rough(2.0)])
def test_a_projection_that_is_none_is_caught(domain):
    assert verdict(simple(domain=domain), "projection") == "violated"


def test_one_wrong_coordinate_of_many_is_caught():
    n = 200

    def gradient(x, sample):
        g = x.copy()
        g[..., 117] *= 1.5
        return g

    problem = simple(domain=Box(-5.0, 5.0), start=np.ones(n), constants={})
    assert verdict(problem, "gradient") == "holds"
    assert verdict(replace(problem, gradient_formula=gradient), "gradient") == "violated"


def test_a_gradient_of_zero_is_caught():
    assert verdict(simple(gradient_formula=lambda x, sample: 0.0 * x), "gradient") == "violated"


def test_a_subgradient_outside_the_kink_is_caught():
    kinked = simple(
        formula="|x_1| + |x_2|, gradient 2 at a kink",
        start=np.zeros(2),
        loss_formula=lambda x, sample: abs(x).sum(axis=-1),
        gradient_formula=lambda x, sample: np.where(x == 0, 2.0, np.sign(x)),
        constants={},
        tags=("convex", "non-smooth"),
    )
    assert verdict(kinked, "convex") == "violated"
    sound = replace(kinked, gradient_formula=lambda x, sample: np.sign(x))
    assert verdict(sound, "convex") == "holds"
    assert verdict(sound, "gradient") == "holds"


def test_a_kink_that_is_called_smooth_is_caught():
    kinked = simple(
        loss_formula=lambda x, sample: abs(x - 0.3).sum(axis=-1),
        gradient_formula=lambda x, sample: np.sign(x - 0.3),
        constants={},
        tags=("convex", "smooth"),
    )
    assert verdict(kinked, "smooth") == "violated"


def test_a_global_minimum_that_is_only_local_is_caught():
    camel = problems.find("freudenstein-roth")
    local = next(p for p in camel.stationary if p.kind == "local minimum")
    value = float(camel.objective(local.point))
    wrong_one = replace(camel, constants={"minimum": exact(value), "minimizer": exact(local.point)})
    assert verdict(wrong_one, "minimum") == "violated"


def test_wrong_stationary_points_are_caught():
    saddle = simple(
        loss_formula=lambda x, sample: 0.5 * (x[..., 0] ** 2 - x[..., 1] ** 2),
        gradient_formula=lambda x, sample: x * np.array([1.0, -1.0]),
        constants={},
    )
    sound = Stationary([0.0, 0.0], "saddle", "", (-1.0, 1.0))
    assert verdict(replace(saddle, stationary=(sound,)), "stationary") == "holds"
    for bad in (
        Stationary([0.0, 0.1], "saddle"),
        Stationary([0.0, 0.0], "local minimum"),
        Stationary([0.0, 0.0], "maximum"),
        Stationary([0.0, 0.0], "saddle", "", (-1.0, 2.0)),
    ):
        assert verdict(replace(saddle, stationary=(bad,)), "stationary") == "violated"


def test_interpolation_star_convexity_and_sparsity_are_caught_where_they_fail():
    twin = problems.find("label-noise-least-squares")
    claimed = replace(twin, tags=(*twin.tags, "interpolation"))
    assert verdict(claimed, "interpolation") == "violated"
    valley = problems.find("rosenbrock")
    claimed = replace(valley, tags=(*valley.tags, "star-convex"))
    assert verdict(claimed, "star-convex") == "violated"
    dense = simple(constants={"nonzeros": exact(1.0)})
    assert verdict(dense, "nonzeros") == "violated"


def test_growth_that_is_broken_at_the_minimiser_is_caught():
    twin = problems.find("label-noise-least-squares")
    constants = {**twin.constants, "M": exact(0.0)}
    assert verdict(replace(twin, constants=constants), "M") == "violated"


def test_an_exact_constant_that_is_too_large_is_not_confirmed():
    report = check(simple(constants={"L": exact(1.2)}), labels={"L"})
    assert report["L"].verdict == "inconclusive"
    assert "all that was found" in report["L"].sentence
    derived = problems.derived(1.2, "a bound")
    report = check(simple(constants={"L": derived}), labels={"L"})
    assert report["L"].verdict == "holds"
    assert report["L"].slack == pytest.approx(1 / 1.2)


def test_a_false_label_comes_with_points_that_show_it():
    problem = simple(constants={"L": exact(0.9)})
    finding = check(problem, labels={"L"})["L"]
    x, y = finding.witness
    change = problem.gradient(x) - problem.gradient(y)
    assert np.linalg.norm(change) > 0.9 * np.linalg.norm(x - y)
    assert "0.9 is false" in finding.sentence
    (view,) = views(problem, "judged")
    assert INEQUALITIES["L"].excess(problem, view, x[None], y[None])[0] > 0


def test_a_report_says_what_was_found_in_every_form():
    report = check(simple(constants={"L": exact(0.9)}))
    assert report.to_json()["violated"] == len(report.violated) == 1
    assert "false: L" in report.summary
    assert "violated" in str(report)
    with pytest.raises(KeyError):
        report["mu"]


def test_the_same_check_gives_the_same_report():
    problem = problems.find("rosenbrock")
    assert str(check(problem)) == str(check(problem))
    alone = check(problem, labels={"minimum"}).findings
    assert [str(f) for f in check(problem).findings if f.label == "minimum"] == list(
        map(str, alone)
    )


def test_an_unknown_label_is_refused():
    with pytest.raises(InputError, match="no law speaks of 'smoth'; did you mean"):
        check(simple(), labels={"smoth"})
    assert 0 < ERROR < 1e-6
    assert set(INEQUALITIES) < LABELS


def test_differences_in_the_place_of_a_gradient_do_not_make_true_labels_false():
    with pytest.warns(UserWarning, match="central differences"):
        problem = simple(
            loss_formula=lambda x, sample: 100.0 + 0.5 * (x * x).sum(axis=-1),
            gradient_formula=None,
            constants={"L": exact(1.0), "mu": exact(1.0), "minimum": exact(100.0)},
            tags=("convex", "smooth"),
        )
    assert problem.by_differences
    # There is nothing to compare the gradient with.
    assert verdict(problem, "gradient") == "inconclusive"
    assert [str(f) for f in check(problem).findings if f.verdict == "violated"] == []
    false = replace(problem, constants={"L": exact(0.9)})
    assert verdict(false, "L") == "violated"


def test_differences_across_a_kink_are_told_from_a_lack_of_convexity():
    with pytest.warns(UserWarning, match="central differences"):
        kinked = simple(
            loss_formula=lambda x, sample: abs(x - 0.3).sum(axis=-1),
            gradient_formula=None,
            constants={},
            tags=("convex", "non-smooth"),
        )
    assert verdict(kinked, "convex") == "holds"
    assert verdict(kinked, "non-smooth") == "inconclusive"
    bent = replace(kinked, loss_formula=lambda x, sample: np.sqrt(abs(x)).sum(axis=-1))
    assert verdict(bent, "convex") == "violated"


def test_a_gradient_that_is_0_at_the_start_makes_no_rounding_a_jump():
    """Of the sample in the middle nothing is left there but the minimiser itself."""
    problem = problems.find("shuffled-parabolas:start=0")
    assert verdict(problem, "smooth") == "holds"
    step = replace(
        problem,
        gradient_formula=lambda x, k: problem.gradient_formula(x, k) + 1e-3 * np.sign(x - 0.25),
        loss_formula=lambda x, k: problem.loss_formula(x, k) + 1e-3 * abs(x - 0.25),
    )
    assert verdict(step, "smooth") == "violated"

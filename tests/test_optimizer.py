"""Optimizers that are no rule: a function, an object that changes in place, and the protocol."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

import convergence
from convergence import InputError, find_optimizer, judge, run, verification, verify
from convergence.experiment import Experiment
from convergence.foreign import Foreign, simulate
from convergence.record import load_records, save_records
from problems.domain import Box

HOME = Path(__file__).resolve().parent.parent
HALF = "inverse-smoothness:h=0.5"
ROOT = "inverse-sqrt:alpha=0.5"
ADAM = "adam:beta1=0,beta2=1/10,eps=0,bias_correction=none"


# Those that are tested, in every form


def descent(x, gradient, step_size):
    return x - step_size * gradient


def heavy_ball(x, gradient, step_size, u, *, beta=0.9):
    u = gradient if u is None else beta * u + gradient
    return x - step_size * u, u


def twice(x, gradient, step_size):
    return x - 2 * step_size * gradient


def uphill(x, gradient, step_size):
    return x + step_size * gradient


class Descent:
    """Moves the array that it was given."""

    like = "sgd"

    def __init__(self, x):
        self.x = x

    def step(self, gradient, step_size):
        self.x -= step_size * gradient


class Told:
    """Is told the point that it is to move."""

    def __init__(self, x):
        self.parameters = [x]

    def step(self, x, gradient, step_size):
        x -= step_size * gradient


class HeavyBall:
    """Keeps a point of its own and binds it anew."""

    like = "heavy-ball:beta1={beta}"

    def __init__(self, x, beta=0.9):
        self.x, self.u, self.beta = x.copy(), np.zeros_like(x), beta

    def step(self, gradient, step_size):
        self.u *= self.beta
        self.u += gradient
        self.x = self.x - step_size * self.u


class Adam:
    """Adam without momentum, without corrections."""

    like = ADAM

    def __init__(self, x):
        self.x, self.v = x, np.zeros_like(x)

    def step(self, gradient, step_size):
        self.v += 0.9 * (gradient**2 - self.v)
        self.x -= step_size * gradient / np.sqrt(self.v)


class AMSGrad(Adam):
    """Another method under Adam's name."""

    def __init__(self, x):
        super().__init__(x)
        self.largest = np.zeros_like(x)

    def step(self, gradient, step_size):
        self.v += 0.9 * (gradient**2 - self.v)
        self.largest = np.maximum(self.largest, self.v)
        self.x -= step_size * gradient / np.sqrt(self.largest)


class Nesterov:
    """Whole: its gradients are taken elsewhere than at its iterate."""

    like = "nesterov:beta1={beta}"

    def __init__(self, beta=0.9):
        self.beta = beta

    def init(self, start, seed):
        return start, 0 * start

    def iterate(self, state):
        return state[0]

    def query(self, state):
        return state[0] - self.beta * state[1]

    def step(self, state, gradient, step_size):
        u = self.beta * state[1] + step_size * gradient
        return state[0] - u, u

    def place(self, state, point):
        return point, state[1]


class Whole:
    """Descent; what others lack or do otherwise is taken off or put in its place."""

    like = "sgd"

    def init(self, start, seed):
        return {"x": start}

    def query(self, state):
        return state["x"]

    def step(self, state, gradient, step_size):
        state["x"] = state["x"] - step_size * gradient
        return state

    def place(self, state, point):
        state["x"] = point
        return state


# The same bits as the rule

PROBLEMS = {
    "a box in one dimension": ("reddi-2018-thm1", ROOT, 600),
    "noise in one dimension": ("reddi-2018-stochastic", "inverse-sqrt:alpha=0.01", 300),
    "mini-batches, a kind of noise": ("breast-cancer-logistic:batch=16", "constant:alpha=0.1", 40),
    "noise": ("noisy-quadratic", "inverse-sqrt:alpha=0.1", 200),
    "the simplex": ("portfolio-selection", ROOT, 100),
    "a ball": ("linear-on-ball", "constant:alpha=0.3", 40),
    "a smooth function": ("quadratic", "inverse-smoothness", 200),
    "what diverges": ("quadratic", "constant:alpha=300", 300),
}
#: Of every kind: sums, extremes, by coordinate, by round and by norm.
TOTALS = (
    "loss_sum",
    "loss_least",
    "iterate_sum_by_round",
    "iterate_high",
    "gradient_square_sum",
    "gradient_norm_most",
    "step_size_sum",
)


def same_bits(record, other):
    for name, values in other.series.items():
        if not name.startswith("state_"):
            np.testing.assert_array_equal(record[name], values, err_msg=name)
    assert record.ends == other.ends


@pytest.mark.parametrize("where", PROBLEMS)
@pytest.mark.parametrize(
    ("optimizer", "rule"),
    [
        (descent, "sgd"),
        (Descent, "sgd"),
        (Told, "sgd"),
        (Whole, "sgd"),
        (heavy_ball, "heavy-ball"),
        (HeavyBall, "heavy-ball"),
        (Nesterov, "nesterov"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_a_faithful_copy_of_a_rule_leaves_its_bits(where, optimizer, rule):
    problem, schedule, steps = PROBLEMS[where]
    how = {"seeds": 3 if "noise" in where else 1, "quantities": TOTALS}
    same_bits(
        run(problem, optimizer, schedule, steps, **how), run(problem, rule, schedule, steps, **how)
    )


def test_one_that_is_not_faithful_leaves_others():
    record, other = (run("quadratic", by, HALF, 20) for by in (twice, "sgd"))
    assert (record["iterate"] != other["iterate"]).any()


def test_lanes_are_independent_and_runs_repeat():
    how = ("noisy-quadratic", HeavyBall, "inverse-sqrt:alpha=0.1", 100)
    together, again, alone = (run(*how, seeds=s) for s in ([3, 7], [3, 7], [7]))
    assert together.checksum == again.checksum
    np.testing.assert_array_equal(together["iterate"][1:], alone["iterate"])


def test_every_round_is_what_advancing_gives():
    parts = [convergence.find_problem("quadratic"), find_optimizer(HeavyBall)]
    parts.append(convergence.find_schedule("inverse-smoothness"))
    made = simulate(Experiment(*parts, 50), quantities=["loss_sum"])
    other = simulate(Experiment(*parts, 50), quantities=["loss_sum"])
    assert isinstance(made, Foreign)
    other.advance(20)
    other.advance(50)
    (times, seen), *more = made.every_round(50)
    assert times.tolist() == list(range(1, 51))
    assert not more
    np.testing.assert_array_equal(seen.iterate[:, -1], other.iterate)
    np.testing.assert_array_equal(seen.totals["loss_sum"][:, -1], other.totals["loss_sum"])
    assert seen.state == other.state == {}


def test_a_grid_takes_parameters_of_an_optimizer():
    records = run("quadratic", HeavyBall, HALF, 30, grid={"beta": [0, 0.5], "kappa": [10, 20]})
    assert [record.experiment.optimizer.settings["beta"] for record in records] == [0, 0, 0.5, 0.5]
    alone = run("quadratic:kappa=10", find_optimizer(HeavyBall, beta=0.5), HALF, 30)
    assert records[2].checksum == alone.checksum
    assert records[2].experiment.optimizer.like.specification == "heavy-ball:beta1=0.5"


# Judging


def verdict(claim, problem, optimizer, schedule, steps, **how):
    return judge(claim, run(problem, optimizer, schedule, steps, **how))


SC = ("gd-strongly-convex", "quadratic:kappa=100,dimension=2")
TIGHT = ("constant:alpha=200/101", 200)
R1 = ("reddi-2018-thm1", "reddi-2018-thm1")
ONLINE = ("zinkevich-2003-thm1", "periodic-linear:slopes=[1,-1]")


@pytest.mark.parametrize("optimizer", [descent, Descent, Told, Whole])
def test_the_rate_of_gradient_descent_is_judged(optimizer):
    found = verdict(*SC, find_optimizer(optimizer, like="sgd"), *TIGHT)
    assert found.holds
    assert found.ratio == pytest.approx(1)
    assert found.rounds_checked == 200


@pytest.mark.parametrize("optimizer", [twice, uphill, AMSGrad])
def test_a_step_that_is_no_gradient_step_is_caught(optimizer):
    found = verdict(*SC, find_optimizer(optimizer, like="sgd"), *TIGHT)
    assert found.word == "violated"
    assert found.first_violation <= 2
    assert found.reason.endswith("; the optimizer is declared to be gradient-descent")


def test_adam_as_an_object_fails_as_the_theorem_says():
    found = verdict(*R1, Adam, "inverse-sqrt:alpha=0.5", 3_000)
    rule = verdict(*R1, ADAM, "inverse-sqrt:alpha=0.5", 3_000)
    assert found.holds
    assert rule.holds
    assert found.ratio == pytest.approx(rule.ratio, rel=1e-9)


def test_amsgrad_under_the_name_of_adam_does_not():
    assert verdict(*R1, AMSGrad, "inverse-sqrt:alpha=0.5", 3_000).word == "violated"


def test_of_an_optimizer_that_declares_nothing_no_theorem_about_a_method_speaks():
    for claim, problem in (SC, R1, ONLINE):
        found = verdict(claim, problem, descent, "inverse-sqrt:alpha=0.5", 9)
        assert found.word == "not applicable"
        assert "the optimizer does not say what it is; declare it with like='...'" in found.reason


def test_what_an_optimizer_is_like_decides_which_theorems_speak_of_it():
    found = verdict(*R1, find_optimizer(Adam, like="amsgrad:beta1=0"), ROOT, 9)
    assert found.word == "not applicable"
    assert "the run used amsgrad" in found.reason


@pytest.mark.parametrize("optimizer", [descent, Descent])
def test_regret_is_judged(optimizer):
    found = verdict(*ONLINE, find_optimizer(optimizer, like="sgd"), "inverse-sqrt:alpha=10", 3_000)
    assert found.holds
    assert found.ratio > 0.9


def far_too_fast(x, gradient, step_size):
    return x - 100 * step_size * gradient


@pytest.mark.parametrize("optimizer", [uphill, far_too_fast])
def test_a_broken_optimizer_has_too_much_regret(optimizer):
    broken = find_optimizer(optimizer, like="sgd")
    found = verdict(ONLINE[0], "reddi-2018-thm1", broken, "inverse-sqrt:alpha=0.1", 2_000)
    assert found.word == "violated"
    assert found.measured > found.bound


def test_claims_about_the_mean_are_judged_with_as_many_seeds_as_they_take():
    how = ("ogd-lower-bound", "random-signs", descent, "inverse-sqrt:alpha=2", 4)
    found = verdict(*how, seeds=500)
    assert found.holds
    assert found.seeds > 500
    fixed = (*how[:2], find_optimizer(descent, repeatable=False), *how[3:])
    found = verdict(*fixed, seeds=500)
    assert (found.word, found.seeds) == ("inconclusive", 500)
    assert found.reason.endswith("; no more seeds were taken: the optimizer cannot be run again")


def test_an_identity_of_two_methods_sets_the_same_optimizer_beside_itself():
    how = ("himmelblau", Adam, "constant:alpha=0.01", 200)
    found = verdict("adam-scale-invariance", *how)
    assert (found.word, found.rounds_checked) == ("holds", 200)

    class WithEps(Adam):
        def step(self, gradient, step_size):
            self.v += 0.9 * (gradient**2 - self.v)
            self.x -= step_size * gradient / (np.sqrt(self.v) + 1.0)

    found = verdict("adam-scale-invariance", "himmelblau", WithEps, "constant:alpha=0.01", 200)
    assert found.word == "violated"


def test_an_identity_with_another_rule_sets_that_rule_beside_it():
    claim = convergence.find_claim("decoupled-decay-as-penalty")
    parts = [convergence.find_problem("quadratic"), None, convergence.find_schedule(HALF), 9]
    parts[1] = find_optimizer(descent, like="adamw:beta1=0,eps=1e30,weight_decay=0.01")
    experiment = Experiment(*parts)
    assert experiment.optimizer is parts[1]
    assert claim.beside(experiment).optimizer.key == "gradient-descent"


# What cannot be seen


@pytest.mark.parametrize(
    ("claim", "like", "hidden"),
    [
        ("kingma-ba-2015-thm41", "adam:beta1=0,beta2=0.1,eps=0", "v, and the state"),
        ("alacaoglu-2020-thm1", "amsgrad:beta1=0", "vhat, and the state"),
        ("reddi-2018-thm4", "amsgrad:beta1=0", "vhat, and the state"),
    ],
)
def test_bounds_made_of_a_rules_state_are_not_applicable(claim, like, hidden):
    record = run("periodic-linear", find_optimizer(Adam, like=like), "inverse-sqrt:alpha=0.1", 9)
    found = judge(claim, record)
    assert found.word == "not applicable"
    assert hidden in found.reason


def test_figures_made_of_the_steps_themselves_are_not_applicable():
    like = find_optimizer(Adam, like="adam:beta1=0,eps=0")
    for key in ("kingma-ba-2015-step", "kingma-ba-2015-step-bound"):
        if key in {entry.key for entry in convergence.claims.catalogue}:
            found = verdict(key, "quadratic", like, "constant:alpha=0.01", 9)
            assert found.word == "not applicable"
    by_steps = [
        entry.key
        for entry in convergence.claims.catalogue
        if entry.facts["measure"] in ("relative_step", "step_oscillation")
    ]
    assert by_steps
    for measure in ("relative_step", "step_oscillation"):
        with pytest.raises(InputError, match="seen only to the rounding of its iterates"):
            run("quadratic", like, HALF, 9, measures=[measure])
    for measure in ("first_moment", "second_moment"):
        with pytest.raises(InputError, match=r"the state of optimizer .* cannot be seen"):
            run("quadratic", like, HALF, 9, measures=[measure])
    with pytest.raises(InputError, match="relative_step_most"):
        run("quadratic", like, HALF, 9, quantities=["relative_step_most"])
    with pytest.raises(InputError, match="needs a rule with a metric"):
        run("reddi-2018-thm1", like, ROOT, 9, projection="metric")


# Domains


def test_a_domain_needs_a_place():
    class Unplaced(Whole):
        place = property(lambda self: (_ for _ in ()).throw(AttributeError("place")))

    assert run("quadratic", Unplaced, HALF, 9).end == "completed"
    for problem in ("reddi-2018-thm1", "portfolio-selection", "linear-on-ball"):
        with pytest.raises(InputError, match=r"cannot be put back into .* no method place"):
            run(problem, Unplaced, ROOT, 9)


def test_a_place_that_does_not_place_is_told():
    class Elsewhere(Whole):
        def place(self, state, point):
            return state

    with pytest.raises(InputError, match=r"place of optimizer .* puts the iterate at") as refused:
        run("reddi-2018-thm1", Elsewhere, "constant:alpha=1", 9)
    assert "in round 1" in str(refused.value)


def test_a_step_inside_the_domain_is_left_alone():
    placed = []

    class Counted(Whole):
        def place(self, state, point):
            placed.append(point.copy())
            return super().place(state, point)

    run("periodic-linear:slopes=[1,-1]", Counted, "constant:alpha=0.1", 50)
    assert placed == []
    run("periodic-linear:slopes=[1],start=0", Counted, "constant:alpha=0.3", 50)
    assert len(placed) == 47
    assert {float(point[0]) for point in placed} == {-1.0}


# Aliases: what an optimizer may do to arrays without harm

BUFFER = np.zeros(10)


def from_a_buffer(x, gradient, step_size):
    """Returns an array that all lanes share."""
    np.subtract(x, step_size * gradient, out=BUFFER)
    return BUFFER


def writes_everywhere(x, gradient, step_size):
    """Uses what it is given as scratch paper."""
    gradient *= step_size
    new = x - gradient
    x[:] = np.nan
    gradient[:] = np.nan
    return new


def remembers_what_it_returned(x, gradient, step_size, last):
    """Overwrites in each step the array that it returned in the step before."""
    new = x - step_size * gradient
    if last is not None:
        last[:] = np.nan
    return new, new


class Scribbler(Whole):
    """Its state is one array, which it returns, and the gradient is the next iterate."""

    def init(self, start, seed):
        return [start]

    def query(self, state):
        return state[0]

    def step(self, state, gradient, step_size):
        gradient *= -step_size
        gradient += state[0]
        state[0][:] = np.nan
        state[0] = gradient
        return state

    def place(self, state, point):
        state[0] = point
        return state


class Mover(Whole):
    """Moves, in its query, the point that it returned before."""

    def init(self, start, seed):
        return {"x": start, "out": start.copy()}

    def query(self, state):
        state["out"][:] = state["x"]
        return state["out"]

    def step(self, state, gradient, step_size):
        state["out"][:] = np.nan
        return super().step(state, gradient, step_size)


@pytest.mark.parametrize(
    "optimizer",
    [from_a_buffer, writes_everywhere, remembers_what_it_returned, Scribbler, Mover],
    ids=lambda value: value.__name__,
)
@pytest.mark.parametrize(
    ("problem", "seeds"), [("noisy-quadratic:dimension=10", 3), ("quadratic:dimension=10", 1)]
)
def test_arrays_that_are_written_to_later_do_no_harm(optimizer, problem, seeds):
    how = {"seeds": seeds, "quantities": TOTALS}
    records = [run(problem, by, "inverse-sqrt:alpha=0.1", 50, **how) for by in (optimizer, "sgd")]
    same_bits(*records)


def test_the_problem_is_not_touched():
    before = convergence.find_problem("quadratic")
    start = before.start.copy()
    run(before, Scribbler, HALF, 5)
    run(before, Descent, HALF, 5)
    np.testing.assert_array_equal(before.start, start)


# What is no point


def returning(made):
    def made_up(x, gradient, step_size):
        return made(x)

    return made_up


WRONG = {
    "None": (lambda x: None, "is None in round 1"),
    "a list": (lambda x: [0.0] * x.size, "a value of type list"),
    "a number": (lambda x: 1.0, "a value of type float"),
    "float32": (lambda x: x.astype(np.float32), "an array of float32 of shape (10,)"),
    "integers": (lambda x: np.zeros(10, int), "an array of int64"),
    "objects": (lambda x: x.astype(object), "an array of object"),
    "a row": (lambda x: x[None], "an array of float64 of shape (1, 10)"),
    "too short": (
        lambda x: x[1:],
        "of shape (9,) in round 1; it must be an array of float64 of shape (10,)",
    ),
    "an error": (lambda x: x.no_such_thing, "AttributeError"),
    "an exit": (lambda x: sys.exit(3), "SystemExit"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_no_point_is_one_sentence(what):
    made, named = WRONG[what]
    with pytest.raises(InputError) as refused:
        run("quadratic", returning(made), HALF, 9)
    assert named in str(refused.value)
    assert "made_up" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_an_error_names_the_round_and_the_line():
    def fails_late(x, gradient, step_size, t):
        t = 1 if t is None else t + 1
        if t == 4:
            raise NameError("a name that is not defined")
        return x - step_size * gradient, t

    with pytest.raises(InputError, match=r"step of .*fails_late fails in round 4, line") as refused:
        run("quadratic", fails_late, HALF, 9)
    assert "of test_optimizer.py: NameError" in str(refused.value)


@pytest.mark.parametrize("made", [np.nan, np.inf, -np.inf, "raises"])
def test_a_step_that_is_not_finite_is_a_divergence(made):
    def breaks(x, gradient, step_size, t):
        t = 1 if t is None else t + 1
        new = x - step_size * gradient
        if t == 5:
            new[3] = float(10**400) if made == "raises" else made
        assert t < 6, "a lane that has ended is asked no more"
        return new, t

    for problem in ("quadratic", "drifting-quadratics:dimension=10"):
        record = run(problem, breaks, "constant:alpha=0.01", 50, times=[3, 4, 20, 50])
        assert record.end == "diverged at step 5"
        assert np.isnan(record["iterate"][0, record.times >= 5]).all()
        assert np.isfinite(record["iterate"][0, record.times < 5]).all()


def test_one_lane_may_diverge_alone():
    def unlucky(x, gradient, step_size, t, *, seed):
        t = 1 if t is None else t + 1
        return (x - step_size * gradient if seed != 1 or t < 3 else x + np.inf), t

    how = ("noisy-quadratic", "inverse-sqrt:alpha=0.1", 20)
    record = run(how[0], unlucky, *how[1:], seeds=3)
    assert record.end == "2 of 3 completed, 1 of 3 diverged"
    other = run(how[0], "sgd", *how[1:], seeds=3)
    np.testing.assert_array_equal(record["iterate"][::2], other["iterate"][::2])


def test_a_lane_that_ended_is_judged_as_any_other():
    def breaks(x, gradient, step_size, t):
        t = 1 if t is None else t + 1
        return (x - step_size * gradient if t < 4 else x * np.nan), t

    found = verdict(*SC, find_optimizer(breaks, like="sgd"), *TIGHT)
    assert (found.word, found.first_violation) == ("violated", 4)


ONE = {}


def one_for_all(self, start, seed):
    """The state that every lane gets."""
    ONE["x"] = start
    return ONE


def test_no_figure_is_made_of_the_coordinates_that_are_still_finite():
    # Features that no example has leave 0/0 behind.
    found = verdict("wilson-2017-adaptive-fresh", "wilson-2017", Adam, "constant:alpha=0.1", 20)
    assert found.word == "inconclusive"


def bare(**changed):
    """The class Whole with methods put in the place of its own."""
    return type("Changed", (Whole,), changed)


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"init": lambda self, start, seed: self}, "a state of its own for each lane"),
        ({"init": lambda self, start, seed: None}, "a state of its own for each lane"),
        ({"init": one_for_all}, "a state of its own for each lane"),
        ({"init": lambda self, start, seed: {"x": start + 1}}, "not at the start"),
        ({"step": lambda self, state, gradient, step_size: None}, "must return the state"),
        ({"step": lambda self, state, gradient: state}, "TypeError"),
        ({"__init__": lambda self: 1 / 0}, "ZeroDivisionError"),
    ],
)
def test_a_class_that_is_wrong_is_one_sentence(changed, named):
    with pytest.raises(InputError) as refused:
        run("noisy-quadratic", bare(**changed), HALF, 9, seeds=2)
    assert named in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_memory_that_is_not_returned_is_told():
    with pytest.raises(InputError, match=r"a function with a memory returns \(x, memory\)"):
        run("quadratic", lambda x, g, a, memory: x - a * g, HALF, 9)


def test_an_object_that_stands_nowhere_is_told():
    class Elsewhere(Descent):
        def __init__(self, x):
            self.parameters = x.copy()

        def step(self, gradient, step_size):
            self.parameters -= step_size * gradient

    for made in (Elsewhere, Elsewhere(np.zeros(10))):
        with pytest.raises(InputError, match="where it stands must be its attribute x, or its"):
            run("quadratic", made, HALF, 9)


def test_a_step_of_too_many_arguments_is_told():
    class Asking(Descent):
        def step(self, x, gradient, step_size, more):
            """Asks for one thing too many."""

    with pytest.raises(InputError, match=r"step takes \(x, gradient, step_size, more\); it must"):
        run("quadratic", Asking, HALF, 9)


# Seeds


def test_the_seed_reaches_those_that_take_it():
    seen = []

    class Seeded(Whole):
        def init(self, start, seed):
            seen.append(seed)
            return super().init(start, seed)

    class Given(Descent):
        def __init__(self, x, seed):
            super().__init__(x)
            seen.append(seed)

    def asking(x, gradient, step_size, *, seed):
        seen.append(seed)
        return x

    for optimizer in (Seeded, Given, asking):
        seen.clear()
        record = run("quadratic", optimizer, HALF, 1, seeds=[4, 2**63])
        assert seen == [4, 2**63]
        assert record.experiment.seeds == (4, 2**63)
    # All lanes would be the same.
    assert run("quadratic", descent, HALF, 1, seeds=2).experiment.seeds == (0,)


def test_a_method_that_draws_is_judged_in_the_mean():
    from convergence.claim import claim

    with convergence.claims.catalogue.collecting() as collected:

        @claim(measure="distance_square", assumes=[], cases="", kind="in expectation")
        def half(T, R0):
            """With probability 1/2 a lane goes to the minimiser at once."""
            return R0**2 / 2 + 0 * T

    def tosses(x, gradient, step_size, *, seed):
        return x - gradient if np.random.default_rng(seed).random() < 0.4 else x

    (entry,) = collected
    record = run("quadratic:kappa=1", tosses, "constant:alpha=1", 1, seeds=64)
    found = judge(entry(), record)
    assert found.word in ("holds", "violated", "inconclusive")
    assert found.seeds >= 64
    assert found.error_probability or found.rounds_checked


# What cannot be run again


def test_a_single_object_is_run_once_and_judged_by_what_was_recorded():
    mine = Descent(np.zeros(2))
    record = run(SC[1], mine, *TIGHT)
    assert not record.experiment.optimizer.repeatable
    found = judge(SC[0], record)
    assert found.holds
    assert found.rounds_checked == len(record.times) < 200
    assert found.reason.endswith(
        "; only the recorded rounds were tested: the optimizer cannot be run again"
    )
    same_bits(
        run(SC[1], descent, *TIGHT),
        record.__class__(
            **{
                **vars(record),
                "series": {name: record[name] for name in run(SC[1], descent, *TIGHT).series},
            }
        ),
    )
    # If every round was recorded, nothing is open.
    every = run(SC[1], Descent(np.zeros(2)), *TIGHT, times=range(1, 201))
    assert "cannot be run again" not in judge(SC[0], every).reason


def test_a_violation_is_found_at_the_recorded_rounds():
    class Slow(Descent):
        def step(self, gradient, step_size):
            self.x -= 2 * step_size * gradient

    record = run(SC[1], Slow(np.zeros(2)), *TIGHT, times=[7, 50])
    found = judge(SC[0], record)
    assert (found.word, found.first_violation) == ("violated", 7)
    assert "only the recorded rounds were tested" in found.reason


def test_a_single_object_is_one_lane_of_one_run():
    mine = find_optimizer(Descent(np.zeros(2)))
    run(SC[1], mine, *TIGHT)
    with pytest.raises(InputError, match="one object is one lane of one run; give its class"):
        run(SC[1], mine, *TIGHT)
    with pytest.raises(InputError, match="one object is one lane of one run"):
        run("noisy-quadratic:dimension=2", Descent(np.zeros(2)), *TIGHT, seeds=2)
    with pytest.raises(InputError, match="cannot be repeatable"):
        find_optimizer(Descent(np.zeros(2)), repeatable=True)


class Unrepeatable(HeavyBall):
    """Starts with a velocity that is another one in each run."""

    like = "heavy-ball"
    repeatable = False
    made = 0

    def __init__(self, x):
        super().__init__(x)
        type(self).made += 1


def test_what_is_not_repeatable_is_not_run_again():
    Unrepeatable.made = 0
    record = run("noisy-quadratic", Unrepeatable, "inverse-sqrt:alpha=0.1", 300, seeds=4)
    assert Unrepeatable.made == 4
    words = {entry.key: judge(entry(), record).word for entry in judgeable()}
    assert Unrepeatable.made == 4
    assert "not applicable" in words.values()


def judgeable():
    """Claims of every kind."""
    kinds, found = set(), []
    for entry in convergence.claims.catalogue:
        if not entry.facts["options"] and entry.facts["kind"] not in kinds:
            kinds.add(entry.facts["kind"])
            found.append(entry)
    return found


def own_claim(**facts):
    """A claim about every optimizer."""
    from convergence.claim import claim

    with convergence.claims.catalogue.collecting() as collected:

        @claim(assumes=[], cases="", **facts)
        def mine(T, R0):
            """A bound on the distance."""
            return 1 / T if facts["kind"] == "rate" else 0 * T + R0

    return collected[0]()


@pytest.mark.parametrize("kind", ["in expectation", "rate", "almost sure limit"])
def test_every_kind_of_claim_is_judged_without_another_run(kind):
    Unrepeatable.made = 0
    how = ("noisy-quadratic", Unrepeatable, "inverse-sqrt:alpha=0.1", 1_500)
    record = run(*how, seeds=4)
    found = judge(own_claim(measure="distance", kind=kind), record)
    assert Unrepeatable.made == 4
    assert found.word != "not applicable"
    if kind == "in expectation" and found.word == "inconclusive":
        assert found.reason.endswith("no more seeds were taken: the optimizer cannot be run again")
    if kind == "rate":
        assert "only the recorded rounds were tested" in found.reason


def test_a_record_that_lacks_what_a_claim_asks_for_says_so():
    record = run(SC[1], Descent(np.zeros(2)), *TIGHT, measures=["distance"])
    with pytest.raises(InputError) as refused:
        judge(SC[0], record)
    assert "asks for suboptimality" in str(refused.value)
    assert "cannot be run again" in str(refused.value)


def test_an_identity_needs_a_second_run():
    record = run("himmelblau", Adam(np.zeros(2)), "constant:alpha=0.01", 20)
    found = judge("adam-scale-invariance", record)
    assert found.word == "inconclusive"
    assert "two runs, and the optimizer cannot be run again" in found.reason


def test_a_snapshot_makes_another_run_the_same():
    drawn = []

    class Drawing(Nesterov):
        like = None
        repeatable = False

        def init(self, start, seed):
            drawn.append(len(drawn) + 1)
            return start, 0.01 * drawn[-1] * np.ones_like(start)

        def query(self, state):
            return state[0]

    how = ("quadratic", "inverse-smoothness", 30)
    plain = find_optimizer(Drawing)
    first, second = (run(how[0], plain, *how[1:]) for _ in range(2))
    assert not plain.repeatable
    assert first.checksum != second.checksum

    class Restored(Drawing):
        def snapshot(self, state):
            return [part.copy() for part in state]

        def restore(self, snapshot):
            return tuple(part.copy() for part in snapshot)

    known = find_optimizer(Restored)
    first, second = (run(how[0], known, *how[1:]) for _ in range(2))
    assert known.repeatable
    same_bits(first, second)
    assert len(drawn) == 3


# Names


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """The folder with a file of optimizers, in which one is."""
    (tmp_path / "mine.py").write_text(FILE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


FILE = '''
import numpy as np
from numpy import clip

print("a file may print")

def descent(x, gradient, step_size):
    """Gradient descent."""
    return x - step_size * gradient

descent.like = "sgd"

def heavy_ball(x, gradient, step_size, u, *, beta=0.9):
    u = gradient if u is None else beta * u + gradient
    return x - step_size * u, u

heavy_ball.like = "heavy-ball:beta1={beta}"

def helper(x):
    return x

class Adam:
    like = "adam:beta1=0,beta2=1/10,eps=0,bias_correction=none"

    def __init__(self, x):
        self.x, self.v = x, np.zeros_like(x)

    def step(self, gradient, step_size):
        self.v += 0.9 * (gradient**2 - self.v)
        self.x -= step_size * gradient / np.sqrt(self.v)
'''


def test_a_file_holds_its_optimizers(mine):
    found = find_optimizer("mine.py::heavy_ball:beta=1/2")
    assert found.key == "mine.py::heavy_ball"
    assert found.specification == "mine.py::heavy_ball:beta=0.5"
    assert found.like.specification == "heavy-ball:beta1=0.5"
    assert find_optimizer("mine.py::descent").entry.title == "Gradient descent"
    given = find_optimizer("mine.py::descent:like='adam:beta1=0'")
    assert given.like.specification == "adam:beta1=0"
    assert given.specification == "mine.py::descent:like='adam:beta1=0'"
    same_bits(run("quadratic", given, HALF, 20), run("quadratic", "sgd", HALF, 20))
    (mine / "one.py").write_text("def only(x, g, a): return x - a * g\n", encoding="utf-8")
    assert find_optimizer("one.py").key == "one.py"
    assert find_optimizer("one.py:like=sgd").specification == "one.py:like=sgd"


def test_a_module_holds_optimizers(mine, monkeypatch, capsys):
    package = mine / "package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    shutil.copy(mine / "mine.py", package / "module_of_optimizers.py")
    monkeypatch.syspath_prepend(mine)
    found = find_optimizer("package.module_of_optimizers:heavy_ball:beta=0.5")
    assert capsys.readouterr().out == ""
    assert found.specification == "package.module_of_optimizers:heavy_ball:beta=0.5"
    same_bits(run("quadratic", found, HALF, 9), run("quadratic", "heavy-ball:beta1=.5", HALF, 9))
    from package.module_of_optimizers import Adam as Imported

    made = find_optimizer(Imported)
    assert made.specification == "package.module_of_optimizers:Adam"
    with pytest.raises(InputError, match=r"no optimizer 'package.module_of_optimizers:Adamm'"):
        find_optimizer("package.module_of_optimizers:Adamm")


def test_rules_are_found_too():
    rule = convergence.find_rule("adam:beta1=0")
    assert find_optimizer("adam:beta1=0").specification == rule.specification
    assert find_optimizer(rule) is rule
    assert find_optimizer(rule, beta2=0.5).specification == "adam:beta1=0,beta2=0.5"


NAMES = {
    "mine.py": "holds 3 optimizers; write one of mine.py::descent",
    "mine.py::descend": "did you mean descent",
    "mine.py::helper": "holds no optimizer 'helper'",
    "mine.py::clip": "holds no optimizer 'clip'",
    "mine.py::heavy_ball:gamma=1": "has no parameter 'gamma'; accepted: beta, like",
    "mine.py::descent:like=adma": "like='adma' of optimizer mine.py::descent: there is no rule",
    "mine.py::descent:like='sgd:beta={gamma}'": "hold none of its parameters (none)",
    "mine.py::descent:repeatable=2": "must be true or false",
    "none.py::descent": "there is no file",
    "adma:Adam": "there is no rule 'adma'",
    "no.such.module:Adam": "there is no such module",
    "numpy:array": "no optimizer 'numpy:array'; write a function",
    "unregistered:descent": "was made in Python and has no text to find it by",
    "adam:beta1": "write name=value",
}


@pytest.mark.parametrize("text", NAMES)
def test_a_name_that_finds_nothing_is_one_sentence(mine, text):
    with pytest.raises(InputError) as refused:
        run("quadratic", text, HALF, 9)
    assert NAMES[text] in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("thing", [3, None, np.zeros(2), abs, lambda x: x, object(), Box])
def test_what_is_no_optimizer_is_refused(thing):
    with pytest.raises(InputError, match="must be a rule, the specification of one, or an optimi"):
        run("quadratic", thing, HALF, 9)


def test_a_parameter_may_not_take_a_word_of_the_suite():
    def odd(x, gradient, step_size, *, like):
        return x

    with pytest.raises(InputError, match="a word of the suite"):
        find_optimizer(odd)
    with pytest.raises(InputError, match="needs a value for beta"):
        find_optimizer(lambda x, g, a, *, beta: x)


def test_a_rule_itself_may_be_given_as_like():
    rule = convergence.find_rule("heavy-ball:beta1=0.5")
    made = find_optimizer(heavy_ball, beta=0.5, like=rule)
    assert made.like is rule
    assert made.settings["like"] == "heavy-ball:beta1=0.5"


# Records


def test_records_of_an_optimizer_in_a_file_are_read_back(mine):
    record = run("quadratic", "mine.py::heavy_ball:beta=0.5", HALF, 50)
    assert record.bytes_per_parameter is None
    assert "-o mine.py::heavy_ball:beta=0.5@inverse-smoothness" in record.experiment.command
    save_records([record], "saved.npz")
    (again,) = load_records("saved.npz")
    assert again.checksum == record.checksum
    assert again.experiment.optimizer.specification == record.experiment.optimizer.specification
    assert judge("gd-strongly-convex", again).word == "not applicable"
    (mine / "mine.py").write_text(FILE + "\n# edited\n", encoding="utf-8")
    with pytest.warns(UserWarning, match="another version of mine.py::heavy_ball"):
        load_records("saved.npz")
    (mine / "mine.py").unlink()
    with pytest.raises(InputError, match=r"there is no file 'mine.py'"):
        load_records("saved.npz")


def test_records_of_an_optimizer_without_a_place_are_not(tmp_path):
    record = run("quadratic", lambda x, g, a: x - a * g, HALF, 9)
    assert record.experiment.optimizer.specification == "unregistered:<lambda>"
    save_records([record], tmp_path / "saved.npz")
    with pytest.raises(InputError, match="was made in Python and has no text to find it by"):
        load_records(tmp_path / "saved.npz")


# The command line


def test_run_takes_optimizers(cli, mine):
    line = "run quadratic -o mine.py::heavy_ball:beta=0.5 -o heavy-ball:beta1=0.5 --steps 50"
    result = cli(f"{line} --schedule inverse-smoothness --json")
    assert result.status == 0, result.err
    own, rule = json.loads(result.out)
    assert own["series"]["suboptimality"] == rule["series"]["suboptimality"]
    assert own["experiment"]["optimizer"] == "mine.py::heavy_ball:beta=0.5"
    assert own["bytes_per_parameter"] is None
    text = cli(f"{line} --schedule inverse-smoothness --plot two.png")
    assert text.status == 0, text.err
    assert "unknown" in text.out
    assert (mine / "two.png").is_file()
    refused = cli("run quadratic -o mine.py")
    assert refused.status == 2
    assert refused.err.count("\n") == 1


def test_verify_judges_an_optimizer_in_place_of_the_rules(cli, mine):
    result = cli("verify gd-strongly-convex -o mine.py::descent --quick --workers 1 --json")
    assert result.status == 0, result.err
    found = json.loads(result.out)
    assert {outcome["experiment"]["optimizer"] for outcome in found} == {"mine.py::descent"}
    assert len(found) == 4
    assert all(outcome["verdict"].startswith("holds") for outcome in found)
    line = "verify gd-strongly-convex -o \"mine.py::heavy_ball:like='sgd'\" --quick --workers 1"
    assert cli(line).status == 1
    nothing = cli("verify gd-strongly-convex -o mine.py::Adam")
    assert nothing.status == 2
    assert "no claim speaks of optimizer mine.py::Adam" in nothing.err


@pytest.mark.slow
def test_verify_judges_adam_by_the_theorem_that_it_fails(mine):
    outcomes = verify(["reddi-2018-thm1"], optimizer="mine.py::Adam", quick=True, workers=1)
    assert {(outcome.verdict.word, outcome.expected) for outcome in outcomes} == {("holds",) * 2}


# In Python


@pytest.mark.slow
def test_verify_takes_what_has_no_place():
    outcomes = verify(
        ["zinkevich-2003-thm1"],
        only="periodic-linear*",
        optimizer=find_optimizer(lambda x, g, a: x - a * g, like="sgd"),
        quick=True,
    )
    assert [outcome.verdict.word for outcome in outcomes] == ["holds"]
    wrong = verify(
        ["zinkevich-2003-thm1"],
        optimizer=find_optimizer(lambda x, g, a: x + a * g, like="sgd"),
        only="reddi-2018-thm1",
        quick=True,
    )
    assert [outcome.as_expected for outcome in wrong] == [False]


def test_verify_takes_a_rule_of_other_settings():
    how = {"optimizer": "heavy-ball:beta1=0.4", "quick": True, "workers": 1}
    outcomes = verify(["ghadimi-2015-hb-convex"], **how)
    assert {outcome.verdict.experiment.names.optimizer for outcome in outcomes} == {
        "heavy-ball:beta1=0.4"
    }
    assert {outcome.expected for outcome in outcomes} == {"not violated"}


@pytest.mark.slow
def test_verdicts_on_a_file_are_stored_until_it_is_edited(mine, monkeypatch):
    how = {"optimizer": "mine.py::descent", "quick": True, "workers": 1}
    first, second = (verify(["gd-strongly-convex"], **how) for _ in range(2))
    assert not any(outcome.from_store for outcome in first)
    assert all(outcome.from_store for outcome in second)
    assert second == first
    text = FILE.replace("x - step_size * gradient", "x - 2 * step_size * gradient", 1)
    (mine / "mine.py").write_text(text, encoding="utf-8")
    third = verify(["gd-strongly-convex"], **how)
    assert not any(outcome.from_store for outcome in third)
    assert "violated" in {outcome.verdict.word for outcome in third}
    unsteady = {**how, "optimizer": "mine.py::descent:repeatable=false"}
    for _ in range(2):
        assert not any(o.from_store for o in verify(["gd-strongly-convex"], **unsteady))


def test_several_processes_find_a_file(mine):
    how = {"optimizer": "mine.py::descent", "quick": True}
    words = [o.verdict.word for o in verify(["gd-strongly-convex"], workers=2, **how)]
    assert len(words) == 4
    assert all(word.startswith("holds") for word in words)


def test_cases_of_ones_own_claim_may_name_ones_own_optimizer(mine):
    text = """
from convergence.claim import claim
from convergence.claims.assumptions import the_rule

@claim(measure="suboptimality", assumes=[the_rule("gradient-descent")], cases='''
    holds
        quadratic  mine.py::descent  inverse-smoothness  20
        quadratic  "mine.py::heavy_ball:like='sgd',beta=0"  inverse-smoothness  20
    not applicable
        quadratic  mine.py::heavy_ball  inverse-smoothness  20
''')
def known(T, D0):
    "It falls."
    return D0 + 0 * T
""".replace("\"mine.py::heavy_ball:like='sgd',beta=0\"", "mine.py::heavy_ball:like=sgd,beta=0")
    (mine / "known.py").write_text(text, encoding="utf-8")
    outcomes = verify(["known.py"], quick=True, workers=1)
    assert len(outcomes) == 3
    unexpected = [str(o.verdict) for o in outcomes if not o.as_expected]
    assert [word for word in unexpected if not word.startswith("holds, not")] == []


def test_the_store_knows_no_module(mine):
    case = convergence.find_claim("gd-strongly-convex").cases[0]
    from dataclasses import replace

    def key(optimizer):
        other = replace(case, experiment=case.experiment.changed(optimizer=optimizer))
        return verification._key("gd-strongly-convex", other)

    assert key("mine.py::descent")
    assert key("a.b:descent") is None


# The page


def test_the_page_on_optimizers_of_ones_own_says_what_happens(tmp_path, monkeypatch, capsys):
    page = (HOME / "docs" / "your-own-optimizers.md").read_text(encoding="utf-8")
    *blocks, last = [part.split("```")[0] for part in page.split("```python\n")[1:]]
    (tmp_path / "mine.py").write_text("".join(blocks), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "mine", raising=False)
    how = {"quick": True, "workers": 1}
    outcomes = verify(["gd-strongly-convex"], optimizer="mine.py::descent", **how)
    assert all(outcome.as_expected for outcome in outcomes)
    assert verdict(*R1, "mine.py::Adam", "inverse-sqrt:alpha=0.5", 1_000).word == "holds"
    caught = verify(["gd-strongly-convex"], optimizer="mine.py::twice", **how)
    assert any(str(outcome.verdict) in " ".join(page.split()) for outcome in caught)
    for name, rule in (("heavy_ball", "heavy-ball"), ("Nesterov", "nesterov")):
        made = run("quadratic", f"mine.py::{name}", HALF, 50)
        same_bits(made, run("quadratic", rule, HALF, 50))
    exec(compile(last, "page", "exec"), {})
    assert capsys.readouterr().out.splitlines()[-1] == last.splitlines()[-1].removeprefix("# ")
    monkeypatch.delitem(sys.modules, "mine", raising=False)

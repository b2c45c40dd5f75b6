"""Blocks of the iterate, and problems whose iterate is a matrix."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from wrong.labels import stating

import problems
from problems.domain import Box, Simplex, WholeSpace
from problems.laws import INEQUALITIES, check, views
from problems.laws.search import Search, singular_values
from problems.notation import InputError, Number
from problems.problem import Problem, derived, exact

MATRICES = (
    "matrix-quadratic",
    "matrix-quadratic:rows=3,columns=5,rotated=true,optimum=-2,L=4,kappa_columns=3",
    "matrix-quadratic:rows=1,columns=1,kappa_rows=1,kappa_columns=1",
    "matrix-quadratic:columns=1,kappa_columns=1",
)
SENSING = (
    "matrix-sensing",
    "matrix-sensing:measurements=5,rank=2,seed=3",
    "matrix-sensing:factored=true",
    "matrix-sensing:factored=true,rows=2,columns=4,rank=2",
)
LIFTED = (
    "reddi-2018-thm1:C=5,start=0.5",
    "reddi-2018-stochastic",
    "lessard-2016",
    "pl-sine",
    "shi-2021",
    "periodic-hinge",
    "quadratic:kappa=1,dimension=1,L=2",
    "multiplicative-noise:kappa=1,dimension=1",
)


def lift(problem, size=2):
    return problems.catalogue["diagonal-lift"](problem=problem, size=size)


def nuclear(block):
    return np.linalg.svd(block, compute_uv=False).sum()


def spectral(block):
    return np.linalg.norm(block, 2)


# Blocks


def flat(n=5, **changes):
    facts = {
        "formula": "||x||**2 / 2",
        "domain": WholeSpace(),
        "start": np.arange(1.0, n + 1),
        "loss_formula": lambda x, sample: 0.5 * (x * x).sum(axis=-1),
        "gradient_formula": lambda x, sample: x,
    }
    return Problem(**{**facts, **changes})


def test_an_iterate_without_named_blocks_is_one_block():
    assert flat().blocks == {"x": (5,)}
    assert problems.find("pl-sine").blocks == {"x": (1,)}
    assert replace(flat(), formula="another").blocks == {"x": (5,)}


def test_blocks_are_cut_out_in_row_major_order_one_after_the_other():
    problem = flat(9, blocks={"W": (2, 3), "b": [np.int64(3)]})
    assert problem.blocks == {"W": (2, 3), "b": (3,)}
    parts = problem.matrices(np.arange(9.0))
    assert list(parts) == ["W", "b"]
    np.testing.assert_array_equal(parts["W"], [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(parts["b"], [[6], [7], [8]])


def test_the_blocks_of_many_points_are_views_of_them():
    problem = flat(6, blocks={"U": (2, 2), "V": (1, 2)})
    x = np.zeros((3, 4, 6))
    parts = problem.matrices(x)
    assert parts["U"].shape == (3, 4, 2, 2)
    assert parts["V"].shape == (3, 4, 1, 2)
    parts["V"][..., 0, 1] = 7.0
    np.testing.assert_array_equal(x[..., 5], 7.0)
    assert problem.matrices(np.zeros((0, 6)))["U"].shape == (0, 2, 2)


@pytest.mark.parametrize(
    ("blocks", "sentence"),
    [
        ([("W", (5,))], "blocks=[('W', (5,))] must map names to shapes"),
        ({"my block": (5,)}, "the block 'my block' must be named by an identifier"),
        ({1: (5,)}, "the block 1 must be named by an identifier"),
        ({"W": 5}, "the block 'W' has the shape 5; a shape is one or two whole numbers"),
        ({"W": ()}, "the block 'W' has the shape ()"),
        ({"W": (1, 1, 5)}, "the block 'W' has the shape (1, 1, 5)"),
        ({"W": (5, 1.0)}, "the block 'W' has the shape (5, 1.0)"),
        ({"W": (5, True)}, "the block 'W' has the shape (5, True)"),
        ({"W": (5,), "b": (0,)}, "the block 'b' has the shape (0,)"),
        (
            {"W": (2, 2), "b": (2,)},
            "the blocks W (2, 2), b (2,) have 6 entries together, but the start point has 5",
        ),
    ],
)
def test_blocks_that_are_none_are_refused(blocks, sentence):
    with pytest.raises(InputError) as refused:
        flat(blocks=blocks)
    assert sentence in str(refused.value)


def test_points_of_another_length_are_not_cut():
    with pytest.raises(InputError, match=r"have 5 entries together, but points have the shape"):
        flat().matrices(np.zeros((5, 4)))
    with pytest.raises(InputError, match=r"the shape \(\)"):
        problems.split(1.0, {"x": (1,)})


def test_a_function_of_ones_own_may_have_blocks():
    problem = problems.from_function(
        lambda x: (x * x).sum(), lambda x: 2 * x, start=np.ones(4), blocks={"W": (2, 2)}
    )
    assert problem.blocks == {"W": (2, 2)}
    with pytest.raises(InputError, match="6 entries"):
        problems.from_function(
            lambda x: (x * x).sum(), lambda x: 2 * x, start=np.ones(4), blocks={"W": (2, 3)}
        )


# The law of the spectral norm


def test_of_several_blocks_nuclear_norms_are_added_and_the_largest_step_counts():
    # The Hessian is the unit matrix: ||D||_nuc / ||D||_spec is at most 2 for W, 1 for the column.
    def stated(value):
        blocks = {"W": (2, 3), "b": (3,)}
        return flat(9, blocks=blocks, constants={"L": exact(1.0), "L_spectral": exact(value)})

    assert check(stated(3.0), labels={"L_spectral"})["L_spectral"].verdict == "holds"
    assert check(stated(2.95), labels={"L_spectral"})["L_spectral"].verdict == "violated"
    assert check(stated(3.1), labels={"L_spectral"})["L_spectral"].verdict == "inconclusive"


def test_of_a_vector_it_is_smoothness():
    quadratic = problems.find("quadratic:kappa=4,dimension=3,L=2")
    for value, verdict in ((2.0, "holds"), (1.99, "violated")):
        constants = {"L_spectral": derived(value, "a guess")}
        found = check(replace(quadratic, constants=constants), labels={"L_spectral"})
        assert found["L_spectral"].verdict == verdict


def test_less_than_the_smoothness_is_refused():
    with pytest.raises(InputError, match=r"L=2\.0 exceeds L_spectral=1\.0"):
        flat(constants={"L": exact(2.0), "L_spectral": exact(1.0)})
    with pytest.raises(InputError, match=r"L_spectral=-1\.0 must not be negative"):
        flat(constants={"L_spectral": exact(-1.0)})


def test_a_point_that_is_not_finite_says_nothing_of_others():
    problem = problems.find("matrix-quadratic:rows=2,columns=2,kappa_rows=1,kappa_columns=1")
    x = np.stack([np.zeros(4), np.full(4, np.nan), np.zeros(4)])
    y = np.stack([[3.0, 0, 0, -1], np.zeros(4), [2.0, 0, 0, 2]])
    (values,) = singular_values(problem, y - x)
    np.testing.assert_array_equal(np.isnan(values).all(axis=1), [False, True, False])
    np.testing.assert_allclose(values[[0, 2]], [[3, 1], [2, 2]])
    (view,) = views(problem, "judged")
    quotient, _ = INEQUALITIES["L_spectral"].quotient(problem, view, x, y)
    np.testing.assert_allclose(quotient, [4 / 3, np.nan, 2.0])


# matrix-quadratic


def sides(problem):
    """A and B, from the text of the settings, and by eigenvalues of a library."""
    s = problem.settings
    found = []
    for size, kappa, top in (
        (s["rows"], s["kappa_rows"], 1.0),
        (s["columns"], s["kappa_columns"], s["L"]),
    ):
        index = np.arange(size)
        angle = 2 * np.pi * np.outer(index, index) / size
        turn = (np.cos(angle) + np.sin(angle)) / np.sqrt(size) if s["rotated"] else np.eye(size)
        found.append(turn @ np.diag(top * kappa ** -np.linspace(0, 1, size)) @ turn)
    return found


@pytest.mark.parametrize("specification", MATRICES)
def test_the_quadratic_is_its_formula(specification):
    problem = problems.find(specification)
    a, b = sides(problem)
    rows, columns = problem.blocks["W"]
    optimum = np.full((rows, columns), float(problem.settings["optimum"]))
    for w in np.random.default_rng(1).normal(size=(5, rows, columns)):
        off = w - optimum
        value, slope = problem.objective(w.reshape(-1)), problem.objective_gradient(w.reshape(-1))
        assert value == pytest.approx(0.5 * np.trace(off.T @ a @ off @ b), rel=1e-12)
        np.testing.assert_allclose(slope, (a @ off @ b).reshape(-1), rtol=1e-11, atol=1e-12)
    eigenvalues = np.linalg.eigvalsh(np.kron(a, b))
    assert problem.constant("L") == pytest.approx(eigenvalues[-1], rel=1e-12)
    assert problem.constant("mu") == pytest.approx(eigenvalues[0], rel=1e-12)
    assert problem.constant("mu_pl") == problem.constant("mu")
    assert float(problem.objective(problem.constants["minimizer"].value)) == 0.0
    assert np.linalg.matrix_rank(problem.matrices(problem.start)["W"] - optimum) == min(
        a.shape[0], b.shape[0]
    )


def test_values_of_the_quadratic_by_hand():
    problem = problems.find("matrix-quadratic:rows=2,columns=2,kappa_rows=2,kappa_columns=4")
    # A = diag(1, 1/2), B = diag(1, 1/4), from the matrix (1 1; 1 2).
    np.testing.assert_array_equal(problem.start, [1, 1, 1, 2])
    np.testing.assert_array_equal(problem.gradient(problem.start), [1, 1 / 4, 1 / 2, 1 / 4])
    assert float(problem.loss(problem.start)) == (1 + 1 / 4 + 1 / 2 + 4 / 8) / 2
    assert problem.constant("L") == 1
    assert problem.constant("mu") == 1 / 8
    assert problem.constant("L_spectral") == 1 + 1 / 8


def test_one_row_and_one_column_are_half_a_square():
    problem = problems.find("matrix-quadratic:rows=1,columns=1,kappa_rows=1,kappa_columns=1")
    assert problem.blocks == {"W": (1, 1)}
    np.testing.assert_array_equal(problem.start, [1.0])
    np.testing.assert_array_equal(problem.loss([[3.0], [-2.0]]), [4.5, 2.0])
    np.testing.assert_array_equal(problem.gradient([[3.0], [-2.0]]), [[3.0], [-2.0]])
    letters = ("L", "mu", "mu_pl", "L_spectral")
    assert [problem.constant(letter) for letter in letters] == [1, 1, 1, 1]


def test_without_conditioning_the_spectral_constant_is_the_smaller_side():
    for rows, columns in ((4, 3), (2, 5), (3, 3)):
        problem = problems.find(
            f"matrix-quadratic:rows={rows},columns={columns},kappa_rows=1,kappa_columns=1,L=2"
        )
        assert problem.constant("L_spectral") == 2 * min(rows, columns)


@pytest.mark.parametrize("specification", MATRICES)
def test_the_spectral_constant_is_attained_and_never_exceeded(specification):
    problem = problems.find(specification)
    constant = problem.constants["L_spectral"]
    origin = problem.constants["minimizer"].value

    def quotient(x, y):
        change = problem.matrices(problem.objective_gradient(x) - problem.objective_gradient(y))
        step = problem.matrices(x - y)
        return nuclear(change["W"]) / spectral(step["W"])

    assert constant.known == "exact"
    assert quotient(constant.at, origin) == pytest.approx(constant.value, rel=1e-11)
    assert spectral(problem.matrices(constant.at - origin)["W"]) == pytest.approx(1, rel=1e-12)
    random, largest = np.random.default_rng(7), 0.0
    for _ in range(300):
        x, y = random.normal(size=(2, problem.dimension))
        # Of orthogonal steps the quotient is largest.
        left, _, right = np.linalg.svd(problem.matrices(x - y)["W"], full_matrices=False)
        largest = max(largest, quotient(x, y), quotient((left @ right).reshape(-1), 0 * x))
    assert largest <= constant.value * (1 + 1e-11)
    # The walk of the check finds it without being told where.
    alone = replace(problem, constants={"L_spectral": exact(constant.value)})
    assert check(alone, labels={"L_spectral"})["L_spectral"].verdict == "holds"


@pytest.mark.parametrize("specification", MATRICES)
def test_a_spectral_constant_that_is_too_small_is_caught(specification):
    problem = problems.find(specification)
    small = stating(problem, "L_spectral", 0.99 * problem.constant("L_spectral"))
    finding = check(small, labels={"L_spectral"})["L_spectral"]
    assert finding.verdict == "violated"
    x, y = finding.witness
    change = problem.matrices(problem.gradient(x) - problem.gradient(y))["W"]
    assert nuclear(change) > small.constant("L_spectral") * spectral(problem.matrices(x - y)["W"])
    # Smoothness in the Frobenius norm does not bound it.
    if min(problem.blocks["W"]) > 1:
        wrong = stating(problem, "L_spectral", problem.constant("L"))
        assert check(wrong, labels={"L_spectral"})["L_spectral"].verdict == "violated"


def test_directions_of_the_spectral_norm_are_orthogonal_and_near():
    problem = problems.find("matrix-quadratic:rows=2,columns=2,rotated=true")
    (view,) = views(problem, "judged")
    x, y = Search(problem, False, 0, frozenset()).spectral_pairs(view)
    steps = problem.matrices(y - x)["W"]
    values = np.linalg.svd(steps, compute_uv=False)
    np.testing.assert_allclose(values[:, 0], values[:, 1], rtol=1e-6)


def test_noise_is_added_to_the_gradient_and_its_variance_is_stated():
    problem = problems.find("matrix-quadratic:rows=2,columns=3,noise=0.5")
    seeds = np.arange(4000, dtype=np.uint64)
    z = problem.samples(np.array([3]), seeds)[0]
    x = np.broadcast_to(problem.start, (4000, 6))
    noise = problem.gradient(x, z) - problem.objective_gradient(x)
    np.testing.assert_allclose(noise, 0.5 * z, atol=1e-12)
    np.testing.assert_allclose(
        problem.loss(x, z) - problem.objective(x), 0.5 * (z * x).sum(axis=-1), atol=1e-12
    )
    assert problem.constant("sigma2") == 1.5
    assert (noise**2).sum(axis=-1).mean() == pytest.approx(1.5, rel=0.05)


def test_numbers_that_were_typed_are_taken():
    problem = problems.find("matrix-quadratic:L=1/3,optimum=0.1,kappa_rows=10/3")
    assert problem.constant("L") == 1 / 3
    assert problem.specification == "matrix-quadratic:kappa_rows=10/3,L=1/3,optimum=0.1"
    assert problems.find(problem.specification).settings["L"] == Number(Fraction(1, 3))


@pytest.mark.parametrize(
    ("specification", "sentence"),
    [
        ("matrix-quadratic:rows=0", "rows=0 must be a whole number of at least 1"),
        ("matrix-quadratic:columns=1", "kappa_columns=10.0 needs at least 2 columns"),
        ("matrix-quadratic:kappa_rows=0.5", "kappa_rows=0.5 must be a finite number of at least 1"),
        ("matrix-quadratic:L=0", "L=0 must be a finite number above 0"),
        ("matrix-quadratic:noise=-1", "noise=-1 must be a finite number of at least 0"),
        ("matrix-quadratic:rotated=1", "rotated=1 must be true or false"),
        ("matrix-sensing:rank=4", "rank=4 must be a whole number from 1 to 3"),
        ("matrix-sensing:measurements=0", "measurements=0 must be a whole number"),
        ("matrix-sensing:factored=yes", "factored='yes' must be true or false"),
        ("matrix-sensing:scale=0", "scale=0 must be a finite number above 0"),
        ("diagonal-lift:size=0", "size=0 must be a whole number of at least 1"),
        ("diagonal-lift:problem=5", "problem=5 must be text"),
        ("diagonal-lift:problem=pl-sin", "there is no problem 'pl-sin'; did you mean pl-sine"),
        ("diagonal-lift:problem=quadratic", "problem='quadratic' has dimension 10"),
        ("diagonal-lift:problem=diagonal-lift", "problem='diagonal-lift' has dimension 4"),
    ],
)
def test_parameters_that_are_not_accepted_are_named(specification, sentence):
    with pytest.raises(InputError) as refused:
        problems.find(specification)
    assert sentence in str(refused.value)


# Gradients of all


@pytest.mark.parametrize(
    "specification", [*MATRICES, *SENSING, "diagonal-lift:problem=pl-sine,size=3"]
)
def test_the_gradient_is_that_of_differences(specification):
    problem = problems.find(specification)
    for x in problem.start + np.random.default_rng(2).normal(size=(3, problem.dimension)):
        steps = 1e-6 * np.eye(problem.dimension)
        slope = (problem.objective(x + steps) - problem.objective(x - steps)) / 2e-6
        exactly = problem.objective_gradient(x)
        np.testing.assert_allclose(slope, exactly, rtol=1e-6, atol=1e-7 * abs(exactly).max())


@pytest.mark.parametrize("specification", [*MATRICES, *SENSING, "diagonal-lift:size=3"])
def test_points_of_any_leading_shape_are_taken(specification):
    problem = problems.find(specification)
    x = np.random.default_rng(3).normal(size=(2, 3, problem.dimension))
    sample = None if problem.samples is None else np.float64(2.0)
    for oracle in (problem.loss, problem.gradient):
        together = oracle(x, sample)
        for i in range(2):
            for j in range(3):
                np.testing.assert_array_equal(oracle(x[i, j], sample), together[i, j])


# matrix-sensing


def measured(problem):
    """The Gram matrix of the measurements, from gradients."""
    n = problem.dimension
    return problem.gradient(np.eye(n)) - problem.gradient(np.zeros((n, n)))


@pytest.mark.parametrize("m", [24, 12, 5])
def test_the_constants_of_sensing_are_the_eigenvalues(m):
    problem = problems.find(f"matrix-sensing:measurements={m}")
    gram = measured(problem)
    np.testing.assert_allclose(gram, gram.T, atol=1e-12)
    eigenvalues = np.linalg.eigvalsh(gram)
    positive = eigenvalues[max(0, 12 - m) :]
    assert problem.constant("L") == pytest.approx(eigenvalues[-1], rel=1e-10)
    assert problem.constant("mu_pl") == pytest.approx(positive[0], rel=1e-9)
    np.testing.assert_allclose(eigenvalues[: 12 - positive.size], 0, atol=1e-12)
    assert ("mu" in problem.constants) == (m >= 12)
    assert ("strongly-convex" in problem.tags) == (m >= 12)
    assert "mu" in problem.constants or "fewer measurements" in problem.unknown["mu"]


@pytest.mark.parametrize("specification", SENSING)
def test_the_minimum_of_sensing_is_attained_at_a_matrix_of_the_rank(specification):
    problem = problems.find(specification)
    point = problem.constants["minimizer"].value
    assert float(problem.objective(point)) == 0.0
    np.testing.assert_array_equal(problem.gradient(point), 0.0)
    parts = problem.matrices(point)
    signal = parts["W"] if "W" in parts else parts["U"] @ parts["V"].T
    assert np.linalg.matrix_rank(signal) == problem.settings["rank"]
    assert np.linalg.norm(signal) == pytest.approx(1, rel=1e-12)


def test_factors_see_the_measurements_that_the_matrix_sees():
    convex = problems.find("matrix-sensing:rank=2")
    factored = problems.find("matrix-sensing:rank=2,factored=true")
    assert factored.blocks == {"U": (4, 2), "V": (3, 2)}
    x = np.random.default_rng(4).normal(size=14)
    u, v = factored.matrices(x).values()
    w = (u @ v.T).reshape(-1)
    assert float(factored.loss(x)) == pytest.approx(float(convex.loss(w)), rel=1e-12)
    slope = convex.gradient(w).reshape(4, 3)
    np.testing.assert_allclose(
        factored.gradient(x), np.append(slope @ v, slope.T @ u), rtol=1e-11, atol=1e-12
    )


def test_the_two_forms_of_sensing_bear_their_own_tags():
    assert {"convex", "smooth"} <= set(problems.find("matrix-sensing").tags)
    factored = problems.find("matrix-sensing:factored=true")
    assert set(factored.tags) == {"non-convex", "smooth", "saddle"}
    again = replace(factored, formula="another")
    assert set(again.tags) == set(factored.tags)


def test_other_seeds_give_other_measurements_and_the_same_seed_the_same():
    one, same, other = (
        problems.find(f"matrix-sensing:seed={seed}").gradient(np.ones(12)) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, same)
    assert abs(one - other).max() > 1e-3


def test_a_wrong_constant_of_sensing_is_caught():
    problem = problems.find("matrix-sensing:measurements=5")
    for letter, factor in (("L", 0.99), ("mu_pl", 1.01), ("L_spectral", 0.7)):
        wrong = stating(problem, letter, factor * problem.constant(letter))
        assert check(wrong, labels={letter})[letter].verdict == "violated"


# diagonal-lift


@pytest.mark.parametrize("specification", LIFTED)
@pytest.mark.parametrize("size", [1, 3])
def test_a_lift_is_the_problem_at_every_diagonal_entry(specification, size):
    base, lifted = problems.find(specification), lift(specification, size)
    assert lifted.blocks == {"W": (size, size)}
    x = lifted.domain.project(np.random.default_rng(5).normal(size=(4, size * size)))
    diagonal = lifted.matrices(x)["W"].diagonal(axis1=-2, axis2=-1)
    seeds = np.arange(4, dtype=np.uint64)
    for t in (1, 2, 3):
        sample = None if base.samples is None else base.samples(np.array([t]), seeds)[0]
        alone = [base.loss(diagonal[:, i, None], sample) for i in range(size)]
        np.testing.assert_array_equal(lifted.loss(x, sample), np.stack(alone, -1).sum(axis=-1))
        slopes = [base.gradient(diagonal[:, i, None], sample)[:, 0] for i in range(size)]
        expected = np.zeros((4, size, size))
        expected[:, range(size), range(size)] = np.stack(slopes, -1)
        np.testing.assert_array_equal(lifted.matrices(lifted.gradient(x, sample))["W"], expected)
    if base.has_objective:
        alone = [base.objective(diagonal[:, i, None]) for i in range(size)]
        np.testing.assert_array_equal(lifted.objective(x), np.stack(alone, -1).sum(axis=-1))
    if base.has_hindsight:
        np.testing.assert_array_equal(
            lifted.hindsight([1, 2, 50], (0, 3)), size * base.hindsight([1, 2, 50], (0, 3))
        )


def test_the_constants_of_a_lift_by_hand():
    lifted = lift("parabola-on-interval:mu=2,radius=3,noise=1", 4)
    # f = x**2 on [-3, 3] with slopes 2x +- 1, on four diagonal entries.
    expected = {
        "L": 2,
        "L_max": 2,
        "L_spectral": 8,
        "mu_pl": 2,
        "G": 2 * 7,
        "G_inf": 7,
        "sigma2": 4,
        "M": 4 * 37,
        "M_G": 0,
        "minimum": 0,
    }
    assert {letter: lifted.constant(letter) for letter in expected} == expected
    assert set(lifted.constants) == {*expected, "minimizer"}
    assert "mu" not in lifted.constants
    assert "off the diagonal" in lifted.unknown["mu"]
    np.testing.assert_array_equal(lifted.matrices(lifted.start)["W"], 3 * np.eye(4))
    assert lift("parabola-on-interval:mu=2", 1).constant("mu") == 2


def test_a_lift_of_one_entry_states_what_the_problem_states():
    base, lifted = problems.find("lessard-2016"), lift("lessard-2016", 1)
    assert set(lifted.tags) == set(base.tags)
    for letter in base.constants:
        np.testing.assert_array_equal(lifted.constants[letter].value, base.constants[letter].value)


def test_the_tags_of_a_lift_are_those_of_the_problem():
    assert set(lift("pl-sine").tags) == {"non-convex", "smooth", "polyak-lojasiewicz"}
    assert "strongly-convex" not in lift("lessard-2016").tags
    assert "1-D" not in lift("lessard-2016").tags
    assert {"online", "stochastic", "linear"} <= set(lift("reddi-2018-stochastic").tags)
    assert "convex" not in lift("zhang-2022").tags


def test_an_interval_is_a_box_for_all_entries():
    lifted = lift("reddi-2018-thm1", 2)
    assert lifted.domain == Box(-1.0, 1.0)
    # Where 0 lies outside, the entries off the diagonal start at the nearest end.
    lifted = lift("periodic-linear:domain=[2,5],start=3", 2)
    np.testing.assert_array_equal(lifted.start, [3, 2, 2, 3])
    np.testing.assert_array_equal(lifted.constants["minimizer"].value, [2, 2, 2, 2])


@pytest.fixture
def file(tmp_path):
    def written(domain):
        path = tmp_path / "mine.py"
        path.write_text(
            "import problems\n"
            f"mine = problems.from_function(lambda x: (x * x).sum(), lambda x: 2 * x, start=[1.0],"
            f" domain={domain}, tags=['convex', 'smooth'], constants={{'L': 2, 'minimum': 0}})\n",
            encoding="utf-8",
        )
        return str(path)

    return written


def test_a_ball_of_one_dimension_is_an_interval(file):
    lifted = lift(file("problems.Ball(2.0)"))
    assert lifted.domain == Box(-2.0, 2.0)
    assert not check(lifted).violated


def test_a_domain_that_is_no_interval_is_refused(file):
    with pytest.raises(InputError, match="lives on the simplex; what is lifted lives on"):
        lift(file("problems.Simplex()"))
    assert Simplex().bounded


def test_a_problem_of_ones_own_may_be_lifted(file):
    lifted = lift(file("None"), 3)
    np.testing.assert_array_equal(lifted.gradient(np.arange(9.0)), [0, 0, 0, 0, 8, 0, 0, 0, 16])
    assert lifted.constant("L_spectral") == 6
    assert problems.find(lifted.specification).specification == lifted.specification


def test_draws_of_a_lift_depend_on_each_other_as_those_of_the_problem():
    assert "reshuffled" in lift("shi-2021:order=reshuffled").dependent_draws
    assert lift("shi-2021").dependent_draws == ""
    assert "fixed sequence" in lift("reddi-2018-thm1").dependent_draws


@pytest.mark.parametrize("letter", ["L_spectral", "L", "G", "sigma2"])
def test_a_constant_that_was_not_lifted_is_caught(letter):
    lifted = lift("parabola-on-interval:noise=0.5", 2)
    wrong = stating(lifted, letter, 0.9 * lifted.constant(letter))
    assert check(wrong, labels={letter})[letter].verdict == "violated"


def test_a_gradient_off_the_diagonal_is_caught():
    lifted = lift("lessard-2016", 2)

    def gradient(x, sample):
        slope = lifted.gradient_formula(x, sample)
        slope[..., 1] = 0.01 * x[..., 1]
        return slope

    assert check(lifted, labels={"gradient"})["gradient"].verdict == "holds"
    wrong = replace(lifted, gradient_formula=gradient)
    assert check(wrong, labels={"gradient"})["gradient"].verdict == "violated"


def test_a_hindsight_of_one_entry_is_caught():
    lifted = lift("reddi-2018-thm1", 2)
    wrong = replace(
        lifted, hindsight_formula=lambda rounds, seeds: lifted.hindsight(rounds, seeds) / 2
    )
    assert check(lifted, labels={"hindsight"})["hindsight"].verdict == "holds"
    assert check(wrong, labels={"hindsight"})["hindsight"].verdict == "violated"

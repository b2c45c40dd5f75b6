"""Projections and diameters, as laws that also catch wrong domains."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from wrong import domains as wrong

from problems.domain import Ball, Box, Simplex, WholeSpace
from problems.notation import InputError

DOMAINS = [WholeSpace(), Box(-1.0, 1.0), Box(0.5, 3.0), Ball(1.0), Ball(2.5), Simplex()]
BOUNDED = [domain for domain in DOMAINS if domain.bounded]
COORDINATES = st.floats(-10, 10, allow_subnormal=False)
WEIGHTS = st.floats(0.05, 20)
TOLERANCE = 1e-9


@st.composite
def situations(draw):
    """Two points to project, a weight for each coordinate (or none), and a seed."""
    n = draw(st.integers(1, 6))
    points = st.lists(COORDINATES, min_size=n, max_size=n).map(np.array)
    weights = st.none() | st.lists(WEIGHTS, min_size=n, max_size=n).map(np.array)
    return draw(points), draw(points), draw(weights), draw(st.integers(0, 2**32 - 1))


def members(domain, n, seed, count=20):
    """Points of the domain, drawn without any projection; corners among them."""
    random = np.random.default_rng(seed)
    if isinstance(domain, Box):
        inside = random.uniform(domain.low, domain.high, (count, n))
        corners = random.choice([domain.low, domain.high], (count, n))
        return np.concatenate([inside, corners])
    if isinstance(domain, Ball):
        directions = random.normal(size=(count, n))
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        return directions * domain.radius * random.uniform(0, 1, (count, 1)) ** (1 / n)
    if isinstance(domain, Simplex):
        return np.concatenate([random.dirichlet(np.full(n, 0.5), count), np.eye(n)])
    return random.normal(size=(count, n)) * 10


def inner(a, b, weights):
    return (a * b * (1.0 if weights is None else weights)).sum(axis=-1)


def lands_inside(domain, x, other, weights, seed):
    assert domain.contains(domain.project(x, weights), TOLERANCE)


def is_idempotent(domain, x, other, weights, seed):
    once = domain.project(x, weights)
    np.testing.assert_allclose(domain.project(once, weights), once, atol=TOLERANCE)


def leaves_members_alone(domain, x, other, weights, seed):
    points = members(domain, x.size, seed)
    np.testing.assert_allclose(domain.project(points, weights), points, atol=TOLERANCE)


def does_not_expand(domain, x, other, weights, seed):
    path = x + np.linspace(0, 1, 41)[:, None] * (other - x)
    before, after = np.diff(path, axis=0), np.diff(domain.project(path, weights), axis=0)
    assert (inner(after, after, weights) <= inner(before, before, weights) + TOLERANCE).all()


def is_nearest(domain, x, other, weights, seed):
    """The variational inequality <x - p, z - p>_w <= 0 for all z of the domain."""
    p = domain.project(x, weights)
    z = members(domain, x.size, seed)
    w = np.ones(x.size) if weights is None else weights
    scale = 1 + np.abs(x).sum() * w.max() * (1 + np.abs(z).max())
    assert (inner(x - p, z - p, weights) <= TOLERANCE * scale).all()


def treats_rows_alone(domain, x, other, weights, seed):
    both = domain.project(np.stack([x, other]), weights)
    np.testing.assert_array_equal(both[0], domain.project(x, weights))
    np.testing.assert_array_equal(both[1], domain.project(other, weights))


LAWS = [
    lands_inside,
    is_idempotent,
    leaves_members_alone,
    does_not_expand,
    is_nearest,
    treats_rows_alone,
]


@pytest.mark.parametrize("domain", DOMAINS, ids=str)
@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@given(situation=situations())
def test_a_projection_obeys(law, domain, situation):
    law(domain, *situation)


@pytest.mark.parametrize(("law", "broken"), wrong.projections(LAWS))
def test_the_law_catches_a_wrong_projection(law, broken):
    @given(situations())
    def obeys(situation):
        law(broken, *situation)

    with pytest.raises(AssertionError):
        obeys()


NORMS = {"l1": 1, "l2": 2, "linf": np.inf}


def extremes(domain, n, norm):
    """Two points that should attain the diameter."""
    if isinstance(domain, Box):
        return np.full(n, domain.low), np.full(n, domain.high)
    if isinstance(domain, Simplex):
        return np.eye(n)[0], np.eye(n)[-1]
    point = np.full(n, domain.radius / np.sqrt(n)) if norm == "l1" else np.eye(n)[0] * domain.radius
    return point, -point


def has_that_diameter(domain, n, norm, seed):
    order = NORMS[norm]
    stated = domain.diameter(norm, n)
    a, b = extremes(domain, n, norm)
    assert domain.contains(np.stack([a, b]), 1e-12).all()
    assert np.linalg.norm(a - b, order) == pytest.approx(stated, rel=1e-12, abs=1e-15)
    points = members(domain, n, seed)
    for p, q in itertools.combinations(points, 2):
        assert np.linalg.norm(p - q, order) <= stated * (1 + 1e-12) + 1e-15


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("n", [1, 2, 5])
@pytest.mark.parametrize("domain", BOUNDED, ids=str)
def test_the_diameter_is_attained_and_not_exceeded(domain, n, norm):
    has_that_diameter(domain, n, norm, 0)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("factor", [0.95, 1.05])
@pytest.mark.parametrize("domain", BOUNDED, ids=str)
def test_a_wrong_diameter_is_caught(domain, factor, norm):
    with pytest.raises(AssertionError):
        has_that_diameter(wrong.resized(domain, factor), 3, norm, 0)


def test_the_whole_space_has_no_diameter_and_contains_what_is_finite():
    space = WholeSpace()
    assert space.diameter("l2", 3) == np.inf
    points = np.array([[0.0, 1.0], [np.nan, 0.0], [np.inf, 0.0]])
    np.testing.assert_array_equal(space.contains(points), [True, False, False])


@pytest.mark.parametrize("domain", BOUNDED, ids=str)
def test_a_projection_does_not_hide_a_nan(domain):
    assert np.isnan(domain.project(np.array([np.nan, 0.1, 0.2]))).any()


def test_a_box_projects_plain_numbers():
    box = Box(-1.0, 1.0)
    assert [box.project(x) for x in (-3.0, 0.25, 2.0)] == [-1.0, 0.25, 1.0]


@pytest.mark.parametrize("size", [1e3, 1e6, 1e12, 1e17])
def test_a_far_point_still_lands_on_the_simplex(size):
    p = Simplex().project(np.array([size, 0.3, -size]))
    assert Simplex().contains(p, 1e-12)
    np.testing.assert_allclose(p, [1, 0, 0], atol=1e-12)


@pytest.mark.parametrize("size", [1e3, 1e6, 1e12, 1e150])
def test_a_far_point_still_lands_on_the_ball(size):
    p = Ball(2.0).project(np.array([3 * size, -4 * size]))
    np.testing.assert_allclose(p, [1.2, -1.6], rtol=1e-12)
    p = Ball(2.0).project(np.array([3 * size, -4 * size]), np.array([1.0, 1.0]))
    np.testing.assert_allclose(p, [1.2, -1.6], rtol=1e-9)


def test_the_weighted_ball_differs_from_the_plain_one():
    x, w = np.array([2.0, 2.0]), np.array([1.0, 9.0])
    assert not np.allclose(Ball(1.0).project(x, w), Ball(1.0).project(x))


@pytest.mark.parametrize(
    ("build", "named"),
    [
        (lambda: Box(1.0, 1.0), "[1.0, 1.0]"),
        (lambda: Box(2.0, 1.0), "[2.0, 1.0]"),
        (lambda: Box(-np.inf, 1.0), "-inf"),
        (lambda: Box(0.0, np.nan), "nan"),
        (lambda: Ball(0.0), "radius=0.0"),
        (lambda: Ball(np.inf), "radius=inf"),
        (lambda: Ball(-1.0), "radius=-1.0"),
    ],
)
def test_a_domain_without_room_is_refused(build, named):
    with pytest.raises(InputError) as refused:
        build()
    assert named in str(refused.value)

"""Random numbers as a function of (seed, round, index)."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from problems import draws
from problems.notation import InputError

ONES = 0xFFFFFFFF
SEEDS = st.integers(0, 2**64 - 1)
# Each statistical test below fails a correct generator with at most this probability.
ERROR = 1e-9


@pytest.mark.parametrize(
    ("counter", "key", "words"),
    [
        ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((ONES,) * 4, (ONES,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
def test_philox_gives_the_known_answers_of_its_authors(counter, key, words):
    assert tuple(int(word) for word in draws.philox(counter, key)) == words


@given(st.lists(SEEDS, min_size=1, max_size=5), st.lists(SEEDS, min_size=1, max_size=5))
def test_a_draw_does_not_depend_on_what_is_drawn_with_it(seeds, rounds):
    seeds, rounds = np.array(seeds, np.uint64), np.array(rounds, np.uint64)
    together = draws.uniform(seeds[:, None], rounds[None, :])
    backwards = draws.uniform(seeds[::-1, None], rounds[None, ::-1])
    np.testing.assert_array_equal(together, backwards[::-1, ::-1])
    alone = [[float(draws.uniform(s, t)) for t in rounds] for s in seeds]
    np.testing.assert_array_equal(together, alone)


@given(SEEDS, SEEDS, st.integers(0, 2**32 - 1))
def test_draws_lie_strictly_between_zero_and_one(seed, t, index):
    u = draws.uniform(np.uint64(seed), np.uint64(t), np.uint64(index))
    assert 0 < u < 1
    assert np.isfinite(draws.normal(np.uint64(seed), np.uint64(t), np.uint64(index)))


@pytest.mark.parametrize(("word", "least"), [(0, 2.0**-53), (ONES, 1 - 2.0**-53)])
def test_the_extreme_draws_are_the_half_steps_at_both_ends(monkeypatch, word, least):
    monkeypatch.setattr(draws, "_ten_rounds", lambda *words: (np.uint64(word),) * 4)
    assert draws.uniform(0, 0) == least


@pytest.mark.parametrize(
    "shapes",
    [
        ((1, 30, 1), (25, 1, 1), (3,)),
        ((1, 30), (25, 1), ()),
        ((30,), (30,), (30,)),
        ((30,), (7, 1), (4, 1, 1)),
        ((), (), (40,)),
        ((2, 1, 1, 1), (3, 1, 1), (5, 4)),
    ],
)
def test_many_draws_are_compiled_and_have_the_same_bits(monkeypatch, shapes):
    generator = np.random.default_rng(0)
    highs = (2**64, 2**40, 2**32)
    parts = [
        generator.integers(0, high, shape, np.uint64, endpoint=False)
        for high, shape in zip(highs, shapes, strict=True)
    ]
    few, places = draws.uniform(*parts), draws.indices(*parts, 569)
    assert (places == np.floor(few * 569)).all()
    monkeypatch.setattr(draws, "_MANY", 1)
    many = draws.uniform(*parts)
    assert many.shape == np.broadcast_shapes(*shapes)
    np.testing.assert_array_equal(few, many)
    np.testing.assert_array_equal(places, draws.indices(*parts, 569))
    assert draws.uniform(5, 7).shape == ()


def test_seed_round_index_and_stream_all_enter():
    base = draws.uniform(1, 2, 3)
    others = [
        draws.uniform(2, 2, 3),
        draws.uniform(1 + 2**32, 2, 3),
        draws.uniform(1, 3, 3),
        draws.uniform(1, 2 + 2**32, 3),
        draws.uniform(1, 2, 4),
        draws.uniform(1, 2, 3, stream=1),
    ]
    assert base not in others
    assert len(set(map(float, others))) == len(others)


def test_uniform_moments_are_those_of_the_uniform_law():
    n = 200_000
    u = draws.uniform(np.arange(20)[:, None], np.arange(1, n // 20 + 1)[None, :]).ravel()
    z = stats.norm.isf(ERROR / 2)
    assert abs(u.mean() - 1 / 2) < z * np.sqrt(1 / 12 / n)
    assert abs((u**2).mean() - 1 / 3) < z * np.sqrt(4 / 45 / n)
    assert stats.kstest(u, "uniform").pvalue > ERROR


def test_normal_moments_are_those_of_the_normal_law():
    n = 200_000
    x = draws.normal(7, np.arange(n))
    z = stats.norm.isf(ERROR / 2)
    for power, expected, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        assert abs((x**power).mean() - expected) < z * np.sqrt(variance / n)
    assert stats.kstest(x, "norm").pvalue > ERROR


def test_neighbouring_rounds_seeds_and_indices_are_uncorrelated():
    n = 100_000
    t = np.arange(n)
    z = stats.norm.isf(ERROR / 2)
    x = draws.normal(0, t)
    for other in (draws.normal(0, t + 1), draws.normal(1, t), draws.normal(0, t, 1)):
        assert abs((x * other).mean()) < z / np.sqrt(n)


def test_indices_are_uniform_over_their_range():
    n, size = 100_000, 7
    drawn = draws.indices(3, np.arange(n), 0, size)
    assert drawn.min() == 0
    assert drawn.max() == size - 1
    assert stats.chisquare(np.bincount(drawn, minlength=size)).pvalue > ERROR


@pytest.mark.parametrize(
    ("arguments", "named"),
    [((-1, 1), "seed -1"), ((0, -2), "round -2"), ((0.5, 1), "seed"), ((0, 1, -3), "index -3")],
)
def test_what_is_no_counter_is_refused(arguments, named):
    with pytest.raises(InputError) as refused:
        draws.uniform(*arguments)
    assert named in str(refused.value)

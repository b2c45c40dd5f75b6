"""Grids: cells of the same formulas go side by side, each with the bits of a run of its own."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convergence import find_problem, find_rule, find_schedule, run
from convergence.experiment import Experiment
from convergence.grid import cells
from convergence.simulation import Simulation
from problems.notation import InputError

BY = "inverse-sqrt:alpha=0.5"


def alone(record, **how):
    """The run of a cell by itself."""
    return run(
        record.experiment.problem.specification,
        record.experiment.optimizer.specification,
        record.experiment.schedule.specification,
        record.experiment.steps,
        seeds=list(record.experiment.seeds),
        **how,
    )


def has_the_bits_of_runs_alone(records, **how):
    for record in records:
        assert record.checksum == alone(record, **how).checksum, record.experiment.command


NUMBERS = {"alpha": [0.1, "1/3", 5.0], "optimizer.beta2": [0.9, "0.99"], "eps": [0, 1e-8]}
PROBLEMS = [
    ("reddi-2018-thm1", {"C": [2, 3, "7/2"]}, 1),
    ("reddi-2018-thm3", {"delta": [0.02, 0.05]}, 2),
    ("random-signs", {"D": [1, 3]}, 2),
    ("huber-worst", {"L": [1, 2.5], "R0": ["1/3", 2]}, 1),
    ("sharp-and-flat", {"sharp": [10, 100]}, 1),
    ("reddi-2018-thm2:C=10", {}, 1),
    # What is not compiled says so, which is tested elsewhere.
    pytest.param(
        "pl-sine",
        {"start": [1, 3]},
        1,
        marks=pytest.mark.filterwarnings("ignore:problem pl-sine runs on numpy"),
    ),
    ("quadratic:dimension=3", {"kappa": [5, 10]}, 1),
    ("noisy-quadratic", {"kappa": [5, 10]}, 2),
    ("linear-on-ball", {}, 1),
    ("breast-cancer-logistic:batch=6", {}, 2),
    pytest.param(
        "sparse-logistic:examples=20,features=9",
        {},
        2,
        marks=pytest.mark.filterwarnings("ignore:a step of adam on sparse-logistic costs as much"),
    ),
]


def by_each_engine(cases, compiled):
    """Cases by numpy and compiled; to compile takes long, so of those only some are quick."""
    for number, case in enumerate(cases):
        given = getattr(case, "values", case)
        marks = tuple(getattr(case, "marks", ()))
        yield pytest.param("numpy", *given, marks=marks)
        slow = () if number in compiled else (pytest.mark.slow,)
        yield pytest.param("compiled", *given, marks=(*marks, *slow))


@pytest.mark.parametrize(
    ("engine", "problem", "more", "seeds"),
    [*by_each_engine(PROBLEMS, compiled=(0, 2, 8))],
    ids=lambda case: str(case)[:20],
)
def test_every_cell_has_the_bits_of_a_run_alone(problem, more, seeds, engine):
    grid = {**NUMBERS, **more}
    records = run(problem, "adam", "inverse-sqrt", 60, seeds=seeds, engine=engine, grid=grid)
    assert len(records) == 12 * np.prod([len(values) for values in more.values()], dtype=int)
    has_the_bits_of_runs_alone(records)


OTHER_PARTS = [
    # Step sizes without a formula, beside lanes and in vectors.
    ("reddi-2018-thm1", "adam", "polynomial:power=0.6", {"alpha": [0.1, 0.2]}),
    ("quadratic:dimension=3", "adam", "cosine", {"alpha": [0.1, 0.2]}),
    ("sparse-logistic:examples=20,features=9", "adagrad", "constant", {"alpha": [0.1, 0.2]}),
    ("sparse-logistic:examples=20,features=9,batch=3", "adagrad", BY, {"initial": [0, 1]}),
    # Step sizes by a constant of the problem, state that starts at a setting, words.
    ("huber-worst", "sgd", "inverse-smoothness", {"L": [1, 2], "schedule.h": [0.5, 1]}),
    (
        "noisy-quadratic",
        "adagrad",
        BY,
        {"initial": [0, 0.5], "eps_position": ["inside", "outside"]},
    ),
    ("absolute-value", "nadam", BY, {"momentum": ["rising", "constant"], "beta1": [0, 0.5]}),
]


@pytest.mark.parametrize(
    ("engine", "problem", "rule", "by", "grid"), [*by_each_engine(OTHER_PARTS, compiled=(0, 1))]
)
def test_other_parts_of_a_cell_have_the_bits_of_a_run_alone(problem, rule, by, grid, engine):
    records = run(problem, rule, by, 60, seeds=2, engine=engine, grid=grid)
    assert len(records) == np.prod([len(values) for values in grid.values()])
    has_the_bits_of_runs_alone(records)


@pytest.mark.slow
@settings(max_examples=12, deadline=None)
@given(
    alphas=st.lists(st.floats(1e-3, 1e3), min_size=2, max_size=4, unique=True),
    betas=st.lists(st.floats(0, 0.999), min_size=2, max_size=3, unique=True),
    rule=st.sampled_from(["adam", "heavy-ball"]),
    problem=st.sampled_from(["reddi-2018-stochastic", "lessard-2016"]),
)
def test_drawn_numbers_have_the_bits_of_runs_alone(alphas, betas, rule, problem):
    grid = {"alpha": alphas, "beta1": betas}
    records = run(problem, rule, "inverse-sqrt", 40, engine="compiled", grid=grid)
    assert len(records) == len(alphas) * len(betas)
    has_the_bits_of_runs_alone(records)


@pytest.mark.slow
def test_a_grid_through_the_tail_has_the_bits_of_runs_alone():
    """Corrections vanish in one lane after the other."""
    grid = {"beta2": [0.5, 0.9, 0.99], "beta1": [0, 0.5]}
    parts = ("reddi-2018-thm1", "adam", BY, 20_000)
    records = run(*parts, engine="compiled", grid=grid, times=[100, 9_000, 20_000])
    has_the_bits_of_runs_alone(records, times=[100, 9_000, 20_000])


def test_lanes_that_share_a_number_by_mistake_are_noticed():
    """The comparison tells two settings apart: a grid is not of one setting."""
    first, second = run("reddi-2018-thm1", "adam", BY, 60, grid={"beta2": [0.5, 0.9]})
    assert not np.array_equal(first["iterate"], second["iterate"])


def test_a_cell_that_diverges_ends_as_it_does_alone():
    grid = {"alpha": [0.01, 1, 3], "L": [1, 4]}
    records = run("huber-worst", "heavy-ball:beta1=0.99", "constant", 3000, grid=grid)
    records += run("quadratic:dimension=2", "sgd", "constant", 3000, grid={"alpha": [0.01, 1, 30]})
    assert {end.word for record in records for end in record.ends} == {"completed", "diverged"}
    has_the_bits_of_runs_alone(records)


def test_estimates_of_exact_gradients_have_the_bits_of_runs_alone():
    records = run(
        "breast-cancer-logistic:batch=1",
        "sgd",
        "constant",
        300,
        seeds=3,
        grid={"alpha": [0.1, 0.2]},
    )
    assert any("gradient" in name for name in records[0].measures)
    has_the_bits_of_runs_alone(records)


def test_what_cells_have_in_common_is_one_object_and_the_last_name_varies_fastest():
    found = cells("reddi-2018-thm1", "adam", "constant", {"C": [2, 3], "alpha": [1, 2]})
    parts = [(each.problem, each.optimizer, each.schedule) for each, _ in found]
    assert [list(chosen.values()) for _, chosen in found] == [[2, 1], [2, 2], [3, 1], [3, 2]]
    assert [(p.settings["C"], s.settings["alpha"]) for p, _, s in parts] == [
        (2, 1),
        (2, 2),
        (3, 1),
        (3, 2),
    ]
    assert len({id(rule) for _, rule, _ in parts}) == 1
    assert len({id(problem) for problem, *_ in parts}) == 2


def test_objects_may_vary_too():
    parts = find_problem("reddi-2018-thm1"), find_rule("adam"), find_schedule(BY)
    records = run(*parts, 40, grid={"beta2": [0.5, 0.9], "alpha": [0.1, 0.2]})
    assert [record.experiment.schedule.specification for record in records[:2]] == [
        "inverse-sqrt:alpha=0.1",
        "inverse-sqrt:alpha=0.2",
    ]
    has_the_bits_of_runs_alone(records)


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        ({"gamma": [1]}, "grid 'gamma' is no parameter of these"),
        ({"beta": [1]}, "did you mean beta2 or beta1"),
        (
            {"beta1": [0.5]},
            "beta1' is a parameter of problem and optimizer; write problem.beta1 or",
        ),
        ({"optimizer.C": [2]}, "grid 'optimizer.C' is no parameter of these"),
        ({"claim.beta1": [2]}, "there is no 'claim'"),
        ({"alpha": []}, r"grid alpha=\[\] must be a list of at least one value"),
        ({"alpha": "0.1"}, "grid alpha='0.1' must be a list"),
        ({"alpha": 0.1}, "grid alpha=0.1 must be a list"),
        ({"optimizer.beta1": [2]}, "beta1=2 of rule adam must lie in"),
        ({"alpha": ["x"]}, "alpha='x' of schedule inverse-sqrt must be a positive number"),
        ({}, "must be a mapping from a parameter to its values, and not empty"),
        ([1], "must be a mapping"),
        ({"alpha": range(1, 2_000_000)}, "the grid has 1999999 cells; at most 100000"),
    ],
)
def test_a_grid_that_cannot_be_run_is_refused_in_a_sentence(grid, message):
    with pytest.raises(InputError, match=message):
        run("reddi-2018-thm2", "adam", BY, 10, grid=grid)


def test_lanes_of_different_formulas_are_refused():
    problem, by = find_problem("reddi-2018-thm1"), find_schedule(BY)
    adam, amsgrad = (Experiment(problem, rule, by, 10) for rule in ("adam", "amsgrad"))
    with pytest.raises(InputError, match="must have the same formulas"):
        Simulation([adam, amsgrad])
    with pytest.raises(InputError, match="must have the same number of steps"):
        Simulation([adam, adam.changed(steps=11)])
    with pytest.raises(InputError, match="must be projected alike"):
        Simulation([adam, adam.changed(projection="metric")])
    with pytest.raises(InputError, match="seeds are given for one experiment only"):
        Simulation([adam, adam], seeds=[0, 0])


def test_memory_does_not_grow_with_rounds_times_lanes():
    """Samples and step sizes by lane are drawn a block at a time."""
    schedules = [f"polynomial:alpha={k + 1},power=0.6" for k in range(300)]
    made = Simulation([Experiment("reddi-2018-thm1", "adam", by, 10**7) for by in schedules])
    assert made._loop is not None
    assert made._longest_block(True) * 300 <= 1 << 20

"""Every label of every problem of the catalogue is true, and would be found out if it were not."""

import functools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from instances import LIGHT, SPECIFICATIONS, buildable
from levels import quick_if
from wrong.labels import false_labels

import problems
from problems.domain import Box
from problems.laws import INEQUALITIES, LABELS, SLOPE, check, slope_errors, views
from problems.problem import CONSTANTS, TAGS

# Among these every label and every domain stands that is stated anywhere; see below.
FEW = {
    *sorted(LIGHT)[::3],
    *(
        "expert-advice",
        "matrix-quadratic",
        "shuffled-parabolas",
        "star-convex-valley",
        "zhang-2022",
    ),
}
every_problem_some_quick = pytest.mark.parametrize(
    "specification", quick_if(FEW.__contains__, SPECIFICATIONS)
)
every_problem = pytest.mark.parametrize(
    "specification", quick_if(LIGHT.__contains__, SPECIFICATIONS)
)


@functools.cache
def built(specification):
    return problems.find(specification)


@pytest.fixture(scope="module")
def report_of(request):
    thorough = request.config.getoption("thorough")
    return functools.cache(lambda name: check(built(name), thorough=thorough))


@every_problem
def test_no_label_is_false(specification, report_of):
    report = report_of(specification)
    assert [str(f) for f in report.findings if f.verdict != "holds"] == []


def test_labels_of_every_kind_are_made_false_in_the_quick_tests():
    def kinds(specifications):
        found = set()
        for problem in map(built, specifications):
            found |= {*problem.constants, *problem.tags} & (LABELS | set(CONSTANTS))
            found |= {type(problem.domain)}
        return found

    assert kinds(LIGHT) == kinds(FEW)


@every_problem
def test_every_label_is_tested(specification, report_of):
    problem = built(specification)
    tested = {finding.label for finding in report_of(specification).findings}
    # M and M_G are one statement.
    tested |= {"M", "M_G"} if tested & {"M", "M_G"} else set()
    stated = {*problem.constants, *(set(problem.tags) & LABELS)}
    assert stated - tested == set()


@every_problem_some_quick
def test_every_false_label_is_found(specification, report_of):
    problem, report = built(specification), report_of(specification)
    missed = []
    for label, change, make in false_labels(problem, report):
        # A smaller M must be made up for by M_G.
        labels = {"M", "M_G"} if label == "M" else {label}
        found = [f.verdict for f in check(make(), labels=labels).findings]
        if not set(found) & {"violated", "inconclusive"}:
            missed.append(f"{label}: {change}")
    assert missed == []


def points_of(problem, data):
    """Two points of the domain, chosen by hypothesis."""
    n = problem.dimension
    if n > 10:
        seed = data.draw(st.integers(0, 2**32 - 1))
        scale = data.draw(st.sampled_from([1e-3, 0.1, 1.0, 10.0]))
        random = np.random.default_rng(seed)
        drawn = problem.start + scale * random.normal(size=(2, n))
    else:
        low, high = -10.0, 10.0
        if isinstance(problem.domain, Box):
            low, high = problem.domain.low, problem.domain.high
        number = st.floats(low, high, allow_subnormal=False)
        drawn = np.array([data.draw(st.lists(number, min_size=n, max_size=n)) for _ in range(2)])
    x, y = problem.domain.project(drawn)
    return x[None], y[None]


@every_problem_some_quick
@given(data=st.data())
def test_no_points_that_hypothesis_chooses_break_an_inequality(specification, data):
    problem = built(specification)
    x, y = points_of(problem, data)
    for label, law in INEQUALITIES.items():
        if label not in problem.constants and label not in problem.tags:
            continue
        if law.which == "judged" and not problem.has_objective and label in ("minimum", "mu_pl"):
            continue
        for view in views(problem, law.which, 3):
            with np.errstate(all="ignore"):
                assert law.excess(problem, view, x, y)[0] <= 0, (label, view.name)


@pytest.mark.parametrize(
    "specification",
    quick_if(FEW.__contains__, [name for name in SPECIFICATIONS if "smooth" in built(name).tags]),
)
@given(data=st.data())
def test_at_no_point_that_hypothesis_chooses_is_the_gradient_no_derivative(specification, data):
    problem = built(specification)
    x, y = points_of(problem, data)
    d = y - x + 1e-3
    d /= np.linalg.norm(d)
    chosen = views(problem, "single", 2)
    if problem.has_objective:
        chosen += views(problem, "judged")
    for view in chosen:
        with np.errstate(all="ignore"):
            errors, *_ = slope_errors(view, x, d, kinked=False)
        assert not errors[0] > SLOPE, view.name


@pytest.mark.parametrize("entry", buildable(), ids=lambda entry: entry.key)
def test_an_entry_declares_all_of_its_tags(entry):
    problem = entry()
    assert set(entry.tags) == set(problem.tags)
    assert len({"convex", "convex-on-average", "non-convex"} & set(entry.tags)) == 1
    assert len({"smooth", "non-smooth"} & set(entry.tags)) == 1
    assert ("online" in entry.tags) == (problem.hindsight_formula is not None)
    assert entry.source
    assert entry.title


def test_every_tag_is_used_and_has_a_meaning():
    used = {tag for entry in problems.catalogue for tag in entry.tags}
    assert used == set(TAGS)


@pytest.mark.parametrize("specification", SPECIFICATIONS)
def test_a_problem_is_built_again_from_its_specification(specification):
    problem = built(specification)
    again = problems.find(problem.specification)
    assert again.specification == problem.specification
    assert again.settings == problem.settings
    assert set(again.constants) == set(problem.constants)
    assert not set(problem.constants) & set(problem.unknown)

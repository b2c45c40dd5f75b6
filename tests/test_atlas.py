"""The tightness atlas: every outcome is on it, marked as it came out, with its data."""

import warnings

import numpy as np
import pytest

from convergence.experiment import Experiment
from convergence.verdict import Verdict
from convergence.verification import Outcome, verify
from problems import catalogue as problems
from reports import atlas, theme
from reports.atlas import Cell
from reports.figures import rendered

CLAIM = "zinkevich-2003-thm1"


def outcome(word, ratio, problem="random-signs", claim=CLAIM):
    experiment = Experiment(problem, "sgd", "inverse-sqrt:alpha=1", 10)
    verdict = Verdict(word, claim, experiment, 1, "made up", ratio=ratio)
    return Outcome(verdict, word)


def drawn(outcomes):
    """The pages, drawn, with warnings as errors."""
    with warnings.catch_warnings(), theme.themed():
        warnings.simplefilter("error")
        pages = atlas.pages(outcomes)
        for page in pages:
            assert rendered(page, ".png") == rendered(page, ".png")
    return pages


def texts(page):
    """Everything printed in the tables of a page; those of the key come first."""
    return [text.get_text() for axes in page.axes[5:] for text in axes.texts]


def signs(page):
    """The markers drawn in the tables of a page."""
    return [line.get_marker() for axes in page.axes[5:] for line in axes.lines]


@pytest.fixture(scope="module")
def outcomes():
    claims = ["reddi-2018-thm1", "drori-teboulle-2014-gd", "kingma-ba-2015-thm41"]
    # In this process: others would import everything anew.
    return verify(claims, quick=True, workers=1)


def test_every_outcome_with_a_ratio_has_a_cell(outcomes):
    found = atlas.cells(outcomes)
    for one in outcomes:
        verdict = one.verdict
        if verdict.ratio is not None:
            cell = found[verdict.claim, verdict.experiment.names.problem.partition(":")[0]]
            assert cell.ratio is not None
            assert cell.ratio >= verdict.ratio
    ratios = {one.verdict.ratio for one in outcomes}
    assert {cell.ratio for cell in found.values()} <= ratios


def test_every_cell_is_on_a_page(outcomes):
    printed = [text for page in drawn(outcomes) for text in texts(page)]
    for claim, problem in atlas.cells(outcomes):
        assert claim in printed
        assert problem in printed


@pytest.mark.parametrize(
    ("word", "ratio", "mark"),
    [
        ("violated", 1.3, "×"),
        pytest.param("violated", None, "×", marks=pytest.mark.slow),
        ("vacuous", 0.5, "v"),
        pytest.param("vacuous", 0.999, "v", marks=pytest.mark.slow),
        ("inconclusive", 0.5, "?"),
        pytest.param("inconclusive", None, "?", marks=pytest.mark.slow),
        ("holds", 0.99, "●"),
        pytest.param("holds", 1.001, "●", marks=pytest.mark.slow),
        ("holds", 0.98, ""),
        pytest.param("holds", None, "", marks=pytest.mark.slow),
        pytest.param("holds", -0.5, "", marks=pytest.mark.slow),
        ("holds", -np.inf, ""),
    ],
)
def test_marks(word, ratio, mark):
    (cell,) = atlas.cells([outcome(word, ratio)]).values()
    assert cell == Cell(word, ratio)
    assert cell.mark == mark
    (page,) = drawn([outcome(word, ratio)])
    assert signs(page) == {"×": ["x"], "●": ["o"]}.get(mark, [])
    assert ("v" in texts(page), "?" in texts(page)) == (mark == "v", mark == "?")


def test_a_violated_cell_has_a_colour_that_no_ratio_has():
    broken = atlas._colour(Cell("violated", 1.1))
    scale = [atlas._colour(Cell("holds", 10.0**-power)) for power in np.linspace(0, 4, 41)]
    assert min(np.abs(np.subtract(broken, colour)).max() for colour in scale) > 0.2


@pytest.mark.parametrize(
    ("ratio", "distance"), [(1.2, 0), (1, 0), (0.1, 1), (0, np.inf), (-1, np.inf), (None, None)]
)
def test_distance_in_powers_of_ten(ratio, distance):
    assert Cell("holds", ratio).distance == distance


def test_the_worst_word_and_the_largest_ratio_of_several_cases():
    cases = [
        outcome("vacuous", 0.4),
        outcome("holds", 0.2),
        outcome("holds", 0.7, "random-signs:G=3"),
        outcome("not applicable", None),
    ]
    assert list(atlas.cells(cases).values()) == [Cell("holds", 0.7)]
    cases.append(outcome("violated", 0.1))
    assert list(atlas.cells(cases).values()) == [Cell("violated", 0.7)]


def test_what_is_not_applicable_is_blank():
    assert atlas.pages([outcome("not applicable", None)]) == []


def test_options_of_a_claim_have_their_own_row():
    claims = ("kingma-ba-2015-thm41", "kingma-ba-2015-thm41:third_term=dropped")
    (page,) = drawn([outcome("holds", 0.5, claim=claim) for claim in claims])
    assert set(claims) <= set(texts(page))


def test_many_problems_are_broken_into_tables_and_no_text_leaves_the_page():
    made = [outcome("holds", 0.5, entry.key) for entry in problems]
    pages = drawn(made)
    printed = [text for page in pages for text in texts(page)]
    assert all(printed.count(entry.key) == 1 for entry in problems)
    assert max(len(axes.patches) for page in pages for axes in page.axes) < len(made)
    for page in pages:
        for axes in page.axes:
            for text in axes.texts:
                box = text.get_window_extent()
                assert page.bbox.x0 <= box.x0
                assert box.x1 <= page.bbox.x1


def test_columns_stand_as_in_the_catalogue():
    made = [outcome("holds", 0.5, key) for key in ("quadratic", "unit-slopes", "random-signs")]
    (page,) = drawn(made)
    keys = [text for text in texts(page) if text in {"quadratic", "unit-slopes", "random-signs"}]
    assert keys == ["random-signs", "unit-slopes", "quadratic"]


def test_data(outcomes):
    table = [dict(zip(atlas.COLUMNS, row, strict=True)) for row in atlas.rows(outcomes)]
    for row, one in zip(table, outcomes, strict=True):
        assert row["verdict"] == one.verdict.word
        kept = None if row["ratio"] == "" else float(row["ratio"])
        assert kept == one.verdict.ratio
        names = row["problem"], row["optimizer"], row["schedule"]
        assert (row["claim"], names) == (one.verdict.claim, one.verdict.experiment.names)

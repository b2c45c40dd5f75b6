"""The page of all problems: complete, up to date, and every kind of problem can be drawn."""

import re
from pathlib import Path

import numpy as np
import pytest
from instances import buildable

import problems
from problems import find
from problems.notation import InputError
from reports import gallery, theme
from reports.figures import rendered

DOCS = Path(__file__).parent.parent / "docs"
KEYS = [entry.key for entry in problems.catalogue]


@pytest.fixture(scope="module")
def cards():
    return gallery.cards()


@pytest.fixture(scope="module")
def text(cards):
    return gallery.page(cards, {})


def sections(page):
    """The card of each problem, by key."""
    parts = re.split(r"(?m)^### `([\w-]+)`$", page)[1:]
    return dict(zip(parts[::2], (part.split("\n## ")[0] for part in parts[1::2]), strict=True))


def comparable(page):
    """The page without the numbers that depend on a search or on the last bits."""
    page = re.sub(r"computed to 1e-\d+", "computed", page)
    return re.sub(r"(?m)^(\| `\w+` \|.* \|) [\d.e-]* \|$", r"\1 |", page)


def test_every_problem_stands_on_the_page_once(text):
    assert sorted(re.findall(r"(?m)^### `([\w-]+)`$", text)) == sorted(KEYS)
    assert sorted(re.findall(r"\]\(#([\w-]+)\)", text)) == sorted(KEYS)


def test_no_heading_of_a_family_takes_the_anchor_of_a_key():
    headings = [family.heading.lower().replace(" ", "-") for family in gallery.families()]
    assert not set(headings) & set(KEYS)
    assert len(set(headings)) == len(headings)
    assert all(family.sentence for family in gallery.families())


def test_a_section_holds_what_the_card_holds(text, cards):
    found = sections(text)
    for key, card in cards.items():
        assert gallery._escaped(card.item.title) in found[key]
        assert f"`{card.data['formula']}`" in found[key]
        rows = re.findall(r"(?m)^\| `(\w+)` \|", found[key])
        assert rows == [*card.data["constants"], *card.data["unknown"]]
        for name in card.item.parameters:
            assert re.search(rf"`{name}[`=]", found[key])


def test_the_page_in_the_repository_is_up_to_date(text):
    kept = (DOCS / "catalogue.md").read_text(encoding="utf-8")
    old, new = sections(comparable(kept)), sections(comparable(text))
    stale = [key for key in {**old, **new} if old.get(key) != new.get(key)]
    assert stale == [], "run: convergence catalogue -o docs"
    assert comparable(kept) == comparable(text), "run: convergence catalogue -o docs"


def test_the_pictures_in_the_repository_are_those_of_the_page(text):
    kept = {path.relative_to(DOCS).as_posix() for path in (DOCS / "catalogue").iterdir()}
    assert kept == set(re.findall(r"\]\((catalogue/[\w-]+\.png)\)", text))
    for path in kept:
        assert (DOCS / path).read_bytes().startswith(b"\x89PNG")


def test_every_problem_that_can_be_built_has_a_picture():
    drawn = [key for family in gallery.families() for key in family.drawn]
    assert sorted(drawn) == sorted(entry.key for entry in buildable())


@pytest.mark.parametrize("family", gallery.families(), ids=lambda family: family.name)
def test_a_sheet_has_a_cell_for_each_problem(family, cards, monkeypatch):
    monkeypatch.setattr(gallery, "_cell", lambda axes, problem: [problem.title])
    with theme.themed():
        sheet = gallery.contact_sheet([cards[key].subject for key in family.drawn])
    assert [axes.get_label() for axes in sheet.axes] == list(family.drawn)
    places = [axes.get_position() for axes in sheet.axes]
    assert len({place.bounds for place in places}) == len(places)
    assert len({place.size.round(9).tobytes() for place in places}) == 1
    assert all(0 <= value <= 1 for place in places for value in place.get_points().ravel())


@pytest.mark.parametrize(
    ("specification", "note"),
    [
        ("pl-sine", "f in [0, "),
        ("reddi-2018-thm1", "mean loss in [-0.333, 0.333]"),
        ("reddi-2018-stochastic", "f in [-0.2, 0.2]"),
        ("random-signs", "f = 0"),
        ("rosenbrock", "log colours"),
        ("linear-on-ball", "log colours"),
        ("drifting-quadratics:period=7", "mean loss - min"),
        ("quadratic:dimension=3", "line through start and minimiser"),
        ("extended-rosenbrock", "line through start and minimiser"),
        ("kowalik-osborne", "line through start and local minimum"),
        ("expert-advice", "line through start and corner 1"),
        ("portfolio-selection", "simplex, n = 2"),
        ("sparse-hinge", "mean loss in"),
        ("drifting-quadratics:dimension=4", "along axis 1"),
        ("tanh-network:hidden=2,examples=40", "line along the gradient at the start"),
    ],
)
def test_every_kind_of_problem_is_drawn(specification, note):
    with theme.themed():
        sheet = gallery.contact_sheet([find(specification)])
        content = rendered(sheet, ".png")
    (axes,) = sheet.axes
    marks = axes.get_legend_handles_labels()[1]
    assert "start" in marks
    assert note in sheet.texts[0].get_text()
    assert len(content) > 5_000


@pytest.mark.parametrize("dimension", [1, 2, 3])
@pytest.mark.parametrize("formula", [lambda x: 0.0 * x[0], lambda x: np.exp(2000 * x[0])])
def test_constant_and_overflowing_functions_are_drawn(dimension, formula):
    with pytest.warns(UserWarning, match="central differences"):
        problem = problems.from_function(formula, start=-np.ones(dimension))
    with theme.themed():
        assert rendered(gallery.contact_sheet([problem]), ".png")


def test_slack_is_a_share_of_a_derived_bound():
    found = gallery.slacks(find("trigonometric"))
    assert set(found) == {"L", "G", "G_inf"}
    assert all(0 < share <= 1 for share in found.values())
    assert gallery.slacks(find("rosenbrock")) == {}


def test_slacks_are_printed_with_their_constants(cards):
    lines = gallery.page(cards, {"trigonometric": {"L": 0.49899}}).splitlines()
    assert [line for line in lines if line.endswith(" | 0.5 |")] == [
        line for line in lines if line.startswith("| `L` |") and line.endswith("0.5 |")
    ]
    assert sum(line.endswith(" | 0.5 |") for line in lines) == 1


def test_the_same_catalogue_gives_the_same_bytes(tmp_path, monkeypatch):
    few = [family for family in gallery.families() if family.name in ("quadratic", "saddles")]
    monkeypatch.setattr(gallery, "families", lambda: few)
    steps = []
    paths, again = (
        gallery.catalogue(
            tmp_path / name / "new", progress=lambda done, of: steps.append((done, of))
        )
        for name in ("a", "b")
    )
    count = sum(len(family.drawn) for family in few) + len(few)
    assert steps == 2 * [(done, count) for done in range(1, count + 1)]
    written = ["catalogue.md", "quadratic.png", "saddles.png", "hypotheses.md"]
    assert [path.name for path in paths] == written
    for path, other in zip(paths, again, strict=True):
        assert path.read_bytes() == other.read_bytes()
    assert len(list(paths[0].parent.rglob("*"))) == len(paths) + 1


def test_a_bad_folder_is_one_sentence(tmp_path):
    file = tmp_path / "file"
    file.write_text("taken")
    with pytest.raises(InputError, match="cannot create the folder"):
        gallery.catalogue(file)
    (tmp_path / "docs" / "catalogue.md").mkdir(parents=True)
    with pytest.raises(InputError, match=r"cannot write .*: it is a folder"):
        gallery.catalogue(tmp_path / "docs")

"""The report: complete, repeatable, with its data; and the figures drawn on request."""

import csv

import pytest

from convergence import Pool
from convergence.simulation import run
from problems import find
from problems.notation import InputError
from reports import atlas, report
from reports.figures import (
    bound_at,
    decade_trend,
    figure_of_records,
    picture_of_problem,
    summary,
)

FIGURES = ("counterexample", "section-5", "false-theorem", "non-convex", "real-data")
CURVE_COLUMNS = [
    "panel",
    "label",
    "problem",
    "optimizer",
    "schedule",
    "seeds",
    "series",
    "step",
    "median",
    "quantile_10",
    "quantile_90",
    "mean",
    "mean_low_95",
    "mean_high_95",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report") / "new" / "folder"
    steps = []
    paths = report(
        folder, pool=Pool(workers=1), quick=True, progress=lambda done, of: steps.append((done, of))
    )
    assert steps[-1][0] == steps[-1][1] == len(steps)
    assert sorted(paths) == sorted(folder.iterdir())
    return folder


def rows(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_at_least_six_pages_each_with_its_image(folder):
    data = (folder / "report.pdf").read_bytes()
    pages = data.count(b"/Type /Page ") + data.count(b"/Type /Page\n")
    images = sorted(folder.glob("*.png"))
    assert pages == len(images) >= 6
    assert images[0].name == "01-title.png"
    for image in images:
        assert image.read_bytes().startswith(b"\x89PNG")


def test_no_date_and_no_path_in_the_files(folder):
    data = (folder / "report.pdf").read_bytes()
    assert b"CreationDate" not in data
    assert str(folder).encode() not in data


@pytest.mark.parametrize("name", FIGURES)
def test_data_of_each_figure(folder, name):
    found = rows(folder / f"{name}.csv")
    assert list(found[0]) == CURVE_COLUMNS
    assert {float(row["median"]) for row in found}
    for row in found:
        assert float(row["quantile_10"]) <= float(row["median"]) <= float(row["quantile_90"])


def test_verdicts_are_those_expected(folder):
    found = rows(folder / "verdicts.csv")
    assert {"claim", "source", "problem", "optimizer", "schedule", "verdict", "expected"} <= set(
        found[0]
    )
    assert all(row["as_expected"] == "True" for row in found)


def test_the_report_has_the_atlas_and_its_data(folder):
    assert any(path.name.endswith("-atlas.png") for path in folder.iterdir())
    found, verdicts = rows(folder / "atlas.csv"), rows(folder / "verdicts.csv")
    assert [{name: row[name] for name in atlas.COLUMNS} for row in verdicts] == found


def test_iterates_of_the_counterexample(folder):
    last = {
        row["label"]: float(row["median"])
        for row in rows(folder / "counterexample.csv")
        if row["panel"] == "C = 3" and row["series"] == "iterate"
    }
    assert last["Adam"] > 0.9
    assert max(last[rule] for rule in ("AMSGrad", "SGD", "SGD with momentum")) < -0.9


def test_the_false_bound_is_first_passed_where_the_verdict_says(folder):
    found = rows(folder / "false-theorem.csv")
    for problem, first in (("periodic-linear", 1377), ("periodic-hinge", 603)):
        regret, bound = (
            {
                int(row["step"]): float(row["median"])
                for row in found
                if row["problem"] == problem and row["series"] == series
            }
            for series in ("regret", "bound")
        )
        assert min(step for step in regret if regret[step] > bound[step]) == first


@pytest.mark.slow
def test_same_bytes_on_any_number_of_processes(folder, tmp_path):
    again = report(tmp_path, pool=Pool(workers=2), quick=True)
    assert len(again) == len(list(folder.iterdir()))
    for path in again:
        assert path.read_bytes() == (folder / path.name).read_bytes(), path.name


def test_a_file_is_no_folder(tmp_path):
    file = tmp_path / "file"
    file.write_text("taken")
    with pytest.raises(InputError, match="cannot create the folder"):
        report(file, quick=True)


@pytest.fixture(scope="module")
def records():
    return [
        run("reddi-2018-stochastic", rule, "inverse-sqrt:alpha=.5", 100, seeds=4)
        for rule in ("adam", "amsgrad")
    ]


@pytest.mark.parametrize(
    ("suffix", "magic"),
    [
        (".png", b"\x89PNG"),
        pytest.param(".pdf", b"%PDF", marks=pytest.mark.slow),
        pytest.param(".SVG", b"<?xml", marks=pytest.mark.slow),
    ],
)
def test_figure_of_records_by_suffix(records, tmp_path, suffix, magic):
    paths = [tmp_path / f"{number}{suffix}" for number in range(2)]
    for path in paths:
        figure_of_records(records, path)
    assert paths[0].read_bytes().startswith(magic)
    assert paths[0].read_bytes() == paths[1].read_bytes()


@pytest.mark.parametrize("name", ["a.jpg", "a", "a.tex"])
def test_other_suffixes_are_refused(records, tmp_path, name):
    with pytest.raises(InputError, match=r"\.png, \.pdf, \.svg"):
        figure_of_records(records, tmp_path / name)
    with pytest.raises(InputError, match=r"\.png, \.pdf, \.svg"):
        picture_of_problem(records[0].experiment.problem, tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_nothing_to_draw_and_nowhere_to_write(records, tmp_path):
    with pytest.raises(InputError, match="no records"):
        figure_of_records([], tmp_path / "a.png")
    with pytest.raises(InputError, match="cannot write"):
        figure_of_records(records, tmp_path / "missing" / "a.png")
    with pytest.raises(InputError, match="measure in common"):
        figure_of_records(
            [run("quadratic", "sgd", "inverse-smoothness", 5, measures=[])], tmp_path / "a.png"
        )


@pytest.mark.parametrize(
    ("problem", "rule", "schedule"),
    [
        ("rosenbrock", "sgd", "constant:alpha=1"),  # diverges
        ("quadratic", "sgd", "inverse-smoothness"),  # reaches 0
        ("reddi-2018-thm1", "adam", "constant:alpha=.1"),
        ("pl-sine", "sgd", "inverse-smoothness"),
    ],
)
def test_figure_of_a_single_record(tmp_path, problem, rule, schedule):
    figure_of_records([run(problem, rule, schedule, 300)], tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size > 5_000


def test_figure_of_different_problems_and_of_one_step(tmp_path):
    pair = [run(p, "sgd", "inverse-smoothness", 1) for p in ("quadratic", "pl-sine")]
    figure_of_records(pair, tmp_path / "a.png")
    assert (tmp_path / "a.png").exists()


@pytest.mark.parametrize(
    "problem",
    [
        "pl-sine",
        "rosenbrock",
        "quadratic:dimension=2",
        "quadratic:dimension=1,kappa=1",
        "reddi-2018-thm1",
        "reddi-2018-online",
        "reddi-2018-stochastic",
        "periodic-hinge",
        "periodic-linear:slopes=[1,-1]",
    ],
)
def test_picture_of_problem(tmp_path, problem):
    picture_of_problem(find(problem), tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size > 5_000


@pytest.mark.parametrize("name", ["rosenbrock:dimension=3", "portfolio-selection"])
def test_more_dimensions_and_simplices_are_drawn_along_a_line(tmp_path, name):
    picture_of_problem(find(name), tmp_path / "line.png")

    assert (tmp_path / "line.png").stat().st_size > 5_000


def test_summary_and_trend():
    record = run("pl-sine", "sgd", "inverse-smoothness", 1000)
    mean_square = record["gradient_mean_square"]
    over = summary(mean_square)
    assert (over.low == over.high).all()
    assert (over.mean_low == over.mean).all()
    # After convergence the mean over T steps is a constant / T.
    assert decade_trend(record, "gradient_mean_square") == pytest.approx(10, rel=1e-9)


def test_bound_needs_its_quantities(folder):
    record = run("periodic-linear", "adam:beta1=0,beta2=0.1,eps=0", "inverse-sqrt:alpha=0.1", 10)
    with pytest.raises(InputError, match="has no"):
        bound_at("kingma-ba-2015-thm41", record)

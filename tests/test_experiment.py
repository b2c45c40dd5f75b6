"""Experiments: one name for what is run, in two forms that give it back."""

import inspect
import json
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import convergence
import problems
from convergence import rules
from convergence import schedule as schedules
from convergence.experiment import SUGGESTED, Experiment, suggested, with_schedule
from convergence.optimizer import find as find_optimizer
from convergence.simulation import run
from convergence.verification import cases
from problems.notation import InputError, Number

STEPS = st.integers(1, 2**53 - 1)
SEEDS = st.one_of(
    st.integers(1, 20), st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=4, unique=True)
)
NUMBERS = st.fractions(min_value=0, max_value=1, max_denominator=10**6).filter(lambda x: 0 < x < 1)
PROBLEMS = st.one_of(
    st.sampled_from(["quadratic", "reddi-2018-thm1:C=7/2", "reddi-2018-stochastic"]),
    st.sampled_from([" a,b.svm", "it's here.csv", 'a "b" c.csv', "x@y.csv", "-o.csv"]).map(
        lambda path: f"csv-least-squares:path={path!r},target=y"
    ),
)
OPTIMIZERS = st.one_of(
    st.sampled_from(["adam", "sgd", "my file.py::Mine:beta=0.5", "package.module:Mine"]),
    NUMBERS.map(lambda x: f"adam:beta2={x}"),
)
SCHEDULES = NUMBERS.map(lambda x: f"constant:alpha={x}")
EXPERIMENTS = st.builds(
    lambda *parts, seeds, projection: Experiment(*parts, seeds=seeds, projection=projection),
    PROBLEMS,
    OPTIMIZERS,
    SCHEDULES,
    STEPS,
    seeds=SEEDS,
    projection=st.sampled_from(["euclidean", "metric"]),
)


@given(EXPERIMENTS)
def test_both_forms_give_it_back(experiment):
    for again in (
        Experiment.parse(str(experiment)),
        Experiment.from_json(json.loads(json.dumps(experiment.to_json()))),
        pickle.loads(pickle.dumps(experiment)),
        experiment.changed(),
        eval(repr(experiment)),
    ):
        assert again == experiment
        assert hash(again) == hash(experiment)
        assert str(again) == str(experiment)


def test_as_what_a_claim_sees_it_goes_along():
    plain = Experiment("quadratic", "heavy-ball:beta1=0", "constant:alpha=0.1", 5)
    seen = plain.changed(seen_as=rules.find("gradient-descent"))
    assert seen != plain
    assert {seen, plain, pickle.loads(pickle.dumps(seen))} == {seen, plain}
    assert pickle.loads(pickle.dumps(seen)).rule.key == "gradient-descent"
    assert seen.optimizer is seen.runner
    assert seen.changed(steps=6).rule.key == "gradient-descent"
    # Of another optimizer it is not known.
    assert seen.changed(optimizer="adam").seen_as is None


@given(EXPERIMENTS, st.sampled_from(["problem", "optimizer", "schedule", "steps", "seeds"]))
def test_another_part_is_another_experiment(experiment, part):
    others = {
        "problem": "rosenbrock",
        "optimizer": "lion",
        "schedule": "cosine:alpha=1/7",
        "steps": experiment.steps % 100 + 1 + (experiment.steps < 102),
        "seeds": [2**63 + 1, 5],
    }
    if part == "steps" and others["steps"] == experiment.steps:
        return
    other = experiment.changed(**{part: others[part]})
    assert other != experiment
    assert str(other) != str(experiment)
    assert other.to_json() != experiment.to_json()


def test_every_case_of_every_claim_is_read_back_and_named_as_its_parts_are():
    for _, case in cases():
        made = case.experiment
        assert Experiment.parse(str(made)) == made
        built = Experiment(
            made.problem, made.optimizer, made.schedule, made.steps, seeds=made.seeds
        )
        assert built == made


def test_names_are_the_shortest_texts():
    experiment = Experiment("quadratic", "sgd:weight_decay=0", "constant:alpha=.10,warmup=0", 5)
    assert experiment.names == ("quadratic", "gradient-descent", "constant:alpha=0.1")
    assert experiment == Experiment("quadratic", "gradient-descent", "constant:alpha=1/10", 5)
    assert str(experiment) == "quadratic -o gradient-descent@constant:alpha=0.1 --steps 5"
    assert experiment.command == f"convergence run {experiment}"


def test_it_does_not_change():
    experiment = Experiment("quadratic", "adam", "constant:alpha=0.1", 5)
    with pytest.raises(AttributeError, match=r"changed\(steps=\.\.\.\)"):
        experiment.steps = 6


def test_its_command_runs_it(cli):
    experiment = Experiment(
        "reddi-2018-stochastic", "adam:beta1=0", "inverse-sqrt:alpha=1/3", 20, seeds=[7, 3]
    )
    result = cli(f"{experiment.command.removeprefix('convergence ')} --json")
    (record,) = json.loads(result.out)
    assert Experiment.from_json(record["experiment"]) == experiment
    assert record["checksum"] == run(experiment).checksum
    assert record["command"] == experiment.command


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        (("quadratc", "adam", "constant:alpha=1"), "no problem 'quadratc'; did you mean quadratic"),
        (("quadratic", "adma", "constant:alpha=1"), "no rule 'adma'; did you mean adam"),
        (("quadratic", "adam", "constnt"), "no schedule 'constnt'; did you mean constant"),
        (("quadratic", "adam:beta3=1", "constant:alpha=1"), "has no parameter 'beta3'"),
        (("quadratic", "adam@constnt:alpha=1"), "'constnt:alpha=1' of .* is no schedule; did you"),
        (("quadratic", "adam@constant:alpha=1", "cosine:alpha=1"), "names the schedule"),
        (("quadratic", "adam", "constant:alpha=1", 0), "steps=0 must be a whole number"),
        (("quadratic", "adam", "constant:alpha=1", True), "steps=True must be"),
        (("quadratic", "adam", "constant:alpha=1", 2**53), "less than 2"),
        ((3, "adam", "constant:alpha=1"), "problem=3 must be a problem or its specification"),
        (("quadratic", "adam", 0.1), "schedule=0.1 must be a schedule or its specification"),
    ],
)
def test_bad_parts_are_refused_in_a_sentence(parts, sentence):
    with pytest.raises(InputError, match=sentence):
        Experiment(*parts)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "is no experiment"),
        ("quadratic", "is no experiment; it must read"),
        ("quadratic -o", "is no experiment; it must read"),
        ("quadratic -o adam@constant:alpha=1 --step 5", "is no experiment"),
        ("quadratic -o adam@constant:alpha=1 -o sgd", "each once"),
        ("quadratic -o 'adam", "No closing quotation"),
        ("quadratic -o adam@constant:alpha=1 --steps many", "steps='many'"),
    ],
)
def test_a_text_that_is_none_is_refused_in_a_sentence(text, sentence):
    with pytest.raises(InputError, match=sentence):
        Experiment.parse(text)


def test_json_that_is_none_is_refused_in_a_sentence():
    good = Experiment("quadratic", "adam", "constant:alpha=0.1", 5).to_json()
    for value, sentence in [
        ([], "must be an object"),
        ({**good, "rule": "adam"}, "has no 'rule'"),
        ({name: value for name, value in good.items() if name != "steps"}, "needs 'steps'"),
        ({**good, "seeds": 3}, "seeds=3 must be a list"),
        ({**good, "projection": "none"}, "projection='none'"),
    ]:
        with pytest.raises(InputError, match=sentence):
            Experiment.from_json(value)


def test_what_was_made_here_cannot_be_sent_away():
    def mine(x, gradient, step_size):
        return x - step_size * gradient

    for experiment in (
        Experiment("quadratic", find_optimizer(mine), "constant:alpha=0.1", 5),
        Experiment("quadratic", mine, "constant:alpha=0.1", 5),
    ):
        assert not experiment.has_place
        with pytest.raises(InputError, match="no other process can find it"):
            pickle.dumps(experiment)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("adam", ("adam", None)),
        ("adam:eps=0@constant:alpha=1e-3", ("adam:eps=0", "constant:alpha=1e-3")),
        ("my.py::Mine:a=1@cosine:alpha=1", ("my.py::Mine:a=1", "cosine:alpha=1")),
        ("package.module:Mine@constant:alpha=1", ("package.module:Mine", "constant:alpha=1")),
    ],
)
def test_an_optimizer_may_name_its_schedule(text, parts):
    assert with_schedule(text) == parts


def test_a_file_with_an_at_sign_is_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "me@home.py").write_text("")
    assert with_schedule("me@home.py::Mine") == ("me@home.py::Mine", None)


# Step sizes that nobody named


# It has no least value: to go down is to go to infinity.
BOTTOMLESS = "monkey-saddle"
FIRST = [
    entry
    for entry in problems.catalogue
    if inspect.Parameter.empty not in entry.parameters.values() and entry.key != BOTTOMLESS
]


@pytest.mark.parametrize("entry", FIRST, ids=lambda entry: entry.key)
def test_a_first_run_diverges_nowhere_in_the_catalogue(entry):
    """With rules whose steps are in proportion to the gradients, and with Adam."""
    problem = entry()
    for rule in ("sgd", "heavy-ball", "nesterov", "accelerated-gradient", "adam"):
        record = run(Experiment(problem, rule, steps=150), measures=[], times=[150])
        assert record.end == "completed", str(record.experiment)


STEPPED = [entry for entry in problems.catalogue if entry.facts.get("descent_step")]


@pytest.mark.parametrize("entry", STEPPED, ids=lambda entry: entry.key)
def test_a_descent_step_goes_down_for_as_long_as_it_says(entry):
    problem, steps = entry(), 3_000
    assert "L" not in problem.constants
    by = f"constant:alpha={entry.facts['descent_step']!r}"
    assert suggested(problem, rules.find("sgd")) == by
    points = run(problem, "sgd", by, steps, measures=[], times=range(1, steps + 1))["iterate"][0]
    values = problem.objective(points)
    assert (np.diff(values) <= 1e-12 * abs(values[1:])).all()


def test_steps_are_suggested_by_the_rule_and_the_problem():
    smooth, noisy = problems.find("quadratic"), problems.find("noisy-quadratic")
    assert suggested(smooth, rules.find("heavy-ball")) == "inverse-smoothness"
    assert suggested(noisy, rules.find("heavy-ball")) == SUGGESTED
    assert suggested(smooth, rules.find("adam")) == SUGGESTED
    declared = find_optimizer(lambda x, gradient, step_size: x, like="sgd")
    unknown = find_optimizer(lambda x, gradient, step_size: x)
    assert suggested(smooth, declared) == "inverse-smoothness"
    assert suggested(smooth, unknown) == SUGGESTED


def test_each_optimizer_of_a_command_has_its_own_steps(cli):
    result = cli(
        "run rosenbrock -o adam@constant:alpha=0.01 -o sgd -o heavy-ball --schedule "
        "constant:alpha=1e-4 --steps 50 --json"
    )
    found = [record["experiment"]["schedule"] for record in json.loads(result.out)]
    assert found == ["constant:alpha=0.01", "constant:alpha=0.0001", "constant:alpha=0.0001"]
    default = cli("run rosenbrock -o adam -o sgd --steps 50 --json")
    found = [record["experiment"]["schedule"] for record in json.loads(default.out)]
    assert found == [SUGGESTED, "constant:alpha=0.001"]
    assert "diverged" not in default.out


def test_steps_of_their_own_are_shown(cli):
    out = cli("run rosenbrock -o adam -o sgd --steps 50").out
    assert "schedule" in out
    assert "constant:alpha=0.001" in out
    assert schedules.find("constant:alpha=0.001").settings["alpha"] == Number(1) / 1000
    assert "schedule  " not in cli("run quadratic -o adam -o adamw --steps 50").out


def test_it_is_public():
    assert convergence.Experiment is Experiment

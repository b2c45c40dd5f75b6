"""The compiled engine: the bits of the numpy engine, and a cache that sees every edit."""

import functools
import inspect
import json
import math
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from levels import crossed

import convergence
import problems
from convergence import cache, rules, run, schedule, tracing
from convergence.engines import loops
from convergence.experiment import Experiment
from convergence.expression import Expression
from convergence.rule import SETTINGS
from convergence.simulation import Simulation, record_times
from convergence.tracing import step_size_formula
from problems import find as find_problem
from problems.domain import Box, WholeSpace
from problems.problem import Problem

BY = "inverse-sqrt:alpha=0.5"
# Rules of blocks have no compiled steps; for those that ask for the objective see
# `test_rules_recent`.
RULES = [e.key for e in rules.catalogue if {"matrix", "objective"}.isdisjoint(e.tags)]
# One problem of each kind that has formulas: a box and slopes in turn, drawn slopes, a kink and no
# domain, pieces.
ONE_OF_EACH = ["reddi-2018-thm1", "reddi-2018-stochastic", "absolute-value", "lessard-2016"]


def traceable():
    return [
        entry.key
        for entry in problems.catalogue
        if inspect.Parameter.empty not in entry.parameters.values() and not tracing.why_not(entry())
    ]


def same_bits(problem, rule, by, steps, seeds, **options):
    one = run(problem, rule, by, steps, seeds=seeds, engine="numpy", **options)
    other = run(problem, rule, by, steps, seeds=seeds, engine="compiled", **options)
    assert one.checksum == other.checksum
    return one


@pytest.mark.parametrize(("rule", "problem"), crossed(RULES, ONE_OF_EACH))
def test_every_rule_has_the_bits_of_the_numpy_engine(problem, rule):
    for seeds in (1, 3) if find_problem(problem).stochastic else (1,):
        record = same_bits(problem, rule, BY, 60, seeds)
    assert record.times[-1] == 60


@pytest.mark.thorough
@pytest.mark.parametrize("problem", traceable())
@pytest.mark.parametrize("rule", RULES)
def test_every_rule_on_every_problem(problem, rule):
    same_bits(problem, rule, BY, 200, 5)
    same_bits(problem, rule, "constant:alpha=1e3", 200, 5)


def test_most_one_dimensional_problems_are_compiled():
    keys = traceable()
    assert len(keys) >= 20
    assert "pl-sine" not in keys


def lanes_of(problem, rule, by, steps, lanes, engine, workers=1):
    simulation = Simulation(
        Experiment(
            find_problem(problem) if isinstance(problem, str) else problem,
            rules.find(rule),
            schedule.find(by),
            steps,
        ),
        seeds=range(lanes),
        engine=engine,
        workers=workers,
        quantities=["loss_sum", "iterate_sum", "step_size_sum", "gradient_norm_most"],
    )
    simulation.advance(steps)
    state = {name: value.tobytes() for name, value in simulation.state.items()}
    totals = {name: value.tobytes() for name, value in simulation.totals.items()}
    return simulation.iterate.tobytes(), state, totals, simulation.ended.tolist()


@pytest.mark.parametrize("lanes", [2, 127, 128, 129, 300])
@pytest.mark.parametrize("problem", ["reddi-2018-thm1", "reddi-2018-stochastic"])
def test_lanes_in_blocks_have_the_bits_of_lanes_in_a_row(problem, lanes):
    parts = (problem, "nesterov:beta1=0.9", BY, 50, lanes)
    assert lanes_of(*parts, "compiled") == lanes_of(*parts, "array")
    parts = (problem, "adam", BY, 50, lanes)
    assert lanes_of(*parts, "compiled") == lanes_of(*parts, "array")


@pytest.mark.parametrize("problem", ["reddi-2018-thm1", "reddi-2018-stochastic"])
@pytest.mark.parametrize("workers", [2, 3, 64])
def test_any_number_of_threads_gives_the_same_bits(problem, workers):
    parts = (problem, "adam", BY, 50, 700)
    assert lanes_of(*parts, "compiled", workers) == lanes_of(*parts, "compiled")


# The tail


def factors_of(loop, rule):
    letters = letters_of(rule)
    return {factor.name: loops._value(factor.factor, letters) for factor in loop.factors}


def letters_of(rule, **others):
    return {f"setting_{name}": value for name, value in rules.find(rule).letters.items()} | others


@pytest.mark.parametrize("lanes", [1, 3])
def test_leaving_out_corrections_that_have_become_one_changes_no_bit(lanes):
    rule = "adam:beta1=0.5,beta2=0.9"
    loop = loop_of(rule, lanes=True)
    both = ("state_power1", "state_power2")
    assert factors_of(loop, rule) == dict(zip(both, (0.5, 0.9), strict=True))
    assert loop.write(both, ()).count("/") < loop.write((), ()).count("/")
    # Saturated at t = 356, and the block after the first record is the tail.
    parts = ("reddi-2018-thm1", "adam:beta1=0.5,beta2=0.9", BY, 2_000, lanes)
    if lanes == 1:
        same_bits(*parts[:4], 1, times=[100, 355, 356, 357, 400, 2_000])
    assert lanes_of(*parts, "compiled") == lanes_of(*parts, "array")


@pytest.mark.parametrize("lanes", [1, 3])
def test_a_constant_part_of_a_product_that_is_left_out_changes_no_bit(lanes):
    """NAdam divides by 1 - beta1**t and by 1 - beta1 beta1**t."""
    rule = "nadam:beta1=0.5,beta2=0.9,momentum=constant"
    loop = loop_of(rule)
    both = ("state_power2", "state_product")
    assert factors_of(loop, rule) == dict(zip(both, (0.9, 0.5), strict=True))
    tail = loop.write(both, ())
    assert loop.write((), ()).count("/") - tail.count("/") == 3
    parts = ("reddi-2018-thm1", rule, BY, 2_000, lanes)
    assert lanes_of(*parts, "compiled") == lanes_of(*parts, "array")


def test_a_product_of_more_than_constants_is_not_left_out():
    p, c = Expression("input", "p"), Expression("input", "c")
    new = 0.5 * p
    assert loops._at_most(new, new, ["c"]).arguments == (1,)
    assert loops._at_most(0.9 * new, new, ["c"]) is Expression.of(0.9)
    assert loops._at_most(c * new, new, ["c"]) is c
    for other in (p * new, new * new, 0.25 * p, new + 0.0):
        assert loops._at_most(other, new, ["c"]) is None


@pytest.mark.parametrize(
    ("product", "factor", "share"),
    [(1e-20, 1.0, 1.0), (-1e-20, 0.5, 1.0), (1e-20, 0.5, 1.5), (1e-20, 0.5, -0.5), (2.0, 0.5, 1)],
)
def test_numbers_that_do_not_only_fall_are_not_left_out(product, factor, share):
    p, f, c = (Expression("input", name) for name in "pfc")
    falling = loops.Factor("p", f, (c,), (1 - c * (f * p),), True)
    assert falling.stage(1e-20, {"f": 0.5, "c": 1.0}) == (True, False)
    assert falling.stage(product, {"f": factor, "c": share}) == (False, False)
    lanes = {"f": np.array([0.5, factor]), "c": np.array([1.0, share])}
    saturated, constant = falling.stage(np.array([1e-20, product]), lanes)
    assert saturated.tolist() == [True, False]
    assert constant.tolist() == [False, False]


def test_the_tail_begins_when_the_factor_has_rounded_to_one_and_not_before():
    loop, letters = loop_of("adam"), letters_of("adam:beta1=0,beta2=0.9")
    power, t = 1.0, 0
    while 1.0 - power != 1.0:
        power *= 0.9
        t += 1
    assert t == 356
    before = {"state_power1": 0.0, "state_power2": power / 0.9 / 0.9}
    after = {"state_power1": 0.0, "state_power2": power / 0.9}
    one, both = ("state_power1",), ("state_power1", "state_power2")
    assert text_of(loop, before, letters) == loop.write(one, one)
    assert text_of(loop, after, letters) == loop.write(both, one)


def test_a_product_that_no_longer_changes_is_left_alone():
    loop, letters = loop_of("adam"), letters_of("adam:beta1=0.9,beta2=0.9")
    power, t = 1.0, 0
    while power != 0.9 * power:
        power *= 0.9
        t += 1
    assert t == 7050
    assert power > 0
    one, both = ("state_power1",), ("state_power1", "state_power2")
    tail = {"state_power1": power, "state_power2": 1e-300}
    assert text_of(loop, tail, letters) == loop.write(both, one)
    # It is left alone before the other has rounded to one, too.
    early = {"state_power1": power, "state_power2": 0.5}
    assert text_of(loop, early, letters) == loop.write(one, one)
    # Both through it, and across it with blocks that end before and after.
    same_bits("reddi-2018-thm1", "adam:beta1=0.9,beta2=0.9", BY, 70_000, 1, times=[7000, 70_000])
    parts = ("reddi-2018-thm1", "adam:beta1=0.9,beta2=0.9", BY, 34_000, 2)
    assert lanes_of(*parts, "compiled") == lanes_of(*parts, "array")


def test_lanes_go_on_in_the_loop_of_their_own_stage():
    loop = loop_of("adam", lanes=True, by_lane=frozenset({"setting_beta2"}))
    letters = letters_of("adam", setting_beta2=np.array([0.9, 0.999, 0.9]))
    powers = {"state_power1": 0.0, "state_power2": np.array([1e-30, 0.5, 1e-30])}
    found = {tuple(part.lanes.tolist()): part.text for part in loop.parts(powers, letters, 3)}
    one, both = ("state_power1",), ("state_power1", "state_power2")
    assert found == {(0, 2): loop.write(both, both), (1,): loop.write(one, one)}


def test_products_that_are_multiplied_apart_have_the_same_bits():
    powers = np.array([1e-20, 0.5, 1e-20, 1e-300])
    factors = np.array([0.9, 0.99, 0.9, 0.9])
    expected = powers.copy()
    for _ in range(1000):
        expected = expected * factors
    assert loops._multiplied(powers, factors, 1000).tobytes() == expected.tobytes()


def text_of(loop, values, letters):
    (part,) = loop.parts(values, letters)
    return part.text


def loop_of(rule, problem="reddi-2018-thm1", by=BY, **options):
    problem = find_problem(problem)
    size = step_size_formula(schedule.find(by), problem, 100)
    return loops.compiled_loop(
        rules.find(rule), [], problem, size and size[0], **{"lanes": False, **options}
    )


@pytest.mark.parametrize("rule", ["sgd", "heavy-ball", "amsgrad:bias_correction=none", "lion"])
def test_where_nothing_is_corrected_there_is_one_loop(rule):
    loop = loop_of(rule)
    assert loop.factors == ()
    assert text_of(loop, {}, letters_of(rule)) == loop.write((), ())


# Hyper-parameters and slopes of every size


def interval(name):
    setting = SETTINGS[name]
    inner = st.floats(0, min(setting.high, 1e300), exclude_max=True)
    sizes = (0.0, 5e-324, 1e-8, 0.5, 0.9999999, 1 - 2**-53, 1.0, 1e300)
    edge = [v for v in sizes if setting.within(v)]
    return st.one_of(st.sampled_from(edge), inner)


NUMBERS = ("beta1", "beta2", "eps", "weight_decay", "beta1_decay")
SLOPES = st.lists(
    st.sampled_from([0.0, -0.0, 3.0, -1.0, 5e-324, 1e-200, -1e200, math.inf, math.nan]),
    min_size=1,
    max_size=6,
)


def linear(slopes, domain):
    slopes = np.array(slopes)
    return Problem(
        formula="a linear function in turn",
        domain=domain,
        start=np.array([0.25]),
        scalar=True,
        loss_formula=lambda x, c: c * x,
        gradient_formula=lambda x, c: c,
        samples=lambda rounds, seeds: slopes[(rounds - 1) % slopes.size],
    )


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(
    rule=st.sampled_from(["adam", "rmsprop", "heavy-ball", "amsgrad", "adagrad"]),
    data=st.data(),
    slopes=SLOPES,
    bounded=st.booleans(),
    alpha=st.sampled_from(["1e-3", "0.5", "1e200", "5e-324"]),
)
def test_any_hyper_parameters_and_slopes_give_the_same_bits(rule, data, slopes, bounded, alpha):
    # The first gradient must be finite.
    slopes = [1.0, *slopes]
    names = [n for n in NUMBERS if n in rules.catalogue[rule].parameters]
    drawn = {name: data.draw(interval(name), label=name) for name in names}
    text = ",".join(f"{name}={value!r}" for name, value in drawn.items())
    problem = linear(slopes, Box(-1.0, 1.0) if bounded else WholeSpace())
    times = record_times(40)
    same_bits(problem, f"{rule}:{text}", f"constant:alpha={alpha}", 40, 1, times=times.tolist())


# Divergence


@pytest.mark.parametrize("step", [2, 777, 40_000])
def test_the_first_step_that_is_not_finite_is_found_in_a_long_block(step):
    slopes = np.ones(50_000)
    slopes[step - 1] = np.inf
    record = run(
        linear(slopes, Box(-1.0, 1.0)), "sgd", "constant:alpha=0.1", 50_000, engine="compiled"
    )
    assert record.ends[0].step == step


# What is not compiled


def test_what_cannot_be_compiled_runs_on_numpy_and_says_why():
    with pytest.warns(UserWarning, match="cannot be traced"):
        record = run("pl-sine", "sgd", "constant:alpha=0.01", 30, engine="compiled")
    assert record.checksum == run("pl-sine", "sgd", "constant:alpha=0.01", 30).checksum


def test_a_long_run_is_compiled_and_a_short_one_is_not():
    parts = (find_problem("reddi-2018-thm1"), rules.find("sgd"), schedule.find(BY))
    assert Simulation(Experiment(*parts, 10_000_000))._loop
    assert not Simulation(Experiment(*parts, 10_000))._loop
    assert not Simulation(Experiment(*parts, 10_000_000), engine="numpy")._loop


# What is computed ahead


@pytest.mark.parametrize(
    ("by", "formula"),
    [
        ("constant:alpha=0.3", True),
        (BY, True),
        ("inverse:alpha=0.7,warmup=20", True),
        ("polynomial:alpha=0.5,power=0.25", False),
        ("cosine:alpha=0.5", False),
    ],
)
def test_step_sizes_by_formula_are_those_of_numpy(by, formula):
    traced = schedule.find(by).traced(find_problem("reddi-2018-thm1"), 100)
    assert (traced is not None) == formula
    for rule in ("adam", "gradient-descent"):
        same_bits("reddi-2018-thm1", rule, by, 100, 1)
        same_bits("periodic-hinge", rule, by, 100, 1)


def test_displacements_are_computed_ahead_only_where_gradients_do_not_follow_the_iterate():
    def text(problem, rule):
        return loop_of(rule, problem).write((), ())

    assert "displacement_at" in text("periodic-linear", "adam")
    assert "displacement_at" not in text("periodic-hinge", "adam")
    assert "displacement_at" not in text("periodic-linear", "adamw:weight_decay=0.1")


def test_one_loop_is_written_for_all_numbers():
    one = loop_of("adam")
    assert loop_of("adam:beta1=0.5,beta2=1/3,eps=1e-3") is one
    assert loop_of("adam", "reddi-2018-thm1:C=5") is one
    assert loop_of("adam", "single-spike", "inverse-sqrt:alpha=3") is one
    # What is computed differs.
    for other in (
        loop_of("adam:eps=0"),
        loop_of("amsgrad"),
        loop_of("adam", "periodic-hinge"),
        loop_of("adam", by="constant:alpha=1"),
        loop_of("adam", lanes=True),
    ):
        assert other is not one
    assert loop_of("adam", "huber-worst:L=2").write((), ()) == loop_of(
        "adam", "huber-worst:R0=1/3"
    ).write((), ())


@pytest.mark.parametrize("key", ["reddi-2018-thm1", "reddi-2018-thm2", "single-spike"])
def test_a_block_of_samples_is_what_looking_up_finds(key):
    samples = find_problem(key).samples
    for first, count in ((1, 1), (1, 5000), (2, 7), (999, 2048), (10**9 + 3, 1000), (5, 200_000)):
        rounds = np.arange(first, first + count)
        assert (samples.block(first, count) == samples(rounds, None)).all()


# The cache


def fresh(monkeypatch):
    """Forget what this process has imported, and which folders it trusts."""
    forgotten = functools.cache(loops.compiled_function.__wrapped__)
    monkeypatch.setattr(loops, "compiled_function", forgotten)
    monkeypatch.setattr(cache, "_trusted", inspect.unwrap(cache._trusted))


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="no modes")
@pytest.mark.parametrize("inner", [False, True])
def test_a_folder_that_others_may_write_to_is_not_trusted(tmp_path, monkeypatch, inner):
    monkeypatch.setenv("CONVERGENCE_CACHE", str(tmp_path))
    fresh(monkeypatch)
    folder = tmp_path / "compiled"
    folder.mkdir(mode=0o700)
    (folder if inner else tmp_path).chmod(0o770)
    with pytest.warns(UserWarning, match="others than you may write to"):
        record = run("reddi-2018-thm1", "adamax", BY, 50, engine="compiled")
    assert record.checksum == run("reddi-2018-thm1", "adamax", BY, 50).checksum
    assert not list(folder.iterdir())


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="no owners")
def test_a_folder_of_another_user_is_not_trusted(tmp_path, monkeypatch):
    assert cache._open_to_others(tmp_path) == ""
    monkeypatch.setattr(os, "getuid", lambda: tmp_path.stat().st_uid + 1)
    assert "belongs to another user" in cache._open_to_others(tmp_path)


def test_the_module_is_kept_and_a_damaged_one_is_written_again(tmp_path, monkeypatch):
    monkeypatch.setenv("CONVERGENCE_CACHE", str(tmp_path))
    fresh(monkeypatch)
    before = run("reddi-2018-thm1", "rmsprop", BY, 100, engine="compiled").checksum
    (module,) = (tmp_path / "compiled").glob("rounds_*.py")
    module.write_text("def rounds(*values):\n    return values[3:]\n")
    fresh(monkeypatch)
    assert run("reddi-2018-thm1", "rmsprop", BY, 100, engine="compiled").checksum == before


EDITED = textwrap.dedent(
    """
    import sys
    sys.path.insert(0, {home!r})
    from convergence import run
    record = run("reddi-2018-thm1", "sgd", "constant:alpha=0.25", 3, engine="compiled")
    print(record["iterate"][0, :, 0].tolist())
    """
)


def steps_of(factor):
    x, found = float(find_problem("reddi-2018-thm1").start[0]), []
    for slope in (3, -1, -1):
        x = min(max(x - 0.25 * factor * slope, -1.0), 1.0)
        found.append(x)
    return found


def test_an_edited_rule_is_another_module(tmp_path):
    home = Path(convergence.__file__).parent.parent
    copy = tmp_path / "copy"
    for package in ("problems", "convergence", "reports"):
        shutil.copytree(home / package, copy / package)
    environment = {**os.environ, "CONVERGENCE_CACHE": str(tmp_path / "cache")}
    environment.pop("PYTHONPATH", None)

    def iterates():
        command = [sys.executable, "-c", EDITED.format(home=str(copy))]
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=True, cwd=tmp_path
        )
        return json.loads(done.stdout)

    assert iterates() == steps_of(1)
    source = copy / "convergence" / "rules" / "gradient.py"
    text = source.read_text()
    place = text.index("def gradient_descent")
    line = "return (with_coupled_decay(g, x, weight_decay),)"
    edited = text[:place] + text[place:].replace(line, line.replace("(g,", "(2 * g,"), 1)
    assert edited != text
    source.write_text(edited)
    assert iterates() == steps_of(2)


def test_nothing_is_kept_where_nothing_can_be_written(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CONVERGENCE_CACHE", str(tmp_path / "file"))
    fresh(monkeypatch)
    with pytest.warns(UserWarning, match="compiled code is not kept"):
        record = run("reddi-2018-thm1", "adagrad", BY, 50, engine="compiled")
    assert record.checksum == run("reddi-2018-thm1", "adagrad", BY, 50).checksum


# The label


CHECKSUMS = Path(__file__).parent / "fixtures" / "exact-arithmetic.json"


def exact_problems():
    return [
        entry.key
        for entry in problems.catalogue
        if inspect.Parameter.empty not in entry.parameters.values()
        and tracing.arithmetic_of(entry()) == "exact"
    ]


def test_what_is_called_exact_has_these_bits_on_every_machine():
    """Regenerate after a change that is meant: python tests/test_compiled.py."""
    stored = json.loads(CHECKSUMS.read_text(encoding="utf-8"))
    assert checksums() == stored


def checksums():
    return {
        key: run(key, "adam:beta2=0.9", BY, 200, seeds=2, measures=[]).checksum
        for key in exact_problems()
    }


def test_functions_that_a_library_rounds_are_not_called_exact():
    for key in ("pl-sine", "quadratic", "breast-cancer-logistic", "rosenbrock"):
        assert tracing.arithmetic_of(find_problem(key)) == "machine"
    assert "reddi-2018-thm1" in exact_problems()


if __name__ == "__main__":
    CHECKSUMS.write_text(json.dumps(checksums(), indent=2) + "\n", encoding="utf-8")

"""Runs: how they end, what they record, and that nothing but the input decides their bits."""

import io
import json
import struct
import zipfile

import numpy as np
import pytest

import convergence
from convergence import schedule as schedules
from convergence.record import End, load_records, save_records
from convergence.simulation import record_times, run
from problems import find as find_problem
from problems.domain import Box, WholeSpace
from problems.notation import InputError
from problems.problem import Problem


def linear(slopes, domain, start=0.0):
    """One-dimensional linear losses with these slopes in turn."""
    values = np.array(slopes, float)
    return Problem(
        formula="c_t x",
        domain=domain,
        start=np.array([start]),
        scalar=True,
        loss_formula=lambda x, c: c * x,
        gradient_formula=lambda x, c: c,
        samples=lambda rounds, seeds: values[(rounds - 1) % values.size],
    )


# Divergence


def first_overflow(factor, start=1.0):
    x, step = start, 0
    while np.isfinite(x):
        x, step = x - factor * x, step + 1
    return step


@pytest.mark.parametrize("times", [None, [50_000], range(1, 20_000, 7)])
def test_divergence_is_named_at_the_exact_first_step(times):
    with np.errstate(all="ignore"):
        step = first_overflow(np.float64(2.1))
    record = run("quadratic:kappa=1,dimension=1", "sgd", "constant:alpha=2.1", 50_000, times=times)
    assert record.ends == (End.diverged(step),)
    assert str(record.ends[0]) == f"diverged at step {step}"
    before = record.times < step
    assert np.isfinite(record["iterate"][0, before]).all()
    assert np.isnan(record["iterate"][0, ~before]).all()
    assert np.isnan(record["suboptimality"][0, ~before]).all()


@pytest.mark.parametrize("engine", ["number", "array"])
@pytest.mark.parametrize("step", [1, 3, 1500])
def test_a_projection_does_not_hide_an_infinite_step(step, engine):
    slopes = np.ones(2000)
    slopes[step - 1] = 1e300
    problem = linear(slopes, Box(-1.0, 1.0))
    record = run(problem, "sgd", "constant:alpha=1e10", 2000, measures=[], engine=engine)
    assert record.ends == (End.diverged(step),)


@pytest.mark.parametrize("engine", ["number", "array"])
def test_a_gradient_that_turns_into_nan_ends_the_run_there(engine):
    slopes = np.ones(50)
    slopes[20] = np.nan
    for domain in (WholeSpace(), Box(-1.0, 1.0)):
        record = run(
            linear(slopes, domain), "adam", "constant:alpha=0.1", 50, measures=[], engine=engine
        )
        assert record.ends == (End.diverged(21),)


def test_only_the_lane_that_diverges_ends():
    def samples(rounds, seeds):
        return np.where((rounds[:, None] == 30) & (seeds[None, :] == 2), np.inf, 1.0)

    problem = Problem(
        formula="c x",
        domain=WholeSpace(),
        start=np.zeros(1),
        scalar=True,
        loss_formula=lambda x, c: c * x,
        gradient_formula=lambda x, c: c,
        samples=samples,
        stochastic=True,
    )
    record = run(problem, "sgd", "constant:alpha=1", 40, seeds=4, measures=[])
    assert record.ends == (End.completed(), End.completed(), End.diverged(30), End.completed())
    assert np.isfinite(record["iterate"][[0, 1, 3]]).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_gradient_that_is_not_finite_at_the_start_is_refused(bad):
    with pytest.raises(InputError) as refused:
        run(linear([bad], WholeSpace()), "sgd", "constant:alpha=1", 10, measures=[])
    assert "not finite at its start" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_gradient_of_the_wrong_shape_is_refused():
    problem = Problem(
        formula="x.x",
        domain=WholeSpace(),
        start=np.ones(3),
        loss_formula=lambda x, sample: (x * x).sum(-1),
        gradient_formula=lambda x, sample: (2 * x)[..., :2],
    )
    with pytest.raises(InputError, match="shape"):
        run(problem, "sgd", "constant:alpha=1", 10)


# Interruption


def test_ctrl_c_keeps_what_was_recorded():
    def interrupt(done):
        if done >= 100:
            raise KeyboardInterrupt

    whole = run("reddi-2018-online", "adam", "inverse-sqrt:alpha=0.5", 1000)
    record = run("reddi-2018-online", "adam", "inverse-sqrt:alpha=0.5", 1000, progress=interrupt)
    assert record.ends == (End.stopped(),)
    assert 0 < record.times.size < whole.times.size
    assert record.times[-1] < 1000
    kept = record.times.size
    np.testing.assert_array_equal(record.times, whole.times[:kept])
    for name, values in record.series.items():
        np.testing.assert_array_equal(values, whole[name][:, :kept])


def test_ctrl_c_before_the_first_record_is_told():
    def interrupt(done):
        raise KeyboardInterrupt

    with pytest.raises(InputError, match="interrupted"):
        run("pl-sine", "sgd", "constant:alpha=0.1", 10, progress=interrupt)


# The same bits

STOCHASTIC = [
    ("reddi-2018-stochastic", "adam", "inverse-sqrt:alpha=0.5", 3000),
    ("breast-cancer-logistic:batch=16", "amsgrad:eps=1e-8", "constant:alpha=0.01", 120),
    ("digits-softmax:batch=8", "heavy-ball", "constant:alpha=0.05", 40),
]


@pytest.mark.parametrize("parts", STOCHASTIC, ids=lambda parts: parts[0])
def test_a_lane_has_the_same_bits_alone_and_among_others(parts):
    together = run(*parts, seeds=[0, 1, 2, 3, 4])
    for seeds in ([3], [4, 3]):
        alone = run(*parts, seeds=seeds)
        lane = seeds.index(3)
        for name, values in alone.series.items():
            np.testing.assert_array_equal(values[lane], together[name][3], err_msg=name)


@pytest.mark.parametrize(
    "parts",
    [
        ("reddi-2018-online", "amsgrad", "inverse-sqrt:alpha=0.5", 3000),
        ("quadratic", "nesterov", "inverse-smoothness", 3000),
        STOCHASTIC[0],
    ],
    ids=lambda parts: parts[0],
)
def test_the_recorded_rounds_do_not_change_the_run(parts):
    dense = run(*parts, seeds=2, times=range(1, 3001))
    for times in (None, [3000], [1, 2, 1023, 1024, 1025, 2048, 2999]):
        sparse = run(*parts, seeds=2, times=times)
        for name, values in sparse.series.items():
            if name != "gradient_mean_square":
                np.testing.assert_array_equal(values, dense[name][:, sparse.times - 1])


def test_a_run_is_repeated_to_the_bit():
    checksums = {run(*STOCHASTIC[0], seeds=3).checksum for _ in range(2)}
    assert len(checksums) == 1
    assert run(*STOCHASTIC[0], seeds=2).checksum not in checksums


def test_every_seed_of_a_deterministic_problem_is_one_lane():
    assert run("pl-sine", "sgd", "constant:alpha=0.1", 5, seeds=7).experiment.seeds == (0,)
    assert run("reddi-2018-online", "sgd", "constant:alpha=0.1", 5, seeds=7).experiment.seeds == (
        0,
    )
    assert run(
        "reddi-2018-stochastic", "sgd", "constant:alpha=0.1", 5, seeds=3
    ).experiment.seeds == (0, 1, 2)


# Measures


@pytest.mark.parametrize("problem", ["reddi-2018-thm1", "reddi-2018-online", "periodic-hinge"])
def test_regret_is_the_sum_of_losses_minus_the_best_fixed_point(problem):
    steps = 250
    record = run(problem, "adam", "inverse-sqrt:alpha=0.5", steps, times=range(1, steps + 1))
    parts = find_problem(problem)
    points = np.concatenate([[parts.start[0]], record["iterate"][0, :-1, 0]])
    slopes = parts.samples(np.arange(1, steps + 1), np.array([0], np.uint64))
    losses = np.array([float(parts.loss([x], c)) for x, c in zip(points, slopes, strict=True)])
    grid = np.linspace(-1, 1, 201)
    fixed = np.array([[float(parts.loss([u], c)) for c in slopes] for u in grid])
    best = fixed.cumsum(axis=1).min(axis=0)
    np.testing.assert_allclose(record["regret"][0], losses.cumsum() - best, atol=1e-8)
    np.testing.assert_allclose(
        record["average_regret"][0], record["regret"][0] / np.arange(1, steps + 1), rtol=1e-14
    )


def test_the_comparator_changes_with_the_horizon():
    # Slopes 1, 1, -3: the best fixed point is -1 after two rounds, either end after the third.
    record = run(linear([1, 1, -3], Box(-1.0, 1.0)), "sgd", "constant:alpha=1e-9", 3, measures=[])
    assert record.ends == (End.completed(),)
    problem = find_problem("periodic-linear:slopes=[1,1,-3]")
    np.testing.assert_array_equal(problem.hindsight([1, 2, 3, 4, 6])[0], [-1, -2, -1, 0, -2])


def test_measures_of_a_fixed_function_are_what_they_say():
    steps = 60
    record = run("quadratic", "heavy-ball", "constant:alpha=0.3", steps, times=range(1, steps + 1))
    problem = find_problem("quadratic")
    after = record["iterate"][0]
    points = np.concatenate([problem.start[None], after[:-1]])
    t = np.arange(1, steps + 1)
    g = np.linalg.norm(problem.gradient(points), axis=-1)
    expected = {
        "suboptimality": problem.objective(after),
        "suboptimality_average": problem.objective(points.cumsum(axis=0) / t[:, None]),
        "suboptimality_best": np.minimum.accumulate(problem.objective(points)),
        "stationarity_gap": np.linalg.norm(problem.gradient(after), axis=-1),
        "stationarity_least": np.minimum.accumulate(g),
        "gradient_mean_square": (g**2).cumsum() / t,
        "distance": np.linalg.norm(after, axis=-1),
    }
    for name, values in expected.items():
        np.testing.assert_allclose(record[name][0], values, rtol=1e-10, atol=1e-13, err_msg=name)
    assert set(record.measures) == set(expected)


def test_quantities_are_the_running_totals_they_name():
    steps = 40
    names = ["loss_sum", "iterate_low", "iterate_high", "step_size_sum", "gradient_square_sum"]
    record = run(
        "quadratic",
        "sgd",
        "inverse-sqrt:alpha=1.9",
        steps,
        quantities=names,
        times=range(1, steps + 1),
    )
    problem = find_problem("quadratic")
    points = np.concatenate([problem.start[None], record["iterate"][0, :-1]])
    expected = {
        "loss_sum": problem.loss(points).cumsum()[:, None],
        "iterate_low": np.minimum.accumulate(points),
        "iterate_high": np.maximum.accumulate(points),
        "step_size_sum": (1.9 / np.sqrt(np.arange(1, steps + 1))).cumsum()[:, None],
        "gradient_square_sum": (problem.gradient(points) ** 2).cumsum(axis=0),
    }
    for name, values in expected.items():
        np.testing.assert_allclose(record[name][0], values, rtol=1e-12, atol=1e-15, err_msg=name)


@pytest.mark.parametrize("problem", ["matrix-quadratic", "matrix-quadratic:noise=0.5"])
def test_means_are_taken_of_every_size_of_the_exact_gradient(problem):
    """Of 4 x 3 matrices: with noise too, where a round shows another gradient."""
    steps, seeds = 12, 2
    problem = find_problem(problem)
    names = [f"gradient_mean_{size}" for size in ("square", "norm", "absolute", "nuclear")]
    record = run(problem, "heavy-ball", "constant:alpha=0.3", steps, seeds=seeds, measures=names)
    path = run(
        problem,
        *("heavy-ball", "constant:alpha=0.3", steps),
        seeds=seeds,
        measures=[],
        times=range(1, steps + 1),
    )["iterate"]
    start = np.broadcast_to(problem.start, (len(path), 1, problem.dimension))
    g = problem.objective_gradient(np.concatenate([start, path[:, :-1]], axis=1))
    norm = np.linalg.norm(g, axis=-1)
    nuclear = np.linalg.svd(g.reshape(*g.shape[:2], 4, 3), compute_uv=False).sum(axis=-1)
    for name, sizes in zip(names, (norm**2, norm, abs(g).sum(-1), nuclear), strict=True):
        np.testing.assert_allclose(record[name][:, -1], sizes.mean(axis=1), rtol=1e-12)


def test_the_sampled_gradient_mean_is_unbiased():
    """The mean over seeds against every round taken: within a 1e-9 confidence limit."""
    problem = find_problem("breast-cancer-logistic:batch=8")
    steps, seeds = 100, 60
    parts = (problem, "sgd", "constant:alpha=0.05", steps)
    sampled = run(*parts, seeds=seeds, measures=["gradient_mean_square"])
    record = run(*parts, seeds=seeds, measures=[], times=range(1, steps + 1))
    start = np.broadcast_to(problem.start, (seeds, 1, problem.dimension))
    points = np.concatenate([start, record["iterate"][:, :-1]], axis=1)
    every = (problem.objective_gradient(points) ** 2).sum(-1).mean(axis=1)
    error = sampled["gradient_mean_square"][:, -1] - every
    assert abs(error.mean()) <= 6.2 * error.std(ddof=1) / np.sqrt(seeds)
    assert error.std() > 0


@pytest.mark.parametrize("steps", [1, 2, 10, 11, 1000, 12_345])
def test_recorded_rounds_begin_with_ten_and_end_with_the_last(steps):
    times = record_times(steps)
    assert times[0] == 1
    assert times[-1] == steps
    assert (np.diff(times) > 0).all()
    assert set(range(1, min(steps, 10) + 1)) <= set(times.tolist())
    assert times.size <= 12 + 20 * np.log10(steps)


# Records


@pytest.fixture
def records():
    return [
        run("quadratic", "adam", "constant:alpha=0.1", 50),
        run("reddi-2018-stochastic", "amsgrad", "inverse-sqrt:alpha=0.5", 50, seeds=[3, 7]),
    ]


def test_records_survive_the_round_trip(records, tmp_path):
    file = tmp_path / "runs.npz"
    save_records(records, file)
    again = load_records(file)
    assert [r.checksum for r in again] == [r.checksum for r in records]
    for old, new in zip(records, again, strict=True):
        assert (new.experiment, new.ends) == (old.experiment, old.ends)
        assert new.series.keys() == old.series.keys()
        np.testing.assert_array_equal(new.times, old.times)
    assert [p.name for p in tmp_path.iterdir()] == ["runs.npz"]


def rewritten(file, change):
    """Write the archive again with one entry changed."""
    with np.load(file) as archive:
        entries = dict(archive)
    change(entries)
    np.savez(file, **entries)


def change_number(entries):
    entries["0/iterate"] = entries["0/iterate"] + 1e-15


def change_header(**changes):
    def change(entries):
        header = json.loads(str(entries["header"]))
        header["records"][0].update(changes)
        entries["header"] = np.array(json.dumps(header))

    return change


def change_experiment(**changes):
    def change(entries):
        header = json.loads(str(entries["header"]))
        header["records"][0]["experiment"].update(changes)
        entries["header"] = np.array(json.dumps(header))

    return change


@pytest.mark.parametrize(
    "change",
    [
        change_number,
        change_experiment(steps=51),
        change_experiment(optimizer="adam:beta1=0.5"),
        change_header(ends=[["diverged", 9]]),
        lambda entries: entries.pop("0/iterate"),
        lambda entries: entries.update({"header": np.array("[1]")}),
        lambda entries: entries.update({"header": np.array('{"format": "other"}')}),
        lambda entries: entries.pop("header"),
    ],
    ids=["number", "steps", "rule", "ends", "series", "list", "format", "header"],
)
def test_an_altered_file_is_refused(records, tmp_path, change):
    file = tmp_path / "runs.npz"
    save_records(records, file)
    rewritten(file, change)
    with pytest.raises(InputError) as refused:
        load_records(file)
    assert "runs.npz" in str(refused.value)


def flipped(data):
    """One bit of the numbers themselves turned over."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        place = archive.getinfo("0/iterate.npy")
    name, extra = struct.unpack_from("<HH", data, place.header_offset + 26)
    middle = place.header_offset + 30 + name + extra + place.compress_size // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


@pytest.mark.parametrize(
    "damage",
    [
        flipped,
        lambda data: data[: len(data) // 2],
        lambda data: b"",
        lambda data: b"hello\n",
        lambda data: b"PK\x03\x04",
    ],
    ids=["flipped", "truncated", "empty", "text", "magic"],
)
def test_a_damaged_file_or_none_of_records_is_refused(records, tmp_path, damage):
    file = tmp_path / "runs.npz"
    save_records(records, file)
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(InputError) as refused:
        load_records(file)
    assert "runs.npz" in str(refused.value)


def test_other_files_are_refused(tmp_path):
    np.save(tmp_path / "array.npy", np.zeros(3))
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("a.txt", "a")
    for name in ("array.npy", "other.zip", "nowhere.npz", ""):
        with pytest.raises(InputError):
            load_records(tmp_path / name)


def test_a_folder_that_cannot_be_written_is_refused(records, tmp_path):
    (tmp_path / "file").write_text("x", encoding="utf-8")
    for path in (tmp_path / "nowhere" / "a.npz", tmp_path / "file" / "a.npz", tmp_path):
        with pytest.raises(InputError, match="cannot write"):
            save_records(records, path)


def test_the_command_names_the_seeds_that_were_run(records):
    assert "3" in records[1].experiment.command.partition("--seeds")[2]
    assert "7" in records[1].experiment.command.partition("--seeds")[2]


def test_a_series_that_was_not_recorded_is_refused(records):
    with pytest.raises(InputError, match="no 'regret'"):
        records[0]["regret"]


# Schedules


def sizes(specification, problem="quadratic:L=4", horizon=5):
    schedule = schedules.find(specification)
    return schedule.step_sizes(np.arange(1, 6), find_problem(problem), horizon)


@pytest.mark.parametrize(
    ("specification", "values"),
    [
        ("constant:alpha=0.3", [0.3] * 5),
        ("inverse:alpha=2", [2, 1, 2 / 3, 0.5, 0.4]),
        ("inverse-sqrt:alpha=3", [3 / np.sqrt(t) for t in range(1, 6)]),
        ("polynomial:alpha=2,power=2", [2, 0.5, 2 / 9, 0.125, 0.08]),
        ("inverse-smoothness", [0.25] * 5),
        ("inverse-smoothness:h=0.5", [0.125] * 5),
        ("constant:alpha=1,warmup=4", [0.25, 0.5, 0.75, 1, 1]),
        ("inverse:alpha=1,warmup=2", [0.5, 0.5, 1 / 3, 0.25, 0.2]),
    ],
)
def test_a_schedule_gives_exactly_its_formula(specification, values):
    np.testing.assert_array_equal(sizes(specification), values)


def test_a_cosine_falls_from_alpha_in_the_first_round_to_the_floor_after_the_last():
    schedule = schedules.find("cosine:alpha=3,floor=1")
    values = schedule.step_sizes(np.array([1, 3, 5]), find_problem("quadratic"), 4)
    np.testing.assert_allclose(values, [3, 2, 1], rtol=1e-15)
    assert values[0] == 3.0
    assert values[2] == 1.0
    inside = schedule.step_sizes(np.arange(1, 5), find_problem("quadratic"), 4)
    assert (np.diff(inside) < 0).all()
    assert inside[-1] > 1


def test_a_cosine_knows_the_length_of_the_run():
    short = run("quadratic", "sgd", "cosine:alpha=0.5", 20, quantities=["step_size_sum"])
    t = np.arange(20)
    expected = (0.25 * (1 + np.cos(np.pi * t / 20))).sum()
    assert short["step_size_sum"][0, -1, 0] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("specification", "named"),
    [
        ("constant", "alpha"),
        ("constant:alpha=0", "alpha=0"),
        ("constant:alpha=-1", "alpha=-1"),
        ("constant:alpha=nan", "alpha=nan"),
        ("constant:alpha=inf", "alpha=inf"),
        ("constant:alpha=true", "alpha=True"),
        ("constant:alpha=fast", "fast"),
        ("constant:alpha=[1]", "[1]"),
        ("constant:alpha=1,warmup=-1", "warmup=-1"),
        ("polynomial:alpha=1,power=0", "power=0"),
        ("cosine:alpha=1,floor=-1", "floor=-1"),
        ("inverse-smoothness:h=0", "h=0"),
        ("constant:alfa=1", "did you mean alpha"),
    ],
)
def test_a_schedule_refuses_a_bad_parameter(specification, named):
    with pytest.raises(InputError) as refused:
        schedules.find(specification)
    assert named in str(refused.value)


def test_a_schedule_needs_the_constant_it_asks_for():
    with pytest.raises(InputError, match="states no L"):
        run("rosenbrock", "sgd", "inverse-smoothness", 5)
    with pytest.raises(InputError, match="L > 0"):
        run("reddi-2018-online", "sgd", "inverse-smoothness", 5)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"steps": 0}, "steps=0"),
        ({"steps": 2.5}, "steps=2.5"),
        ({"seeds": 0}, "seeds=0"),
        ({"seeds": []}, "empty"),
        ({"seeds": [1, 1]}, "repeats"),
        ({"seeds": [-1]}, "seed -1"),
        ({"seeds": [1.5]}, "1.5"),
        ({"times": []}, "times=[]"),
        ({"times": [11]}, "times=[11]"),
        ({"times": [0]}, "times=[0]"),
        ({"times": [1.5]}, "1.5"),
        ({"measures": ["regrt"]}, "did you mean regret"),
        ({"measures": ["stationarity_least"]}, "cannot be measured"),
        ({"quantities": ["loss_som"]}, "did you mean loss_sum"),
        ({"projection": "metric"}, "metric"),
        ({"projection": "oblique"}, "oblique"),
        ({"engine": "number"}, "engine='number'"),
        ({"engine": "steam"}, "steam"),
    ],
)
def test_a_run_refuses_a_bad_option_and_names_it(options, named):
    options = {"steps": 10, "seeds": 2, **options}
    with pytest.raises(InputError) as refused:
        run("reddi-2018-stochastic", "sgd", "constant:alpha=1", **options)
    assert named in str(refused.value)
    assert "\n" not in str(refused.value)


def test_parts_may_be_given_built_or_as_text():
    built = run(
        find_problem("pl-sine"),
        convergence.find_rule("adam"),
        convergence.find_schedule("constant:alpha=0.1"),
        20,
    )
    assert built.checksum == run("pl-sine", "adam", "constant:alpha=0.1", 20).checksum


def test_weighted_sums_of_iterates_are_those_of_the_trajectory():
    names = ["iterate_sum", "iterate_sum_by_round", "iterate_sum_by_step_size", "step_size_sum"]
    record = run(
        "quadratic", "sgd", "inverse-sqrt:alpha=0.5", 20, times=range(1, 21), quantities=names
    )
    start = record.experiment.problem.start[None]
    x = np.concatenate([start, record["iterate"][0, :-1]])
    t = np.arange(1.0, 21)[:, None]
    eta = 0.5 / np.sqrt(t)

    for name, terms in zip(names, (x, t * x, eta * x, eta), strict=True):
        np.testing.assert_allclose(record[name][0], np.cumsum(terms, axis=0), rtol=1e-14)

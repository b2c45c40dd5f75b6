"""True claims about chance, judged a thousand times with other seeds: none is called violated.

All lanes are run at once and handed out in groups, so that a thousand judgements cost one run. The
instances are those where a claim is attained: a false alarm is nowhere more likely.
"""

from dataclasses import replace

import pytest

from convergence.claims import catalogue, judge
from convergence.experiment import Experiment
from convergence.judges import mean
from convergence.judges.stream import Stream
from convergence.rules import find as find_rule
from convergence.schedule import find as find_schedule
from convergence.simulation import run
from problems import find as find_problem

GROUPS = 1_000
# Lanes that a group may use: its first look, and two doublings.
LOOKS = 4


class PoolIsEmptyError(Exception):
    """A group asks for more lanes than it was given."""


def lanes_of(record, lanes):
    """A record of some lanes, as a run with their seeds alone would have left it."""
    return replace(
        record,
        experiment=record.experiment.changed(seeds=record.experiment.seeds[lanes]),
        ends=record.ends[lanes],
        series={name: values[lanes] for name, values in record.series.items()},
    )


def words(claim, record, seeds, monkeypatch):
    """How often each verdict is given, over groups of the lanes of a record."""

    def more(stream, wanted, times=None):
        block = stream.seeds[0] // (LOOKS * seeds)
        if len(wanted) > LOOKS * seeds:
            raise PoolIsEmptyError
        assert list(wanted) == list(range(wanted[0], wanted[0] + len(wanted)))
        assert wanted[0] == block * LOOKS * seeds
        lanes = lanes_of(record, slice(wanted[0], wanted[0] + len(wanted)))
        return Stream(stream.claim, stream.experiment, lanes)

    monkeypatch.setattr(Stream, "again", more)
    # By limits over seeds: a computed expectation gives no alarm at all.
    for computed in ("_by_moments", "_by_enumeration"):
        monkeypatch.setattr(mean, computed, lambda stream, common: None)
    found = {}
    for first in range(0, len(record.experiment.seeds), LOOKS * seeds):
        try:
            word = judge(claim, lanes_of(record, slice(first, first + seeds))).word
        except PoolIsEmptyError:
            word = "inconclusive"
        found[word] = found.get(word, 0) + 1
    return found


def pooled(claim, problem, rule, schedule, steps, seeds):
    experiment = Experiment(find_problem(problem), find_rule(rule), find_schedule(schedule), steps)
    assert claim.fails(experiment) == ""
    return run(
        problem,
        rule,
        schedule,
        steps,
        seeds=GROUPS * LOOKS * seeds,
        measures=[claim.measure],
        quantities=claim.quantities(experiment),
    )


NOISE = "noisy-quadratic:kappa=1,dimension=4"
COIN = "multiplicative-noise:tau={},kappa=1,dimension=1"
MOMENTS = "reddi-2018-thm3:delta=1.4,C=1.5"
INSTANCES = [
    ("sgd-mean-square", NOISE, "sgd", "inverse-smoothness:h=0.5", 8, 8),
    ("noisy-quadratic-mean-square", NOISE, "sgd", "inverse-smoothness:h=0.5", 8, 8),
    ("noisy-quadratic-harmonic-most", NOISE, "sgd", "inverse-strong-convexity", 12, 8),
    ("noisy-quadratic-harmonic-least", NOISE, "sgd", "inverse-strong-convexity", 12, 8),
    ("bottou-2018-thm46", NOISE, "sgd", "inverse-smoothness", 8, 8),
    ("ghadimi-lan-2013", NOISE, "sgd", "inverse-smoothness", 20, 8),
    ("vaswani-2019-sgc-pl", COIN.format(0.1), "sgd", "inverse-smoothness:h=0.1", 8, 20),
    ("vaswani-2019-sgc-pl", COIN.format(1), "sgd", "inverse-smoothness:h=0.2", 4, 40),
    ("interpolation-sc-sgd", COIN.format(1), "sgd", "constant:alpha=0.01", 8, 40),
    ("lacoste-julien-2012", "parabola-on-interval:noise=0.1", "sgd",
     "inverse-strong-convexity:c=2,offset=1", 8, 8),
    ("sgd-convex-avg", "single-feature-hinge:dimension=1", "sgd", "constant:alpha=0.1", 40, 8),
    ("ogd-lower-bound", "random-signs", "sgd", "inverse-sqrt:alpha=2", 8, 20),
    ("adam-first-moment-least", MOMENTS, "adam", "constant:alpha=0.01", 20, 8),
    ("adam-second-moment-least", MOMENTS, "adam", "constant:alpha=0.01", 20, 8),
    ("reddi-2018-thm3", "reddi-2018-thm3", "adam:beta1=0.5,beta2=0.5,eps=0",
     "constant:alpha=2e-4", 100, 8),
]  # fmt: skip
# Figures of two values, of which one is rare: while it has not come, all lanes agree, the deviation
# is 0 and Student's limits are where the mean is.
RARE = [
    ("ogd-lower-bound", "random-signs", "sgd", "inverse-sqrt:alpha=2", 8, 8),
    ("adam-first-moment-most", MOMENTS, "adam", "constant:alpha=0.01", 20, 8),
    ("adam-second-moment-most", MOMENTS, "adam", "constant:alpha=0.01", 20, 8),
]


@pytest.mark.thorough
@pytest.mark.parametrize("instance", [*INSTANCES, *RARE], ids=lambda i: f"{i[0]}-{i[1]}")
def test_a_true_claim_is_not_violated_in_a_thousand_judgements(instance, monkeypatch):
    key, *where = instance
    claim = catalogue[key]()
    record = pooled(claim, *where)
    found = words(claim, record, where[-1], monkeypatch)
    assert sum(found.values()) == GROUPS
    assert "violated" not in found
    assert "not applicable" not in found


def test_a_slice_of_a_record_is_the_run_of_its_seeds():
    claim = catalogue["sgd-mean-square"]()
    where = (NOISE, "sgd", "inverse-smoothness:h=0.5", 8)
    experiment = Experiment(find_problem(NOISE), find_rule("sgd"), find_schedule(where[2]), 8)
    needed = {"measures": [claim.measure], "quantities": claim.quantities(experiment)}
    whole = run(*where, seeds=40, **needed)
    alone = run(*where, seeds=range(10, 20), **needed)
    assert lanes_of(whole, slice(10, 20)).checksum == alone.checksum


@pytest.mark.thorough
def test_a_claim_that_is_false_by_a_third_is_violated_in_most_of_a_thousand_judgements(
    monkeypatch,
):
    """The count is no proof that the judge never alarms: it does where it should."""
    claim = catalogue["sgd-mean-square"]()
    entry = replace(
        claim.entry,
        function=lambda T, **letters: catalogue["sgd-mean-square"].function(T, **letters) / 1.5,
    )

    class Smaller(type(claim)):
        @property
        def letters(self):
            return claim.letters

    smaller = Smaller(**{**vars(claim), "entry": entry})
    where = ("noisy-quadratic:kappa=1,dimension=40", "sgd", "inverse-smoothness:h=0.5", 8, 40)
    found = words(smaller, pooled(smaller, *where), 40, monkeypatch)
    assert found.get("violated", 0) > 0.9 * GROUPS

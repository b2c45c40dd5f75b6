"""What an optimizer is: rules that are one method are found, run alike, and are judged alike."""

import numpy as np
import pytest

from convergence import capability
from convergence.capability import shared_state, views
from convergence.claims import catalogue, judge
from convergence.experiment import Experiment
from convergence.rule import rule as registered
from convergence.rules import catalogue as rules
from convergence.rules import find
from convergence.schedule import find as find_schedule
from convergence.simulation import Simulation, run
from problems import find as find_problem

STEP, LINE = {"constant_step": True}, {"one_coordinate": True}
# Each line is one method: that which a theorem names first, then others that are it.
SAME = [
    ({}, "sgd", "heavy-ball:beta1=0", "heavy-ball:beta1=0,velocity=average", "nesterov:beta1=0",
     "nesterov:beta1=0,iterate=look-ahead", "heavy-ball:beta1=0,velocity=step-size-inside",
     "unified-momentum:beta1=0", "unified-momentum:beta1=0,look_ahead=0"),
    ({}, "sgd:weight_decay=0.1", "heavy-ball:beta1=0,weight_decay=0.1",
     "nesterov:beta1=0,weight_decay=0.1"),
    ({}, "heavy-ball:beta1=0", "sgd", "nesterov:beta1=0", "unified-momentum:beta1=0"),
    ({}, "heavy-ball:velocity=average", "heavy-ball:dampening=0.9"),
    ({}, "unified-momentum:look_ahead=0", "heavy-ball:velocity=step-size-inside"),
    ({}, "unified-momentum:beta1=0,look_ahead=0", "unified-momentum:beta1=0", "sgd"),
    (STEP, "heavy-ball", "heavy-ball:velocity=step-size-inside", "unified-momentum:look_ahead=0"),
    (STEP, "unified-momentum:look_ahead=0", "heavy-ball"),
    ({}, "adam", "adamw:weight_decay=0", "adamw:weight_decay=0,decay=coupled"),
    ({}, "adam:weight_decay=0.1", "adamw:weight_decay=0.1,decay=coupled"),
    ({}, "adam:beta1=0,bias_correction=none", "rmsprop:beta2=0.999",
     "adam:beta1=0,bias_correction=first,beta1_decay=0.5"),
    ({}, "rmsprop", "adam:beta1=0,beta2=0.9,bias_correction=none"),
    ({}, "adam:beta1=0", "adam:beta1=0,bias_correction=second", "nadam:beta1=0",
     "nadam:beta1=0,momentum=constant"),
    ({}, "amsgrad", "adamx", "amsgrad:maximum_of=corrected"),
    ({}, "adamx", "amsgrad"),
    ({}, "amsgrad:beta1=0", "adamx:beta1=0,beta1_decay=0.5"),
    ({}, "adagrad:eps=0", "adagrad:eps=0,eps_position=inside"),
    ({}, "signum:beta1=0.8,decay=decoupled", "signum:beta1=0.8", "lion:beta1=0.8,beta2=0.8"),
    ({}, "sign-descent:weight_decay=0.1,decay=decoupled", "lion:beta1=0,weight_decay=0.1"),
    ({}, "sign-descent", "signum:beta1=0", "adam:beta1=0,beta2=0,eps=0", "lion:beta1=0"),
    (LINE, "adagrad:eps=0", "adagrad-norm"),
    (LINE, "adagrad-norm:initial=2", "adagrad:eps=0,initial=2"),
    (LINE, "adam", "adam-mini"),
]  # fmt: skip
# No two on a line are one method.
APART = [
    ({}, "sgd", "sgd:weight_decay=0.1", "sgd:maximize=true", "heavy-ball:beta1=1e-9",
     "heavy-ball:beta1=0,dampening=0.5", "sign-descent", "primal-averaging", "muon:beta1=0"),
    ({}, "heavy-ball", "heavy-ball:velocity=average", "heavy-ball:velocity=step-size-inside",
     "nesterov", "unified-momentum", "nesterov:iterate=look-ahead"),
    (STEP, "heavy-ball", "heavy-ball:velocity=average", "nesterov", "unified-momentum"),
    ({}, "adam", "adam:eps=1e-9", "adam:eps_position=inside", "adamw", "amsgrad", "nadam",
     "adam:bias_correction=none", "adam:beta1_decay=0.5", "adamax"),
    ({}, "adam:beta1=0", "rmsprop:beta2=0.999"),
    ({}, "rmsprop", "rmsprop:centered=true", "rmsprop:eps=0"),
    ({}, "adamx:beta1_decay=0.5", "amsgrad:beta1_decay=0.5"),
    ({}, "adagrad:eps=0", "adagrad:eps=0,initial=1", "adagrad-norm", "adamnc:beta1=0"),
    ({}, "adam-mini", "adam"),
    ({}, "lion", "signum", "lion:beta1=0"),
]  # fmt: skip


@pytest.mark.parametrize(("options", "method"), [(o, m) for o, *m in SAME], ids=str)
def test_rules_that_are_one_method_are_found(options, method):
    named = find(method[0]).specification
    for rule in method:
        assert named in {view.specification for view in views(find(rule), **options)}


@pytest.mark.parametrize(("options", "apart"), [(o, m) for o, *m in APART], ids=str)
def test_rules_that_differ_are_not_taken_for_each_other(options, apart):
    for rule in apart:
        found = {view.specification for view in views(find(rule), **options)}
        assert found & {find(other).specification for other in apart} == {find(rule).specification}


def iterates(rule, problem, schedule, rounds=30):
    simulation = Simulation(
        Experiment(find_problem(problem), rule, find_schedule(schedule), rounds), seeds=[3]
    )
    blocks = list(simulation.every_round(rounds))
    points = np.concatenate([observed.iterate[0] for _, observed in blocks])
    state = {
        name: np.concatenate([observed.state[name][0] for _, observed in blocks])
        for name in blocks[0][1].state
    }
    return points, state


POOL = [rule for _, *method in SAME for rule in method]
POOL += [entry.key for entry in rules]


@pytest.mark.parametrize("rule", sorted(set(POOL)))
def test_views_make_the_same_iterates_and_keep_the_same_state(rule):
    """By runs, of which the formulas know nothing."""
    settings = [
        ({}, "noisy-quadratic:dimension=3", "inverse-sqrt:alpha=0.1"),
        (STEP, "noisy-quadratic:dimension=3", "constant:alpha=0.1"),
        (LINE, "noisy-quadratic:kappa=1,dimension=1,start=2", "inverse-sqrt:alpha=0.1"),
    ]
    own = find(rule)
    for options, problem, schedule in settings:
        if "loss" in own.uses:
            # Its rounds must show the objective.
            problem = problem.removeprefix("noisy-").replace("start=2", "L=1")
        points, state = iterates(own, problem, schedule)
        # Settings without a part make no difference to the formulas.
        distinct = {(v.traced, *v.letters.items()): v for v in views(own, **options)}
        for view in distinct.values():
            others, kept = iterates(view, problem, schedule)
            np.testing.assert_allclose(others, points, rtol=1e-9, atol=1e-12, err_msg=str(view))
            shared = shared_state(own, view, one_coordinate=options == LINE)
            for name in shared & set(state) & set(kept):
                np.testing.assert_allclose(kept[name], state[name], rtol=1e-9, atol=1e-12)


def test_state_of_the_same_name_is_not_always_the_same():
    inside, summed = "heavy-ball:velocity=step-size-inside", "heavy-ball"
    assert shared_state(find(inside), find(summed)) == set()
    assert shared_state(find("adamx"), find("amsgrad")) == {"m", "v", "vhat"}
    # RMSprop's run has no first moment.
    shown = shared_state(find("rmsprop:beta2=0.999"), find("adam:beta1=0,bias_correction=none"))
    assert shown == {"v"}


def test_metrics_are_compared_where_they_project():
    assert len(views(find("adam"), by_metric=True)) == len(views(find("adam")))
    # Signs need no metric; Adam without moments has one.
    signs, adam = find("sign-descent"), "adam:beta1=0,beta2=0,eps=0"
    assert adam in {view.specification for view in views(signs)}
    assert adam not in {view.specification for view in views(signs, by_metric=True)}


def test_a_rule_of_ones_own_is_known_by_its_formula():
    with rules.collecting():

        @registered(source="cauchy1847")
        def twice_halved(g):
            """Gradient descent, written in a roundabout way."""
            return (2 * (0.5 * g),)

    assert "gradient-descent" in {view.specification for view in views(twice_halved())}


# Claims see a run as one of a rule that they speak of


SEEN = [
    ("gd-strongly-convex", "quadratic", "heavy-ball:beta1=0", "constant:alpha=1.9"),
    ("gd-strongly-convex", "quadratic", "nesterov:beta1=0", "constant:alpha=1.9"),
    ("gd-strongly-convex", "quadratic", "unified-momentum:beta1=0", "constant:alpha=1.9"),
    ("ghadimi-2015-hb-convex", "quadratic", "sgd", "constant:alpha=1"),
    ("ghadimi-2015-hb-convex", "quadratic", "unified-momentum:look_ahead=0", "constant:alpha=0.1"),
    ("yan-2018-heavy-ball", "star-convex-valley:start=1",
     "heavy-ball:beta1=0.5,velocity=step-size-inside", "constant:alpha=0.05"),
    ("yan-2018-heavy-ball", "star-convex-valley:start=1", "heavy-ball:beta1=0.5",
     "constant:alpha=0.05"),
    ("sgdm-nonconvex-derived", "pl-sine", "heavy-ball:dampening=0.9", "constant:alpha=0.001"),
    ("zinkevich-2003-thm1", "reddi-2018-thm1", "nesterov:beta1=0", "inverse-sqrt:alpha=1"),
    ("alacaoglu-2020-thm1", "reddi-2018-thm1", "adamx:beta1=0.5,beta2=0.5",
     "inverse-sqrt:alpha=1"),
    ("tran-phong-2019-thm51", "reddi-2018-thm1", "amsgrad:beta1=0.3,beta2=0.5",
     "inverse-sqrt:alpha=1"),
    ("duchi-2011-adagrad-diag", "reddi-2018-thm1", "adagrad-norm", "constant:alpha=1"),
    ("adagrad-norm-regret", "reddi-2018-thm1", "adagrad:eps=0", "constant:alpha=1"),
    ("reddi-2018-thm1", "reddi-2018-thm1", "rmsprop:beta2=1/10,eps=0", "inverse-sqrt:alpha=0.5"),
    ("adam-step-sup", "himmelblau", "adamw:weight_decay=0", "constant:alpha=0.01"),
    ("adam-step-sup", "himmelblau", "nadam:beta1=0", "constant:alpha=0.01"),
    ("adam-first-step", "himmelblau", "nadam:beta1=0,eps=0", "constant:alpha=0.01"),
    ("wilson-2017-lemma31", "wilson-2017", "adamx", "constant:alpha=0.01"),
    ("bernstein-2018-thm1-exact", "pl-sine", "lion:beta1=0", "constant:alpha=0.01"),
]  # fmt: skip


@pytest.mark.parametrize(("claim", "problem", "rule", "schedule"), SEEN)
def test_a_claim_speaks_of_a_method_by_whatever_name(claim, problem, rule, schedule):
    record = run(problem, rule, schedule, 60, measures=[])
    verdict = judge(claim, record)
    assert verdict.word in ("holds", "holds, not sensitive", "vacuous"), verdict.reason
    assert verdict.experiment.names.optimizer == record.experiment.optimizer.specification
    # Without another view the claim would not speak of it.
    experiment = record.experiment.changed(steps=60)
    found = catalogue[claim]()
    seen, reason = found.applies(experiment)
    assert reason == ""
    assert seen.rule.specification != record.experiment.optimizer.specification
    assert seen.runner is record.experiment.optimizer
    alone = experiment.changed(optimizer=record.experiment.optimizer)
    assert any(a.fails(alone) for a in found.assumptions if a.of == "method")


def test_the_bound_of_a_view_is_that_of_the_rule_it_is_seen_as():
    adamx = run(
        "reddi-2018-thm1", "adamx:beta1=0.5,beta2=0.5", "inverse-sqrt:alpha=1", 60, measures=[]
    )
    amsgrad = run(
        "reddi-2018-thm1", "amsgrad:beta1=0.5,beta2=0.5", "inverse-sqrt:alpha=1", 60, measures=[]
    )
    one, two = (judge("alacaoglu-2020-thm1", record) for record in (adamx, amsgrad))
    assert (one.bound, one.measured, one.closest) == (two.bound, two.measured, two.closest)


def test_state_that_a_view_lacks_makes_a_claim_not_applicable():
    """RMSprop steps like Adam without momentum, and its run has no first moment to measure."""
    slopes = "reddi-2018-thm3:delta=1.4,C=1.5"
    record = run(slopes, "rmsprop:beta2=0.999", "constant:alpha=0.01", 9, seeds=4, measures=[])
    verdict = judge("adam-first-moment-most", record)
    assert verdict.word == "not applicable"
    seen = next(s for s in record.experiment.changed(steps=9).views() if s.rule.key == "adam")
    assert "v" in seen.state
    assert "m" not in seen.state


def test_the_own_rule_comes_first_and_its_settings_decide():
    assert views(find("sgd"))[0].key == "gradient-descent"
    record = run("quadratic", "heavy-ball:beta1=0", "constant:alpha=0.5", 9, measures=[])
    experiment = record.experiment.changed(steps=9)
    seen, _ = catalogue["ghadimi-2015-hb-convex"]().applies(experiment)
    assert seen is experiment


def test_formulas_that_are_equal_become_one():
    form = capability._form(find("heavy-ball:beta1=0,dampening=0.5"))
    assert str(form.outputs["direction"].operation) == "*"
    assert capability._form(find("sgd")).outputs["direction"].operation == "input"


def test_state_that_begins_otherwise_is_another_method():
    one, other = (capability._form(find(f"adagrad:eps=0,initial={first}")) for first in ("1", "2"))
    assert one.outputs["direction"] is other.outputs["direction"]
    assert not one.equals(other, by_metric=False)

"""Tables of cases: what is read, and what is refused when it is written."""

import pytest

import convergence.claim as claim_module
from convergence.case import Case, table
from convergence.claim import catalogue, find
from convergence.experiment import Experiment
from problems.notation import InputError

TABLE = """
    # Where it holds.
    holds
        random-signs  sgd  constant:alpha=0.1  1_000  seeds=20  # a remark
        reddi-2018-thm1:C=5  adam:beta1=0  inverse-sqrt:alpha=1  7
    holds, not sensitive
        quadratic  sgd  inverse-smoothness  3
    not applicable
        periodic-linear:slopes=[3,-1,-1]  sgd  constant:alpha=1  9  first_violation=3  delta=0.5
"""


def test_a_table_is_read_row_by_row():
    first, second, third, fourth = table(TABLE)
    assert first == Case(
        Experiment("random-signs", "sgd", "constant:alpha=0.1", 1000, seeds=20), "holds"
    )
    assert second.expected == "holds"
    assert third.expected == "holds, not sensitive"
    assert (fourth.expected, fourth.first_violation) == ("not applicable", 3)
    assert fourth.options == {"delta": 0.5}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("quadratic sgd constant:alpha=1 9", "stands under no verdict"),
        ("hold\n quadratic sgd constant:alpha=1 9", "'hold' of a table of cases is neither"),
        ("holds\n quadratic sgd constant:alpha=1", "nor a row"),
        ("holds\n quadratic sgd constant:alpha=1 nine", "'nine' in .* must be a whole number"),
        ("holds\n quadratic sgd constant:alpha=1 0", "steps=0 must be a whole number"),
        ("holds\n quadratic sgd constant:alpha=1 9 seeds=-1", "seeds=-1 must lie in"),
        ("holds\n quadratic sgd constant:alpha=1 9 twice", "'twice' in the row"),
        ("holds\n quadratic sdg constant:alpha=1 9", "no rule 'sdg'"),
        ("holds\n quadratc sgd constant:alpha=1 9", "no problem 'quadratc'"),
        ("holds\n quadratic sgd constnt:alpha=1 9", "no schedule 'constnt'"),
        ("holds\n quadratic:kapa=3 sgd constant:alpha=1 9", "has no parameter 'kapa'"),
    ],
)
def test_what_is_no_table_is_refused_in_a_sentence(text, sentence):
    with pytest.raises(InputError, match=sentence):
        table(text)


def test_a_case_is_refused_when_it_is_written():
    with pytest.raises(InputError, match="expects 'hold'"):
        Case(Experiment("quadratic", "sgd", "constant:alpha=1", 9), "hold")


def registered(**facts):
    def corrected(T):
        """A bound made for a test."""
        return T

    given = {"source": "reddi2018", "measure": "regret", "assumes": [], "cases": ""}
    return claim_module.claim(**{**given, **facts})(corrected)


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ({"measure": "regrets"}, "no measure"),
        ({"kind": "always"}, "of kind 'always'"),
        ({"assumes": ["convex"]}, "no Assumption"),
        ({"cases": "holds\n quadratic sgd constant:alpha=1 9 delta=1"}, "no option of it"),
        ({"cases": []}, "must be a table"),
    ],
)
def test_after_a_mistake_the_corrected_claim_is_registered(facts, sentence):
    with pytest.raises(InputError, match=sentence):
        registered(**facts)
    assert "corrected" not in catalogue
    assert registered().key == "corrected"
    catalogue._entries.pop("corrected")


def test_a_rule_with_a_mistake_leaves_nothing_behind():
    from convergence.rule import catalogue as rules
    from convergence.rule import rule

    def mistaken(g, t, *, beta1=0.5):
        """A rule made for a test."""
        return (g,)

    with pytest.raises(InputError, match="that name is taken"):
        rule(source="reddi2018", t=0)(mistaken)
    assert "mistaken" not in rules


def test_find_needs_no_other_import():
    import subprocess
    import sys

    code = "from convergence.claim import find; print(find('karimi-2016-pl').key)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "karimi-2016-pl\n"
    assert find("karimi-2016-pl").measure == "suboptimality"

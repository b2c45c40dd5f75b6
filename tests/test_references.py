"""The bibliography: each paper once, and each citation in it."""

from importlib.resources import files
from pathlib import Path

import pytest

from convergence import claims, rules
from convergence import schedule as schedules
from problems import catalogue
from problems.notation import InputError
from problems.references import reference, references

ENTRIES = [*catalogue, *rules.catalogue, *schedules.catalogue, *claims.catalogue]
BIBLIOGRAPHY = files("problems").joinpath("references.bib").read_text(encoding="utf-8")


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: f"{entry.kind}-{entry.key}")
def test_every_citation_has_its_entry(entry):
    assert entry.citation_keys
    for key in entry.citation_keys:
        assert reference(key).key == key


def test_every_entry_of_the_file_is_read():
    entries = [line for line in BIBLIOGRAPHY.splitlines() if line.startswith("@")]
    assert len(references()) == len(entries)
    assert len(references()) == BIBLIOGRAPHY.count("@")


@pytest.mark.parametrize("key", references())
def test_every_entry_can_be_printed(key):
    found = reference(key)
    assert found.fields["year"].isdigit()
    assert found.fields["title"] in found.apa
    assert found.fields["year"] in found.short
    assert not set("{}\\") & set(found.apa)
    for field in ("author", "title", "year"):
        assert f"{field} " in found.bibtex or f"{field}=" in found.bibtex


def test_every_field_line_of_an_entry_is_read():
    for found in references().values():
        written = [line for line in found.bibtex.splitlines()[1:] if "=" in line]
        assert len(written) == len(found.fields), found.key


def test_an_unknown_key_is_answered_with_the_nearest():
    with pytest.raises(InputError, match="did you mean reddi2018"):
        reference("redi2018")


def test_the_short_form_names_up_to_two_authors():
    assert reference("cauchy1847").short == "Cauchy 1847"
    assert reference("kingma2015").short == "Kingma & Ba 2015"
    assert reference("reddi2018").short == "Reddi et al. 2018"


@pytest.mark.parametrize(
    ("key", "text"),
    [
        (
            "reddi2018",
            "Reddi, S. J., Kale, S., & Kumar, S. (2018). On the Convergence of Adam and Beyond. "
            "6th International Conference on Learning Representations. arXiv:1904.09237",
        ),
        (
            "more1981",
            "Moré, J. J., Garbow, B. S., & Hillstrom, K. E. (1981). Testing Unconstrained "
            "Optimization Software. ACM Transactions on Mathematical Software, 7(1), 17-41. "
            "https://doi.org/10.1145/355934.355936",
        ),
    ],
)
def test_the_apa_form_is_exact(key, text):
    assert reference(key).apa == text


def test_every_paper_of_the_bibliography_is_cited():
    home = Path(__file__).parent.parent
    sources = "\n".join(
        path.read_text(encoding="utf-8")
        for floor in ("problems", "convergence", "reports")
        for path in (home / floor).rglob("*.py")
    )

    assert [key for key in references() if key not in sources] == []

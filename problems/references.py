"""Each paper once: references.bib, read by key."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

from problems.notation import InputError, nearest

__all__ = ["Reference", "reference", "references"]


@dataclass(frozen=True)
class Reference:
    """One entry of the bibliography.

    Attributes:
        key: The citation key.
        kind: The BibTeX entry type.
        fields: Author, title, year and the rest, braces removed.
        bibtex: The entry as it stands in the file.
    """

    key: str
    kind: str
    fields: Mapping[str, str]
    bibtex: str

    @property
    def authors(self) -> list[tuple[str, str]]:
        """Pairs (family name, given names)."""
        pairs = []
        for author in self.fields["author"].split(" and "):
            family, _, given = author.partition(",")
            pairs.append((family.strip(), given.strip()))
        return pairs

    @property
    def short(self) -> str:
        """Author and year, as in running text: "Reddi et al. 2018"."""
        families = [family for family, _ in self.authors]
        if len(families) > 2:
            return f"{families[0]} et al. {self.fields['year']}"
        return f"{' & '.join(families)} {self.fields['year']}"

    @property
    def apa(self) -> str:
        """The reference in APA style, as plain text."""
        names = []
        for family, given in self.authors:
            initials = " ".join(f"{part[0]}." for part in re.split(r"[\s-]+", given) if part)
            names.append(f"{family}, {initials}" if initials else family)
        listed = names[0] if len(names) == 1 else ", ".join(names[:-1]) + ", & " + names[-1]
        place = next(
            (
                self.fields[name]
                for name in ("journal", "booktitle", "publisher", "school")
                if name in self.fields
            ),
            "",
        )
        if volume := self.fields.get("volume"):
            number = self.fields.get("number")
            place += f", {volume}" + (f"({number})" if number else "")
        if pages := self.fields.get("pages"):
            place += f", {pages.replace('--', '-')}"
        text = f"{listed} ({self.fields['year']}). {self.fields['title']}."
        text += f" {place}." if place else ""
        if doi := self.fields.get("doi"):
            return f"{text} https://doi.org/{doi}"
        if eprint := self.fields.get("eprint"):
            return f"{text} arXiv:{eprint}"
        return text


_ENTRY = re.compile(r"@(\w+)\{([^,\s]+),\s*\n(.*?)\n\}", re.DOTALL)
_FIELD = re.compile(r"^\s*(\w+)\s*=\s*\{(.*)\},?\s*$", re.MULTILINE)
# The file keeps the accents of names as Unicode, so only protective braces need removing.
_BRACES = str.maketrans("", "", "{}")


@functools.cache
def references() -> Mapping[str, Reference]:
    """The whole bibliography, by key."""
    text = files("problems").joinpath("references.bib").read_text(encoding="utf-8")
    found = {}
    for entry in _ENTRY.finditer(text):
        kind, key, body = entry.groups()
        fields = {name.lower(): value.translate(_BRACES) for name, value in _FIELD.findall(body)}
        found[key] = Reference(key, kind, fields, entry.group(0))
    return found


def reference(key: str) -> Reference:
    """The paper of a citation key.

    Raises:
        InputError: The bibliography has no such key.
    """
    known = references()
    if key not in known:
        raise InputError(f"there is no reference {key!r}; {nearest(key, known)}")
    return known[key]

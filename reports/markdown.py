"""Pages in Markdown: tables, and words in which nothing is marked up."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

__all__ = ["escaped", "table"]


def escaped(text: str) -> str:
    """Words in which Markdown finds nothing to mark up."""
    return re.sub(r"([\\`*_|<\[\]~$])", r"\\\1", text)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """The lines of a table, and an empty one."""
    yield f"| {' | '.join(head)} |"
    yield "|" + " --- |" * len(head)
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""

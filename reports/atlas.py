"""The tightness atlas: claims by problems, and how far each bound lies from what was measured."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from convergence.case import Word
from convergence.claims import find as find_claim
from convergence.experiment import Names
from convergence.verification import Outcome
from reports import theme
from reports.gallery import families
from reports.theme import MARGIN, PAGE, STYLES

__all__ = ["COLUMNS", "TIGHT", "Cell", "cells", "pages", "rows"]

#: From this measured / bound on a cell counts as tight.
TIGHT = 0.99
#: Of the data behind the atlas.
COLUMNS = ("claim", *Names._fields, "steps", "verdict", "ratio")

#: What is seen of several cases of one cell: the first of these that occurs.
_PRECEDENCE: tuple[Word, ...] = (
    "violated",
    "disagrees",
    "inconclusive",
    "unclear",
    "holds",
    "holds, not sensitive",
    "agrees",
    "vacuous",
)
#: Tags by which claims are grouped, in the order of the pages; others follow as they come.
_GROUPS = ("regret", "suboptimality", "distance", "stationarity")
# Rows and columns of a page at most: more would be too small to read.
_ROWS, _PROBLEMS = 26, 48
# In cells: two tables of this height stand on one page.
_LOW = 9.0

_MAP = colormaps["cividis"]
_LOOSE = 3.0
_BROKEN = STYLES[0].colour
_EMPTY = "#f3f3f3"
_UNKNOWN = "#c9c9c9"

# In inches: the largest cell, the height of the title and of the families' names.
_WIDEST, _TALLEST = 0.27, 0.2
_TITLE, _FAMILIES = 1.22, 0.62
# Points of a label, and the mean width of a character in them.
_LABEL = 6.6
_CHARACTER = 0.56 * _LABEL / 72
# In cells: between families of problems, and the heading of a group of claims.
_GAP, _HEADING = 0.4, 1.3


@dataclass(frozen=True)
class Cell:
    """What the cases of a claim on a problem came to.

    Attributes:
        word: The verdict: of several the first of `_PRECEDENCE`.
        ratio: The largest measured / bound (bound / measured for a lower bound), or None.
    """

    word: Word
    ratio: float | None

    @property
    def distance(self) -> float | None:
        """How many powers of ten the bound lies above what was measured, from 0."""
        if self.ratio is None:
            return None
        return max(0.0, -math.log10(self.ratio)) if self.ratio > 0 else math.inf

    @property
    def tight(self) -> bool:
        """Whether the bound is attained but for one per cent, and not broken."""
        held = self.word in ("holds", "holds, not sensitive")
        return held and self.ratio is not None and self.ratio >= TIGHT

    @property
    def mark(self) -> str:
        """The sign printed on the cell."""
        signs = {"violated": "×", "vacuous": "v", "inconclusive": "?"}
        return "●" if self.tight else signs.get(self.word, "")


@dataclass(frozen=True)
class _Sheet:
    """A table: claims by group, problems by family."""

    claims: Mapping[str, Sequence[str]]
    problems: Mapping[str, Sequence[str]]

    @property
    def rows(self) -> list[str]:
        """The claims."""
        return [claim for members in self.claims.values() for claim in members]

    @property
    def columns(self) -> list[str]:
        """The problems."""
        return [key for members in self.problems.values() for key in members]

    @property
    def across(self) -> float:
        """The width in cells."""
        return len(self.columns) + _GAP * (len(self.problems) - 1)

    @property
    def down(self) -> float:
        """The height in cells."""
        return len(self.rows) + _HEADING * len(self.claims)

    @property
    def left(self) -> float:
        """Where the cells begin, in inches."""
        return MARGIN + _CHARACTER * max(map(len, self.rows)) + 0.1

    @property
    def width(self) -> float:
        """Of the cells, in inches."""
        # The name of the last family may lean over the right edge.
        return min(PAGE[0] - self.left - MARGIN - 0.45, _WIDEST * self.across)

    def leans(self, family: str) -> bool:
        """Whether the name of a family is too long to stand level above its problems."""
        room = len(self.problems[family]) * self.width / self.across
        return _CHARACTER * len(family) > room

    @property
    def above(self) -> float:
        """The height in inches of the families' names."""
        return _FAMILIES if any(map(self.leans, self.problems)) else 0.1

    @property
    def around(self) -> float:
        """The height in inches of what stands above and below the cells."""
        return self.above + _CHARACTER * max(map(len, self.columns)) + 0.12


def _problem(outcome: Outcome) -> str:
    return outcome.verdict.experiment.names.problem.partition(":")[0]


def cells(outcomes: Iterable[Outcome]) -> dict[tuple[str, str], Cell]:
    """The cells of the atlas, by claim and key of the problem.

    Args:
        outcomes: Of `verify`. Those that are not applicable have no cell.

    Returns:
        One cell for each claim with its options and each problem with any parameters.
    """
    met: dict[tuple[str, str], list[Outcome]] = {}
    for outcome in outcomes:
        if outcome.verdict.word != "not applicable":
            met.setdefault((outcome.verdict.claim, _problem(outcome)), []).append(outcome)
    return {
        place: Cell(
            min((outcome.verdict.word for outcome in found), key=_PRECEDENCE.index),
            max(
                (o.verdict.ratio for o in found if o.verdict.ratio is not None),
                default=None,
            ),
        )
        for place, found in met.items()
    }


def _compared(found: Mapping[tuple[str, str], Cell]) -> dict[tuple[str, str], Cell]:
    """Without claims that compare no figure with a bound: trends, and identities of two runs."""

    def compares(key: str) -> bool:
        claim = find_claim(key)
        return claim.kind not in ("rate", "almost sure limit") and claim.twin is None

    kept = {claim for claim in {claim for claim, _ in found} if compares(claim)}
    return {place: cell for place, cell in found.items() if place[0] in kept}


def rows(outcomes: Iterable[Outcome]) -> Iterator[Sequence[Any]]:
    """The data behind the atlas, as `COLUMNS` has it: every case, in the order given."""
    for outcome in outcomes:
        verdict = outcome.verdict
        yield (
            verdict.claim,
            *verdict.experiment.names,
            verdict.experiment.steps,
            verdict.word,
            "" if verdict.ratio is None else repr(verdict.ratio),
        )


def _group(claim: str) -> str:
    return next(iter(find_claim(claim).entry.tags), "other")


def _groups(found: Mapping[tuple[str, str], Cell]) -> dict[str, list[str]]:
    """Claims by group, the tightest first."""
    best: dict[str, float] = {}
    for (claim, _), cell in found.items():
        # Ratios that are equal but for rounding leave claims in the order of the registry.
        ratio = -math.inf if cell.ratio is None else round(cell.ratio, 6)
        best[claim] = max(best.get(claim, -math.inf), ratio)
    grouped: dict[str, list[str]] = {}
    for claim in sorted(best, key=lambda claim: -best[claim]):
        grouped.setdefault(_group(claim), []).append(claim)
    known = [name for name in _GROUPS if name in grouped]
    return {name: grouped[name] for name in [*known, *sorted(set(grouped) - set(known))]}


def _columns(keys: set[str]) -> dict[str, list[str]]:
    """Problems by family, both in the order of the catalogue."""
    columns = {
        family.heading: [entry.key for entry in family.entries if entry.key in keys]
        for family in families()
    }
    listed = {key for members in columns.values() for key in members}
    columns["Others"] = sorted(keys - listed)
    return {heading: members for heading, members in columns.items() if members}


def _packed(found: Mapping[tuple[str, str], Cell]) -> list[dict[str, list[str]]]:
    """Groups of claims, those together that fit on a page."""
    pages: list[dict[str, list[str]]] = []
    count, keys = 0, set[str]()
    for group, claims in _groups(found).items():
        # Parts of one size, rather than a full page and a rest.
        size = math.ceil(len(claims) / math.ceil(len(claims) / _ROWS))
        for start in range(0, len(claims), size):
            part = claims[start : start + size]
            own = {problem for claim, problem in found if claim in part}
            # What is wider than a page is broken in any case, and may share its breaks.
            fits = len(keys | own) <= _PROBLEMS or min(len(keys), len(own)) > _PROBLEMS
            if not pages or count + len(part) > _ROWS or not fits or group in pages[-1]:
                pages.append({})
                count, keys = 0, set()
            pages[-1][group] = part
            count += len(part)
            keys |= own
    return pages


def _sheets(found: Mapping[tuple[str, str], Cell]) -> list[_Sheet]:
    """Every claim and every problem that has a cell, in tables no wider than a page."""
    sheets = []
    for groups in _packed(found):
        shown = {claim for claims in groups.values() for claim in claims}
        columns = _columns({problem for claim, problem in found if claim in shown})
        members = [(name, key) for name, keys in columns.items() for key in keys]
        width = math.ceil(len(members) / math.ceil(len(members) / _PROBLEMS))
        for start in range(0, len(members), width):
            problems: dict[str, list[str]] = {}
            for name, key in members[start : start + width]:
                problems.setdefault(name, []).append(key)
            sheets.append(_Sheet(groups, problems))
    return sheets


def _colour(cell: Cell) -> Any:
    if cell.word == "violated":
        return to_rgb(_BROKEN)
    if cell.distance is None:
        return to_rgb(_UNKNOWN)
    return _MAP(min(cell.distance, _LOOSE) / _LOOSE)[:3]


def _ink(colour: Any) -> str:
    """Black or white, whichever is read more easily."""
    red, green, blue = colour
    return theme.INK if 0.3 * red + 0.59 * green + 0.11 * blue > 0.5 else "white"


def _draw_cell(axes: Axes, left: float, top: float, cell: Cell, size: float) -> None:
    colour = _colour(cell)
    axes.add_patch(Rectangle((left, top), 1, 1, fc=colour, ec="white", lw=0.5))
    middle = (left + 0.5, top + 0.5)
    ink = _ink(colour)
    if cell.mark == "●":
        axes.plot(*middle, "o", ms=0.42 * size, color=ink, mec="none")
    elif cell.mark == "×":
        axes.plot(*middle, "x", ms=0.62 * size, color="white", mew=1.3)
    elif cell.mark:
        axes.text(
            *middle,
            cell.mark,
            fontsize=0.82 * size,
            color=ink,
            ha="center",
            va="center_baseline",
            weight="bold" if cell.mark == "?" else "normal",
        )


def _panel(figure: Figure, box: Sequence[float], size: Sequence[float]) -> Axes:
    """Axes without a frame; the box in inches from the lower left, the size in cells."""
    left, bottom, width, height = box
    axes = figure.add_axes(
        (left / PAGE[0], bottom / PAGE[1], width / PAGE[0], height / PAGE[1]), frameon=False
    )
    axes.set_xlim(0, size[0])
    axes.set_ylim(size[1], 0)
    axes.set_xticks([])
    axes.set_yticks([])
    return axes


def _key(figure: Figure) -> None:
    """What colours and signs mean, below the title."""
    bottom, height = PAGE[1] - 1.08, 0.13
    label = "bound / measured:"
    middle = (bottom + height / 2) / PAGE[1]

    def put(text: str, left: float) -> None:
        figure.text(left / PAGE[0], middle, text, fontsize=7.5, va="center_baseline")

    put(label, MARGIN)
    left, width = MARGIN + 1.2, 2.4
    axes = _panel(figure, (left, bottom, width, height), (_LOOSE, 1))
    ramp = np.linspace(0, 1, 256)[None]
    axes.imshow(ramp, cmap=_MAP, aspect="auto", extent=(0, _LOOSE, 1, 0))
    for decade, text in enumerate(("1", "10", "100", "1000 or more")):
        figure.text(
            (left + width * decade / _LOOSE) / PAGE[0],
            (bottom - 0.04) / PAGE[1],
            text,
            fontsize=6.5,
            ha="center",
            va="top",
            color=theme.QUIET,
        )
    samples = (
        (Cell("holds", 1.0), "tight, within 1 %", 1.25),
        (Cell("violated", 1.1), "violated", 0.82),
        (Cell("vacuous", 0.01), "vacuous in every case", 1.5),
        (Cell("inconclusive", 0.5), "inconclusive", 0.98),
    )
    left += width + 0.55
    for cell, text, advance in samples:
        sample = _panel(figure, (left, bottom - 0.02, 0.2, 0.17), (1, 1))
        _draw_cell(sample, 0, 0, cell, 9)
        put(text, left + 0.26)
        left += advance + 0.24


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


def _findings(sheets: Sequence[_Sheet], found: Mapping[tuple[str, str], Cell]) -> str:
    """The page in figures."""
    claims = {claim for sheet in sheets for claim in sheet.rows}
    problems = {key for sheet in sheets for key in sheet.columns}
    shown = [cell for (claim, key), cell in found.items() if claim in claims and key in problems]
    words = [cell.word for cell in shown]
    text = (
        f"Here: {_count(len(claims), 'claim')}, {_count(len(problems), 'problem')}, "
        f"{_count(len(shown), 'cell')}, of which {sum(cell.tight for cell in shown)} tight"
    )
    text += "".join(
        f", {words.count(word)} {word}"
        for word in ("violated", "vacuous", "inconclusive")
        if word in words
    )
    ratios = [cell.ratio for cell in shown if cell.word != "vacuous" and cell.ratio]
    middle = median(ratios) if ratios else 0.0
    if middle > 0:
        text += (
            f". Where a bound says something, it is {1 / middle:.3g} times what was measured, "
            "in the median"
        )
    return text + "."


def _table(
    figure: Figure,
    sheet: _Sheet,
    found: Mapping[tuple[str, str], Cell],
    top: float,
    tall: float,
) -> None:
    """Draw a table; its top and the height of its cells in inches."""
    box = (sheet.left, top - sheet.above - tall, sheet.width, tall)
    axes = _panel(figure, box, (sheet.across, sheet.down))
    unit = min(sheet.width / sheet.across, tall / sheet.down) * 72

    def put(text: str, x: float, y: float, **options: Any) -> None:
        axes.text(x, y, text, **{"fontsize": _LABEL, "color": theme.INK, **options})

    lefts: dict[str, float] = {}
    spans: list[tuple[float, int]] = []
    place = 0.0
    for name, members in sheet.problems.items():
        spans.append((place, len(members)))
        middle = place + len(members) / 2
        options: dict[str, Any] = {"ha": "center"}
        if sheet.leans(name):
            options = {"rotation": 30, "rotation_mode": "anchor"}
        put(name, middle, _HEADING - 0.33, color=theme.QUIET, **options)
        for key in members:
            lefts[key] = place
            put(key, place + 0.5, sheet.down + 0.25, rotation=90, ha="center", va="top")
            place += 1
        place += _GAP
    row = 0.0
    for name, claims in sheet.claims.items():
        heading = name.replace("-", " ").capitalize()
        bold = {"weight": "bold", "fontsize": _LABEL + 0.6}
        put(heading, -0.35, row + _HEADING - 0.3, ha="right", **bold)
        row += _HEADING
        for start, count in spans:
            _ground(axes, start, row, count, len(claims))
        for claim in claims:
            put(claim, -0.35, row + 0.5, ha="right", va="center_baseline")
            for key, start in lefts.items():
                if (claim, key) in found:
                    _draw_cell(axes, start, row, found[claim, key], unit)
            row += 1


def _ground(axes: Axes, left: float, top: float, across: int, down: int) -> None:
    """Blank cells."""
    axes.add_patch(Rectangle((left, top), across, down, fc=_EMPTY, ec="none"))
    lines = [
        *([(left, top + n), (left + across, top + n)] for n in range(1, down)),
        *([(left + n, top), (left + n, top + down)] for n in range(1, across)),
    ]
    axes.add_collection(LineCollection(lines, colors="white", linewidths=0.6), autolim=False)


def _page(sheets: Sequence[_Sheet], found: Mapping[tuple[str, str], Cell]) -> Figure:
    """A page with the tables given, one below the other."""
    names = ", ".join(dict.fromkeys(name.replace("-", " ") for s in sheets for name in s.claims))
    figure = theme.page(f"How tight the bounds are: {names}")
    _key(figure)
    foot = theme.caption(
        figure,
        [
            "A cell is the closest that any run of a case came to the bound of a claim on a "
            "problem, over all tested rounds, rules, step sizes and parameters of the problem: "
            "the largest measured / bound, turned over for a bound from below. A bound in "
            "expectation may be passed a little by a mean over seeds without being violated. "
            "v: every such case is vacuous, the bound never says more than is trivially true. "
            "Blank: not applicable or not tried. Trends and identities are left out: they compare "
            "no figure with a bound.",
            _findings(sheets, found),
        ],
    )
    top = PAGE[1] - _TITLE
    room = top - foot - 0.1 - sum(sheet.around for sheet in sheets)
    row = min(room / sum(sheet.down for sheet in sheets), _TALLEST)
    for sheet in sheets:
        _table(figure, sheet, found, top, row * sheet.down)
        top -= row * sheet.down + sheet.around
    return figure


def pages(outcomes: Sequence[Outcome]) -> list[Figure]:
    """Draw the atlas, a page for each group of claims or for several that fit.

    Args:
        outcomes: Of `verify`.

    Returns:
        The pages; none if no claim was applicable anywhere.
    """
    found = _compared(cells(outcomes))
    stacks: list[list[_Sheet]] = []
    for sheet in _sheets(found):
        # Parts of a table too wide for the page stand below one another if they are low.
        part = bool(stacks) and stacks[-1][0].claims is sheet.claims
        if part and sheet.down <= _LOW and len(stacks[-1]) < 2:
            stacks[-1].append(sheet)
        else:
            stacks.append([sheet])
    return [_page(stack, found) for stack in stacks]

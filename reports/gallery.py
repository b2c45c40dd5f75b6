"""The catalogue as a page: every problem with its card and a small picture.

`catalogue(folder)` writes `catalogue.md` and, for each family, one sheet of pictures. A family is
the module or package in which problems are defined. The words and numbers come from the cards
that `convergence show` prints, so whatever is registered appears here by itself.
"""

from __future__ import annotations

import inspect
import math
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

import problems
from convergence import sketch
from convergence.cards import Card, Item, list_items, show
from convergence.sketch import judged_function
from problems import Problem, Simplex, laws
from problems.files import output_folder, require_writable, write_whole
from problems.notation import format_value
from problems.registry import Entry
from reports import hypotheses, theme
from reports.figures import rendered
from reports.markdown import escaped as _escaped
from reports.markdown import table as _table
from reports.theme import STYLES

__all__ = ["Family", "cards", "catalogue", "contact_sheet", "families", "page", "slacks"]

Array = NDArray[np.float64]
Function = Callable[[Array], Array]
Ends = tuple[float, float]
Marks = Sequence[tuple[str, float, Array]]
Slacks = Mapping[str, Mapping[str, float]]

#: Families in the order of the page, and their headings; others follow under their own names.
_HEADINGS: Mapping[str, str] = {
    "online": "Online, on an interval",
    "streams": "Online, in several dimensions",
    "quadratic": "Quadratics",
    "convex": "Convex",
    "attained": "Where newer bounds are attained",
    "stochastic": "Stochastic",
    "data": "Regression on data",
    "nonconvex": "Non-convex",
    "more_garbow_hillstrom": "Moré, Garbow and Hillstrom",
    "saddles": "Saddles",
    "models": "Models",
}


@dataclass(frozen=True)
class Family:
    """Problems that are defined in one module, or in the modules of one package.

    Attributes:
        name: Of the module or package, below `problems`.
        sentence: The first line of its docstring.
        entries: Its problems, in the order they were defined.
    """

    name: str
    sentence: str
    entries: tuple[Entry[Problem], ...]

    @property
    def heading(self) -> str:
        """Of its section."""
        return _HEADINGS.get(self.name, self.name.replace("_", " ").capitalize())

    @property
    def picture(self) -> str:
        """The path of its sheet, from the page."""
        return f"catalogue/{self.name}.png"

    @property
    def drawn(self) -> tuple[str, ...]:
        """The keys of the problems on its sheet."""
        return tuple(entry.key for entry in self.entries if _has_card(entry))


def _has_card(entry: Entry[Problem]) -> bool:
    """Whether it is built without being told a value; other problems wait for a file."""
    return inspect.Parameter.empty not in entry.parameters.values()


def families() -> list[Family]:
    """Every problem of the catalogue, by family."""
    members: dict[str, list[Entry[Problem]]] = {}
    for entry in problems.catalogue:
        package, _, rest = entry.function.__module__.partition(".")
        name = rest.partition(".")[0] or package
        members.setdefault(name, []).append(entry)
    known = [name for name in _HEADINGS if name in members]
    found = []
    for name in dict.fromkeys([*known, *members]):
        module = sys.modules.get(f"problems.{name}")
        lines = (inspect.getdoc(module) or "").splitlines()
        found.append(Family(name, lines[0] if lines else "", tuple(members[name])))
    return found


# Pictures

#: In inches: a cell, the plot in it and the note below; the title and what is above all cells.
_CELL = (2.3, 2.72)
_PLOT = 1.94
_NOTE = 2.1
_TITLE = 0.3
_HEAD = 0.36
_PER_ROW = 4

#: Marker, colour and size of a kind of point.
_MARKS: Mapping[str, tuple[str, str, float]] = {
    "start": ("o", STYLES[3].colour, 6.5),
    "minimiser": ("*", STYLES[0].colour, 11.0),
    "local minimum": ("v", STYLES[5].colour, 6.5),
    "saddle": ("X", STYLES[4].colour, 6.5),
    "maximum": ("^", STYLES[6].colour, 6.5),
}
_ROUND = "loss of a round"
_OUTSIDE = "#e4e4e4"
_SAMPLES = 181
_GRID = 241
_BANDS = 18


def _short(value: float) -> str:
    """Three digits for a picture."""
    text = f"{float(f'{value:.3g}') + 0.0:g}"
    return re.sub(r"e([+-])0*", lambda sign: "e-" if sign[1] == "-" else "e", text)


def _span(name: str, low: float, high: float) -> str:
    least, largest = _short(low), _short(high)
    return f"{name} = {least}" if least == largest else f"{name} in [{least}, {largest}]"


def _marked(problem: Problem) -> list[tuple[str, Array]]:
    """Kinds and points to be marked; the start, which may coincide with another, is last."""
    points = [
        ("minimiser" if point.kind == "minimum" else point.kind, np.asarray(point.point, float))
        for point in problem.stationary
    ]
    if "minimizer" in problem.constants:
        points.append(("minimiser", np.asarray(problem.constants["minimizer"].value, float)))
    return [*points, ("start", problem.start)]


def _mark(axes: Axes, points: Iterable[tuple[str, float, float]]) -> None:
    """Mark kinds of points at their places; a start that would hide another mark is smaller."""
    taken: set[tuple[float, float]] = set()
    for kind, x, y in points:
        marker, colour, size = _MARKS[kind]
        hides = kind == "start" and (x, y) in taken
        axes.plot(
            [x],
            [y],
            marker,
            color=colour,
            ms=3.0 if hides else size,
            mec="white",
            mew=0.4 if hides else 0.8,
            clip_on=False,
            zorder=5,
            label=kind,
        )
        taken.add((x, y))


def _window(problem: Problem) -> tuple[Array, Array]:
    """Lower and upper ends of a picture of one or two dimensions: the domain, or all points."""
    if problem.domain.bounded:
        return sketch.window(problem)
    points = np.array([point for _, point in _marked(problem)])
    low, high = points.min(axis=0), points.max(axis=0)
    spread = high - low
    widest = float(spread.max()) or 1.0
    # Equal scales, unless the coordinates are of quite different sizes.
    side = np.where((spread > 0) & (spread < 1e-3 * widest), spread, widest) * 1.7
    return (low + high - side) / 2, (low + high + side) / 2


def _plot(axes: Axes, function: Function, x: Array, points: Array, marks: Marks) -> Ends:
    """A curve and the marks on it.

    Args:
        axes: Where.
        function: Of points.
        x: Along the picture, shape (k,).
        points: At these places, shape (k, n).
        marks: Kinds, places along the picture and points.

    Returns:
        The least and the largest value that the picture shows.
    """
    y = _finite(function(points))
    placed = [(kind, at, float(function(point[None])[0])) for kind, at, point in marks]
    heights = [height for _, _, height in placed]
    places = [at for _, at, _ in placed]
    between = y[(x >= min(places)) & (x <= max(places))]
    low = min(float(np.nanmin(y)), *heights)
    highest = max(float(np.nanmax(between, initial=-np.inf)), *heights)
    high = max(float(np.nanmax(y)), highest)
    if highest > low:
        # Steep walls outside would make what lies between the marks look flat.
        high = min(high, low + 3 * (highest - low))
    # A function that hardly changes looks so.
    room = 0.12 * max(high - low, 0.1 * abs(low), 0.1 * abs(high)) or 1.0
    axes.plot(x, y, color=STYLES[1].colour, lw=1.6, zorder=3)
    axes.set_ylim(low - room, high + room)
    axes.set_xlim(x[0] - 0.04 * (x[-1] - x[0]), x[-1] + 0.04 * (x[-1] - x[0]))
    _mark(axes, placed)
    # What is 0 but for rounding is 0.
    least = 1e-9 * max(abs(low), abs(high))
    return (low if abs(low) > least else 0.0), (high if abs(high) > least else 0.0)


def _finite(values: Array) -> Array:
    """Without what overflows: a gap in the picture."""
    return np.where(np.isfinite(values), values, np.nan)


def _named(function: str) -> str:
    return "f" if function == "f(x)" else "mean loss"


def _curve(axes: Axes, problem: Problem) -> list[str]:
    """One dimension: the function itself, and the losses of single rounds behind it."""
    function, name = judged_function(problem)
    (low,), (high,) = _window(problem)
    x = np.linspace(low, high, _SAMPLES)
    if problem.samples is not None and problem.scalar:
        drawn = problem.samples(np.arange(1, 601), np.zeros(1, np.uint64))
        for sample in list(dict.fromkeys(drawn.reshape(600, -1)[:, 0].tolist()))[:6]:
            loss = problem.loss(x[:, None], sample)
            axes.plot(x, loss, color="#b4b4b4", lw=0.8, zorder=2, label=_ROUND)
    marks = [(kind, float(point[0]), point) for kind, point in _marked(problem)]
    ends = _plot(axes, function, x, x[:, None], marks)
    return [_span("x", low, high), _span(_named(name), *ends)]


def _map(axes: Axes, problem: Problem) -> list[str]:
    """Two dimensions: colours by the logarithm of the distance to the minimum."""
    function, name = judged_function(problem)
    low, high = _window(problem)
    # A mean over many rounds is smooth, and dear.
    count = _GRID if problem.has_objective else _GRID // 2
    first, second = (np.linspace(low[i], high[i], count) for i in (0, 1))
    points = np.stack(np.meshgrid(first, second), axis=-1)
    inside = problem.domain.contains(points)
    values = np.full(inside.shape, np.nan)
    values[inside] = _finite(function(points[inside]))
    least = problem.constant("minimum") if "minimum" in problem.constants else np.nanmin(values)
    gap = values - least
    positive = gap[gap > 0]
    floor = float(np.quantile(positive, 0.002)) if positive.size else 1.0
    top = max(float(np.nanmax(gap)), 1.001 * floor)
    shades = np.log10(np.maximum(gap, floor))
    levels = np.linspace(np.log10(floor), np.log10(top), _BANDS)
    axes.set_facecolor(_OUTSIDE)
    axes.contourf(first, second, shades, levels=levels, cmap="cividis", extend="both")
    marks = [(kind, float(point[0]), float(point[1])) for kind, point in _marked(problem)]
    _mark(axes, marks)
    axes.set_xlim(low[0], high[0])
    axes.set_ylim(low[1], high[1])
    return [
        f"{_span('x₁', low[0], high[0])}, {_span('x₂', low[1], high[1])}",
        f"{_named(name)} - min ≤ {_short(top)}, log colours",
    ]


def _target(problem: Problem) -> tuple[str, Array, str]:
    """Where the line from the start leads: the line in words, a point on it, its kind if any."""
    marked = {kind: point for kind, point in _marked(problem) if kind != "start"}
    for kind in ("minimiser", "local minimum"):
        if kind in marked and not np.array_equal(marked[kind], problem.start):
            return f"line through start and {kind}", marked[kind], kind
    corner = np.eye(problem.dimension)[0]
    if isinstance(problem.domain, Simplex):
        return "line through start and corner 1", corner, ""
    slope = problem.objective_gradient(problem.start) if problem.has_objective else corner * 0
    if not slope.any():
        return "line through the start along axis 1", problem.start + corner, ""
    # As far as doubling the step still helps.
    function, _ = judged_function(problem)
    step = 2.0**-10 / float(np.linalg.norm(slope))
    ahead = np.array([problem.start - step * 2.0**k * slope for k in range(40)])
    rises = np.flatnonzero(np.diff(function(ahead)) >= 0)
    return "line along the gradient at the start", ahead[rises[0] if rises.size else -1], ""


def _line(axes: Axes, problem: Problem) -> list[str]:
    """Many dimensions: the function along a line through the start."""
    function, name = judged_function(problem)
    words, target, kind = _target(problem)
    t = np.linspace(-0.4, 1.4, _SAMPLES)
    points = problem.start + t[:, None] * (target - problem.start)
    inside = problem.domain.contains(points, 1e-9)
    marks = [(kind, 1.0, target)] if kind else []
    marks.append(("start", 0.0, problem.start))
    ends = _plot(axes, function, t[inside], points[inside], marks)
    simplex = "simplex, " if isinstance(problem.domain, Simplex) else ""
    return [f"{simplex}n = {problem.dimension}, {_span(_named(name), *ends)}", words]


def _cell(axes: Axes, problem: Problem) -> list[str]:
    """Draw a problem; returns the lines that belong below."""
    if problem.dimension == 1:
        return _curve(axes, problem)
    if problem.dimension == 2 and not isinstance(problem.domain, Simplex):
        return _map(axes, problem)
    return _line(axes, problem)


def contact_sheet(members: Sequence[Problem]) -> Figure:
    """One cell for each problem, with start, minimiser and other stationary points marked.

    Args:
        members: At least one problem.

    Returns:
        A figure whose axes bear the keys as labels.
    """
    columns = min(_PER_ROW, len(members))
    rows = math.ceil(len(members) / columns)
    width, height = columns * _CELL[0], rows * _CELL[1] + _HEAD
    figure = Figure(figsize=(width, height))
    for number, problem in enumerate(members):
        row, column = divmod(number, columns)
        left = column * _CELL[0] + (_CELL[0] - _PLOT) / 2
        bottom = height - _HEAD - row * _CELL[1] - _TITLE - _PLOT
        place = (left / width, bottom / height, _PLOT / width, _PLOT / height)
        axes = figure.add_axes(place, label=problem.key)
        axes.set_xticks([])
        axes.set_yticks([])
        for spine in axes.spines.values():
            spine.set(visible=True, linewidth=0.6)
        axes.set_title(problem.key, fontsize=8.5, color=theme.INK, parse_math=False)
        with np.errstate(all="ignore"):
            texts = _cell(axes, problem)
        notes = [line for text in texts for line in theme.wrapped(text, 72 * _NOTE, 7.0)]
        figure.text(
            left / width,
            (bottom - 0.05) / height,
            "\n".join(notes),
            fontsize=7.0,
            color=theme.QUIET,
            va="top",
            linespacing=1.25,
            parse_math=False,
        )
    _legend(figure)
    return figure


def _legend(figure: Figure) -> None:
    """What the marks in the cells mean."""
    drawn = {label for axes in figure.axes for label in axes.get_legend_handles_labels()[1]}
    handles = [
        Line2D([], [], ls="none", marker=marker, color=colour, ms=size, mec="white", label=kind)
        for kind, (marker, colour, size) in _MARKS.items()
        if kind in drawn
    ]
    if _ROUND in drawn:
        handles.append(Line2D([], [], color="#b4b4b4", lw=0.8, label=_ROUND))
    figure.legend(
        handles=handles,
        loc="upper left",
        ncols=len(handles),
        frameon=False,
        handlelength=1.4,
        handletextpad=0.4,
        columnspacing=1.6,
    )


# Words


def slacks(problem: Problem) -> dict[str, float]:
    """How near the laws came to each derived constant of a problem, as a share of it.

    Args:
        problem: Any.

    Returns:
        By letter, at most 1; letters for which a search has no such number are left out.
    """
    letters = {c for c in problem.constants if problem.constants[c].known == "derived"}
    if not letters & laws.LABELS:
        return {}
    report = laws.check(problem, labels=letters & laws.LABELS)
    found = {finding.label: report[finding.label].slack for finding in report.findings}
    return {letter: min(slack, 1.0) for letter, slack in found.items() if slack is not None}


def _number(value: Any) -> str:
    """As the card prints it, but with six digits, which do not depend on the machine."""
    array = np.asarray(value, float) + 0.0
    if array.size == 1:
        return f"{array.item():.6g}"
    if array.size <= 4:
        return "(" + ", ".join(f"{v:.6g}" for v in array) + ")"
    same = len({f"{v:.6g}" for v in array}) == 1
    every = f", every coordinate {array[0]:.6g}" if same else ""
    return f"a point of {array.size} coordinates{every}"


def _known(constant: Mapping[str, Any]) -> str:
    if constant["known"] != "computed":
        return str(constant["known"])
    # The last bits move the certified error, but hardly ever its power of ten.
    return f"computed to 1e{math.ceil(math.log10(constant['tolerance']))}"


def _facts(entry: Entry[Problem], item: Item) -> Iterator[str]:
    given = []
    for name, value in entry.parameters.items():
        if value is None or value is inspect.Parameter.empty:
            given.append(f"`{name}` ({'optional' if value is None else 'to be given'})")
        else:
            given.append(f"`{name}={format_value(value)}`")
    yield f"- Tags: {', '.join(item.tags)}"
    yield f"- Source: {_escaped('; '.join(item.source))}"
    yield f"- Parameters: {', '.join(given) or 'none'}"
    yield ""


def _described(entry: Entry[Problem], card: Card, slack: Mapping[str, float]) -> Iterator[str]:
    """The card of a problem, below its title."""
    data = card.data
    yield f"`{data['formula']}`"
    yield ""
    start = _number(data["start"])
    yield f"- Domain: {data['domain']}, dimension {data['dimension']}; start {start}"
    yield from _facts(entry, card.item)
    rows = []
    for letter, constant in data["constants"].items():
        near = f"{slack[letter]:.2g}" if letter in slack else ""
        how = _escaped(constant["how"])
        rows.append((f"`{letter}`", _number(constant["value"]), _known(constant), how, near))
    for letter, reason in data["unknown"].items():
        rows.append((f"`{letter}`", "not stated", "", _escaped(reason), ""))
    if rows:
        yield from _table(("constant", "value", "known", "how", "slack"), rows)
    if data["stationary"]:
        points = [
            (
                point["kind"],
                _number(point["point"]),
                ", ".join(f"{value + 0.0:.6g}" for value in (point["curvature"] or ())[:4]),
                _escaped(point["how"]),
            )
            for point in data["stationary"]
        ]
        yield from _table(("stationary point", "at", "curvature", "how"), points)


_INTRODUCTION = """\
# The catalogue of problems

A *label* is what a problem states about itself: a constant (L, mu, G, ...) or a tag (convex,
smooth, ...). A constant is *exact* (attained), *derived* (a proved bound that need not be attained)
or *computed* (to the error given). `convergence check-problem KEY` looks for points that break a
label. *Slack* is how near that search came to a derived bound, as a share: 1 means it is attained.
`convergence show KEY` prints the same card with proofs, in full precision.

In the pictures a curve of many dimensions runs along a line, from 40 % before the start to 40 %
beyond the other point, within the domain; where losses change from round to round their mean over
many rounds is drawn. Walls are cut off at three times the height of what lies between the marks.
Colours go from dark (low) to bright; grey lies outside the domain.

This page is written by `convergence catalogue`.
"""


def cards() -> dict[str, Card]:
    """The card of each problem that needs no parameter, by key, as `convergence show` has it."""
    return {key: show(f"problem:{key}") for family in families() for key in family.drawn}


def page(known: Mapping[str, Card], slack: Slacks) -> str:
    """The whole page, in Markdown.

    Args:
        known: What `cards` returns.
        slack: By key, what `slacks` returns; nothing is printed for keys that are missing.

    Returns:
        Its text.
    """
    lines = [_INTRODUCTION]
    for family in families():
        links = ", ".join(f"[`{entry.key}`](#{entry.key})" for entry in family.entries)
        lines.append(f"- {family.heading}: {links}")
    lines += ["", "## Letters and tags", ""]
    letters = [(f"`{letter}`", _escaped(text)) for letter, text in problems.CONSTANTS.items()]
    lines += _table(("constant", "meaning"), letters)
    tags = [(tag, _escaped(text)) for tag, text in problems.TAGS.items()]
    lines += _table(("tag", "meaning"), tags)
    items = {item.key: item for item in list_items("problems")}
    for family in families():
        lines += [f"## {family.heading}", "", family.sentence, ""]
        if family.drawn:
            lines += [f"![Pictures of {', '.join(family.drawn)}]({family.picture})", ""]
        for entry in family.entries:
            lines += [f"### `{entry.key}`", "", _escaped(entry.title), ""]
            if entry.key in known:
                lines += _described(entry, known[entry.key], slack.get(entry.key, {}))
            else:
                below = entry.documentation.partition("\n")[2].strip()
                lines += [_escaped(below), ""] if below else []
                lines += _facts(entry, items[entry.key])
    return "\n".join(lines).rstrip() + "\n"


def catalogue(
    folder: str | Path = "docs", *, progress: Callable[[int, int], None] | None = None
) -> list[Path]:
    """Write the page of all problems, pictures of each family, and the hypotheses of all claims.

    Args:
        folder: Created if need be; the sheets go into its folder `catalogue`.
        progress: Called with the number of problems and sheets done and of all.

    Returns:
        The files written, the page first.

    Raises:
        InputError: A folder cannot be created or written.
    """
    folder = output_folder(folder)
    found = [family for family in families() if family.drawn]
    paths = [folder / "catalogue.md", *(folder / family.picture for family in found)]
    output_folder(paths[-1].parent)
    paths.append(folder / "hypotheses.md")
    for path in paths:
        require_writable(path)
    total = sum(len(family.drawn) for family in found) + len(found)
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        if progress:
            progress(done, total)

    known: dict[str, Card] = {}
    slack: dict[str, dict[str, float]] = {}
    sheets: dict[Path, bytes] = {}
    for family in found:
        for key in family.drawn:
            known[key] = show(f"problem:{key}")
            slack[key] = slacks(known[key].subject)
            step()
        with theme.themed():
            sheet = contact_sheet([known[key].subject for key in family.drawn])
            sheets[folder / family.picture] = rendered(sheet, ".png")
        step()
    write_whole(paths[0], page(known, slack).encode())
    write_whole(paths[-1], hypotheses.page().encode())
    for path, content in sheets.items():
        write_whole(path, content)
    return paths

"""Figures of sweeps: a curve over one parameter, a map over two, and where runs fail."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter
from numpy.typing import NDArray

from convergence.sweeps import Cell, Sweep
from problems.files import write_whole
from problems.notation import require
from reports import theme
from reports.figures import accepted_suffix, rendered
from reports.theme import STYLES

__all__ = ["figure_of_sweep"]

Array = NDArray[np.float64]

# Panels beyond it would be too small to read.
_MOST_PANELS = 12


def figure_of_sweep(swept: Sweep, path: str | Path, measure: str | None = None) -> None:
    """Draw a sweep into a file.

    Over one parameter: a curve for each optimizer, the median over seeds with the band from the
    10 % to the 90 % quantile; crosses mark cells of which a lane diverged. Over two: for each
    optimizer a map of the median, with a line along the frontier of first failure, beyond which
    a lane diverges. Each problem has panels of its own. Of several other parameters each value is a
    curve or a panel.

    Args:
        swept: The sweep, with at least one axis.
        path: Ends in .png, .pdf or .svg.
        measure: What is drawn; by default the first that there is.

    Raises:
        InputError: The suffix is another, there is nothing to draw or too much, or the file cannot
            be written.
    """
    suffix = accepted_suffix(path)
    cells = [cell for cell in swept.cells if not cell.error]
    axes = [name for name, values in swept.grid.items() if len(values) > 1 and _numbers(values)]
    require(cells and swept.measures, "no cell of the sweep can be drawn")
    require(axes, "a figure of a sweep needs an axis of at least two numbers")
    chosen = measure or swept.measures[0]
    # The longest axis is along, the next one up; of the rest each value stands apart.
    axes = sorted(axes, key=lambda name: -len(swept.grid[name]))
    problems = list(dict.fromkeys(cell.experiment.names.problem for cell in cells))
    with theme.themed():
        flat = len(axes) == 1 or all(len(swept.grid[name]) <= 5 for name in axes[1:])
        figure = (
            _curves(swept, cells, problems, axes[0], chosen)
            if flat
            else _maps(swept, cells, problems, axes[0], axes[1], chosen)
        )
        write_whole(path, rendered(figure, suffix, dpi=150))


def _numbers(values: Sequence[Any]) -> bool:
    return all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values)


def _even_in_logarithms(values: Sequence[Any]) -> bool:
    return min(values) > 0 and max(values) >= 20 * min(values)


def _named(name: str) -> str:
    return name.replace("_", " ")


def _other(cell: Cell, *along: str) -> str:
    """What tells a curve or a panel from others: the optimizer and the settings that stay."""
    left = [f"{name}={value}" for name, value in cell.settings.items() if name not in along]
    schedule = cell.experiment.names.schedule.partition(":")[0]
    return ", ".join([f"{cell.optimizer_key}@{schedule}", *left])


def _curves(
    swept: Sweep, cells: Sequence[Cell], problems: Sequence[str], along: str, measure: str
) -> Figure:
    columns = min(2, len(problems))
    rows = -(-len(problems) // columns)
    require(
        len(problems) <= _MOST_PANELS,
        f"the figure has {len(problems)} panels; at most {_MOST_PANELS} are drawn",
    )
    labels = list(dict.fromkeys(_other(cell, along) for cell in cells if along in cell.settings))
    require(labels, f"no cell has {along!r}")
    size = (6.0 if columns == 1 else 9.6, 3.6 * rows + 0.22 * len(labels) + 0.5)
    figure = Figure(figsize=size, layout="constrained")
    for axes, problem in zip(
        figure.subplots(rows, columns, squeeze=False).flat, problems, strict=False
    ):
        positive = True
        for number, label in enumerate(labels):
            style = STYLES[number % len(STYLES)]
            own = [
                cell
                for cell in cells
                if cell.experiment.names.problem == problem
                and along in cell.settings
                and _other(cell, along) == label
            ]
            own.sort(key=lambda cell: float(cell.settings[along]))
            if not own:
                continue
            x = np.array([float(cell.settings[along]) for cell in own])
            scores = [cell.scores(measure) for cell in own]
            over = np.array(
                [np.quantile(each, [0.5, 0.1, 0.9], method="nearest") for each in scores]
            )
            over[~np.isfinite(over)] = np.nan
            drawn = over[np.isfinite(over)]
            positive = positive and bool(drawn.size == 0 or drawn.min() > 0)
            axes.plot(x, over[:, 0], color=style.colour, linestyle=style.line, label=label)
            if max(map(len, scores)) > 1:
                axes.fill_between(x, over[:, 1], over[:, 2], color=style.colour, alpha=0.15, lw=0)
            lost = np.array([bool(cell.diverged) for cell in own])
            if lost.any():
                low = np.full(int(lost.sum()), 0.97 - 0.04 * (number % 6))
                axes.plot(
                    x[lost],
                    low,
                    "x",
                    color=style.colour,
                    markersize=4,
                    transform=axes.get_xaxis_transform(),
                    clip_on=False,
                )
        if _even_in_logarithms(swept.grid[along]):
            axes.set_xscale("log")
        if positive:
            axes.set_yscale("log")
        axes.set_xlabel(along)
        axes.set_ylabel(_named(measure))
        axes.set_title(problem, fontsize=9)
    for axes in figure.axes[len(problems) :]:
        axes.set_visible(False)
    handles, names = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", frameon=False)
    figure.suptitle(_of(swept), fontsize=9, color=theme.QUIET)
    return figure


def _of(swept: Sweep) -> str:
    first = swept.cells[0]
    seeds = max((len(cell.seeds) for cell in swept.cells), default=1)
    band = f", median and 10 % to 90 % over {seeds} seeds" if seeds > 1 else ""
    lost = ", x where lanes diverged" if any(cell.diverged for cell in swept.cells) else ""
    return f"after {first.experiment.steps:,} steps{band}{lost}"


def _maps(
    swept: Sweep,
    cells: Sequence[Cell],
    problems: Sequence[str],
    along: str,
    up: str,
    measure: str,
) -> Figure:
    panels: dict[tuple[str, str], list[Cell]] = {}
    for cell in cells:
        if along in cell.settings and up in cell.settings:
            place = (cell.experiment.names.problem, _other(cell, along, up))
            panels.setdefault(place, []).append(cell)
    require(panels, f"no cell has both {along!r} and {up!r}")
    require(
        len(panels) <= _MOST_PANELS,
        f"the figure has {len(panels)} panels; at most {_MOST_PANELS} are drawn",
    )
    columns = min(3, len(panels))
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(3.6 * columns + 1.4, 3.3 * rows + 0.6), layout="constrained")
    spread = figure.subplots(rows, columns, squeeze=False)
    x, y = (sorted(set(map(float, swept.grid[name]))) for name in (along, up))
    medians = {place: _map(own, along, up, x, y, measure) for place, own in panels.items()}
    drawn = np.concatenate([values[np.isfinite(values)] for values, _ in medians.values()])
    require(drawn.size, f"no cell has a finite {measure!r}")
    logarithmic = drawn.min() > 0 and drawn.max() > 10 * drawn.min()
    scale = (LogNorm if logarithmic else Normalize)(float(drawn.min()), float(drawn.max()))
    mesh: Any = None
    for axes, (place, (values, lost)) in zip(spread.flat, medians.items(), strict=False):
        axes.set_facecolor("0.85")
        edges_x, edges_y = _edges(x), _edges(y)
        shown = np.ma.masked_invalid(values)
        mesh = axes.pcolormesh(edges_x, edges_y, shown, norm=scale, cmap="viridis_r")
        _frontier(axes, edges_x, edges_y, lost)
        for values_of, set_scale in ((x, axes.set_xscale), (y, axes.set_yscale)):
            if _even_in_logarithms(values_of):
                set_scale("log")
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.set_xlabel(along)
        axes.set_ylabel(up)
        axes.set_title("\n".join(place), fontsize=8)
    for axes in spread.flat[len(panels) :]:
        axes.set_visible(False)
    figure.colorbar(mesh, ax=spread, label=_named(measure), shrink=0.9)
    said = ", lanes diverge in grey, beyond the red line" if any(c.diverged for c in cells) else ""
    figure.suptitle(
        f"median after {swept.cells[0].experiment.steps:,} steps{said}",
        fontsize=9,
        color=theme.QUIET,
    )
    return figure


def _map(
    own: Sequence[Cell], along: str, up: str, x: list[float], y: list[float], measure: str
) -> tuple[Array, NDArray[np.bool_]]:
    values = np.full((len(y), len(x)), np.nan)
    lost = np.zeros(values.shape, bool)
    for cell in own:
        at = y.index(float(cell.settings[up])), x.index(float(cell.settings[along]))
        values[at] = cell.median(measure)
        lost[at] = bool(cell.diverged)
    values[~np.isfinite(values)] = np.nan
    return values, lost


def _edges(values: Sequence[float]) -> Array:
    """Borders of cells, halfway between the values, in the scale in which these lie."""
    logarithmic = _even_in_logarithms(values)
    at = np.log(values) if logarithmic else np.asarray(values, float)
    inner = (at[1:] + at[:-1]) / 2
    edges = np.concatenate([[2 * at[0] - inner[0]], inner, [2 * at[-1] - inner[-1]]])
    return np.asarray(np.exp(edges) if logarithmic else edges)


def _frontier(axes: Any, x: Array, y: Array, lost: NDArray[np.bool_]) -> None:
    """A line along every border between a cell that lost lanes and one that did not."""
    for row, column in np.argwhere(lost[:, 1:] != lost[:, :-1]):
        axes.plot([x[column + 1]] * 2, y[row : row + 2], color="tab:red", lw=1.6)
    for row, column in np.argwhere(lost[1:] != lost[:-1]):
        axes.plot(x[column : column + 2], [y[row + 1]] * 2, color="tab:red", lw=1.6)

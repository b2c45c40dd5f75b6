"""One function per figure: from records and verdicts to panels on a matplotlib figure."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatterSciNotation, NullFormatter
from numpy.typing import NDArray
from scipy import stats

from convergence.claim import Claim
from convergence.claims import find as find_claim
from convergence.measure import Observation
from convergence.record import Record
from convergence.sketch import judged_function
from convergence.verdict import Verdict
from convergence.verification import Outcome
from problems.domain import Simplex
from problems.files import write_whole
from problems.notation import require
from problems.problem import Problem
from problems.references import reference
from reports import theme
from reports.theme import MARGIN, PAGE, STYLES, Style, style_of

__all__ = [
    "Curve",
    "accepted_suffix",
    "bound_at",
    "counterexample",
    "decade_trend",
    "false_theorem",
    "figure_of_records",
    "non_convex",
    "picture_of_problem",
    "real_data",
    "rendered",
    "section_5",
    "summary",
    "title_page",
    "verdict_pages",
]

Array = NDArray[np.float64]
SUFFIXES = (".png", ".pdf", ".svg")


@dataclass(frozen=True, eq=False)
class Curve:
    """A run as a figure shows it.

    Attributes:
        label: In the legend.
        record: The run.
        verdict: Of the claim that the figure holds against it, if any.
    """

    label: str
    record: Record
    verdict: Verdict | None = None

    @property
    def style(self) -> Style:
        """The one of its rule."""
        return style_of(self.record.experiment.optimizer.key)


Panels = Mapping[str, Sequence[Curve]]


@dataclass(frozen=True, eq=False)
class Summary:
    """A series over the seeds, at each recorded round.

    Attributes:
        median, low, high: Shape (rounds,): the median, the 10 and the 90 % quantile.
        mean, mean_low, mean_high: The mean and its 95 % confidence limits by Student's t.
    """

    median: Array
    low: Array
    high: Array
    mean: Array
    mean_low: Array
    mean_high: Array


def summary(values: Array) -> Summary:
    """Summarise lanes.

    Args:
        values: Shape (lanes, rounds).

    Returns:
        Quantiles and means over lanes; NaN where any lane is no longer finite. With one lane
        all limits are the value itself.
    """
    lanes = values.shape[0]
    values = np.where(np.isfinite(values), values, np.nan)
    with np.errstate(over="ignore", invalid="ignore"):
        low, median, high = np.quantile(values, [0.1, 0.5, 0.9], axis=0)
        mean = values.mean(axis=0)
        width = np.zeros_like(mean)
        if lanes > 1:
            width = stats.t.ppf(0.975, lanes - 1) * values.std(axis=0, ddof=1) / np.sqrt(lanes)
    return Summary(median, low, high, mean, mean - width, mean + width)


def decade_trend(record: Record, measure: str) -> float:
    """By what factor the mean over seeds of a measure falls over the last decade of steps.

    Args:
        record: A run of at least ten steps.
        measure: A series of one number per lane and round.

    Returns:
        The value a decade before the end, divided by the last one.
    """
    mean = record[measure].mean(axis=0)
    before = int(np.searchsorted(record.times, record.times[-1] / 10))
    return float(mean[before] / mean[-1])


def bound_at(claim: Claim | str, record: Record) -> Array:
    """What a claim allows at each recorded round.

    Args:
        claim: A claim, or its specification.
        record: A run that recorded the claim's quantities.

    Returns:
        Shape (lanes, rounds).

    Raises:
        InputError: A quantity was not recorded, or a letter has no value here.
    """
    claim = find_claim(claim) if isinstance(claim, str) else claim
    experiment, _ = claim.applies(record.experiment)
    state = {
        name.removeprefix("state_"): values
        for name, values in record.series.items()
        if name.startswith("state_")
    }
    totals = {name: record[name] for name in claim.quantities(experiment)}
    observed = Observation(record["iterate"], state, totals, np.zeros(0))
    return claim.bound(experiment, record.times, observed)


# Panels


def _grid(
    figure: Figure,
    rows: int,
    columns: int,
    bottom: float,
    *,
    sharex: Literal["none", "col"] = "none",
) -> list[list[Axes]]:
    """Panels between the heading and the caption, which begins `bottom` inches up."""
    axes = figure.subplots(
        rows,
        columns,
        squeeze=False,
        sharex=sharex,
        gridspec_kw={
            "left": (MARGIN + 0.55) / PAGE[0],
            "right": 1 - MARGIN / PAGE[0],
            "top": 1 - 1.25 / PAGE[1],
            "bottom": (bottom + 0.62) / PAGE[1],
            "hspace": 0.34,
            "wspace": 0.2 if columns == 2 else 0.3,
        },
    )
    return [list(row) for row in axes]


def _draw(
    axes: Axes,
    record: Record,
    values: Array,
    label: str,
    style: Style,
    number: int,
    floor: float | None = None,
) -> None:
    """The median over seeds, with the band from the 10 to the 90 % quantile."""
    if floor is not None:
        values = np.maximum(values, floor)
    over = summary(values)
    axes.plot(record.times, over.median, label=label, **style.options(number))
    if values.shape[0] > 1:
        axes.fill_between(record.times, over.low, over.high, color=style.colour, alpha=0.15, lw=0)


def _curves(axes: Axes, curves: Sequence[Curve], series: str, floor: float | None = None) -> None:
    for number, curve in enumerate(curves):
        values = curve.record[series]
        if values.ndim == 3:
            values = values[..., 0]
        _draw(axes, curve.record, values, curve.label, curve.style, number, floor)


def _scales(axes: Axes, title: str, ylabel: str, *, log: bool = True, x: bool = True) -> None:
    axes.set_title(title)
    axes.set_ylabel(ylabel)
    axes.set_xscale("log")
    axes.xaxis.set_minor_formatter(NullFormatter())
    if log:
        axes.set_yscale("log")
        axes.yaxis.set_minor_formatter(NullFormatter())
    if x:
        axes.set_xlabel("step T")


def _level(axes: Axes, height: float, text: str, at: float) -> None:
    """A horizontal line with its name below it, at a fraction of its length."""
    axes.axhline(height, color=theme.QUIET, lw=1.0, ls=(0, (1, 2)), zorder=1)
    axes.annotate(
        text,
        (at, height),
        xycoords=("axes fraction", "data"),
        xytext=(0, -3),
        textcoords="offset points",
        ha="center",
        va="top",
        fontsize=8,
        color=theme.QUIET,
    )


def _number(value: float) -> str:
    """Three digits, in plain notation where that is short."""
    if value == 0 or 1e-3 <= abs(value) < 1e5:
        return f"{value:.3g}"
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"{mantissa}e{int(exponent)}"


def _at_end(curve: Curve, series: str) -> float:
    """Mean over seeds at the last recorded round."""
    values = curve.record[series]
    return float(values[..., 0].mean(axis=0)[-1] if values.ndim == 3 else values.mean(axis=0)[-1])


def _listed(curves: Sequence[Curve], series: str) -> str:
    return ", ".join(f"{curve.label} {_number(_at_end(curve, series))}" for curve in curves)


def _identities(panels: Panels) -> list[str]:
    """What each panel ran, a line for each; a schedule that all share is named once."""
    lines = []
    for name, curves in panels.items():
        first = curves[0].record
        problem = first.experiment.problem.specification
        schedules = [curve.record.experiment.schedule.specification for curve in curves]
        shared = len(curves) > 1 and len(set(schedules)) == 1
        parts = [
            f"{curve.label} = {curve.record.experiment.optimizer.specification}"
            + ("" if shared else f" with {schedule}")
            for curve, schedule in zip(curves, schedules, strict=True)
        ]
        ends = [f"all with {schedules[0]}"] if shared else []
        ends += [f"{len(first.experiment.seeds)} seeds"] if len(first.experiment.seeds) > 1 else []
        head = problem if problem == name else f"{name}, {problem}"
        lines.append(f"{head}: " + "; ".join([*parts, *ends]))
    return lines


def _by_key(curves: Sequence[Curve], key: str) -> Curve:
    return next(curve for curve in curves if curve.record.experiment.optimizer.key == key)


# Pages


def title_page(
    version: str, versions: Mapping[str, str], findings: Sequence[str], date: str = ""
) -> Figure:
    """The first page: what this is, what came out and how to make it again.

    Args:
        version: Of the suite.
        versions: Of what results depend on.
        findings: One sentence or two each.
        date: Printed if given.

    Returns:
        The page.
    """
    figure = Figure(figsize=PAGE)
    left, width = (MARGIN + 0.3) / PAGE[0], (PAGE[0] - 2 * MARGIN - 0.6) * 72
    height = 1 - 1.0 / PAGE[1]

    def put(text: str, size: float, gap: float = 0.0, **options: Any) -> None:
        nonlocal height
        weight, family = options.get("weight", "normal"), options.get("family", "DejaVu Sans")
        for line in theme.wrapped(text, width, size, weight=weight, family=family):
            figure.text(left, height, line, fontsize=size, va="top", parse_math=False, **options)
            height -= 1.4 * size / 72 / PAGE[1]
        height -= gap / 72 / PAGE[1]

    put("The convergence suite", 26, 6, weight="bold", color=theme.INK)
    put("Adam fails where AMSGrad and SGD with momentum do not", 15, 8, color=STYLES[0].colour)
    put(f"Version {version}" + (f" · {date}" if date else ""), 10, 14, color=theme.QUIET)
    put("What the runs of this report show", 12, 4, weight="bold", color=theme.INK)
    for finding in findings:
        top = height
        width -= 16
        left += 16 / 72 / PAGE[0]
        put(finding, 9.5, 5, color=theme.INK)
        left -= 16 / 72 / PAGE[0]
        width += 16
        figure.text(left, top, "■", fontsize=7, va="top", color=STYLES[1].colour)
    height -= 8 / 72 / PAGE[1]
    put("To make it again", 12, 4, weight="bold", color=theme.INK)
    put("convergence report -o DIR", 10, 4, family="DejaVu Sans Mono", color=theme.INK)
    put(
        "The same versions give the same bytes, on any number of processes: "
        + ", ".join(f"{name} {number}" for name, number in versions.items())
        + ".",
        9,
        10,
        color=theme.QUIET,
    )
    put(
        "The data behind each figure lie beside it as CSV. Unless it says otherwise, a curve is "
        "the median over seeds and a band runs from the 10 % to the 90 % quantile.",
        9,
        color=theme.QUIET,
    )
    return figure


def counterexample(panels: Panels) -> Figure:
    """Theorem 1 of Reddi et al., and its negative control.

    Args:
        panels: "C = 3" and "C = 2", each with curves that recorded `average_regret`.

    Returns:
        The page.
    """
    figure = theme.page("A linear problem on which Adam converges to the worst point")
    failing, control = panels["C = 3"], panels["C = 2"]
    adam = _by_key(failing, "adam")
    steps = adam.record.experiment.steps
    bottom = theme.caption(
        figure,
        [
            f"{reference('reddi2018').short}, Theorem 1: the losses C x, -x, -x repeat on [-1, 1]. "
            "Left, C = 3: -1 is best, +1 is worst. After "
            f"{steps:,} steps the iterates are at {_listed(failing, 'iterate')}; the average "
            f"regret is {_listed(failing, 'average_regret')}. The theorem says that Adam's cannot "
            "fall below (2C - 4)/3 = 2/3.",
            "Right, the negative control, C = 2: a whole period costs the same everywhere, so it "
            "does not matter where an iterate goes, and the average regret of every rule tends "
            f"to 0: {_listed(control, 'average_regret')}.",
        ],
        _identities(panels),
    )
    axes = _grid(figure, 2, 2, bottom, sharex="col")
    for column, (name, curves) in enumerate(panels.items()):
        upper, lower = axes[0][column], axes[1][column]
        _curves(upper, curves, "iterate")
        _scales(upper, f"{name}: iterate", "x", log=False, x=False)
        upper.set_ylim(-1.12, 1.12)
        _curves(lower, curves, "average_regret", floor=1e-12)
        _scales(lower, f"{name}: average regret", "regret / T")
    _level(axes[1][0], 2 / 3, "2/3", 0.97)
    axes[0][0].legend(loc="center right")
    return figure


def section_5(panels: Panels, checkpoint: int) -> Figure:
    """The two synthetic examples of Reddi et al., Section 5.

    Args:
        panels: "online" and "stochastic", with curves that recorded `average_regret`.
        checkpoint: A recorded round at which AMSGrad's seeds are counted.

    Returns:
        The page.
    """
    figure = theme.page("Adam and AMSGrad on the examples of Section 5")
    online, stochastic = panels["online"], panels["stochastic"]
    amsgrad = _by_key(stochastic, "amsgrad").record
    at = int(np.searchsorted(amsgrad.times, checkpoint))
    above = float((amsgrad["iterate"][:, at, 0] > 0).mean())
    last = float((amsgrad["iterate"][:, -1, 0] > 0).mean())

    def trends(curves: Sequence[Curve]) -> str:
        return ", ".join(
            f"{c.label} {_number(decade_trend(c.record, 'average_regret'))}" for c in curves
        )

    steps, lanes = amsgrad.experiment.steps, len(amsgrad.experiment.seeds)
    bottom = theme.caption(
        figure,
        [
            f"{reference('reddi2018').short}, Section 5, slopes 1010 and -10 on [-1, 1]; -1 is "
            "best. What tells the rules apart is the trend: over the last decade of steps the "
            f"average regret falls by a factor of (online) {trends(online)}; (stochastic, mean) "
            f"{trends(stochastic)}; a rate 1/√T gives 3.16. It ends at (online) "
            f"{_listed(online, 'average_regret')}; (stochastic, mean) "
            f"{_listed(stochastic, 'average_regret')}. To stay at +1 costs the dotted lines.",
            f"Convergence is slow on the stochastic example: of {lanes} AMSGrad "
            f"seeds {100 * above:.0f} % still have x > 0 after {checkpoint:,} steps, and "
            f"{100 * last:.0f} % after {steps:,}. Below right, the line is the mean over seeds "
            "and the band its 95 % confidence interval.",
        ],
        _identities(panels),
    )
    axes = _grid(figure, 2, 2, bottom, sharex="col")
    for column, (name, curves) in enumerate(panels.items()):
        upper = axes[0][column]
        _curves(upper, curves, "iterate")
        seeds = len(curves[0].record.experiment.seeds)
        band = f", median and 10-90 % of {seeds} seeds" if seeds > 1 else ""
        _scales(upper, f"{name.capitalize()}: iterate{band}", "x", log=False, x=False)
        upper.set_ylim(-1.12, 1.12)
    _curves(axes[1][0], online, "average_regret", floor=1e-12)
    _scales(axes[1][0], "Online: average regret", "regret / T")
    lower = axes[1][1]
    for number, curve in enumerate(stochastic):
        over = summary(curve.record["average_regret"])
        times = curve.record.times
        lower.plot(times, over.mean, label=curve.label, **curve.style.options(number))
        below = np.maximum(over.mean_low, 1e-3)
        lower.fill_between(times, below, over.mean_high, color=curve.style.colour, alpha=0.3, lw=0)
    _scales(lower, "Stochastic: average regret, mean and its 95 % confidence", "regret / T")
    _level(axes[1][0], 20 / 101, "cost of +1: 20/101", 0.3)
    _level(lower, 0.4, "cost of +1: 0.4", 0.3)
    axes[0][0].legend(loc="upper left")
    return figure


def _period_ends(curve: Curve, claim: str) -> tuple[NDArray[np.int64], Array, Array]:
    """Rounds 3, 6, ..., and the regret and the bound there; every round was recorded."""
    record = curve.record
    return record.times[2::3], record["regret"][0, 2::3], bound_at(claim, record)[0, 2::3]


def false_theorem(panels: Panels, claim: str) -> Figure:
    """The printed bound of Kingma & Ba, and the regret that passes it.

    Args:
        panels: For each problem one curve with its verdict and the claim's quantities, recorded
            at every round.
        claim: The specification of the claim.

    Returns:
        The page.
    """
    figure = theme.page("A published regret bound that Adam breaks")
    said = []
    for side, (curve,) in zip(("left", "right"), panels.values(), strict=True):
        assert curve.verdict is not None
        said.append(f"{side}, {curve.verdict.word}: {curve.verdict.reason}")
        if first := curve.verdict.first_violation:
            times, regret, bound = _period_ends(curve, claim)
            later = regret[times > first] > bound[times > first]
            said[-1] += f" and at {later.sum()} of the {later.size} later ends of periods shown"
    bottom = theme.caption(
        figure,
        [
            f"{reference('kingma2015').short}, Theorem 4.1, bounds the regret of Adam by a term "
            "in √T, with the run's own second moment at T. That moment swings with the slopes, so "
            "the bound does too (band); lines are drawn at the ends of the periods of three. "
            f"Verdicts: {'; '.join(said)}.",
            "Left, the iterate is projected onto [-1, 1], which the print does not have. Right, "
            "the same losses bent flat outside [-1, 1], on the whole line: the method as printed, "
            "the theorem to the letter. There a round outside [-1, 1] may have the gradient 0, "
            "which makes the bound jump.",
        ],
        _identities(panels),
    )
    axes = _grid(figure, 2, 2, bottom, sharex="col")
    for column, (name, (curve,)) in enumerate(panels.items()):
        record = curve.record
        regret, bound = record["regret"][0], bound_at(claim, record)[0]
        upper, lower = axes[0][column], axes[1][column]
        times, regret_then, bound_then = _period_ends(curve, claim)
        upper.plot(times, regret_then, color=STYLES[0].colour, lw=1.8, zorder=3, label="regret")
        upper.plot(
            times,
            bound_then,
            color=STYLES[1].colour,
            ls=STYLES[1].line,
            lw=1.1,
            label="printed bound",
        )
        upper.fill_between(
            times,
            bound_then,
            bound[: 3 * times.size].reshape(-1, 3).max(axis=1),
            color=STYLES[1].colour,
            alpha=0.15,
            lw=0,
            label="its range in a period",
        )
        upper.set_title(name)
        upper.set_ylabel("regret")
        lower.plot(times, regret_then / bound_then, color=STYLES[0].colour, lw=1.1)
        lower.set_title("Regret / bound at the end of each period")
        lower.set_ylabel("ratio")
        lower.set_xlabel("step T")
        lower.set_ylim(0, None)
        lower.axhline(1, color=theme.QUIET, lw=1.0, ls=(0, (1, 2)))
        first = curve.verdict.first_violation if curve.verdict else None
        if first and first <= record.times[-1]:
            place = int(np.searchsorted(record.times, first))
            for panel, height in ((upper, regret[place]), (lower, regret[place] / bound[place])):
                panel.axvline(first, color=theme.INK, lw=0.8, ls=(0, (4, 2)))
                panel.plot([first], [height], "o", color=theme.INK, ms=6, zorder=5)
            upper.annotate(
                f"first violation:\nstep {first}",
                (first, 0.96),
                xycoords=("data", "axes fraction"),
                xytext=(6, 0),
                textcoords="offset points",
                va="top",
                fontsize=8.5,
            )
        upper.legend(loc="upper left")
        upper.set_ylim(0, 1.45 * float(bound.max()))
    return figure


def non_convex(panels: Panels, claim: str) -> Figure:
    """Gradient norms on two problems without convexity.

    Args:
        panels: "pl-sine" and "rosenbrock", with curves that recorded `gradient_mean_square` and
            `stationarity_gap`; those with a verdict are those of which the claim was asked.
        claim: The specification of the claim.

    Returns:
        The page.
    """
    figure = theme.page("Gradient norms without convexity")
    sine, valley = panels["pl-sine"], panels["rosenbrock"]
    asked = next(curve for curve in sine if curve.verdict)
    refused = next(curve for curve in valley if curve.verdict)
    assert asked.verdict is not None
    assert refused.verdict is not None
    assumed, _, why = refused.verdict.reason.partition(": ")
    norm = _by_key(valley, "adam").record["stationarity_gap"][0]
    lowest = int(norm.argmin())
    again = float(norm[lowest:].max())
    rise = ""
    if norm[lowest] < 1e-3 * again:
        rise = (
            f" On rosenbrock, Adam's norm falls to {_number(float(norm[lowest]))} and rises again "
            f"to {_number(again)}."
        )
    ratio = f" (measured / bound at most {asked.verdict.ratio:.3g})" if asked.verdict.ratio else ""
    bottom = theme.caption(
        figure,
        [
            "Above, the mean of ||∇f||² over the steps so far; below, ||∇f|| at the iterate after "
            "step T (not drawn once it is below 1e-16). The claim for SGD with averaged momentum "
            f"(after {reference('liu2020').short}, Theorem 1) {asked.verdict.word} on pl-sine, "
            f"x² + 3 sin² x{ratio}. On Rosenbrock's valley ({reference('rosenbrock1960').short}) "
            f"it is {refused.verdict.word}; the assumption that fails is that {assumed}: {why}.",
            "A mean over T steps cannot fall faster than 1/T, the thin reference line; where the "
            "norm itself falls geometrically, the mean follows that line." + rise,
        ],
        _identities(panels),
    )
    axes = _grid(figure, 2, 2, bottom, sharex="col")
    for column, (name, curves) in enumerate(panels.items()):
        upper, lower = axes[0][column], axes[1][column]
        _curves(upper, curves, "gradient_mean_square")
        lower.legend(*upper.get_legend_handles_labels(), loc="lower left")
        _scales(upper, f"{name}: mean of squared gradient norms", "mean of ||∇f||²", x=False)
        for number, curve in enumerate(curves):
            values = np.where(
                curve.record["stationarity_gap"] < 1e-16, np.nan, curve.record["stationarity_gap"]
            )
            _draw(lower, curve.record, values, curve.label, curve.style, number)
        _scales(lower, f"{name}: gradient norm at the iterate", "||∇f(x)||")
        times = asked.record.times if name == "pl-sine" else refused.record.times
        if name == "pl-sine":
            allowed = bound_at(claim, asked.record)[0]
            upper.plot(times, allowed, color=theme.INK, lw=2.4, alpha=0.45, label="claimed bound")
        late = times[times >= 10]
        start = min(curve.record["gradient_mean_square"][0, 0] for curve in curves)
        upper.plot(late, 0.3 * start / late, color=theme.QUIET, lw=0.9, label="1/T")
        if name == "rosenbrock":
            upper.text(
                0.97,
                0.93,
                "claimed bound: not applicable, no L",
                transform=upper.transAxes,
                ha="right",
                va="top",
                fontsize=8.5,
                style="italic",
            )
        references = [line for line in upper.lines if line.get_label() in ("claimed bound", "1/T")]
        upper.legend(handles=references, loc="lower left")
    return figure


def _measured(curves: Sequence[Curve], tolerance: float) -> str:
    """Last values, and no digits of what is smaller than its own error."""
    ends = [(curve.label, _at_end(curve, "suboptimality")) for curve in curves]
    return ", ".join(
        f"{label} {_number(end)}" if end > tolerance else f"{label} below {tolerance:.1e}"
        for label, end in ends
    )


def _fall(curves: Sequence[Curve]) -> str:
    return ", ".join(
        f"{c.label} by a factor of {_number(decade_trend(c.record, 'suboptimality'))}"
        for c in curves
    )


def real_data(panels: Panels) -> Figure:
    """Logistic regression on the breast-cancer data, whole and in mini-batches.

    Args:
        panels: "full batch" and others, with curves that recorded `suboptimality`.

    Returns:
        The page.
    """
    figure = theme.page("Real data: logistic regression on breast-cancer diagnoses")
    full, *batches = panels.items()
    problem = full[1][0].record.experiment.problem
    minimum = problem.constants["minimum"]
    noisy = batches[-1][1]
    floor = float(minimum.tolerance)
    bottom = theme.caption(
        figure,
        [
            f"Logistic regression with ridge on {reference('street1993').short}'s data "
            f"({problem.dimension} coordinates). The minimum {minimum.value:.12f} is certified to "
            f"{floor:.1e}; suboptimality below that (shaded) is no measurement and is drawn at "
            f"its edge. With the whole data it ends at {_measured(full[1], floor)}.",
            f"With {batches[-1][0]} and a step size ∝ 1/√t the mean suboptimality ends at "
            f"{_listed(noisy, 'suboptimality')}. Over the last decade of steps it falls: "
            f"{_fall(noisy)}. {reference('reddi2018').short} explain such a floor: with a short "
            "memory (beta2 = 0.95) rare large gradients are divided by their own size; AMSGrad "
            "with the same betas keeps its largest denominator.",
        ],
        _identities(panels),
    )
    axes = _grid(figure, 1, len(panels), bottom)[0]
    for panel, (name, curves) in zip(axes, panels.items(), strict=True):
        _curves(panel, curves, "suboptimality", floor=floor)
        seeds = len(curves[0].record.experiment.seeds)
        title = name.capitalize() + (f", {seeds} seeds" if seeds > 1 else "")
        _scales(panel, title, "f(x) - min f" if panel is axes[0] else "")
        panel.legend(loc="lower left")
    axes[0].axhspan(floor / 5, floor, color="#dedede")
    axes[0].set_ylim(floor / 5, None)
    if len(axes) > 2:
        low = min(panel.get_ylim()[0] for panel in axes[1:])
        high = max(panel.get_ylim()[1] for panel in axes[1:])
        for panel in axes[1:]:
            panel.set_ylim(low, high)
    return figure


# Column heads and widths in points.
_COLUMNS = (
    ("problem", 142),
    ("optimizer", 160),
    ("schedule", 116),
    ("steps", 44),
    ("seeds", 36),
    ("verdict", 72),
    ("evidence", 56),
    ("first violation", 48),
    ("expected", 74),
)
_BREAKS = " :,;="


def _first_violation(step: int | None) -> str:
    return "" if step is None else str(step)


def _cells(outcome: Outcome) -> list[list[str]]:
    verdict = outcome.verdict
    expected = outcome.expected
    if outcome.expected_first_violation is not None:
        expected += f" at {outcome.expected_first_violation}"
    texts = [
        *verdict.experiment.names,
        str(verdict.experiment.steps),
        str(verdict.seeds),
        verdict.word,
        "" if verdict.evidence == "none" else verdict.evidence,
        _first_violation(verdict.first_violation),
        expected + (" ✓" if outcome.as_expected else " ✗"),
    ]
    return [
        theme.wrapped(text, width - 6, 7.5, breaks=" " if name == "expected" else _BREAKS)
        for text, (name, width) in zip(texts, _COLUMNS, strict=True)
    ]


def _source(claim: Claim) -> str:
    return "; ".join(
        ", ".join(filter(None, (reference(key).short, place))) for key, place in claim.entry.source
    )


_LINE = 9.8


def verdict_pages(outcomes: Sequence[Outcome]) -> list[Figure]:
    """The table of verdicts, on as many pages as it takes.

    Args:
        outcomes: In the order in which they are printed, those of one claim together.

    Returns:
        The pages.
    """
    figures: list[Figure] = []
    # The options of a claim stand in its heading.
    order = list(dict.fromkeys(outcome.verdict.claim for outcome in outcomes))
    outcomes = sorted(outcomes, key=lambda outcome: order.index(outcome.verdict.claim))
    agree = sum(outcome.as_expected for outcome in outcomes)
    widths = [width for _, width in _COLUMNS]
    lefts = [MARGIN * 72 + sum(widths[:number]) for number in range(len(widths))]
    total, bottom = sum(widths), 0.75 * 72
    height = 0.0

    def put(text: str, left: float, **options: Any) -> None:
        figures[-1].text(
            left / 72 / PAGE[0],
            height / 72 / PAGE[1],
            text,
            va="top",
            parse_math=False,
            **{"fontsize": 7.5, "color": theme.INK, **options},
        )

    def rule(width: float) -> None:
        figures[-1].add_artist(
            theme.line(
                [MARGIN / PAGE[0], MARGIN / PAGE[0] + total / 72 / PAGE[0]],
                height / 72 / PAGE[1],
                width,
            )
        )

    def begin() -> None:
        nonlocal height
        more = " (continued)" if figures else ""
        figures.append(theme.page(f"Verdicts: {agree} of {len(outcomes)} as expected{more}"))
        height = (PAGE[1] - 1.0) * 72
        for (name, width), left in zip(_COLUMNS, lefts, strict=True):
            for number, text in enumerate(theme.wrapped(name, width - 6, 7.5, weight="bold")):
                height -= number * _LINE
                put(text, left, weight="bold")
                height += number * _LINE
        height -= 2 * _LINE + 2
        rule(1.0)
        height -= 4

    begin()
    before = ""
    for outcome in outcomes:
        claim = find_claim(outcome.verdict.claim)
        cells = _cells(outcome)
        lines = max(len(cell) for cell in cells)
        heading = [] if claim.specification == before else _heading(claim, total)
        if height - (lines + len(heading)) * _LINE - (14 if heading else 4) < bottom:
            begin()
            heading = heading or [f"{claim.specification} (continued)"]
        if heading:
            height -= 5
            for number, text in enumerate(heading):
                strong = {"weight": "bold"} if not number else {"color": theme.QUIET}
                put(text, MARGIN * 72, fontsize=8.0 if not number else 7.5, **strong)
                height -= _LINE + (1 if not number else 0)
            height -= 2
        top = height
        for number, (cell, left) in enumerate(zip(cells, lefts, strict=True)):
            emphasis = _COLUMNS[number][0] == "verdict" and outcome.verdict.word == "violated"
            colour = STYLES[0].colour if emphasis else theme.INK
            for text in cell:
                put(text, left, weight="bold" if emphasis else "normal", color=colour)
                height -= _LINE
            height = top
        height -= lines * _LINE + 2
        rule(0.3)
        height -= 2
        before = claim.specification
    return figures


def _heading(claim: Claim, width: float) -> list[str]:
    status = f"Status: {claim.status}." if claim.status else ""
    about = f"{claim.title}. {_source(claim)}. {status}"
    return [claim.specification, *theme.wrapped(about, width, 7.5)]


# Single figures


def accepted_suffix(path: str | Path) -> str:
    """The suffix of a figure's file, in lower case.

    Raises:
        InputError: It is neither .png nor .pdf nor .svg.
    """
    suffix = Path(path).suffix.lower()
    require(
        suffix in SUFFIXES,
        f"cannot draw to {str(path)!r}: the suffix must be one of {', '.join(SUFFIXES)}",
    )
    return suffix


def rendered(figure: Figure, suffix: str, dpi: float = 110) -> bytes:
    """A figure as the bytes of a file, the same for the same figure.

    Args:
        figure: What is drawn.
        suffix: ".png", ".pdf" or ".svg".
        dpi: Of a PNG.

    Returns:
        The file's content.
    """
    metadata: dict[str, Any] = {
        ".png": {"Software": None},
        ".pdf": {"CreationDate": None},
        ".svg": {"Date": None},
    }[suffix]
    buffer = io.BytesIO()
    figure.savefig(buffer, format=suffix[1:], dpi=dpi, metadata=metadata)
    return buffer.getvalue()


def _main_measure(records: Sequence[Record]) -> str:
    online = records[0].experiment.problem.hindsight_formula is not None
    wanted = ["average_regret"] if online else ["suboptimality", "stationarity_gap"]
    common = [
        name
        for name in records[0].measures
        if all(name in record.measures for record in records[1:])
    ]
    require(common, "the records have no measure in common that could be drawn")
    return next((name for name in wanted if name in common), common[0])


def _labels(records: Sequence[Record]) -> list[str]:
    """As short as keeps them apart."""
    labels = [record.experiment.optimizer.specification for record in records]
    for part in ("schedule", "problem"):
        texts = [getattr(record.experiment.names, part) for record in records]
        if len(set(texts)) > 1:
            labels = [f"{label}, {text}" for label, text in zip(labels, texts, strict=True)]
    return labels


def _common(records: Sequence[Record]) -> str:
    parts = []
    for part in ("problem", "schedule"):
        texts = {getattr(record.experiment.names, part) for record in records}
        if len(texts) == 1:
            parts.append(texts.pop())
    seeds = max(len(record.experiment.seeds) for record in records)
    return ", ".join([*parts, f"{seeds} seeds"] if seeds > 1 else parts)


def figure_of_records(records: Sequence[Record], path: str | Path) -> None:
    """Draw records into a file: a curve per record, with a band over seeds.

    The measure is the average regret for online problems, else the suboptimality, or the norm
    of the gradient where no minimum is known. A problem with one coordinate also gets a panel
    with its iterate.

    Args:
        records: At least one; they need a measure in common.
        path: Ends in .png, .pdf or .svg.

    Raises:
        InputError: The suffix is another, there is nothing to draw, or the file cannot be
            written.
    """
    suffix = accepted_suffix(path)
    require(records, "there are no records to draw")
    measure = _main_measure(records)
    labels, scalar = _labels(records), all(r.experiment.problem.dimension == 1 for r in records)
    with theme.themed():
        columns = 2 if scalar else 1
        legend = 0.22 * len(records) + 0.1
        size = (5.2 * columns + (1.3 if columns == 1 else 0), 4.3 + legend)
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.subplots(1, columns, squeeze=False)[0]
        medians = [summary(record[measure]).median for record in records]
        finite = np.concatenate(medians)
        finite = finite[np.isfinite(finite)]
        # Regret may be negative; what is never so may be 0 to the last bit.
        log = bool(finite.size) and float(finite.max()) > 0
        log = log and (not measure.endswith("regret") or finite.min() > 0)
        floor = float(finite[finite > 0].min()) / 2 if log else None
        for number, (record, label) in enumerate(zip(records, labels, strict=True)):
            style = STYLES[number % len(STYLES)]
            _draw(axes[0], record, record[measure], label, style, number, floor)
            if scalar:
                _draw(axes[1], record, record["iterate"][..., 0], label, style, number)
        name = measure.replace("_", " ")
        _scales(axes[0], name.capitalize(), name, log=log)
        if scalar:
            _scales(axes[1], "Iterate", "x", log=False)
        figure.suptitle(_common(records), fontsize=9, color=theme.QUIET)
        figure.legend(
            *axes[0].get_legend_handles_labels(), loc="outside lower center", frameon=False
        )
        write_whole(path, rendered(figure, suffix, dpi=150))


def _window(problem: Problem) -> tuple[Array, Array]:
    """Corners of the picture: start and minimiser with room around, or a bounded 1-D domain."""
    if problem.dimension == 1 and problem.domain.bounded:
        low = problem.domain.project(np.array([-1e30]))
        return low, problem.domain.project(np.array([1e30]))
    points = [problem.start]
    if "minimizer" in problem.constants:
        points.append(np.asarray(problem.constants["minimizer"].value, float))
    low, high = np.min(points, axis=0), np.max(points, axis=0)
    side = 1.8 * max(float((high - low).max()), 1.0)
    room = (side - (high - low)) / 2
    return low - room, high + room


def _period(slopes: Sequence[Any]) -> int:
    """The least number of rounds after which samples repeat; 0 if they do not."""
    for length in range(1, len(slopes) // 2 + 1):
        if list(slopes[length:]) == list(slopes[:-length]):
            return length
    return 0


def _losses(axes: Axes, problem: Problem, x: Array) -> Any:
    """Draw the losses of single rounds; returns their mean where they repeat."""
    assert problem.samples is not None
    drawn = problem.samples(np.arange(1, 601), np.zeros(1, np.uint64))
    samples = drawn.reshape(600, -1)[:, 0].tolist()
    period = _period(samples)
    for number, sample in enumerate(dict.fromkeys(samples)):
        style = STYLES[1 + number % (len(STYLES) - 1)]
        axes.plot(
            x,
            problem.loss(x[:, None], sample),
            color=style.colour,
            ls=style.line,
            label=f"loss of a round with slope {sample:g}",
        )
        if number == 5:
            break
    if not period:
        return None
    return lambda points: np.mean([problem.loss(points, s) for s in samples[:period]], axis=0)


def _picture_1d(figure: Figure, problem: Problem) -> None:
    (low,), (high,) = _window(problem)
    x = np.linspace(low, high, 801)
    axes = figure.subplots()
    judged: Any = problem.objective if problem.has_objective else None
    name = "objective"
    changing = problem.samples is not None and problem.scalar
    if changing:
        mean = _losses(axes, problem, x)
        if judged is None:
            judged, name = mean, "mean over a period"
    if judged is not None:
        axes.plot(x, judged(x[:, None]), color=STYLES[0].colour, lw=2.2, label=name)
    marks = [("start", problem.start, STYLES[3])]
    if "minimizer" in problem.constants:
        minimizer = np.asarray(problem.constants["minimizer"].value, float)
        marks.append(("minimiser", minimizer, STYLES[0]))
    for label, point, style in marks:
        height = float(judged(point[None, :])[0]) if judged is not None else 0.0
        marker = "o" if label == "start" else "*"
        axes.plot(
            point,
            [height],
            marker,
            color=style.colour,
            ms=8 if label == "start" else 13,
            mec="white",
            ls="none",
            label=f"{label} {point[0]:g}",
            zorder=5,
            clip_on=False,
        )
    axes.set_xlabel("x")
    axes.set_ylabel("loss" if changing else "f(x)")
    figure.legend(
        *axes.get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False
    )


def _picture_2d(figure: Figure, problem: Problem) -> None:
    low, high = _window(problem)
    first, second = (np.linspace(low[i], high[i], 301) for i in (0, 1))
    points = np.stack(np.meshgrid(first, second), axis=-1)
    axes = figure.subplots()
    function, name = judged_function(problem)
    inside = problem.domain.contains(points)
    values = np.full(inside.shape, np.nan)
    values[inside] = function(points[inside])
    least = (
        problem.constant("minimum") if "minimum" in problem.constants else float(np.nanmin(values))
    )
    gap = values - least
    positive = gap[gap > 0]
    first_decade, last_decade = np.log10([np.quantile(positive, 0.002), positive.max()])
    halves = np.arange(np.ceil(2 * first_decade), np.floor(2 * last_decade) + 1)
    levels = 10 ** (halves / 2)
    lines = axes.contour(
        first, second, gap, levels=levels, cmap="cividis_r", norm="log", linewidths=1.1
    )
    bar = figure.colorbar(lines, ax=axes, label=f"{name} - least", ticks=levels[halves % 2 == 0])
    bar.ax.yaxis.set_major_formatter(LogFormatterSciNotation())
    bar.ax.minorticks_off()
    axes.plot(
        *problem.start, "o", color=STYLES[3].colour, ms=8, mec="white", ls="none", label="start"
    )
    if "minimizer" in problem.constants:
        minimizer = np.asarray(problem.constants["minimizer"].value, float)
        axes.plot(
            *minimizer,
            "*",
            color=STYLES[0].colour,
            ms=14,
            mec="white",
            ls="none",
            label="minimiser",
        )
    axes.set_aspect("equal")
    axes.grid(visible=False)
    axes.set_xlabel("x₁")
    axes.set_ylabel("x₂")
    figure.legend(
        *axes.get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False
    )


def picture_of_problem(problem: Problem, path: str | Path) -> None:
    """Draw a problem, with start and minimiser marked.

    Args:
        problem: One coordinate: its losses or objective; two: contour lines of what is judged;
            more, or a simplex: a line through start and minimiser, as in the gallery.
        path: Ends in .png, .pdf or .svg.

    Raises:
        InputError: The suffix is another, or the file cannot be written.
    """
    # The gallery draws on this module.
    from reports.gallery import contact_sheet

    suffix = accepted_suffix(path)
    with theme.themed():
        if problem.dimension > 2 or isinstance(problem.domain, Simplex):
            write_whole(path, rendered(contact_sheet([problem]), suffix, dpi=200))
            return
        figure = Figure(figsize=(6.4, 5.2), layout="constrained")
        if problem.dimension == 1:
            _picture_1d(figure, problem)
        else:
            _picture_2d(figure, problem)
        figure.suptitle(problem.title, fontsize=10, weight="bold")
        figure.axes[0].set_title(problem.formula, fontsize=8.5, weight="normal")
        write_whole(path, rendered(figure, suffix, dpi=150))

"""How figures look: colours, line styles, fonts and the A4 page.

Colours are those of Okabe and Ito, which remain distinct in the common forms of colour
blindness. Each goes with its own line style and marker, so figures also read in greyscale.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.textpath import TextToPath

__all__ = [
    "MARGIN",
    "PAGE",
    "STYLES",
    "Style",
    "caption",
    "line",
    "number_page",
    "page",
    "style_of",
    "themed",
    "wrapped",
]

#: A4 landscape, in inches.
PAGE = (11.69, 8.27)
#: Left and right margin of a page, in inches.
MARGIN = 0.65

INK = "#1a1a1a"
QUIET = "#5a5a5a"

_PARAMETERS: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 9.0,
    "axes.edgecolor": QUIET,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#dedede",
    "grid.linewidth": 0.6,
    "xtick.labelsize": 8.0,
    "ytick.labelsize": 8.0,
    "legend.fontsize": 8.0,
    "legend.frameon": True,
    "legend.framealpha": 0.9,
    "legend.edgecolor": "#dedede",
    "legend.handlelength": 3.2,
    "lines.linewidth": 1.6,
    "lines.markersize": 4.5,
    # Text in a PDF stays text that can be searched and copied.
    "pdf.fonttype": 42,
    # Otherwise the names inside an SVG differ from one run to the next.
    "svg.hashsalt": "convergence-suite",
}


@dataclass(frozen=True)
class Style:
    """How one curve is drawn.

    Attributes:
        colour: As "#rrggbb".
        line: A matplotlib line style.
        marker: A matplotlib marker.
    """

    colour: str
    line: Any
    marker: str

    def options(self, number: int = 0) -> dict[str, Any]:
        """Keyword arguments for `Axes.plot`.

        Args:
            number: Shifts the markers along the curve, so that those of equal curves differ.

        Returns:
            Colour, line style and markers.
        """
        return {
            "color": self.colour,
            "linestyle": self.line,
            "marker": self.marker,
            "markevery": (3 * number % 12, 12),
        }


#: In the order in which curves take them.
STYLES: tuple[Style, ...] = (
    Style("#D55E00", "-", "o"),
    Style("#0072B2", (0, (6, 2)), "s"),
    Style("#009E73", (0, (5, 1.5, 1, 1.5)), "^"),
    Style("#1a1a1a", (0, (1, 1.2)), "D"),
    Style("#CC79A7", (0, (3, 1, 1, 1, 1, 1)), "v"),
    Style("#56B4E9", (0, (10, 2)), "P"),
    Style("#E69F00", (0, (2, 2)), "X"),
)

_BY_RULE = {
    "adam": STYLES[0],
    "amsgrad": STYLES[1],
    "gradient-descent": STYLES[2],
    "heavy-ball": STYLES[3],
    "nesterov": STYLES[4],
}


def style_of(rule: str) -> Style:
    """The style that a rule has throughout the report.

    Args:
        rule: The key of a rule.

    Returns:
        Its style; the sixth for a rule that has none of its own.
    """
    return _BY_RULE.get(rule, STYLES[5])


@contextlib.contextmanager
def themed() -> Iterator[None]:
    """Draw with the suite's settings, whatever the user's own matplotlib settings are."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        for name, value in _PARAMETERS.items():
            matplotlib.rcParams[name] = value
        yield


@functools.lru_cache(maxsize=4096)
def _width(text: str, size: float, weight: str, family: str) -> float:
    """In points."""
    font = FontProperties(family=family, size=size, weight=weight)
    # TextToPath measures in pixels at its own resolution, 72 an inch: points.
    width, _, _ = TextToPath().get_text_width_height_descent(text, font, ismath=False)
    # Hinting widens text on a screen by up to this much.
    return 1.025 * float(width)


def _pieces(text: str, breaks: str) -> list[str]:
    pieces, piece = [], ""
    for character in text:
        piece += character
        if character in breaks:
            pieces.append(piece)
            piece = ""
    return [*pieces, piece] if piece else pieces


def wrapped(
    text: str,
    width: float,
    size: float,
    *,
    weight: str = "normal",
    family: str = "DejaVu Sans",
    breaks: str = " ",
) -> list[str]:
    """Break a text into lines by its measured width.

    Args:
        text: One paragraph.
        width: Of a line, in points.
        size: Of the font, in points.
        weight: "normal" or "bold".
        family: The font.
        breaks: Characters after which a line may end.

    Returns:
        The lines; a single piece wider than the line stands alone.
    """
    lines, line = [], ""
    for piece in _pieces(text, breaks):
        if line and _width((line + piece).rstrip(), size, weight, family) > width:
            lines.append(line.rstrip())
            line = ""
        line += piece
    return [*lines, line.rstrip()]


def page(title: str) -> Figure:
    """An empty A4 page with its heading.

    Args:
        title: Printed at the top.

    Returns:
        A figure that belongs to no window system.
    """
    figure = Figure(figsize=PAGE)
    left = MARGIN / PAGE[0]
    figure.text(left, 1 - 0.55 / PAGE[1], title, fontsize=14, weight="bold", color=INK, va="top")
    figure.text(left, 0.32 / PAGE[1], "The convergence suite", fontsize=7.5, color=QUIET)
    return figure


def number_page(figure: Figure, number: int, pages: int) -> None:
    """Print the page number at the foot.

    Args:
        figure: A page.
        number: From 1.
        pages: How many there are.
    """
    figure.text(
        1 - MARGIN / PAGE[0],
        0.32 / PAGE[1],
        f"{number} / {pages}",
        fontsize=7.5,
        color=QUIET,
        ha="right",
    )


def caption(figure: Figure, paragraphs: Sequence[str], runs: Sequence[str] = ()) -> float:
    """Print what is to be seen, and what was run, at the foot of a page.

    Args:
        figure: A page.
        paragraphs: Of the caption.
        runs: Lines in small type that say what each curve is.

    Returns:
        The height in inches at which the caption begins; panels belong above it.
    """
    width = (PAGE[0] - 2 * MARGIN) * 72
    printed: list[tuple[str, float, str]] = []
    for text in paragraphs:
        printed += [(line, 9.0, INK) for line in wrapped(text, width, 9.0)]
        printed.append(("", 4.0, INK))
    for text in runs:
        printed += [(line, 7.2, QUIET) for line in wrapped(text, width, 7.2)]
    top = 0.58 + sum(size * 1.36 for _, size, _ in printed) / 72
    height = top
    for text, size, colour in printed:
        if text:
            figure.text(
                MARGIN / PAGE[0],
                height / PAGE[1],
                text,
                fontsize=size,
                color=colour,
                va="top",
                parse_math=False,
            )
        height -= size * 1.36 / 72
    return top


def line(ends: Sequence[float], height: float, width: float) -> Line2D:
    """A horizontal rule of a table.

    Args:
        ends: Left and right, as fractions of the page.
        height: As a fraction of the page.
        width: In points.

    Returns:
        An artist for `Figure.add_artist`.
    """
    return Line2D(list(ends), [height, height], lw=width, color=QUIET)

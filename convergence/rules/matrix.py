"""Methods that see each block of the iterate as a matrix: Adafactor, Adam-mini and Muon.

A block of one axis is a matrix of one column. Deployed libraries leave such blocks, and embeddings
and heads, to AdamW; here the formulas are applied as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from convergence.rule import IDENTITY, rule
from convergence.rules.decay import with_decoupled_decay
from problems.arithmetic import (
    fixed_at,
    inverse_fourth_root,
    matmul,
    maximum,
    mean_along,
    norm_along,
    polar,
    ratio,
    sqrt,
    transpose,
)

__all__ = ["adafactor", "adam_mini", "muon", "shampoo"]


def _root_mean_square(x: Any) -> Any:
    """Of all entries of a block."""
    return sqrt(mean_along(x * x, "block"))


def _fifth_root(t: Any) -> Any:
    """The fifth root of a number of at least 1, by Newton's method from its fourth root.

    A power is not correctly rounded, and library versions disagree. Twelve steps reach the last
    bits for all t up to 10**12.
    """
    root = sqrt(sqrt(t))
    for _ in range(12):
        square = root * root
        root = (4 * root + t / (square * square)) / 5
    return root


@rule(
    source="shazeer2018, Algorithms 4 and 5",
    tags=("adaptive", "matrix"),
    row=0,
    column=0,
    power2=1,
)
def adafactor(
    g: Any,
    row: Any,
    column: Any,
    power2: Any,
    x: Any,
    t: Any,
    step_size: Any,
    *,
    beta2_rule: str = "power",
    beta2: float = 0.999,
    eps: float = 1e-30,
    clip_threshold: float = 1.0,
    relative_step: bool = True,
    least_scale: float = 1e-3,
    weight_decay: float = 0.0,
) -> Any:
    """Adafactor: a second moment of rank one, kept as means of rows and of columns.

    r and c are moving averages of the means of G**2 + eps along rows and columns, and the second
    moment of entry (i, j) is r_i c_j over the mean of r. The update U = G / sqrt(V) is divided by
    max(1, RMS(U) / d), d the setting `clip_threshold`. With `relative_step` the step size is
    multiplied by max(least_scale, RMS(X)); the paper's step sizes are then min(0.01, 1 / sqrt(t)).
    There is no first moment. Weight decay, if any, is decoupled and multiplied by the step size.
    """
    squares = g * g + eps
    if beta2_rule == "power":
        root = _fifth_root(t)
        decay = 1 - 1 / ((root * root) * (root * root))
    else:
        decay = beta2
    row = decay * row + (1 - decay) * mean_along(squares, "rows")
    column = decay * column + (1 - decay) * mean_along(squares, "columns")
    power2 = beta2 * power2
    # The mean of r appears once, so one correction is enough for the product.
    v = row * column / mean_along(row, "block")
    if beta2_rule == "constant":
        v = v / (1 - power2)
    update = ratio(g, sqrt(v))
    if not fixed_at(clip_threshold, 0):
        update = update / maximum(1.0, _root_mean_square(update) / clip_threshold)
    if relative_step:
        update = maximum(least_scale, _root_mean_square(x)) * update
    return (
        with_decoupled_decay(update, x, step_size, weight_decay, "step-size"),
        row,
        column,
        power2,
    )


@rule(
    source="zhang2025, Algorithm 1",
    tags=("adaptive", "momentum", "weight-decay", "matrix"),
    m=0,
    v=0,
    power1=1,
    power2=1,
)
def adam_mini(
    g: Any,
    m: Any,
    v: Any,
    power1: Any,
    power2: Any,
    x: Any,
    step_size: Any,
    *,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    weight_decay: float = 0.0,
) -> Any:
    """Adam-mini: AdamW with one second moment for each block, of the mean of its squares.

    Which parameters make a block is the paper's subject; here it is the problem's blocks.
    """
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * mean_along(g * g, "block")
    power1, power2 = beta1 * power1, beta2 * power2
    m_hat, root = m / (1 - power1), sqrt(v / (1 - power2))
    direction = ratio(m_hat, root) if fixed_at(eps, 0) else m_hat / (root + eps)
    direction = with_decoupled_decay(direction, x, step_size, weight_decay, "step-size")
    return direction, m, v, power1, power2


def _quintic(x: Any) -> Any:
    """Five steps X <- a X + b (X X^T) X + c (X X^T)**2 X, on a matrix of norm at most 1.

    A singular value s becomes a s + b s**3 + c s**5: after five steps those that were not tiny lie
    between 0.68 and 1.13 rather than at 1.
    """
    for _ in range(5):
        gram = matmul(x, transpose(x))
        # Not by the square of gram, which is large where x is a column.
        third = matmul(gram, x)
        x = 3.4445 * x - 4.7750 * third + 2.0315 * matmul(gram, third)
    return x


@rule(
    source=("jordan2024", "liu2025", "bernstein2024"),
    tags=("momentum", "weight-decay", "matrix"),
    u=0,
)
def muon(
    g: Any,
    u: Any,
    x: Any,
    step_size: Any,
    rows: Any,
    columns: Any,
    *,
    beta1: float = 0.95,
    nesterov: bool = True,
    orthogonalization: str = "quintic",
    scale: str = "tall",
    eps: float = 1e-7,
    weight_decay: float = 0.0,
) -> Any:
    """Muon: the momentum of each block with its singular values made about 1.

    U = beta1 U + G, and with `nesterov` G + beta1 U takes its place; that matrix, over its
    Frobenius norm plus eps, goes through five quintic steps, or is replaced by its polar factor.
    Three scales of the step are in use: `tall` is the first (Jordan et al.), `rms` that of Liu et
    al., by which entries are as large as those of AdamW, `spectral` that of the steepest descent in
    the norm that maps root mean squares to each other. Weight decay, if any, is decoupled and
    multiplied by the step size.
    """
    u = beta1 * u + g
    moved = g + beta1 * u if nesterov else u
    if orthogonalization == "polar":
        direction = polar(moved)
    else:
        size = norm_along(moved, "block")
        direction = _quintic(ratio(moved, size) if fixed_at(eps, 0) else moved / (size + eps))
    if scale == "tall":
        direction = sqrt(maximum(1.0, rows / columns)) * direction
    elif scale == "rms":
        direction = 0.2 * sqrt(maximum(rows, columns)) * direction
    elif scale == "spectral":
        direction = sqrt(rows / columns) * direction
    return with_decoupled_decay(direction, x, step_size, weight_decay, "step-size"), u


def _positive_start(settings: Mapping[str, Any]) -> str:
    return (
        "" if settings["initial"] > 0 else "initial=0 must be above 0: matrices are divided by it"
    )


@rule(
    source="gupta2018, Algorithm 1",
    tags=("adaptive", "matrix"),
    accepts=_positive_start,
    left=IDENTITY,
    right=IDENTITY,
)
def shampoo(g: Any, left: Any, right: Any, *, initial: float = 1e-4) -> Any:
    """Shampoo: gradients of each block scaled from the left and from the right.

    L_t = L_{t-1} + G G', R_t = R_{t-1} + G' G, from eps = `initial` times the identity, and the
    direction is L_t**(-1/4) G R_t**(-1/4). The state is L_t / eps and R_t / eps. One entry is
    AdaGrad's g / sqrt(eps + sum g**2). Deployed versions add momentum, forget old gradients, and
    take the length of a step from another method.
    """
    left = left + matmul(g, transpose(g)) / initial
    right = right + matmul(transpose(g), g) / initial
    scaled = matmul(matmul(inverse_fourth_root(left), g), inverse_fourth_root(right))
    return scaled / sqrt(initial), left, right

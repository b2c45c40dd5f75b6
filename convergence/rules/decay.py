"""Weight decay, the two ways: joined to the gradient or to the step."""

from __future__ import annotations

from typing import Any

from problems.arithmetic import fixed_at

__all__ = ["with_coupled_decay", "with_decoupled_decay"]


def with_coupled_decay(g: Any, x: Any, weight_decay: Any) -> Any:
    """The gradient of the loss plus weight_decay/2 ||x||**2; g itself without decay."""
    return g if fixed_at(weight_decay, 0) else g + weight_decay * x


def with_decoupled_decay(
    direction: Any, x: Any, step_size: Any, weight_decay: Any, decay_scale: str
) -> Any:
    """The step with decay that no moment has seen.

    With `decay_scale="none"` the decay is not multiplied by the step size; the result then is a
    displacement.
    """
    if fixed_at(weight_decay, 0):
        return direction
    if decay_scale == "step-size":
        return direction + weight_decay * x
    return step_size * direction + weight_decay * x

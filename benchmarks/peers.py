"""The peers of `speed.py`: hand-written C, optax, torch, scikit-learn, and numpy's matrix product.

Each function returns an action to time, set up and warmed up; what the action returns is the final
iterate. A peer that is not there raises `MissingError` with the reason.
"""

from __future__ import annotations

import ctypes
import functools
import math
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["ALPHA", "SLOPES", "C", "MissingError"]

ALPHA = 0.1
SLOPES = (3.0, -1.0, -1.0)
FLAGS = ("-O3", "-march=native", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math")
#: Which registers are best depends on the core: both are built, and the faster one is the peer.
WIDTHS = (256, 512)

Action = Callable[[], Any]


class MissingError(Exception):
    """Why a peer cannot be measured."""


# C


class C:
    """The functions of adam.c, compiled with the system's gcc."""

    def __init__(self) -> None:
        gcc = shutil.which("gcc")
        if gcc is None:
            raise MissingError("no gcc")
        self._folder = tempfile.TemporaryDirectory()
        source = Path(__file__).with_name("adam.c")
        self.version = _output([gcc, "--version"]).splitlines()[0]
        self._libraries = []
        for width in WIDTHS:
            target = Path(self._folder.name) / f"adam{width}.so"
            wide = f"-mprefer-vector-width={width}"
            command = [gcc, *FLAGS, wide, "-shared", "-fPIC", "-o", str(target), str(source), "-lm"]
            try:
                subprocess.run(command, check=True, capture_output=True, text=True)
            except subprocess.CalledProcessError as error:
                raise MissingError(f"gcc failed: {error.stderr.strip()[-200:]}") from error
            self._libraries.append(ctypes.CDLL(str(target)))

    def one(self, name: str, steps: int) -> dict[str, Action]:
        """One run, in several forms."""
        forms = {}
        for form, suffix in (("sizes in the loop", "one"), ("sizes ahead", "ahead")):
            function = getattr(self._libraries[-1], f"{name}_{suffix}")
            function.restype = ctypes.c_double
            arguments = (ctypes.c_long(steps), ctypes.c_double(ALPHA))
            forms |= self._flushed(form, functools.partial(function, *arguments))
        return forms

    def lanes(self, name: str, steps: int, lanes: int) -> dict[str, Action]:
        """Many runs in blocks, by the width of the registers."""
        forms = {}
        for width, library in zip(WIDTHS, self._libraries, strict=True):
            function = getattr(library, f"{name}_lanes")
            function.restype = None

            def action(function: Any = function) -> Any:
                x = np.zeros(lanes)
                pointer = ctypes.c_void_p(x.ctypes.data)
                whole = ctypes.c_long(steps), ctypes.c_long(lanes), ctypes.c_double(ALPHA)
                function(*whole, pointer)
                return x

            forms |= self._flushed(f"{width} bits", action)
        return forms

    def _flushed(self, form: str, action: Action) -> dict[str, Action]:
        """The action as it is, and with subnormal numbers counted as 0."""
        flush = self._libraries[0].flush_subnormals

        def flushed() -> Any:
            flush(ctypes.c_int(1))
            try:
                return action()
            finally:
                flush(ctypes.c_int(0))

        return {form: action, f"{form}, subnormals flushed": flushed}

    def throughput(self, operation: str, rounds: int = 100_000) -> list[Action]:
        """Sixty-four divisions or roots that do not wait for one another, so many times."""
        actions = []
        for library in self._libraries:
            function = getattr(library, operation)
            function.restype = ctypes.c_double
            a = np.full(64, 1.25)

            def action(function: Any = function, a: Any = a) -> Any:
                return function(ctypes.c_long(rounds), ctypes.c_void_p(a.ctypes.data))

            actions.append(action)
        return actions


def _output(command: list[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


# optax


@functools.cache
def _jax() -> tuple[Any, Any]:
    try:
        import jax
        import optax
    except ImportError as error:
        raise MissingError(f"no {error.name}") from error
    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_platforms", "cpu")
    return jax, optax


def optax_adam(steps: int, lanes: int | None, hinges: bool = False) -> Action:
    """Adam on the slopes (or hinges) in `jax.lax.scan`, alone or under `vmap`; compiled."""
    jax, optax = _jax()
    jnp = jax.numpy
    slopes = jnp.array(SLOPES)
    method = optax.adam(lambda count: ALPHA / jnp.sqrt(count + 1.0), b1=0.9, b2=0.999, eps=1e-8)

    def round_(carry: Any, t: Any) -> Any:
        x, state = carry
        slope = slopes[t % 3]
        if hinges:
            g = jnp.where(jnp.where(slope > 0, x < -1.0, x > 1.0), 0.0, slope)
        else:
            # As a variable of the lane, so that every lane keeps moments of its own.
            g = slope + 0.0 * x
        updates, state = method.update(g, state, x)
        x = optax.apply_updates(x, updates)
        return (x if hinges else jnp.clip(x, -1.0, 1.0), state), None

    def whole(x: Any) -> Any:
        (x, _), _ = jax.lax.scan(round_, (x, method.init(x)), jnp.arange(steps))
        return x

    start = jnp.zeros(()) if lanes is None else jnp.zeros(lanes)
    compiled = jax.jit(whole if lanes is None else jax.vmap(whole)).lower(start).compile()
    return lambda: np.asarray(compiled(start))


def optax_logistic(
    features: NDArray[np.float64],
    signs: NDArray[np.float64],
    ridge: float,
    *,
    batch: int,
    seeds: int,
    steps: int,
    alpha: float,
) -> Action:
    """Adam with mini-batches on logistic regression under `vmap` over the seeds, in float64."""
    jax, optax = _jax()
    jnp = jax.numpy
    A, y = jnp.asarray(features), jnp.asarray(signs)
    method = optax.adam(alpha, b1=0.9, b2=0.999, eps=1e-8)

    def loss(w: Any, rows: Any) -> Any:
        scores = y[rows] * (A[rows] @ w)
        return jnp.mean(jax.nn.softplus(-scores)) + ridge / 2 * (w @ w)

    def round_(carry: Any, t: Any) -> Any:
        w, state, key = carry
        rows = jax.random.randint(jax.random.fold_in(key, t), (batch,), 0, y.size)
        updates, state = method.update(jax.grad(loss)(w, rows), state, w)
        return (optax.apply_updates(w, updates), state, key), None

    def whole(key: Any) -> Any:
        w = jnp.zeros(A.shape[1])
        (w, _, _), _ = jax.lax.scan(round_, (w, method.init(w), key), jnp.arange(steps))
        return w

    keys = jax.random.split(jax.random.key(0), seeds)
    compiled = jax.jit(jax.vmap(whole)).lower(keys).compile()
    return lambda: np.asarray(compiled(keys))


# torch


def torch_adam(steps: int) -> Action:
    """`torch.optim.Adam`, eager, one parameter."""
    try:
        import torch
    except ImportError as error:
        raise MissingError(f"no {error.name}") from error
    torch.set_num_threads(1)

    def action() -> Any:
        x = torch.zeros(1, dtype=torch.float64, requires_grad=True)
        method = torch.optim.Adam([x], lr=ALPHA, betas=(0.9, 0.999), eps=1e-8)
        for t in range(1, steps + 1):
            method.param_groups[0]["lr"] = ALPHA / math.sqrt(t)
            method.zero_grad()
            (SLOPES[(t - 1) % 3] * x).sum().backward()
            method.step()
            with torch.no_grad():
                x.clamp_(-1.0, 1.0)
        return x.item()

    return action


# scikit-learn and numpy


def sklearn_epochs(
    features: Any, signs: NDArray[np.float64], alpha: float, epochs: int, shuffle: bool
) -> Action:
    """Plain SGD in `SGDClassifier`: logistic regression without a penalty or an intercept."""
    import warnings

    try:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import SGDClassifier
    except ImportError as error:
        raise MissingError(f"no {error.name}") from error

    def action() -> Any:
        model = SGDClassifier(
            loss="log_loss",
            penalty=None,
            fit_intercept=False,
            learning_rate="constant",
            eta0=alpha,
            max_iter=epochs,
            tol=None,
            shuffle=shuffle,
            random_state=0,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(features, signs)
        return model.coef_[0]

    return action


def matmul(matrix: NDArray[np.float64], points: NDArray[np.float64], times: int) -> Action:
    """The product of points with a matrix, so many times."""
    out = np.empty_like(points)

    def action() -> Any:
        for _ in range(times):
            np.matmul(points, matrix, out=out)
        return out

    return action

"""What a problem is: a domain, an oracle, a start point and constants, each with its proof."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, wraps
from pathlib import PurePath
from typing import Any, Literal, Protocol, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from problems.domain import Domain
from problems.notation import InputError, nearest, require
from problems.parameters import is_whole
from problems.registry import Entry, Registry

__all__ = [
    "CONSTANTS",
    "TAGS",
    "Constant",
    "Deferred",
    "Examples",
    "Known",
    "Lettered",
    "Outcomes",
    "Problem",
    "Stationary",
    "catalogue",
    "derived",
    "exact",
    "once",
    "problem",
    "split",
]

Computed = TypeVar("Computed")
Known = Literal["exact", "derived", "computed"]

#: The letters by which schedules and claims may ask for a constant, and what each means.
CONSTANTS: Mapping[str, str] = {
    "L": "smoothness: ||grad f(x) - grad f(y)||_2 <= L ||x - y||_2",
    "mu": "strong convexity in the Euclidean norm",
    "mu_pl": "Polyak-Lojasiewicz: ||grad f(x)||_2**2 >= 2 mu_pl (f(x) - minimum)",
    "G": "Euclidean bound on every (stochastic) gradient on the domain",
    "G_inf": "sup-norm bound on every (stochastic) gradient on the domain",
    "sigma2": "variance of the stochastic gradient: E||g - grad f(x)||_2**2 <= sigma2",
    "M": "growth of the stochastic gradient: E||g||_2**2 <= M + M_G ||grad f(x)||_2**2",
    "M_G": "the factor in that growth; with M = 0 it is the strong growth constant rho",
    "L_max": "smoothness of every single (sampled) loss",
    "mu_min": "strong convexity of every single (sampled) loss",
    "L_spectral": "smoothness in the spectral norm of the blocks: ||grad f(X) - grad f(Y)||_nuc "
    "<= L_spectral ||X - Y||_spec; of several blocks, the sum of the nuclear norms and the largest "
    "spectral norm; a block of one axis counts as a column",
    "nonzeros": "largest number of nonzero coordinates of a (stochastic) gradient",
    "minimum": "least value of the objective on the domain",
    "minimizer": "a point where the minimum, or the best fixed point in hindsight, is attained",
}

# At so many points, near and far, the function that is shown is held against the one judged: values
# of one function, computed in two ways, differ by no more than this share.
_PROBES, _SAME = 32, 1e-9

#: What a problem may be tagged with, and what each tag asserts. The first group is tested by the
#: laws of `problems.laws`, the second follows from the object, the third says where it belongs.
TAGS: Mapping[str, str] = {
    "convex": "every loss is convex",
    "convex-on-average": "the objective is convex, but not every loss that it averages",
    "non-convex": "the objective is not convex",
    "star-convex": "f(x) - f* <= grad f(x).(x - x*) for the minimiser x*",
    "linear": "every loss is linear",
    "smooth": "every loss is differentiable",
    "non-smooth": "some loss is not differentiable somewhere; what is taken there is stated",
    "interpolation": "one point minimises every single loss",
    "1-D": "the dimension is 1",
    "stochastic": "what a round shows is drawn at random",
    "strongly-convex": "a positive mu is stated",
    "polyak-lojasiewicz": "a positive mu_pl is stated",
    "online": "losses change from round to round and are judged by regret",
    "periodic": "the losses repeat",
    "finite-sum": "the objective is a mean over examples",
    "counterexample": "built to make a method fail",
    "worst-case": "built to attain a bound",
    "sparse": "gradients have few nonzero coordinates",
    "real-data": "built from measured data",
    "test-function": "a classical landscape of the optimization literature",
    "saddle": "has a stationary point that is no minimum",
}


@dataclass(frozen=True)
class Constant:
    """A number and how it is known.

    Attributes:
        value: A float, or an array of shape (n,) for a point.
        known: "exact" (attained), "derived" (a proved bound) or "computed" (to the tolerance).
        how: The formula or the computation, in a phrase.
        tolerance: For a computed constant, the certified largest error, in its own unit.
        at: Where it is attained, if that is not near the start or a stationary point: shape (n,).
    """

    value: Any
    known: Known
    how: str
    tolerance: float = 0.0
    at: Any = None

    def __post_init__(self) -> None:
        require(
            np.isfinite(np.asarray(self.value, float)).all(),
            f"a constant is {self.value!r}; leave out what is not known ({self.how})",
        )


def exact(value: Any, how: str = "by the formula", at: Any = None) -> Constant:
    """A constant that is exactly this, attained at a point."""
    return Constant(value, "exact", how, at=at)


def derived(value: Any, how: str) -> Constant:
    """A proved bound that need not be attained."""
    return Constant(value, "derived", how)


class Deferred(Mapping[str, Constant]):
    """Constants of which some are computed when they are first asked for.

    Args:
        parts: By letter, a Constant or a function without arguments that returns one.
    """

    def __init__(self, parts: Mapping[str, Constant | Callable[[], Constant]]):
        self._parts = dict(parts)

    def __getitem__(self, letter: str) -> Constant:
        part = self._parts[letter]
        if not isinstance(part, Constant):
            # On one thread, whose number may change the last bits of matrix products.
            with threadpool_limits(1, user_api="blas"):
                part = self._parts[letter] = part()
        return part

    def __contains__(self, letter: object) -> bool:
        return letter in self._parts

    def __iter__(self) -> Iterator[str]:
        return iter(self._parts)

    def __len__(self) -> int:
        return len(self._parts)


@dataclass(frozen=True)
class Stationary:
    """A point where the gradient of the objective vanishes.

    Attributes:
        point: Shape (n,).
        kind: "minimum" (global), "local minimum", "saddle" or "maximum" (a local one).
        how: Where it comes from, in a phrase.
        curvature: The eigenvalues of the Hessian in increasing order, if they are known.
        tolerance: The largest error of a coordinate of a point that was rounded.
    """

    point: Any
    kind: Literal["minimum", "local minimum", "saddle", "maximum"]
    how: str = ""
    curvature: tuple[float, ...] | None = None
    tolerance: float = 0.0


@dataclass(frozen=True)
class Outcomes:
    """Every value that one independent draw may take.

    Attributes:
        samples: Shape (k, ...), each as a lane's sample of a batch of one.
        probabilities: Shape (k,).
        averaged: A round's gradient is the mean over so many independent draws.
    """

    samples: NDArray[Any]
    probabilities: NDArray[np.float64]
    averaged: int = 1


@dataclass(frozen=True)
class Examples:
    """Examples that rounds draw rows of, and the slope of their losses l(a.x, y).

    The gradient of a round is the mean of slope(a.x, y) a over its rows, plus ridge x. Scores and
    the mean are summed in the order of columns and of rows, each slope divided by the number of
    rows first.

    Attributes:
        features: The rows a, shape (examples, n): a dense array, or a sparse one by rows
            (`csr_matrix`) with columns that increase.
        targets: The y, shape (examples,).
        slope: (score, y) -> the derivative in the score, written with `problems.arithmetic`.
        ridge: The factor of x.
        gradient: The gradient formula that this describes; a problem with another one has no
            examples that a loop may go by.
    """

    features: Any
    targets: NDArray[np.float64]
    slope: Callable[[Any, Any], Any]
    ridge: float
    gradient: Callable[[Any, Any], Any]

    @property
    def sparse(self) -> bool:
        """Whether the features are."""
        return not isinstance(self.features, np.ndarray)

    @cached_property
    def largest(self) -> float:
        """The largest size of an entry."""
        return float(abs(self.features).max())


class Lettered:
    """A formula of (x, sample) that leaves parameters of the problem open.

    Calling it takes the parameters as float64. A program that is compiled once for all values, or
    exact arithmetic, calls `formula` with numbers, or symbols, of its own.

    Args:
        formula: (x, sample, **letters) -> value, written with `problems.arithmetic`.
        letters: The values by name; one that was typed stays what was typed.
    """

    def __init__(self, formula: Callable[..., Any], **letters: float):
        self.formula = formula
        self.letters = letters

    def __call__(self, x: Any, sample: Any) -> Any:
        """The value, with the parameters as float64."""
        return self.formula(x, sample, **self.letters)


def once(function: Callable[[Problem], Computed]) -> Callable[[Problem], Computed]:
    """A function of a problem alone, which is computed once for each problem."""

    @wraps(function)
    def known(problem: Problem) -> Computed:
        # Beside the fields, where cached properties are kept too: a problem made anew has none.
        found = vars(problem).setdefault(f"once {function.__module__}.{function.__qualname__}", [])
        if not found:
            found.append(function(problem))
        value: Computed = found[0]
        return value

    return known


Samples = Callable[[NDArray[np.int64], NDArray[np.uint64]], NDArray[Any]]


@runtime_checkable
class BlockSamples(Protocol):
    """Samples, the same for every seed, that give those of a block of rounds without looking up."""

    def block(self, first: int, count: int) -> NDArray[Any]:
        """Those of `count` rounds from `first` on, shape (count,)."""


Hindsight = Callable[[NDArray[np.int64], NDArray[np.uint64]], NDArray[np.float64]]

Blocks = Mapping[str, tuple[int, ...]]


def split(x: Any, blocks: Blocks) -> dict[str, Any]:
    """The blocks of points as matrices.

    Args:
        x: Shape (..., n): the entries of the blocks in row-major order, one block after the other.
        blocks: Names and shapes, each of one or two axes.

    Returns:
        By name, views of x of shape (..., rows, columns); a block of one axis is a column,
        (..., rows, 1).

    Raises:
        InputError: The blocks do not have n entries together.
    """
    x = np.asarray(x)
    total = sum(map(math.prod, blocks.values()))
    require(
        x.ndim and x.shape[-1] == total,
        f"the blocks {_listed(blocks)} have {total} entries together, but points have the shape "
        f"{x.shape}",
    )
    parts, begin = {}, 0
    for name, shape in blocks.items():
        end = begin + math.prod(shape)
        parts[name] = x[..., begin:end].reshape(*x.shape[:-1], shape[0], math.prod(shape[1:]))
        begin = end
    return parts


def _listed(blocks: Blocks) -> str:
    return ", ".join(f"{name} {shape}" for name, shape in blocks.items())


def _accepted_blocks(blocks: Any, n: int) -> dict[str, tuple[int, ...]]:
    """Names and shapes of blocks with n entries together; of none, one block of all.

    Raises:
        InputError: A name or a shape is not accepted, or the sizes do not add up.
    """
    require(
        isinstance(blocks, Mapping),
        f"blocks={blocks!r} must map names to shapes, as in {{'W': (4, 3), 'b': (4,)}}",
    )
    accepted: dict[str, tuple[int, ...]] = {}
    for name, shape in (blocks or {"x": (n,)}).items():
        require(
            isinstance(name, str) and name.isidentifier(),
            f"the block {name!r} must be named by an identifier, such as 'W'",
        )
        require(
            isinstance(shape, (tuple, list))
            and len(shape) in (1, 2)
            and all(is_whole(size, 1) for size in shape),
            f"the block {name!r} has the shape {shape!r}; a shape is one or two whole numbers of "
            "at least 1, such as (4, 3) or (4,)",
        )
        accepted[name] = tuple(map(int, shape))
    total = sum(map(math.prod, accepted.values()))
    require(
        total == n,
        f"the blocks {_listed(accepted)} have {total} entries together, but the start point has "
        f"{n}",
    )
    return accepted


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Losses to be minimised over a domain.

    What an optimizer sees of round t is `loss_formula(x, sample)` and
    `gradient_formula(x, sample)`, where the sample (a slope, the rows of a mini-batch) is a
    function of t and of the seed. Points lie along the last axis. A *scalar* problem has
    dimension 1 and formulas in plain numbers, written with `problems.arithmetic` only, so that
    they also run on floats and can be traced.

    The iterate may consist of named *blocks*, matrices or vectors. Points are flat all the same:
    the n coordinates are the entries of the blocks in row-major order, one block after the other.
    `matrices` gives the blocks of a point.

    Attributes:
        formula: The losses in one line of text.
        domain: Where iterates live.
        start: Shape (n,), the first iterate.
        blocks: The names of the parts of the iterate, each an identifier, and their shapes of one
            or two axes, n entries together. Left out, it is one block, {"x": (n,)}.
        scalar: Whether the formulas take numbers instead of vectors.
        loss_formula: (x, sample) -> loss, shape (...) for x of shape (..., n).
        gradient_formula: (x, sample) -> gradient, shape (..., n). At a kink, the subgradient
            taken is stated in `formula`. If it is left out, central differences are taken, with a
            warning.
        samples: (rounds, seeds) -> array (rounds,) if every seed sees the same, else
            (rounds, seeds, ...). None if every round is the same function.
        stochastic: Whether the samples depend on the seed.
        objective_formula: The function that is judged, where it is not the loss of each round.
        objective_gradient_formula: Its gradient.
        hindsight_formula: (rounds, seeds) -> array (seeds, rounds): the least sum of the losses
            of rounds 1..T that a fixed point of the domain attains, for each T.
        constants: By the letters of `CONSTANTS`.
        unknown: Letters that cannot be given, with the reason.
        stationary: Points where the gradient of the objective vanishes, besides the minimiser.
        outcomes: Returns every value of a draw, where there are finitely many.
        affine: Whether every gradient is affine in x on the domain: losses are quadratic or linear.
        noise_variance: Where draws have no list of outcomes, but add to the exact gradient a noise
            whose law does not depend on x: the variance of each coordinate, and coordinates are
            uncorrelated.
        examples: Where a round draws rows of examples and takes the mean of losses of scores,
            with a ridge or not: what a compiled loop needs to know of them.
        fresh_margin: Of points (..., n) the least margin y w.x of an example never seen, shape
            (...), where the problem says how such examples are drawn.
        tags: Keys of `TAGS`; those that follow from the object are added.
        by_differences: Whether the gradient is taken by differences; set where it is left out.
        exact_gradient_cost: What an exact gradient costs in stochastic ones.
        shows: Another problem whose samples this one's rounds pass on.
        entry: The catalogue entry it was built from.
        settings: The parameters it was built with.
    """

    formula: str
    domain: Domain
    start: NDArray[np.float64]
    loss_formula: Callable[[Any, Any], Any]
    gradient_formula: Callable[[Any, Any], Any] | None = None
    blocks: Blocks = field(default_factory=dict)
    scalar: bool = False
    samples: Samples | None = None
    stochastic: bool = False
    objective_formula: Callable[[Any], Any] | None = None
    objective_gradient_formula: Callable[[Any], Any] | None = None
    hindsight_formula: Hindsight | None = None
    constants: Mapping[str, Constant] = field(default_factory=dict)
    unknown: Mapping[str, str] = field(default_factory=dict)
    stationary: tuple[Stationary, ...] = ()
    outcomes: Callable[[], Outcomes] | None = None
    affine: bool = False
    noise_variance: float | None = None
    examples: Examples | None = None
    fresh_margin: Callable[[Any], Any] | None = None
    tags: tuple[str, ...] = ()
    by_differences: bool = False
    exact_gradient_cost: float = 1.0
    shows: Problem | None = None
    entry: Entry[Problem] | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        start = np.array(self.start, dtype=float, ndmin=1)
        object.__setattr__(self, "start", start)
        for name in ("project", "contains", "diameter", "bounded"):
            require(
                hasattr(self.domain, name),
                f"domain={self.domain!r} has no {name}; take WholeSpace(), Box, Ball or Simplex, "
                "or write a class like them",
            )
        require(start.ndim == 1, f"the start point has shape {start.shape}; it must be (n,)")
        # Sentences that take long to write are written only where they are wanted.
        if not np.isfinite(start).all():
            raise InputError(f"the start point {start} is not finite")
        require(not self.scalar or start.size == 1, "a scalar problem has dimension 1")
        object.__setattr__(self, "blocks", _accepted_blocks(self.blocks, start.size))
        if not np.all(self.domain.contains(start)):
            raise InputError(f"the start point {start} lies outside {self.domain}")
        for name in (*self.constants, *self.unknown):
            if name not in CONSTANTS:
                raise InputError(f"{name!r} is no constant; {nearest(name, CONSTANTS)}")
        for tag in self.tags:
            if tag not in TAGS:
                raise InputError(f"{tag!r} is no tag; {nearest(tag, TAGS)}")
        self._check_order()
        if "minimizer" in self.constants and not isinstance(self.constants, Deferred):
            shape = np.shape(self.constants["minimizer"].value)
            require(
                shape == start.shape,
                f"the minimizer has shape {shape}, the start point {start.shape}",
            )
        if self.gradient_formula is None:
            object.__setattr__(self, "gradient_formula", self._differences)
            object.__setattr__(self, "by_differences", True)
            warnings.warn(
                f"no gradient is given for {self.formula!r}: central differences are taken, "
                "which are right to about ten digits",
                stacklevel=3,
            )
        follows = {
            "1-D": start.size == 1,
            "stochastic": self.stochastic,
            "strongly-convex": "mu" in self.constants and self.constant("mu") > 0,
            "polyak-lojasiewicz": "mu_pl" in self.constants and self.constant("mu_pl") > 0,
        }
        tags = dict.fromkeys([*self.tags, *(tag for tag, true in follows.items() if true)])
        object.__setattr__(self, "tags", tuple(tags))

    def _check_order(self) -> None:
        """Refuse constants that contradict each other."""
        for smaller, larger in (
            ("mu_min", "mu"),
            ("mu", "L"),
            ("mu_pl", "L"),
            ("mu", "mu_pl"),
            ("L", "L_max"),
            # The nuclear norm is at least the Frobenius norm, the spectral norm at most that.
            ("L", "L_spectral"),
            ("G_inf", "G"),
            *(
                (letter, None)
                for letter in ("L_max", "L_spectral", "G", "sigma2", "M", "M_G", "nonzeros")
            ),
        ):
            if smaller not in self.constants:
                continue
            low = self.constant(smaller)
            require(low >= 0, f"{smaller}={low!r} must not be negative")
            if larger in self.constants:
                high = self.constant(str(larger))
                # Both may be computed, each to its last bits.
                require(low <= high * (1 + 1e-12), f"{smaller}={low!r} exceeds {larger}={high!r}")

    # Identity

    @property
    def key(self) -> str:
        """The catalogue key, without parameters."""
        return self.entry.key if self.entry else "unregistered"

    @property
    def stem(self) -> str:
        """The key as the name of a file."""
        return PurePath(self.key).name.replace("::", "-").replace(".py-", "-").removesuffix(".py")

    @property
    def title(self) -> str:
        """One line, from the docstring of its entry."""
        return self.entry.title if self.entry else self.formula

    @cached_property
    def specification(self) -> str:
        """The text that builds the problem again."""
        return self.entry.specification(self.settings) if self.entry else "unregistered"

    @property
    def dimension(self) -> int:
        """n, the number of coordinates."""
        return self.start.size

    def matrices(self, x: Any) -> dict[str, NDArray[np.float64]]:
        """The blocks of points, by name: views of shape (..., rows, columns).

        A block of one axis is a column, (..., rows, 1).

        Raises:
            InputError: The points are not of shape (..., n).
        """
        return split(x, self.blocks)

    @cached_property
    def shows_another_function(self) -> str:
        """Which of losses and gradients that rounds show are not those that are judged, or "".

        They are compared at points near the start and far from it, where nothing is drawn.
        """
        directions = np.random.default_rng(0).standard_normal((_PROBES, self.dimension))
        sizes = np.vstack([[0.0], 2.0 ** np.linspace(-20, 10, _PROBES)[1:, None]])
        points = self.domain.project(self.start + sizes * directions)
        with np.errstate(all="ignore"):
            for what, shown, judged in (
                ("gradients", self.gradient(points), self.objective_gradient(points)),
                ("losses", self.loss(points)[:, None], self.objective(points)[:, None]),
            ):
                apart, size = abs(shown - judged).max(axis=1), abs(judged).max(axis=1)
                if (apart > _SAME * (size + size[0])).any():
                    return what
        return ""

    @property
    def reshuffled(self) -> bool:
        """Whether each epoch shows every outcome once, in a fresh order."""
        return self.outcomes is not None and self.settings.get("order") == "reshuffled"

    @property
    def dependent_draws(self) -> str:
        """Why the samples of different rounds are not independent draws, or ""."""
        if self.shows is not None:
            return self.shows.dependent_draws
        if self.samples is None:
            return ""
        if not self.stochastic:
            return "the losses follow a fixed sequence"
        # What is drawn without replacement depends on what was drawn before.
        order = self.settings.get("order", "independent")
        return "" if order == "independent" else f"the order is {order}"

    def _differences(self, x: Any, sample: Any) -> Any:
        """Central differences of the loss, coordinate by coordinate."""
        if self.scalar:
            step = 2.0**-17 * (1.0 + abs(x))
            ahead, behind = x + step, x - step
            change = self.loss_formula(ahead, sample) - self.loss_formula(behind, sample)
            return change / (ahead - behind)
        slope = np.empty_like(x)
        for i in range(x.shape[-1]):
            ahead, behind = x.copy(), x.copy()
            step = 2.0**-17 * (1.0 + abs(x[..., i]))
            ahead[..., i] += step
            behind[..., i] -= step
            change = self.loss_formula(ahead, sample) - self.loss_formula(behind, sample)
            slope[..., i] = change / (ahead[..., i] - behind[..., i])
        return slope

    def probe(self) -> None:
        """Evaluate the first round at the start and look at what comes back, once.

        Raises:
            InputError: A loss or gradient has the wrong shape or type, or is not finite.
        """
        _ = self._probed

    @cached_property
    def _probed(self) -> bool:
        x, sample = np.stack([self.start, self.start]), None
        if self.samples is not None:
            x, sample = x[:1], self.samples(np.array([1]), np.zeros(1, np.uint64))[0]
        oracle: list[tuple[str, Callable[[], Any], tuple[int, ...]]] = [
            ("loss", lambda: self.loss(x, sample), x.shape[:1]),
            ("gradient", lambda: self.gradient(x, sample), x.shape),
        ]
        if self.has_objective:
            oracle += [
                ("objective", lambda: self.objective(x), x.shape[:1]),
                ("objective gradient", lambda: self.objective_gradient(x), x.shape),
            ]
        with np.errstate(all="ignore"):
            for name, evaluate, shape in oracle:
                try:
                    value = np.asarray(evaluate())
                except InputError:
                    raise
                except Exception as error:
                    raise InputError(
                        f"the {name} of problem {self.specification} fails on points of shape "
                        f"{x.shape}: {error}"
                    ) from error
                of = f"the {name} of problem {self.specification}"
                require(
                    value.shape == shape,
                    f"{of} has shape {value.shape} for points of shape {x.shape}; "
                    f"it must have shape {shape}",
                )
                require(
                    value.dtype == np.float64,
                    f"{of} is of type {value.dtype}; it must be float64",
                )
                require(
                    np.isfinite(value).all(),
                    f"{of} is not finite at its start point "
                    f"{np.array2string(self.start, threshold=6)}",
                )
        return True

    # Oracle, on points of shape (..., n)

    def loss(self, x: Any, sample: Any = None) -> NDArray[np.float64]:
        """The loss of the round with this sample; shape (...) for x of shape (..., n)."""
        x = np.asarray(x, float)
        if self.scalar:
            value = np.asarray(self.loss_formula(x[..., 0], sample), float)
            return np.broadcast_to(value, x.shape[:-1])
        return np.asarray(self.loss_formula(x, sample))

    def gradient(self, x: Any, sample: Any = None) -> NDArray[np.float64]:
        """The gradient of that loss, of the shape of x."""
        assert self.gradient_formula is not None
        x = np.asarray(x, float)
        if self.scalar:
            slope = np.asarray(self.gradient_formula(x[..., 0], sample), float)
            return np.broadcast_to(slope, x.shape[:-1])[..., None]
        return np.asarray(self.gradient_formula(x, sample))

    @property
    def has_objective(self) -> bool:
        """Whether one fixed function is minimised."""
        return self.objective_formula is not None or self.samples is None

    def objective(self, x: Any) -> NDArray[np.float64]:
        """The function that is minimised; shape (...) for x of shape (..., n).

        Raises:
            InputError: The losses change from round to round and have no common objective.
        """
        self._needs_objective()
        if self.objective_formula is None:
            return self.loss(x)
        x = np.asarray(x, float)
        if self.scalar:
            value = np.asarray(self.objective_formula(x[..., 0]), float)
            return np.broadcast_to(value, x.shape[:-1])
        return np.asarray(self.objective_formula(x))

    def objective_gradient(self, x: Any) -> NDArray[np.float64]:
        """Its exact gradient, of the shape of x.

        Raises:
            InputError: As `objective`.
        """
        self._needs_objective()
        if self.objective_gradient_formula is None:
            return self.gradient(x)
        x = np.asarray(x, float)
        if self.scalar:
            slope = np.asarray(self.objective_gradient_formula(x[..., 0]), float)
            return np.broadcast_to(slope, x.shape[:-1])[..., None]
        return np.asarray(self.objective_gradient_formula(x))

    def _needs_objective(self) -> None:
        if not self.has_objective:
            raise InputError(
                f"problem {self.specification} has no fixed objective: its losses change from "
                "round to round and are judged by regret"
            )

    @property
    def has_hindsight(self) -> bool:
        """Whether regret can be computed."""
        return self.hindsight_formula is not None or (
            self.samples is None and "minimum" in self.constants
        )

    def hindsight(
        self, rounds: Sequence[int] | NDArray[np.int64], seeds: Sequence[int] = (0,)
    ) -> NDArray[np.float64]:
        """The least sum of losses of rounds 1..T that a fixed point attains.

        Args:
            rounds: The values of T, increasing.
            seeds: One per lane.

        Returns:
            Shape (seeds, rounds), in units of the loss.

        Raises:
            InputError: The best fixed point is not known.
        """
        require(self.has_hindsight, f"problem {self.specification} has no known comparator")
        times = np.asarray(rounds, np.int64)
        lanes = np.asarray(seeds, np.uint64)
        if self.hindsight_formula is None:
            sums = times * self.constants["minimum"].value
        else:
            # Several measures, and several cells of a grid, ask for the same in turn.
            asked = times.tobytes(), lanes.tobytes()
            known = vars(self).get("_hindsight")
            if known is None or known[0] != asked:
                known = asked, self.hindsight_formula(times, lanes)
                vars(self)["_hindsight"] = known
            sums = known[1]
        return np.broadcast_to(sums, (lanes.size, times.size))

    def constant(self, letter: str) -> float:
        """The value of a constant that is a number.

        Raises:
            InputError: The problem does not state it.
        """
        if letter not in self.constants:
            reason = self.unknown.get(letter)
            raise InputError(
                f"problem {self.specification} states no {letter}"
                + (f": {reason}" if reason else "")
            )
        return float(self.constants[letter].value)


def _build(entry: Entry[Problem], settings: Mapping[str, Any]) -> Problem:
    built = entry.function(**settings)
    tags = built.tags if entry.facts.get("tags_vary") else (*entry.tags, *built.tags)
    return replace(built, entry=entry, settings=dict(settings), tags=tags)


#: Every problem by key.
catalogue: Registry[Problem] = Registry("problem", _build)


def problem(
    *,
    source: str | tuple[str, ...] = (),
    tags: tuple[str, ...] = (),
    alias: str | None = None,
    tags_vary: bool = False,
    descent_step: float | None = None,
) -> Callable[[Callable[..., Problem]], Entry[Problem]]:
    """Register a function that returns a Problem; its keyword parameters are the problem's.

    Args:
        source: `"bibkey, place"` or several of them; every built-in problem has one.
        tags: Keys of `TAGS`.
        alias: A second key.
        tags_vary: Whether `tags` are true with the defaults only. The function then returns a
            Problem that bears all of its tags itself.
        descent_step: Where no constant L tells one: a constant step size with which gradient
            descent goes down from the start, for 3 000 rounds at least.
    """

    def register(function: Callable[..., Problem]) -> Entry[Problem]:
        return catalogue.add(
            function,
            source=source,
            tags=tags,
            alias=alias,
            tags_vary=tags_vary,
            descent_step=descent_step,
        )

    return register

"""Optimizers that are no rule of the catalogue: how they are named, and how they are carried out.

An `Optimizer` is asked where the next gradient is to be taken and told that gradient. Rules are
formulas, which engines compile; any other optimizer is *opaque*: it is carried out step by step,
and nothing is known of it but what it declares (`like`). Besides objects of the protocol there
are two natural forms, each with an adapter:

    def heavy_ball(x, gradient, step_size, memory, *, beta=0.9):    # memory is None at first
        velocity = gradient if memory is None else beta * memory + gradient
        return x - step_size * velocity, velocity

    class HeavyBall:                                    # changes itself in place
        like = "heavy-ball:beta1={beta}"

        def __init__(self, x, beta=0.9):
            self.x, self.velocity, self.beta = x, 0 * x, beta

        def step(self, gradient, step_size):
            self.velocity = self.beta * self.velocity + gradient
            self.x -= step_size * self.velocity

They are named `my_file.py::HeavyBall` or `package.module:HeavyBall`, with parameters after another
colon: `my_file.py::HeavyBall:beta=0.5`.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import inspect
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from convergence import quantity, rules
from convergence.expression import inputs_of
from convergence.rule import Rule
from problems.notation import InputError, Number, format_value, require
from problems.registry import Entry, Registry
from problems.script import Shelf, first_line, is_file, parameters_of, place_of

__all__ = ["FromFunction", "InPlace", "Opaque", "Optimizer", "find", "names_own", "shown"]

Array = NDArray[np.float64]


class Optimizer(Protocol):
    """What a run asks of an optimizer. Points and gradients are float64 of shape (n,).

    Each lane has a state of its own, which `init` makes; a state may be changed in place. Where
    they are defined, these are used too:

    - `iterate(state) -> point`: what is judged, if that is not the point of the next gradient.
    - `place(state, point) -> state`: makes this point the iterate; asked for where a step leaves
      the domain, and then with its projection.
    - `snapshot(state) -> snapshot` and `restore(snapshot) -> state`: by which an optimizer that is
      not repeatable begins again where it began. A snapshot holds all that its future depends on.
    - `like`: the specification of the rule that it claims to be, or a rule. Names of its own
      parameters in braces stand for their values.
    - `repeatable`: False if `init` may come out otherwise another time.
    """

    def init(self, start: Array, seed: int, /) -> Any:
        """The state before the first round, with the iterate at the start."""

    def query(self, state: Any, /) -> Array:
        """Where the next gradient is to be taken."""

    def step(self, state: Any, gradient: Array, step_size: float, /) -> Any:
        """The state after a round."""


# Adapters


class FromFunction:
    """A function (x, gradient, step_size) -> x, or (x, gradient, step_size, memory) -> (x, memory).

    Args:
        make: seed -> the function. It may write into x and the gradient, and keep what it returns.
        remembers: Whether it has a memory, which is None at first.
    """

    def __init__(self, make: Callable[[int], Callable[..., Any]], remembers: bool):
        self._make = make
        self._remembers = remembers

    def init(self, start: Array, seed: int) -> Any:
        """The start, no memory, and the function."""
        return start, None, self._make(seed)

    def query(self, state: Any) -> Any:
        """The point that the function returned last."""
        return state[0]

    def step(self, state: Any, gradient: Array, step_size: float) -> Any:
        """What the function makes of its point and its memory."""
        x, memory, update = state
        found = update(x, gradient, step_size, *((memory,) if self._remembers else ()))
        if self._remembers:
            require(
                isinstance(found, tuple) and len(found) == 2,
                f"it returned {shown(found)}; a function with a memory returns (x, memory)",
            )
            found, memory = found
        return found.copy() if isinstance(found, np.ndarray) else found, memory, update

    def place(self, state: Any, point: Array) -> Any:
        """The point, beside the memory."""
        return point, *state[1:]


class InPlace:
    """An object that changes itself in its `step(gradient, step_size)`; it stands at its `x`.

    An object without an attribute x has `step(x, gradient, step_size)`, which changes the array.

    Args:
        make: (start, seed) -> the object. The array is its own to change.
    """

    def __init__(self, make: Callable[[Array, int], Any]):
        self._make = make

    def init(self, start: Array, seed: int) -> Any:
        """An object, the array that it was given, and whether its step asks for the point."""
        made = self._make(start, seed)
        asks = _positional(made.step)
        require(
            len(asks) in (2, 3),
            f"step takes ({', '.join(asks)}); it must take (gradient, step_size) or "
            "(x, gradient, step_size)",
        )
        require(
            len(asks) == 3 or hasattr(made, "x"),
            "where it stands must be its attribute x, or its step must take (x, gradient, "
            "step_size) and change x",
        )
        return made, start, len(asks) == 3

    def query(self, state: Any) -> Any:
        """Where the object stands."""
        made, given, _ = state
        return getattr(made, "x", given)

    def step(self, state: Any, gradient: Array, step_size: float) -> Any:
        """The same object, after its step."""
        made, _, asks = state
        made.step(*((self.query(state),) if asks else ()), gradient, step_size)
        return state

    def place(self, state: Any, point: Array) -> Any:
        """The same object, with the point written where it stands."""
        _put(state[0], state[1], point)
        return state


def _put(made: Any, given: Array, point: Array) -> None:
    x = getattr(made, "x", given)
    if isinstance(x, np.ndarray):
        x[...] = point  # others may hold this array
    else:
        made.x = point


def shown(value: Any) -> str:
    """What a value is, in a few words."""
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype} of shape {value.shape}"
    return "None" if value is None else f"a value of type {type(value).__name__}"


# What is known of one


@dataclass(frozen=True, eq=False)
class Opaque:
    """An optimizer that is carried out step by step, with its parameters fixed.

    Attributes:
        entry: Its name and how it is made.
        settings: Its parameters as they were given, and `like` and `repeatable`.
        like: The rule that it declares to be, or None. It is believed.
        repeatable: Whether it can be run again, and with other seeds.
        seeded: Whether it may use its seed: else lanes of a problem without noise are the same.
        make: Makes it.
    """

    entry: Entry[Opaque]
    settings: Mapping[str, Any]
    like: Rule | None
    repeatable: bool
    seeded: bool
    make: Callable[[], Optimizer]
    _snapshots: dict[tuple[int, bytes], Any] = field(default_factory=dict, repr=False)

    #: State variables that can be seen: none. Of a rule they are asked for by the same name.
    state: ClassVar[Mapping[str, Any]] = {}
    #: Memory of the state, which is not known.
    bytes_per_parameter: ClassVar[None] = None

    @property
    def key(self) -> str:
        """`file.py::name` or `package.module:name`; `unregistered:name` if it has no place."""
        return self.entry.key

    @property
    def specification(self) -> str:
        """The text that finds it again, if it has a place."""
        return self.entry.specification(self.settings)

    @property
    def has_place(self) -> bool:
        """Whether its specification finds it again."""
        return not self.key.startswith(f"{_NOWHERE}:")

    def begun(self, optimizer: Any, start: Array, seed: int) -> Any:
        """The state of a lane before the first round, the same again where it can be restored."""
        at = seed, start.tobytes()
        if at in self._snapshots:
            return optimizer.restore(self._snapshots[at])
        state = optimizer.init(start.copy(), seed)
        if not self.settings["repeatable"] and self.repeatable:
            self._snapshots[at] = optimizer.snapshot(state)
        return state

    def hides(self, quantities: Iterable[str], state: Iterable[str] = ()) -> str:
        """Why these running totals and state variables cannot be had, in a sentence, or ""."""
        for name in state:
            return f"it takes {name}, and the state of optimizer {self.key} cannot be seen"
        for name in quantities:
            # To these two, the rounding of a step is no matter.
            exact = "displacement" not in inputs_of(quantity.find(name).update)
            if not exact and name not in ("finiteness", "iterate_rounding"):
                return (
                    f"it takes {name}, and the steps of optimizer {self.key} are seen only to "
                    "the rounding of its iterates"
                )
        return ""


# Finding one

_METHODS = ("init", "query", "step")
_HINT = (
    "write a function of (x, gradient, step_size) or (x, gradient, step_size, memory), a class "
    "made of x with a method step, or one with the methods init, query and step"
)
# A parameter of this name is given the seed of the lane.
_SEED = "seed"
_NOWHERE = "unregistered"


@dataclass(frozen=True)
class _Form:
    """How an optimizer is made of what was written.

    Attributes:
        make: Makes it, of its own parameters by name.
        parameters: Their names and defaults.
        seeded: Whether it is given the seed.
        live: Whether it is one object, which can be one lane of one run.
    """

    make: Callable[..., Optimizer]
    parameters: Mapping[str, Any]
    seeded: bool
    live: bool = False


def _signature(function: Any) -> list[inspect.Parameter]:
    try:
        return list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return []  # nothing that can be called, or something of C


def _positional(function: Any) -> list[str]:
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [p.name for p in _signature(function) if p.kind in kinds and p.name != _SEED]


def _parameters(function: Any, after: int) -> dict[str, Any]:
    """The parameters that are settings: all but the first ones, and the seed."""
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    apart = (*_positional(function)[:after], _SEED)
    found = (p for p in _signature(function) if p.kind in kinds and p.name not in apart)
    return {p.name: p.default for p in found}


def _form(thing: Any) -> _Form | None:
    """Which of the forms something has; None if none."""
    is_class, asks = isinstance(thing, type), _positional(thing)
    seeded = any(p.name == _SEED for p in _signature(thing))

    def seed_as_asked(seed: int) -> dict[str, int]:
        return {_SEED: seed} if seeded else {}

    if all(callable(getattr(thing, name, None)) for name in _METHODS):
        # The seed is given to init.
        parameters = _parameters(thing, 0) if is_class else {}
        return _Form(thing if is_class else lambda: thing, parameters, seeded=True)
    if callable(getattr(thing, "step", None)):
        if not is_class:
            alive = InPlace(_Alive(thing))
            return _Form(lambda: alive, {}, seeded=False, live=True)

        def in_place(**own: Any) -> Optimizer:
            return InPlace(lambda start, seed: thing(start, **own, **seed_as_asked(seed)))

        return _Form(in_place, _parameters(thing, 1), seeded) if asks else None
    if is_class or len(asks) not in (3, 4):
        return None

    def of_function(**own: Any) -> Optimizer:
        return FromFunction(
            lambda seed: partial(thing, **own, **seed_as_asked(seed)), len(asks) == 4
        )

    return _Form(of_function, _parameters(thing, len(asks)), seeded)


class _Alive:
    """One object, put at the start and handed out once."""

    def __init__(self, thing: Any):
        self._thing = thing
        self._used = False

    def __call__(self, start: Array, seed: int) -> Any:
        require(
            not self._used,
            "one object is one lane of one run; give its class, of which each lane makes its own",
        )
        self._used = True
        _put(self._thing, start, start)
        return self._thing


def _entry(key: str, thing: Any) -> Entry[Opaque] | None:
    """The entry of an optimizer in any of its forms, or None if it has none of them."""
    form = _form(thing)
    if form is None:
        return None
    common = {"like": None, "repeatable": not form.live and getattr(thing, "repeatable", True)}
    for name in common:
        require(
            name not in form.parameters,
            f"optimizer {key} has a parameter {name!r}, a word of the suite; call it otherwise",
        )
    title = (inspect.getdoc(thing) or "").partition("\n")[0].rstrip(".")
    return Entry(
        "optimizer",
        key,
        title,
        (),
        (),
        {**form.parameters, **common},
        thing,
        _build,
        {"form": form},
    )


def _build(entry: Entry[Opaque], settings: Mapping[str, Any]) -> Opaque:
    form, thing, key = entry.facts["form"], entry.function, entry.key
    own = {name: settings[name] for name in form.parameters}
    repeatable = settings["repeatable"]
    require(
        isinstance(repeatable, bool),
        f"repeatable={format_value(repeatable)} of optimizer {key} must be true or false",
    )
    require(
        not (repeatable and form.live),
        f"optimizer {key} is one object, which cannot be repeatable; give its class",
    )
    given = settings["like"]
    if isinstance(given, Rule):
        settings = {**settings, "like": given.specification}
    like = getattr(thing, "like", None) if given is None else given
    # Arithmetic of others need not know a number that remembers how it was typed.
    plain = {name: float(v) if isinstance(v, Number) else v for name, v in own.items()}
    return Opaque(
        entry,
        dict(settings),
        like if like is None or isinstance(like, Rule) else _declared(key, like, own),
        repeatable or (callable(getattr(thing, "snapshot", None)) and hasattr(thing, "restore")),
        form.seeded,
        partial(form.make, **plain),
    )


def _declared(key: str, like: Any, own: Mapping[str, Any]) -> Rule:
    said = f"like={like!r} of optimizer {key}"
    require(isinstance(like, str), f"{said} must be a rule or the specification of one")
    try:
        text = like.format(**{name: format_value(value) for name, value in own.items()})
    except (LookupError, ValueError, AttributeError) as error:
        raise InputError(
            f"{said} has braces that hold none of its parameters ({', '.join(own) or 'none'})"
        ) from error
    try:
        return rules.find(text)
    except InputError as error:
        raise InputError(f"{said}: {error}") from error


#: Files and modules hold them; nothing is registered.
_NONE: Registry[Opaque] = Registry("optimizer", _build)


def _in_a_file(name: str, value: Any) -> Entry[Opaque] | None:
    """What a file defines or imports from a neighbour, but not what is installed."""
    module = getattr(value, "__module__", None)
    installed = module in sys.modules and not str(module).startswith("own_file_")
    return None if module is None or installed else _entry(name, value)


_SHELF: Shelf[Opaque] = Shelf(_NONE, _HINT, _in_a_file)
_DOTTED = r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*"
_MODULE = re.compile(
    rf"(?P<module>{_DOTTED}):(?P<name>{_DOTTED}|<\w+>)(?::(?P<parameters>.*))?", re.DOTALL
)


def names_own(specification: str) -> bool:
    """Whether a specification speaks of a file or a module rather than of a rule's key."""
    match = _MODULE.fullmatch(specification.strip())
    named = match is not None and match["module"] not in rules.catalogue
    return named or place_of(specification) is not None


def find(given: Any, **settings: Any) -> Rule | Opaque:
    """The rule or the optimizer that is meant.

    Args:
        given: A rule, or a specification: `key:name=value,...` of a rule,
            `my_file.py::name:name=value,...` or `package.module:name:name=value,...`; or an
            optimizer itself: a function, a class or an object.
        settings: Parameters, besides those in a specification. All but rules also take `like`,
            the rule that the optimizer declares to be, and `repeatable`, whether another run comes
            out the same.

    Raises:
        InputError: There is none, it has none of the forms, or a parameter is not accepted.
    """
    if isinstance(given, str) and names_own(given):
        entry, written = _named(given.strip())
        return entry(**{**written, **settings})
    item = rules.find(given) if isinstance(given, str) else given
    if isinstance(item, (Rule, Opaque)):
        return item.entry(**{**item.settings, **settings}) if settings else item
    made = _entry(_place(item), item)
    require(
        made is not None,
        f"rule={item!r} must be a rule, the specification of one, or an optimizer: {_HINT}",
    )
    assert made is not None
    return made(**settings)


def _named(text: str) -> tuple[Entry[Opaque], dict[str, Any]]:
    """The entry that a specification speaks of, and the parameters in it."""
    place = place_of(text)
    if place is not None:
        return _SHELF.entry(text, place), parameters_of(text, place.parameters)
    match = _MODULE.fullmatch(text)
    assert match is not None
    require(
        match["module"] != _NOWHERE,
        f"{text!r} was made in Python and has no text to find it by; put it into a file and name "
        "the file, such as my_optimizer.py",
    )
    key = f"{match['module']}:{match['name']}"
    module = _imported(match["module"], text)
    thing: Any = module
    for part in match["name"].split("."):
        thing = getattr(thing, part, None)
    entry = None if thing is None else _entry(key, thing)
    require(entry is not None, f"there is no optimizer {key!r}; {_HINT}")
    assert entry is not None
    file = getattr(module, "__file__", None)
    source = Path(file).read_bytes() if file and is_file(file) else b""
    entry = entry.renamed(key, sources_sha256=hashlib.sha256(source).hexdigest())
    return entry, parameters_of(text, match["parameters"])


def _imported(name: str, text: str) -> ModuleType:
    try:
        # Standard output belongs to the result, which may be JSON.
        with contextlib.redirect_stdout(sys.stderr):
            return importlib.import_module(name)
    except (Exception, SystemExit) as error:
        absent = isinstance(error, ModuleNotFoundError) and name.startswith(str(error.name))
        if absent and "." not in name:
            rules.find(name)  # its sentence names the nearest rules
        why = "there is no such module" if absent else first_line(error)
        raise InputError(f"cannot import {name!r} of {text!r}: {why}") from error


def _place(thing: Any) -> str:
    """Where Python finds something again, as `module:name`."""
    name = getattr(thing, "__qualname__", None) or type(thing).__name__
    module = str(getattr(thing, "__module__", None))
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    place = f"{module}:{name}"
    lasting = module != "__main__" and not module.startswith("own_file_")
    if found is thing and lasting and names_own(place):
        return place
    return f"{_NOWHERE}:{getattr(thing, '__name__', name)}"

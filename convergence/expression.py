"""Traced formulas: a function is called once on symbols, and what it did is recorded.

Calling `adam(g, m, v, ...)` on `Expression` inputs records its operations. From that record come
programs for every kind of number (see `convergence.printing` and `convergence.engines`), exact
values and enclosures (`convergence.algebras`), operation counts and the printed formula. No
algebra is done: each operation appears as it was written, so every program rounds alike.

Numbers in a formula are exact. A decimal that was typed is the rational number it names, and a
float is the decimal that Python prints for it; an arithmetic rounds it when it takes it.

The operations and what they mean on floats:

- `+ - * /`, `negative` and `sqrt` round once; `abs` is exact.
- `< <= > >=` are false if a side is NaN; -0 and +0 are equal.
- `where(c, a, b)` is a if c holds, else b, bit for bit.
- `maximum(a, b)` is a if a > b, else b: of +0 and -0 the second; NaN if b is, and b if a is.
  `minimum` likewise with <.
- `clip(x, low, high)`, low <= high, is low below low, high above high, and x itself otherwise.
- `sign(x)` is 1 above zero, -1 below, and x itself otherwise (a signed zero, NaN).
- `norm` and `mean` go over all coordinates, `sum_rows` and its like over a block of the iterate
  (see `REDUCTIONS`); `matmul`, `transpose`, `polar` and `inverse_fourth_root` are of blocks. Sums
  are taken in index order.
- `expit(x)` is 1 / (1 + exp(-x)), which rounds as the exponential of the machine does.

Nodes are immutable, and equal formulas are one object: a part that occurs twice is computed once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from fractions import Fraction
from typing import Any, NoReturn
from weakref import WeakValueDictionary

from problems.notation import exact

__all__ = [
    "BLOCK_OPERATIONS",
    "COMPARISONS",
    "OPERATIONS",
    "REDUCTIONS",
    "Expression",
    "count_operations",
    "dependents",
    "hoisted",
    "inputs_of",
    "rebuilt",
    "reduction",
    "replaced",
    "shapes_of",
    "walk",
]

COMPARISONS = frozenset({"<", "<=", ">", ">="})
_ALONG = frozenset(
    f"{what}_{axis}"
    for what in ("sum", "mean", "maximum", "norm")
    for axis in ("rows", "columns", "block")
)
#: Operations of blocks: a rule that has one sees the iterate as matrices.
BLOCK_OPERATIONS = _ALONG | {"matmul", "transpose", "polar", "inverse_fourth_root"}
#: Operations that take many coordinates to fewer.
REDUCTIONS = _ALONG | {"norm", "mean"}
#: Every operation and the number of its arguments.
OPERATIONS: Mapping[str, int] = {
    **dict.fromkeys(("+", "-", "*", "/", *COMPARISONS, "maximum", "minimum", "matmul"), 2),
    **dict.fromkeys(
        (
            *("negative", "abs", "sqrt", "sign", "expit"),
            *("transpose", "polar", "inverse_fourth_root"),
            *REDUCTIONS,
        ),
        1,
    ),
    **dict.fromkeys(("where", "clip"), 3),
}
_LEAVES = ("input", "constant")

_known: WeakValueDictionary[tuple[Any, ...], Expression] = WeakValueDictionary()


class Expression:
    """One operation on other expressions, an input, or a constant.

    Attributes:
        operation: "input", "constant", or a key of `OPERATIONS`.
        arguments: Expressions; a name for an input, a Fraction for a constant.
        special: Of an input, the numbers at which a formula may change (see `fixed_at`).
        inputs: Names of the inputs that it depends on.
    """

    __slots__ = ("__weakref__", "arguments", "inputs", "operation", "special")
    __array_ufunc__ = None  # numpy must not take an expression apart

    arguments: tuple[Any, ...]
    inputs: frozenset[str]
    operation: str
    special: tuple[Fraction, ...]

    def __new__(
        cls, operation: str, *arguments: Any, special: tuple[Fraction, ...] = ()
    ) -> Expression:
        """The node of these parts, made if there is none yet."""
        leaf = operation in _LEAVES
        parts = arguments if leaf else tuple(map(id, arguments))
        key = (operation, special, *parts)
        found = _known.get(key)
        if found is None:
            found = object.__new__(cls)
            below = [part.inputs for part in arguments] if not leaf else []
            own = arguments if operation == "input" else ()
            for name, value in (
                ("inputs", frozenset(own).union(*below)),
                ("operation", operation),
                ("arguments", arguments),
                ("special", special),
            ):
                object.__setattr__(found, name, value)
            # Another thread may have been first.
            found = _known.setdefault(key, found)
        return found

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise AttributeError(f"a formula does not change; {name} cannot be set")

    @staticmethod
    def of(value: Any) -> Expression:
        """The expression itself, or a constant.

        Raises:
            TypeError: It is no finite number.
        """
        if isinstance(value, Expression):
            return value
        number = exact(value)
        if number is None:
            raise TypeError(f"a formula may hold finite numbers only, not {value!r}")
        if not number and str(float(value)) == "-0.0":
            return -Expression("constant", number)
        return Expression("constant", number)

    def _binary(self, sign: str, other: Any) -> Expression:
        return Expression(sign, self, Expression.of(other))

    def _reflected(self, sign: str, other: Any) -> Expression:
        return Expression(sign, Expression.of(other), self)

    def __add__(self, other: Any) -> Expression:
        return self._binary("+", other)

    def __radd__(self, other: Any) -> Expression:
        return self._reflected("+", other)

    def __sub__(self, other: Any) -> Expression:
        return self._binary("-", other)

    def __rsub__(self, other: Any) -> Expression:
        return self._reflected("-", other)

    def __mul__(self, other: Any) -> Expression:
        return self._binary("*", other)

    def __rmul__(self, other: Any) -> Expression:
        return self._reflected("*", other)

    def __truediv__(self, other: Any) -> Expression:
        return self._binary("/", other)

    def __rtruediv__(self, other: Any) -> Expression:
        return self._reflected("/", other)

    def __lt__(self, other: Any) -> Expression:
        return self._binary("<", other)

    def __le__(self, other: Any) -> Expression:
        return self._binary("<=", other)

    def __gt__(self, other: Any) -> Expression:
        return self._binary(">", other)

    def __ge__(self, other: Any) -> Expression:
        return self._binary(">=", other)

    def __neg__(self) -> Expression:
        return Expression("negative", self)

    def __abs__(self) -> Expression:
        return Expression("abs", self)

    @staticmethod
    def made(operation: str, *arguments: Any) -> Expression:
        """The operation on arguments; `problems.arithmetic` calls it."""
        return Expression(operation, *map(Expression.of, arguments))

    def called(self, operation: str, *others: Any) -> Expression:
        """The operation on this and others; `problems.arithmetic` calls it."""
        return Expression.made(operation, self, *others)

    def fixed_at(self, number: float) -> bool:
        """False: this is a letter, or for 0 a multiple of one; `arithmetic.fixed_at` calls it.

        Raises:
            TypeError: It is not declared that formulas may change at the number.
        """
        letter = self
        while not number and letter.operation in ("negative", "*", "/"):
            others = [
                a for a in letter.arguments if a.operation != "constant" or not a.arguments[0]
            ]
            if len(others) != 1 or (letter.operation == "/" and others[0] is letter.arguments[1]):
                break
            letter = others[0]
        if exact(number) not in letter.special:
            self._refuse(f"ask whether {self} is {number:g}, which is not declared of it")
        return False

    def _refuse(self, what: str) -> NoReturn:
        raise TypeError(
            f"a formula may not {what}: only + - * / sqrt < <= > >= where maximum minimum abs "
            "sign, reductions and products of blocks, and norm and mean if it asks for them"
        )

    def __eq__(self, other: object) -> bool:
        self._refuse("compare with == (write abs(a) > 0, or fixed_at of a setting)")

    def __ne__(self, other: object) -> bool:
        self._refuse("compare with != (write abs(a) > 0, or fixed_at of a setting)")

    __hash__ = object.__hash__

    def __bool__(self) -> bool:
        self._refuse("branch on a traced value (write where)")

    def __pow__(self, other: Any) -> Expression:
        self._refuse("raise to a power (write g * g, or keep a running product in the state)")

    def __rpow__(self, other: Any) -> Expression:
        self._refuse("raise to a power (write g * g, or keep a running product in the state)")

    def __matmul__(self, other: Any) -> Expression:
        self._refuse("use @ (write matmul)")

    def __float__(self) -> float:
        self._refuse("turn a traced value into a number")

    def __iter__(self) -> Iterator[Expression]:
        self._refuse("take a traced value apart")

    def __getitem__(self, index: Any) -> Expression:
        self._refuse("take coordinates out of a traced value")

    def __repr__(self) -> str:
        from convergence.printing import DISPLAY, statements

        lines, values = statements({"value": self}, DISPLAY)
        return "\n".join([*lines, *(value for value in values.values() if value != "value")])


def reduction(name: str) -> Any:
    """`norm` or `mean` over the coordinates, as a function on expressions."""
    return lambda value: Expression(name, Expression.of(value))


def walk(outputs: Iterable[Expression], stop: Collection[int] = ()) -> list[Expression]:
    """Every node below the outputs once, children first; not below the nodes (ids) in `stop`."""
    found: list[Expression] = []
    stop = frozenset(stop)
    seen: set[int] = set()
    for output in outputs:
        stack = [(output, False)]
        while stack:
            node, done = stack.pop()
            if done:
                found.append(node)
            elif id(node) not in seen:
                seen.add(id(node))
                stack.append((node, True))
                if node.operation not in _LEAVES and id(node) not in stop:
                    stack += [(child, False) for child in reversed(node.arguments)]
    return found


def rebuilt(
    outputs: Mapping[str, Expression],
    change: Callable[[str, list[Expression]], Expression],
    nodes: Mapping[int, Expression] | None = None,
) -> dict[str, Expression]:
    """Expressions made anew from below.

    Args:
        outputs: Formulas by name.
        change: (operation, new arguments) -> what stands in the place of the operation.
        nodes: What stands in the place of a node, by its id.
    """
    new = dict(nodes or {})
    for node in walk(outputs.values(), tuple(new)):
        if id(node) not in new:
            leaf = node.operation in _LEAVES
            parts = [] if leaf else [new[id(part)] for part in node.arguments]
            new[id(node)] = node if leaf else change(node.operation, parts)
    return {name: new[id(node)] for name, node in outputs.items()}


def replaced(
    outputs: Mapping[str, Expression],
    by: Mapping[str, Expression],
    nodes: Mapping[int, Expression] | None = None,
    change: Callable[[str, list[Expression]], Expression] | None = None,
) -> dict[str, Expression]:
    """Expressions with inputs, and perhaps other nodes, replaced.

    Args:
        outputs: Where to replace.
        by: What stands in the place of an input, by its name.
        nodes: What stands in the place of a node, by its id.
        change: As of `rebuilt`; left out, operations stay what they are.
    """
    new = dict(nodes or {})
    for node in walk(outputs.values(), tuple(new)):
        if node.operation == "input" and node.arguments[0] in by:
            new.setdefault(id(node), by[node.arguments[0]])
    return rebuilt(outputs, change or (lambda operation, parts: Expression(operation, *parts)), new)


def inputs_of(*outputs: Expression, stop: Collection[int] = ()) -> set[str]:
    """Names of the inputs that the outputs depend on."""
    if not stop:
        return set().union(*(output.inputs for output in outputs))
    return {node.arguments[0] for node in walk(outputs, stop) if node.operation == "input"}


def count_operations(*outputs: Expression) -> Counter[str]:
    """How often each operation is carried out in one evaluation."""
    return Counter(node.operation for node in walk(outputs) if node.operation not in _LEAVES)


def dependents(
    made: Mapping[str, Expression], first: Collection[str], *, by_coordinate: bool = False
) -> set[str]:
    """The names in `first`, and of all that is made from them, round after round.

    Args:
        made: What takes the place of a name in a round.
        first: Names to begin with.
        by_coordinate: Whether to leave out what only a reduction has seen.
    """
    needs = {}
    for name, node in made.items():
        stop = [id(n) for n in walk([node]) if n.operation in REDUCTIONS] if by_coordinate else []
        needs[name] = {
            part.arguments[0] for part in walk([node], stop) if part.operation == "input"
        }
    found = set(first)
    while True:
        more = {name for name, asked in needs.items() if asked & found} - found
        if not more:
            return found
        found |= more


def hoisted(outputs: Collection[Expression], varying: Collection[str]) -> list[Expression]:
    """Nodes that depend on nothing that varies and are computed once, before the first round."""
    changes: set[int] = set()
    nodes = walk(outputs)
    for node in nodes:
        if node.operation == "input":
            if node.arguments[0] in varying:
                changes.add(id(node))
        elif node.operation != "constant" and any(id(part) in changes for part in node.arguments):
            changes.add(id(node))
    used = {id(node) for node in outputs}
    for node in nodes:
        if id(node) in changes and node.operation != "input":
            used |= {id(part) for part in node.arguments}
    return [n for n in nodes if n.operation not in _LEAVES and id(n) in used - changes]


Shape = tuple[str, str]


def shapes_of(made: Mapping[str, Expression], whole: Collection[str]) -> dict[str, Shape]:
    """The shape that each name has in a block of shape (r, c): pairs of "1", "r" and "c".

    Args:
        made: What takes the place of a name in a round; a name not made is one number.
        whole: Names of the shape (r, c).

    Raises:
        TypeError: Shapes do not fit together.
    """
    shapes: dict[str, Shape] = dict.fromkeys(made, ("1", "1"))
    shapes.update(dict.fromkeys(whole, ("r", "c")))
    while True:
        below: dict[int, Shape] = {}
        for node in walk(made.values()):
            below[id(node)] = _shape(node, shapes, below)
        found = {n: _joined(shapes[n], below[id(node)], n) for n, node in made.items()}
        if all(shapes[name] == shape for name, shape in found.items()):
            return shapes
        shapes.update(found)


def _joined(a: Shape, b: Shape, what: str) -> Shape:
    def side(one: str, other: str) -> str:
        if one != other and "1" not in (one, other):
            raise TypeError(f"shapes {a} and {b} meet in {what}; transpose one of them")
        return other if one == "1" else one

    return side(a[0], b[0]), side(a[1], b[1])


def _shape(node: Expression, shapes: Mapping[str, Shape], below: Mapping[int, Shape]) -> Shape:
    operation = node.operation
    if operation == "input":
        return shapes.get(node.arguments[0], ("1", "1"))
    if operation in ("constant", "norm", "mean"):
        return ("1", "1")
    parts = [below[id(part)] for part in node.arguments]
    if operation == "transpose":
        return parts[0][1], parts[0][0]
    if operation == "matmul":
        (rows, inner), (other, columns) = parts
        if inner != other:
            raise TypeError(f"matmul of shapes {parts[0]} and {parts[1]}; transpose one of them")
        return rows, columns
    if operation in _ALONG:
        _, axis = operation.split("_")
        rows, columns = parts[0]
        return (rows if axis == "rows" else "1", columns if axis == "columns" else "1")
    joined: Shape = ("1", "1")
    for part in parts:
        joined = _joined(joined, part, operation)
    return joined

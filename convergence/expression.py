"""Traced formulas: a rule is called once on symbols, and code is generated from what it did.

Calling `adam(g, m, v, ...)` on `Expression` inputs records its operations. From that record come
straight-line programs for every kind of number (plain floats, numpy arrays, and whatever engine
is added), the test that a rule uses only the allowed operations, its operation counts and its
printed formula. No algebra is done: each operation appears as it was written, so every program
rounds alike.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, NoReturn

__all__ = [
    "Expression",
    "Flavour",
    "count_operations",
    "inputs_of",
    "reduction",
    "replaced",
    "statements",
    "walk",
]

Flavour = Literal["number", "array"]


class Expression:
    """One operation on other expressions, an input, or a constant.

    Attributes:
        operation: "input", "constant", an operator sign, or a function name.
        arguments: Expressions; a name for an input, a number for a constant.
    """

    __slots__ = ("arguments", "operation")
    __array_ufunc__ = None  # numpy must not take an expression apart

    def __init__(self, operation: str, *arguments: Any):
        self.operation = operation
        self.arguments = arguments

    @staticmethod
    def of(value: Any) -> Expression:
        """The expression itself, or a constant."""
        return value if isinstance(value, Expression) else Expression("constant", value)

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

    def sqrt(self) -> Expression:
        """Called by `arithmetic.sqrt`."""
        return Expression("sqrt", self)

    def expit(self) -> Expression:
        """Called by `arithmetic.expit`."""
        return Expression("expit", self)

    def where(self, a: Any, b: Any) -> Expression:
        """Called by `arithmetic.where` on a traced condition."""
        return Expression("where", self, Expression.of(a), Expression.of(b))

    def _refuse(self, what: str) -> NoReturn:
        raise TypeError(
            f"a rule may not {what}: only + - * / sqrt maximum minimum abs sign where, and "
            "norm and mean if it asks for them"
        )

    def __bool__(self) -> bool:
        self._refuse("branch on a traced value")

    def __pow__(self, other: Any) -> Expression:
        self._refuse("raise to a power (keep a running product in the state)")

    def __rpow__(self, other: Any) -> Expression:
        self._refuse("raise to a power (keep a running product in the state)")

    def __float__(self) -> float:
        self._refuse("turn a traced value into a number")

    def __iter__(self) -> Iterator[Expression]:
        self._refuse("take a traced value apart")

    def __getitem__(self, index: Any) -> Expression:
        self._refuse("take coordinates out of a traced value")

    def __repr__(self) -> str:
        return "\n".join(statements({"value": self}, "array")[0])


def reduction(name: str) -> Any:
    """`norm` or `mean` over the coordinates, as a function on expressions."""
    return lambda value: Expression(name, Expression.of(value))


def walk(outputs: Iterable[Expression], stop: Mapping[int, str]) -> list[Expression]:
    """Every node below the outputs once, children first; not below the nodes in `stop`."""
    found: list[Expression] = []
    seen: set[int] = set()

    def visit(node: Expression) -> None:
        seen.add(id(node))
        if node.operation not in ("input", "constant") and id(node) not in stop:
            for child in node.arguments:
                if id(child) not in seen:
                    visit(child)
        found.append(node)

    for output in outputs:
        if id(output) not in seen:
            visit(output)
    return found


def replaced(node: Expression, by: Mapping[str, Expression], done: dict[int, Expression]) -> Any:
    """The expression with inputs replaced by others; what is shared stays shared.

    Args:
        node: Where to replace.
        by: What stands in the place of an input, by its name.
        done: New nodes by the id of the old, kept between calls that share nodes.
    """
    if id(node) in done:
        return done[id(node)]
    if node.operation == "input":
        new = by.get(node.arguments[0], node)
    elif node.operation == "constant":
        new = node
    else:
        parts = [replaced(part, by, done) for part in node.arguments]
        same = all(part is old for part, old in zip(parts, node.arguments, strict=True))
        new = node if same else Expression(node.operation, *parts)
    done[id(node)] = new
    return new


def inputs_of(*outputs: Expression) -> set[str]:
    """Names of the inputs that the outputs depend on."""
    return {node.arguments[0] for node in walk(outputs, {}) if node.operation == "input"}


def count_operations(*outputs: Expression) -> Counter[str]:
    """How often each operation is carried out in one evaluation."""
    free = ("input", "constant")
    return Counter(node.operation for node in walk(outputs, {}) if node.operation not in free)


_BINDING = {"<": 1, "<=": 1, ">": 1, ">=": 1, "+": 2, "-": 2, "*": 3, "/": 3, "negative": 4}
_ATOM = 9


def statements(
    outputs: Mapping[str, Expression],
    flavour: Flavour,
    *,
    given: Mapping[int, str] | None = None,
    prefix: str = "_",
    constants: dict[str, Any] | None = None,
) -> tuple[Sequence[str], Mapping[str, str]]:
    """Straight-line code that computes the outputs.

    Args:
        outputs: Expressions by the name they are assigned to.
        flavour: "number" writes `where` as a conditional expression, as compiled code needs;
            "array" as a function that looks at every element.
        given: Names of nodes (by id) that are already computed.
        prefix: Begins the names of intermediate values.
        constants: Receives numbers other than int and float, by generated name.

    Returns:
        The lines, and for each output the name or literal that holds it.
    """
    given = given or {}
    uses: Counter[int] = Counter()
    nodes = walk(outputs.values(), given)
    for node in nodes:
        if id(node) not in given and node.operation not in ("input", "constant"):
            uses.update(id(child) for child in node.arguments)
    # A node used twice must be computed once; the others are written in place.
    lines: list[str] = []
    text: dict[int, tuple[str, int]] = {}
    output_names: dict[int, str] = {}
    for name, node in outputs.items():
        output_names.setdefault(id(node), name)

    def inner(node: Expression, binding: int) -> str:
        written, own = text[id(node)]
        return written if own >= binding else f"({written})"

    for node in nodes:
        operation, arguments = node.operation, node.arguments
        if id(node) in given:
            text[id(node)] = given[id(node)], _ATOM
            continue
        if operation == "input":
            text[id(node)] = arguments[0], _ATOM
            continue
        if operation == "constant":
            value = arguments[0]
            if isinstance(value, (int, float)):
                literal = repr(value)
                if literal in ("inf", "-inf", "nan"):
                    literal = f"float('{literal}')"
            elif constants is not None:
                literal = f"constant_{len(constants)}"
                constants[literal] = value
            else:
                literal = str(value)
            text[id(node)] = literal, 4 if literal.startswith("-") else _ATOM
            continue
        if operation == "where":
            condition, a, b = arguments
            if flavour == "number":
                parts = (inner(a, 1), inner(condition, 1), inner(b, 1))
                written, own = "{} if {} else {}".format(*parts), 0
            else:
                parts = (inner(condition, 0), inner(a, 0), inner(b, 0))
                written, own = "where({}, {}, {})".format(*parts), _ATOM
        elif operation == "negative":
            written, own = "-" + inner(arguments[0], 4), 4
        elif operation in _BINDING:
            own = _BINDING[operation]
            # The right operand binds tighter: a - (b - c), and a * (b * c) keeps its order.
            left, right = inner(arguments[0], own), inner(arguments[1], own + 1)
            written = f"{left} {operation} {right}"
        else:
            written, own = f"{operation}({inner(arguments[0], 0)})", _ATOM
        if uses[id(node)] > 1 or id(node) in output_names:
            name = output_names.get(id(node), f"{prefix}{len(lines)}")
            lines.append(f"{name} = {written}")
            written, own = name, _ATOM
        text[id(node)] = written, own
    return lines, {name: text[id(node)][0] for name, node in outputs.items()}

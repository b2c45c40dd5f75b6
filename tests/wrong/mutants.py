"""Rules of the catalogue, broken in one place of their source, under the keys that they have.

A table of them is a text, as tables of cases are (`convergence.case`). A line that is not indented
is a rule. Below it stands what the mutants are tried on, and below that the mutants:

    heavy-ball
        polyak-hb-quadratic  quadratic  heavy-ball  constant:alpha=1  10  seeds=4
            momentum doubled | u = beta1 * u => u = 2 * beta1 * u
            no root | _scaled: sqrt(v) + eps => v + eps

The text that is replaced stands in the function named before it, or in the rule's own; a line
break in it is written \\n. A backslash at the end of a line continues it.
"""

import ast
import importlib
import inspect
import re
from dataclasses import dataclass

import convergence.rule
from convergence.rule import IDENTITY, Update
from problems.registry import Registry


@dataclass(frozen=True)
class Mutant:
    """A text of a function of a rule's family, and what stands there instead.

    Attributes:
        key: The rule.
        name: A few words.
        function: The function that is broken: the rule's own, or a helper of the family.
        old, new: What stands in it, and what instead.
        tried: The line of the table under which it stands, in words.
        reason: What follows the replacement, or "".
    """

    key: str
    name: str
    function: str
    old: str
    new: str
    tried: tuple[str, ...]
    reason: str = ""

    def rule(self, specification):
        """The broken rule with these settings, under the key of the right one."""
        made = _broken(self).find(specification)
        assert made.key == self.key
        return made


def table(text):
    """The mutants of a table."""
    key, tried, found = "", (), []
    for line in re.sub(r"\\\n\s*", " ", text).splitlines():
        indent, line = len(line) - len(line.lstrip()), line.strip()
        if not line:
            continue
        if indent == 0:
            key = line
        elif " | " not in line:
            tried = tuple(line.split())
        else:
            name, change, *reason = (part.strip() for part in line.split(" | "))
            function, code = re.fullmatch(r"(?:(\w+): )?(.*)", change).groups()
            old, new = (part.strip().replace(r"\n", "\n") for part in code.split(" => "))
            function = function or key.replace("-", "_")
            found.append(Mutant(key, name, function, old, new, tried, *reason))
    return found


def _in_function(source, function, old, new):
    """The source with one text of a function replaced, which must stand there once."""
    (found,) = [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef) and node.name == function
    ]
    lines = source.splitlines(keepends=True)
    # The docstring may say the same.
    first, last = found.body[1].lineno - 1, found.end_lineno
    body = "".join(lines[first:last])
    assert body.count(old) == 1, f"{old!r} stands {body.count(old)} times in {function}"
    return "".join([*lines[:first], body.replace(old, new), *lines[last:]])


def _broken(mutant):
    """A catalogue of the family of a rule, with one text of its source replaced."""
    home = importlib.import_module(convergence.rule.catalogue[mutant.key].function.__module__)
    text = _in_function(inspect.getsource(home), mutant.function, mutant.old, mutant.new)
    # Without its decorator, so that the public catalogue stays as it is.
    for names in ("Update, rule", "IDENTITY, rule", "rule"):
        text = text.replace(f"from convergence.rule import {names}\n", "")
    catalogue = Registry("rule", convergence.rule._build)

    def rule(*, source, tags=(), alias=None, accepts=None, in_proportion=False, **state):
        return lambda made: catalogue.add(
            made, source=source, tags=tags, alias=alias, common={"maximize": False}, state=state
        )

    space = {"rule": rule, "Update": Update, "IDENTITY": IDENTITY, "__name__": home.__name__}
    exec(compile(text, f"{home.__name__}, broken", "exec"), space)
    return catalogue

"""Rules of the catalogue, broken in one place of their source, under the keys that they have."""

import ast
import importlib
import inspect

import convergence.rule
from convergence.rule import Update
from problems.registry import Registry


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


def broken(key, function, old, new):
    """A catalogue of the family of a rule, with one text of its source replaced.

    Args:
        key: The rule.
        function: The function that is broken: the rule's own, or a helper of the family.
        old, new: What stands in it, and what instead.
    """
    home = importlib.import_module(convergence.rule.catalogue[key].function.__module__)
    text = _in_function(inspect.getsource(home), function, old, new)
    # Without its decorator, so that the public catalogue stays as it is.
    for names in ("Update, rule", "rule"):
        text = text.replace(f"from convergence.rule import {names}\n", "")
    catalogue = Registry("rule", convergence.rule._build)

    def rule(*, source, tags=(), alias=None, accepts=None, **state):
        return lambda made: catalogue.add(
            made, source=source, tags=tags, alias=alias, common={"maximize": False}, state=state
        )

    space = {"rule": rule, "Update": Update, "__name__": home.__name__}
    exec(compile(text, f"{home.__name__}, broken", "exec"), space)
    return catalogue

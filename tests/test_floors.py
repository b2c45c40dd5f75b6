"""Imports go downwards only: problems <- convergence <- reports."""

import ast
from pathlib import Path

import pytest

HOME = Path(__file__).parent.parent
FLOORS = ["problems", "convergence", "reports"]
#: The command line stands above all three; it is imported by its entry point only.
ABOVE = {HOME / "convergence" / "command.py"}


def imported(source: str) -> set[str]:
    """Full names of the modules a source imports, also inside functions."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            names.add(node.module or "")
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def upward(source: str, floor: str) -> set[str]:
    above = FLOORS[FLOORS.index(floor) + 1 :]
    return {name for name in imported(source) if name.split(".")[0] in above}


def modules() -> list[Path]:
    return [path for floor in FLOORS for path in sorted((HOME / floor).rglob("*.py"))]


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(HOME)))
def test_a_module_imports_only_from_its_own_floor_and_below(path):
    source = path.read_text(encoding="utf-8")
    if path not in ABOVE:
        assert upward(source, path.relative_to(HOME).parts[0]) == set()
    assert "convergence.command" not in imported(source)


def test_the_command_line_imports_reports_inside_functions_only():
    tree = ast.parse((HOME / "convergence" / "command.py").read_text(encoding="utf-8"))
    outside = [node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))]
    names = set().union(*(imported(ast.unparse(node)) for node in outside))

    assert not any(name.split(".")[0] == "reports" for name in names)


@pytest.mark.parametrize(
    ("source", "floor"),
    [
        ("import convergence", "problems"),
        ("from convergence.rule import Rule", "problems"),
        ("def f():\n    from reports import report", "convergence"),
    ],
)
def test_an_upward_import_is_found(source, floor):
    assert upward(source, floor)

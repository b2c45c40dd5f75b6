"""What a result depends on: the sources that are behind it, files of one's own, and versions.

A result is found again under a key, the hash of what it was made of and of nothing else. Of the
suite that is the code of the modules that its problem, optimizer, claim and judge import, and of
those that these import. A name that a package hands on counts as the module that defines it, so
that another family of problems, the help or the bibliography is no part of it. Docstrings and
comments are none either.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import inspect
import json
import platform
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

import convergence
import problems
from convergence import rules
from convergence import schedule as schedules
from convergence.cache import cache_folder
from convergence.experiment import Experiment
from convergence.optimizer import find as find_optimizer
from convergence.optimizer import names_own
from problems.files import write_whole
from problems.notation import InputError, parse
from problems.registry import Entry
from problems.script import is_file, parameters_of, place_of

__all__ = [
    "checksum",
    "closure",
    "environment",
    "key_of",
    "modules_are_loaded",
    "package_of",
    "parts_of_experiment",
    "source_checksum",
]

_HOME = Path(__file__).resolve().parent.parent
_PACKAGES = ("problems", "convergence")
# The last ones differentiate one's own losses.
_LIBRARIES = ("numpy", "scipy", "scikit-learn", "numba", "jax", "torch")


def key_of(kind: str, **parts: Any) -> str:
    """SHA-256 of parts that can be written as JSON, in hexadecimal.

    Args:
        kind: What is stored, so that results of two sorts never meet.
        parts: All that the value depends on.
    """
    text = json.dumps([kind, parts], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


# The suite's own sources


@cache
def source_checksum() -> str:
    """SHA-256 over all files of `problems` and `convergence`, to cite them by."""
    digest = hashlib.sha256()
    for package in _PACKAGES:
        for path in sorted((_HOME / package).rglob("*")):
            if "__pycache__" not in path.parts and path.is_file():
                source = path.read_bytes()
                digest.update(f"{path.relative_to(_HOME).as_posix()} {len(source)}\n".encode())
                digest.update(source)
    return digest.hexdigest()


@cache
def _files() -> dict[str, Path]:
    """The source file of every module of the packages that results come from."""
    found = {}
    for package in _PACKAGES:
        for path in sorted((_HOME / package).rglob("*.py")):
            parts = path.relative_to(_HOME).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            found[name] = path
    return found


def modules_are_loaded() -> bool:
    """Whether what this process has imported is what stands in the files.

    After an edit, a process that goes on computes by the old code: what it finds must not be
    stored as what the new code gives.
    """
    return all(path.stat().st_mtime < convergence.IMPORTED_AT for path in _files().values())


def package_of(file: str) -> str:
    """The package of the suite that a source file belongs to, or ""."""
    path = Path(file).resolve()
    return next((name for name in _PACKAGES if path.is_relative_to(_HOME / name)), "")


def module_of(function: Callable[..., Any]) -> str | None:
    """The module of the suite whose file a function stands in, or None."""
    return _module_in(inspect.unwrap(function).__code__.co_filename)


@lru_cache(maxsize=4096)
def _module_in(file: str) -> str | None:
    path = Path(file).resolve()
    return next((name for name, known in _files().items() if known == path), None)


def _code(tree: ast.Module) -> str:
    """The code of a module, without docstrings and comments."""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            held = body[0].value
            if isinstance(held, ast.Constant) and isinstance(held.value, str):
                body[0] = ast.Pass()
    return ast.dump(tree)


class _Names(ast.NodeVisitor):
    """What a module binds by imports, and the attributes that it asks of names."""

    def __init__(self) -> None:
        self.imports: list[tuple[str, str, str | None]] = []  # bound name, module, name there
        self.attributes: dict[str, set[str]] = {}
        self.bare: set[str] = set()

    def visit_If(self, node: ast.If) -> None:
        if not (isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"):
            self.generic_visit(node)
            return
        for each in node.orelse:
            self.visit(each)

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            bound = alias.asname or alias.name
            self.imports.append((bound, alias.name, None))

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        for alias in node.names:
            self.imports.append((alias.asname or alias.name, node.module or "", alias.name))

    def visit_Attribute(self, node: ast.Attribute) -> None:
        dotted = _dotted(node.value)
        if dotted is None:
            self.generic_visit(node)
        else:
            self.attributes.setdefault(dotted, set()).add(node.attr)

    def visit_Name(self, node: ast.Name) -> None:
        self.bare.add(node.id)


def _dotted(node: ast.expr) -> str | None:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (before := _dotted(node.value)):
        return f"{before}.{node.attr}"
    return None


def _imports(source: str) -> list[tuple[str, list[str] | None]]:
    """Modules of the suite that a source imports, each with the names asked of it.

    None in place of names: the module itself is handed around, so that all of it counts.
    """
    names = _Names()
    names.visit(ast.parse(source))
    known = _files()
    found: list[tuple[str, list[str] | None]] = []
    for bound, module, name in names.imports:
        if module.partition(".")[0] not in _PACKAGES:
            continue
        if name is not None and f"{module}.{name}" not in known:
            found.append((module, [name]))
            continue
        whole = module if name is None else f"{module}.{name}"
        used_whole = bound in names.bare
        asked = None if used_whole else sorted(names.attributes.get(bound, ()))
        found.append((whole, asked))
    return found


@cache
def _index() -> dict[str, tuple[str, list[tuple[str, list[str] | None]]]]:
    """By module, the SHA-256 of its code and what it imports.

    Parsing all files takes a second, so that what comes out is kept under the hash of their bytes.
    """
    sources = {name: path.read_bytes() for name, path in _files().items()}
    digest = hashlib.sha256(platform.python_version().encode())
    for name, source in sources.items():
        digest.update(f"{name} {len(source)}\n".encode())
        digest.update(source)
    folder = cache_folder()
    kept = None if folder is None else folder / "sources.json"
    if kept is not None:
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            read = json.loads(kept.read_text(encoding="utf-8"))
            if read["of"] == digest.hexdigest():
                return {name: (code, imports) for name, (code, imports) in read["modules"].items()}
    found = {}
    for name, source in sources.items():
        text = source.decode()
        code = hashlib.sha256(_code(ast.parse(text)).encode()).hexdigest()
        found[name] = (code, _imports(text))
    if kept is not None:
        with contextlib.suppress(InputError):
            write_whole(kept, json.dumps({"of": digest.hexdigest(), "modules": found}).encode())
    return found


@cache
def _defined_in(module: str, name: str) -> str:
    """The module that defines a name which a package hands on."""
    if _files()[module].name != "__init__.py":
        return module
    names = _Names()
    names.visit(ast.parse(_files()[module].read_text(encoding="utf-8")))
    for bound, origin, inner in names.imports:
        if bound == name and origin in _files():
            if inner is None or f"{origin}.{inner}" in _files():
                return origin if inner is None else f"{origin}.{inner}"
            return _defined_in(origin, inner)
    return module


def _asked(module: str, names: list[str] | None) -> Iterator[str]:
    """The modules in which the names stand that are asked of a module."""
    if names is None:
        yield module
        return
    for name in names:
        inner = f"{module}.{name}"
        yield inner if inner in _files() else _defined_in(module, name)


@lru_cache(maxsize=4096)
def closure(modules: frozenset[str]) -> tuple[str, ...]:
    """The modules, those that they import, those that these import, and so on.

    Args:
        modules: Names of modules of the suite.
    """
    index, found, left = _index(), set(modules), list(modules)
    while left:
        for module, names in index[left.pop()][1]:
            for each in _asked(module, names):
                if each not in found:
                    found.add(each)
                    left.append(each)
    return tuple(sorted(found))


@lru_cache(maxsize=4096)
def checksum(modules: frozenset[str]) -> str:
    """SHA-256 over the code of modules and of all that they import."""
    digest = hashlib.sha256()
    for name in closure(modules):
        digest.update(f"{name} {_index()[name][0]}\n".encode())
    return digest.hexdigest()


# The rest


@cache
def environment() -> dict[str, str]:
    """Versions of the interpreter and of the libraries that are installed, and the machine."""
    found = {"python": platform.python_version(), "machine": _machine()}
    for name in _LIBRARIES:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def _machine() -> str:
    """The architecture, and the widest registers that numpy's loops use: bits may go by them."""
    found = np.show_config(mode="dicts") or {}
    wide = found.get("SIMD Extensions", {}).get("found", [])
    return " ".join([platform.machine(), *wide])


def digest_of(files: Iterable[Path]) -> str:
    """SHA-256 of the contents and names of files.

    Raises:
        OSError: One cannot be read.
    """
    return _digest(
        tuple((path, path.stat().st_mtime_ns, path.stat().st_size) for path in sorted(files))
    )


@lru_cache(maxsize=256)
def _digest(stamps: tuple[tuple[Path, int, int], ...]) -> str:
    # Time and size are there for the cache: many items depend on the same files.
    digest = hashlib.sha256()
    for path, *_ in stamps:
        source = path.read_bytes()
        digest.update(f"{path.name} {len(source)}\n".encode())
        digest.update(source)
    return digest.hexdigest()


def _own_files(file: Path) -> list[Path]:
    """The Python files that one's own file can import as its neighbours, and itself."""
    folder = file.resolve().parent
    found = set(folder.glob("*.py"))
    for package in folder.glob("*/__init__.py"):
        if not package_of(str(package)):
            found |= set(package.parent.rglob("*.py"))
    return sorted(found)


def _files_named(value: Any) -> list[Path]:
    """Files among the parameters of a specification, such as path=data.csv."""
    if isinstance(value, list):
        return [path for each in value for path in _files_named(each)]
    return [Path(value)] if isinstance(value, str) and is_file(value) else []


def _parameters(specification: str) -> Mapping[str, Any]:
    place = place_of(specification)
    if place is None:
        return parse(specification)[1]
    return parameters_of(specification, place.parameters)


def _made_of(problem: str) -> Iterator[str]:
    """A problem, and the one that it is made of, as `diagonal-lift:problem=...` is."""
    yield problem
    inner = _parameters(problem).get("problem")
    if isinstance(inner, str):
        yield from _made_of(inner)


def parts_of_experiment(
    experiment: Experiment, claim: Entry[Any] | None = None, claim_name: str = ""
) -> dict[str, Any] | None:
    """What a run depends on, and the verdict of a claim on it, to be hashed by `key_of`.

    What was registered in a running Python, rather than by a file that is named, cannot be known:
    its source may be anywhere. Nor can an optimizer that may come out otherwise another time.

    Args:
        experiment: What is run.
        claim: The entry of a claim that is judged on it.
        claim_name: Its specification.

    Returns:
        Plain values, or None where it depends on what cannot be known.
    """
    try:
        names = experiment.names
        own = [names.optimizer] if names_own(names.optimizer) else []
        if own and (place_of(own[0]) is None or not find_optimizer(own[0]).repeatable):
            return None
        written = [claim_name] if claim_name else []
        made_of = [*_made_of(names.problem)]
        sources: set[Path] = set()
        files: set[Path] = set()
        for specification in (*written, *own, *made_of):
            place = place_of(specification)
            sources |= set() if place is None else set(_own_files(Path(place.path)))
            files |= set(_files_named(list(_parameters(specification).values())))
        entries = [claim] if claim else []
        entries.append(schedules.catalogue[parse(names.schedule)[0]])
        entries += [] if own else [rules.catalogue[parse(names.optimizer)[0]]]
        entries += [
            problems.catalogue[parse(each)[0]] for each in made_of if place_of(each) is None
        ]
        modules = {"convergence.simulation", "convergence.foreign"}
        if claim:
            # Claims see a method as any rule of the catalogue that is the same.
            modules |= {"convergence.judges", *(n for n in _files() if ".rules." in n)}
        known = {str(path) for path in sources}
        for entry in entries:
            function = inspect.unwrap(entry.function)
            module = module_of(function)
            if module is not None:
                modules.add(module)
            elif str(Path(function.__code__.co_filename).resolve()) not in known:
                return None
        return {
            "code": checksum(frozenset(modules)),
            "own": [digest_of(sources), digest_of(files)],
            "environment": environment(),
            "experiment": experiment.to_json(),
        }
    except (InputError, OSError, AttributeError):
        # Running says what is wrong. A function that is no Python function has no source.
        return None

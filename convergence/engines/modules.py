"""Generated modules of compiled code, kept in the cache folder.

numba sees an edit only in the file of the function that it compiles. So a module holds all that
takes part, and the hash of its text is its name: whatever changes is another module.

What stands in the folder is run, so it must be the user's own: where somebody else could have
written there, modules go to a private folder that ends with the process, and a warning says so.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import importlib.util
import sys
import types
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

from convergence.cache import trusted
from problems.files import write_whole

__all__ = ["DECORATOR", "HEAD", "compiled_function", "in_parts"]

#: Begins a module.
HEAD = '''"""Rounds, generated; the name of this file is the hash of its text."""

from math import exp, sqrt

from numba import njit
from numpy import empty, zeros


'''

#: What stands above every function of a module.
DECORATOR = '@njit(error_model="numpy", cache=CACHED, nogil=True)\n'


@cache
def compiled_function(source: str) -> Callable[..., Any]:
    """The compiled function of a module's text."""
    versions = (sys.version, importlib.metadata.version("numba"))
    name = "rounds_" + hashlib.sha256("\n".join((*versions, source)).encode()).hexdigest()
    folder = trusted("compiled")
    if folder is not None:
        with contextlib.suppress(OSError):
            text = source.replace("CACHED", "True")
            return _imported(name, folder / f"{name}.py", text)
    module = types.ModuleType(name)
    # The text is generated from traced expressions alone; no user text enters it.
    exec(compile(source.replace("CACHED", "False"), f"<{name}>", "exec"), module.__dict__)
    function: Callable[..., Any] = module.__dict__["rounds"]
    return function


def _imported(name: str, path: Path, text: str) -> Callable[..., Any]:
    """A module from the folder, written there if it is not there as it should be."""
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        write_whole(path, text.encode())
    specification = importlib.util.spec_from_file_location(name, path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    # What was compiled before is unpickled by the name of its module.
    sys.modules[name] = module
    specification.loader.exec_module(module)
    function: Callable[..., Any] = module.rounds
    return function


def in_parts(
    lanes: int, workers: int, carry_out: Callable[[slice], Any], whole: int = 1
) -> list[Any]:
    """What a function gives for parts of the lanes, each in a thread of its own.

    Args:
        lanes: How many there are.
        workers: How many threads, at most.
        carry_out: Called with the lanes of a part; compiled code lets other threads run.
        whole: A part has a multiple of so many lanes, except for the last.
    """
    share = whole * -(-lanes // (whole * workers))
    parts = [slice(first, min(first + share, lanes)) for first in range(0, lanes, share)]
    if len(parts) == 1:
        return [carry_out(parts[0])]
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(carry_out, parts))

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
from functools import cache
from pathlib import Path
from typing import Any

from convergence.store import open_store
from problems.files import write_whole

__all__ = ["compiled_function"]


@cache
def compiled_function(source: str) -> Callable[..., Any]:
    """The compiled function of a module's text."""
    versions = (sys.version, importlib.metadata.version("numba"))
    name = "rounds_" + hashlib.sha256("\n".join((*versions, source)).encode()).hexdigest()
    folder = open_store().trusted("compiled")
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

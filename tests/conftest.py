"""Every hypothesis test draws the same examples each time it runs."""

import itertools
import os
import shlex
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings

# Workers that each use every core for their matrix products wait for each other. Before numpy.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# No test may take a verdict from the user's own store, nor leave one there.
STORES = tempfile.TemporaryDirectory(prefix="convergence-tests-")
if "PYTEST_XDIST_WORKER" not in os.environ:
    # What is compiled is shared by all processes of a session: the first one sets it for all.
    os.environ["CONVERGENCE_CACHE"] = str(Path(STORES.name) / "cache")
os.environ["CONVERGENCE_STORE"] = str(Path(STORES.name) / "session")
NUMBERS = itertools.count()

settings.register_profile("suite", derandomize=True, deadline=None, max_examples=60)
settings.register_profile("thorough", derandomize=True, deadline=None, max_examples=1200)

# Each level runs what the one before it runs.
LEVELS = {
    "slow": "slow: make test-slow or make test-all, or --slow",
    "thorough": "hours or extras: make test-all, or --thorough",
}


def pytest_addoption(parser):
    parser.addoption("--slow", action="store_true", help="the tests marked slow as well")
    parser.addoption(
        "--thorough",
        action="store_true",
        help="all tests, those marked slow or thorough too, with twenty times the examples",
    )


def pytest_configure(config):
    settings.load_profile("thorough" if config.getoption("thorough") else "suite")


def pytest_unconfigure(config):
    STORES.cleanup()


def pytest_collection_modifyitems(config, items):
    if config.getoption("thorough"):
        return
    left_out = ["thorough"] if config.getoption("slow") else list(LEVELS)
    for item in items:
        for name in left_out:
            if item.get_closest_marker(name):
                item.add_marker(pytest.mark.skip(reason=LEVELS[name]))


@pytest.fixture(autouse=True)
def store_folder(monkeypatch):
    """A store for each test alone: one that puts another rule in place must not fill another's."""
    folder = Path(STORES.name) / str(next(NUMBERS))
    folder.mkdir()
    monkeypatch.setenv("CONVERGENCE_STORE", str(folder))
    return folder


class Result:
    def __init__(self, status: int, out: str, err: str):
        self.status, self.out, self.err = status, out, err


@pytest.fixture
def cli(tmp_path, monkeypatch, capsys):
    """Run a command line in an empty folder, in this process."""
    # Imported here: nothing may import numpy before this file has set its threads.
    from convergence import command

    monkeypatch.chdir(tmp_path)

    def call(line: str) -> Result:
        monkeypatch.setattr(sys, "argv", ["convergence", *shlex.split(line)])
        try:
            command.main()
            status = 0
        except SystemExit as stop:
            status = int(stop.code or 0)
        captured = capsys.readouterr()
        return Result(status, captured.out, captured.err)

    return call

"""Every hypothesis test draws the same examples each time it runs."""

import os

from hypothesis import settings

# Workers that each use every core for their matrix products wait for each other. Before numpy.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

settings.register_profile("suite", derandomize=True, deadline=None, max_examples=60)
settings.register_profile("thorough", derandomize=True, deadline=None, max_examples=1200)


def pytest_addoption(parser):
    parser.addoption(
        "--thorough", action="store_true", help="twenty times the examples for every law"
    )


def pytest_configure(config):
    settings.load_profile("thorough" if config.getoption("thorough") else "suite")

"""Every hypothesis test draws the same examples each time it runs."""

from hypothesis import settings

settings.register_profile("suite", derandomize=True, deadline=None, max_examples=60)
settings.load_profile("suite")

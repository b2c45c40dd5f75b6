"""Regression on data: by full gradients or mini-batches, and as online streams.

`regressions` and `streams` are of real data, `synthetic` of drawn data. Beneath them: `finite_sum`
(the problem of a mean loss and its constants), `certified` (minima with a bound on their error),
`predictors` (means of losses of scores), `scores` (the losses), `files` (bundled data, SVMlight and
CSV).
"""

from problems.data import regressions, streams, synthetic
from problems.data.files import read_csv, read_svmlight

__all__ = ["read_csv", "read_svmlight", "regressions", "streams", "synthetic"]

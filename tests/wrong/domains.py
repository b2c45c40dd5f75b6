"""Domains whose projection or diameter is wrong, one for each law."""

from dataclasses import dataclass

import numpy as np

from problems.domain import Ball, Box, Simplex


class Open(Box):
    """Stops a little outside."""

    def project(self, x, weights=None):
        return np.clip(x, self.low - 0.01, self.high + 0.01)


class Halving(Box):
    """Moves inside points towards the middle."""

    def project(self, x, weights=None):
        return np.clip(np.asarray(x) / 2, self.low, self.high)


class Wrapping(Box):
    """Goes round like an angle."""

    def project(self, x, weights=None):
        side = self.high - self.low
        return (np.asarray(x) - self.low) % side + self.low


class Weightless(Ball):
    """Projects in the plain norm whatever the weights."""

    def project(self, x, weights=None):
        return super().project(x)


class Scaling(Simplex):
    """Divides by the sum instead of subtracting a threshold."""

    def project(self, x, weights=None):
        y = np.maximum(x, 0)
        total = y.sum(axis=-1, keepdims=True)
        return np.where(total > 0, y / np.where(total > 0, total, 1), 1 / y.shape[-1])


class Entangled(Ball):
    """Scales all rows by the longest of them."""

    def project(self, x, weights=None):
        x = np.asarray(x, float)
        longest = np.linalg.norm(x, axis=-1).max()
        return x * min(1.0, self.radius / max(longest, self.radius))


def projections(laws):
    """Pairs (law, a domain that breaks it)."""
    broken = {
        "lands_inside": [Open(-1.0, 1.0)],
        "is_idempotent": [Halving(-1.0, 1.0)],
        "leaves_members_alone": [Halving(-1.0, 1.0)],
        "does_not_expand": [Wrapping(-1.0, 1.0)],
        "is_nearest": [Weightless(1.0), Scaling(), Wrapping(-1.0, 1.0)],
        "treats_rows_alone": [Entangled(1.0)],
    }
    return [(law, domain) for law in laws for domain in broken[law.__name__]]


def resized(domain, factor):
    """The same domain stating a diameter that is off by a factor."""

    @dataclass(frozen=True)
    class Resized(type(domain)):
        def diameter(self, norm, dimension):
            return factor * super().diameter(norm, dimension)

    return Resized(**vars(domain))

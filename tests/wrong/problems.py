"""Problems with one wrong label or formula, for the laws of problems to catch."""

from dataclasses import replace

import numpy as np


def mixing(problem):
    """Lanes that see the mean over all of them in the last bits."""

    def shift(x):
        return 1e-13 * np.mean(x, axis=0)

    return replace(
        problem,
        loss_formula=lambda x, sample: problem.loss_formula(x + shift(x), sample),
        gradient_formula=lambda x, sample: problem.gradient_formula(x, sample) + shift(x),
    )


def hindsight_of_the_start(problem):
    """A comparator that stays at the start instead of the best point."""

    def sums(rounds, seeds):
        drawn = problem.samples(np.arange(1, rounds[-1] + 1), seeds)
        drawn = drawn[:, None] if drawn.ndim == 1 else drawn
        losses = problem.loss_formula(problem.start[0], drawn) * np.ones(drawn.shape)
        return np.cumsum(losses, axis=0)[rounds - 1].T

    return replace(problem, hindsight_formula=sums)


def hindsight_off_by_one_round(problem):
    """A comparator for T - 1 rounds, given for T."""
    return replace(
        problem,
        hindsight_formula=lambda rounds, seeds: problem.hindsight_formula(
            np.maximum(rounds - 1, 1), seeds
        ),
    )


def enlarging(problem):
    """Gives the largest sample to one lane in four."""

    def samples(rounds, seeds):
        drawn = np.array(problem.samples(rounds, seeds))
        drawn[:, ::4] = drawn.max(axis=1, keepdims=True)
        return drawn

    return replace(problem, samples=samples)

"""Wrong update rules, kept out of the public catalogue."""

import convergence.rule
from convergence.rule import Update
from problems.arithmetic import maximum, minimum, sqrt
from problems.registry import Registry

registry = Registry("rule", convergence.rule._build)


def wrong_rule(**state):
    """Register in the private registry."""
    return lambda function: registry.add(
        function, source="kingma2015", common={"maximize": False}, state=state
    )


@wrong_rule(m=0, power1=1)
def late_correction(g, m, power1, *, beta1=0.5):
    """Corrects the mean by the power of the round before."""
    m = beta1 * m + (1 - beta1) * g
    return m / (1 - beta1 * beta1 * power1), m, beta1 * power1


@wrong_rule(m=0)
def unshared_mean(g, m, *, beta1=0.5):
    """A moving average whose new share is not 1 - beta1."""
    m = beta1 * m + g
    return m, m


@wrong_rule(v=0, vhat=0)
def forgetful_maximum(g, v, vhat, *, beta2=0.5):
    """AMSGrad whose largest second moment fades."""
    v = beta2 * v + (1 - beta2) * g * g
    vhat = maximum(beta2 * vhat, v)
    return g / (sqrt(vhat) + 1e-3), v, vhat


@wrong_rule(v=0, vhat=float("inf"))
def least_moment(g, v, vhat, *, beta2=0.5):
    """AMSGrad with the least second moment."""
    v = beta2 * v + (1 - beta2) * g * g
    vhat = minimum(vhat, v)
    return g / (sqrt(vhat) + 1e-3), v, vhat


@wrong_rule()
def climbing_decay(g, x, *, weight_decay=0.1):
    """Takes decay the wrong way when it climbs: the gradient is not what is negated."""
    return (g - weight_decay * x,)


@wrong_rule(u=0)
def doubled_step(g, u, step_size, *, beta1=0.0):
    """Multiplies by the step size twice."""
    u = beta1 * u + step_size * g
    return Update(step_size * u, u)

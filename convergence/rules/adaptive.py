"""Methods that scale each coordinate by its past gradients: AdaGrad, RMSprop, Adam and kin."""

from __future__ import annotations

from typing import Any

from convergence.rule import Update, rule
from convergence.rules.decay import with_coupled_decay, with_decoupled_decay
from problems.arithmetic import clip as clipped
from problems.arithmetic import fixed_at, maximum, ratio, sqrt, where

__all__ = [
    "adagrad",
    "adagrad_norm",
    "adam",
    "adamax",
    "adamnc",
    "adamw",
    "adamx",
    "adopt",
    "amsgrad",
    "nadam",
    "rmsprop",
]


def _scaled(numerator: Any, v: Any, eps: Any, eps_position: str) -> tuple[Any, Any]:
    """The numerator over the root of v, and that denominator.

    Without eps, 0/0 is read as 0, as the theorems read it.
    """
    if fixed_at(eps, 0):
        root = sqrt(v)
        return ratio(numerator, root), root
    root = sqrt(v + eps) if eps_position == "inside" else sqrt(v) + eps
    return numerator / root, root


def _corrected(moment: Any, power: Any, wanted: bool) -> Any:
    """Adam's bias correction: the moment over 1 - beta**t, if wanted."""
    return moment / (1 - power) if wanted else moment


@rule(source="duchi2011, Section 1.1, diagonal form", tags=("adaptive",), s="initial")
def adagrad(
    g: Any,
    s: Any,
    x: Any,
    *,
    eps: float = 1e-10,
    eps_position: str = "outside",
    initial: float = 0.0,
    weight_decay: float = 0.0,
) -> Any:
    """AdaGrad with a diagonal matrix: the root of the sum of squared gradients.

    The paper's delta is `eps`.
    """
    g = with_coupled_decay(g, x, weight_decay)
    s = s + g * g
    direction, metric = _scaled(g, s, eps, eps_position)
    return Update(direction, s, metric=metric)


@rule(source=("tieleman2012", "graves2013, Equations 38-45"), tags=("adaptive",), v=0, mean_g=0)
def rmsprop(
    g: Any,
    v: Any,
    mean_g: Any,
    x: Any,
    *,
    beta2: float = 0.9,
    eps: float = 1e-8,
    eps_position: str = "outside",
    centered: bool = False,
    weight_decay: float = 0.0,
) -> Any:
    """RMSprop: the root of a moving average of squared gradients.

    Centred (Graves), the squared moving average of the gradient is taken off; a difference that
    rounding has made negative counts as 0.
    """
    g = with_coupled_decay(g, x, weight_decay)
    v = beta2 * v + (1 - beta2) * g * g
    mean_g = beta2 * mean_g + (1 - beta2) * g
    second = maximum(0.0, v - mean_g * mean_g) if centered else v
    direction, metric = _scaled(g, second, eps, eps_position)
    return Update(direction, v, mean_g, metric=metric)


def _moments(
    g: Any, m: Any, v: Any, decay_t: Any, beta1: Any, beta2: Any, beta1_decay: Any
) -> tuple[Any, Any, Any]:
    """Adam's two moving averages, and the decayed factor of the next round's beta1."""
    # A product with 1 would change no bit; leaving it out keeps the power out of the state.
    beta1_t = beta1 if fixed_at(beta1_decay, 1) else beta1 * decay_t
    m = beta1_t * m + (1 - beta1_t) * g
    v = beta2 * v + (1 - beta2) * g * g
    return m, v, beta1_decay * decay_t


def _adam(
    g: Any,
    m: Any,
    v: Any,
    power1: Any,
    power2: Any,
    decay_t: Any,
    *,
    beta1: Any,
    beta2: Any,
    eps: Any,
    eps_position: str,
    bias_correction: str,
    beta1_decay: Any,
) -> tuple[tuple[Any, ...], Any]:
    """Adam without decay: (direction, *state), and the metric."""
    m, v, decay_t = _moments(g, m, v, decay_t, beta1, beta2, beta1_decay)
    # Running products: pow is not correctly rounded, and library versions disagree.
    power1, power2 = beta1 * power1, beta2 * power2
    m_hat = _corrected(m, power1, bias_correction in ("both", "first"))
    v_hat = _corrected(v, power2, bias_correction in ("both", "second"))
    direction, metric = _scaled(m_hat, v_hat, eps, eps_position)
    return (direction, m, v, power1, power2, decay_t), metric


@rule(
    source="kingma2015, Algorithm 1",
    tags=("adaptive", "momentum"),
    m=0,
    v=0,
    power1=1,
    power2=1,
    decay_t=1,
)
def adam(
    g: Any,
    m: Any,
    v: Any,
    power1: Any,
    power2: Any,
    decay_t: Any,
    x: Any,
    *,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    eps_position: str = "outside",
    bias_correction: str = "both",
    beta1_decay: float = 1.0,
    weight_decay: float = 0.0,
) -> Any:
    """Adam: bias-corrected moving averages of the gradient and of its square.

    Weight decay, if any, is coupled: it joins the gradient (for decoupled decay: `adamw`). The
    theorem of the paper lets beta1 shrink by `beta1_decay` each round and has no eps.
    """
    g = with_coupled_decay(g, x, weight_decay)
    returned, metric = _adam(
        g,
        m,
        v,
        power1,
        power2,
        decay_t,
        beta1=beta1,
        beta2=beta2,
        eps=eps,
        eps_position=eps_position,
        bias_correction=bias_correction,
        beta1_decay=beta1_decay,
    )
    return Update(*returned, metric=metric)


@rule(
    source="loshchilov2019, Algorithm 2",
    tags=("adaptive", "momentum", "weight-decay"),
    m=0,
    v=0,
    power1=1,
    power2=1,
)
def adamw(
    g: Any,
    m: Any,
    v: Any,
    power1: Any,
    power2: Any,
    x: Any,
    step_size: Any,
    *,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    eps_position: str = "outside",
    bias_correction: str = "both",
    weight_decay: float = 0.01,
    decay: str = "decoupled",
    decay_scale: str = "step-size",
) -> Any:
    """Adam with decoupled weight decay.

    The paper multiplies the decay by the schedule's multiplier but not by the base step size;
    with `decay_scale=step-size` it is multiplied by both, as in deployed libraries and in later
    theory, with `none` by neither.
    """
    if decay == "coupled":
        g = with_coupled_decay(g, x, weight_decay)
    (direction, *state), metric = _adam(
        g,
        m,
        v,
        power1,
        power2,
        1.0,
        beta1=beta1,
        beta2=beta2,
        eps=eps,
        eps_position=eps_position,
        bias_correction=bias_correction,
        beta1_decay=1.0,
    )
    if decay == "decoupled":
        direction = with_decoupled_decay(direction, x, step_size, weight_decay, decay_scale)
    return Update(direction, *state[:-1], metric=metric)


@rule(
    source="reddi2018, Algorithm 2",
    tags=("adaptive", "momentum"),
    m=0,
    v=0,
    vhat=0,
    power1=1,
    power2=1,
    decay_t=1,
)
def amsgrad(
    g: Any,
    m: Any,
    v: Any,
    vhat: Any,
    power1: Any,
    power2: Any,
    decay_t: Any,
    x: Any,
    *,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 0.0,
    eps_position: str = "outside",
    bias_correction: str = "none",
    maximum_of: str = "raw",
    beta1_decay: float = 1.0,
    weight_decay: float = 0.0,
) -> Any:
    """AMSGrad: Adam's second moment replaced by the largest so far.

    The paper has no eps and no bias correction. Deployed libraries correct both moments, some
    before taking the maximum (`maximum_of=corrected`), some after.
    """
    g = with_coupled_decay(g, x, weight_decay)
    m, v, decay_t = _moments(g, m, v, decay_t, beta1, beta2, beta1_decay)
    power1, power2 = beta1 * power1, beta2 * power2
    second = bias_correction in ("both", "second")
    m_hat = _corrected(m, power1, bias_correction in ("both", "first"))
    if maximum_of == "raw":
        vhat = maximum(vhat, v)
        largest = _corrected(vhat, power2, second)
    else:
        vhat = maximum(vhat, _corrected(v, power2, second))
        largest = vhat
    direction, metric = _scaled(m_hat, largest, eps, eps_position)
    return Update(direction, m, v, vhat, power1, power2, decay_t, metric=metric)


@rule(
    source=("ward2019, Algorithm 1", "streeter2010"),
    tags=("adaptive", "step-size-free"),
    s="initial",
)
def adagrad_norm(
    g: Any,
    s: Any,
    x: Any,
    norm: Any,
    *,
    initial: float = 0.0,
    weight_decay: float = 0.0,
) -> Any:
    """AdaGrad with one number for all coordinates: the root of the sum of squared norms.

    b_{t+1}**2 = b_t**2 + ||g_t||**2 and x_{t+1} = x_t - eta g_t / b_{t+1}; the paper's b_0**2 is
    `initial`, and without it a step of no gradient at all is 0.
    """
    g = with_coupled_decay(g, x, weight_decay)
    size = norm(g)
    s = s + size * size
    return ratio(g, sqrt(s)), s


@rule(source="kingma2015, Algorithm 2", tags=("adaptive", "momentum"), m=0, u=0, power1=1)
def adamax(
    g: Any,
    m: Any,
    u: Any,
    power1: Any,
    x: Any,
    *,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 0.0,
    weight_decay: float = 0.0,
) -> Any:
    """AdaMax: Adam with a fading maximum of |g| in the place of the root of the second moment.

    The paper has no eps and needs no correction of the maximum.
    """
    g = with_coupled_decay(g, x, weight_decay)
    m = beta1 * m + (1 - beta1) * g
    u = maximum(beta2 * u, abs(g))
    power1 = beta1 * power1
    m_hat = _corrected(m, power1, True)
    metric = u if fixed_at(eps, 0) else u + eps
    direction = ratio(m_hat, u) if fixed_at(eps, 0) else m_hat / metric
    return Update(direction, m, u, power1, metric=metric)


# 0.96**(1/250), rounded once: powers are running products.
_FADING = 0.9998367253526753


@rule(
    source="dozat2016",
    tags=("adaptive", "momentum"),
    m=0,
    v=0,
    power2=1,
    product=1,
    fade=1,
)
def nadam(
    g: Any,
    m: Any,
    v: Any,
    power2: Any,
    product: Any,
    fade: Any,
    x: Any,
    *,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    eps_position: str = "outside",
    momentum: str = "rising",
    weight_decay: float = 0.0,
) -> Any:
    """NAdam: Adam with Nesterov's momentum, the gradient once more in the place of the oldest one.

    With mu_t the momentum of round t, the first moment is taken as mu_{t+1} m_t over
    1 - mu_1 ... mu_{t+1}, plus (1 - mu_t) g_t over 1 - mu_1 ... mu_t. Rising, mu_t is
    beta1 (1 - 0.96**(t / 250) / 2), as deployed libraries have it; constant, it is beta1. As in
    those libraries m itself decays by beta1 in either case.
    """
    g = with_coupled_decay(g, x, weight_decay)
    m, v, _ = _moments(g, m, v, 1.0, beta1, beta2, 1)
    power2, fade = beta2 * power2, _FADING * fade
    mu = next_mu = beta1
    if momentum == "rising":
        mu, next_mu = beta1 * (1 - 0.5 * fade), beta1 * (1 - 0.5 * (_FADING * fade))
    product = mu * product
    ahead = next_mu * m / (1 - next_mu * product) + (1 - mu) * g / (1 - product)
    direction, metric = _scaled(ahead, _corrected(v, power2, True), eps, eps_position)
    return Update(direction, m, v, power2, product, fade, metric=metric)


@rule(source="taniguchi2024", tags=("adaptive", "momentum"), m=0, v=0)
def adopt(
    g: Any,
    m: Any,
    v: Any,
    x: Any,
    t: Any,
    *,
    beta1: float = 0.9,
    beta2: float = 0.9999,
    eps: float = 1e-6,
    clip: str = "none",
    weight_decay: float = 0.0,
) -> Any:
    """ADOPT: each gradient is scaled by the second moment of the gradients before it.

    The first gradient g_0 only gives v_0 = g_0**2, so round 1 makes no step and round t is the
    paper's step t - 1: m_t = beta1 m_{t-1} + (1 - beta1) g_t / max(sqrt(v_{t-1}), eps), m_0 = 0.
    The revision of November 2024 cuts the scaled gradient at the fourth root of the number of
    the step: `clip=fourth-root`.
    """
    g = with_coupled_decay(g, x, weight_decay)
    # In round 1 there is no second moment yet, and nothing is divided by it.
    scaled = g / where(t > 1, maximum(sqrt(v), eps), 1.0)
    if clip == "fourth-root":
        most = sqrt(sqrt(t - 1))
        scaled = clipped(scaled, -most, most)
    m = where(t > 1, beta1 * m + (1 - beta1) * scaled, m)
    v = where(t > 1, beta2 * v + (1 - beta2) * g * g, g * g)
    return m, m, v


@rule(
    source="reddi2018, Corollary 2",
    tags=("adaptive", "momentum"),
    m=0,
    v=0,
    decay_t=1,
)
def adamnc(
    g: Any,
    m: Any,
    v: Any,
    decay_t: Any,
    x: Any,
    t: Any,
    *,
    beta1: float = 0.9,
    eps: float = 0.0,
    eps_position: str = "outside",
    beta1_decay: float = 1.0,
    weight_decay: float = 0.0,
) -> Any:
    """AdamNC with beta2_t = 1 - 1/t: the second moment is the mean of all squared gradients.

    With beta1 = 0 and step sizes alpha / sqrt(t) it is AdaGrad. The paper has no eps and no bias
    correction.
    """
    g = with_coupled_decay(g, x, weight_decay)
    share = 1 / t
    m, v, decay_t = _moments(g, m, v, decay_t, beta1, 1 - share, beta1_decay)
    direction, metric = _scaled(m, v, eps, eps_position)
    return Update(direction, m, v, decay_t, metric=metric)


@rule(
    source="tran2019, Section 5",
    tags=("adaptive", "momentum"),
    m=0,
    v=0,
    vhat=0,
    decay_t=1,
    share=1,
)
def adamx(
    g: Any,
    m: Any,
    v: Any,
    vhat: Any,
    decay_t: Any,
    share: Any,
    x: Any,
    *,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 0.0,
    eps_position: str = "outside",
    beta1_decay: float = 1.0,
    weight_decay: float = 0.0,
) -> Any:
    """AdamX: AMSGrad with its maximum weighted so that sqrt(vhat_t) / (1 - beta1_t) cannot fall.

    vhat_t = max(((1 - beta1_t) / (1 - beta1_{t-1}))**2 vhat_{t-1}, v_t); with a constant beta1 it
    is AMSGrad. The paper has no eps and no bias correction.
    """
    g = with_coupled_decay(g, x, weight_decay)
    before, share = share, 1 - beta1 * decay_t
    m, v, decay_t = _moments(g, m, v, decay_t, beta1, beta2, beta1_decay)
    if fixed_at(beta1_decay, 1):
        vhat = maximum(vhat, v)
    else:
        # In round 1 vhat is 0, whatever the factor.
        growth = share / before
        vhat = maximum(growth * growth * vhat, v)
    direction, metric = _scaled(m, vhat, eps, eps_position)
    return Update(direction, m, v, vhat, decay_t, share, metric=metric)

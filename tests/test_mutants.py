"""What the claims are worth as tests: rules broken in one place, and the claims that notice.

A mutant is a rule of the catalogue with one text of its source replaced, many of them slips that
were made in published code, some of them another method. `CAUGHT` names for each a claim that holds
on a run of the right rule and is violated by the mutant. `NOT_CAUGHT` names those that no claim
catches, and why not. Worst cases of mutants over all functions are computed as in
`benchmarks/worst_cases.py`.
"""

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pytest
from levels import FEW_ROUNDS, quick_if, rounds_of
from wrong.mutants import table

import convergence.rules
from convergence.claims import catalogue, judge
from convergence.claims.adaptive import _DOUBLING as DOUBLING
from convergence.claims.adaptive import _TENTH_MORE as TENTH_MORE
from convergence.claims.exactness import _FALLING as FALLING
from convergence.claims.exactness import _STRETCHED as STRETCHED
from convergence.claims.exactness import _UNEQUAL as UNEQUAL
from convergence.schedule import find as find_schedule
from convergence.simulation import run


@dataclass(frozen=True)
class Run:
    problem: str
    rule: str
    schedule: str
    steps: int
    seeds: int = 1
    projection: str = "euclidean"


ALTERNATING = "periodic-linear:slopes=[1,-1]"
LINE = "quadratic:kappa=1,dimension=1"

# Under a claim and a run of the right rule on which it holds, mutants on which it is violated.
CAUGHT = table(rf"""
gradient-descent
    gd-nonconvex-min  {LINE}  sgd  inverse-smoothness  5
        climbs | return (with_coupled_decay(g, x, weight_decay),) \
            => return (-with_coupled_decay(g, x, weight_decay),)
        doubled | return (with_coupled_decay(g, x, weight_decay),) \
            => return (2 * with_coupled_decay(g, x, weight_decay),)
    gd-nonconvex-classic  {LINE}  sgd  inverse-smoothness  5
        halved | return (with_coupled_decay(g, x, weight_decay),) \
            => return (0.5 * with_coupled_decay(g, x, weight_decay),)
        a decay of 0.1 always | with_coupled_decay(g, x, weight_decay) \
            => with_coupled_decay(g, x, 0.1)
    coupled-decay-is-a-penalty  quadratic  sgd:weight_decay=0.1  inverse-smoothness:h=0.5  100
        decay off the wrong way | with_coupled_decay(g, x, weight_decay) \
            => with_coupled_decay(g, x, -weight_decay)
        decay ignored | with_coupled_decay(g, x, weight_decay) => g
        decay alone | with_coupled_decay(g, x, weight_decay) => weight_decay * x
        decay by a constant | with_coupled_decay(g, x, weight_decay) => g + weight_decay
    coupled-decay-is-a-penalty  rosenbrock  sgd:weight_decay=0.1,maximize=true \
            constant:alpha=1e-4  100
        climbing away from 0 | with_coupled_decay(g, x, weight_decay) \
            => with_coupled_decay(g, x, -weight_decay)
heavy-ball
    polyak-hb-quadratic  quadratic:kappa=1.0201,dimension=2  heavy-ball:beta1=1/40401 \
            constant:alpha=40804/40401  10
        momentum doubled | u = beta1 * u + (share => u = 2 * beta1 * u + (share
        momentum of the wrong sign | u = beta1 * u + (share => u = -beta1 * u + (share
        the momentum is lost | u = beta1 * u + (share => u = 0 * u + (share
        steps as Nesterov does | step_size * share)\n    return u, u \
            => step_size * share)\n    return share + beta1 * u, u
    ghadimi-2015-hb-sc  {LINE}  heavy-ball:beta1=0.75  constant:alpha=0.25  100
        1 - beta1 in a sum | share = g if fixed_at(dampening, 0) \
            => share = (1 - beta1) * g if fixed_at(dampening, 0)
    momentum-threshold-below  {LINE}  heavy-ball:velocity=average,beta1=0.99 \
            constant:alpha=397.9  2000
        the average lacks 1 - beta1 | u = beta1 * u + (1 - beta1) * g => u = beta1 * u + g
    momentum-threshold-below  {LINE}  heavy-ball:velocity=average,beta1=0  constant:alpha=1.9  200
        the average's betas exchanged | u = beta1 * u + (1 - beta1) * g \
            => u = (1 - beta1) * u + beta1 * g
    methods-in-sums  {UNEQUAL}  heavy-ball:beta1=0.5,dampening=0.25  inverse-sqrt:alpha=0.1  60
        dampened twice | (1 - dampening) * g => (1 - dampening) * (1 - dampening) * g
        dampened by the complement | (1 - dampening) * g => dampening * g
        step size in the velocity | velocity == "sum" => velocity != "sum"
    coupled-decay-is-a-penalty  quadratic  heavy-ball:weight_decay=0.1  inverse-smoothness:h=0.5 \
            100
        decay of the velocity | with_coupled_decay(g, x, => with_coupled_decay(g, u,
nesterov
    nesterov-2004-sc  goujaud-2023:start=[100,3]  nesterov:beta1=2/3  inverse-smoothness  100
        looks back | query=next_x - beta1 * u => query=next_x + beta1 * u
        looks twice as far | query=next_x - beta1 * u => query=next_x - 2 * beta1 * u
        momentum doubled | u = beta1 * u + step_size * g => u = 2 * beta1 * u + step_size * g
        gradient twice | u = beta1 * u + step_size * g => u = beta1 * u + 2 * step_size * g
        the velocity is lost | u = beta1 * u + step_size * g => u = step_size * g
    momentum-in-points  {STRETCHED}  nesterov:beta1=0.5  inverse-smoothness:h=0.7  30
        heavy ball | query=next_x - beta1 * u => query=next_x
    methods-in-sums  {UNEQUAL}  nesterov:beta1=0.5,iterate=look-ahead  inverse-sqrt:alpha=0.1  60
        look-ahead without the gradient | return g + beta1 * u, u => return beta1 * u, u
        look-ahead kept as the velocity | return g + beta1 * u, u \
            => return g + beta1 * u, g + beta1 * u
        look-ahead of the wrong sign | return g + beta1 * u, u => return g - beta1 * u, u
    coupled-decay-is-a-penalty  quadratic  nesterov:weight_decay=0.1,iterate=look-ahead \
            inverse-smoothness:h=0.5  100
        decay once more in the look-ahead | return g + beta1 * u, u \
            => return g + beta1 * u + weight_decay * query_point, u
accelerated-gradient
    beck-teboulle-2009-fista  huber-worst:N=50  accelerated-gradient  inverse-smoothness  100
        gradient at the iterate | query=next_x - u => query=next_x
        the weight starts anew | momentum = (weight - 1) / following \
            => momentum = weight / following
    taylor-2017-accelerated-gradient  digits-softmax  accelerated-gradient:weights=simplified \
            inverse-smoothness  300
        looks back | query=next_x - u => query=next_x + u
    beck-teboulle-2009-fista  huber-worst:N=5201  accelerated-gradient  inverse-smoothness  200
        2 for 4 in the weights | 4 * weight * weight => 2 * weight * weight
    taylor-2017-accelerated-gradient  huber-worst:N=13,h=0.5 \
            accelerated-gradient:weights=simplified  inverse-smoothness  5
        momentum without the gradient's step | u = momentum * displacement => u = momentum * u
    momentum-in-points  {STRETCHED}  accelerated-gradient:weights=simplified \
            inverse-smoothness:h=0.7  30
        momentum t / (t + 2) | momentum = following = (t - 1) / (t + 2) \
            => momentum = following = t / (t + 2)
        momentum (t - 1) / (t + 1) | (t - 1) / (t + 2) => (t - 1) / (t + 1)
    momentum-in-points  {STRETCHED}  accelerated-gradient  inverse-smoothness:h=0.7  30
        simplified weights | if weights == "simplified" => if weights != "simplified"
        the weight of this round for the next | momentum = (weight - 1) / following \
            => momentum = (weight - 1) / weight
        weights that grow by 1 | (1 + sqrt(1 + 4 * weight * weight)) / 2 => weight + 1
optimized-gradient
    kim-fessler-2017-ogm-primary  huber-worst:N=2650  optimized-gradient:last_step=false \
            inverse-smoothness  100
        the look at the gradient left out | new = (weight - 1) * displacement + weight * step \
            => new = (weight - 1) * displacement
    kim-fessler-2016-ogm  {LINE}  optimized-gradient  inverse-smoothness  100
        Nesterov's query | query=next_x + behind - new / following \
            => query=next_x - new / following
        no last step | behind = new / stopping => behind = 0 * new / stopping
        4 for 8 in the last weight | stopping = (1 + sqrt(1 + 8 * weight * weight)) / 2 \
            => stopping = (1 + sqrt(1 + 4 * weight * weight)) / 2
    kim-fessler-2017-ogm-primary  quadratic:kappa=10000  optimized-gradient:last_step=false \
            inverse-smoothness  1000
        look-ahead doubled | query=next_x - new / following)\n    # w \
            => query=next_x - 2 * new / following)\n    # w
    momentum-in-points  {STRETCHED}  optimized-gradient  inverse-smoothness:h=0.7  30
        the last step at each round kept | displacement - u / stopped + behind \
            => displacement + behind
        the weight stopped at is this one | 8 * weight * (weight - 1) => 8 * weight * weight
    momentum-in-points  {STRETCHED}  optimized-gradient:last_step=false  inverse-smoothness:h=0.7 \
            30
        FISTA | new = (weight - 1) * displacement + weight * step \
            => new = (weight - 1) * displacement
        the gradient's part doubled | + weight * step => + 2 * weight * step
        gradient descent | new = (weight - 1) * displacement + weight * step \
            => new = 0 * displacement
optimized-gradient-norm
    kim-fessler-2021-ogm-g  huber-worst:N=150  optimized-gradient-norm:rounds=50 \
            inverse-smoothness  60
        no momentum | by_step = by_gradient * (weight - 1) / weight => by_step = 0 * weight
    momentum-in-points  {STRETCHED}  optimized-gradient-norm:rounds=20  inverse-smoothness:h=0.7 \
            30
        the look at the gradient left out | + by_gradient * step => + 0 * step
        it goes on | where(t <= rounds, displacement, 0.0) => displacement
        the weight of this round for the next | 2 * following - 1 => 2 * weight - 1
        momentum of the step alone | by_step * (step + u) => by_step * u
        weights that fall by a half | sqrt(where(t < 2, square / 2, square)) => weight - 0.5
        the first weight like the others | where(t < 2, square / 2, square) => square
primal-averaging
    primal-averaging-lipschitz  l1-norm  primal-averaging  constant:alpha=0.4  100
        no averaging | return share * u, (1 - share) * u => return u, u - u
    goujaud-2022-heavy-ball  quadratic:kappa=100  primal-averaging  inverse-smoothness  1000
        the velocity is kept whole | return share * u, (1 - share) * u => return share * u, u
    goujaud-2022-heavy-ball  huber-worst:N=50,h=0.5  primal-averaging  inverse-smoothness  50
        step size halved | u = u + step_size * g => u = u + 0.5 * step_size * g
    momentum-in-points  {STRETCHED}  primal-averaging  inverse-smoothness  30
        share of the newest doubled | (1 + averaging_power) / (t => 2 * (1 + averaging_power) / (t
        one round late | / (t + 1 + averaging_power) => / (t + averaging_power)
        the newest alone moves | return share * u, (1 - share) * u => return share * u, u - u
    momentum-in-points  {STRETCHED}  primal-averaging:averaging_power=1  inverse-smoothness  30
        the power left out above | (1 + averaging_power) / (t => 1 / (t
unified-momentum
    yan-2018-heavy-ball  star-convex-valley:start=1  unified-momentum:look_ahead=0,beta1=0.5 \
            constant:alpha=0.05  200
        momentum doubled | displacement = step_size * g + beta1 * (u + ahead) \
            => displacement = step_size * g + 2 * beta1 * (u + ahead)
    yan-2018-heavy-ball  huber-worst:N=1  unified-momentum:look_ahead=0  constant:alpha=5e-4  3000
        the velocity is lost | displacement = step_size * g + beta1 * (u + ahead) \
            => displacement = step_size * g + beta1 * ahead
    yan-2018-heavy-ball  star-convex-valley:start=0.01  unified-momentum:look_ahead=0,beta1=0 \
            constant:alpha=0.25  100
        climbs | displacement = step_size * g + beta1 * (u + ahead) \
            => displacement = -step_size * g + beta1 * (u + ahead)
    momentum-in-points  {STRETCHED}  unified-momentum:beta1=0.5,look_ahead=0.75 \
            inverse-smoothness:h=0.7  30
        look-ahead of the wrong sign | return displacement, displacement - ahead \
            => return displacement, displacement + ahead
        heavy ball | ahead = look_ahead * (step_size * g) => ahead = 0 * look_ahead * g
        Nesterov's method | ahead = look_ahead * (step_size * g) => ahead = step_size * g
        the step size is not in the look-ahead | look_ahead * (step_size * g) => look_ahead * g
adagrad
    duchi-2011-adagrad-diag  periodic-linear:slopes=[100,-100],start=1  adagrad:eps=0 \
            constant:alpha=1.4  60
        no square | s = s + g * g => s = s + abs(g)
    duchi-2011-adagrad-diag  reddi-2018-thm1  adagrad  constant:alpha=1  2000
        forgets | s = s + g * g => s = g * g
        no root with eps | _scaled: else sqrt(v) + eps => else v + eps
        multiplied by the root | _scaled: return numerator / root, root \
            => return numerator * root, root
        RMSprop | s = s + g * g => s = 0.9 * s + 0.1 * g * g
    wilson-2017-lemma31  wilson-2017  adagrad:eps=0  constant:alpha=0.1  300
        the sum before | _scaled(g, s, eps, eps_position) \
            => _scaled(g, s - g * g, eps, eps_position)
    duchi-2011-adagrad-diag  periodic-linear:slopes=[100],start=1  adagrad:eps=0 \
            constant:alpha=1.4  60
        no root without eps | _scaled: root = sqrt(v)\n        return ratio(numerator, root), root \
            => root = v\n        return ratio(numerator, root), root
    duchi-2011-adagrad-diag  periodic-linear:slopes=[0.001],start=1  adagrad:eps=0.01 \
            constant:alpha=1  200
        eps inside | _scaled: if eps_position == "inside" => if eps_position == "outside"
    duchi-2011-adagrad-diag  linear-on-ball:slopes=[1,100]  adagrad:eps=1e-3  constant:alpha=1.4 \
            100  projection=metric
        projected as if coordinates were alike | metric=metric => metric=0 * metric + 1
    methods-in-sums  {UNEQUAL}  adagrad:eps=0.1  constant:alpha=0.1  60
        a fading sum | s = s + g * g => s = 0.9 * s + g * g
        eps after the division | _scaled: return numerator / root, root \
            => return numerator / sqrt(v) + eps, root
        no eps | _scaled: else sqrt(v) + eps => else sqrt(v)
        the largest for the sum | s = s + g * g => s = maximum(s, g * g)
    methods-in-sums  periodic-linear:slopes=[0,1,-2]  adagrad:eps=0  constant:alpha=0.1  60
        0/0 | _scaled: return ratio(numerator, root), root => return numerator / root, root
    coupled-decay-is-a-penalty  quadratic  adagrad:weight_decay=0.1  constant:alpha=0.1  100
        decay that the sum has not seen | \
            g = with_coupled_decay(g, x, weight_decay)\n    s = s + g * g \
            => s = s + g * g\n    g = with_coupled_decay(g, x, weight_decay)
adagrad-norm
    adagrad-norm-regret  expert-advice:dimension=10  adagrad-norm  constant:alpha=1.5  600
        by coordinate | size = norm(g) => size = abs(g)
    adagrad-norm-regret  periodic-linear:slopes=[100,-100],start=1  adagrad-norm \
            constant:alpha=1.4  60
        norm not squared | s = s + size * size => s = s + size
    ward-2019-thm22  quadratic:dimension=1,kappa=1  adagrad-norm:initial=10000  constant:alpha=100 \
            3
        forgets | s = s + size * size => s = size * size
        no root | return ratio(g, sqrt(s)), s => return ratio(g, s), s
        climbs | return ratio(g, sqrt(s)), s => return ratio(-g, sqrt(s)), s
    adam-scale-invariance  pl-sine  adagrad-norm  constant:alpha=1  100
        the sum before | return ratio(g, sqrt(s)), s => return ratio(g, sqrt(s - size * size)), s
    methods-in-sums  {UNEQUAL}  adagrad-norm:initial=2  constant:alpha=0.1  60
        the largest for the sum | s = s + size * size => s = maximum(s, size * size)
        initial counts each time | s = s + size * size => s = s + size * size + initial
        a square for the root | sqrt(s)) => s * s)
rmsprop
    wilson-2017-lemma31  wilson-2017  rmsprop:eps=0  constant:alpha=0.001  200
        product form | v = beta2 * v + (1 - beta2) * g * g \
            => v = (beta2 * v + (1 - beta2)) * g * g
    methods-in-sums  {UNEQUAL}  rmsprop:beta2=0.75,eps=0.1  constant:alpha=0.1  60
        betas exchanged | v = beta2 * v + (1 - beta2) * g * g \
            => v = (1 - beta2) * v + beta2 * g * g
        no root | _scaled: else sqrt(v) + eps => else v + eps
        no 1 - beta2 | v = beta2 * v + (1 - beta2) * g * g => v = beta2 * v + g * g
        += of the average | v = beta2 * v + (1 - beta2) * g * g \
            => v = v + beta2 * v + (1 - beta2) * g * g
        sign descent | v = beta2 * v + (1 - beta2) * g * g => v = g * g
        centred unasked | if centered => if not centered
        Adam, uncorrected | _scaled(g, second => _scaled(mean_g, second
    methods-in-sums  {UNEQUAL}  rmsprop:beta2=0.75,centered=true  constant:alpha=0.1  60
        the mean not squared | mean_g * mean_g => mean_g
        the mean without 1 - beta2 | mean_g = beta2 * mean_g + (1 - beta2) * g \
            => mean_g = beta2 * mean_g + g
    coupled-decay-is-a-penalty  himmelblau  rmsprop:weight_decay=0.1  constant:alpha=0.01  100
        decay in the moment alone | _scaled(g, second => _scaled(g - weight_decay * x, second
adam
    adam-first-step  quadratic  adam:eps=0  constant:alpha=0.01  100
        first moment uncorrected | _adam: bias_correction in ("both", "first") \
            => bias_correction == "first"
        correction late by a round | _adam: m_hat = _corrected(m, power1, \
            => m_hat = _corrected(m, beta1 * power1,
        no 1 - beta2 | _moments: v = beta2 * v + (1 - beta2) * g * g => v = beta2 * v + g * g
        beta2 exchanged | _moments: v = beta2 * v + (1 - beta2) * g * g \
            => v = (1 - beta2) * v + beta2 * g * g
    adam-step-sup  {DOUBLING}  adam:beta1=0.25,beta2=0.5,eps=0  constant:alpha=0.01  20
        second moment uncorrected | _adam: bias_correction in ("both", "second") \
            => bias_correction == "second"
        1 - beta without the power | _adam: m_hat = _corrected(m, power1, \
            => m_hat = _corrected(m, beta1,
        multiplied by the correction | _corrected: moment / (1 - power) => moment * (1 - power)
        no 1 - beta1 | _moments: m = beta1_t * m + (1 - beta1_t) * g => m = beta1_t * m + g
        v of m | _moments: v = beta2 * v + (1 - beta2) * g * g \
            => v = beta2 * v + (1 - beta2) * m * m
        no square | _moments: v = beta2 * v + (1 - beta2) * g * g \
            => v = beta2 * v + (1 - beta2) * abs(g)
    adam-first-step  himmelblau  adam:eps=0,beta2=0.5  inverse-sqrt:alpha=0.1  100
        no root | _scaled: root = sqrt(v)\n        return ratio(numerator, root), root \
            => root = v\n        return ratio(numerator, root), root
    adam-step-sup  {TENTH_MORE}  adam:beta2=0.99,eps=0  inverse-sqrt:alpha=0.01  75
        beta1 exchanged | _moments: m = beta1_t * m + (1 - beta1_t) * g \
            => m = (1 - beta1_t) * m + beta1_t * g
    reddi-2018-thm2  reddi-2018-thm2  adam:beta1=0.5,beta2=0.5,eps=0,bias_correction=none \
            inverse-sqrt:alpha=1  2000
        climbs | _scaled: return ratio(numerator, root), root \
            => return ratio(-numerator, root), root
    adam-step-sup  himmelblau  adam  constant:alpha=0.01  500
        eps taken off | _scaled: else sqrt(v) + eps => else sqrt(v) - eps
    methods-in-sums  {UNEQUAL}  adam:beta1=0.5,beta2=0.75,eps=0.1  constant:alpha=0.1  60
        eps inside for outside | _scaled: if eps_position == "inside" \
            => if eps_position == "outside"
        state not stored | _adam: return (direction, m, v, power1, power2, \
            => return (direction, 0 * m, 0 * v, power1, power2,
        the counter runs twice as fast | _adam: power1, power2 = beta1 * power1, beta2 * power2 \
            => power1, power2 = beta1 * beta1 * power1, beta2 * beta2 * power2
        second moment's correction late by a round | _adam: _corrected(v, power2, \
            => _corrected(v, beta2 * power2,
        second moment corrected by beta1 | _adam: _corrected(v, power2, => _corrected(v, power1,
        corrected twice | _adam: m_hat = _corrected(m, power1, \
            => m_hat = _corrected(m / (1 - power1), power1,
        a square for the root | _scaled: else sqrt(v) + eps => else v * v + eps
        RMSprop | _moments: m = beta1_t * m + (1 - beta1_t) * g => m = g
        signs for gradients | _moments: m = beta1_t * m + (1 - beta1_t) * g \
            => m = beta1_t * m + (1 - beta1_t) * where(g > 0, 1.0, -1.0)
        betas of the moments exchanged | \
            _moments: m = beta1_t * m + (1 - beta1_t) * g\n    v = beta2 * v + (1 - beta2) * g * g \
            => m = beta2 * m + (1 - beta2) * g\n    v = beta1_t * v + (1 - beta1_t) * g * g
        AdaMax | _moments: v = beta2 * v + (1 - beta2) * g * g => v = maximum(beta2 * v, g * g)
        eps inside the correction | _adam: v_hat = _corrected(v, power2, \
            => v_hat = _corrected(v + eps, power2,
    coupled-decay-is-a-penalty  himmelblau  adam:weight_decay=0.1  constant:alpha=0.01  100
        decay off the wrong way | g = with_coupled_decay(g, x, weight_decay) \
            => g = with_coupled_decay(g, x, -weight_decay)
        decay of the moment | g = with_coupled_decay(g, x, weight_decay) \
            => g = with_coupled_decay(g, m, weight_decay)
adamw
    decoupled-decay-as-penalty  breast-cancer-logistic \
            adamw:beta1=0,eps=1e30,weight_decay=0.01,decay_scale=none  constant:alpha=1e29  300
        decay coupled | if decay == "coupled" => if decay == "decoupled"
        decay of the wrong sign | step_size, weight_decay, decay_scale \
            => step_size, -weight_decay, decay_scale
    decoupled-decay-as-penalty  noisy-quadratic  adamw:beta1=0,eps=1e30,weight_decay=1e-31 \
            constant:alpha=1e29  300  seeds=4
        decay without the step size | weight_decay, decay_scale) => weight_decay, "none")
    methods-in-sums  {UNEQUAL}  adamw:beta1=0.5,beta2=0.75,weight_decay=0.5  constant:alpha=0.1 \
            60
        first moment uncorrected | _adam: bias_correction in ("both", "first") \
            => bias_correction == "first"
        second moment uncorrected | _adam: bias_correction in ("both", "second") \
            => bias_correction == "second"
        decay after the step | _decay(direction, x, step_size \
            => _decay(direction, x - step_size * direction, step_size
        decay by the step size twice | _decay(direction, x, step_size \
            => _decay(direction, step_size * x, step_size
        decay by a constant | _decay(direction, x, step_size => _decay(direction, 1.0, step_size
        decay both ways | if decay == "coupled": => if decay != "neither":
amsgrad
    alacaoglu-2020-thm1  periodic-linear  amsgrad:beta1=0,beta2=0.1  inverse-sqrt:alpha=0.5  1000
        the maximum is dropped | vhat = maximum(vhat, v)\n        largest \
            => vhat = maximum(beta2 * vhat, v)\n        largest
    wilson-2017-lemma31  wilson-2017:positives=30,negatives=10  amsgrad  inverse-sqrt:alpha=0.01 \
            300
        the maximum is of the round before | \
            vhat = maximum(vhat, v)\n        largest = _corrected(vhat, power2, second) \
            => largest = _corrected(vhat, power2, second)\n        vhat = maximum(vhat, v)
    alacaoglu-2020-thm1  periodic-linear:slopes=[100],start=1  amsgrad:beta1=0,beta2=0.1 \
            inverse-sqrt:alpha=0.5  100
        no root | _scaled: root = sqrt(v)\n        return ratio(numerator, root), root \
            => root = v\n        return ratio(numerator, root), root
    adam-first-moment-most  reddi-2018-thm3:delta=1.4,C=1.5  amsgrad:beta1=0.5,beta2=0.5 \
            constant:alpha=0.01  60  seeds=256
        no 1 - beta1 | _moments: m = beta1_t * m + (1 - beta1_t) * g => m = beta1_t * m + g
    adam-second-moment-most  reddi-2018-thm3:delta=1.4,C=1.5  amsgrad:beta1=0.5,beta2=0.5 \
            constant:alpha=0.01  60  seeds=256
        no 1 - beta2 | _moments: v = beta2 * v + (1 - beta2) * g * g => v = beta2 * v + g * g
    alacaoglu-2020-thm1  periodic-linear:slopes=[1],start=1  amsgrad:beta1=0,beta2=0.01 \
            inverse-sqrt:alpha=0.5  100
        beta2 exchanged | _moments: v = beta2 * v + (1 - beta2) * g * g \
            => v = (1 - beta2) * v + beta2 * g * g
    alacaoglu-2020-thm1  periodic-linear:slopes=[1],start=1  amsgrad:beta1=0,beta2=0.75 \
            inverse-sqrt:alpha=0.7071067811865476  1000
        climbs | _scaled: return ratio(numerator, root), root \
            => return ratio(-numerator, root), root
    alacaoglu-2020-thm1  periodic-linear:slopes=[0.01],start=1  amsgrad:beta1=0,beta2=0.1 \
            inverse-sqrt:alpha=0.5  400
        multiplied by the root | _scaled: return ratio(numerator, root), root \
            => return numerator * root, root
    alacaoglu-2020-thm1  reddi-2018-thm1  amsgrad:beta1=0,beta2=0.1  inverse-sqrt:alpha=0.1 \
            10_000
        Adam | vhat = maximum(vhat, v)\n        largest \
            => vhat = maximum(0 * vhat, v)\n        largest
    reddi-2018-thm4  reddi-2018-thm1  amsgrad:beta1=0,beta2=0.1  inverse-sqrt:alpha=0.1  10_000
        Adam | vhat = maximum(vhat, v)\n        largest \
            => vhat = maximum(0 * vhat, v)\n        largest
    tran-phong-2019-thm41  reddi-2018-thm1  amsgrad:beta1=0,beta2=0.1  inverse-sqrt:alpha=0.1 \
            10_000
        Adam | vhat = maximum(vhat, v)\n        largest \
            => vhat = maximum(0 * vhat, v)\n        largest
    amsgrad-nonincreasing-beta1  {ALTERNATING},start=1  amsgrad:beta1=0,beta2=0.01 \
            inverse-sqrt:alpha=3  100
        the step doubled | _scaled(m_hat, largest => _scaled(2 * m_hat, largest
    amsgrad-nonincreasing-beta1  linear-on-ball:slopes=[1,100]  amsgrad:beta1=0,beta2=0.5,eps=1e-3 \
            inverse-sqrt:alpha=1  180  projection=metric
        projected as if coordinates were alike | metric=metric => metric=0 * metric + 1
    methods-in-sums  {FALLING}  amsgrad:beta1=0.5,beta2=0.75,beta1_decay=0.9  constant:alpha=0.1 \
            60
        Adam | vhat = maximum(vhat, v)\n        largest \
            => vhat = maximum(0 * vhat, v)\n        largest
        beta1 does not shrink | _moments: beta1_decay * decay_t => decay_t
        beta1 shrinks at once | _moments: else beta1 * decay_t \
            => else beta1 * beta1_decay * decay_t
        the maximum kept as the moment | Update(direction, m, v, vhat \
            => Update(direction, m, vhat, vhat
        the sum for the maximum | vhat = maximum(vhat, v)\n => vhat = vhat + v\n
    methods-in-sums  {FALLING}  amsgrad:beta1=0.5,beta2=0.75,bias_correction=both \
            constant:alpha=0.1  60
        the maximum after the correction | if maximum_of == "raw" => if maximum_of != "raw"
    methods-in-sums  {FALLING} \
            amsgrad:beta1=0.5,beta2=0.75,bias_correction=both,maximum_of=corrected \
            constant:alpha=0.1  60
        the corrected maximum is not stored | \
            vhat = maximum(vhat, _corrected(v, power2, second))\n        largest = vhat \
            => largest = maximum(vhat, _corrected(v, power2, second))
adamax
    methods-in-sums  {FALLING}  adamax:beta1=0.5,beta2=0.75  constant:alpha=0.1  60
        no fading | u = maximum(beta2 * u, abs(g)) => u = maximum(u, abs(g))
        no absolute value | u = maximum(beta2 * u, abs(g)) => u = maximum(beta2 * u, g)
        first moment uncorrected | m_hat = _corrected(m, power1, True) \
            => m_hat = _corrected(m, power1, False)
        the maximum corrected | ratio(m_hat, u) => ratio(m_hat, u / (1 - power1))
        Adam | u = maximum(beta2 * u, abs(g)) => u = sqrt(beta2 * u * u + (1 - beta2) * g * g)
        a sum for the maximum | u = maximum(beta2 * u, abs(g)) => u = beta2 * u + abs(g)
nadam
    methods-in-sums  {UNEQUAL}  nadam:beta1=0.5,beta2=0.75  constant:alpha=0.1  60
        moment corrected by this round's product | next_mu * m / (1 - next_mu * product) \
            => next_mu * m / (1 - product)
        momentum of this round for the next one's | beta1 * (1 - 0.5 * (_FADING * fade)) \
            => beta1 * (1 - 0.5 * fade)
        no product | product = mu * product => product = mu
        the next momentum in the product twice | product = mu * product \
            => product = mu * next_mu * product
        momentum of the round before | mu, next_mu = beta1 * (1 - 0.5 * fade) \
            => mu, next_mu = beta1 * (1 - 0.5 * fade / _FADING)
        second moment uncorrected | _corrected(v, power2, True) => _corrected(v, power2, False)
    methods-in-sums  {UNEQUAL}  nadam:beta1=0.5,beta2=0.75,momentum=constant  constant:alpha=0.1 \
            60
        Adam | next_mu * m / (1 - next_mu * product) + (1 - mu) * g / (1 - product) \
            => m / (1 - product)
adopt
    adopt-without-momentum  huber-worst  adopt:beta1=0,beta2=0.1,eps=0.05  constant:alpha=0.002 \
            1000
        eps added | maximum(sqrt(v), eps) => sqrt(v) + eps
        eps inside | maximum(sqrt(v), eps) => sqrt(v + eps)
        climbs | return m, m, v => return -m, m, v
    adopt-without-momentum  huber-worst:R0=100  adopt:beta1=0,beta2=0.1,eps=1  constant:alpha=0.05 \
            6000
        no root | maximum(sqrt(v), eps) => maximum(v, eps)
    methods-in-sums  {UNEQUAL}  adopt:beta1=0,beta2=0.75,eps=0.5  constant:alpha=0.1  60
        RMSprop, the newest gradient in its moment | maximum(sqrt(v), eps) \
            => maximum(sqrt(beta2 * v + (1 - beta2) * g * g), eps)
    methods-in-sums  {UNEQUAL}  adopt:beta1=0.5,beta2=0.75,eps=0.5  constant:alpha=0.1  60
        first round steps | m = where(t > 1, beta1 * m + (1 - beta1) * scaled, m) \
            => m = beta1 * m + (1 - beta1) * scaled
        least for largest | maximum(sqrt(v), eps) => eps
        the first gradient weighs as any other | \
            where(t > 1, beta2 * v + (1 - beta2) * g * g, g * g) \
            => beta2 * v + (1 - beta2) * g * g
        momentum of gradients | (1 - beta1) * scaled, m) => (1 - beta1) * g, m)
    methods-in-sums  {FALLING}  adopt:beta1=0.5,beta2=0.75,clip=fourth-root  constant:alpha=0.1 \
            60
        cut at the square root | most = sqrt(sqrt(t - 1)) => most = sqrt(t - 1)
        cut one round late | most = sqrt(sqrt(t - 1)) => most = sqrt(sqrt(t))
        cut above alone | clipped(scaled, -most, most) => clipped(scaled, -1e9, most)
adamnc
    adamnc-nonincreasing-beta1  single-spike:k=12  adamnc:beta1=0  inverse-sqrt:alpha=1.4  1600
        share always 1/10 | share = 1 / t => share = 0.1
    adamnc-nonincreasing-beta1  periodic-linear:slopes=[1],start=1  adamnc:beta1=0 \
            inverse-sqrt:alpha=1.414  500
        climbs | _scaled: return ratio(numerator, root), root \
            => return ratio(-numerator, root), root
    adamnc-nonincreasing-beta1  periodic-linear:slopes=[100],start=1  adamnc:beta1=0 \
            inverse-sqrt:alpha=0.5  100
        no root | _scaled: root = sqrt(v)\n        return ratio(numerator, root), root \
            => root = v\n        return ratio(numerator, root), root
    methods-in-sums  {UNEQUAL}  adamnc:beta1=0.5  inverse-sqrt:alpha=1  60
        share 1/(t+1) | share = 1 / t => share = 1 / (t + 1)
        share 1/t**2 | share = 1 / t => share = 1 / t / t
        share 1/sqrt(t) | share = 1 / t => share = 1 / sqrt(t)
adamx
    tran-phong-2019-thm51  periodic-linear  adamx:beta1=0,beta2=0.1  inverse-sqrt:alpha=0.5  1000
        the maximum is dropped | vhat = maximum(vhat, v) => vhat = v
    tran-phong-2019-thm51  periodic-linear:slopes=[1],start=1  adamx:beta1=0,beta2=0.1 \
            inverse-sqrt:alpha=1.3  500
        climbs | _scaled: return ratio(numerator, root), root \
            => return ratio(-numerator, root), root
    tran-phong-2019-thm51  periodic-linear:slopes=[100],start=1  adamx:beta1=0,beta2=0.1 \
            inverse-sqrt:alpha=0.5  100
        no root | _scaled: root = sqrt(v)\n        return ratio(numerator, root), root \
            => root = v\n        return ratio(numerator, root), root
    tran-phong-2019-thm51  periodic-linear:slopes=[1],start=1  adamx:beta1=0,beta2=0.99 \
            inverse-sqrt:alpha=0.2  400
        no 1 - beta2 | _moments: v = beta2 * v + (1 - beta2) * g * g => v = beta2 * v + g * g
    tran-phong-2019-thm51  reddi-2018-thm1  adamx:beta1=0,beta2=0.1  inverse-sqrt:alpha=0.1 \
            10_000
        Adam | vhat = maximum(vhat, v) => vhat = maximum(0 * vhat, v)
    methods-in-sums  {FALLING}  adamx:beta1=0.5,beta2=0.75,beta1_decay=0.9  constant:alpha=0.1  60
        weight upside down | growth = share / before => growth = before / share
        weight not squared | growth * growth * vhat => growth * vhat
        AMSGrad | vhat = maximum(growth * growth * vhat, v) => vhat = maximum(vhat, v)
        the share of the next round | 1 - beta1 * decay_t => 1 - beta1 * beta1_decay * decay_t
sign-descent
    bernstein-2018-thm1-exact  quadratic:kappa=1  signsgd  constant:alpha=1/64  64
        climbs | return (sign(with_coupled_decay(g, x, weight_decay)),) \
            => return (-sign(with_coupled_decay(g, x, weight_decay)),)
        no sign | return (sign(with_coupled_decay(g, x, weight_decay)),) \
            => return (with_coupled_decay(g, x, weight_decay),)
        halved | return (sign(with_coupled_decay(g, x, weight_decay)),) \
            => return (0.5 * sign(with_coupled_decay(g, x, weight_decay)),)
    bernstein-2018-thm1-exact  quadratic:kappa=1  signsgd  constant:alpha=0.03  700
        doubled | return (sign(with_coupled_decay(g, x, weight_decay)),) \
            => return (2 * sign(with_coupled_decay(g, x, weight_decay)),)
    decoupled-sign-box  absolute-value:start=30 \
            sign-descent:weight_decay=0.1,decay=decoupled,maximize=true  constant:alpha=0.1  1000
        decoupled decay coupled | if decay == "coupled" => if decay == "decoupled"
        decay of the wrong sign | step_size, weight_decay, => step_size, -weight_decay,
        decay halved | step_size, weight_decay, => step_size, weight_decay / 2,
    methods-in-sums  periodic-linear:slopes=[1,0,-2,0,0]  signsgd  constant:alpha=0.1  60
        the sign of 0 is 1 | sign(with_coupled_decay(g, x, weight_decay)) \
            => sign(with_coupled_decay(g, x, weight_decay) + 1e-300)
    coupled-decay-is-a-penalty  himmelblau  signsgd:weight_decay=50  constant:alpha=0.01  100
        decay ignored | sign(with_coupled_decay(g, x, weight_decay)) => sign(g)
        decay beside the sign | sign(with_coupled_decay(g, x, weight_decay)) \
            => sign(g) + weight_decay * x
signum
    cutkosky-mehta-2020-signum  huber-worst:N=1  signum:beta1=0.5  constant:alpha=0.01  200
        the average itself | return sign(m), m => return m, m
    decoupled-sign-box  periodic-linear:slopes=[100]  signum:weight_decay=10,decay=decoupled \
            constant:alpha=0.01  200
        no sign | with_decoupled_decay(sign(m) => with_decoupled_decay(m
    decoupled-sign-box  breast-cancer-logistic:batch=32  signum:weight_decay=1,decay=decoupled \
            constant:alpha=0.01  500  seeds=4
        decoupled decay coupled | if decay == "coupled":\n        return sign(m), m \
            => if decay == "decoupled":\n        return sign(m + weight_decay * x), m
        decay halved | step_size, weight_decay, => step_size, weight_decay / 2,
    methods-in-sums  {UNEQUAL}  signum:decay=decoupled  constant:alpha=0.1  60
        climbs | with_decoupled_decay(sign(m) => with_decoupled_decay(-sign(m)
        the momentum is lost | m = beta1 * m + (1 - beta1) * g => m = 0 * m + (1 - beta1) * g
        signs are averaged | m = beta1 * m + (1 - beta1) * g \
            => m = beta1 * m + (1 - beta1) * sign(g)
        betas exchanged | m = beta1 * m + (1 - beta1) * g => m = (1 - beta1) * m + beta1 * g
shampoo
    gupta-2018-thm7  absolute-value  shampoo  constant:alpha=0.7  1000
        a hundred times too short | scaled / sqrt(initial) => 0.01 * scaled / sqrt(initial)
        not divided by the root | scaled / sqrt(initial) => scaled
    matrix-methods-first-step  matrix-quadratic:rotated=true  shampoo:initial=0.1 \
            constant:alpha=0.1  5
        from the left alone | , inverse_fourth_root(right)) => , right / right)
        the start counted twice | left + matmul(g, transpose(g)) / initial \
            => left + matmul(g, transpose(g)) / (initial * initial)
        twice from the left | right = right + matmul(transpose(g), g) / initial \
            => right = right + 2.0 * matmul(transpose(g), g) / initial
    methods-in-sums  {UNEQUAL}  shampoo:initial=0.1  constant:alpha=0.1  60
        climbs | matmul(inverse_fourth_root(left), g) => matmul(inverse_fourth_root(left), -g)
        ten times too long | scaled / sqrt(initial) => 10.0 * scaled / sqrt(initial)
        the sum on the left is forgotten | left = left + matmul => left = 0.0 * left + matmul
        the sum on the right decays | right = right + matmul => right = 0.9 * right + matmul

error-feedback-sign
    karimireddy-2019-error-feedback  log-sum-exp:dimension=3  error-feedback-sign \
            constant:alpha=6e-4  3000
        the error forgotten | moved = u + step_size * g => moved = 0 * u + step_size * g
        climbs | moved = u + step_size * g => moved = u - step_size * g
        the error taken off | moved - displacement => displacement - moved
        nothing sent | mean(abs(moved)) * sign(moved) => 0 * moved
    karimireddy-2019-error-feedback  log-sum-exp:dimension=10  error-feedback-sign \
            constant:alpha=6e-4  10000
        the error counted twice | moved - displacement => 2 * (moved - displacement)
    karimireddy-2019-error-feedback  noisy-huber:slope=10,sigma=1,start=100  error-feedback-sign \
            constant:alpha=0.01  1000  seeds=20
        not scaled | mean(abs(moved)) * sign(moved) => step_size * sign(moved)

lion
    decoupled-sign-box  periodic-linear:slopes=[100]  lion:weight_decay=10  constant:alpha=0.01 \
            200
        no sign | direction = sign(beta1 * m + (1 - beta1) * g) \
            => direction = beta1 * m + (1 - beta1) * g
    decoupled-sign-box  periodic-linear:slopes=[-1]  lion:weight_decay=2  constant:alpha=0.01 \
            1000
        doubled | direction = sign(beta1 * m + (1 - beta1) * g) \
            => direction = 2 * sign(beta1 * m + (1 - beta1) * g)
        decay halved | step_size, weight_decay, => step_size, weight_decay / 2,
    decoupled-sign-box  rosenbrock  lion:weight_decay=2  constant:alpha=0.01  1000
        decay without the step size | weight_decay, "step-size") => weight_decay, "none")
    methods-in-sums  {UNEQUAL}  lion  constant:alpha=0.1  60
        climbs | direction = sign(beta1 * m + (1 - beta1) * g) \
            => direction = -sign(beta1 * m + (1 - beta1) * g)
        keeps what its sign was taken of | m = beta2 * m + (1 - beta2) * g \
            => m = beta1 * m + (1 - beta1) * g
        Signum, momentum first | direction = sign(beta1 * m + (1 - beta1) * g) \
            => direction = sign(beta2 * m + (1 - beta2) * g)
        the gradient's sign | direction = sign(beta1 * m + (1 - beta1) * g) => direction = sign(g)
        the momentum's sign | direction = sign(beta1 * m + (1 - beta1) * g) => direction = sign(m)
    methods-in-sums  {UNEQUAL}  lion:weight_decay=0.5  constant:alpha=0.1  60
        decay after the step | _decay(direction, x, step_size \
            => _decay(direction, x - step_size * direction, step_size
        decay halved | step_size, weight_decay, => step_size, weight_decay / 2,
adafactor
    matrix-methods-first-step  matrix-quadratic:rotated=true  adafactor  constant:alpha=0.1  5
        moments of rows alone | v = row * column / mean_along(row, "block") => v = row
        clipped by the norm | _root_mean_square(update) / clip_threshold \
            => norm_along(update, "block") / clip_threshold
        relative to the gradient | maximum(least_scale, _root_mean_square(x)) \
            => maximum(least_scale, _root_mean_square(g))
        not relative | if relative_step: => if not relative_step:
        moments of columns alone | mean_along(row, "block") => mean_along(row, "rows")
        by coordinate | v = row * column / mean_along(row, "block") \
            => v = 0 * row * column + squares
    methods-in-sums  {UNEQUAL}  adafactor:relative_step=false,eps=0.1,clip_threshold=0.8 \
            constant:alpha=0.1  60
        t**-0.4 | decay = 1 - 1 / ((root * root) * (root * root)) => decay = 1 - 1 / (root * root)
        eps left out | g * g + eps => g * g
        a fifth root of four Newton steps | _fifth_root: range(12) => range(4)
        lengthened to the threshold | maximum(1.0, _root_mean_square(update) / clip_threshold) \
            => (_root_mean_square(update) / clip_threshold)
        the moment of columns is not kept | column = decay * column + (1 - decay) * \
            => column = 0 * column +
adam-mini
    matrix-methods-first-step  matrix-quadratic:rotated=true  adam-mini:eps=0.1 \
            constant:alpha=0.1  5
        second moment by coordinate | mean_along(g * g, "block") => (g * g)
        one number a row | mean_along(g * g, "block") => mean_along(g * g, "rows")
        the square of the mean | mean_along(g * g, "block") \
            => mean_along(g, "block") * mean_along(g, "block")
        the sum for the mean | mean_along(g * g, "block") \
            => norm_along(g, "block") * norm_along(g, "block")
        eps inside the root | m_hat / (root + eps) => m_hat / sqrt(root * root + eps)
    methods-in-sums  {UNEQUAL}  adam-mini:beta1=0.5,beta2=0.75,weight_decay=0.5 \
            constant:alpha=0.1  60
        second moment corrected by beta1 | sqrt(v / (1 - power2)) => sqrt(v / (1 - power1))
        decay coupled to the moment | m = beta1 * m + (1 - beta1) * g \
            => m = beta1 * m + (1 - beta1) * (g + weight_decay * x)
muon
    matrix-methods-first-step  matrix-quadratic  muon  constant:alpha=0.1  5
        a coefficient miscopied | _quintic: 2.0315 * matmul(gram, third) \
            => 2.0351 * matmul(gram, third)
        four steps | _quintic: range(5) => range(4)
        norm of columns | norm_along(moved, "block") => norm_along(moved, "columns")
        wide for tall | sqrt(maximum(1.0, rows / columns)) => sqrt(maximum(1.0, columns / rows))
        not normalised | ratio(moved, size) if fixed_at(eps, 0) else moved / (size + eps) => moved
    matrix-methods-first-step  matrix-quadratic:rows=3,columns=4,rotated=true \
            muon:orthogonalization=polar,scale=rms  constant:alpha=0.1  5
        the smaller side for the larger | 0.2 * sqrt(maximum(rows, columns)) => 0.2 * sqrt(rows)
    methods-in-sums  {UNEQUAL}  muon:orthogonalization=polar,weight_decay=0.5  constant:alpha=0.1 \
            60
        momentum once more | g + beta1 * u if nesterov => g + u if nesterov
        heavy ball's momentum alone | g + beta1 * u if nesterov => u if nesterov
        the gradient alone | direction = polar(moved) => direction = polar(g + 0 * u)
        decay doubled | step_size, weight_decay, => step_size, 2 * weight_decay,
    cutkosky-mehta-2020-muon  matrix-quadratic \
            muon:beta1=0,nesterov=false,orthogonalization=polar,scale=none  constant:alpha=0.05 \
            100
        climbs | direction = polar(moved) => direction = -polar(moved)
        not orthogonalised | direction = polar(moved) => direction = moved
        the Frobenius norm for the spectral one | direction = polar(moved) \
            => direction = ratio(moved, norm_along(moved, "block"))
        nothing is forgotten | u = beta1 * u + g => u = u + g
clipped-gradient
    koloskova-2023-clipping-least  two-point-noise  clipped-gradient  constant:alpha=0.1  7 \
            seeds=40
        not clipped | where(size > clip_norm, clip_norm / size, 1.0) * g => 1.0 * g
    methods-in-sums  {UNEQUAL}  clipped-gradient  inverse-sqrt:alpha=0.1  60
        always of this length | where(size > clip_norm, clip_norm / size, 1.0) => clip_norm / size
        the short ones lengthened | size > clip_norm => size < clip_norm
        shortened by the norm | clip_norm / size => clip_norm / (size * size)
        clipped to half | clip_norm / size => 0.5 * clip_norm / size
normalized-momentum
    cutkosky-mehta-2020  huber-worst:N=1  normalized-momentum:beta1=0.5  constant:alpha=0.01  200
        not normalised | ratio(m, norm(m)) => m
        the gradient by the length of the momentum | ratio(m, norm(m)) => ratio(g, norm(m))
        something is added to the norm | norm(m)) => norm(m) + 1)
        nothing is forgotten | beta1 * m + (1 - beta1) * g => m + g
        half the length | ratio(m, norm(m)) => 0.5 * ratio(m, norm(m))
    jaggi-2013-decay  matrix-quadratic:rows=1,columns=1,kappa_rows=1,kappa_columns=1,optimum=1 \
            normalized-momentum:beta1=0,weight_decay=0.5  inverse:alpha=4,offset=1  100
        decay off the wrong way | step_size, weight_decay, => step_size, -weight_decay,
        decay doubled | step_size, weight_decay, => step_size, 2 * weight_decay,
polyak-step
    polyak-1969-smooth  quadratic:kappa=1,dimension=1  polyak-step  constant:alpha=1  40
        the norm is not squared | (size * size) => size
    polyak-1969-strongly-convex  quadratic:kappa=1,dimension=1  polyak-step  constant:alpha=1  40
        half of the step | (size * size) => (2 * size * size)
    polyak-1969-lipschitz  resisting-maximum:N=24  polyak-step  constant:alpha=1  60
        the minimum is left out | (loss - minimum) => loss
        twice the step | (loss - minimum) => 2 * (loss - minimum)
schedule-free
    defazio-2024-schedule-free  absolute-value  schedule-free  constant:alpha=1/64  63
        the average is one round late | share = 1 / (t + 1) => share = 1 / (t + 2)
        the moved points climb | u = u + step_size * g => u = u - step_size * g
    defazio-2024-schedule-free  resisting-maximum:N=24  schedule-free  constant:alpha=0.2  30
        the distance to the moved point is not shortened | rest = (1 - share) * u => rest = u
    momentum-in-points  {STRETCHED}  schedule-free  inverse-smoothness  30
        the start is left out of the average | share = 1 / (t + 1) => share = 1 / t
        weights exchanged | (1 - interpolation) * rest => interpolation * rest
    defazio-2024-schedule-free  absolute-value  schedule-free:interpolation=0 \
        constant:alpha=0.1  40
        gradients are taken beyond the average | next_x - (1 - interpolation) \
            => next_x + (1 - interpolation)
""")

# Under a rule, mutants of it that no claim catches, and the reason.
NOT_CAUGHT = table(r"""
rmsprop
    rmsprop:centered=true
        the variance may be negative \
            | maximum(0.0, v - mean_g * mean_g) => (v - mean_g * mean_g) \
            | it matters where rounding alone decides, and of that no claim speaks
adamnc
    adamnc
        projected as if coordinates were alike | metric=metric => metric=0 * metric + 1 \
            | a projection in a metric needs an eps, and the claims on AdamNC have none
adamx
    adamx
        projected as if coordinates were alike | metric=metric => metric=0 * metric + 1 \
            | as of AdamNC
adafactor
    adafactor
        the moment of rows is not kept | row = decay * row + (1 - decay) * => row = 0 * row + \
            | on one row it cancels, and of several rows the claims see the first step alone
normalized-momentum
    normalized-momentum
        1 - beta1 is left out | (1 - beta1) * g => g | the direction is the same
""")


def run_of(mutant):
    """The claim, and the run on which it is judged."""
    claim, problem, rule, schedule, steps, *named = mutant.tried
    options = dict(part.split("=") for part in named)
    seeds, projection = int(options.get("seeds", 1)), options.get("projection", "euclidean")
    return claim, Run(problem, rule, schedule, int(steps), seeds, projection)


def listed(mutants, quick=lambda mutant: True):
    return quick_if(
        quick, mutants, lambda mutant: f"{mutant.key}: {mutant.name}, {mutant.tried[0]}"
    )


@cache
def fewest_rounds(rule):
    """On which a mutant of a rule is caught."""
    return min(rounds_of(run_of(mutant)[1]) for mutant in CAUGHT if mutant.key == rule)


def is_quick(mutant):
    _, how = run_of(mutant)
    few = rounds_of(how) <= max(FEW_ROUNDS, fewest_rounds(mutant.key))
    return few and how.problem != "digits-softmax"


def word(claim, how, rule):
    claim = catalogue[claim]()
    record = run(
        how.problem,
        rule,
        how.schedule,
        how.steps,
        seeds=how.seeds,
        projection=how.projection,
        measures=[],
        times=[how.steps] if claim.kind == "every run" else None,
    )
    return judge(claim, record).word


@cache
def word_of_the_right_one(claim, how):
    return word(claim, how, how.rule)


@pytest.mark.parametrize("mutant", listed(CAUGHT, is_quick))
def test_a_mutant_is_caught_by_a_claim_that_holds_for_the_rule(mutant):
    claim, how = run_of(mutant)
    # Many mutants are tried on one run.
    assert word_of_the_right_one(claim, how) in ("holds", "holds, not sensitive")
    assert word(claim, how, mutant.rule(how.rule)) == "violated"


@pytest.mark.parametrize("mutant", listed(NOT_CAUGHT))
def test_a_mutant_that_no_claim_catches_is_another_rule(mutant):
    (rule,) = mutant.tried
    assert mutant.rule(rule).formula() != convergence.rules.find(rule).formula()
    assert mutant.reason


@pytest.mark.thorough
@pytest.mark.parametrize("mutant", listed(NOT_CAUGHT))
def test_no_case_of_a_claim_catches_what_is_said_not_to_be_caught(mutant):
    noticed = []
    for entry in catalogue:
        claim = entry()
        for case in claim.cases:
            right = convergence.rules.find(case.experiment.names.optimizer).key == mutant.key
            if not right or not case.expected.startswith("holds"):
                continue
            how = Run(
                *case.experiment.names,
                case.experiment.steps,
                len(case.experiment.seeds),
            )
            if word(entry.key, how, mutant.rule(case.experiment.names.optimizer)) == "violated":
                noticed.append(entry.key)
    assert noticed == []


def test_every_rule_has_three_mutants():
    counted = {entry.key: 0 for entry in convergence.rules.catalogue}
    for mutant in [*CAUGHT, *NOT_CAUGHT]:
        counted[mutant.key] += 1
    assert min(counted.values()) >= 3, counted
    assert counted.keys() == {mutant.key for mutant in CAUGHT if is_quick(mutant)}


# Step sizes

SCHEDULES = {
    "linear decay that ends too early": (
        lambda t, horizon, *, alpha: alpha * np.maximum(1 - 2 * (t - 1) / horizon, 1e-9),
        "zamani-glineur-2023",
        Run("absolute-value", "sgd", "linear-decay:alpha=63/4096", 63),
    ),
    "linear decay that does not fall": (
        lambda t, horizon, *, alpha: alpha + 0 * t,
        "zamani-glineur-2023",
        Run("absolute-value", "sgd", "linear-decay:alpha=0.34", 16),
    ),
    "silver steps that are all short": (
        lambda t, L, *, h: 2**0.5 * h / L + 0 * t,
        "altschuler-parrilo-2023-silver",
        Run("huber-worst:N=179", "sgd", "silver", 127),
    ),
    "1/t for 1/sqrt(t)": (
        lambda t, *, alpha: alpha / t,
        "zinkevich-2003-thm1",
        Run("periodic-linear:slopes=[1],start=1", "sgd", "inverse-sqrt:alpha=0.1", 2_000),
    ),
    "constant for 1/sqrt(t)": (
        lambda t, *, alpha: alpha + 0 * t,
        "zinkevich-2003-thm1",
        Run(ALTERNATING, "sgd", "inverse-sqrt:alpha=1", 1_000),
    ),
    "1/sqrt(t) for 1/t": (
        lambda t, *, alpha, offset: alpha / np.sqrt(t + offset),
        "hazan-2007-thm1",
        Run("drifting-quadratics:period=2,radius=0.1", "sgd", "inverse:alpha=1", 1_000),
    ),
    "2/L for 1/L": (
        lambda t, L, *, h: 2 * h / L + 0 * t,
        "drori-teboulle-2014-gd",
        Run("quadratic:kappa=1,dimension=1", "sgd", "inverse-smoothness", 100),
    ),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_broken_schedule_is_caught_by_a_claim_that_holds_for_the_right_one(name):
    function, claim, how = SCHEDULES[name]
    right = find_schedule(how.schedule)
    wrong = replace(right, entry=replace(right.entry, function=function))
    # The claim must not be told: it asks the schedule for its step sizes.
    told = catalogue[claim]()
    blind = replace(told, assumptions=())
    assert word(claim, how, how.rule).startswith("holds")
    record = run(how.problem, how.rule, wrong, how.steps, measures=[])
    assert judge(blind, record).word == "violated"

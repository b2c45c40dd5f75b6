"""The problems that the laws are run on: every entry as it is by default, and variants."""

import inspect
from pathlib import Path

import problems
from problems.notation import format_specification

TINY = str(Path(__file__).parent / "fixtures" / "tiny.svm")
TINY_CSV = str(Path(__file__).parent / "fixtures" / "tiny.csv")


def with_path(key, path, **settings):
    return format_specification(key, {"path": path, **settings})


VARIANTS = (
    "periodic-linear:slopes=[4,-2,0,-3.5,1],domain=[-2,3],start=1",
    "periodic-linear:slopes=[2,-1,-1]",
    "reddi-2018-thm1:C=2",
    "reddi-2018-thm1:C=5,start=0.5",
    "periodic-hinge:slopes=[-4,1,2.5,-1],start=2",
    "quadratic:kappa=1,dimension=1,L=2",
    "quadratic:kappa=10,dimension=5,L=3",
    "rosenbrock:dimension=5",
    "breast-cancer-logistic:batch=16",
    "digits-softmax:ridge=0.1,batch=8",
    "quadratic:spectrum=linear,dimension=20",
    "quadratic:spectrum=clustered,rotated=true",
    "hilbert:dimension=3",
    "nesterov-worst-smooth:N=3,L=5",
    "resisting-maximum:N=3,G=2,D=0.5",
    "huber-worst:N=4,L=3,R0=2,h=0.5",
    "goujaud-2023:L=100",
    "kim-2024:N=3,L=5,mu=2,R0=2,h=1.5",
    "resisting-smooth:N=1,L=3,R0=2",
    "shuffled-parabolas:n=4,L=2,mu=0.5,sigma=3,order=independent",
    "shuffled-parabolas:n=2,order=independent",
    "two-point-noise:p=0.6,sigma=2,start=3",
    "parabola-on-interval:mu=3,radius=0.5",
    "parabola-on-interval:noise=0.5",
    "log-sum-exp:dimension=1",
    "absolute-value:noise=0.5",
    "linear-on-ball:radius=3",
    "reddi-2018-thm2:beta1=0,beta2=0.5",
    "reddi-2018-thm3:delta=0.5,C=20",
    "random-signs:G=3.7,D=0.3",
    "single-spike:k=5",
    "drifting-quadratics:mu=0.5,period=7,orbit=3,radius=1,dimension=4",
    "expert-advice:dimension=7",
    "coin-flip-experts:dimension=2,gap=0",
    "portfolio-selection:high=3,low=0.9",
    "sparse-hinge:dimension=6,c=2,alpha=1,radius=2",
    "single-feature-hinge:noise=0",
    "orthogonal-slopes:T=3,G=2,D=5",
    "multiplicative-noise:kappa=1,dimension=1,tau=0.5",
    "noisy-huber:slope=0.5,chance=0.1,start=0.5,domain=[-3,0.5]",
    "interpolating-least-squares:batch=4",
    "skewed-batches:sampling=uniform",
    "shi-2021:order=reshuffled",
    "zhang-2022:order=independent",
    "rare-feature-logistic:dimension=10,batch=3",
    "staircase-of-saddles:dimension=3",
    "matrix-factorization:width=1",
    "deep-linear-network:start=[0.5,0.2]",
    "phase-retrieval:batch=3",
    "tanh-network:hidden=2,examples=40,batch=4",
    "styblinski-tang:dimension=4",
    "trigonometric:dimension=3",
    "sharp-and-flat:sharp=10,flat=0.5",
    "breast-cancer-hinge:batch=8",
    "diabetes-least-squares:batch=8",
    "diabetes-lasso:batch=8",
    "diabetes-huber:batch=8",
    with_path("svmlight-logistic", TINY, ridge=0.05),
    with_path("svmlight-least-squares", TINY),
    with_path("csv-logistic", TINY_CSV, target="sign", batch=4),
    with_path("csv-least-squares", TINY_CSV, target="y"),
    with_path("svmlight-logistic", TINY, ridge=0.05, batch=4),
    with_path("svmlight-logistic", TINY, ridge=0),
    with_path("svmlight-logistic", TINY, ridge=0, batch=4),
    "sparse-logistic:examples=50,features=30,density=0.2,seed=3,batch=2",
    "matrix-quadratic:rows=3,columns=5,rotated=true,optimum=0.5,L=4",
    "matrix-quadratic:rows=1,columns=1,kappa_rows=1,kappa_columns=1",
    "matrix-quadratic:rows=2,columns=2,kappa_rows=1,kappa_columns=1,L=3,noise=0.5",
    "matrix-sensing:measurements=6,rank=2,seed=1",
    "matrix-sensing:factored=true,rows=3,columns=5,rank=2",
    "diagonal-lift:problem=lessard-2016",
    "diagonal-lift:problem=reddi-2018-stochastic,size=3",
    "diagonal-lift:problem='zhang-2022:n=4'",
    "diagonal-lift:problem='quadratic:dimension=1,kappa=1,L=2',size=1",
)


def buildable():
    """Entries that need no parameter."""
    return [
        entry
        for entry in problems.catalogue
        if inspect.Parameter.empty not in entry.parameters.values()
    ]


SPECIFICATIONS = (*(entry.key for entry in buildable()), *VARIANTS)

# Entries that take seconds to look at.
HEAVY = {
    "breast-cancer-hinge",
    "breast-cancer-stream",
    "coin-flip-experts",
    "diabetes-lasso",
    "diabetes-ridge-stream",
    "diagonal-lift",
    "digits-softmax",
    "drifting-quadratics",
    "label-noise-least-squares",
    "orthogonal-slopes",
    "portfolio-selection",
    "rare-feature-logistic",
    "single-feature-hinge",
    "sparse-hinge",
    "sparse-logistic",
    "tanh-network",
}
# The others, and files, which have no default.
FILES = {v for v in VARIANTS if "path=" in v and not v.endswith(("ridge=0", "ridge=0,batch=4"))}
LIGHT = {entry.key for entry in buildable()} - HEAVY | FILES
assert set(SPECIFICATIONS) >= LIGHT | HEAVY

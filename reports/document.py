"""The report: what it runs, and how pages, figures and data are written."""

from __future__ import annotations

import csv
import datetime
import io
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure

import convergence
from convergence.case import Case
from convergence.claims import find as find_claim
from convergence.claims import judge
from convergence.experiment import Experiment, Names
from convergence.record import Record, versions
from convergence.simulation import record_times, run
from convergence.sources import environment, key_of, parts_of_experiment
from convergence.store import Store, open_store
from convergence.tasks import Done, Pool, Task, carry_out
from convergence.verdict import Verdict
from convergence.verification import (
    Outcome,
    cases,
    fields_of,
    judging,
    outcome_of,
    verdict_of,
)
from problems.files import output_folder, write_whole
from reports import atlas, figures, theme
from reports.figures import Curve

__all__ = ["report"]

_THEOREM = "kingma-ba-2015-thm41"
_MOMENTUM = "sgdm-nonconvex-derived"


@dataclass(frozen=True)
class _Planned:
    """A curve of a figure, before it is run.

    Attributes:
        figure, panel, label: Where it is drawn.
        experiment: What is run.
        measures: What is recorded.
        cost: Roughly, in seconds; longer ones are started first.
        claim: Judged on the run, and its quantities recorded.
        times: Rounds to record besides the usual ones.
    """

    figure: str
    panel: str
    label: str
    experiment: Experiment
    measures: tuple[str, ...]
    cost: float = 1.0
    claim: str = ""
    times: tuple[int, ...] = ()


def _plan(quick: bool) -> tuple[list[_Planned], int]:
    """Every run of the report, and the round at which AMSGrad's seeds are counted."""
    steps = 3_000 if quick else 1_000_000
    seeds = 6 if quick else 100
    sqrt = "inverse-sqrt:alpha=0.5"
    runs: list[_Planned] = []

    adam = "adam:beta1=0,beta2={},eps=0,bias_correction=none"
    for panel, problem, beta2 in (
        ("C = 3", "reddi-2018-thm1", "1/10"),
        ("C = 2", "reddi-2018-thm1:C=2", "1/5"),
    ):
        for label, rule in (
            ("Adam", adam.format(beta2)),
            ("AMSGrad", f"amsgrad:beta1=0,beta2={beta2}"),
            ("SGD", "sgd"),
            ("SGD with momentum", "heavy-ball"),
        ):
            runs.append(
                _Planned(
                    "counterexample",
                    panel,
                    label,
                    Experiment(problem, rule, sqrt, steps),
                    ("average_regret",),
                )
            )

    checkpoint = steps // 5
    for panel, problem, lanes in (
        ("online", "reddi-2018-online", 1),
        ("stochastic", "reddi-2018-stochastic", seeds),
    ):
        for label, rule, schedule in (
            ("Adam", "adam:beta1=0.9,beta2=0.99", sqrt),
            ("AMSGrad", "amsgrad:beta1=0.9,beta2=0.99", sqrt),
            # Diameter over largest slope, as the regret bound of online gradient descent has it.
            ("SGD", "sgd", "inverse-sqrt:alpha=0.002"),
        ):
            runs.append(
                _Planned(
                    "section-5",
                    panel,
                    label,
                    Experiment(problem, rule, schedule, steps, seeds=lanes),
                    ("average_regret",),
                    cost=30.0 if lanes > 1 else 1.0,
                    times=(checkpoint,),
                )
            )

    for panel, problem, length in (
        ("Slopes 3, -1, -1 on [-1, 1]", "periodic-linear", 2_400),
        ("The same without projection", "periodic-hinge", 1_200),
    ):
        runs.append(
            _Planned(
                "false-theorem",
                panel,
                "Adam",
                Experiment(
                    problem, "adam:beta1=0,beta2=0.1,eps=0", "inverse-sqrt:alpha=0.1", length
                ),
                ("regret",),
                claim=_THEOREM,
                times=tuple(range(1, length + 1)),
            )
        )

    norms = ("gradient_mean_square", "stationarity_gap")
    average = "heavy-ball:velocity=average"
    for panel, length, settings in (
        (
            "pl-sine",
            2_000 if quick else 10_000,
            (
                ("gradient descent", "gradient-descent", "inverse-smoothness", ""),
                ("SGD with averaged momentum", average, "inverse-smoothness:h=0.025", _MOMENTUM),
                ("Adam", "adam", "inverse-sqrt:alpha=0.1", ""),
                ("AMSGrad", "amsgrad", "inverse-sqrt:alpha=0.1", ""),
            ),
        ),
        (
            "rosenbrock",
            2_000 if quick else 100_000,
            (
                ("gradient descent", "gradient-descent", "constant:alpha=0.001", ""),
                ("SGD with averaged momentum", average, "constant:alpha=0.001", _MOMENTUM),
                ("Adam", "adam", "inverse-sqrt:alpha=0.1", ""),
                ("Nesterov", "nesterov", "constant:alpha=0.0002", ""),
            ),
        ),
    ):
        for label, rule, schedule, claim in settings:
            runs.append(
                _Planned(
                    "non-convex",
                    panel,
                    label,
                    Experiment(panel, rule, schedule, length),
                    norms,
                    claim=claim,
                )
            )

    data = "breast-cancer-logistic"
    for panel, problem, length, lanes in (
        ("full batch", data, 300 if quick else 10_000, 1),
        ("batches of 8", f"{data}:batch=8", 300 if quick else 200_000, 3 if quick else 10),
        ("single examples", f"{data}:batch=1", 300 if quick else 200_000, 3 if quick else 10),
    ):
        noisy = lanes > 1
        for label, rule, schedule in (
            ("Adam", "adam:beta2=0.95", "inverse-sqrt:alpha=0.1"),
            ("AMSGrad", "amsgrad:beta2=0.95", "inverse-sqrt:alpha=0.1"),
            ("SGD", "sgd", sqrt if noisy else "inverse-smoothness"),
            (
                "SGD with momentum",
                "heavy-ball",
                "inverse-sqrt:alpha=0.05" if noisy else "inverse-smoothness:h=0.1",
            ),
        ):
            runs.append(
                _Planned(
                    "real-data",
                    panel,
                    label,
                    Experiment(problem, rule, schedule, length, seeds=lanes),
                    ("suboptimality",),
                    cost=8.0 if noisy else 1.0,
                )
            )
    return runs, checkpoint


def _drawn(item: _Planned) -> list[Any]:
    """What is stored of a curve: its record and the verdict on it."""
    quantities: tuple[str, ...] = ()
    if item.claim:
        quantities = find_claim(item.claim).quantities(item.experiment)
    record = run(
        item.experiment,
        measures=item.measures,
        quantities=quantities,
        times=sorted({*record_times(item.experiment.steps).tolist(), *item.times}),
    )
    if any(end.word == "stopped" for end in record.ends):
        # A run that is interrupted keeps what it has; a report is made whole or not at all.
        raise KeyboardInterrupt
    verdict = fields_of(judge(item.claim, record)) if item.claim else None
    return [
        {
            "kind": "record",
            "experiment": item.experiment.to_json(),
            "record": record.plain(),
            "verdict": verdict,
            "versions": environment(),
        }
    ]


def _task(item: _Planned) -> Task:
    claim = find_claim(item.claim).entry if item.claim else None
    parts = parts_of_experiment(item.experiment, claim, item.claim)
    what = {"measures": item.measures, "times": item.times, "claim": item.claim}
    return Task(_drawn, item, (None if parts is None else key_of("record", **what, **parts),))


def _results(
    runs: Sequence[_Planned],
    claims: Sequence[tuple[str, Case]],
    pool: Pool,
    store: Store,
    progress: Callable[[int, int], None] | None,
) -> tuple[list[tuple[Record, Verdict | None]], list[Outcome]]:
    """Carry everything out; the order of results is that of the plan."""
    tasks = [*map(_task, runs), *judging(claims)]
    # Of a case by its steps; few take longer than a run.
    costs = [item.cost for item in runs]
    costs += [2e-5 * case.experiment.steps * len(case.experiment.seeds) for _, case in claims]
    order = sorted(range(len(tasks)), key=lambda number: -costs[number])
    found: dict[int, Done] = {}
    with closing(carry_out([tasks[number] for number in order], pool=pool, store=store)) as work:
        for done in work:
            if done.error:
                raise done.error
            found[order[done.number]] = done
            if progress:
                progress(len(found), len(tasks))
    drawn = [found[number].values[0] for number in range(len(runs))]
    judged = [
        outcome_of(case, found[len(runs) + number]) for number, (_, case) in enumerate(claims)
    ]
    return [
        (
            Record.of_plain(each["record"]),
            None if each["verdict"] is None else verdict_of(each["verdict"]),
        )
        for each in drawn
    ], judged


# Data


def _csv(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return buffer.getvalue().encode()


_CURVE_COLUMNS = (
    "panel",
    "label",
    *Names._fields,
    "seeds",
    "series",
    "step",
    "median",
    "quantile_10",
    "quantile_90",
    "mean",
    "mean_low_95",
    "mean_high_95",
)


def _curve_rows(panel: str, curve: Curve, claim: str) -> Iterable[Sequence[Any]]:
    record = curve.record
    drawn = {name: record[name] for name in record.measures}
    if record.experiment.problem.dimension == 1:
        drawn["iterate"] = record["iterate"][..., 0]
    if claim and curve.verdict and curve.verdict.word != "not applicable":
        drawn["bound"] = figures.bound_at(claim, record)
    head = (
        panel,
        curve.label,
        *record.experiment.names,
        len(record.experiment.seeds),
    )
    for name, values in drawn.items():
        over = figures.summary(values)
        columns = (over.median, over.low, over.high, over.mean, over.mean_low, over.mean_high)
        table = np.stack(columns, axis=1)
        for step, row in zip(record.times.tolist(), table.tolist(), strict=True):
            yield (*head, name, step, *(repr(value) for value in row))


def _figure_csv(panels: figures.Panels, claim: str = "") -> bytes:
    rows = (
        row
        for panel, curves in panels.items()
        for curve in curves
        for row in _curve_rows(panel, curve, claim)
    )
    return _csv(_CURVE_COLUMNS, rows)


def _verdict_csv(outcomes: Sequence[Outcome]) -> bytes:
    items = []
    for outcome in outcomes:
        fields = outcome.to_json()
        # How many seeds were looked at is a column of its own.
        ran = {name: value for name, value in fields.pop("experiment").items() if name != "seeds"}
        source = find_claim(fields["claim"]).entry.source
        items.append(
            {
                "claim": fields.pop("claim"),
                "source": "; ".join(", ".join(filter(None, pair)) for pair in source),
                **ran,
                **fields,
            }
        )
    return _csv(list(items[0]), (list(item.values()) for item in items))


# Words


def _findings(pages: dict[str, dict[str, list[Curve]]], outcomes: Sequence[Outcome]) -> list[str]:
    def end(curve: Curve, series: str) -> float:
        values = curve.record[series]
        return float((values[..., 0] if values.ndim == 3 else values).mean(axis=0)[-1])

    def each(curves: Sequence[Curve], value: Callable[[Curve], float], form: str) -> str:
        return ", ".join(f"{curve.label} {value(curve):{form}}" for curve in curves)

    failing = pages["counterexample"]["C = 3"]
    control = pages["counterexample"]["C = 2"]
    sentences = [
        f"Counterexample, C = 3: after {failing[0].record.experiment.steps:,} steps the average "
        "regret is "
        + each(failing, lambda c: end(c, "average_regret"), ".3g")
        + "; the limit that theory gives for Adam is 2/3. The iterates are at "
        + each(failing, lambda c: end(c, "iterate"), "+.4f")
        + ", and -1 is best.",
        "Negative control, C = 2: the average regret is "
        + each(control, lambda c: end(c, "average_regret"), ".2g")
        + ".",
    ]
    for panel, curves in pages["section-5"].items():
        sentences.append(
            f"Section 5, {panel}: over the last decade of steps the mean average regret falls by a "
            "factor of "
            + each(curves, lambda c: figures.decade_trend(c.record, "average_regret"), ".3g")
            + " (1/√T gives 3.16), to "
            + each(curves, lambda c: end(c, "average_regret"), ".3g")
            + "."
        )
    broken = [
        f"{curve.record.experiment.problem.specification} at step {curve.verdict.first_violation}"
        for (curve,) in pages["false-theorem"].values()
        if curve.verdict and curve.verdict.first_violation
    ]
    if broken:
        sentences.append(
            "The printed regret bound of Adam (Theorem 4.1) is first broken on "
            + " and on ".join(broken)
            + "."
        )
    noisy = pages["real-data"]["single examples"]
    sentences.append(
        "Logistic regression on real data, one example a step: the mean suboptimality after "
        f"{noisy[0].record.experiment.steps:,} steps is "
        + each(noisy, lambda c: end(c, "suboptimality"), ".2g")
        + "; over the last decade of steps it fell by a factor of "
        + each(noisy, lambda c: figures.decade_trend(c.record, "suboptimality"), ".2g")
        + "."
    )
    words = [outcome.verdict.word for outcome in outcomes]
    counts = "; ".join(f"{words.count(word)} {word}" for word in dict.fromkeys(words))
    agree = sum(outcome.as_expected for outcome in outcomes)
    sentences.append(
        f"Claims held against runs: {len(outcomes)} cases ({counts}); {agree} came out as expected."
    )
    return sentences


def _pdf(pages: Sequence[Figure], dated: bool) -> bytes:
    metadata: dict[str, Any] = {
        "Title": "The convergence suite: Adam fails where AMSGrad and SGD with momentum do not",
        "Author": "The convergence-suite authors",
    }
    if not dated:
        metadata["CreationDate"] = None
    buffer = io.BytesIO()
    with PdfPages(buffer, metadata=metadata) as pdf:
        for page in pages:
            pdf.savefig(page)
    return buffer.getvalue()


def report(
    folder: str | Path,
    *,
    pool: Pool | None = None,
    store: str | Path | None = None,
    progress: Callable[[int, int], None] | None = None,
    dated: bool = False,
    quick: bool = False,
) -> list[Path]:
    """Run what the report needs and write it: a PDF, a PNG of each page, and the data as CSV.

    Args:
        folder: Created if need be.
        pool: Who does the work; by default a process for each core. Results do not depend on it.
        store: The folder of results; by default the user's.
        progress: Called with the number of jobs done and of all.
        dated: Whether to print today's date; otherwise the same versions give the same bytes.
        quick: Much shorter runs and few claims, to see that everything works.

    Returns:
        The files written, the PDF first.

    Raises:
        InputError: The folder cannot be created or written.
    """
    folder = output_folder(folder)
    runs, checkpoint = _plan(quick)
    claims = ("reddi-2018-thm1", "zinkevich-2003-thm1") if quick else ()
    # The atlas shows every problem to which a claim applies, the table the cases of the registry.
    every, named = cases(claims, quick=quick), cases(claims, quick=True)
    done, judged = _results(runs, every, pool or Pool(), open_store(store), progress)
    cited = {id(case) for _, case in named}
    outcomes = [
        outcome for (_, case), outcome in zip(every, judged, strict=True) if id(case) in cited
    ]

    pages: dict[str, dict[str, list[Curve]]] = {}
    for item, result in zip(runs, done, strict=True):
        curve = Curve(item.label, *result)
        pages.setdefault(item.figure, {}).setdefault(item.panel, []).append(curve)

    date = datetime.date.today().isoformat() if dated else ""
    findings = _findings(pages, outcomes)
    data = {
        "counterexample": _figure_csv(pages["counterexample"]),
        "section-5": _figure_csv(pages["section-5"]),
        "false-theorem": _figure_csv(pages["false-theorem"], _THEOREM),
        "non-convex": _figure_csv(pages["non-convex"], _MOMENTUM),
        "real-data": _figure_csv(pages["real-data"]),
        "atlas": _csv(atlas.COLUMNS, atlas.rows(judged)),
        "verdicts": _verdict_csv(outcomes),
    }
    with theme.themed():
        drawn = [
            (
                "title",
                figures.title_page(convergence.__version__, versions(), findings, date),
            ),
            ("counterexample", figures.counterexample(pages["counterexample"])),
            ("section-5", figures.section_5(pages["section-5"], checkpoint)),
            ("false-theorem", figures.false_theorem(pages["false-theorem"], _THEOREM)),
            ("non-convex", figures.non_convex(pages["non-convex"], _MOMENTUM)),
            ("real-data", figures.real_data(pages["real-data"])),
            *(("atlas", page) for page in atlas.pages(judged)),
            *(("verdicts", page) for page in figures.verdict_pages(outcomes)),
        ]
        for number, (_, page) in enumerate(drawn, 1):
            theme.number_page(page, number, len(drawn))
        files = {"report.pdf": _pdf([page for _, page in drawn], dated)}
        for number, (name, page) in enumerate(drawn, 1):
            files[f"{number:02}-{name}.png"] = figures.rendered(page, ".png")
        files |= {f"{name}.csv": content for name, content in data.items()}
    for name, content in files.items():
        write_whole(folder / name, content)
    return [folder / name for name in files]

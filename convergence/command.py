"""The command line: each command is one public call of the same name, printed.

This module stands above all three floors and is imported by its entry point only; it alone may
import `reports`, inside the function that needs it. What brings numpy along is imported there as
well, so that --help is there at once.
"""

from __future__ import annotations

import json
import math
import shlex
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO, cast

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

import convergence

if TYPE_CHECKING:
    from convergence.experiment import Projection
    from convergence.simulation import Engine

__all__ = ["app", "main"]

app = typer.Typer(
    help="Show, check and cite what is known about first-order optimizers.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
# Markup is off: a key list such as [adam, amsgrad] would be swallowed as a style.
_out = Console(markup=False, emoji=False, highlight=False, soft_wrap=False)
_err = Console(markup=False, emoji=False, highlight=False, stderr=True)

# typer's usage errors derive from one class, which older versions take from click.
_USAGE_ERROR: Any = typer.BadParameter.__base__

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
Schedule = Annotated[
    str | None,
    typer.Option(
        "--schedule",
        help="Step sizes of optimizers that name none; by default what suits the problem.",
    ),
]
Steps = Annotated[str, typer.Option("--steps", help="Rounds, such as 1_000_000.")]
Seeds = Annotated[
    str, typer.Option("--seeds", help="How many lanes, or their seeds: 100 or [3,7].")
]
ProjectionOption = Annotated[str, typer.Option("--projection", help="euclidean or metric.")]
Backend = Annotated[
    str,
    typer.Option("--backend", help="processes, threads, dask, or another that joblib has."),
]
Scheduler = Annotated[
    str | None,
    typer.Option("--scheduler", help="With --backend dask: its address, tcp://host:8786."),
]
Workers = Annotated[
    int | None, typer.Option("--workers", help="How many work at once; by default one per core.")
]
StoreFolder = Annotated[
    Path | None,
    typer.Option("--store", help="The folder of results; by default one of the user's data."),
]


def _whole(name: str, text: str) -> int:
    from problems.notation import read_value, require

    value = read_value(text)
    require(type(value) is int, f"{name}={text!r} must be a whole number of at least 1")
    return int(value)


def _seeds(text: str) -> Any:
    from problems.notation import read_value

    return read_value(text)


def _print_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False, allow_nan=False) + "\n")


def _table(title: str, columns: list[str], rows: list[list[str]], fold: bool = True) -> None:
    table = Table(title=title, title_justify="left", header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold" if fold else "ellipsis")
    for row in rows:
        table.add_row(*row)
    _out.print(table)


@contextmanager
def _progress(what: str, total: int | None) -> Iterator[Any]:
    """A bar on standard error, gone when done; nothing where that is not a terminal."""
    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=_err,
        transient=True,
        disable=not _err.is_terminal,
    )
    with bar:
        task = bar.add_task(what, total=total)

        def update(done: int, of: int | None = None, name: str | None = None) -> None:
            described: dict[str, Any] = {} if name is None else {"description": name}
            bar.update(task, completed=done, total=of if of is not None else total, **described)

        yield update


def _version(wanted: bool) -> None:
    if wanted:
        _out.print(f"convergence-suite {convergence.__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Show, check and cite what is known about first-order optimizers."""


@app.command("list")
def list_(
    kind: Annotated[
        str | None, typer.Argument(help="problems, rules, schedules or claims; all if left out.")
    ] = None,
    tag: Annotated[
        list[str] | None, typer.Option("--tag", help="Keep what has this tag; repeatable.")
    ] = None,
    contains: Annotated[
        str, typer.Option("--contains", help="Keep what has this text in key, title or source.")
    ] = "",
    dimension: Annotated[
        str | None, typer.Option("--dimension", help="Keep problems of it: 10, '<=10', '>=2'.")
    ] = None,
    convex: Annotated[bool, typer.Option("--convex", help="As --tag convex.")] = False,
    non_convex: Annotated[bool, typer.Option("--non-convex", help="As --tag non-convex.")] = False,
    smooth: Annotated[bool, typer.Option("--smooth", help="As --tag smooth.")] = False,
    non_smooth: Annotated[bool, typer.Option("--non-smooth", help="As --tag non-smooth.")] = False,
    online: Annotated[bool, typer.Option("--online", help="As --tag online.")] = False,
    stochastic: Annotated[bool, typer.Option("--stochastic", help="As --tag stochastic.")] = False,
    as_json: Json = False,
) -> None:
    """List problems, rules, schedules and claims.

    Example: convergence list problems --convex --online --dimension '<=10'
    """
    flags = {
        "convex": convex,
        "non-convex": non_convex,
        "smooth": smooth,
        "non-smooth": non_smooth,
        "online": online,
        "stochastic": stochastic,
    }
    tags = [*(tag or ()), *(name for name, wanted in flags.items() if wanted)]
    items = convergence.list(kind, tags=tags, contains=contains, dimension=dimension)
    if as_json:
        _print_json([item.to_json() for item in items])
        return
    for name in dict.fromkeys(item.kind for item in items):
        chosen = [item for item in items if item.kind == name]
        rows = [[i.key, i.title, ", ".join(i.tags), "; ".join(i.source)] for i in chosen]
        _table(f"{name}s ({len(rows)})", ["key", "title", "tags", "source"], rows)
    if not items:
        _out.print("nothing matches")


@app.command()
def show(
    key: Annotated[str, typer.Argument(help="KEY or KEY:name=value,... (kind:KEY if ambiguous).")],
    plot: Annotated[
        Path | None, typer.Option("--plot", help="Write a picture of a 1-D or 2-D problem.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show the whole card of a problem, rule, schedule or claim.

    Example: convergence show kingma-ba-2015-thm41
    """
    from problems.notation import require

    card = convergence.show(key)
    if plot:
        require(
            card.item.kind == "problem", f"--plot draws problems; {key!r} is a {card.item.kind}"
        )
        from reports.figures import picture_of_problem

        picture_of_problem(card.subject, plot)
    if as_json:
        _print_json(card.to_json())
    else:
        sys.stdout.write(f"{card}\n")


@app.command()
def check_problem(
    problem: Annotated[
        str, typer.Argument(help="KEY, KEY:name=value,... or a file such as my_problem.py.")
    ],
    thorough: Annotated[
        bool, typer.Option("--thorough", help="Look at twenty times as many points.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Test everything a problem states; exit 1 if a label is false.

    Example: convergence check-problem my_problem.py
    """
    reports = convergence.check_problem(problem, thorough=thorough)
    if as_json:
        _print_json([report.to_json() for report in reports])
    else:
        for report in reports:
            rows = [[f.verdict, f.label, f.sentence] for f in report.findings]
            _table(report.specification, ["verdict", "label", "what was found"], rows)
            _out.print(report.summary)
    if any(report.violated for report in reports):
        raise typer.Exit(1)


@app.command()
def catalogue(
    folder: Annotated[Path, typer.Option("-o", "--output", help="Where to write it.")] = Path(
        "docs"
    ),
    as_json: Json = False,
) -> None:
    """Write the page of every problem, with pictures, and that of the hypotheses of every claim.

    Example: convergence catalogue -o docs
    """
    from reports import catalogue as write_catalogue

    with _progress("drawing", None) as update:
        paths = write_catalogue(folder, progress=update)
    if as_json:
        _print_json([str(path) for path in paths])
    else:
        for path in paths:
            _out.print(str(path), soft_wrap=True)


def _shown_point(record: Any) -> str:
    import numpy as np

    middle = np.median(record.last_iterate, axis=0)
    shown = ", ".join(f"{value:.4g}" for value in middle[:3])
    return shown + (", ..." if middle.size > 3 else "")


def _shown_memory(record: Any) -> str:
    return "unknown" if record.bytes_per_parameter is None else str(record.bytes_per_parameter)


@app.command()
def run(
    problem: Annotated[str, typer.Argument(help="KEY or KEY:name=value,...")],
    optimizer: Annotated[
        list[str],
        typer.Option(
            "-o",
            "--optimizer",
            help="A rule, my_file.py::name or package.module:name, or with a schedule of its own "
            "rule@schedule; repeatable.",
        ),
    ],
    schedule: Schedule = None,
    steps: Steps = "10_000",
    seeds: Seeds = "1",
    projection: ProjectionOption = "euclidean",
    engine: Annotated[
        str,
        typer.Option("--engine", help="auto, numpy or compiled: the bits are the same."),
    ] = "auto",
    workers: Annotated[
        int, typer.Option("--workers", help="Threads that share the lanes of compiled runs.")
    ] = 1,
    plot: Annotated[
        Path | None, typer.Option("--plot", help="Write a figure (.png, .pdf, .svg).")
    ] = None,
    save: Annotated[
        Path | None,
        typer.Option("--save", help="Where to write the records; by default PROBLEM.npz here."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Run rules, or optimizers of your own, on a problem; print a summary and save the records.

    Each optimizer may have step sizes of its own, behind an @; --schedule is for those that name
    none, and without it each has those that suit the problem.

    Example: convergence run reddi-2018-online -o adam:beta2=0.99 -o amsgrad:beta2=0.99
    --schedule inverse-sqrt:alpha=.5 --steps 1_000_000 --plot adam.png

    Example: convergence run rosenbrock -o adam@constant:alpha=0.01 -o sgd@constant:alpha=0.001
    """
    from convergence.experiment import Experiment, with_schedule
    from problems.files import require_writable
    from problems.notation import require

    require(
        len(set(optimizer)) == len(optimizer),
        f"-o {max(optimizer, key=optimizer.count)!r} is given twice",
    )
    records: list[convergence.Record] = []
    item = convergence.find_problem(problem)
    rounds, lanes = _whole("steps", steps), _seeds(seeds)
    experiments = []
    for text in optimizer:
        rule, own = with_schedule(text)
        found = convergence.find_optimizer(rule)
        # Any text: an experiment checks it.
        by = cast("Projection", projection)
        experiments.append(
            Experiment(item, found, own or schedule, rounds, seeds=lanes, projection=by)
        )
    target = save or Path(f"{item.stem}.npz")
    require_writable(target)
    if plot:
        from reports.figures import accepted_suffix, figure_of_records

        accepted_suffix(plot)
        require_writable(plot)
    with _progress("running", rounds * len(experiments)) as update:
        for number, experiment in enumerate(experiments):
            update(number * rounds, name=experiment.optimizer.key)

            def advance(done: int, before: int = number * rounds) -> None:
                update(before + done)

            record = convergence.run(
                experiment,
                engine=cast("Engine", engine),
                workers=workers,
                progress=advance,
            )
            records.append(record)
            if any(end.word == "stopped" for end in record.ends):
                break
    convergence.save_records(records, target, _command_line())
    if plot:
        figure_of_records(records, plot)
    if as_json:
        _print_json([{**record.to_json(), "saved": str(target)} for record in records])
    else:
        names = records[0].measures
        rows = [["end", *(record.end for record in records)]]
        rows.append(["last iterate", *(_shown_point(record) for record in records)])
        for name in names:
            cells = []
            for record in records:
                middle, low, high = record.summary(name)
                band = f" [{low:.4g}, {high:.4g}]" if len(record.experiment.seeds) > 1 else ""
                cells.append(f"{middle:.6g}{band}")
            rows.append([name.replace("_", " "), *cells])
        rows.append(["state bytes/parameter", *map(_shown_memory, records)])
        rows.append(["checksum", *(record.checksum[:16] for record in records)])
        many = len(records[0].experiment.seeds)
        over = f", median [10 %, 90 %] over {many} seeds" if many > 1 else ""
        title = f"{item.specification}, {rounds} steps{over}"
        heads = [record.experiment.optimizer.specification for record in records]
        schedules = [record.experiment.schedule.specification for record in records]
        if len(set(schedules)) == 1:
            title = f"{item.specification}, {schedules[0]}, {rounds} steps{over}"
        else:
            rows.insert(0, ["schedule", *schedules])
        _table(title, ["", *heads], rows)
        _out.print(f"records saved to {target}" + (f", figure to {plot}" if plot else ""))
    if any(end.word == "stopped" for record in records for end in record.ends):
        raise typer.Exit(130)


@app.command()
def verify(
    claim: Annotated[
        list[str] | None, typer.Argument(help="Claims; all if left out.", show_default=False)
    ] = None,
    only: Annotated[
        str,
        typer.Option("--only", help="Cases whose claim, rule or problem matches, as 'adam*'."),
    ] = "",
    quick: Annotated[
        bool,
        typer.Option("--quick", help="Only the cases that claims name, not all that apply."),
    ] = False,
    optimizer: Annotated[
        str | None,
        typer.Option(
            "-o",
            "--optimizer",
            help="Judge this, as run takes it, in place of the rules of the cases.",
        ),
    ] = None,
    junit: Annotated[
        Path | None, typer.Option("--junit", help="Write a JUnit report as well.")
    ] = None,
    workers: Workers = None,
    backend: Backend = "processes",
    scheduler: Scheduler = None,
    store: StoreFolder = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Judge again what is stored from earlier calls.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Judge claims on their problems; exit 1 if a verdict is not the expected one.

    Verdicts are stored as they are decided: after Ctrl-C the same command goes on where it was,
    and what has not changed is not judged again. Of each verdict are shown the ratio measured /
    bound where it is largest, the seeds used and, where chance takes part, its share of the
    error probability. A claim that holds is one that was not contradicted.

    Example: convergence verify kingma-ba-2015-thm41
    """
    from convergence import verification
    from convergence.tasks import Pool
    from problems.files import require_writable, write_whole

    if junit:
        require_writable(junit)
    left = 0
    with _progress("judging", None) as update:
        try:
            outcomes = convergence.verify(
                claim or (),
                only=only,
                quick=quick,
                pool=Pool(backend, workers, scheduler),
                store=store,
                fresh=fresh,
                progress=update,
                optimizer=optimizer,
            )
        except verification.Interrupted as interrupted:
            outcomes, left = interrupted.outcomes, interrupted.left
    if junit and not left:
        write_whole(junit, verification.junit(outcomes))
    if as_json:
        _print_json([outcome.to_json() for outcome in outcomes])
    else:
        for name, group in verification.by_claim(outcomes).items():
            _table(*_verdicts(name, group))
        _out.print(verification.summary(outcomes), soft_wrap=True)
    if left:
        _err.print(f"interrupted: {verification.counted(left, 'case')} left to judge")
        raise typer.Exit(130)
    if not all(outcome.as_expected for outcome in outcomes):
        raise typer.Exit(1)


def _verdicts(name: str, outcomes: list[Any]) -> tuple[str, list[str], list[list[str]]]:
    """Title, columns and rows of the table of a claim; what holds needs no reason."""
    from convergence.verification import not_contradicted, options_of, sensitivity_of

    held = "; ".join(filter(None, (not_contradicted(outcomes), sensitivity_of(outcomes))))
    at_least = convergence.find_claim(name).sense == "at least"
    columns = ["verdict", "bound /\nmeasured" if at_least else "measured\n/ bound", "seeds"]
    by_chance = any(outcome.verdict.error_probability for outcome in outcomes)
    columns += [*(["error"] if by_chance else []), "evidence", "on"]
    rows = []
    for outcome in outcomes:
        verdict = outcome.verdict
        wrong = "" if outcome.as_expected else f"\nUNEXPECTED,\nexpected: {outcome.expected}"
        row = [verdict.word + wrong, verdict.figure]
        row.append(str(verdict.seeds))
        if by_chance:
            row.append(f"{verdict.error_probability:.0e}" if verdict.error_probability else "")
        row.append("" if verdict.evidence == "none" else verdict.evidence)
        options = options_of(verdict.claim)
        setting = ", ".join(verdict.experiment.names)
        setting += f" [{options}]" if options else ""
        row.append(setting if verdict.holds else f"{setting}\n{verdict.reason}")
        rows.append(row)
    return name + (f": {held}" if held else ""), columns, rows


@app.command()
def report(
    folder: Annotated[Path, typer.Option("-o", "--output", help="Where to write the report.")],
    workers: Workers = None,
    backend: Backend = "processes",
    scheduler: Scheduler = None,
    store: StoreFolder = None,
    quick: Annotated[bool, typer.Option("--quick", help="Much shorter runs, to try it.")] = False,
    dated: Annotated[bool, typer.Option("--dated", help="Put today's date into the PDF.")] = False,
    as_json: Json = False,
) -> None:
    """Write the report: PDF, PNG and the data behind every figure as CSV.

    Example: convergence report -o report
    """
    from convergence.tasks import Pool
    from reports import report as write_report

    pool = Pool(backend, workers, scheduler)
    with _progress("reporting", None) as update:
        paths = write_report(
            folder, pool=pool, store=store, progress=update, dated=dated, quick=quick
        )
    if as_json:
        _print_json([str(path) for path in paths])
    else:
        for path in paths:
            _out.print(str(path), soft_wrap=True)


@app.command()
def sweep(
    problem: Annotated[
        list[str] | None,
        typer.Argument(help="Problems, KEY or KEY:name=value,...", show_default=False),
    ] = None,
    optimizer: Annotated[
        list[str] | None,
        typer.Option("-o", "--optimizer", help="As run takes it; repeatable.", show_default=False),
    ] = None,
    schedule: Schedule = None,
    steps: Steps = "10_000",
    seeds: Seeds = "1",
    grid: Annotated[
        list[str] | None,
        typer.Option(
            "--grid",
            help="'alpha=log(1e-4,1,25)', 'C=lin(2,4,5)' or 'beta2=[0.9,0.99]'; repeatable.",
            show_default=False,
        ),
    ] = None,
    measure: Annotated[
        str | None,
        typer.Option("--measure", help="The figure that is drawn, ranked and tuned by."),
    ] = None,
    projection: ProjectionOption = "euclidean",
    tuned: Annotated[
        list[str] | None,
        typer.Option(
            "--tune", help="Find the best value of a parameter; repeatable.", show_default=False
        ),
    ] = None,
    budget: Annotated[
        int, typer.Option("--budget", help="With --tune: settings that each may try.")
    ] = 25,
    backend: Backend = "processes",
    scheduler: Scheduler = None,
    workers: Workers = None,
    store: StoreFolder = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Compute again what is stored.")] = False,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Compute again the cells that failed.")
    ] = False,
    status: Annotated[
        Path | None,
        typer.Option("--status", help="How far the sweep of this --store folder is, and no more."),
    ] = None,
    table: Annotated[
        Path | None, typer.Option("--csv", help="Write the table: a row for each cell and seed.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", help="Write a figure (.png, .pdf, .svg).")
    ] = None,
    as_json: Json = False,
) -> None:
    """Run optimizers on problems with every combination of settings, on every core or a cluster.

    Every cell is stored as soon as it is computed: after a crash the same command computes only
    what is missing, and two commands at once share the work. A cell that fails keeps its error and
    does not stop the others.

    Example: convergence sweep reddi-2018-thm1 -o adam:beta1=0 --schedule inverse-sqrt
    --grid 'alpha=log(1e-3,10,25)' --grid 'beta2=[0.1,0.9,0.99]' --store sweep --plot sweep.png

    Example: convergence sweep noisy-quadratic -o adam -o sgd --schedule constant --tune alpha
    --budget 25 --seeds 20
    """
    from convergence import sweeps
    from convergence.tasks import Pool
    from problems.files import require_writable, write_whole
    from problems.notation import require

    if status is not None:
        found = sweeps.status(status)
        if as_json:
            _print_json(found.to_json())
        else:
            _out.print(str(found), soft_wrap=True)
        return
    require(problem and optimizer, "a sweep needs a problem and -o with an optimizer")
    assert problem is not None
    assert optimizer is not None
    axes = dict(sweeps.read_axis(text) for text in grid or ())
    require(len(axes) == len(grid or ()), "a parameter of --grid is given twice")
    for path in filter(None, (table, plot)):
        require_writable(path)
    how: dict[str, Any] = {
        "projection": projection,
        "pool": Pool(backend, workers, scheduler),
        "fresh": fresh,
        "retry_failed": retry_failed,
        "store": store,
    }
    rounds, lanes = _whole("steps", steps), _seeds(seeds)
    last: list[Any] = []
    try:
        with _progress("sweeping", None) as update:

            def note(now: Any) -> None:
                last[:] = [now]
                update(now.done, now.cells, name=_short(now))

            how["progress"] = note
            if tuned:
                require(len(problem) == 1, "--tune takes one problem")
                require(plot is None and table is None, "--tune writes neither --plot nor --csv")
                best = convergence.tune(
                    problem[0],
                    optimizer,
                    schedule,
                    rounds,
                    names=tuned,
                    budget=budget,
                    grid=axes,
                    measure=measure,
                    seeds=lanes,
                    **how,
                )
            else:
                if plot:
                    from reports.figures import accepted_suffix

                    accepted_suffix(plot)
                swept = convergence.sweep(
                    problem, optimizer, schedule, rounds, grid=axes, seeds=lanes, **how
                )
    except KeyboardInterrupt:
        done = (
            f"{last[0].done} of {last[0].cells} cells are stored" if last else "no cell is stored"
        )
        _err.print(f"interrupted: {done}; the same command goes on from there", soft_wrap=True)
        raise typer.Exit(130) from None
    if tuned:
        _tell_tuned(problem[0], rounds, best, as_json)
        return
    if table:
        write_whole(table, swept.to_csv().encode())
    if plot:
        from reports.sweeps import figure_of_sweep

        figure_of_sweep(swept, plot, measure)
    if as_json:
        _print_json([_null_if_not_finite(row) for row in swept.rows])
    else:
        _tell_sweep(swept, measure)
        for path in filter(None, (table, plot)):
            _out.print(f"written to {path}", soft_wrap=True)
    if any(cell.error for cell in swept.cells):
        raise typer.Exit(1)


def _null_if_not_finite(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in row.items()
    }


def _short(now: Any) -> str:
    failed = f", {now.failed} failed" if now.failed else ""
    diverged = f", {now.diverged} diverged" if now.diverged else ""
    best = f"; {now.best}" if now.best else ""
    return f"{now.done}/{now.cells} cells{failed}{diverged}{best}"


def _tell_sweep(swept: Any, measure: str | None) -> None:
    """The best cells, how many diverged, and what failed."""
    chosen = measure or (swept.measures[0] if swept.measures else "")
    whole = [cell for cell in swept.cells if not cell.error]
    for problem in dict.fromkeys(cell.experiment.names.problem for cell in whole):
        rows = []
        here = [cell for cell in whole if cell.experiment.names.problem == problem]
        for name in dict.fromkeys(cell.optimizer_key for cell in here):
            own = [cell for cell in here if cell.optimizer_key == name]
            best = min(own, key=lambda cell: cell.median(chosen))
            score = f"{best.median(chosen):.6g}"
            lost = sum(bool(cell.diverged) for cell in own)
            rows.append([best.experiment.method_name, score, str(len(own)), str(lost)])
        title = f"{problem}: least median of {chosen.replace('_', ' ')} over seeds"
        _table(title, ["best setting", "median", "cells", "diverged"], rows)
    for cell in swept.cells:
        if cell.error:
            _err.print(f"failed: {cell.experiment}: {cell.error}", soft_wrap=True)
    stored = sum(cell.from_store for cell in swept.cells)
    _out.print(
        f"{len(swept.cells)} cells: {len(swept.cells) - stored} computed, {stored} from the store, "
        f"{len(swept.cells) - len(whole)} failed",
        soft_wrap=True,
    )


def _tell_tuned(problem: str, rounds: int, best: list[Any], as_json: bool) -> None:
    if as_json:
        _print_json([_null_if_not_finite(found.to_json()) for found in best])
        return
    rows = []
    for found in best:
        middle, low, high = found.summary
        shown = f"{middle:.6g}" + (f" [{low:.4g}, {high:.4g}]" if found.held_out else "")
        rows.append([found.cell.experiment.method_name, f"{found.chosen:.6g}", shown])
    name = best[0].measure.replace("_", " ")
    title = f"{problem}, {rounds} steps: {name}, {best[0].cells} settings each"
    other = "other seeds: median [10 %, 90 %]" if best[0].held_out else "the same run"
    _table(title, ["best setting", "median that chose it", other], rows)
    for found in best:
        for edge in found.edges:
            warnings.warn(
                f"the best {edge} of {found.cell.experiment.names.optimizer} lies at the end of "
                "what was tried: widen it with --grid",
                stacklevel=1,
            )


@app.command()
def results(
    store: StoreFolder = None,
    contains: Annotated[
        str, typer.Option("--contains", help="Keep those whose text contains this.")
    ] = "",
    kind: Annotated[str, typer.Option("--kind", help="cell, verdict, record or failed.")] = "",
    export: Annotated[
        Path | None, typer.Option("--export", help="Write them to a .csv or .parquet file.")
    ] = None,
    remove: Annotated[
        bool, typer.Option("--remove", help="Remove them, and the damaged ones.")
    ] = False,
    as_json: Json = False,
) -> None:
    """List, export or remove what is stored.

    Example: convergence results --store sweep --export sweep.csv
    """
    from convergence import store as stores

    kept = stores.open_store(store)
    found = stores.listed(kept, contains=contains, kind=kind)
    if export:
        stores.export(found, export)
    if remove:
        for each in found:
            kept.remove(each.key)
    if as_json:
        _print_json([each.row for each in found])
        return
    if not export and not remove:
        rows = [[each.key[:8], each.kind, each.text, each.outcome] for each in found]
        _table(f"results in {kept.folder}", ["key", "kind", "of", "outcome"], rows)
    done = "exported to " + str(export) if export else "removed" if remove else "stored"
    _out.print(f"{len(found)} {done}", soft_wrap=True)


@app.command()
def cite(
    key: Annotated[str, typer.Argument(help="A key of the catalogue or of the bibliography.")],
    as_json: Json = False,
) -> None:
    """Print BibTeX and APA of the paper, and how to cite this reproduction.

    Example: convergence cite claim:reddi-2018-thm1
    """
    citation = convergence.cite(key)
    if as_json:
        _print_json(citation.to_json())
    else:
        sys.stdout.write(f"{citation}\n")


def _command_line() -> str:
    return shlex.join(["convergence", *sys.argv[1:]])


def main() -> None:
    """The entry point: bad input is one sentence and exit status 2, Ctrl-C is 130."""
    warnings.showwarning = _warn
    try:
        status = app(standalone_mode=False)
    except _USAGE_ERROR as error:
        _fail(error.format_message())
    except (KeyboardInterrupt, typer.Abort):
        _err.print("interrupted")
        sys.exit(130)
    except typer.Exit as error:
        sys.exit(error.exit_code)
    except convergence.InputError as error:
        _fail(str(error))
    sys.exit(status if isinstance(status, int) else 0)


def _warn(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """A warning is one sentence on standard error, without the place in the source."""
    _err.print(f"warning: {message}", soft_wrap=True)


def _fail(sentence: str) -> None:
    _err.print(f"convergence: {sentence}", soft_wrap=True)
    sys.exit(2)

"""The command line: each command is one public call of the same name, printed.

This module stands above all three floors and is imported by its entry point only; it alone may
import `reports`, inside the function that needs it. What brings numpy along is imported there as
well, so that --help is there at once.
"""

from __future__ import annotations

import json
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
            help="A rule, my_file.py::name or package.module:name; repeatable.",
        ),
    ],
    schedule: Annotated[
        str, typer.Option("--schedule", help="Step sizes.")
    ] = "inverse-sqrt:alpha=0.1",
    steps: Annotated[str, typer.Option("--steps", help="Rounds, such as 1_000_000.")] = "10_000",
    seeds: Annotated[
        str, typer.Option("--seeds", help="How many lanes, or their seeds: 100 or [3,7].")
    ] = "1",
    projection: Annotated[str, typer.Option("--projection", help="euclidean or metric.")] = (
        "euclidean"
    ),
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

    Example: convergence run reddi-2018-online -o adam:beta2=0.99 -o amsgrad:beta2=0.99
    --schedule inverse-sqrt:alpha=.5 --steps 1_000_000 --plot adam.png
    """
    from problems.files import require_writable
    from problems.notation import read_value, require

    require(
        len(set(optimizer)) == len(optimizer),
        f"-o {max(optimizer, key=optimizer.count)!r} is given twice",
    )
    rounds = read_value(steps)
    require(type(rounds) is int, f"steps={steps!r} must be a whole number of at least 1")
    records: list[convergence.Record] = []
    item = convergence.find_problem(problem)
    rules = [convergence.find_optimizer(text) for text in optimizer]
    target = save or Path(f"{item.stem}.npz")
    require_writable(target)
    if plot:
        from reports.figures import accepted_suffix, figure_of_records

        accepted_suffix(plot)
        require_writable(plot)
    with _progress("running", rounds * len(rules)) as update:
        for number, rule in enumerate(rules):
            update(number * rounds, name=rule.key)

            def advance(done: int, before: int = number * rounds) -> None:
                update(before + done)

            record = convergence.run(
                item,
                rule,
                schedule,
                rounds,
                seeds=read_value(seeds),
                # Any text: run checks it.
                projection=cast("Projection", projection),
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
        lanes = len(records[0].experiment.seeds)
        over = f", median [10 %, 90 %] over {lanes} seeds" if lanes > 1 else ""
        title = f"{item.specification}, {rounds} steps{over}"
        _table(
            title, ["", *(record.experiment.optimizer.specification for record in records)], rows
        )
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
    workers: Annotated[
        int | None, typer.Option("--workers", help="Processes; by default one per core.")
    ] = None,
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
                workers=workers,
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
    workers: Annotated[
        int | None, typer.Option("--workers", help="Processes; by default one per core.")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Much shorter runs, to try it.")] = False,
    dated: Annotated[bool, typer.Option("--dated", help="Put today's date into the PDF.")] = False,
    as_json: Json = False,
) -> None:
    """Write the report: PDF, PNG and the data behind every figure as CSV.

    Example: convergence report -o report
    """
    from reports import report as write_report

    with _progress("reporting", None) as update:
        paths = write_report(folder, workers=workers, progress=update, dated=dated, quick=quick)
    if as_json:
        _print_json([str(path) for path in paths])
    else:
        for path in paths:
            _out.print(str(path), soft_wrap=True)


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

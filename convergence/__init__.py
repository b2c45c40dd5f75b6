"""Rules, runs, claims and verdicts: the theory of first-order optimizers as things that run.

`run(problem, rule, schedule, steps)` records a run, `judge(claim, record)` holds a theorem
against it, `verify()` judges every claim on its cases. `list`, `show` and `cite` look things up,
`check_problem` tests what a problem states.
Names are imported when they are first used, so importing this package is cheap.
"""

from __future__ import annotations

import importlib
import importlib.util
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

#: Seconds since 1970: sources that were edited later are not those that this process runs.
IMPORTED_AT = time.time()

# Public name -> (module, name there). No module has the name of a public function.
_PUBLIC = {
    "Card": ("convergence.cards", "Card"),
    "Citation": ("convergence.cards", "Citation"),
    "Claim": ("convergence.claim", "Claim"),
    "Pool": ("convergence.tasks", "Pool"),
    "Experiment": ("convergence.experiment", "Experiment"),
    "InputError": ("problems.notation", "InputError"),
    "Optimizer": ("convergence.optimizer", "Optimizer"),
    "Outcome": ("convergence.verification", "Outcome"),
    "Record": ("convergence.record", "Record"),
    "Rule": ("convergence.rule", "Rule"),
    "Schedule": ("convergence.schedule", "Schedule"),
    "Verdict": ("convergence.verdict", "Verdict"),
    "check_problem": ("convergence.cards", "check_problem"),
    "cite": ("convergence.cards", "cite"),
    "find_claim": ("convergence.claims", "find"),
    "find_optimizer": ("convergence.optimizer", "find"),
    "find_problem": ("problems", "find"),
    "find_rule": ("convergence.rules", "find"),
    "find_schedule": ("convergence.schedule", "find"),
    "judge": ("convergence.claims", "judge"),
    "list": ("convergence.cards", "list_items"),
    "load_records": ("convergence.record", "load_records"),
    "run": ("convergence.simulation", "run"),
    "save_records": ("convergence.record", "save_records"),
    "show": ("convergence.cards", "show"),
    "sweep": ("convergence.sweeps", "sweep"),
    "tune": ("convergence.sweeps", "tune"),
    "verify": ("convergence.verification", "verify"),
}

# Spelt out, so that type checkers see what is exported; a test compares it with _PUBLIC.
__all__ = [
    "Card",
    "Citation",
    "Claim",
    "Experiment",
    "InputError",
    "Optimizer",
    "Outcome",
    "Pool",
    "Record",
    "Rule",
    "Schedule",
    "Verdict",
    "__version__",
    "check_problem",
    "cite",
    "find_claim",
    "find_optimizer",
    "find_problem",
    "find_rule",
    "find_schedule",
    "judge",
    "list",
    "load_records",
    "run",
    "save_records",
    "show",
    "sweep",
    "tune",
    "verify",
]


def _refuse_shadows() -> None:
    """`problems` and `reports` are common names: another one first on the path must be told."""
    home = Path(__file__).resolve().parent.parent
    for name in ("problems", "reports"):
        found = importlib.util.find_spec(name)
        place = Path(found.origin) if found and found.origin else None
        if place is None or place.resolve().parent.parent != home:
            where = place or "nothing that can be imported"
            raise ImportError(
                f"convergence needs its own package {name!r}, but Python finds {where} first; "
                "rename that file or folder, or run from another folder"
            )


_refuse_shadows()

if TYPE_CHECKING:
    from convergence.cards import Card, Citation, check_problem, cite, show
    from convergence.cards import list_items as list
    from convergence.claim import Claim
    from convergence.claims import find as find_claim
    from convergence.claims import judge
    from convergence.experiment import Experiment
    from convergence.optimizer import Optimizer
    from convergence.optimizer import find as find_optimizer
    from convergence.record import Record, load_records, save_records
    from convergence.rule import Rule
    from convergence.rules import find as find_rule
    from convergence.schedule import Schedule
    from convergence.schedule import find as find_schedule
    from convergence.simulation import run
    from convergence.sweeps import sweep, tune
    from convergence.tasks import Pool
    from convergence.verdict import Verdict
    from convergence.verification import Outcome, verify
    from problems import InputError
    from problems import find as find_problem


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'convergence' has no attribute {name!r}")
    module, attribute = _PUBLIC[name]
    return getattr(importlib.import_module(module), attribute)


def __dir__() -> Any:
    return sorted(__all__)

"""The package as its users meet it: what importing costs, what shadows it, what it exports."""

import subprocess
import sys
import tomllib
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

import convergence

HOME = Path(__file__).parent.parent


def python(code: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=cwd, check=False
    )


def test_importing_convergence_imports_nothing_heavy():
    code = (
        "import sys, convergence; "
        "print([m for m in ('numpy', 'scipy', 'sklearn', 'matplotlib', 'numba') "
        "if m in sys.modules])"
    )

    assert python(code).stdout.strip() == "[]"


def test_a_run_imports_neither_matplotlib_nor_scikit_learn():
    code = (
        "import sys, convergence; convergence.run('pl-sine', 'sgd', 'inverse-smoothness', 5); "
        "print([m for m in ('sklearn', 'matplotlib') if m in sys.modules])"
    )

    assert python(code).stdout.strip() == "[]"


@pytest.mark.parametrize("name", ["problems", "reports"])
@pytest.mark.parametrize("as_package", [True, False])
def test_a_shadowing_file_or_folder_is_told_in_one_sentence(tmp_path, name, as_package):
    if as_package:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("")
    else:
        (tmp_path / f"{name}.py").write_text("")
    result = python("import convergence", cwd=tmp_path)

    assert result.returncode == 1
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith(f"ImportError: convergence needs its own package '{name}'")
    assert str(tmp_path) in last


def test_every_public_name_can_be_imported():
    assert set(convergence.__all__) == {"__version__", *convergence._PUBLIC}
    for name in convergence.__all__:
        assert getattr(convergence, name) is not None


def test_no_module_has_the_name_of_a_public_function():
    modules = {path.stem for path in (HOME / "convergence").glob("*.py")}
    modules |= {path.name for path in (HOME / "convergence").iterdir() if path.is_dir()}

    assert modules & set(convergence.__all__) == set()


def test_the_version_is_the_same_everywhere():
    with (HOME / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]
    citation = (HOME / "CITATION.cff").read_text(encoding="utf-8")

    assert project["version"] == convergence.__version__
    assert f"version: {convergence.__version__}\n" in citation


def test_the_wheel_lists_every_folder_of_modules():
    with (HOME / "pyproject.toml").open("rb") as file:
        patterns = tomllib.load(file)["tool"]["setuptools"]["packages"]["find"]["include"]
    for floor in ("problems", "convergence", "reports"):
        for folder in {path.parent for path in (HOME / floor).rglob("*.py")}:
            name = ".".join(folder.relative_to(HOME).parts)
            assert any(fnmatchcase(name, pattern) for pattern in patterns), name
            assert (folder / "__init__.py").is_file(), name


def test_the_constraints_name_every_direct_dependency():
    with (HOME / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]
    wanted = [
        text
        for group in (project["dependencies"], *project["optional-dependencies"].values())
        for text in group
    ]
    lines = (HOME / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = {line.split("==")[0].lower() for line in lines}

    assert {text.split(">=")[0].lower() for text in wanted} <= pinned


def test_the_example_of_the_readme_prints_what_it_says():
    text = (HOME / "README.md").read_text(encoding="utf-8")
    example = text.split("```python\n")[1].split("```")[0]
    promised = [line[2:] for line in example.splitlines() if line.startswith("# ")]

    assert python(example).stdout.splitlines()[1:] == promised

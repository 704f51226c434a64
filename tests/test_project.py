"""The files around the code: one gate, called from everywhere, and no second list of its commands."""

from __future__ import annotations

import re

from tools.generate import ROOT

GATE = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
LINT = (ROOT / ".ci" / "lint").read_text(encoding="utf-8")


def recipes() -> dict[str, str]:
    """Return the recipes of the Justfile, each with its commands."""
    text = (ROOT / "Justfile").read_text(encoding="utf-8")
    found = re.findall(r"^([a-z][a-z-]*)[^:\n]*:\n((?:    .*\n)+)", text, re.MULTILINE)
    return {name: " ".join(line.strip() for line in body.splitlines()) for name, body in found}


def test_the_recipes_are_the_steps_of_the_gate() -> None:
    """`just lint`, `types` and `package` are commands that the gate runs, too."""
    found = recipes()
    assert {"setup", "test", "lint", "types", "bench", "docs", "mutants", "coverage", "ci"} <= set(found)
    for name in ("lint", "types", "package"):
        assert found[name].removesuffix(" {{ arguments }}") in GATE + LINT, name
    assert found["ci"] == "bash .ci/run"


def test_the_workflow_runs_the_gate() -> None:
    """What is checked on each system and Python is the gate itself."""
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    assert "- run: bash .ci/run\n" in workflow


def test_slow_tests_have_a_job_of_their_own() -> None:
    """The gate leaves them out; the workflow and `just test-slow` run them."""
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    assert "- run: pytest -m slow --hypothesis-profile=thorough\n" in workflow
    assert recipes()["test-slow"] == 'pytest -m "slow or network" {{ arguments }}'


def test_the_hooks_are_the_linters() -> None:
    """Each hook of pre-commit is a program that `.ci/lint` runs."""
    hooks = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    programs = re.findall(r"entry: (\w+)", hooks)
    assert sorted(set(programs)) == ["mypy", "ruff", "shellcheck"]
    assert all(f"\n{program}" in LINT for program in programs)


def test_files_that_are_named_in_the_code_exist() -> None:
    """A comment or a docstring that sends a reader to another file is not left behind when that file is renamed."""
    files = [*(ROOT / "trooper_cli").rglob("*.py")]
    names = {path.name for path in files}
    mentioned = {(path, name) for path in files for name in re.findall(r"\b\w+\.py\b", path.read_text("utf-8"))}
    assert len(mentioned) > 10
    # Sources of facts about the hub's protocol are named in its own client.
    elsewhere = {"file_download.py", "constants.py"}
    assert {(path.name, name) for path, name in mentioned if name not in names | elsewhere} == set()

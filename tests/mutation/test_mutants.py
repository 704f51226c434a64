"""The list of mutants fits the code: a check that moved would otherwise no longer be taken away by anyone."""

from __future__ import annotations

import pytest

from tests.mutation.__main__ import MUTANTS, ROOT, Mutant


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.what)
def test_each_mutant_stands_in_the_code_exactly_once(mutant: Mutant) -> None:
    code = (ROOT / "trooper_cli" / mutant.file).read_text(encoding="utf-8")
    assert code.count(mutant.old) == 1
    assert mutant.new != mutant.old
    if mutant.file.endswith(".py"):
        # What cannot be loaded is no check that was taken away.
        compile(code.replace(mutant.old, mutant.new), mutant.file, "exec")


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.what)
def test_the_tests_of_each_mutant_are_there(mutant: Mutant) -> None:
    assert (ROOT / mutant.tests.partition("::")[0]).exists()

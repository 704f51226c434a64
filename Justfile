# What .ci/run does, step by step; `just ci` runs it whole.

# List the recipes.
default:
    @just --list

# Make an environment with all that the tests and the embedded engine need; activate it with `. .venv/bin/activate`.
setup:
    python3 -m venv .venv
    .venv/bin/pip install -e '.[embedded,test]'

# Run the quick tests.
test *arguments:
    pytest {{ arguments }}

# Run the slow tests, and those that need the default model.
test-slow *arguments:
    pytest -m "slow or network" {{ arguments }}

# Try the properties on many more examples than the gate does.
test-properties *arguments:
    pytest --hypothesis-profile=thorough {{ arguments }}

# Run the linters of Python and of shell.
lint:
    .ci/lint

# Check the types.
types:
    mypy

# Measure what a call costs; `python -m benchmarks.memory` measures what the memory keeps.
bench *arguments:
    python -m benchmarks.speed {{ arguments }}

# Make completions, reference and manual from the commands.
docs:
    python -m tools.generate

# Take each check away in turn: the tests have to go red.
mutants *words:
    python -m tests.mutation {{ words }}

# Measure the coverage of lines and branches, across the processes that tests start.
coverage *arguments:
    .ci/coverage {{ arguments }}

# Build sdist and wheel, and try them where nothing else is installed.
package:
    .ci/package

# Run the whole gate.
ci:
    bash .ci/run

"""Every hook is documented, in its docstring and in the docs, and tested under its name."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest

from zoo.plugin import hookspecs

HERE = Path(__file__).parent
DOCS = HERE.parents[1] / "docs" / "plugins.md"
HOOKS = {name: hook for name, hook in vars(hookspecs).items() if name.startswith("zoo_")}


def signature(name: str) -> str:
    """Return a hook's signature as its source has it."""
    return name + str(inspect.signature(HOOKS[name])).replace("'", "")


@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_has_a_contract_in_its_docstring(name: str) -> None:
    first, *_ = (inspect.getdoc(HOOKS[name]) or "").splitlines()
    assert first.startswith(("Return ", "Observe "))


@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_has_a_heading_with_its_exact_signature_and_a_text_below(name: str) -> None:
    head, _, rest = DOCS.read_text(encoding="utf-8").partition(f"\n### `{signature(name)}`\n")
    assert rest, f"docs/plugins.md lacks the heading: ### `{signature(name)}`"
    assert len(rest.partition("\n### ")[0].split()) > 20
    assert head


def test_the_docs_describe_no_hook_that_does_not_exist() -> None:
    headings = [
        line.removeprefix("### `").partition("(")[0]
        for line in DOCS.read_text(encoding="utf-8").splitlines()
        if line.startswith("### `")
    ]
    assert headings == list(HOOKS)


@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_has_a_test_named_after_it(name: str) -> None:
    tree = ast.parse((HERE / "test_hooks.py").read_text(encoding="utf-8"))
    tests = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert f"test_{name}" in tests


@pytest.mark.parametrize("name", HOOKS)
def test_all_arguments_and_results_are_typed(name: str) -> None:
    found = inspect.signature(HOOKS[name])
    assert found.return_annotation is not found.empty
    assert all(each.annotation is not each.empty for each in found.parameters.values())

"""Who may know whom: the imports of the whole source, held to the layers of the house."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import zoo

ROOT = Path(zoo.__file__).parent.parent
SUPPORT = {"zoo_torch"}  # plugins that register nothing, for others to build on

# A module's layer is that of its longest prefix here; a layer knows itself and those below.
LAYERS = [
    {"zoo.errors", "zoo.resources"},
    {"zoo.algorithm", "zoo.agent", "zoo.agents", "zoo.components", "zoo.hub.base"}
    | {"zoo.exchange"},
    {"zoo.plugin"},
    {"zoo.hub", "zoo.storage", "zoo.environments", "zoo.config", "zoo.foreign"},
    {"zoo"},  # the verbs: modules at the root, and zoo.training, which two of them share
    {"zoo.cli", "zoo.testing", "zoo.__main__"},
]
LAYER = {prefix: number for number, prefixes in enumerate(LAYERS) for prefix in prefixes}


def modules() -> dict[str, Path]:
    """Return every module of the core and of the plugins in tree, tests left out."""
    found = {}
    for base in (ROOT, ROOT / "plugins"):
        for package in sorted(base.glob("zoo*")):
            for path in sorted(package.rglob("*.py")):
                parts = path.relative_to(base).with_suffix("").parts
                if {"tests", "templates", "_data"} & set(parts):
                    continue
                found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def statements(node: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """Yield imports at any depth, those in functions too, but not `if TYPE_CHECKING:`."""
    if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
        for child in node.orelse:
            yield from statements(child)
        return
    if isinstance(node, ast.Import | ast.ImportFrom):
        yield node
    for child in ast.iter_child_nodes(node):
        yield from statements(child)


def imports(module: str) -> set[str]:
    """Return the names of the modules that `module` imports, public names by their home."""
    path = MODULES[module]
    found = set()
    for statement in statements(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(statement, ast.Import):
            found |= {alias.name for alias in statement.names}
            continue
        source = statement.module or ""
        if statement.level:
            package = module if path.stem == "__init__" else module.rpartition(".")[0]
            base = package.split(".")[: len(package.split(".")) - statement.level + 1]
            source = ".".join([*base, *filter(None, [statement.module])])
        for alias in statement.names:
            full = f"{source}.{alias.name}"
            found.add(full if full in MODULES else source)
            if source == "zoo" and alias.name in zoo._HOME:
                found.discard(source)
                found.add(zoo._HOME[alias.name])
    return found


def package_of(module: str) -> str:
    return module.partition(".")[0]


def layer(module: str) -> int:
    parts = module.split(".")
    return next(
        LAYER[prefix]
        for length in range(len(parts), 0, -1)
        if (prefix := ".".join(parts[:length])) in LAYER
    )


CORE = [name for name in MODULES if package_of(name) == "zoo"]
PLUGINS = [name for name in MODULES if package_of(name) != "zoo"]


@pytest.mark.parametrize("module", CORE)
def test_the_core_imports_no_plugin(module: str) -> None:
    assert {name for name in imports(module) if package_of(name).startswith("zoo_")} == set()


@pytest.mark.parametrize("module", [name for name in CORE if name != "zoo"])
def test_a_module_knows_only_its_own_layer_and_those_below(module: str) -> None:
    known = {name for name in imports(module) if package_of(name) == "zoo" and name != "zoo"}
    assert {name for name in known if layer(name) > layer(module)} == set()


@pytest.mark.parametrize("module", CORE)
def test_only_the_command_line_knows_the_command_line(module: str) -> None:
    if module in ("zoo.__main__",) or module.startswith("zoo.cli"):
        return
    assert {name for name in imports(module) if name.startswith("zoo.cli")} == set()


@pytest.mark.parametrize(
    "module", [name for name in CORE if name.startswith(("zoo.components", "zoo.agents"))]
)
def test_components_and_agents_import_numpy_only(module: str) -> None:
    own = ("zoo.components", "zoo.agents", "zoo.agent", "zoo.errors")
    foreign = {
        name
        for name in imports(module)
        if package_of(name) not in sys.stdlib_module_names | {"numpy"} and not name.startswith(own)
    }
    assert foreign == set()


@pytest.mark.parametrize("module", PLUGINS)
def test_a_plugin_knows_the_public_names_and_no_other_plugin(module: str) -> None:
    public = {"zoo", *zoo._HOME.values()}
    source = MODULES[module].read_text(encoding="utf-8")
    for statement in statements(ast.parse(source)):
        if isinstance(statement, ast.ImportFrom) and statement.module in public - {"zoo"}:
            pytest.fail(f"write `from zoo import ...`, not `from {statement.module} import ...`")
    allowed = {package_of(module), *SUPPORT}
    wrong = {
        name
        for name in imports(module)
        if package_of(name).split("_")[0] == "zoo"
        and package_of(name) not in allowed
        and name not in public
        and not name.startswith(("zoo.components", "zoo.agents", "zoo.foreign"))
    }
    assert wrong == set()


def test_no_circle_anywhere() -> None:
    graph = {name: imports(name) & set(MODULES) - {name, "zoo"} for name in MODULES}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_public_names_are_told_to_type_checkers_as_they_are_imported() -> None:
    tree = ast.parse(MODULES["zoo"].read_text(encoding="utf-8"))
    told = {
        alias.name: node.module
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.unparse(block.test)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    told.pop("Any", None)
    assert told == zoo._HOME


def test_the_walk_sees_functions_but_not_what_is_for_type_checkers_only() -> None:
    code = """
import a
if TYPE_CHECKING:
    import b
else:
    import c
def f():
    from d import e
    if typing.TYPE_CHECKING:
        import g
"""
    names = [name.name for node in statements(ast.parse(code)) for name in node.names]
    assert names == ["a", "c", "e"]


def test_layers_go_by_the_longest_prefix() -> None:
    assert layer("zoo.errors") < layer("zoo.agents.mlp") < layer("zoo.plugin.registry")
    assert layer("zoo.plugin.registry") < layer("zoo.storage.runs") == layer("zoo.hub.references")
    assert layer("zoo.storage.runs") < layer("zoo.train") == layer("zoo.training.driver")
    assert layer("zoo.train") < layer("zoo.cli.main") == layer("zoo.testing.suite")

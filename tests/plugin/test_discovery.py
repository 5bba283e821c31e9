"""Plugins are found, chosen, and left out one by one when they are broken."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from zoo.errors import ZooError
from zoo.plugin import discovery
from zoo.plugin.discovery import LoadedPlugin, call_hook, plugins

Install = Callable[..., Path]

SOUND = """
@hookimpl
def zoo_algorithms():
    return [AlgorithmSpec("sound-q", "stranger_code:Learner", "Learns", ("box",), ("box",))]
"""


def row(name: str) -> LoadedPlugin:
    """Return the only row of that name."""
    (found,) = [plugin for plugin in plugins() if plugin.name == name]
    return found


def test_a_plugin_is_listed_with_where_it_comes_from_and_what_it_implements(
    install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    install("lab", SOUND, distribution="zoo-lab")
    assert row("lab") == LoadedPlugin("lab", "zoo-lab", "1.2", "stranger_lab", ("zoo_algorithms",))
    assert "lab" not in capsys.readouterr().err


def test_the_builtin_plugin_comes_first() -> None:
    assert plugins()[0].name == "zoo"
    assert plugins()[0].hooks == (
        "zoo_agents",
        "zoo_environments",
        "zoo_hubs",
        "zoo_importers",
        "zoo_exporters",
    )


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import no_such_module_anywhere", "No module named 'no_such_module_anywhere'"),
        ("raise RuntimeError('two\\nlines.')", "RuntimeError: two lines"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("class Odd(BaseException): pass\nraise Odd", "Odd"),
        ("def broken(:", "SyntaxError"),
        ("value = 1", "it implements no hook. Mark its functions with @hookimpl"),
        (
            "@hookimpl\ndef zoo_algoritms(): return []",
            "there is no hook 'zoo_algoritms'. Did you mean zoo_algorithms",
        ),
        ("@hookimpl\ndef weather(): return []", "there is no hook 'weather'"),
        ("def zoo_algorithms(): return []", "the function zoo_algorithms lacks its @hookimpl mark"),
        (
            "@hookimpl\ndef zoo_run_started(runn): pass",
            "zoo_run_started has no argument 'runn'. Did you mean run?",
        ),
        (
            "@hookimpl\ndef zoo_algorithms(cli): return []",
            "zoo_algorithms has no argument 'cli'. It takes none",
        ),
        (
            "@hookimpl\ndef zoo_run_finished(run, **rest): pass",
            "zoo_run_finished has no argument 'rest'. Its arguments are: run, outcome",
        ),
        (
            "@hookimpl(wrapper=True)\ndef zoo_agents(): return (yield)",
            "zoo_agents is marked as a wrapper, but hooks are called one by one",
        ),
    ],
)
def test_a_broken_plugin_is_left_out_with_its_reason_and_no_other_is(
    install: Install, capsys: pytest.CaptureFixture[str], source: str, reason: str
) -> None:
    install("broken", source)
    install("sound", SOUND)
    assert reason in (row("broken").error or "")
    assert row("sound").error is None
    lines = [line for line in capsys.readouterr().err.splitlines() if "'broken'" in line]
    assert len(lines) == 1
    assert lines[0].startswith("zoo: plugin 'broken' is broken and was left out: ")
    assert lines[0].endswith("set ZOO_DISABLE_PLUGINS=1 to run without plugins.")
    assert "sound" in [name for name, _ in call_hook("zoo_algorithms")]
    plugins()
    assert "'broken'" not in capsys.readouterr().err


def test_ctrl_c_during_an_import_is_not_swallowed(install: Install) -> None:
    install("slow", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        plugins()


def test_an_entry_point_to_a_missing_attribute_is_a_broken_plugin(install: Install) -> None:
    install("lab", SOUND)
    install("typo", "", module="stranger_lab:hoks")
    assert "AttributeError" in (row("typo").error or "")


def test_two_distributions_with_one_plugin_name_are_told_apart(install: Install) -> None:
    install("lab", SOUND, distribution="first")
    install("lab", SOUND, distribution="second")
    first, second = (plugin for plugin in plugins() if plugin.name == "lab")
    assert (first.error is None) != (second.error is None)
    loaded, refused = (first, second) if first.error is None else (second, first)
    assert refused.error == f"the name 'lab' already belongs to a plugin of {loaded.distribution}"


def test_no_plugin_takes_the_name_of_the_builtin_one(install: Install) -> None:
    install("zoo", SOUND)
    assert [plugin.error for plugin in plugins() if plugin.name == "zoo"] == [
        None,
        "the name 'zoo' already belongs to a plugin of agent-zoo",
    ]


def test_one_module_under_two_names_counts_once(install: Install) -> None:
    install("lab", SOUND)
    install("mirror", "", module="stranger_lab")
    assert row("lab").error is None
    assert "its module is loaded already" in (row("mirror").error or "")


@pytest.mark.parametrize(
    ("value", "loaded"), [("1", False), ("yes", False), ("0", True), ("", True)]
)
def test_all_plugins_can_be_disabled(
    install: Install, monkeypatch: pytest.MonkeyPatch, value: str, loaded: bool
) -> None:
    install("lab", SOUND)
    monkeypatch.setenv("ZOO_DISABLE_PLUGINS", value)
    assert ("lab" in [plugin.name for plugin in plugins()]) is loaded
    assert plugins()[0].name == "zoo"


def test_a_disabled_plugin_is_not_even_imported(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("lab", SOUND)
    install("other", "raise RuntimeError")
    monkeypatch.setenv("ZOO_PLUGINS", "lab")
    assert [plugin.name for plugin in plugins()] == ["zoo", "lab"]
    assert "stranger_other" not in sys.modules


def test_a_list_of_plugins_may_have_spaces_and_the_builtin_name(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("lab", SOUND)
    install("desk", SOUND)
    monkeypatch.setenv("ZOO_PLUGINS", " lab, zoo ,desk,")
    assert [plugin.name for plugin in plugins()] == ["zoo", "desk", "lab"]


def test_an_unknown_name_in_the_list_is_an_error_with_a_suggestion(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("laboratory", SOUND)
    monkeypatch.setenv("ZOO_PLUGINS", "labratory")
    with pytest.raises(ZooError, match=r"'labratory', which is not installed. Did you mean labo"):
        plugins()


def test_a_hook_that_raises_leaves_its_plugin_out_of_every_later_call(
    install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    observer = """
    seen = []

    @hookimpl
    def zoo_run_progress(steps, run):
        seen.append((steps, run["id"]))
    """
    install("afraid", "@hookimpl\ndef zoo_run_progress(run):\n    raise SystemExit('no disk')")
    install("brave", observer)
    for steps in (1, 2):
        call_hook("zoo_run_progress", run={"id": "r"}, steps=steps, metrics={})
    assert row("afraid").error == "zoo_run_progress raised SystemExit: no disk"
    assert capsys.readouterr().err.count("'afraid'") == 1
    assert sys.modules["stranger_brave"].seen == [(1, "r"), (2, "r")]


def test_ctrl_c_in_a_hook_is_not_swallowed(install: Install) -> None:
    install("lab", "@hookimpl\ndef zoo_algorithms():\n    raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        call_hook("zoo_algorithms")


def test_a_hook_may_have_another_function_name(install: Install) -> None:
    install("lab", "@hookimpl(specname='zoo_agents')\ndef kinds(): return ['kinds']")
    assert row("lab").hooks == ("zoo_agents",)
    assert ("lab", ["kinds"]) in call_hook("zoo_agents")


def test_an_observer_may_have_defaults_of_its_own(install: Install) -> None:
    install("lab", "@hookimpl\ndef zoo_run_finished(outcome, log=print): return outcome")
    assert call_hook("zoo_run_finished", run={}, outcome="failed") == [("lab", "failed")]


def test_a_long_reason_is_cut_and_stays_on_one_line() -> None:
    text = discovery.describe(ValueError("a\n" * 500))
    assert len(text) < 350
    assert "\n" not in text


def test_looking_up_plugins_imports_nothing_heavy() -> None:
    program = (
        "import sys; from zoo.plugin.registry import get_registry; get_registry();"
        "heavy = {'numpy', 'gymnasium', 'torch', 'pydantic', 'rich', 'stable_baselines3'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"

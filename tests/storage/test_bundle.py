"""Bundles: whole agents come back, and every kind of damage is refused in one line."""

import errno
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from gymnasium import spaces

from zoo.agents.heads import Categorical
from zoo.agents.layers import Layer
from zoo.agents.mlp import MLPAgent
from zoo.agents.table import TableAgent
from zoo.errors import ZooError
from zoo.plugin.registry import reset_registry
from zoo.storage import bundle as module
from zoo.storage.bundle import MANIFEST, WEIGHTS, Bundle, attach, open_bundle, save_bundle

FACTS = {
    "algorithm": "sb3-ppo",
    "plugin": "sb3",
    "versions": {"agent-zoo": "0.1.0"},
    "config": {"learning_rate": 3e-4, "net_arch": [8]},
    "environment": {"id": "CartPole-v1", "kwargs": {}, "wrappers": []},
    "training": {"steps": 1000, "seed": 0},
}
BOX = spaces.Box(-1, 1, (3,))


@pytest.fixture(autouse=True)
def no_plugins(monkeypatch):
    monkeypatch.setenv("ZOO_DISABLE_PLUGINS", "1")
    reset_registry()
    yield
    reset_registry()


def mlp(seed=0):
    rng = np.random.default_rng(seed)
    layers = [
        Layer(rng.normal(size=(8, 3)), rng.normal(size=8), "tanh"),
        Layer(rng.normal(size=(2, 8)), rng.normal(size=2)),
    ]
    return MLPAgent(BOX, spaces.Discrete(2), layers, Categorical())


def save(path, agent=None, **changes):
    return save_bundle(path, agent or mlp(), **FACTS | changes)


@pytest.fixture
def saved(tmp_path):
    return save(tmp_path / "agent", files={"README.md": b"# card", "curve.csv": b"steps\n1\n"})


def refusal(act):
    with pytest.raises(ZooError) as caught:
        act()
    message = str(caught.value)
    assert "\n" not in message
    assert caught.value.hint
    return message


# Whole bundles


@pytest.mark.parametrize(
    "agent",
    [
        mlp(),
        TableAgent(spaces.Discrete(4), spaces.Discrete(3), q=np.arange(12.0).reshape(4, 3)),
        TableAgent(
            spaces.Tuple([spaces.Discrete(2)] * 2), spaces.Discrete(2), policy=np.full((4, 2), 0.5)
        ),
    ],
    ids=["mlp", "table of values", "table of probabilities"],
)
def test_an_agent_comes_back_and_acts_the_same(tmp_path, agent):
    bundle = save(tmp_path / "agent", agent)
    loaded = bundle.agent()
    assert type(loaded) is type(agent)
    assert loaded.origin is bundle
    assert loaded.observation_space == agent.observation_space
    assert loaded.action_space == agent.action_space
    for name, tensor in agent.tensors().items():
        assert (loaded.tensors()[name] == tensor).all()
        assert loaded.tensors()[name].dtype == tensor.dtype
    for _ in range(20):
        observation = agent.observation_space.sample()
        assert loaded.predict(observation, deterministic=True) == agent.predict(
            observation, deterministic=True
        )


def test_what_a_bundle_says(saved):
    bundle = open_bundle(saved.path)
    assert bundle.algorithm == "sb3-ppo"
    assert bundle.env_id == "CartPole-v1"
    assert bundle.environment == FACTS["environment"]
    assert bundle.kind == "mlp"
    assert bundle.evaluation is None
    assert sorted(bundle.files) == ["README.md", "curve.csv", WEIGHTS]
    assert bundle.read("README.md") == b"# card"
    assert bundle.size == sum((bundle.path / name).stat().st_size for name in bundle.files)
    for key in ("config", "training", "versions", "plugin"):
        assert bundle.manifest[key] == FACTS[key]


def test_the_digest_is_that_of_the_manifest_and_pins_every_file(saved, tmp_path):
    data = (saved.path / MANIFEST).read_bytes()
    assert saved.digest == hashlib.sha256(data).hexdigest()
    files = json.loads(data)["files"]
    for name, entry in files.items():
        content = (saved.path / name).read_bytes()
        assert entry == {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
    assert set(os.listdir(saved.path)) == {*files, MANIFEST}


def test_the_same_agent_has_the_same_digest(tmp_path):
    assert save(tmp_path / "a").digest == save(tmp_path / "b").digest
    assert save(tmp_path / "a").digest != save(tmp_path / "b", mlp(1)).digest


def test_the_manifest_can_be_opened_by_its_own_path(saved):
    assert open_bundle(saved.path / MANIFEST).digest == saved.digest


def test_a_bundle_can_be_moved(saved, tmp_path):
    moved = tmp_path / "elsewhere"
    shutil.copytree(saved.path, moved)
    assert open_bundle(moved).agent().origin.path == moved


def test_a_bundle_on_a_read_only_disk_is_loaded(saved):
    for path in (*saved.path.iterdir(), saved.path):
        path.chmod(0o555)
    assert open_bundle(saved.path).agent().kind == "mlp"
    saved.path.chmod(0o755)


def test_companions_can_be_paths(tmp_path):
    (tmp_path / "video").write_bytes(b"mp4")
    bundle = save(tmp_path / "agent", files={"replay.mp4": tmp_path / "video"})
    assert bundle.read("replay.mp4") == b"mp4"


def test_saving_replaces_a_bundle_and_its_old_companions(saved):
    new = save(saved.path, mlp(1))
    assert set(os.listdir(saved.path)) == {MANIFEST, WEIGHTS}
    assert new.agent().tensors()["layers.0.bias"].tolist() == mlp(1).layers[0].bias.tolist()
    assert os.listdir(saved.path.parent) == ["agent"]


def test_an_empty_directory_is_filled(tmp_path):
    (tmp_path / "agent").mkdir()
    assert save(tmp_path / "agent").agent().kind == "mlp"


@pytest.mark.parametrize("kind", ["directory", "file"])
def test_what_is_no_bundle_is_never_replaced(tmp_path, kind):
    path = tmp_path / "thesis"
    if kind == "directory":
        path.mkdir()
        (path / "chapter").write_text("one")
    else:
        path.write_text("one")
    assert "exists and is no agent" in refusal(lambda: save(path))
    assert (path / "chapter" if kind == "directory" else path).read_text() == "one"


def test_attach_adds_and_replaces(saved):
    bundle = attach(saved, {"evaluation.json": b'{"mean_return": 475.5}', "README.md": b"# new"})
    assert bundle.evaluation == {"mean_return": 475.5}
    assert bundle.read("README.md") == b"# new"
    assert bundle.read("curve.csv") == b"steps\n1\n"
    assert bundle.digest != saved.digest
    assert bundle.agent().kind == "mlp"
    kept = {key: value for key, value in bundle.manifest.items() if key != "files"}
    assert kept == {key: value for key, value in saved.manifest.items() if key != "files"}


def test_attach_does_not_bless_damage(saved):
    (saved.path / WEIGHTS).write_bytes(bytes(saved.files[WEIGHTS]["size"]))
    bundle = attach(saved, {"README.md": b"x"})
    assert "SHA-256" in refusal(bundle.agent)


@pytest.mark.parametrize("name", [MANIFEST, WEIGHTS, "../x", "a/b", ".hidden", "", "a\n"])
def test_companions_have_plain_names(saved, name):
    assert "cannot be the name" in refusal_without_hint(lambda: attach(saved, {name: b""}))
    assert open_bundle(saved.path).digest == saved.digest


def refusal_without_hint(act):
    with pytest.raises(ZooError) as caught:
        act()
    return str(caught.value)


def test_companions_that_are_json_must_be_strict_json(saved):
    assert "not valid JSON" in refusal(lambda: attach(saved, {"evaluation.json": b"[NaN]"}))


def test_reading_what_is_not_there(saved):
    assert "has no video.mp4" in refusal(lambda: saved.read("video.mp4"))


# What cannot be saved


def test_nan_is_not_saved(saved):
    agent = mlp()
    agent.layers[0].weight[0, 0] = np.nan
    assert "NaN in 'layers.0.weight'" in refusal(lambda: save(saved.path, agent))
    assert open_bundle(saved.path).digest == saved.digest


def test_facts_that_are_not_json_are_not_saved(saved):
    for config in ({"x": float("nan")}, {"x": {1}}, {"x": np.float32(1)}):
        assert "JSON" in refusal(lambda config=config: save(saved.path, config=config))
    assert open_bundle(saved.path).digest == saved.digest
    assert os.listdir(saved.path.parent) == ["agent"]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (errno.ENOSPC, "disk is full"),
        (errno.EROFS, "disk is read-only"),
        (errno.EACCES, "permission denied"),
    ],
)
@pytest.mark.parametrize("moment", range(4))
def test_a_refusing_disk_leaves_the_old_bundle_and_nothing_else(
    saved, monkeypatch, code, message, moment
):
    calls = []
    fsync = os.fsync

    def fail(descriptor):
        calls.append(descriptor)
        if len(calls) > moment:
            raise OSError(code, os.strerror(code))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", fail)
    act = {"README.md": b"new", "a.txt": b"a", "b.txt": b"b"}
    assert message in refusal(lambda: save(saved.path, mlp(1), files=act))
    monkeypatch.undo()
    assert os.listdir(saved.path.parent) == ["agent"]
    assert open_bundle(saved.path).digest == saved.digest
    open_bundle(saved.path).verify()


# Damage


def test_there_is_no_agent(tmp_path):
    assert "is no agent" in refusal(lambda: open_bundle(tmp_path))
    assert "is no agent" in refusal(lambda: open_bundle(tmp_path / "absent"))
    (tmp_path / "file").touch()
    assert "is no agent" in refusal(lambda: open_bundle(tmp_path / "file"))


def test_every_changed_byte_is_noticed(saved):
    for name in saved.files:
        path = saved.path / name
        whole = path.read_bytes()
        for position in range(0, len(whole), 11):
            path.write_bytes(
                whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :]
            )
            assert f"{path} is damaged: its SHA-256" in refusal(open_bundle(saved.path).agent)
        path.write_bytes(whole)
    assert open_bundle(saved.path).agent().kind == "mlp"


@pytest.mark.parametrize("name", [WEIGHTS, "README.md"])
@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), "bytes, not the"),
        (lambda path: path.write_bytes(b""), "it has 0 bytes"),
        (lambda path: path.write_bytes(path.read_bytes() + b"x"), "bytes, not the"),
        (lambda path: path.unlink(), "it is missing"),
        (lambda path: (path.unlink(), path.mkdir()), "it is no plain file"),
        (lambda path: (path.unlink(), os.mkfifo(path)), "it is no plain file"),
        (lambda path: (path.rename(path.parent.parent / "x"), path.symlink_to("../x")), "it is no plain file"),  # noqa: E501
        (lambda path: path.rename(path.parent / "other.bin"), "other.bin is damaged: agent.json does not list it"),  # noqa: E501
    ],
    ids=["cut", "emptied", "longer", "removed", "directory", "pipe", "link", "renamed"],
)  # fmt: skip
def test_a_file_that_is_not_as_listed(saved, name, damage, message):
    damage(saved.path / name)
    text = refusal(open_bundle(saved.path).agent)
    assert message in text
    assert text.endswith("Fetch or train the agent again")


@pytest.mark.parametrize("name", ["extra.txt", "evil.py", "weights.pkl"])
def test_an_extra_file_is_refused(saved, name):
    (saved.path / name).touch()
    assert f"{name} is damaged: agent.json does not list it" in refusal(saved.verify)


def test_an_extra_directory_is_refused(saved):
    (saved.path / "sub").mkdir()
    assert "does not list it" in refusal(saved.verify)


def test_hidden_files_of_other_tools_are_passed_over(saved):
    (saved.path / ".gitattributes").touch()
    assert saved.agent().kind == "mlp"


def change_manifest(bundle, change):
    value = json.loads((bundle.path / MANIFEST).read_text())
    change(value)
    (bundle.path / MANIFEST).write_text(json.dumps(value))


DIGEST = {"sha256": "0" * 64, "size": 0}


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.clear(),
        lambda m: m.pop("format_version"),
        lambda m: m.update(format_version="1"),
        lambda m: m.update(format_version=True),
        lambda m: m.update(format_version=0),
        lambda m: m.pop("algorithm"),
        lambda m: m.update(algorithm=["sb3-ppo"]),
        lambda m: m.update(environment={}),
        lambda m: m.update(environment={"id": 3}),
        lambda m: m.update(agent={}),
        lambda m: m.update(agent={"kind": 1, "description": {}}),
        lambda m: m.update(agent={"kind": "mlp", "description": []}),
        lambda m: m.update(files=[]),
        lambda m: m.update(files={}),
        lambda m: m["files"].pop(WEIGHTS),
        lambda m: m["files"].update({"../../etc/passwd": DIGEST}),
        lambda m: m["files"].update({"/etc/passwd": DIGEST}),
        lambda m: m["files"].update({"..": DIGEST}),
        lambda m: m["files"].update({"a/b": DIGEST}),
        lambda m: m["files"].update({"a\\b": DIGEST}),
        lambda m: m["files"].update({"a\0b": DIGEST}),
        lambda m: m["files"].update({".tmp-x": DIGEST}),
        lambda m: m["files"].update({"": DIGEST}),
        lambda m: m["files"].update({MANIFEST: DIGEST}),
        lambda m: m["files"].update({"x" * 200: DIGEST}),
        lambda m: m["files"].update({"x": None}),
        lambda m: m["files"].update({"x": DIGEST | {"size": -1}}),
        lambda m: m["files"].update({"x": DIGEST | {"size": True}}),
        lambda m: m["files"].update({"x": DIGEST | {"size": 1.0}}),
        lambda m: m["files"].update({"x": DIGEST | {"sha256": "0" * 63}}),
        lambda m: m["files"].update({"x": DIGEST | {"sha256": "Z" * 64}}),
    ],
)
def test_a_damaged_manifest_is_refused_when_it_is_opened(saved, change):
    change_manifest(saved, change)
    text = refusal(lambda: open_bundle(saved.path))
    assert f"{saved.path / MANIFEST} is damaged: " in text


@pytest.mark.parametrize(
    "data",
    [
        b"", b"{}", b"[]", b"null", b"\xff\xfe", b'{"format_version": NaN}', b"[" * 100_000,
        b'{"format_version": 1, "format_version": 1}',
    ],
)  # fmt: skip
def test_a_manifest_that_is_no_manifest_is_refused(saved, data):
    (saved.path / MANIFEST).write_bytes(data)
    assert str(saved.path / MANIFEST) in refusal(lambda: open_bundle(saved.path))


def test_every_cut_of_the_manifest_is_refused(saved):
    whole = (saved.path / MANIFEST).read_bytes()
    for length in range(0, len(whole) - 1, 9):
        (saved.path / MANIFEST).write_bytes(whole[:length])
        refusal(lambda: open_bundle(saved.path))


def test_a_huge_manifest_is_not_read(saved, monkeypatch):
    monkeypatch.setattr(module, "_MAX_MANIFEST", 100)
    assert "too large" in refusal(lambda: open_bundle(saved.path))


def test_a_manifest_that_is_a_link_is_refused(saved):
    (saved.path / MANIFEST).rename(saved.path / "x")
    (saved.path / MANIFEST).symlink_to("x")
    assert "no plain file" in refusal(lambda: open_bundle(saved.path))


def test_a_newer_format_says_upgrade(saved):
    change_manifest(saved, lambda m: (m.clear(), m.update(format_version=2)))
    text = refusal(lambda: open_bundle(saved.path))
    assert "was written by a newer zoo (format 2, this one reads 1). Upgrade with: pip" in text


def test_an_unknown_kind_gets_a_suggestion(saved):
    change_manifest(saved, lambda m: m["agent"].update(kind="mpl"))
    assert "mlp" in refusal(open_bundle(saved.path).agent)


def test_a_kind_is_never_an_import_path(saved):
    change_manifest(saved, lambda m: m["agent"].update(kind="os:system"))
    assert "os:system" in refusal(open_bundle(saved.path).agent)


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m["agent"].update(description={}),
        lambda m: m["agent"].update(kind="table"),
        lambda m: m["observation_space"].update(shape=[4]),
        lambda m: m["observation_space"].update(type="Box2"),
        lambda m: m.update(action_space={"type": "Discrete", "n": 3, "start": 0, "dtype": "int64"}),
        lambda m: m.update(action_space={"type": "Dict", "spaces": []}),
    ],
)
def test_parts_that_do_not_fit_are_refused_when_the_agent_is_made(saved, change):
    change_manifest(saved, change)
    refusal_without_hint(open_bundle(saved.path).agent)


def test_a_kind_that_raises_is_explained(saved, monkeypatch):
    def restore(*args):
        raise RuntimeError("size mismatch")

    monkeypatch.setattr(MLPAgent, "restore", restore)
    assert "a mlp agent cannot be made of it: RuntimeError('size mismatch')" in refusal(saved.agent)


def test_nan_that_was_written_elsewhere_is_not_loaded(saved, monkeypatch):
    import safetensors.numpy

    tensors = mlp().tensors() | {"layers.1.bias": np.array([np.nan, 0], np.float32)}
    data = safetensors.numpy.save(tensors)
    (saved.path / WEIGHTS).write_bytes(data)
    entry = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
    change_manifest(saved, lambda m: m["files"].update({WEIGHTS: entry}))
    assert "NaN in 'layers.1.bias'" in refusal(open_bundle(saved.path).agent)


def test_an_evaluation_that_is_no_object_is_refused(saved):
    bundle = attach(saved, {"evaluation.json": b"[1]"})
    assert "no JSON object" in refusal(lambda: bundle.evaluation)


@pytest.mark.parametrize(
    "content",
    [
        {"ci95_return": 5},
        {"ci95_return": None},
        {"ci95_return": ["x"]},
        {"ci95_return": [1, 2, 3]},
        {"ci95_return": [1, True]},
        {"ci95_return": [1, 10**400]},
        {"mean_return": "1"},
        {"mean_return": None},
        {"mean_return": 10**400},
        {"episodes": [1]},
        {"success_rate": {}},
    ],
    ids=lambda content: str(content)[:30],
)
def test_an_evaluation_whose_measures_are_no_numbers_is_refused(saved, content):
    bundle = attach(saved, {"evaluation.json": json.dumps(content).encode()})
    assert f"evaluation.json is damaged: {next(iter(content))} is no" in refusal(
        lambda: bundle.evaluation
    )


def test_measures_may_be_missing_and_success_unknown(saved):
    content = {"ci95_return": [1, 2.5], "episodes": 3, "success_rate": None, "extra": ["x"]}
    bundle = attach(saved, {"evaluation.json": json.dumps(content).encode()})
    assert bundle.evaluation == content


def test_a_bundle_that_was_replaced_while_it_was_open_says_so(saved):
    opened = open_bundle(saved.path)
    save(saved.path, mlp(1), files={"new.txt": b""})
    assert "was replaced while it was read. Try again" in refusal(opened.agent)


def test_a_replacement_killed_half_way_is_recovered(saved):
    saved.path.rename(saved.path.with_name(".previous-agent"))
    assert open_bundle(saved.path).agent().kind == "mlp"


def test_bundles_load_without_any_plugin_or_torch(saved):
    code = (
        "import sys\nfrom zoo.storage.bundle import open_bundle\n"
        "agent = open_bundle(sys.argv[1]).agent()\n"
        "print(agent.kind, 'torch' in sys.modules, 'stable_baselines3' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, saved.path], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["mlp", "False", "False"]


WRITER = """
import itertools, sys
import numpy as np
from gymnasium import spaces
from zoo.agents.table import TableAgent
from zoo.storage.bundle import attach, save_bundle
for i in itertools.count():
    q = np.full((500, 6), float(i))
    agent = TableAgent(spaces.Discrete(500), spaces.Discrete(6), q=q)
    bundle = save_bundle(
        sys.argv[1], agent, algorithm="a", plugin="p", versions={}, config={},
        environment={"id": "Taxi-v4"}, training={"steps": i}, files={"x.txt": str(i).encode()},
    )
    attach(bundle, {"y.txt": str(i).encode()})
    print(i, flush=True)
"""


@pytest.mark.slow
def test_kill_at_random_moments_leaves_an_agent_that_loads(tmp_path):
    rng = random.Random(0)
    path = tmp_path / "best"
    for _ in range(20):
        process = subprocess.Popen([sys.executable, "-c", WRITER, path], stdout=subprocess.PIPE)
        process.stdout.readline()
        time.sleep(rng.random() * 0.05)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        bundle = open_bundle(path)
        steps = bundle.manifest["training"]["steps"]
        assert (bundle.agent().q == steps).all()
        assert bundle.read("x.txt") == str(steps).encode()
    save(path)
    assert os.listdir(tmp_path) == ["best"]


def test_the_repr_is_short(saved):
    assert repr(saved) == f"Bundle('{saved.path}', sb3-ppo, CartPole-v1)"
    assert isinstance(saved, Bundle)

"""Bundles: whole agents come back, and what is saved replaces them whole or not at all."""

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

from tests.storage.bundles import FACTS, mlp, refusal, refusal_without_hint, save
from zoo.agents.table import TableAgent
from zoo.storage.bundle import MANIFEST, WEIGHTS, Bundle, attach, open_bundle

pytestmark = pytest.mark.usefixtures("no_plugins")


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


def test_the_repr_is_short(saved):
    assert repr(saved) == f"Bundle('{saved.path}', sb3-ppo, CartPole-v1)"
    assert isinstance(saved, Bundle)


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


def test_companions_that_are_json_must_be_strict_json(saved):
    assert "not valid JSON" in refusal(lambda: attach(saved, {"evaluation.json": b"[NaN]"}))


def test_reading_what_is_not_there(saved):
    assert "has no video.mp4" in refusal(lambda: saved.read("video.mp4"))


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


# Replacements under way


def test_a_bundle_that_was_replaced_while_it_was_open_says_so(saved):
    opened = open_bundle(saved.path)
    save(saved.path, mlp(1), files={"new.txt": b""})
    assert "was replaced while it was read. Try again" in refusal(opened.agent)


def test_a_replacement_killed_half_way_is_recovered(saved):
    saved.path.rename(saved.path.with_name(".previous-agent"))
    assert open_bundle(saved.path).agent().kind == "mlp"


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

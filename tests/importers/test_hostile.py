"""Models that would run code wherever Stable-Baselines3 would let them do nothing here."""

from __future__ import annotations

import base64
import json
import os
import pickle
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces

import zoo
from tests.foreign.hostile import payloads

sb3 = pytest.importorskip("stable_baselines3")
TRICKS = sorted(payloads(Path("x")))
MUTATIONS = max(30, int(os.environ.get("ZOO_FUZZ", "0")) // 20)
DANGEROUS = ["reduce", "inst", "getattr", "exec", "newobj-ex"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run folder of RL Zoo with a normalised model."""
    from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

    folder = tmp_path_factory.mktemp("run") / "Pendulum-v1_1"
    (folder / "Pendulum-v1").mkdir(parents=True)
    import gymnasium as gym

    env = VecNormalize(DummyVecEnv([lambda: gym.make("Pendulum-v1")]))
    model = sb3.PPO("MlpPolicy", env, policy_kwargs={"net_arch": [4]})
    model.save(folder / "Pendulum-v1.zip")
    env.save(str(folder / "Pendulum-v1" / "vecnormalize.pkl"))
    (folder / "Pendulum-v1" / "config.yml").write_text("normalize: true\n")
    (folder / "Pendulum-v1" / "args.yml").write_text("algo: ppo\nenv: Pendulum-v1\n")
    return folder


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / "in" / trained.name))


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    return tmp_path / "marker"


@pytest.fixture
def tries(
    run: Path, marker: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], str]:
    """Return a function that imports the run, and says "" or the error's one line.

    Nothing may run, and nothing may be written but the bundle.
    """
    monkeypatch.chdir(tmp_path)

    def attempt() -> str:
        before = {p for p in tmp_path.rglob("*")}
        try:
            zoo.import_agent(run, tmp_path / "agent")
            said = ""
        except zoo.ZooError as error:
            said = str(error)
        assert not marker.exists(), "something was run"
        new = {p for p in tmp_path.rglob("*")} - before
        assert all(p.is_relative_to(tmp_path / "agent") for p in new)
        assert not said or not (tmp_path / "agent").exists()
        assert "\n" not in said
        return said

    return attempt


def rewrite(run: Path, change: Callable[[str, bytes], bytes]) -> None:
    path = run / "Pendulum-v1.zip"
    with zipfile.ZipFile(path) as old:
        members = {name: old.read(name) for name in old.namelist()}
    with zipfile.ZipFile(path, "w") as new:
        for name, content in members.items():
            new.writestr(name, change(name, content))


def poison(run: Path, key: str, data: bytes) -> None:
    """Put a pickle under a key of the model's JSON."""

    def change(name: str, content: bytes) -> bytes:
        if name != "data":
            return content
        facts = json.loads(content)
        serialized = base64.b64encode(data).decode()
        facts[key] = {":type:": "<class 'function'>", ":serialized:": serialized}
        return json.dumps(facts).encode()

    rewrite(run, change)


def test_the_run_itself_comes_in(tries: Callable[[], str]) -> None:
    assert tries() == ""


@pytest.mark.parametrize("trick", DANGEROUS)
@pytest.mark.parametrize("key", ["lr_schedule", "clip_range", "ep_info_buffer", "_last_obs", "new"])
def test_a_payload_where_nobody_looks_stays_unread(
    key: str, trick: str, run: Path, marker: Path, tries: Callable[[], str]
) -> None:
    poison(run, key, payloads(marker)[trick])
    assert tries() == ""


@pytest.mark.parametrize("trick", TRICKS)
@pytest.mark.parametrize(
    "key", ["policy_class", "policy_kwargs", "observation_space", "action_space"]
)
def test_a_payload_in_what_acting_needs_is_refused(
    key: str, trick: str, run: Path, marker: Path, tries: Callable[[], str]
) -> None:
    poison(run, key, payloads(marker)[trick])
    said = tries()
    if (key, trick) == ("policy_kwargs", "setitem"):
        assert said == ""  # an argument of another name, which nobody looks at
        return
    assert "data of" in said
    assert "Pendulum-v1.zip" in said


@pytest.mark.parametrize("trick", TRICKS)
def test_a_payload_inside_of_the_policys_arguments(
    trick: str, run: Path, marker: Path, tries: Callable[[], str]
) -> None:
    inner = payloads(marker)[trick].removeprefix(b"\x80\x02").removeprefix(b"\x80\x04")
    poison(run, "policy_kwargs", b"\x80\x04}X\x0d\x00\x00\x00activation_fn" + inner[:-1] + b"s.")
    assert tries() != ""


@pytest.mark.parametrize("trick", TRICKS)
def test_statistics(trick: str, run: Path, marker: Path, tries: Callable[[], str]) -> None:
    (run / "Pendulum-v1" / "vecnormalize.pkl").write_bytes(payloads(marker)[trick])
    assert "vecnormalize.pkl cannot be read" in tries()


def test_statistics_with_a_payload_inside(
    run: Path, marker: Path, tries: Callable[[], str]
) -> None:
    path = run / "Pendulum-v1" / "vecnormalize.pkl"
    rms = b"cos\nsystem\n(X\x01\x00\x00\x00xtR"
    state = b"}X\x07\x00\x00\x00obs_rms" + rms + b"s"
    name = b"cstable_baselines3.common.vec_env.vec_normalize\nVecNormalize\n"
    path.write_bytes(b"\x80\x02" + name + b")\x81" + state + b"b.")
    assert "vecnormalize.pkl cannot be read" in tries()


@pytest.mark.parametrize("trick", TRICKS)
@pytest.mark.parametrize("member", ["policy.pth", "policy.optimizer.pth", "pytorch_variables.pth"])
@pytest.mark.parametrize("form", ["zip", "legacy"])
def test_torch_members(
    member: str, trick: str, form: str, run: Path, marker: Path, tries: Callable[[], str]
) -> None:
    payload = payloads(marker)[trick]

    def change(name: str, content: bytes) -> bytes:
        if name != member:
            return content
        if form == "legacy":
            magic = pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1001, 2)
            return magic + pickle.dumps({"little_endian": True}, 2) + payload
        import io

        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as file:
            file.writestr("archive/data.pkl", payload)
        return buffer.getvalue()

    rewrite(run, change)
    said = tries()
    assert ("policy.pth" in said) == (member == "policy.pth")


TAGS = """
- !!python/object/apply:os.system ["touch {0}"]
- !!python/object/new:os.system ["touch {0}"]
- !!python/object:subprocess.Popen {{args: "touch {0}"}}
- !!python/name:os.system ""
- !!python/module:os ""
- !!python/object/apply:builtins.eval ["open('{0}', 'w')"]
- !!python/object/apply:collections.OrderedDict [!!python/object/apply:os.system ["touch {0}"]]
- !unknown value
""".strip().splitlines()


@pytest.mark.parametrize("tag", TAGS)
@pytest.mark.parametrize("file", ["args.yml", "config.yml", "env_kwargs.yml"])
@pytest.mark.parametrize("inside", [False, True])
def test_tags(
    file: str, tag: str, inside: bool, run: Path, marker: Path, tries: Callable[[], str]
) -> None:
    text = tag.removeprefix("- ").format(marker)
    if inside:
        text = f"env: Pendulum-v1\nnormalize: {text}\nenv_wrapper: {text}\nenv_kwargs: {text}\n"
    (run / "Pendulum-v1" / file).write_text(text)
    tries()


@pytest.mark.parametrize(
    "text",
    [
        "normalize: \"dict(norm_obs=__import__('os').system('touch {0}'))\"",
        "normalize: \"[open('{0}', 'w')]\"",
        "env_wrapper: \"{{'a': open('{0}', 'w')}}\"",
        "env_wrapper: os.system",
        "env_wrapper: [{{os.system: {{command: 'touch {0}'}}}}]",
        'env: "os:system-v0"\nenv_kwargs: {{a: .nan}}',
        "a: &a [*a]",
        "a: &a [x, x]\nb: &b [*a, *a]\n" + "c: " + "[" * 500 + "]" * 500,
    ],
)
@pytest.mark.parametrize("file", ["args.yml", "config.yml"])
def test_text_is_never_evaluated(
    file: str, text: str, run: Path, marker: Path, tries: Callable[[], str]
) -> None:
    (run / "Pendulum-v1" / file).write_text(text.format(marker))
    tries()


def test_anchors_do_not_explode(run: Path, tries: Callable[[], str]) -> None:
    lines = ["a0: &a0 [x, x]"]
    lines += [f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]" for i in range(1, 40)]
    (run / "Pendulum-v1" / "config.yml").write_text("\n".join(lines))
    assert "cannot be read as YAML" in tries()


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"[" * 100_000, b"[]", b'{"policy_class": {":serialized:": 3}}', b"\xff\xfe",
     b'{"policy_class": {":serialized:": "%%%"}}', b'{"n": ' + b"9" * 10_000 + b"}"],
)  # fmt: skip
def test_strange_data(data: bytes, run: Path, tries: Callable[[], str]) -> None:
    rewrite(run, lambda name, content: data if name == "data" else content)
    assert "data of" in tries()


def test_weights_that_do_not_fit(run: Path, tries: Callable[[], str]) -> None:
    torch = pytest.importorskip("torch")
    import io

    def state(**tensors: Any) -> bytes:
        buffer = io.BytesIO()
        torch.save({name.replace("__", "."): t for name, t in tensors.items()}, buffer)
        return buffer.getvalue()

    for content in (
        state(),
        state(action_net__weight=torch.zeros(1, 4)),
        state(action_net__weight=torch.zeros(7, 3), log_std=torch.zeros(1)),
        state(action_net__weight=torch.zeros(1, 3), log_std=torch.zeros(2)),
        state(action_net__weight=torch.full((1, 3), np.nan), log_std=torch.zeros(1)),
        state(action_net__weight=torch.zeros(3), log_std=torch.zeros(1)),
    ):
        rewrite(run, lambda name, old, new=content: new if name == "policy.pth" else old)  # type: ignore[misc]
        assert tries() != ""


def test_a_zip_that_leads_out(run: Path, tries: Callable[[], str]) -> None:
    with zipfile.ZipFile(run / "Pendulum-v1.zip", "a") as file:
        file.writestr("../../escaped", b"x")
    assert "leads out of it" in tries()


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_member_that_stands_twice(run: Path, tries: Callable[[], str]) -> None:
    with zipfile.ZipFile(run / "Pendulum-v1.zip", "a") as file:
        file.writestr("policy.pth", b"x")
    assert "stands twice" in tries()


@pytest.mark.parametrize(
    "header",
    [
        b'{"w": {"dtype": "F32", "shape": [4], "data_offsets": [0, 64]}}',
        b'{"w": {"dtype": "F32", "shape": [4], "data_offsets": [8, 4]}}',
        b'{"w": {"dtype": "F32", "shape": [1099511627776], "data_offsets": [0, 16]}}',
        b'{"w": {"dtype": "F32", "shape": [-4], "data_offsets": [0, 16]}}',
        b'{"w": {"dtype": "OBJ", "shape": [4], "data_offsets": [0, 16]}}',
        b'{"v": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]},'
        b' "w": {"dtype": "F32", "shape": [2], "data_offsets": [4, 12]}}',
        b'{"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}',
        b"[" * 10_000,
        b'{"w": NaN}',
        b"",
    ],
)
@pytest.mark.parametrize("length", [None, 1 << 40, (1 << 64) - 1])
def test_safetensors(header: bytes, length: int | None, tmp_path: Path) -> None:
    size = (len(header) if length is None else length).to_bytes(8, "little")
    path = tmp_path / "x.safetensors"
    path.write_bytes(size + header + b"\0" * 16)
    described = {"head": "linear", "activation": "relu"}
    with pytest.raises(zoo.ZooError) as caught:
        zoo.import_agent(path, tmp_path / "a", env="CartPole-v1", architecture=described)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "a").exists()


def damaged(data: bytes, rng: np.random.Generator) -> bytes:
    """Return `data` with a few bytes changed, put in, taken out or doubled."""
    changed = bytearray(data)
    for _ in range(rng.integers(1, 5)):
        at = int(rng.integers(len(changed))) if changed else 0
        match rng.integers(4):
            case 0 if changed:
                changed[at] = rng.choice([0, 255, ord("R"), ord("."), rng.integers(256)])
            case 1:
                changed[at:at] = rng.bytes(int(rng.integers(1, 6)))
            case 2:
                del changed[at : at + int(rng.integers(1, 8))]
            case 3:
                changed[at:at] = changed[at : at + int(rng.integers(1, 50))]
    return bytes(changed)


@pytest.mark.parametrize(
    "part", ["data", "policy.pth", "pickles", "vecnormalize.pkl", "config.yml"]
)
def test_any_damage_is_one_line(part: str, run: Path, tries: Callable[[], str]) -> None:
    rng = np.random.default_rng(0)
    beside = run / "Pendulum-v1" / part
    whole = (run / "Pendulum-v1.zip").read_bytes()
    content = beside.read_bytes() if beside.is_file() else b""
    for _ in range(MUTATIONS):
        (run / "Pendulum-v1.zip").write_bytes(whole)
        if content:
            beside.write_bytes(damaged(content, rng))
        elif part == "pickles":
            with zipfile.ZipFile(run / "Pendulum-v1.zip") as file:
                facts = json.loads(file.read("data"))
            key = rng.choice(["policy_class", "policy_kwargs", "observation_space", "action_space"])
            if isinstance(facts[key], dict) and ":serialized:" in facts[key]:
                poison(run, key, damaged(base64.b64decode(facts[key][":serialized:"]), rng))
        else:
            rewrite(run, lambda name, old: damaged(old, rng) if name == part else old)
        tries()
        shutil.rmtree(run.parents[1] / "agent", ignore_errors=True)


@pytest.mark.parametrize("key", ["observation_space", "action_space"])
@pytest.mark.parametrize(
    "odd", [spaces.Box(0, 255, (3, 4, 4), np.uint8), spaces.MultiBinary([2, 3]), spaces.Dict({})]
)
def test_spaces_that_do_not_fit_the_layers(
    key: str, odd: Any, run: Path, tries: Callable[[], str]
) -> None:
    (run / "Pendulum-v1" / "vecnormalize.pkl").unlink()
    (run / "Pendulum-v1" / "config.yml").unlink()
    poison(run, key, pickle.dumps(odd))
    assert "does not fit together" in tries()


def test_contact_forces_that_the_layers_do_not_read(run: Path, tries: Callable[[], str]) -> None:
    (run / "Pendulum-v1" / "vecnormalize.pkl").unlink()
    (run / "Pendulum-v1" / "config.yml").unlink()
    (run / "Pendulum-v1" / "args.yml").write_text("algo: ppo\nenv: Ant-v3\n")
    poison(run, "observation_space", pickle.dumps(spaces.Box(-1.0, 1.0, (111,), np.float32)))
    assert "does not fit together" in tries()


def test_statistics_too_large_are_not_read_whole(
    run: Path, tries: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zoo.foreign.pickles.MAX_BYTES", 100_000)
    (run / "Pendulum-v1" / "vecnormalize.pkl").write_bytes(b"x" * 500_000)
    assert "too large to be read: 100001 bytes" in tries()


def test_endless_arguments_are_refused(run: Path, tries: Callable[[], str]) -> None:
    poison(run, "policy_kwargs", pickle.dumps({str(i): 0 for i in range(101)}))
    assert "101 arguments" in tries()

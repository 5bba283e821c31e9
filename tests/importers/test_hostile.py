"""Models that would run code wherever Stable-Baselines3 would let them do nothing here."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.foreign.hostile import payloads
from tests.importers.spoiling import poison, rewrite

pytest.importorskip("stable_baselines3")
TRICKS = sorted(payloads(Path("x")))
DANGEROUS = ["reduce", "inst", "getattr", "exec", "newobj-ex"]


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

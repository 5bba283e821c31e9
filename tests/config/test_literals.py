from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.config.literals import NotData, looks_like_literal, parse_literal


@pytest.mark.parametrize(
    ("text", "data"),
    [
        (
            "dict(log_std_init=-2,\n  activation_fn=nn.ReLU,\n  net_arch=dict(pi=[64], vf=[]),\n)",
            {"log_std_init": -2, "activation_fn": "relu", "net_arch": {"pi": [64], "vf": []}},
        ),
        (
            "dict(optimizer_class=RMSpropTFLike, optimizer_kwargs=dict(eps=1e-5))",
            {"optimizer_class": "rmsprop-tf-like", "optimizer_kwargs": {"eps": 1e-5}},
        ),
        ("{'norm_obs': False, 'norm_reward': True}", {"norm_obs": False, "norm_reward": True}),
        ("(1, 'episode')", [1, "episode"]),
        ("dict(a=None, b=+1, c=-1.5)", {"a": None, "b": 1, "c": -1.5}),
        ("dict(activation_fn=th.nn.LeakyReLU)", {"activation_fn": "leaky-relu"}),
    ],
)
def test_literals_and_known_names_are_read(text: str, data: Any) -> None:
    assert looks_like_literal(text)
    assert parse_literal(text) == (data, [])


def test_what_is_not_data_is_left_out_by_key_and_the_rest_is_kept() -> None:
    data, left_out = parse_literal(
        "dict(net_arch=[64], features_extractor_class=my.Extractor, n=f(3), m=1 + 1)"
    )
    assert data == {"net_arch": [64]}
    assert left_out == [
        "features_extractor_class: the name my.Extractor is not known",
        "n: f(3) is not a literal",
        "m: 1 + 1 is not a literal",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('touch CREATED')",
        "(lambda: open('CREATED', 'w'))()",
        "[open('CREATED', 'w') for _ in (1,)]",
        "dict([('a', 1)])",
        "dict(**{'a': 1})",
        "{**{}}",
        "{1: 2}",
        "{f'{open(1)}': 2}",
        "-[1]",
        "-True",
        "b'bytes'",
        "...",
        "1j",
        "dict(",
        "(" * 9000,
        "-" * 9000 + "1",
        "[" + "1," * 9000 + "]",
        "\0",
    ],
)
def test_nothing_is_ever_executed(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NotData):
        parse_literal(text)
    assert list(tmp_path.iterdir()) == []


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(plain)
def test_every_literal_of_python_is_read(data: Any) -> None:
    assert parse_literal(repr(data)) == (data, [])

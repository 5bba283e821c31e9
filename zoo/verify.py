"""Verify an agent: its files against their digests, and its claimed score against a new one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from zoo.evaluate import Evaluation, evaluate
from zoo.hub.references import find
from zoo.hub.verdicts import keep_verdict
from zoo.storage.bundle import Bundle

EPISODES = 100
CONFIRMED, REFUTED, UNCLAIMED = "confirmed", "not confirmed", "nothing claimed"
_OTHER_EPISODES = 10_000
"""What is added to the seed of the claimed evaluation: the same episodes would prove nothing."""


@dataclass(frozen=True)
class Verdict:
    """What became of an agent's claim. Its files were whole, or there would be no verdict.

    `outcome` is `confirmed` where the claimed mean return lies in `ci95_return`, the 95 % interval
    of the new one, else `not confirmed`, or `nothing claimed`. Of an honest claim about one in six
    may still fall outside, since the claim too is a mean over some episodes; `intervals_overlap`
    says whether the two intervals meet. `versions` are those of the environment and of the
    libraries now, `claimed_versions` those of the claim.
    """

    outcome: str
    digest: str
    algorithm: str
    env_id: str
    claimed_return: float | None
    claimed_ci95: tuple[float, float] | None
    claimed_versions: dict[str, str]
    mean_return: float
    ci95_return: tuple[float, float]
    intervals_overlap: bool | None
    episodes: int
    seed: int
    deterministic: bool
    versions: dict[str, str]
    verified: str
    """The time in UTC, as ISO 8601."""

    def to_json(self) -> dict[str, Any]:
        """Return all fields as plain data, every number finite."""
        return asdict(self)


def verify(
    agent: Bundle | Path | str,
    *,
    episodes: int = EPISODES,
    seed: int | None = None,
    progress: Callable[[int], object] | None = None,
) -> Verdict:
    """Hash the files of `agent`, let it play on new episodes, and judge its claimed mean return.

    `agent` is a bundle or a reference. It plays as the claim says it did, deterministically or
    not, from `seed`, by default another one than the claim's. The verdict is kept in the local
    hub, under the agent's digest. Raises `ZooError` where a file is damaged or the environment
    cannot be made.
    """
    bundle = agent if isinstance(agent, Bundle) else find(agent)
    bundle.verify()
    claim = bundle.evaluation or {}
    measured = evaluate(
        bundle,
        episodes=episodes,
        seed=_seed(claim) if seed is None else seed,
        deterministic=claim.get("deterministic") is not False,
        progress=progress,
    )
    verdict = _judge(bundle, claim, measured)
    keep_verdict(bundle.digest, verdict.to_json())
    return verdict


def _judge(bundle: Bundle, claim: dict[str, Any], measured: Evaluation) -> Verdict:
    claimed, bounds = claim.get("mean_return"), claim.get("ci95_return")
    low, high = measured.ci95_return
    outcome = UNCLAIMED
    if claimed is not None:
        outcome = CONFIRMED if low <= claimed <= high else REFUTED
    versions = claim.get("versions")
    return Verdict(
        outcome=outcome,
        digest=bundle.digest,
        algorithm=bundle.algorithm,
        env_id=bundle.env_id,
        claimed_return=claimed,
        claimed_ci95=None if bounds is None else (bounds[0], bounds[1]),
        claimed_versions=dict(versions) if isinstance(versions, dict) else {},
        mean_return=measured.mean_return,
        ci95_return=measured.ci95_return,
        intervals_overlap=None if bounds is None else bounds[0] <= high and low <= bounds[1],
        episodes=measured.episodes,
        seed=measured.seed,
        deterministic=measured.deterministic,
        versions=measured.versions,
        verified=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _seed(claim: dict[str, Any]) -> int:
    """Return a seed whose episodes are not those of the claim."""
    claimed = claim.get("seed")
    return _OTHER_EPISODES + (claimed if type(claimed) is int and 0 <= claimed < 2**30 else 0)

"""MuJoCo's capsules with the masses and inertias that they had before MuJoCo 2.1.1.

Until then a capsule weighed what a cylinder weighs that is as long as its straight part and
half a radius more at each end (https://mujoco.readthedocs.io/en/2.1.2/changelog.html). Agents
of the environments of version 2 and 3 learnt to move such bodies.
"""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np

from zoo.errors import ZooError


class OldCapsuleMasses(gym.Wrapper):
    """Change the model of a MuJoCo environment; its observations stay what they were."""

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        super().__init__(env)
        inner: Any = env.unwrapped
        if not (hasattr(inner, "model") and hasattr(inner, "data") and hasattr(inner, "fullpath")):
            raise ZooError(
                "the wrapper 'old-capsule-masses' is for Gymnasium's MuJoCo environments"
            )
        set_masses(inner.model, inner.data, inner.fullpath, capsule=old_capsule)


Solid = tuple[float, np.ndarray]
"""A solid's volume, and its principal moments of inertia (3,) for a mass of one."""


def old_capsule(size: np.ndarray) -> Solid:
    """Return a capsule of (radius, half length) as MuJoCo saw it before 2.1.1."""
    radius, half = size[:2]
    return _cylinder(np.array([radius, half + radius / 2]))


def new_capsule(size: np.ndarray) -> Solid:
    """Return a capsule as it is: a cylinder between two half spheres."""
    radius, half = size[:2]
    middle, ends = np.pi * radius**2 * 2 * half, 4 / 3 * np.pi * radius**3
    share = ends / (middle + ends)
    _, straight = _cylinder(size)
    sphere = 0.4 * radius**2
    across = sphere + half**2 + 3 / 4 * half * radius
    return middle + ends, (1 - share) * straight + share * np.array([across, across, sphere])


def set_masses(model: Any, data: Any, path: str, *, capsule: Any) -> None:
    """Give the bodies of a compiled model the masses that its geoms have by their densities.

    `path` is the model's XML file, `capsule` returns the `Solid` of a capsule by its size.
    Bodies without geoms, or with geoms of other kinds than simple solids, stay as they are.
    """
    import mujoco

    spec = mujoco.MjSpec.from_file(path)
    if len(spec.geoms) != model.ngeom:
        raise ZooError(f"the geoms of {path} are not those of the environment's model")
    kinds = mujoco.mjtGeom
    solids = {
        kinds.mjGEOM_SPHERE: _sphere,
        kinds.mjGEOM_CAPSULE: capsule,
        kinds.mjGEOM_CYLINDER: _cylinder,
        kinds.mjGEOM_BOX: _box,
        kinds.mjGEOM_ELLIPSOID: _ellipsoid,
    }
    for body in range(1, model.nbody):
        geoms = [g for g in range(model.ngeom) if model.geom_bodyid[g] == body]
        if geoms and all(kinds(model.geom_type[g]) in solids for g in geoms):
            parts = []
            for g in geoms:
                volume, moments = solids[kinds(model.geom_type[g])](model.geom_size[g])
                mass = spec.geoms[g].mass
                mass = volume * spec.geoms[g].density if np.isnan(mass) else mass
                parts.append((mass, mass * moments, model.geom_pos[g], model.geom_quat[g]))
            _set_body(model, body, parts)
    total = spec.compiler.settotalmass
    if total > 0:
        factor = total / model.body_mass.sum()
        model.body_mass *= factor
        model.body_inertia *= factor
    mujoco.mj_setConst(model, data)


def _set_body(model: Any, body: int, parts: list[tuple[Any, ...]]) -> None:
    """Set a body's mass, centre and principal moments to those of its parts together."""
    import mujoco

    mass = sum(part[0] for part in parts)
    centre = sum(part[0] * part[2] for part in parts) / mass
    inertia = np.zeros((3, 3))
    for part_mass, moments, position, quaternion in parts:
        flat = np.zeros(9)
        mujoco.mju_quat2Mat(flat, quaternion)
        turn = flat.reshape(3, 3)
        away = position - centre
        shifted = part_mass * (away @ away * np.eye(3) - np.outer(away, away))
        inertia += turn @ np.diag(moments) @ turn.T + shifted
    principal, axes = np.linalg.eigh(inertia)
    if np.linalg.det(axes) < 0:
        axes[:, 0] *= -1
    model.body_mass[body] = mass
    model.body_ipos[body] = centre
    model.body_inertia[body] = principal
    mujoco.mju_mat2Quat(model.body_iquat[body], np.ascontiguousarray(axes).ravel())


def _sphere(size: np.ndarray) -> Solid:
    radius = size[0]
    return 4 / 3 * np.pi * radius**3, np.full(3, 0.4 * radius**2)


def _cylinder(size: np.ndarray) -> Solid:
    radius, half = size[:2]
    across = (3 * radius**2 + (2 * half) ** 2) / 12
    return np.pi * radius**2 * 2 * half, np.array([across, across, radius**2 / 2])


def _box(size: np.ndarray) -> Solid:
    x, y, z = size**2
    return 8 * float(np.prod(size)), np.array([y + z, x + z, x + y]) / 3


def _ellipsoid(size: np.ndarray) -> Solid:
    x, y, z = size**2
    return 4 / 3 * np.pi * float(np.prod(size)), np.array([y + z, x + z, x + y]) / 5

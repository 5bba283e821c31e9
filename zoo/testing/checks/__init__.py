"""The checks: one small function each, whose docstring states the rule."""

from __future__ import annotations

from zoo.testing.check import Check
from zoo.testing.checks import acting, bundles, learning, plugin, resume, schedules, training

_QUICK = (
    plugin.light_hook_module,
    plugin.spec_is_true,
    plugin.config_round_trip,
    plugin.unknown_key_refused,
    plugin.unsupported_spaces_refused,
    acting.acts_in_space,
    acting.acts_within_masks,
    acting.deterministic_act,
    acting.agent_is_detached,
    training.reaches_an_update,
    training.determinism_by_seed,
    training.global_rng_untouched,
    training.progress_is_true,
    training.closes_early,
    resume.state_round_trip,
    resume.exact_resume,
    resume.resume_with_fresh_episodes,
    schedules.learning_rates_fall,
)
_DECISIONS = (
    learning.bootstraps_at_truncation,
    learning.bootstraps_from_final_observation,
    learning.stops_at_termination,
)
_BY_ACTION = {
    "box": learning.learns_box_actions,
    "discrete": learning.learns_discrete_actions,
    "multi-discrete": learning.learns_multi_discrete_actions,
    "multi-binary": learning.learns_multi_binary_actions,
}

CHECKS: dict[str, Check] = {
    check.name: check
    for check in (
        *(Check(function.__name__, function) for function in _QUICK),
        Check("bundle_round_trip", bundles.bundle_round_trip, slow=True),
        *(
            Check(function.__name__, function, slow=True, needs="environment")
            for function in _DECISIONS
        ),
        *(
            Check(function.__name__, function, slow=True, action=kind, needs="environment")
            for kind, function in _BY_ACTION.items()
        ),
        Check("learns_known_model", learning.learns_known_model, slow=True, needs="model"),
    )
}
"""Every check by name, in the order in which they run: from what is said to what is learnt."""

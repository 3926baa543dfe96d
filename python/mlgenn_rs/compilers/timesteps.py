"""Running of the timesteps of an example."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..utils.callback_list import CallbackList

if TYPE_CHECKING:
    from .compiled_network import CompiledNetwork


def run_timesteps(
    compiled_network: CompiledNetwork,
    num_timesteps: int,
    callback_list: CallbackList,
    wait: bool = True,
) -> None:
    """Run timesteps with callbacks; without waiting for a GPU that has done so, if wanted.

    The engine runs them all in one call if it can do itself what the callbacks do in every
    timestep; else they are run one by one.
    """
    genn_model = compiled_network.genn_model
    plan = callback_list.plan_timesteps(genn_model.timestep, num_timesteps)
    if plan is None:
        for _ in range(num_timesteps):
            compiled_network.step_time(callback_list)
    else:
        genn_model.run(num_timesteps, begin=plan.begin, end=plan.end, record=plan.record, wait=wait)
        plan.finish(genn_model.recorded)

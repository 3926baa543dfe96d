"""Average pooling followed by all-to-all connectivity, in one step."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine import SynapseMatrixType, create_var_init_snippet
from ..initializers import Wrapper
from ..utils.connectivity import (
    Param2D,
    get_pool_output,
    get_pool_params,
    get_pool_sizes,
    get_shape_3d,
    update_target_shape,
)
from ..utils.snippet import ConnectivitySnippet
from ..utils.value import InitValue, is_value_array, is_value_constant
from .connectivity import Connectivity

if TYPE_CHECKING:
    from ..connection import Connection
    from ..population import Population

avg_pool_dense_2d = create_var_init_snippet(
    "AvgPoolDense2D",
    params=[
        (name, "int")
        for name in (
            *("pool_kh", "pool_kw", "pool_sh", "pool_sw"),
            *("pool_iw", "pool_ic", "pool_oh", "pool_ow"),
        )
    ],
    extra_global_params=[("weight", "scalar*")],
    var_init_code="""
        const int pre = (int)id_pre;
        const int inRow = (pre / pool_ic) / pool_iw;
        const int inCol = (pre / pool_ic) % pool_iw;
        const int poolRow = inRow / pool_sh;
        const int poolCol = inCol / pool_sw;
        const bool inWindow = (inRow - (poolRow * pool_sh)) < pool_kh
            && (inCol - (poolCol * pool_sw)) < pool_kw;
        if (inWindow && poolRow < pool_oh && poolCol < pool_ow) {
            const int pool = (((poolRow * pool_ow) + poolCol) * pool_ic) + (pre % pool_ic);
            value = weight[((unsigned int)pool * num_post) + id_post];
        }
        else {
            value = 0.0;
        }
        """,
)
"""Gives a pixel the weight of its pool, and 0 to pixels outside of pools."""


class AvgPoolDense2D(Connectivity):
    """Average pooling of a population (height, width, channels), connected all-to-all.

    Parameters
    ----------
    weight
        Number or array (pool outputs, targets), before division by the size of the pool.
    pool_size
        Height and width of the pools; an integer or a pair.
    pool_strides
        Vertical and horizontal strides of pooling, at least the size (default).
    delay
        Timesteps: an integer, an initialiser, or an array (sources, targets).

    Attributes
    ----------
    pool_output_shape
        Shape after pooling; ``None`` before the connection is made.

    Raises
    ------
    NotImplementedError
        If strides are smaller than pools.
    """

    def __init__(
        self,
        weight: InitValue,
        pool_size: Param2D,
        pool_strides: Param2D = None,
        delay: InitValue = 0,
    ) -> None:
        # Weights are per pool and delays per source, so the shapes of arrays differ.
        super().__init__(weight, 0)
        self.delay = delay
        self.pool_size, self.pool_strides = get_pool_sizes(
            "AvgPoolDense2D", pool_size, pool_strides
        )
        self.pool_output_shape: tuple[int, int, int] | None = None

    def connect(self, source: Population, target: Population) -> None:
        """Check or infer the target's shape from an array of weights.

        Raises
        ------
        NotImplementedError
            If the array is not 2-D.
        RuntimeError
            If its shape does not fit.
        """
        height, width, channels = get_shape_3d("AvgPoolDense2D", source)
        pooled = get_pool_output((height, width), self.pool_size, self.pool_strides)
        self.pool_output_shape = (*pooled, channels)
        if not is_value_array(self.weight):
            return
        if self.weight.ndim != 2:
            raise NotImplementedError(
                f"AvgPoolDense2D: an array of weights must have the shape (pool outputs, "
                f"targets), got {self.weight.shape}"
            )
        update_target_shape(target, (self.weight.shape[1],), False)
        num_pools = prod(self.pool_output_shape)
        if self.weight.shape[0] != num_pools:
            raise RuntimeError(
                f"AvgPoolDense2D: pooling gives {self.pool_output_shape}, so weights must have "
                f"{num_pools} rows, got {self.weight.shape[0]}"
            )

    def get_snippet(
        self, connection: Connection, supported_matrix_type: Any
    ) -> ConnectivitySnippet:
        """Return how the connection is stored: DENSE or DENSE_PROCEDURALG."""
        assert self.pool_output_shape is not None
        source: Any = connection.source()
        target: Any = connection.target()
        num_pools, num_post = prod(self.pool_output_shape), prod(target.shape)
        num_synapses = prod(source.shape) * num_post
        weight = self.weight
        options = [SynapseMatrixType.DENSE]
        # Flat weights with one element per synapse come from the checkpoint of a trained network.
        if not (np.ndim(weight) == 1 and np.size(weight) == num_synapses):
            options.append(SynapseMatrixType.DENSE_PROCEDURALG)
            weight = self._expand(source, (num_pools, num_post))
        return ConnectivitySnippet(
            None, self._get_best(supported_matrix_type, options), weight, self.delay
        )

    def _expand(self, source: Population, shape: tuple[int, int]) -> Wrapper:
        """Return an initialiser that spreads the weights of pools over their pixels."""
        assert self.pool_output_shape is not None
        scale = 1.0 / (self.pool_size[0] * self.pool_size[1])
        if is_value_constant(self.weight):
            pooled = np.full(shape, self.weight * scale, dtype=np.float32)
        elif is_value_array(self.weight) and np.size(self.weight) == prod(shape):
            pooled = (self.weight * scale).astype(np.float32)
        else:
            given = np.shape(self.weight) if is_value_array(self.weight) else repr(self.weight)
            raise NotImplementedError(
                f"AvgPoolDense2D: weights must be a number or an array of the shape {shape}, "
                f"got {given}"
            )
        _, width, channels = get_shape_3d("AvgPoolDense2D", source)
        params = {
            **get_pool_params(self.pool_size, self.pool_strides),
            "pool_iw": width,
            "pool_ic": channels,
            "pool_oh": self.pool_output_shape[0],
            "pool_ow": self.pool_output_shape[1],
        }
        return Wrapper(avg_pool_dense_2d, params, {"weight": pooled.flatten()})

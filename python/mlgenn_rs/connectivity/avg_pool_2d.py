"""Average pooling."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..engine import (
    SynapseMatrixType,
    create_sparse_connect_init_snippet,
    init_sparse_connectivity,
)
from ..utils.connectivity import (
    Param2D,
    get_pool_output,
    get_pool_params,
    get_pool_sizes,
    get_shape_3d,
    update_target_shape,
)
from ..utils.snippet import ConnectivitySnippet
from ..utils.value import InitValue, is_value_constant
from .connectivity import Connectivity

if TYPE_CHECKING:
    from ..connection import Connection
    from ..population import Population

avg_pool_2d = create_sparse_connect_init_snippet(
    "AvgPool2D",
    params=[
        (name, "int")
        for name in (
            *("pool_kh", "pool_kw", "pool_sh", "pool_sw"),
            *("pool_iw", "pool_ic", "pool_oh", "pool_ow"),
        )
    ],
    row_build_code="""
        const int pre = (int)id_pre;
        const int inRow = (pre / pool_ic) / pool_iw;
        const int inCol = (pre / pool_ic) % pool_iw;
        const int poolRow = inRow / pool_sh;
        const int poolCol = inCol / pool_sw;
        const bool inWindow = (inRow - (poolRow * pool_sh)) < pool_kh
            && (inCol - (poolCol * pool_sw)) < pool_kw;
        if (inWindow && poolRow < pool_oh && poolCol < pool_ow) {
            addSynapse((((poolRow * pool_ow) + poolCol) * pool_ic) + (pre % pool_ic));
        }
        """,
    calc_max_row_len_func=lambda num_pre, num_post, pars: 1,
    calc_max_col_len_func=lambda num_pre, num_post, pars: int(pars["pool_kh"] * pars["pool_kw"]),
)
"""Connects one input pixel and channel to its pool, if it lies in one."""


class AvgPool2D(Connectivity):
    """Average pooling of a population of the shape (height, width, channels).

    The weights, one over the size of the pool, are not trained.

    Parameters
    ----------
    pool_size
        Height and width of the pools; an integer or a pair.
    flatten
        Whether the target is 1-D.
    pool_strides
        Vertical and horizontal strides, at least the size (default).
    delay
        Timesteps; an integer.

    Attributes
    ----------
    output_shape
        (height, width, channels) of the output; ``None`` before the connection is made.

    Raises
    ------
    NotImplementedError
        If strides are smaller than pools, or delays differ between synapses.
    """

    def __init__(
        self,
        pool_size: Param2D,
        flatten: bool = False,
        pool_strides: Param2D = None,
        delay: InitValue = 0,
    ) -> None:
        self.pool_size, self.pool_strides = get_pool_sizes("AvgPool2D", pool_size, pool_strides)
        super().__init__(1.0 / (self.pool_size[0] * self.pool_size[1]), delay)
        if not is_value_constant(self.delay):
            raise NotImplementedError("AvgPool2D: delays must be the same for all synapses")
        self.flatten = flatten
        self.output_shape: tuple[int, int, int] | None = None

    def connect(self, source: Population, target: Population) -> None:
        """Give the target the shape of the output, or check that it has it."""
        height, width, channels = get_shape_3d("AvgPool2D", source)
        size = get_pool_output((height, width), self.pool_size, self.pool_strides)
        self.output_shape = (*size, channels)
        update_target_shape(target, self.output_shape, self.flatten)

    def get_snippet(
        self, connection: Connection, supported_matrix_type: Any
    ) -> ConnectivitySnippet:
        """Return how the connection is stored: SPARSE or PROCEDURAL; not trainable."""
        assert self.output_shape is not None
        best = self._get_best(
            supported_matrix_type, [SynapseMatrixType.SPARSE, SynapseMatrixType.PROCEDURAL]
        )
        source: Any = connection.source()
        _, width, channels = get_shape_3d("AvgPool2D", source)
        params = {
            **get_pool_params(self.pool_size, self.pool_strides),
            "pool_iw": width,
            "pool_ic": channels,
            "pool_oh": self.output_shape[0],
            "pool_ow": self.output_shape[1],
        }
        return ConnectivitySnippet(
            init_sparse_connectivity(avg_pool_2d, params),
            best,
            self.weight,
            self.delay,
            trainable=False,
        )

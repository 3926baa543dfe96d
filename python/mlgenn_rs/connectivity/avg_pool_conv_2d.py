"""Average pooling followed by a convolution, in one step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..engine import (
    SynapseMatrixType,
    create_sparse_connect_init_snippet,
    init_sparse_connectivity,
    init_toeplitz_connectivity,
)
from ..utils.checks import check_count
from ..utils.connectivity import (
    PadMode,
    Param2D,
    check_kernel_shape,
    expand_kernel,
    get_conv_output,
    get_conv_padding,
    get_param_2d,
    get_pool_output,
    get_pool_params,
    get_pool_sizes,
    get_shape_3d,
    scale_weight,
    update_target_shape,
)
from ..utils.snippet import ConnectivitySnippet
from ..utils.value import InitValue
from .connectivity import Connectivity

if TYPE_CHECKING:
    from ..connection import Connection
    from ..population import Population

avg_pool_conv_2d = create_sparse_connect_init_snippet(
    "AvgPoolConv2D",
    params=[
        (name, "int")
        for name in (
            *("pool_kh", "pool_kw", "pool_sh", "pool_sw", "pool_iw", "pool_ic"),
            *("pool_oh", "pool_ow", "conv_kh", "conv_kw", "conv_padh", "conv_padw"),
            *("conv_oh", "conv_ow", "conv_oc"),
        )
    ],
    row_build_code="""
        const int pre = (int)id_pre;
        const int inChan = pre % pool_ic;
        const int inRow = (pre / pool_ic) / pool_iw;
        const int inCol = (pre / pool_ic) % pool_iw;
        const int poolRow = inRow / pool_sh;
        const int poolCol = inCol / pool_sw;
        const bool inWindow = (inRow - (poolRow * pool_sh)) < pool_kh
            && (inCol - (poolCol * pool_sw)) < pool_kw;
        if (inWindow && poolRow < pool_oh && poolCol < pool_ow) {
            const int lastRow = min(conv_oh - 1, poolRow + conv_padh);
            const int lastCol = min(conv_ow - 1, poolCol + conv_padw);
            for (int outRow = max(0, poolRow + conv_padh - conv_kh + 1); outRow <= lastRow; outRow++) {
                const int kernRow = poolRow + conv_padh - outRow;
                for (int outCol = max(0, poolCol + conv_padw - conv_kw + 1); outCol <= lastCol; outCol++) {
                    const int kernCol = poolCol + conv_padw - outCol;
                    for (int outChan = 0; outChan < conv_oc; outChan++) {
                        addSynapse((((outRow * conv_ow) + outCol) * conv_oc) + outChan,
                                   kernRow, kernCol, inChan, outChan);
                    }
                }
            }
        }
        """,  # noqa: E501
    calc_max_row_len_func=lambda num_pre, num_post, pars: int(
        pars["conv_kh"] * pars["conv_kw"] * pars["conv_oc"]
    ),
    calc_kernel_size_func=lambda pars: [
        int(pars["conv_kh"]),
        int(pars["conv_kw"]),
        int(pars["pool_ic"]),
        int(pars["conv_oc"]),
    ],
)
"""Adds the synapses of one input pixel and channel."""


class AvgPoolConv2D(Connectivity):
    """Average pooling and convolution of a population of the shape (height, width, channels).

    Parameters
    ----------
    weight
        Number, :class:`Normal`, :class:`Uniform` or array (kernel height, kernel width, input
        channels, filters), before division by the size of the pool.
    filters
        Number of output channels.
    pool_size
        Height and width of the pools; an integer or a pair.
    conv_size
        Height and width of the kernel; an integer or a pair.
    flatten
        Whether the target is 1-D.
    pool_strides
        Vertical and horizontal strides of pooling, at least the size (default).
    conv_strides
        Strides of the convolution; must be 1.
    conv_padding
        ``"valid"`` or ``"same"``.
    delay
        Timesteps: an integer, an initialiser or an array like ``weight``.

    Attributes
    ----------
    pool_output_shape, output_shape
        Shapes after pooling and after the convolution; ``None`` before the connection is made.

    Raises
    ------
    NotImplementedError
        If pooling strides are smaller than pools, or convolution strides not 1.
    """

    def __init__(
        self,
        weight: InitValue,
        filters: int,
        pool_size: Param2D,
        conv_size: Param2D,
        flatten: bool = False,
        pool_strides: Param2D = None,
        conv_strides: Param2D = None,
        conv_padding: str = "valid",
        delay: InitValue = 0,
    ) -> None:
        super().__init__(weight, delay)
        self.filters = check_count(filters, "AvgPoolConv2D: filters")
        self.pool_size, self.pool_strides = get_pool_sizes("AvgPoolConv2D", pool_size, pool_strides)
        self.conv_size = get_param_2d("conv_size", conv_size)
        self.flatten = flatten
        self.conv_strides = get_param_2d("conv_strides", conv_strides, default=(1, 1))
        self.conv_padding = PadMode(conv_padding)
        self.pool_output_shape: tuple[int, int, int] | None = None
        self.output_shape: tuple[int, int, int] | None = None
        if self.conv_strides != (1, 1):
            raise NotImplementedError("AvgPoolConv2D: strides of the convolution must be 1")

    def connect(self, source: Population, target: Population) -> None:
        """Give the target the shape of the output, or check it, and check the kernel's shape."""
        height, width, channels = get_shape_3d("AvgPoolConv2D", source)
        pooled = get_pool_output((height, width), self.pool_size, self.pool_strides)
        self.pool_output_shape = (*pooled, channels)
        size = get_conv_output(pooled, self.conv_size, self.conv_strides, self.conv_padding)
        self.output_shape = (*size, self.filters)
        update_target_shape(target, self.output_shape, self.flatten)
        kernel_shape = (*self.conv_size, channels, self.filters)
        check_kernel_shape("AvgPoolConv2D", self.weight, kernel_shape)
        check_kernel_shape("AvgPoolConv2D (delay)", self.delay, kernel_shape)

    def get_snippet(
        self, connection: Connection, supported_matrix_type: Any
    ) -> ConnectivitySnippet:
        """Return how the connection is stored: SPARSE, PROCEDURAL_KERNELG or TOEPLITZ.

        TOEPLITZ cannot express the padding of even kernels in "same" mode.
        """
        assert self.output_shape is not None and self.pool_output_shape is not None
        source: Any = connection.source()
        ih, iw, ic = get_shape_3d("AvgPoolConv2D", source)
        kh, kw = self.conv_size
        oh, ow, oc = self.output_shape
        options = [SynapseMatrixType.SPARSE, SynapseMatrixType.PROCEDURAL_KERNELG]
        odd = kh % 2 == 1 and kw % 2 == 1
        if odd or self.conv_padding is PadMode.VALID:
            options.append(SynapseMatrixType.TOEPLITZ)
        best = self._get_best(supported_matrix_type, options)

        params = {
            **get_pool_params(self.pool_size, self.pool_strides),
            "pool_iw": iw,
            "pool_ic": ic,
            "conv_kh": kh,
            "conv_kw": kw,
            "conv_oh": oh,
            "conv_ow": ow,
            "conv_oc": oc,
        }
        if best == SynapseMatrixType.TOEPLITZ:
            snippet: Any = init_toeplitz_connectivity("AvgPoolConv2D", {**params, "pool_ih": ih})
        else:
            pooled = self.pool_output_shape[:2]
            padding = get_conv_padding(pooled, self.conv_size, self.conv_strides, self.conv_padding)
            params |= {
                "pool_oh": pooled[0],
                "pool_ow": pooled[1],
                "conv_padh": padding[0],
                "conv_padw": padding[1],
            }
            snippet = init_sparse_connectivity(avg_pool_conv_2d, params)

        weight = scale_weight(
            "AvgPoolConv2D", self.weight, 1.0 / (self.pool_size[0] * self.pool_size[1])
        )
        shared = best != SynapseMatrixType.SPARSE
        kernel_shape = (kh, kw, ic, oc)
        return ConnectivitySnippet(
            snippet,
            best,
            expand_kernel("AvgPoolConv2D", weight, kernel_shape, shared),
            expand_kernel("AvgPoolConv2D", self.delay, kernel_shape, shared, "delay"),
        )

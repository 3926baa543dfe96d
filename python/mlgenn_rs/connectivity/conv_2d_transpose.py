"""Two-dimensional transposed convolution."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..engine import (
    SynapseMatrixType,
    create_sparse_connect_init_snippet,
    init_sparse_connectivity,
)
from ..utils.checks import check_count
from ..utils.connectivity import (
    PadMode,
    Param2D,
    check_kernel_shape,
    expand_kernel,
    get_conv_padding,
    get_param_2d,
    get_shape_3d,
    update_target_shape,
)
from ..utils.snippet import ConnectivitySnippet
from ..utils.value import InitValue
from .connectivity import Connectivity

if TYPE_CHECKING:
    from ..connection import Connection
    from ..population import Population

_SIZES = ("kh", "kw", "sh", "sw", "padh", "padw", "iw", "ic", "oh", "ow", "oc")

conv_2d_transpose = create_sparse_connect_init_snippet(
    "Conv2DTranspose",
    params=[(f"conv_{size}", "int") for size in _SIZES],
    row_build_code="""
        const int pre = (int)id_pre;
        const int inChan = pre % conv_ic;
        const int firstRow = (((pre / conv_ic) / conv_iw) * conv_sh) - conv_padh;
        const int firstCol = (((pre / conv_ic) % conv_iw) * conv_sw) - conv_padw;
        for (int kernRow = max(0, -firstRow); kernRow < min(conv_kh, conv_oh - firstRow); kernRow++) {
            for (int kernCol = max(0, -firstCol); kernCol < min(conv_kw, conv_ow - firstCol); kernCol++) {
                for (int outChan = 0; outChan < conv_oc; outChan++) {
                    const int outPixel = ((firstRow + kernRow) * conv_ow) + firstCol + kernCol;
                    addSynapse((outPixel * conv_oc) + outChan, kernRow, kernCol, outChan, inChan);
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
        int(pars["conv_oc"]),
        int(pars["conv_ic"]),
    ],
)
"""Adds the synapses of one input pixel and channel."""


class Conv2DTranspose(Connectivity):
    """Transposed convolution of a population of the shape (height, width, channels).

    Parameters
    ----------
    weight
        Number, initialiser or array (kernel height, kernel width, filters, input channels).
    filters
        Number of output channels.
    conv_size
        Height and width of the kernel; an integer or a pair.
    flatten
        Whether the target is 1-D.
    conv_strides
        Vertical and horizontal strides; an integer or a pair, 1 by default.
    conv_padding
        ``"valid"`` or ``"same"``: then the output is as large as the input times the strides.
    delay
        Timesteps: an integer, an initialiser or an array like ``weight``.

    Attributes
    ----------
    output_shape
        (height, width, filters) of the output; ``None`` before the connection is made.
    """

    def __init__(
        self,
        weight: InitValue,
        filters: int,
        conv_size: Param2D,
        flatten: bool = False,
        conv_strides: Param2D = None,
        conv_padding: str = "valid",
        delay: InitValue = 0,
    ) -> None:
        super().__init__(weight, delay)
        self.filters = check_count(filters, "Conv2DTranspose: filters")
        self.conv_size = get_param_2d("conv_size", conv_size)
        self.flatten = flatten
        self.conv_strides = get_param_2d("conv_strides", conv_strides, default=(1, 1))
        self.conv_padding = PadMode(conv_padding)
        self.output_shape: tuple[int, int, int] | None = None

    def connect(self, source: Population, target: Population) -> None:
        """Give the target the shape of the output, or check it, and check the kernel's shape."""
        height, width, channels = get_shape_3d("Conv2DTranspose", source)
        (kh, kw), (sh, sw) = self.conv_size, self.conv_strides
        if self.conv_padding is PadMode.SAME:
            self.output_shape = (height * sh, width * sw, self.filters)
        else:
            self.output_shape = (
                height * sh + max(kh - sh, 0),
                width * sw + max(kw - sw, 0),
                self.filters,
            )
        update_target_shape(target, self.output_shape, self.flatten)
        kernel_shape = (kh, kw, self.filters, channels)
        check_kernel_shape("Conv2DTranspose", self.weight, kernel_shape)
        check_kernel_shape("Conv2DTranspose (delay)", self.delay, kernel_shape)

    def get_snippet(
        self, connection: Connection, supported_matrix_type: Any
    ) -> ConnectivitySnippet:
        """Return how the connection is stored: SPARSE or PROCEDURAL_KERNELG."""
        assert self.output_shape is not None
        best = self._get_best(
            supported_matrix_type,
            [SynapseMatrixType.SPARSE, SynapseMatrixType.PROCEDURAL_KERNELG],
        )
        source: Any = connection.source()
        ih, iw, ic = get_shape_3d("Conv2DTranspose", source)
        (kh, kw), (sh, sw) = self.conv_size, self.conv_strides
        padh, padw = get_conv_padding((ih, iw), (kh, kw), (sh, sw), self.conv_padding)
        oh, ow, oc = self.output_shape
        values = (kh, kw, sh, sw, padh, padw, iw, ic, oh, ow, oc)
        params = {f"conv_{size}": value for size, value in zip(_SIZES, values, strict=True)}
        shared = best != SynapseMatrixType.SPARSE
        kernel_shape = (kh, kw, oc, ic)
        return ConnectivitySnippet(
            init_sparse_connectivity(conv_2d_transpose, params),
            best,
            expand_kernel("Conv2DTranspose", self.weight, kernel_shape, shared),
            expand_kernel("Conv2DTranspose", self.delay, kernel_shape, shared, "delay"),
        )

"""Two-dimensional convolution."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..engine import (
    SynapseMatrixType,
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
    get_shape_3d,
    update_target_shape,
)
from ..utils.snippet import ConnectivitySnippet
from ..utils.value import InitValue
from .connectivity import Connectivity

if TYPE_CHECKING:
    from ..connection import Connection
    from ..population import Population


class Conv2D(Connectivity):
    """Two-dimensional convolution of a population of the shape (height, width, channels).

    The kernel is not flipped, as usual in machine learning.

    Parameters
    ----------
    weight
        Number, initialiser or array (kernel height, kernel width, input channels, filters).
    filters
        Number of output channels.
    conv_size
        Height and width of the kernel; an integer or a pair.
    flatten
        Whether the target is 1-D.
    conv_strides
        Vertical and horizontal strides; an integer or a pair, 1 by default.
    conv_padding
        ``"valid"`` or ``"same"``; an odd amount of padding is completed at the bottom and right.
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
        self.filters = check_count(filters, "Conv2D: filters")
        self.conv_size = get_param_2d("conv_size", conv_size)
        self.flatten = flatten
        self.conv_strides = get_param_2d("conv_strides", conv_strides, default=(1, 1))
        self.conv_padding = PadMode(conv_padding)
        self.output_shape: tuple[int, int, int] | None = None

    def connect(self, source: Population, target: Population) -> None:
        """Give the target the shape of the output, or check it, and check the kernel's shape."""
        height, width, channels = get_shape_3d("Conv2D", source)
        size = get_conv_output(
            (height, width), self.conv_size, self.conv_strides, self.conv_padding
        )
        self.output_shape = (*size, self.filters)
        update_target_shape(target, self.output_shape, self.flatten)
        kernel_shape = (*self.conv_size, channels, self.filters)
        check_kernel_shape("Conv2D", self.weight, kernel_shape)
        check_kernel_shape("Conv2D (delay)", self.delay, kernel_shape)

    def get_snippet(
        self, connection: Connection, supported_matrix_type: Any
    ) -> ConnectivitySnippet:
        """Return how the connection is stored: SPARSE, PROCEDURAL_KERNELG or TOEPLITZ.

        TOEPLITZ needs stride 1 and cannot express the padding of even kernels in "same" mode.
        """
        assert self.output_shape is not None
        source: Any = connection.source()
        ih, iw, ic = get_shape_3d("Conv2D", source)
        kh, kw = self.conv_size
        sh, sw = self.conv_strides
        oh, ow, oc = self.output_shape
        options = [SynapseMatrixType.SPARSE, SynapseMatrixType.PROCEDURAL_KERNELG]
        odd = kh % 2 == 1 and kw % 2 == 1
        if self.conv_strides == (1, 1) and (odd or self.conv_padding is PadMode.VALID):
            options.append(SynapseMatrixType.TOEPLITZ)
        best = self._get_best(supported_matrix_type, options)

        params = {
            "conv_kh": kh,
            "conv_kw": kw,
            "conv_ih": ih,
            "conv_iw": iw,
            "conv_ic": ic,
            "conv_oh": oh,
            "conv_ow": ow,
            "conv_oc": oc,
        }
        if best == SynapseMatrixType.TOEPLITZ:
            snippet: Any = init_toeplitz_connectivity("Conv2D", params)
        else:
            padding = get_conv_padding(
                (ih, iw), self.conv_size, self.conv_strides, self.conv_padding
            )
            params |= {
                "conv_sh": sh,
                "conv_sw": sw,
                "conv_padh": padding[0],
                "conv_padw": padding[1],
            }
            snippet = init_sparse_connectivity("Conv2D", params)
        shared = best != SynapseMatrixType.SPARSE
        kernel_shape = (kh, kw, ic, oc)
        return ConnectivitySnippet(
            snippet,
            best,
            expand_kernel("Conv2D", self.weight, kernel_shape, shared),
            expand_kernel("Conv2D", self.delay, kernel_shape, shared, "delay"),
        )

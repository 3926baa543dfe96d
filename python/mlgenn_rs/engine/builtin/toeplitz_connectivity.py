"""Built-in snippets that compute Toeplitz connectivity."""

from __future__ import annotations

from typing import Any

from ..snippets import ToeplitzConnectInitSnippet, create_toeplitz_connect_init_snippet


def _num_diagonals(num_pre: int, num_post: int, pars: Any) -> float:
    return float(pars["conv_kh"] * pars["conv_kw"] * pars["conv_oc"])


_DIAGONAL = """
    const int kernRow = ((int)id_diag / conv_oc) / conv_kw;
    const int kernCol = ((int)id_diag / conv_oc) % conv_kw;
    const int outChan = (int)id_diag % conv_oc;
    const int flipRow = conv_kh - 1 - kernRow;
    const int flipCol = conv_kw - 1 - kernCol;
    """
"""Position in the kernel and output channel of a diagonal."""

_DELIVER = """
        const int outRow = inRow + rowShift;
        const int outCol = inCol + colShift;
        if(outRow >= 0 && outRow < conv_oh && outCol >= 0 && outCol < conv_ow) {
            addSynapse((((outRow * conv_ow) + outCol) * conv_oc) + outChan,
                       flipRow, flipCol, inChan, outChan);
        }
    """
"""Delivers one synapse of a diagonal if it stays inside the output."""

_CONV_2D = create_toeplitz_connect_init_snippet(
    "Conv2D",
    params=[(f"conv_{name}", "int") for name in ("kh", "kw", "ih", "iw", "ic", "oh", "ow", "oc")],
    diagonal_build_code=_DIAGONAL
    + """
    const int rowShift = kernRow - ((conv_ih + conv_kh - 1 - conv_oh) / 2);
    const int colShift = kernCol - ((conv_iw + conv_kw - 1 - conv_ow) / 2);
    for_each_synapse {
        const int inChan = (int)id_pre % conv_ic;
        const int inRow = ((int)id_pre / conv_ic) / conv_iw;
        const int inCol = ((int)id_pre / conv_ic) % conv_iw;
    """
    + _DELIVER
    + "}",
    calc_max_row_len_func=_num_diagonals,
    calc_kernel_size_func=lambda pars: [
        pars["conv_kh"],
        pars["conv_kw"],
        pars["conv_ic"],
        pars["conv_oc"],
    ],
)

_AVG_POOL_CONV_2D = create_toeplitz_connect_init_snippet(
    "AvgPoolConv2D",
    params=[
        (name, "int")
        for name in (
            "conv_kh",
            "conv_kw",
            "pool_kh",
            "pool_kw",
            "pool_sh",
            "pool_sw",
            "pool_ih",
            "pool_iw",
            "pool_ic",
            "conv_oh",
            "conv_ow",
            "conv_oc",
        )
    ],
    derived_params=[
        ("conv_ih", lambda pars, dt: _pooled_size(pars, "h"), "int"),
        ("conv_iw", lambda pars, dt: _pooled_size(pars, "w"), "int"),
    ],
    diagonal_build_code=_DIAGONAL
    + """
    const int rowShift = kernRow - ((conv_ih + conv_kh - 1 - conv_oh) / 2);
    const int colShift = kernCol - ((conv_iw + conv_kw - 1 - conv_ow) / 2);
    for_each_synapse {
        const int inChan = (int)id_pre % pool_ic;
        const int poolRow = ((int)id_pre / pool_ic) / pool_iw;
        const int poolCol = ((int)id_pre / pool_ic) % pool_iw;
        const int inRow = poolRow / pool_sh;
        const int inCol = poolCol / pool_sw;
        if(inRow < conv_ih && poolRow < (inRow * pool_sh) + pool_kh
           && inCol < conv_iw && poolCol < (inCol * pool_sw) + pool_kw) {
    """
    + _DELIVER
    + "}}",
    calc_max_row_len_func=_num_diagonals,
    calc_kernel_size_func=lambda pars: [
        pars["conv_kh"],
        pars["conv_kw"],
        pars["pool_ic"],
        pars["conv_oc"],
    ],
)


def _pooled_size(pars: Any, axis: str) -> float:
    """Return the size of the pooled input along one axis."""
    covered = int(pars[f"pool_i{axis}"]) - int(pars[f"pool_k{axis}"]) + 1
    return float(-(-covered // int(pars[f"pool_s{axis}"])))


TOEPLITZ_CONNECT_SNIPPETS: dict[str, ToeplitzConnectInitSnippet] = {
    snippet.name: snippet for snippet in (_CONV_2D, _AVG_POOL_CONV_2D)
}
"""Built-in snippets for Toeplitz connectivity by name."""

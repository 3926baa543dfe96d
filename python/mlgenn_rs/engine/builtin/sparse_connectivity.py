"""Built-in snippets that build sparse connectivity."""

from __future__ import annotations

from math import ceil, log1p
from typing import Any

from ..snippets import SparseConnectInitSnippet, create_sparse_connect_init_snippet
from .binomial import longest_of

_CONV_SIZES = [
    (f"conv_{name}", "int")
    for name in ("kh", "kw", "sh", "sw", "padh", "padw", "ih", "iw", "ic", "oh", "ow", "oc")
]

_ORDERED_TARGETS = """
    scalar x = 0.0;
    for(unsigned int c = rowLength; c > 0; c--) {
        x += (1.0 - x) * (1.0 - pow(gennrand_uniform(), 1.0 / (scalar)c));
        const unsigned int target = (unsigned int)(x * num_post);
        addSynapse((target < num_post) ? target : (num_post - 1));
    }
    """
"""Adds ``rowLength`` targets, drawn with replacement, in ascending order."""


def _log_complement(pars: Any, dt: float) -> float:
    """Return 1 / log(1 - prob), the factor that turns log(u) into a gap between synapses."""
    prob = pars["prob"]
    if prob <= 0.0 or prob >= 1.0:
        return 0.0
    return 1.0 / log1p(-prob)


def _fixed_probability(name: str, skip_autapse: str) -> SparseConnectInitSnippet:
    return create_sparse_connect_init_snippet(
        name,
        params=["prob"],
        derived_params=[("probLogRecip", _log_complement)],
        row_build_code=f"""
    if(prob > 0.0) {{
        unsigned int j = 0;
        while(true) {{
            const scalar gap = floor(log(gennrand_uniform()) * probLogRecip);
            if(gap >= num_post - j) {{
                break;
            }}
            j += (unsigned int)gap;
            {skip_autapse}
            addSynapse(j);
            j++;
        }}
    }}
    """,
        calc_max_row_len_func=lambda num_pre, num_post, pars: longest_of(
            num_pre, num_post, pars["prob"]
        ),
        calc_max_col_len_func=lambda num_pre, num_post, pars: longest_of(
            num_post, num_pre, pars["prob"]
        ),
    )


_ONE_TO_ONE = create_sparse_connect_init_snippet(
    "OneToOne",
    row_build_code="""
    if(id_pre < num_post) {
        addSynapse(id_pre);
    }
    """,
    calc_max_row_len_func=lambda num_pre, num_post, pars: 1,
    calc_max_col_len_func=lambda num_pre, num_post, pars: 1,
)

_FIXED_NUMBER_POST = create_sparse_connect_init_snippet(
    "FixedNumberPostWithReplacement",
    params=[("num", "unsigned int")],
    row_build_code="const unsigned int rowLength = num;" + _ORDERED_TARGETS,
    calc_max_row_len_func=lambda num_pre, num_post, pars: pars["num"],
    calc_max_col_len_func=lambda num_pre, num_post, pars: longest_of(
        num_post, int(pars["num"]) * num_pre, 1.0 / num_post
    ),
)

_FIXED_NUMBER_TOTAL = create_sparse_connect_init_snippet(
    "FixedNumberTotalWithReplacement",
    params=[("num", "unsigned int")],
    extra_global_params=[("preCalcRowLength", "uint32_t*")],
    row_build_code="const unsigned int rowLength = preCalcRowLength[id_pre];" + _ORDERED_TARGETS,
    calc_max_row_len_func=lambda num_pre, num_post, pars: longest_of(
        num_pre, int(pars["num"]), 1.0 / num_pre
    ),
    calc_max_col_len_func=lambda num_pre, num_post, pars: longest_of(
        num_post, int(pars["num"]), 1.0 / num_post
    ),
)

_FIXED_NUMBER_PRE = create_sparse_connect_init_snippet(
    "FixedNumberPreWithReplacement",
    params=[("num", "unsigned int")],
    col_build_code="""
    for(unsigned int c = 0; c < num; c++) {
        const unsigned int source = (unsigned int)(gennrand_uniform() * num_pre);
        addSynapse((source < num_pre) ? source : (num_pre - 1));
    }
    """,
    calc_max_row_len_func=lambda num_pre, num_post, pars: longest_of(
        num_pre, int(pars["num"]) * num_post, 1.0 / num_pre
    ),
    calc_max_col_len_func=lambda num_pre, num_post, pars: pars["num"],
)

_CONV_2D = create_sparse_connect_init_snippet(
    "Conv2D",
    params=_CONV_SIZES,
    row_build_code="""
    const int inChan = (int)id_pre % conv_ic;
    const int bottom = (((int)id_pre / conv_ic) / conv_iw) + conv_padh;
    const int right = (((int)id_pre / conv_ic) % conv_iw) + conv_padw;
    const int firstRow = (bottom < conv_kh) ? 0 : ((bottom - conv_kh) / conv_sh) + 1;
    const int firstCol = (right < conv_kw) ? 0 : ((right - conv_kw) / conv_sw) + 1;
    for(int outRow = firstRow; outRow < conv_oh && outRow * conv_sh <= bottom; outRow++) {
        const int kernRow = bottom - (outRow * conv_sh);
        for(int outCol = firstCol; outCol < conv_ow && outCol * conv_sw <= right; outCol++) {
            const int kernCol = right - (outCol * conv_sw);
            for(int outChan = 0; outChan < conv_oc; outChan++) {
                addSynapse((((outRow * conv_ow) + outCol) * conv_oc) + outChan,
                           kernRow, kernCol, inChan, outChan);
            }
        }
    }
    """,
    calc_max_row_len_func=lambda num_pre, num_post, pars: (
        ceil(pars["conv_kh"] / pars["conv_sh"])
        * ceil(pars["conv_kw"] / pars["conv_sw"])
        * pars["conv_oc"]
    ),
    calc_kernel_size_func=lambda pars: [
        pars["conv_kh"],
        pars["conv_kw"],
        pars["conv_ic"],
        pars["conv_oc"],
    ],
)

SPARSE_CONNECT_SNIPPETS: dict[str, SparseConnectInitSnippet] = {
    snippet.name: snippet
    for snippet in (
        create_sparse_connect_init_snippet("Uninitialised"),
        _ONE_TO_ONE,
        _fixed_probability("FixedProbability", ""),
        # The neuron itself is passed over, so that every other target keeps its probability.
        _fixed_probability("FixedProbabilityNoAutapse", "if(j == id_pre) { j++; continue; }"),
        _FIXED_NUMBER_POST,
        _FIXED_NUMBER_TOTAL,
        _FIXED_NUMBER_PRE,
        _CONV_2D,
    )
}
"""Built-in snippets for sparse connectivity by name."""

"""Built-in snippets that initialise variables."""

from __future__ import annotations

from ..snippets import VarInitSnippet, create_var_init_snippet

_NORMAL_CLIPPED_CODE = """
    scalar s;
    do {
        s = mean + (gennrand_normal() * sd);
    } while(s < min || s > max);
    value = s;
    """

VAR_INIT_SNIPPETS: dict[str, VarInitSnippet] = {
    snippet.name: snippet
    for snippet in (
        create_var_init_snippet("Uninitialised"),
        create_var_init_snippet("Constant", params=["constant"], var_init_code="value = constant;"),
        create_var_init_snippet(
            "Uniform",
            params=["min", "max"],
            derived_params=[("range", lambda pars, dt: pars["max"] - pars["min"])],
            var_init_code="value = min + (gennrand_uniform() * range);",
        ),
        create_var_init_snippet(
            "Normal",
            params=["mean", "sd"],
            var_init_code="value = mean + (gennrand_normal() * sd);",
        ),
        create_var_init_snippet(
            "NormalClipped",
            params=["mean", "sd", "min", "max"],
            var_init_code=_NORMAL_CLIPPED_CODE,
        ),
        create_var_init_snippet(
            "NormalClippedDelay",
            params=["mean", "sd", "min", "max"],
            derived_params=[
                ("meanTimestep", lambda pars, dt: pars["mean"] / dt),
                ("sdTimestep", lambda pars, dt: pars["sd"] / dt),
                ("minTimestep", lambda pars, dt: pars["min"] / dt),
                ("maxTimestep", lambda pars, dt: pars["max"] / dt),
            ],
            var_init_code="""
    scalar s;
    do {
        s = meanTimestep + (gennrand_normal() * sdTimestep);
    } while(s < minTimestep || s > maxTimestep);
    value = rint(s);
    """,
        ),
        create_var_init_snippet(
            "Exponential",
            params=["lambda"],
            var_init_code="value = lambda * gennrand_exponential();",
        ),
        create_var_init_snippet(
            "Gamma", params=["a", "b"], var_init_code="value = b * gennrand_gamma(a);"
        ),
        create_var_init_snippet(
            "Binomial",
            params=[("n", "unsigned int"), "p"],
            var_init_code="value = gennrand_binomial(n, p);",
        ),
        create_var_init_snippet(
            "Kernel",
            extra_global_params=[("kernel", "scalar*")],
            var_init_code="value = kernel[id_kernel];",
        ),
    )
}
"""Built-in snippets for variables by name."""

//! Passes over kernels. None of them changes what a kernel does, to the bit (the bits of NaNs
//! apart), except that `resolve_pointers` makes indices beyond 2^47 out of range that would have
//! wrapped.
//!
//! They take for granted that a variable slot that is not writable does not share memory with
//! anything that the launch writes.

mod cse;
mod dce;
mod fold;
mod guard;
mod hoist;
mod if_convert;
mod repeat;
mod resolve_pointers;
mod rewrite;
mod sink_writes;
mod sleep;
mod split;
mod where_number;

pub use cse::cse;
pub use dce::dce;
pub use fold::fold;
pub use guard::guard;
pub use hoist::hoist;
pub use if_convert::if_convert;
pub use repeat::repeat;
pub use resolve_pointers::resolve_pointers;
pub use sink_writes::sink_writes;
pub use sleep::{sleep, then_sleep};
pub use split::split_invariant;
pub use where_number::where_number;

use crate::kernel::Kernel;

/// A pass and its name.
pub type Pass = (&'static str, fn(&mut Kernel));

/// What [`optimise`] runs, in order.
pub const PASSES: &[Pass] = &[
    ("resolve_pointers", resolve_pointers),
    ("fold", fold),
    ("if_convert", if_convert),
    ("cse", cse),
    ("fold", fold),
    ("hoist", hoist),
    ("cse", cse),
    ("sink_writes", sink_writes),
    ("dce", dce),
];

/// Run all passes. In debug builds the verifier runs after each.
///
/// If the environment variable `MLGENN_DUMP` contains `ir`, the kernel is printed to the standard
/// error before the first pass and after each one that changes it.
pub fn optimise(kernel: &mut Kernel) {
    let dump = std::env::var("MLGENN_DUMP")
        .is_ok_and(|stages| stages.split(',').any(|stage| stage.trim() == "ir"));
    let mut shown = String::new();
    let mut show = |kernel: &Kernel, stage: &str| {
        let text = kernel.to_string();
        if text != shown {
            print_stage(stage, &text);
            shown = text;
        }
    };
    if dump {
        show(kernel, "input");
    }
    for (name, pass) in PASSES {
        pass(kernel);
        if cfg!(debug_assertions)
            && let Err(error) = crate::verify::verify(kernel)
        {
            panic!("after the pass {name}: {error}\n{kernel}");
        }
        if dump {
            show(kernel, name);
        }
    }
}

#[expect(clippy::print_stderr, reason = "what the user asked for with `MLGENN_DUMP`")]
fn print_stage(stage: &str, text: &str) {
    eprintln!("# after {stage}\n{text}\n");
}

#[cfg(test)]
#[path = "passes_tests.rs"]
mod tests;

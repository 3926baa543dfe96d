//! What NVRTC is asked for.

/// The options of every translation unit, for some version of the library.
///
/// Nothing is contracted, so that results are those of the interpreter; denormal numbers are
/// flushed to zero as on the CPU. Values and functions that nothing uses are no news. All cores
/// optimise functions, where the library can: what it makes does not depend on how many there are.
pub(super) fn options((major, minor): (i32, i32)) -> Vec<&'static str> {
    let mut options = vec![
        "--std=c++17",
        "--fmad=false",
        "--ftz=true",
        "--diag-suppress=177,186,550",
        "--ptxas-options=-v",
    ];
    // Version 12.4 says that it does not know the option, 12.2 nothing.
    if (major, minor) >= (12, 5) {
        options.push("--split-compile=0");
    }
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_versions_that_can_are_asked_to_share_the_work() {
        let shares = |version| options(version).contains(&"--split-compile=0");
        assert!([(12, 0), (12, 4)].iter().all(|&old| !shares(old)));
        assert!([(12, 5), (12, 9), (13, 0)].iter().all(|&new| shares(new)));
    }
}

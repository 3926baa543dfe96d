//! What the compiler says of registers and memory.

/// What a thread of a kernel needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KernelResources {
    /// Name of the function.
    pub name: String,
    /// Registers.
    pub registers: u32,
    /// Bytes of its stack.
    pub stack: u32,
    /// Bytes that are stored and loaded as registers are short.
    pub spills: u32,
    /// Bytes of shared memory of a block.
    pub shared: u32,
}

/// What each kernel needs, as told by the log of a compilation.
pub fn resources(log: &str) -> Vec<KernelResources> {
    let mut kernels: Vec<KernelResources> = Vec::new();
    for line in log.lines() {
        if let Some((_, rest)) = line.split_once("Compiling entry function '") {
            let name = rest.split('\'').next().unwrap_or_default().to_owned();
            kernels.push(KernelResources { name, ..KernelResources::default() });
        }
        let Some(kernel) = kernels.last_mut() else { continue };
        if line.contains("bytes stack frame") {
            kernel.stack = before(line, "bytes stack frame");
            kernel.spills = before(line, "bytes spill stores") + before(line, "bytes spill loads");
        }
        if line.contains("Used ") {
            kernel.registers = before(line, "registers");
            kernel.shared = before(line, "bytes smem");
        }
    }
    kernels
}

/// The number before some words; 0 if they do not occur.
fn before(line: &str, words: &str) -> u32 {
    let Some((left, _)) = line.split_once(words) else { return 0 };
    left.split_whitespace().next_back().and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// Lines of a log that are neither information nor empty: warnings.
pub fn warnings(log: &str) -> Vec<&str> {
    let told = |line: &&str| {
        let line = line.trim();
        line.is_empty() || line.starts_with("ptxas info") || line.contains("bytes stack frame")
    };
    log.lines().filter(|line| !told(line)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_are_understood() {
        let log = "ptxas info    : 0 bytes gmem\n\
                   ptxas info    : Compiling entry function 'kernel0_lif' for 'sm_90'\n\
                   ptxas info    : Function properties for kernel0_lif\n    \
                   8 bytes stack frame, 4 bytes spill stores, 12 bytes spill loads\n\
                   ptxas info    : Used 20 registers, used 0 barriers, 32 bytes smem, 528 bytes \
                   cmem[0]\n";
        let expected = KernelResources {
            name: "kernel0_lif".into(),
            registers: 20,
            stack: 8,
            spills: 16,
            shared: 32,
        };
        assert_eq!(resources(log), [expected]);
        assert!(warnings(log).is_empty());
        assert_eq!(warnings("mlgenn.cu(3): warning #177-D").len(), 1);
    }
}

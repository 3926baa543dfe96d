//! Choice of the instruction set at run time.

use super::{Simd, Task};

/// An instruction set that kernels can be compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Level {
    /// AVX-512 F, BW, CD, DQ, VL.
    Avx512,
    /// AVX2.
    Avx2,
    /// What every machine of the architecture has: SSE2 on x86-64, scalar code elsewhere.
    Baseline,
    /// Scalar code, for tests of what runs on other architectures.
    Portable,
}

/// A name that is none of an instruction set of this machine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("MLGENN_SIMD is {0:?}; this machine has: {names}", names = names())]
pub struct UnknownLevel(String);

fn names() -> String {
    Level::available().iter().map(|level| level.name()).collect::<Vec<_>>().join(", ")
}

impl Level {
    /// What this machine has, best first.
    pub fn available() -> Vec<Self> {
        let all = [Self::Avx512, Self::Avx2, Self::Baseline, Self::Portable];
        all.into_iter().filter(|level| level.is_available()).collect()
    }

    /// The one that the environment variable `MLGENN_SIMD` names; without it the best that this
    /// machine has.
    ///
    /// # Errors
    ///
    /// If the machine has none of that name.
    pub fn chosen() -> Result<Self, UnknownLevel> {
        match std::env::var("MLGENN_SIMD") {
            Ok(name) if !name.is_empty() => Self::named(&name),
            _ => Ok(Self::best()),
        }
    }

    /// The best that this machine has.
    pub fn best() -> Self {
        Self::available()[0]
    }

    fn named(name: &str) -> Result<Self, UnknownLevel> {
        let level = Self::available().into_iter().find(|level| level.name() == name);
        level.ok_or_else(|| UnknownLevel(name.to_owned()))
    }

    /// `avx512`, `avx2`, `baseline` or `portable`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Avx512 => "avx512",
            Self::Avx2 => "avx2",
            Self::Baseline => "baseline",
            Self::Portable => "portable",
        }
    }

    fn is_available(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => {
                is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512cd")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vl")
                    && is_x86_feature_detected!("bmi2")
            }
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("bmi2"),
            #[cfg(not(target_arch = "x86_64"))]
            Self::Avx512 | Self::Avx2 => false,
            Self::Baseline | Self::Portable => true,
        }
    }

    /// Run a task on the vector unit.
    ///
    /// # Safety
    ///
    /// The level must be available; more as the task says.
    pub(crate) unsafe fn run<T: Task>(self, task: T) -> T::Output {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => super::Avx512::enabled(task),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => super::Avx2::enabled(task),
            #[cfg(target_arch = "x86_64")]
            Self::Baseline => super::Sse2::enabled(task),
            #[cfg(not(target_arch = "x86_64"))]
            Self::Avx512 | Self::Avx2 | Self::Baseline => super::Portable::enabled(task),
            Self::Portable => super::Portable::enabled(task),
        }
    }
}

//! Emitted text compiles with NVRTC, which needs no GPU, without a warning.
//!
//! `MLGENN_NVRTC` names the library where the system's loader does not find it. Without a library
//! these tests do nothing, unless `MLGENN_NVRTC_REQUIRED` is set.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "tests that are left out say so")]

use mlgenn_cuda::emit::{Entry, lanes_entry, translation_unit};
use mlgenn_cuda::nvrtc::{Needs, Nvrtc, NvrtcError, resources, warnings};
use mlgenn_ir::launch::Pattern;
use mlgenn_ir::testing::{Case, operation_cases, random_kernel_of};
use mlgenn_ir::{BinaryOp, Domain, KernelBuilder, SlotKind, Type};

fn nvrtc() -> Option<Nvrtc> {
    match Nvrtc::load(&[], Needs::default()) {
        Err(error @ NvrtcError::NotFound { .. })
            if std::env::var_os("MLGENN_NVRTC_REQUIRED").is_none() =>
        {
            println!("skipped: {error}");
            None
        }
        library => Some(library.unwrap()),
    }
}

fn entry((index, case): (usize, Case)) -> Entry {
    let patterns: Vec<_> = case.slots.iter().map(|slot| slot.pattern).collect();
    lanes_entry(index, &case.kernel, &patterns)
}

#[test]
fn kernels_compile_for_every_generation() {
    let Some(nvrtc) = nvrtc() else { return };
    assert!(nvrtc.version().0 >= 12 && nvrtc.architectures().contains(&90), "{nvrtc:?}");
    let random = (0..30).map(|seed| random_kernel_of(seed, 20, 1));
    let entries: Vec<_> = random.enumerate().map(entry).collect();
    let text = translation_unit(&entries);
    for architecture in [80, 90] {
        let compiled = nvrtc.compile(&text, architecture).unwrap();
        assert_eq!(warnings(&compiled.log), Vec::<&str>::new());
        let kernels = resources(&compiled.log);
        for entry in &entries {
            let kernel = kernels.iter().find(|kernel| kernel.name == entry.name).unwrap();
            assert!(kernel.registers > 0 && kernel.spills == 0, "{kernel:?}");
        }
        assert!(compiled.image.starts_with(b"\x7fELF"));
        // What is kept between runs is what would be made.
        assert!(nvrtc.compile(&text, architecture).unwrap().image == compiled.image);
    }
}

#[test]
fn every_operation_compiles() {
    let Some(nvrtc) = nvrtc() else { return };
    let entries: Vec<_> = operation_cases().into_iter().enumerate().map(entry).collect();
    let compiled = nvrtc.compile_ptx(&translation_unit(&entries), 80).unwrap();
    assert_eq!(warnings(&compiled.log), Vec::<&str>::new());
    let ptx = String::from_utf8_lossy(&compiled.image);
    assert!(entries.iter().all(|entry| ptx.contains(&format!(".entry {}", entry.name))));
}

#[test]
fn nothing_is_contracted() {
    let Some(nvrtc) = nvrtc() else { return };
    let mut builder = KernelBuilder::new("a x + b");
    let mut slot = |name, writable| {
        builder.slot(name, Type::F32, SlotKind::Variable { domain: Domain::Neuron, writable })
    };
    let (a, x, b, y) = (slot("a", false), slot("x", false), slot("b", false), slot("y", true));
    let [a, x, b] = [a, x, b].map(|slot| builder.read(slot));
    let product = builder.binary(BinaryOp::Multiply, a, x);
    let sum = builder.binary(BinaryOp::Add, product, b);
    builder.write(y, sum);
    let entry = lanes_entry(0, &builder.finish(), &[Pattern::Contiguous; 4]);
    let compiled = nvrtc.compile_ptx(&translation_unit([&entry]), 80).unwrap();
    let ptx = String::from_utf8_lossy(&compiled.image);
    assert!(ptx.contains("mul.rn.ftz.f32") && ptx.contains("add.rn.ftz.f32"), "{ptx}");
    assert!(!ptx.contains("fma"), "{ptx}");
}

#[test]
fn errors_show_the_messages_of_the_compiler() {
    let Some(nvrtc) = nvrtc() else { return };
    let error = nvrtc.compile("__global__ void f() { g(); }", 90).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("mlgenn.cu(1)") && text.contains("\"g\""), "{text}");
    assert!(nvrtc.compile("", 12345).is_err());
    assert!(nvrtc.compile("\0", 90).is_err());
}

#[test]
fn missing_libraries_are_named() {
    let error = NvrtcError::NotFound { tried: vec!["/nowhere/libnvrtc.so.12: no file".into()] };
    let text = error.to_string();
    assert!(text.contains("pip install mlgenn_rs[cuda13]") && text.contains("/nowhere"), "{text}");
}

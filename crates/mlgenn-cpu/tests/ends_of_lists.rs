//! Lists of the elements of lanes end where they end: unlike buffers they have no room for whole
//! vectors, and what lies behind may be memory that does not exist.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(unsafe_code, reason = "a file is mapped to memory")]

mod common;

use common::executors;
use memmap2::{Mmap, MmapOptions};
use mlgenn_ir::launch::{Executor, Launch, Operand, Pattern, Ring, Watch};
use mlgenn_ir::{Buffer, Kernel, Type};

const PAGE: usize = 4096;

/// A page of which the next one cannot be read: both are mapped to a file that has only the first.
fn last_page() -> Mmap {
    let name = format!("mlgenn-ends-of-lists-{}", std::process::id());
    let path = std::env::temp_dir().join(name);
    std::fs::write(&path, [0; PAGE]).unwrap();
    let file = std::fs::File::open(&path).unwrap();
    // SAFETY: nobody else knows the file.
    let page = unsafe { MmapOptions::new().len(2 * PAGE).map(&file) }.unwrap();
    std::fs::remove_file(path).unwrap();
    page
}

/// Ends with a signal instead of an assertion if something behind the list is read.
#[test]
fn nothing_behind_a_list_is_read() {
    let kernel: Kernel = "
kernel \"gathered\"
slot a: f32 variable neuron writable
slot b: f32 variable post
slot c: f32 variable neuron writable
begin
  %0: f32 = read a
  %1: f32 = read b
  %2: bool = less %0, %1
  if %2 {
    write c, %1
    yield
  } else {
    yield
  }
  write a, %1
end
"
    .parse()
    .unwrap();
    let patterns = [Pattern::Contiguous, Pattern::Gather, Pattern::Contiguous];
    let page = last_page();
    // SAFETY: any bits are a number.
    let (_, list, _) = unsafe { page[..PAGE].align_to::<u32>() };
    for executor in executors() {
        for lanes in [1, 7, 15, 16, 17, 33, 260] {
            let program = executor.compile(&kernel, &patterns);
            let [a, b, c] = [300, 1, 300].map(|length| Buffer::new(Type::F32, length).unwrap());
            b.store(0, u64::from(1f32.to_bits()));
            let indices = &list[list.len() - lanes..];
            let ring = Ring { slots: 1, current: 0, stride: 0 };
            let operands = [&a, &b, &c].map(|buffer| Operand {
                buffer,
                offset: 0,
                indices,
                length: buffer.len(),
                ring,
            });
            let watch = Watch::new();
            program.launch(&Launch { lanes, operands: &operands, watch: &watch });
            assert_eq!(watch.take_fault(), None);
            let is_set = |lane| a.load(lane) == b.load(0) && c.load(lane) == b.load(0);
            assert!((0..lanes).all(is_set));
        }
    }
}

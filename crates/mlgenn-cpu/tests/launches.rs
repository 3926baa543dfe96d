//! Launches that random kernels do not make: shared memory, endless loops, bad operands, several
//! threads, and the text files of the IR.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::sync::Barrier;
use std::time::{Duration, Instant};

use common::{binding, difference, executors};
use mlgenn_ir::launch::{Executor, Fault, Launch, Operand, Pattern, Ring, Watch};
use mlgenn_ir::testing::filetest::FileTest;
use mlgenn_ir::testing::{Binding, Case};
use mlgenn_ir::{Buffer, Interpreter, Kernel, Type};

#[test]
fn file_tests() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../mlgenn-ir/filetests");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let test = FileTest::parse(&std::fs::read_to_string(&path).unwrap()).unwrap();
        for executor in executors() {
            let result = test.run(&executor);
            assert_eq!(result, Ok(()), "{} on {}", path.display(), executor.name());
        }
        assert_eq!(difference(&test.case), None);
        count += 1;
    }
    assert!(count >= 10, "only {count} files");
}

fn operand(buffer: &Buffer) -> Operand<'_> {
    let ring = Ring { slots: 1, current: 0, stride: 0 };
    Operand { buffer, offset: 0, indices: &[], length: buffer.len(), ring }
}

/// Two writable slots on the same memory, one lane apart or not.
#[test]
fn slots_may_share_memory() {
    let kernel: Kernel = "
kernel \"shared\"
slot a: f32 variable neuron writable
slot b: f32 variable neuron writable
slot c: f32 variable neuron writable
begin
  %0: f32 = read a
  %1: f32 = read b
  %2: f32 = add %0, %1
  write a, %2
  %3: f32 = read b
  %4: f32 = multiply %3, %0
  write b, %4
  %5: f32 = subtract %4, %1
  write c, %5
  %6: f32 = read a
  %7: f32 = add %6, %0
  write b, %7
end
"
    .parse()
    .unwrap();
    let patterns = [Pattern::Contiguous; 3];
    for lanes in [1, 20, 300] {
        for offset in [0, 1, 5] {
            let run = |executor: &dyn Executor| {
                let buffer = Buffer::new(Type::F32, lanes + offset).unwrap();
                let other = Buffer::new(Type::F32, lanes).unwrap();
                for i in 0..buffer.len() {
                    buffer.store(i, u64::from((i as f32 * 0.5 + 1.0).to_bits()));
                }
                let operands =
                    [operand(&buffer), Operand { offset, ..operand(&buffer) }, operand(&other)];
                let watch = Watch::new();
                let program = executor.compile(&kernel, &patterns);
                // Twice: the second time the tape is there.
                for _ in 0..2 {
                    program.launch(&Launch { lanes, operands: &operands, watch: &watch });
                }
                assert_eq!(watch.take_fault(), None);
                [buffer.to_bytes(0, buffer.len()), other.to_bytes(0, lanes)]
            };
            let expected = run(&Interpreter);
            for executor in executors() {
                // Lanes that read what other lanes write see them in the order of the blocks.
                assert!(run(&executor) == expected, "{} {lanes} {offset}", executor.name());
            }
        }
    }
}

#[test]
fn endless_loops_can_be_stopped() {
    let kernel: Kernel = "
kernel \"endless\"
slot x: i32 variable neuron writable
begin
  %0: i32 = const 0
  %1: i32 = const 1
  %2: i32 = loop %0 while %3: i32 {
    %4: bool = not_equal %3, %1
    %5: bool = or %4, %4
    %6: bool = const true
    yield %6
  } do %7: i32 {
    %8: i32 = add %7, %1
    yield %8
  }
  write x, %2
end
"
    .parse()
    .unwrap();
    for executor in executors() {
        let buffer = Buffer::new(Type::I32, 100).unwrap();
        let operands = [operand(&buffer)];
        let watch = Watch::new();
        let program = executor.compile(&kernel, &[Pattern::Contiguous]);
        let start = Instant::now();
        let started = Barrier::new(2);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                started.wait();
                program.launch(&Launch { lanes: 100, operands: &operands, watch: &watch });
            });
            started.wait();
            std::thread::sleep(Duration::from_millis(20));
            watch.stop();
        });
        assert!(start.elapsed() < Duration::from_secs(10));
        // What the lanes had so far.
        assert!(buffer.load(0) > Some(0) && buffer.load(99) == buffer.load(0));
    }
}

#[test]
fn bad_operands_are_faults() {
    let kernel: Kernel = "
kernel \"copy\"
slot a: f32 variable neuron
slot b: f32 variable post writable
begin
  %0: f32 = read a
  write b, %0
end
"
    .parse()
    .unwrap();
    let patterns = [Pattern::Contiguous, Pattern::Gather];
    let good = Buffer::new(Type::F32, 40).unwrap();
    let wrong_type = Buffer::new(Type::I32, 40).unwrap();
    let indices: Vec<u32> = (0..40).rev().collect();
    let large: Vec<u32> = (0..40).map(|i| if i == 33 { 40 } else { i }).collect();
    let with = |buffer, offset, indices| Operand { offset, indices, ..operand(buffer) };
    let launches: [(bool, usize, Vec<Operand<'_>>); 9] = [
        (true, 40, vec![with(&good, 0, &[]), with(&good, 0, &indices)]),
        (true, 30, vec![with(&good, 10, &[]), with(&good, 0, &indices)]),
        (false, 41, vec![with(&good, 0, &[]), with(&good, 0, &indices)]),
        (false, 40, vec![with(&good, 1, &[]), with(&good, 0, &indices)]),
        (false, 40, vec![with(&good, usize::MAX, &[]), with(&good, 0, &indices)]),
        (false, 40, vec![with(&good, 0, &[]), with(&good, 0, &large)]),
        (false, 40, vec![with(&good, 0, &[]), with(&good, 0, &indices[..39])]),
        (false, 40, vec![with(&wrong_type, 0, &[]), with(&good, 0, &indices)]),
        (false, 40, vec![with(&good, 0, &[])]),
    ];
    for executor in executors() {
        let program = executor.compile(&kernel, &patterns);
        for (is_good, lanes, operands) in &launches {
            let watch = Watch::new();
            program.launch(&Launch { lanes: *lanes, operands, watch: &watch });
            let fault = watch.take_fault();
            assert_eq!(fault.is_none(), *is_good);
            assert!(*is_good || matches!(fault, Some(Fault::OperandOutOfRange { .. })));
        }
    }
}

/// Lanes beyond those of the launch belong to others.
#[test]
fn neighbours_are_left_alone() {
    let kernel: Kernel = "
kernel \"neighbours\"
slot a: f32 variable neuron writable
slot b: f64 variable neuron writable
slot c: i8 variable neuron writable
slot d: f32 accumulator neuron
begin
  %0: f32 = const 2.0
  %1: f64 = convert %0
  %2: i8 = convert %0
  %3: f32 = read a
  %4: f32 = multiply %3, %0
  write a, %4
  write b, %1
  write c, %2
  accumulate d, %4
end
"
    .parse()
    .unwrap();
    let types = [Type::F32, Type::F64, Type::I8, Type::F32];
    for executor in executors() {
        let program = executor.compile(&kernel, &[Pattern::Contiguous; 4]);
        for lanes in 1..70 {
            let buffers = types.map(|ty| Buffer::new(ty, 100).unwrap());
            for buffer in &buffers {
                buffer.fill(0, 100, 77);
            }
            let operands: Vec<_> =
                buffers.iter().map(|buffer| Operand { offset: 9, ..operand(buffer) }).collect();
            let watch = Watch::new();
            program.launch(&Launch { lanes, operands: &operands, watch: &watch });
            for buffer in &buffers {
                for i in 0..100 {
                    let inside = (9..9 + lanes).contains(&i);
                    assert_eq!(buffer.load(i) == Some(77), !inside, "{} {i}", executor.name());
                }
            }
        }
    }
}

/// More values at a time than there are registers, of vectors and of masks.
#[test]
fn many_values_at_a_time() {
    use std::fmt::Write;
    let count = 45;
    let mut text = String::from("kernel \"many\"\n");
    for i in 0..count {
        writeln!(text, "slot x{i}: f32 variable neuron writable").unwrap();
    }
    text.push_str("slot spikes: bool events\nbegin\n  %0: f32 = const 0.5\n");
    for i in 0..count {
        writeln!(text, "  %{}: f32 = read x{i}", 4 * i + 1).unwrap();
        writeln!(text, "  %{}: f32 = add %{}, %0", 4 * i + 2, 4 * i + 1).unwrap();
        let before = 4 * i.max(1) - 2;
        writeln!(text, "  %{}: f32 = multiply %{}, %{before}", 4 * i + 3, 4 * i + 2).unwrap();
        writeln!(text, "  %{}: bool = less %{}, %0", 4 * i + 4, 4 * i + 3).unwrap();
    }
    // Used in another order, each of them.
    let mut next = 4 * count + 1;
    let mut all = 4;
    for i in 0..count {
        let j = (i * 7 + 3) % count;
        writeln!(text, "  %{next}: f32 = select %{}, %{}, %{}", 4 * j + 4, 4 * j + 2, 4 * i + 3)
            .unwrap();
        writeln!(text, "  %{}: bool = xor %{all}, %{}", next + 1, 4 * j + 4).unwrap();
        writeln!(text, "  write x{i}, %{next}").unwrap();
        all = next + 1;
        next += 2;
    }
    writeln!(text, "  emit spikes, %{all}\nend").unwrap();
    let kernel: Kernel = text.parse().unwrap();
    for lanes in [1, 16, 37, 300] {
        let slots = (0..=count).map(|slot| {
            let (pattern, ty, len) = match slot {
                slot if slot == count => (Pattern::Whole, Type::U32, 10),
                _ => (Pattern::Contiguous, Type::F32, 300),
            };
            let value = |i: usize| ((i * 31 + slot * 17) % 97) as f32 / 60.0;
            let bits = |i| if ty == Type::F32 { u64::from(value(i).to_bits()) } else { 0 };
            binding(pattern, ty, (0..len).map(bits).collect())
        });
        let case = Case { kernel: kernel.clone(), lanes, slots: slots.collect() };
        assert_eq!(difference(&case), None);
    }
}

/// What goes wrong in one launch is forgotten in the next one of the same program.
#[test]
fn faults_are_of_one_launch() {
    let kernel: Kernel = "
kernel \"element\"
slot index: i32 variable neuron
slot array: f32 array
slot out: f32 variable neuron writable
begin
  %0: i32 = read index
  %1: i64 = convert %0
  %2: f32 = load_element array, %1
  write out, %2
end
"
    .parse()
    .unwrap();
    let patterns = [Pattern::Contiguous, Pattern::Whole, Pattern::Contiguous];
    let lanes = 40;
    let [array, out] = [10, lanes].map(|length| Buffer::new(Type::F32, length).unwrap());
    array.fill(0, 10, u64::from(2f32.to_bits()));
    for executor in executors() {
        let index = Buffer::new(Type::I32, lanes).unwrap();
        let operands = [operand(&index), operand(&array), operand(&out)];
        let watch = Watch::new();
        let program = executor.compile(&kernel, &patterns);
        let launch = || program.launch(&Launch { lanes, operands: &operands, watch: &watch });
        let repeated = program.repeat(lanes, operands.to_vec(), &watch);
        for run in [&launch as &dyn Fn(), &*repeated] {
            for (lane, bad) in [(3, 10), (39, -1), (17, i32::MIN), (20, 9)] {
                index.store(lane, u64::from(bad as u32));
                run();
                let fault = (bad != 9).then(|| Fault::IndexOutOfRange {
                    kernel: "element".into(),
                    array: "array".into(),
                    index: i64::from(bad),
                    length: 10,
                });
                assert_eq!(watch.take_fault(), fault, "{executor:?}");
                let expected = if bad == 9 { Some(u64::from(2f32.to_bits())) } else { Some(0) };
                assert_eq!(out.load(lane), expected);
                index.store(lane, 0);
            }
        }
    }
}

/// Elements whose numbers have 32 bits, in an array and in a gathered variable. Nearly all of the
/// memory is never touched, and so never there.
#[test]
fn long_arrays() {
    let kernel: Kernel = "
kernel \"long\"
slot index: u32 variable neuron
slot array: u8 array
slot gathered: u8 variable post
slot out: u8 variable neuron writable
begin
  %0: u32 = read index
  %1: i64 = convert %0
  %2: u8 = read gathered
  %3: u8 = load_element array, %1
  %4: u8 = or %2, %3
  write out, %4
end
"
    .parse()
    .unwrap();
    let patterns = [Pattern::Contiguous, Pattern::Whole, Pattern::Gather, Pattern::Contiguous];
    let (lanes, start) = (20, u64::from(u32::MAX / 2) - 10);
    let [index, zeros] = [(); 2].map(|()| Buffer::new(Type::U32, lanes).unwrap());
    let short = Buffer::new(Type::U8, 1).unwrap();
    let Ok(long) = Buffer::new(Type::U8, start as usize + 30) else { return };
    for lane in 0..lanes as u64 {
        index.store(lane as usize, start + lane);
        long.store((start + lane) as usize, lane);
    }
    let indices: Vec<u32> = (start as u32..).take(lanes).collect();
    let gathered = [(&long, &indices[..]), (&short, &[0; 20])];
    let launches =
        [(&index, &long, gathered[0]), (&zeros, &short, gathered[0]), (&index, &long, gathered[1])];
    for (executor, (index, array, (buffer, indices))) in
        executors().into_iter().flat_map(|executor| launches.map(|launch| (executor, launch)))
    {
        let out = Buffer::new(Type::U8, lanes).unwrap();
        let gathered = Operand { indices, ..operand(buffer) };
        let operands = [operand(index), operand(array), gathered, operand(&out)];
        let watch = Watch::new();
        let program = executor.compile(&kernel, &patterns);
        program.launch(&Launch { lanes, operands: &operands, watch: &watch });
        assert_eq!(watch.take_fault(), None);
        assert!((0..lanes).all(|lane| out.load(lane) == Some(lane as u64)), "{executor:?}");
    }
}

/// More constants than there are registers, each beside a load that is made part of the addition.
#[test]
fn many_constants_beside_loads() {
    use std::fmt::Write;
    let count = 40;
    let mut text = String::from("kernel \"constants\"\n");
    for i in 0..count {
        writeln!(text, "slot x{i}: f32 variable neuron writable").unwrap();
    }
    text.push_str("begin\n");
    for i in 0..count {
        let [read, number, sum] = [0, 1, 2].map(|value| 3 * i + value);
        writeln!(text, "  %{read}: f32 = read x{i}\n  %{number}: f32 = const {i}.5").unwrap();
        writeln!(text, "  %{sum}: f32 = add %{number}, %{read}\n  write x{i}, %{sum}").unwrap();
    }
    text.push_str("end\n");
    let kernel: Kernel = text.parse().unwrap();
    for lanes in [1, 16, 37] {
        let float = |x: u64| u64::from((x as f32).to_bits());
        let slots = (0..count as u64).map(|slot| {
            binding(Pattern::Contiguous, Type::F32, (0..40).map(|i| float(i * slot)).collect())
        });
        let case = Case { kernel: kernel.clone(), lanes, slots: slots.collect() };
        assert_eq!(difference(&case), None);
    }
}

/// Such values are read where the branches begin: in nested ones, in several, around a loop.
#[test]
fn gathered_values_of_branches() {
    let kernel: Kernel = "
kernel \"gathered\"
slot a: f32 variable neuron writable
slot b: f32 variable post
slot c: u32 variable post
slot d: f32 variable post
begin
  %0: f32 = read a
  %1: f32 = read b
  %2: u32 = read c
  %3: f32 = read d
  %4: f32 = const 0.5
  %5: bool = less %0, %4
  %6: f32 = if %5 {
    %7: u32 = const 3
    %8: bool = less %2, %7
    %9: f32 = if %8 {
      %10: f32 = add %0, %1
      yield %10
    } else {
      yield %1
    }
    yield %9
  } else {
    %11: u32 = const 0
    %12: u32 = const 1
    %13: u32 = loop %11 while %14: u32 {
      %15: bool = less %14, %2
      yield %15
    } do %16: u32 {
      %17: u32 = add %16, %12
      yield %17
    }
    %18: f32 = convert %13
    %19: f32 = multiply %18, %1
    yield %19
  }
  %20: f32 = const 2.0
  %21: bool = less %6, %20
  %22: f32 = if %21 {
    yield %3
  } else {
    %23: f32 = multiply %6, %1
    yield %23
  }
  write a, %22
end
"
    .parse()
    .unwrap();
    for lanes in [1, 40, 300] {
        let indices: Vec<u32> = (0..lanes as u32).map(|i| i * 7 % 50).collect();
        let gathered = |ty, contents| Binding {
            indices: indices.clone(),
            ..binding(Pattern::Gather, ty, contents)
        };
        let float = |x: u64| u64::from((x as f32 / 10.0).to_bits());
        let slots = vec![
            binding(Pattern::Contiguous, Type::F32, (0..300).map(|i| float(i * 3 % 11)).collect()),
            gathered(Type::F32, (0..50).map(float).collect()),
            gathered(Type::U32, (0..50).map(|i| i % 6).collect()),
            gathered(Type::F32, (0..50).map(|i| float(i + 100)).collect()),
        ];
        let case = Case { kernel: kernel.clone(), lanes, slots };
        assert_eq!(difference(&case), None);
    }
}

/// Results that go to the slots that they come from, straight and crosswise, while bodies use what
/// was there.
#[test]
fn results_of_branches_in_place() {
    let kernel: Kernel = "
kernel \"in place\"
slot a: f32 variable neuron writable
slot b: f32 variable neuron writable
slot c: f32 variable neuron writable
slot d: f32 variable neuron writable
begin
  %0: f32 = read a
  %1: f32 = read b
  %2: f32 = read c
  %3: f32 = read d
  %4: f32 = const 0.5
  %5: bool = less %0, %4
  %6: f32, %7: f32, %8: f32, %9: f32 = if %5 {
    %10: f32 = add %0, %1
    %11: f32 = multiply %10, %2
    yield %10, %0, %11, %11
  } else {
    yield %1, %0, %2, %4
  }
  %12: bool = less %7, %6
  %13: f32 = if %12 {
    %14: f32 = add %3, %8
    yield %14
  } else {
    %15: f32 = subtract %3, %6
    yield %15
  }
  write a, %6
  write b, %7
  write c, %8
  %16: f32 = add %13, %9
  write d, %16
end
"
    .parse()
    .unwrap();
    for lanes in [1, 40, 300] {
        let slots = (1..5).map(|slot| {
            let value = |i: u64| u64::from(((i * slot * 7 % 13) as f32 / 10.0).to_bits());
            binding(Pattern::Contiguous, Type::F32, (0..300).map(value).collect())
        });
        let case = Case { kernel: kernel.clone(), lanes, slots: slots.collect() };
        assert_eq!(difference(&case), None);
    }
}

#[test]
fn threads_may_share_a_program() {
    let kernel: Kernel = "
kernel \"square\"
slot a: f32 variable neuron writable
begin
  %0: f32 = read a
  %1: f32 = multiply %0, %0
  %2: f32 = add %1, %0
  write a, %2
end
"
    .parse()
    .unwrap();
    for executor in executors() {
        let program = executor.compile(&kernel, &[Pattern::Contiguous]);
        let buffer = Buffer::new(Type::F32, 4000).unwrap();
        buffer.fill(0, 4000, u64::from(2f32.to_bits()));
        let watch = Watch::new();
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let (program, buffer, watch) = (&program, &buffer, &watch);
                scope.spawn(move || {
                    let operands = [Operand { offset: thread * 1000, ..operand(buffer) }];
                    program.launch(&Launch { lanes: 1000, operands: &operands, watch });
                });
            }
        });
        assert!((0..4000).all(|i| buffer.load(i) == Some(u64::from(6f32.to_bits()))));
    }
}

/// Launches of many rows do what one launch for each row does.
#[test]
fn rows_are_launches() {
    compare_rows(&ROWS.parse().unwrap());
    // Without the sum over all lanes it is one function.
    compare_rows(&ROWS.replace("  accumulate out_pre, %4\n", "").parse().unwrap());
}

const ROWS: &str = "
kernel \"rows\"
slot g: f32 variable synapse writable
slot pre: f32 variable pre
slot post: f32 variable post
slot out_pre: f32 accumulator pre
slot out_post: f32 accumulator post
begin
  %0: f32 = read g
  %1: f32 = read pre
  %2: f32 = read post
  %3: f32 = multiply %1, %2
  %4: f32 = multiply %0, %2
  accumulate out_pre, %4
  accumulate out_post, %0
  %5: f32 = subtract %0, %3
  write g, %5
end
";

fn compare_rows(kernel: &Kernel) {
    let patterns = [
        Pattern::Contiguous,
        Pattern::Uniform,
        Pattern::Gather,
        Pattern::Uniform,
        Pattern::Contiguous,
    ];
    for lanes in [1, 30, 300] {
        let lengths = [lanes * 10, 10, lanes + 5, 10, lanes];
        let steps = [lanes, 1, 0, 1, 0];
        let indices: Vec<u32> = (0..lanes as u32).map(|i| i + 5).collect();
        for (rows, missing) in
            [(&[3, 0, 9, 3][..], 0), (&[], 0), (&[1, 10], 0), (&[2, 4], 2), (&[u32::MAX], 5)]
        {
            let run = |executor: &dyn Executor| {
                let buffers = lengths.map(|len| Buffer::new(Type::F32, len).unwrap());
                for (i, buffer) in buffers.iter().enumerate() {
                    for at in 0..buffer.len() {
                        buffer.store(at, u64::from(((at * 37 % 101 + i) as f32 / 8.0).to_bits()));
                    }
                }
                let operands: Vec<_> = buffers
                    .iter()
                    .map(|buffer| Operand { indices: &indices, ..operand(buffer) })
                    .collect();
                let watch = Watch::new();
                let launch = Launch { lanes, operands: &operands, watch: &watch };
                let program = executor.compile(kernel, &patterns);
                program.launch_rows(&launch, &steps[missing..], rows);
                let contents = buffers.map(|buffer| buffer.to_bytes(0, buffer.len()));
                (watch.take_fault(), contents)
            };
            let (fault, contents) = run(&Interpreter);
            for executor in executors() {
                let (found, found_contents) = run(&executor);
                assert_eq!(found, fault, "{} {rows:?}", executor.name());
                // Whether rows before a bad one are run is not specified.
                assert!(fault.is_some() || found_contents == contents, "{}", executor.name());
            }
        }
    }
}

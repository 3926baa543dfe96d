//! Speed of the executor: single operations, neuron updates, rows of synapses, dense and sparse rows,
//! convolutions, for each instruction set, with and without machine code; and what this machine reaches
//! at best. `benchmarks/kernels.py` runs them and prints the time of an element and its ratio to that.
#![allow(clippy::unwrap_used, reason = "nothing to recover from")]
#![allow(missing_docs, reason = "made by a macro")]

mod floors;

use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mlgenn_cpu::{BlockExecutor, Level, with_flush_to_zero};
use mlgenn_ir::launch::{AddRows, Executor, Launch, Operand, Pattern, Ring, Watch};
use mlgenn_ir::run_lists::{AddRuns, Run, RunLists};
use mlgenn_ir::target_lists::{AddToTargets, TargetLists, Weights};
use mlgenn_ir::{Buffer, Kernel, SlotKind, Type};

/// A leaky integrate-and-fire neuron with a refractory time and an exponential synapse.
const LIF: &str = "
kernel \"lif\"
slot v: f32 variable neuron writable
slot refractory: f32 variable neuron writable
slot in_syn: f32 variable neuron writable
slot alpha: f32 variable launch
slot scale: f32 variable launch
slot v_thresh: f32 variable launch
slot tau_refrac: f32 variable launch
slot exp_decay: f32 variable launch
slot spikes: bool events
begin
  %0: f32 = read v
  %1: f32 = read refractory
  %2: f32 = read in_syn
  %3: f32 = read alpha
  %4: f32 = read scale
  %5: f32 = read v_thresh
  %6: f32 = read tau_refrac
  %7: f32 = read exp_decay
  %8: f32 = const 0.0
  %9: f32 = const 1.0
  %10: f32 = multiply %2, %7
  write in_syn, %10
  %11: f32 = multiply %0, %3
  %12: f32 = multiply %2, %4
  %13: f32 = add %11, %12
  %14: f32 = subtract %1, %9
  %15: bool = greater %1, %8
  %16: f32 = select %15, %14, %1
  %17: bool = greater_equal %13, %5
  %18: bool = less_equal %16, %8
  %19: bool = and %17, %18
  %20: f32 = subtract %13, %5
  %21: f32 = select %19, %20, %13
  %22: f32 = select %19, %6, %16
  emit spikes, %19
  write v, %21
  write refractory, %22
end
";

/// An adaptive neuron with an `exp` in its dynamics.
const ALIF: &str = "
kernel \"alif\"
slot v: f32 variable neuron writable
slot a: f32 variable neuron writable
slot in_syn: f32 variable neuron
slot tau: f32 variable neuron
slot beta: f32 variable launch
slot rho: f32 variable launch
slot spikes: bool events
begin
  %0: f32 = read v
  %1: f32 = read a
  %2: f32 = read in_syn
  %3: f32 = read tau
  %4: f32 = read beta
  %5: f32 = read rho
  %6: f32 = const -1.0
  %7: f32 = const 1.0
  %8: f32 = divide %6, %3
  %9: f32 = math exp %8
  %10: f32 = multiply %0, %9
  %11: f32 = subtract %7, %9
  %12: f32 = multiply %11, %2
  %13: f32 = add %10, %12
  %14: f32 = multiply %1, %5
  %15: f32 = multiply %4, %14
  %16: f32 = add %7, %15
  %17: bool = greater_equal %13, %16
  %18: f32 = subtract %13, %16
  %19: f32 = add %14, %7
  %20: f32 = select %17, %18, %13
  %21: f32 = select %17, %19, %14
  emit spikes, %17
  write v, %20
  write a, %21
end
";

/// A neuron that looks up its next stored spike in a ring when the time has come: the branch is
/// taken by few lanes.
const RING: &str = "
kernel \"ring\"
slot lambda: f32 variable neuron writable
slot next: f32 variable neuron
slot found: f32 variable neuron writable
slot position: i32 variable neuron writable
slot times: f32 array
slot first: i32 variable neuron
slot t: f32 variable launch
slot decay: f32 variable launch
begin
  %0: f32 = read lambda
  %1: f32 = read next
  %2: f32 = read t
  %3: f32 = read decay
  %4: f32 = multiply %0, %3
  %5: bool = greater_equal %2, %1
  %6: f32 = if %5 {
    %7: i32 = read position
    %8: i32 = read first
    %9: i32 = const 1
    %10: i32 = add %7, %9
    %11: i32 = const 63
    %12: i32 = and %10, %11
    write position, %12
    %13: i32 = add %8, %12
    %14: i64 = convert %13
    %15: f32 = load_element times, %14
    write found, %15
    %16: f32 = add %4, %15
    yield %16
  } else {
    yield %4
  }
  write lambda, %6
end
";

/// The update of a hidden population under EventProp: one lane in a hundred has a spike to go back
/// to, none spikes.
const EVENT_PROP: &str = "
kernel \"event_prop\"
slot t: f32 variable launch
slot v: f32 variable neuron writable
slot lambda_v: f32 variable neuron writable
slot lambda_i: f32 variable neuron writable
slot write_offset: i32 variable neuron writable
slot read_offset: i32 variable neuron writable
slot read_end: i32 variable neuron
slot back_spike: u8 variable neuron writable
slot next_back: f32 variable neuron
slot lost: u32 variable neuron writable
slot in_syn: f32 variable neuron writable
slot revised: f32 variable neuron writable
slot first: i32 variable neuron
slot times: f32 array writable
slot currents: f32 array writable
slot back_events: bool events
slot spikes: bool events
begin
  %0: f32 = read t
  %1: f32 = read v
  %2: f32 = read lambda_v
  %3: f32 = read lambda_i
  %4: u8 = read back_spike
  %5: f32 = read next_back
  %6: f32 = read in_syn
  %7: f32 = read revised
  %8: f32 = const 0.998002
  %9: f32 = const 0.99900067
  %10: f32 = multiply %6, %9
  %11: f32 = multiply %6, %8
  write in_syn, %11
  %12: f32 = const 0.0
  write revised, %12
  %13: f32 = const 0.9995001
  %14: f32 = const 0.0019975018
  %15: f32 = multiply %14, %2
  %16: f32 = multiply %3, %8
  %17: f32 = add %15, %16
  write lambda_i, %17
  %18: f32 = multiply %2, %13
  %19: bool = convert %4
  %20: f32, %21: f32 = if %19 {
    %22: i32 = read read_offset
    %23: i32 = read first
    %24: i32 = add %23, %22
    %25: i64 = convert %24
    %26: f32 = load_element currents, %25
    %27: f32 = add %18, %7
    %28: f32 = divide %27, %26
    %29: f32 = add %18, %28
    %30: i32 = const 1
    %31: i32 = subtract %22, %30
    %32: i32 = const 63
    %33: i32 = and %31, %32
    %34: i32 = add %23, %33
    %35: i64 = convert %34
    %36: f32 = load_element times, %35
    write read_offset, %33
    yield %29, %36
  } else {
    yield %18, %5
  }
  write lambda_v, %20
  %37: f32 = const 1.5
  %38: f32 = subtract %37, %0
  %39: f32 = subtract %38, %5
  %40: f32 = math fabs %39
  %41: f32 = const 0.005
  %42: bool = less %40, %41
  %43: u8 = convert %42
  write back_spike, %43
  emit back_events, %42
  %44: f32 = multiply %13, %1
  %45: f32 = const 0.00049990416
  %46: f32 = multiply %45, %10
  %47: f32 = add %44, %46
  %48: f32 = const 1.0
  %49: bool = greater_equal %47, %48
  emit spikes, %49
  %50: f32 = if %49 {
    %51: i32 = read write_offset
    %52: i32 = read read_end
    %53: bool = equal %51, %52
    if %53 {
      %54: u32 = read lost
      %55: u32 = const 1
      %56: u32 = add %54, %55
      write lost, %56
    } else {
      %57: i32 = read first
      %58: i32 = add %57, %51
      %59: i64 = convert %58
      store_element times, %59, %0
      %60: f32 = subtract %10, %47
      store_element currents, %59, %60
      %61: i32 = const 1
      %62: i32 = add %51, %61
      %63: i32 = const 63
      %64: i32 = and %62, %63
      write write_offset, %64
    }
    yield %12
  } else {
    yield %47
  }
  write v, %50
end
";

/// A gradient that is accumulated in place.
const GRADIENT: &str = "
kernel \"gradient\"
slot gradient: f32 variable synapse writable
slot lambda: f32 variable post
begin
  %0: f32 = read gradient
  %1: f32 = read lambda
  %2: f32 = subtract %0, %1
  write gradient, %2
end
";

/// Sum over a row, as feedback needs it.
const FEEDBACK: &str = "
kernel \"feedback\"
slot g: f32 variable synapse
slot lambda: f32 variable post
slot out: f32 accumulator pre
begin
  %0: f32 = read g
  %1: f32 = read lambda
  %2: f32 = multiply %0, %1
  accumulate out, %2
end
";

/// A row of a sparse matrix.
const SPARSE: &str = "
kernel \"sparse\"
slot g: f32 variable synapse
slot out: f32 accumulator post
begin
  %0: f32 = read g
  accumulate out, %0
end
";

/// Kernels that draw a number per neuron.
fn random(function: &str) -> String {
    format!(
        "kernel \"random\"\nslot key: u64 variable launch\nslot id: u32 variable neuron\n\
         slot z: f32 variable neuron writable\nbegin\n  %0: u64 = read key\n  \
         %1: u32 = read id\n  %2: u64 = convert %1\n  %3: u32 = const 0\n  \
         %4: f32 = random {function} %0, %2, %3, %3\n  write z, %4\nend\n"
    )
}

/// One operation on an array in place.
fn operation(text: &str) -> String {
    let slots = "slot x: f32 variable neuron\nslot y: f32 variable neuron\n\
                 slot z: f32 variable neuron writable\n";
    let ty = if text.starts_with("less") { "bool" } else { "f32" };
    let result = if ty == "bool" { "%3" } else { "%2" };
    let convert = if ty == "bool" { "  %3: f32 = convert %2\n" } else { "" };
    format!(
        "kernel \"op\"\n{slots}begin\n  %0: f32 = read x\n  %1: f32 = read y\n  \
         %2: {ty} = {text}\n{convert}  write z, {result}\nend\n"
    )
}

/// A kernel and memory for it.
struct Bench {
    kernel: Kernel,
    patterns: Vec<Pattern>,
    buffers: Vec<Buffer>,
    indices: Vec<u32>,
    lanes: usize,
}

impl Bench {
    fn new(text: &str, lanes: usize) -> Self {
        let kernel: Kernel = text.parse().unwrap();
        let mut patterns = Vec::new();
        let mut buffers = Vec::new();
        for slot in &kernel.slots {
            let (pattern, ty, len) = match (slot.kind, slot.kind.domain()) {
                (SlotKind::Events, _) => (Pattern::Whole, Type::U32, lanes.div_ceil(32)),
                (SlotKind::Array { .. }, _) => (Pattern::Whole, slot.ty, lanes * 64),
                (_, Some(mlgenn_ir::Domain::Launch | mlgenn_ir::Domain::Pre)) => {
                    (Pattern::Uniform, slot.ty, 1)
                }
                _ if kernel.name == "sparse" && slot.name == "out" => {
                    (Pattern::Gather, slot.ty, lanes * 10)
                }
                _ => (Pattern::Contiguous, slot.ty, lanes),
            };
            let buffer = Buffer::new(ty, len).unwrap();
            for i in 0..len {
                let bits = match ty {
                    Type::F32 => {
                        let x = (i * 7919 % 1013) as f32 / 1013.0;
                        let x = match slot.name.as_str() {
                            // A fiftieth of the lanes.
                            "next" => x * 50.0,
                            "t" => 1.0,
                            "times" => 1e9 * x,
                            _ => x,
                        };
                        x.to_bits()
                    }
                    _ if slot.name == "first" => i as u32 * 64,
                    _ if slot.name == "id" => i as u32,
                    _ => 0,
                };
                buffer.store(i, u64::from(bits));
            }
            patterns.push(pattern);
            buffers.push(buffer);
        }
        let indices = (0..lanes as u32).map(|i| i * 10).collect();
        Self { kernel, patterns, buffers, indices, lanes }
    }

    /// What lanes have of their own, read once and written if it can be.
    fn bytes(&self) -> usize {
        let slots = self.kernel.slots.iter().zip(&self.patterns);
        slots
            .map(|(slot, pattern)| match (slot.kind, pattern) {
                (SlotKind::Events, _) => self.lanes.div_ceil(8),
                (SlotKind::Variable { writable: false, .. }, Pattern::Contiguous) => {
                    slot.ty.bytes() * self.lanes
                }
                (_, Pattern::Contiguous | Pattern::Gather) => 2 * slot.ty.bytes() * self.lanes,
                _ => 0,
            })
            .sum()
    }

    fn run(&self, criterion: &mut Criterion, name: &str, executor: &BlockExecutor) {
        let program = executor.compile(&self.kernel, &self.patterns);
        let operands: Vec<_> = self
            .buffers
            .iter()
            .map(|buffer| Operand {
                buffer,
                offset: 0,
                indices: &self.indices,
                length: buffer.len(),
                ring: Ring { slots: 1, current: 0, stride: 0 },
            })
            .collect();
        let watch = Watch::new();
        let launch = Launch { lanes: self.lanes, operands: &operands, watch: &watch };
        let mut group = criterion.benchmark_group(name);
        group.throughput(throughput(self.lanes, self.bytes()));
        group.bench_function(format!("{}/{}", label(executor), self.lanes), |bencher| {
            // What decays must not become slow.
            with_flush_to_zero(|| bencher.iter(|| program.launch(&launch)));
        });
        group.finish();
        assert!(watch.take_fault().is_none());
    }
}

/// Elements, and the bytes that have to be read and written for all of them.
fn throughput(elements: usize, bytes: usize) -> Throughput {
    Throughput::ElementsAndBytes { elements: elements as u64, bytes: bytes as u64 }
}

/// The instruction set, and whether there is machine code.
fn label(executor: &BlockExecutor) -> String {
    let native = if executor.is_native() { "native" } else { "tape" };
    format!("{}/{native}", executor.level().name())
}

fn executors() -> Vec<BlockExecutor> {
    let levels = Level::available().into_iter().filter_map(BlockExecutor::with_level);
    levels.flat_map(|executor| [true, false].map(|native| executor.with_native(native))).collect()
}

/// Time to compile a kernel.
fn compilation(criterion: &mut Criterion) {
    for executor in executors() {
        for (name, text) in [("lif", LIF), ("event_prop", EVENT_PROP)] {
            let bench = Bench::new(text, 16);
            criterion.bench_function(&format!("compile/{}/{name}", label(&executor)), |bencher| {
                bencher.iter(|| executor.compile(&bench.kernel, &bench.patterns));
            });
        }
    }
}

fn operations(criterion: &mut Criterion) {
    for executor in executors() {
        for (name, text) in [
            ("op/add", "add %0, %1"),
            ("op/multiply", "multiply %0, %1"),
            ("op/divide", "divide %0, %1"),
            ("op/less+convert", "less %0, %1"),
            ("op/exp", "math exp %0"),
            ("op/log", "math log %0"),
            ("op/tanh", "math tanh %0"),
            ("op/sqrt", "math sqrt %0"),
        ] {
            Bench::new(&operation(text), 1024).run(criterion, name, &executor);
        }
        for function in ["uniform", "exponential", "normal"] {
            let name = format!("random/{function}");
            Bench::new(&random(function), 1024).run(criterion, &name, &executor);
        }
    }
}

fn neurons(criterion: &mut Criterion) {
    for executor in executors() {
        for lanes in [10, 1000, 10_000] {
            for (name, text) in
                [("lif", LIF), ("alif", ALIF), ("ring", RING), ("event_prop", EVENT_PROP)]
            {
                Bench::new(text, lanes).run(criterion, name, &executor);
            }
        }
    }
}

fn rows(criterion: &mut Criterion) {
    for executor in executors() {
        for lanes in [10, 128, 1000] {
            for (name, text) in
                [("row/gradient", GRADIENT), ("row/feedback", FEEDBACK), ("row/sparse", SPARSE)]
            {
                Bench::new(text, lanes).run(criterion, name, &executor);
            }
        }
    }
}

/// A fiftieth of the rows of a matrix that fits into the second-level cache.
fn dense(criterion: &mut Criterion) {
    for executor in executors().iter().filter(|executor| executor.is_native()) {
        for columns in [10, 100, 128, 256, 1024] {
            let num_rows = 256 * 1024 / columns;
            let matrix = Buffer::new(Type::F32, num_rows * columns).unwrap();
            let out = Buffer::new(Type::F32, columns).unwrap();
            let rows: Vec<u32> = (0..num_rows as u32).step_by(50).collect();
            let mut group = criterion.benchmark_group("dense");
            let elements = rows.len() * columns;
            group.throughput(throughput(elements, 4 * elements));
            group.bench_function(format!("{}/{columns}", executor.level().name()), |bencher| {
                let mut shift = 0;
                bencher.iter(|| {
                    // Other rows each time, or else they stay in the first-level cache.
                    shift = (shift + 1) % 50;
                    let offset = shift * columns;
                    executor.add_rows(&AddRows {
                        matrix: &matrix,
                        matrix_offset: offset,
                        columns,
                        rows: &rows,
                        out: &out,
                        out_offset: 0,
                    });
                });
            });
            group.finish();
        }
    }
}

/// A hundredth of the rows of matrices with a tenth of the synapses, other rows each time.
fn sparse(criterion: &mut Criterion) {
    for size in [1000u32, 4000, 10_000] {
        let (stride, shown) = (size as usize / 10, size / 100);
        let mut lists = TargetLists::new(size as usize, stride * size as usize);
        for row in 0..size {
            let targets: Vec<u32> = (0..size / 10).map(|i| i * 10 + (i * row) % 10).collect();
            assert!(lists.push(&targets));
        }
        let weights = Buffer::new(Type::F32, stride * size as usize).unwrap();
        let out = Buffer::new(Type::F32, size as usize).unwrap();
        let executor = BlockExecutor::chosen().unwrap();
        let mut group = criterion.benchmark_group("sparse");
        let elements = shown as usize * stride;
        // A weight, half of a word for the target, and the sum twice.
        group.throughput(throughput(elements, 14 * elements));
        group.bench_function(format!("{size}"), |bencher| {
            let mut shift = 0;
            bencher.iter(|| {
                shift = (shift + 7919) % size;
                let rows: Vec<u32> = (0..shown).map(|i| (i * 97 + shift) % size).collect();
                let weights = Weights::Each { buffer: &weights, offset: 0, stride };
                let (lists, rows, out) = (&lists, &rows, &out);
                executor.add_to_targets(&AddToTargets {
                    lists,
                    weights,
                    rows,
                    targets: 0..size as usize,
                    out,
                    out_offset: 0,
                });
            });
        });
        group.finish();
    }
}

/// A convolution of 3 x 3 from 16 channels to 32, after pooling of 2 x 2 pixels: each pixel of a ninth
/// of them has spikes in four channels.
fn convolution(criterion: &mut Criterion) {
    const SIDE: u32 = 26;
    let mut lists = RunLists::new();
    for neuron in 0..SIDE * SIDE * 16 {
        let (y, x, channel) = (neuron / 16 / SIDE / 2, neuron / 16 % SIDE / 2, neuron % 16);
        let runs = (0..3).flat_map(|dy| (0..3).map(move |dx| (dy, dx))).filter_map(|(dy, dx)| {
            let (row, column) = (y.checked_sub(dy)?, x.checked_sub(dx)?);
            let weight = ((dy * 3 + dx) * 16 + channel) * 32;
            let target = (row * 11 + column) * 32;
            (row < 11 && column < 11).then_some(Run { target, weight, length: 32 })
        });
        lists.push(&runs.collect::<Vec<_>>());
    }
    let spikes = (0..SIDE * SIDE).filter(|pixel| pixel / SIDE % 3 == 1 && pixel % 3 == 1);
    let rows: Vec<u32> = spikes.flat_map(|pixel| [1, 6, 7, 12].map(|c| 16 * pixel + c)).collect();
    let elements: usize = rows.iter().map(|&row| 32 * lists.targets(row).len()).sum();
    let weights = &Buffer::new(Type::F32, 9 * 16 * 32).unwrap();
    let out = &Buffer::new(Type::F32, 11 * 11 * 32).unwrap();
    for executor in executors().iter().filter(|executor| executor.is_native()) {
        let mut group = criterion.benchmark_group("convolution");
        group.throughput(throughput(elements, 4 * elements));
        group.bench_function(executor.level().name(), |bencher| {
            let (lists, rows) = (&lists, &rows);
            bencher.iter(|| {
                executor.add_runs(&AddRuns {
                    lists,
                    weights,
                    weights_offset: 0,
                    rows,
                    out,
                    out_offset: 0,
                });
            });
        });
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(50))
        .measurement_time(Duration::from_millis(200))
        .without_plots();
    targets = floors::floors, compilation, operations, neurons, rows, dense, sparse, convolution
}
criterion_main!(benches);

//! Tests of the text form.

use crate::kernel::Kernel;
use crate::verify::verify;

const EVERYTHING: &str = r#"kernel "all \"of\" it\n"
slot v: f32 variable neuron writable
slot tau: f64 variable launch
slot out: f32 accumulator post
slot later: f32 delayed_accumulator post
slot past: f32 history pre
slot spikes: bool events
slot table: u32 array writable
begin
  %0: f32 = read v
  %1: f32 = const 1.5
  %2: bool = less %0, %1
  %3: f32 = if %2 {
    %4: f32 = math fma %0, %1, %0
    yield %4
  } else {
    yield %0
  }
  %5: f32 = loop %3 while %6: f32 {
    %7: bool = greater %6, %1
    yield %7
  } do %8: f32 {
    %9: f32 = subtract %8, %1
    yield %9
  }
  write v, %5
  emit spikes, %2
  %10: u64 = const 18446744073709551615
  %11: u32 = const 7
  %12: i32 = const -2
  %13: f32 = random log_normal %10, %10, %11, %11, %0, %1
  %14: f32 = const 0x7fc00000
  %15: f32 = read_delayed past, %12
  accumulate out, %13
  accumulate_delayed later, %15, %11
  %16: ptr = address_of table
  %17: i64 = convert %12
  %18: ptr = add %16, %17
  %19: u32 = load_pointer %18
  store_pointer %18, %19
  atomic_or %18, %11
  %20: u32 = load_element table, %17
  store_element table, %17, %20
  accumulate_element table, %17, %20
  print "%d %g\n", %12, %14
  print "x"
  %21: bool = const true
  assert %21
  %22: f32 = select %21, %0, %1
  %23: f32 = negate %22
  %24: f64 = read tau
  loop  while  {
    %25: bool = const false
    yield %25
  } do  {
  }
end"#;

#[test]
fn printing_gives_back_what_was_parsed() {
    let kernel: Kernel = EVERYTHING.parse().unwrap();
    assert_eq!(kernel.to_string(), EVERYTHING);
    assert_eq!(kernel.to_string().parse(), Ok(kernel.clone()));
    verify(&kernel).unwrap();
}

#[test]
fn comments_and_blank_lines_are_skipped() {
    let text = "\nkernel \"k\" # name\n\nbegin # here\n  # nothing\n\nend\n\n";
    assert_eq!(text.parse::<Kernel>().unwrap().to_string(), "kernel \"k\"\nbegin\nend");
}

#[test]
fn errors_name_the_line() {
    for (text, line, message) in [
        ("", 1, "ends too early"),
        ("kernel k", 1, "expected a string"),
        ("kernel \"k", 1, "does not end"),
        ("kernel \"k\"\nslot x: f33 variable neuron", 2, "not a type"),
        ("kernel \"k\"\nslot x: f32 thing neuron", 2, "not a kind"),
        ("kernel \"k\"\nslot x: f32 history here", 2, "not a domain"),
        ("kernel \"k\"\nslot x: f32 events\nslot x: f32 events", 3, "two slots"),
        ("kernel \"k\"\nbegin\n\n%0: f32 = jump", 4, "no operation"),
        ("kernel \"k\"\nbegin\nwrite y, %0", 3, "no slot"),
        ("kernel \"k\"\nbegin\n%0: i8 = const 128", 3, "not a number of type i8"),
        ("kernel \"k\"\nbegin\n%0: u8 = const 0x100", 3, "not a number of type u8"),
        ("kernel \"k\"\nbegin\n%0: f32 = add %1", 3, "expected 2 values"),
        ("kernel \"k\"\nbegin\n%0: f32 = negate %1 %2", 3, "end of the line"),
        ("kernel \"k\"\nbegin\n%99999999: f32 = negate %1", 3, "not a value"),
        ("kernel \"k\"\nbegin\nif %0 {\n}\nend", 4, "else"),
        ("kernel \"k\"\nbegin\n}", 3, "end"),
        ("kernel \"k\"\nbegin\nend\nend", 4, "nothing may follow"),
        ("kernel \"k\"\nbegin\n@", 3, "no meaning"),
    ] {
        let error = text.parse::<Kernel>().unwrap_err();
        assert_eq!(error.line, line, "{text}: {error}");
        assert!(error.message.contains(message), "{text}: {error}");
    }
    let deep = format!("kernel \"k\"\nbegin\n{}", "if %0 {\n".repeat(100_000));
    assert!(deep.parse::<Kernel>().unwrap_err().message.contains("deep"));
}

proptest::proptest! {
    #[test]
    fn random_kernels_round_trip(case in crate::testing::random_kernel()) {
        let text = case.kernel.to_string();
        let parsed: Kernel = text.parse().unwrap();
        proptest::prop_assert_eq!(parsed.to_string(), text);
        proptest::prop_assert_eq!(parsed, case.kernel);
    }

    #[test]
    fn any_text_is_refused_politely(text in "(?s)[ -~\n]{0,200}") {
        let _ = text.parse::<Kernel>();
        let _ = format!("kernel \"k\"\nbegin\n{text}").parse::<Kernel>();
    }
}

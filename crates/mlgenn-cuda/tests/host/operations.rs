//! Every operation on every type, with special values.

use mlgenn_ir::testing::operation_cases;

use crate::compare::compare;

#[test]
fn every_operation() {
    let cases = operation_cases();
    assert!(compare(&cases) >= cases.len());
}

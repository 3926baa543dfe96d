//! Every way to store synapses, with connectivity that any sizes of populations can have.

use mlgenn::prelude::*;

/// What code may do with the variables of a matrix type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weights {
    /// Anything.
    Individual,
    /// Read them.
    Computed,
    /// Read them and add to them.
    Kernel,
    /// There are none.
    Absent,
}

/// Number of forms that [`form`] knows.
pub(crate) const FORMS: usize = 9;

/// A matrix type, connectivity for it, and what its variables are.
pub(crate) fn form(number: usize) -> (MatrixType, Connectivity, Weights) {
    let sparse = |snippet| Connectivity::Sparse { snippet, params: ParamValues::default() };
    match number {
        0 => (MatrixType::Dense, Connectivity::None, Weights::Individual),
        1 => (MatrixType::Sparse, fixed_probability(), Weights::Individual),
        2 => (MatrixType::Sparse, sparse(strided_rows()), Weights::Individual),
        3 => (MatrixType::DenseProceduralg, Connectivity::None, Weights::Computed),
        4 => (MatrixType::Procedural, sparse(random_rows()), Weights::Computed),
        5 => (MatrixType::Procedural, sparse(strided_rows()), Weights::Computed),
        6 => (MatrixType::ProceduralKernelg, sparse(strided_rows()), Weights::Kernel),
        7 => (MatrixType::Toeplitz, diagonals(), Weights::Kernel),
        _ => (MatrixType::Bitmask, sparse(random_rows()), Weights::Absent),
    }
}

/// Initial weights for a form: those of dense ones that are computed at use draw no numbers.
pub(crate) fn weights(matrix_type: MatrixType, connectivity: &Connectivity) -> VarInit {
    let has_kernel = match connectivity {
        Connectivity::Sparse { snippet, .. } => !snippet.kernel_size.is_empty(),
        Connectivity::Toeplitz { .. } => true,
        _ => false,
    };
    let code = if has_kernel {
        "value = (0.013 * id_kernel) - (0.05 * id_kernel_0) - (0.01 * id_kernel_1);"
    } else if matrix_type == MatrixType::DenseProceduralg {
        "value = (0.01 * (id_pre % 7)) - (0.007 * (id_post % 5));"
    } else {
        "value = -0.05 + (gennrand_uniform() * 0.15);"
    };
    let snippet = InitSnippet { name: "Own".into(), code: code.into(), ..InitSnippet::default() };
    VarInit::Snippet { snippet, params: ParamValues::default() }
}

fn fixed_probability() -> Connectivity {
    let snippet = SparseSnippet {
        name: "FixedProbability".into(),
        params: vec![Param::scalar("prob")],
        ..SparseSnippet::default()
    };
    Connectivity::Sparse { snippet, params: [("prob".into(), 0.3)].into() }
}

/// Random rows, with pairs that are connected twice.
fn random_rows() -> SparseSnippet {
    SparseSnippet {
        name: "Own".into(),
        row_build_code: "
            for(unsigned int j = 0; j < num_post; j++) {
                if(gennrand_uniform() < 0.4) { addSynapse(j - (j % 3)); }
            }"
        .into(),
        ..SparseSnippet::default()
    }
}

/// Rows in which several synapses share an entry of the kernel.
fn strided_rows() -> SparseSnippet {
    SparseSnippet {
        name: "Own".into(),
        row_build_code: "
            for(unsigned int j = id_pre % 3; j < num_post; j += 3) {
                addSynapse(j, j % 2, (id_pre + j) % 5);
            }"
        .into(),
        kernel_size: vec![2, 5],
        ..SparseSnippet::default()
    }
}

fn diagonals() -> Connectivity {
    let snippet = ToeplitzSnippet {
        name: "Own".into(),
        diagonal_build_code: "
            const int shift = (int)id_diag - 2;
            for_each_synapse {
                const int post = (int)id_pre + shift;
                if(post < 0) { continue; }
                if(post >= (int)num_post) { break; }
                addSynapse(post, id_diag, id_pre % 4);
            }"
        .into(),
        max_row_length: 5,
        kernel_size: vec![5, 4],
        ..ToeplitzSnippet::default()
    };
    Connectivity::Toeplitz { snippet, params: ParamValues::default() }
}

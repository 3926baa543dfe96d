//! Networks whose custom updates sum gradients over the batch and learn from them.

use mlgenn::prelude::*;

/// Groups in the order in which they run.
pub(crate) const GROUPS: [&str; 3] = ["Reduce", "Learn", "After"];

fn constant(value: f64) -> VarInit {
    VarInit::Constant { value }
}

fn noisy(name: &str, size: usize) -> Population {
    Population {
        name: name.into(),
        size,
        model: NeuronModel {
            name: "Noisy".into(),
            vars: vec![Var::scalar("V"), Var::scalar("BiasGradient"), Var::read_only("Bias")],
            sim_code: "
                V = (0.9 * V) + (0.1 * Isyn) + (0.3 * gennrand_uniform()) + Bias;
                BiasGradient += V;"
                .into(),
            threshold_condition_code: "V >= 1.0".into(),
            reset_code: "V = 0.0;".into(),
            ..NeuronModel::default()
        },
        vars: [
            ("V".into(), constant(0.5)),
            ("BiasGradient".into(), constant(0.0)),
            ("Bias".into(), constant(0.01)),
        ]
        .into(),
        ..Population::default()
    }
}

fn synapses(name: &str, matrix_type: MatrixType) -> SynapseGroup {
    let connectivity = match matrix_type {
        MatrixType::Sparse => Connectivity::Sparse {
            snippet: SparseSnippet {
                name: "FixedProbability".into(),
                params: vec![Param::scalar("prob")],
                ..SparseSnippet::default()
            },
            params: [("prob".into(), 0.3)].into(),
        },
        _ => Connectivity::None,
    };
    SynapseGroup {
        name: name.into(),
        matrix_type,
        source: "A".into(),
        target: "B".into(),
        weight_update: WeightUpdate {
            model: WeightUpdateModel {
                name: "Learning".into(),
                vars: vec![Var::read_only("g"), Var::scalar("Gradient")],
                post_neuron_var_refs: vec![reference("V", VarAccessMode::ReadOnly)],
                pre_spike_syn_code: "addToPost(g); Gradient += V;".into(),
                ..WeightUpdateModel::default()
            },
            vars: [("g".into(), constant(0.1)), ("Gradient".into(), constant(0.0))].into(),
            post_neuron_var_refs: [("V".into(), "V".into())].into(),
            ..WeightUpdate::default()
        },
        postsynaptic: Postsynaptic {
            model: PostsynapticModel {
                name: "Delta".into(),
                sim_code: "injectCurrent(inSyn); inSyn = 0.0;".into(),
                ..PostsynapticModel::default()
            },
            ..Postsynaptic::default()
        },
        connectivity,
        ..SynapseGroup::default()
    }
}

fn reference(name: &str, access: VarAccessMode) -> VarRefDeclaration {
    VarRefDeclaration { name: name.into(), type_name: "scalar".into(), access }
}

pub(crate) fn synapse_var(group: &str, var: &str) -> VarRef {
    VarRef::Wu { synapse_group: group.into(), var: var.into(), transpose: None }
}

/// An update with references to variables, all of which it may write.
pub(crate) fn update(
    group: &str,
    name: &str,
    code: &str,
    references: &[(&str, VarRef)],
) -> CustomUpdate {
    CustomUpdate {
        name: name.into(),
        group: group.into(),
        model: CustomUpdateModel {
            name: name.into(),
            var_refs: references
                .iter()
                .map(|(name, _)| reference(name, VarAccessMode::ReadWrite))
                .collect(),
            update_code: code.into(),
            ..CustomUpdateModel::default()
        },
        var_refs: references.iter().map(|(name, var)| ((*name).into(), var.clone())).collect(),
        ..CustomUpdate::default()
    }
}

/// The sum of a gradient over the batch, and an optimiser with a momentum.
fn learning(name: &str, gradient: VarRef, weight: VarRef) -> [CustomUpdate; 2] {
    let var = |name: &str, access| CustomUpdateVar {
        name: name.into(),
        type_name: "scalar".into(),
        access,
    };
    let reduce_name = format!("Reduce{name}");
    let code = "Sum = Gradient; Gradient = 0.0;";
    let mut reduce = update("Reduce", &reduce_name, code, &[("Gradient", gradient)]);
    reduce.model.vars = vec![var("Sum", CustomUpdateVarAccess::ReduceBatchSum)];
    reduce.vars.insert("Sum".into(), constant(0.0));
    if name == "T" {
        // Whatever needs the number of the batch member has a copy for each of them.
        reduce.model.vars.push(var("Max", CustomUpdateVarAccess::ReduceBatchMax));
        reduce.vars.insert("Max".into(), constant(0.0));
        reduce.model.update_code.insert_str(0, "Max = Gradient * (batch + 1); ");
    }
    let sum = VarRef::CustomUpdate { custom_update: reduce_name, var: "Sum".into() };
    let code = "M = (0.9 * M) + (0.1 * Sum); Weight -= 0.001 * M / (1.0 + fabs(M));";
    let mut learn =
        update("Learn", &format!("Learn{name}"), code, &[("Sum", sum), ("Weight", weight)]);
    if name != "Bias" {
        // As optimisers do that leave the sum alone.
        learn.model.var_refs[0].access = VarAccessMode::ReadOnly;
    }
    learn.model.vars = vec![var("M", CustomUpdateVarAccess::ReadWrite)];
    learn.vars.insert("M".into(), constant(0.5));
    [reduce, learn]
}

/// What stands between the sums and the optimisers.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Between {
    Nothing,
    /// An update of the same synapses that the optimiser has to come after.
    SamePieces,
    /// One that goes over them in another way.
    OtherPieces,
    /// One of the neurons.
    Neurons,
}

pub(crate) fn network(
    form: MatrixType,
    sizes: [usize; 2],
    batch_size: usize,
    between: Between,
) -> Network {
    let bias = |var: &str| VarRef::Neuron { population: "B".into(), var: var.into() };
    let pairs = [
        learning("S", synapse_var("S", "Gradient"), synapse_var("S", "g")),
        learning("T", synapse_var("T", "Gradient"), synapse_var("T", "g")),
        learning("Bias", bias("BiasGradient"), bias("Bias")),
    ];
    let (mut custom_updates, learn): (Vec<_>, Vec<_>) =
        pairs.into_iter().map(|[reduce, learn]| (reduce, learn)).unzip();
    let weight = [("W", synapse_var("S", "g"))];
    match between {
        Between::Nothing => {}
        Between::SamePieces => {
            custom_updates.push(update("Reduce", "Between", "W = (0.9 * W) + 0.01;", &weight));
        }
        Between::OtherPieces => {
            let code = "W += 0.001 * (id_pre + 2 * id_post);";
            custom_updates.push(update("Reduce", "Between", code, &weight));
        }
        Between::Neurons => {
            let references = [("B", bias("Bias"))];
            custom_updates.push(update("Reduce", "Between", "B *= 0.5;", &references));
        }
    }
    custom_updates.extend(learn);
    let after = [("W", synapse_var("S", "g"))];
    custom_updates.push(update("After", "Clip", "W = fmin(0.12, W);", &after));
    Network {
        name: "joined".into(),
        batch_size,
        seed: 5,
        populations: vec![noisy("A", sizes[0]), noisy("B", sizes[1])],
        synapse_groups: vec![synapses("S", form), synapses("T", MatrixType::Dense)],
        custom_updates,
        ..Network::default()
    }
}

//! The synapses of sparse groups by postsynaptic neuron.

/// For each postsynaptic neuron its synapses, in the order of the presynaptic neurons.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Columns {
    /// Where the synapses of each neuron start in the lists, and where the last ones end.
    pub(super) starts: Vec<u32>,
    /// Presynaptic neurons.
    pub(super) sources: Vec<u32>,
    /// Synapses.
    pub(super) synapses: Vec<u32>,
}

impl Columns {
    /// From rows of such lengths with targets at such a stride. Rows that are too long are cut,
    /// targets that do not exist are left out.
    pub(super) fn new(row_length: &[u32], targets: &[u32], stride: usize, num_post: usize) -> Self {
        let synapses = || {
            let rows = targets.chunks(stride.max(1)).zip(row_length).enumerate();
            rows.flat_map(move |(pre, (row, &length))| {
                let targets = row.iter().take(length as usize).enumerate();
                targets.map(move |(place, &post)| (pre, pre * stride + place, post as usize))
            })
            .filter(|&(_, _, post)| post < num_post)
        };
        let mut starts = vec![0u32; num_post + 1];
        for (_, _, post) in synapses() {
            starts[post + 1] += 1;
        }
        for post in 0..num_post {
            starts[post + 1] += starts[post];
        }
        let count = starts[num_post] as usize;
        let mut next = starts.clone();
        let (mut sources, mut list) = (vec![0; count], vec![0; count]);
        for (pre, synapse, post) in synapses() {
            let place = next[post] as usize;
            next[post] += 1;
            sources[place] = pre as u32;
            list[place] = synapse as u32;
        }
        Self { starts, sources, synapses: list }
    }
}

#[cfg(test)]
mod tests {
    use super::Columns;

    #[test]
    fn synapses_of_a_neuron_are_in_order() {
        let columns = Columns::new(&[2, 0, 3], &[1, 0, 9, 9, 9, 9, 1, 1, 5], 3, 2);
        assert_eq!(columns.starts, [0, 1, 4]);
        assert_eq!(columns.sources, [0, 0, 2, 2]);
        assert_eq!(columns.synapses, [1, 0, 6, 7]);
    }
}

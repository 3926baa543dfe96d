//! Environments of the slots that the recorded cases put their code into.

use mlgenn_lang::{Environment, NumericType, Precision, Symbol, SymbolKind, Type, parse_type};
use serde_json::Value;

/// Collects the names of a slot.
pub(crate) struct Names {
    environment: Environment,
    precision: Precision,
}

impl Names {
    pub(crate) fn new(precision: Precision) -> Self {
        Self { environment: Environment::default(), precision }
    }

    pub(crate) fn build(self) -> Environment {
        self.environment
    }

    pub(crate) fn random(mut self) -> Self {
        self.environment.allows_random = true;
        self
    }

    fn add(&mut self, name: &str, ty: Type, kind: SymbolKind) -> Result<(), String> {
        let symbol = Symbol { name: name.to_owned(), ty, kind };
        self.environment.add(symbol).map(|_| ()).map_err(|_| format!("{name} is taken"))
    }

    /// A name of a type given in words.
    pub(crate) fn value(&mut self, name: &str, ty: &str, read_only: bool) -> Result<(), String> {
        let ty = parse_type(ty, self.precision).map_err(|error| error.to_string())?;
        self.add(name, Type { is_const: read_only, ..ty }, SymbolKind::Value)
    }

    /// Read-only names of one type, separated by spaces.
    pub(crate) fn read_only(mut self, names: &str, ty: &str) -> Self {
        for name in names.split_whitespace() {
            self.value(name, ty, true).unwrap();
        }
        self
    }

    pub(crate) fn function(mut self, name: &str, parameters: &[&str], inside_loop: bool) -> Self {
        let kind = SymbolKind::Function {
            parameters: parameters
                .iter()
                .map(|ty| parse_type(ty, self.precision).unwrap())
                .collect(),
            optional: 0,
            only_for_each_synapse: inside_loop,
        };
        self.add(name, Type::void(), kind).unwrap();
        self
    }

    /// A read-only name that only `for_each_synapse` offers.
    pub(crate) fn inside_loop(mut self, name: &str, ty: &str, read_only: bool) -> Self {
        self.value(name, ty, read_only).unwrap();
        let id = self.environment.find(name).unwrap();
        self.environment.for_each_synapse.get_or_insert_default().push(id);
        self
    }

    /// A synaptic view of a variable that offers past values.
    pub(crate) fn delayable(mut self, name: &str, ty: NumericType) -> Self {
        let ty = Type { is_const: true, ..Type::numeric(ty) };
        self.add(name, ty, SymbolKind::DelayableValue).unwrap();
        self
    }

    /// Variables or references: lists of name, type and perhaps access.
    pub(crate) fn declared(
        mut self,
        entries: &Value,
        always_read_only: bool,
    ) -> Result<Self, String> {
        for entry in entries.as_array().into_iter().flatten() {
            let (name, ty) = (entry[0].as_str().unwrap(), entry[1].as_str().unwrap());
            let access = entry[2].as_str().unwrap_or("READ_WRITE");
            if access.starts_with("REDUCE") || access.starts_with("BROADCAST") {
                let ty = parse_type(ty, self.precision).map_err(|error| error.to_string())?;
                self.add(name, ty, SymbolKind::WriteOnly)?;
            } else {
                self.value(name, ty, always_read_only || access.starts_with("READ_ONLY"))?;
            }
        }
        Ok(self)
    }

    /// Parameters: names, or lists of name and type.
    pub(crate) fn params(mut self, entries: &Value) -> Result<Self, String> {
        for entry in entries.as_array().into_iter().flatten() {
            match entry.as_str() {
                Some(name) => self.value(name, "scalar", true)?,
                None => {
                    let (name, ty) = (entry[0].as_str().unwrap(), entry[1].as_str().unwrap());
                    self.value(name, ty, true)?;
                }
            }
        }
        Ok(self)
    }
}

/// What every neuron slot offers besides the variables of the model.
pub(crate) fn neuron(precision: Precision) -> Names {
    Names::new(precision)
        .random()
        .read_only("t dt st", "timepoint")
        .read_only("id num_neurons batch num_batch", "unsigned int")
        .read_only("Isyn", "scalar")
}

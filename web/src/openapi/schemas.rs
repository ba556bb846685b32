//! The types of the API as JSON schemas, once as they are asked and once as they are answered.
//!
//! The two differ where a field may be left out of a request but is in every answer. A type of
//! which they differ is there twice, and that of requests is called `Given…`.

use std::collections::BTreeSet;

use schemars::generate::{Contract, SchemaGenerator, SchemaSettings};
use serde_json::{Map, Value};

use super::operation::SchemaOf;

const PLACE: &str = "/components/schemas";
const REFERENCE: &str = "#/components/schemas/";

/// Gathers schemas.
pub(super) struct Schemas {
    asked: SchemaGenerator,
    answered: SchemaGenerator,
}

/// The types whose schemas for requests have a name of their own.
pub(super) struct Renamed(BTreeSet<String>);

impl Schemas {
    /// None yet.
    pub(super) fn new() -> Self {
        let generator = |contract| {
            let settings = SchemaSettings::draft2020_12().with(|settings| {
                settings.definitions_path = PLACE.into();
                settings.meta_schema = None;
                settings.contract = contract;
            });
            settings.into_generator()
        };
        Self { asked: generator(Contract::Deserialize), answered: generator(Contract::Serialize) }
    }

    /// The schema of a type in a request.
    pub(super) fn asked(&mut self, of: SchemaOf) -> Value {
        of(&mut self.asked).to_value()
    }

    /// The schema of a type in an answer.
    pub(super) fn answered(&mut self, of: SchemaOf) -> Value {
        of(&mut self.answered).to_value()
    }

    /// All that were named, and what must be renamed in requests.
    pub(super) fn finish(mut self) -> (Map<String, Value>, Renamed) {
        let mut all = self.answered.take_definitions(true);
        let asked = self.asked.take_definitions(true);
        let mut renamed = Renamed(BTreeSet::new());
        // Who refers to one that differs differs as well.
        loop {
            let differs = |(name, schema): (&String, &Value)| {
                let is_other = all.get(name).is_some_and(|answered| answered != schema);
                (is_other || renamed.is_in(schema)) && all.contains_key(name)
            };
            let found: BTreeSet<String> = asked
                .iter()
                .filter(|entry| differs(*entry))
                .map(|(name, _)| name.clone())
                .collect();
            if found == renamed.0 {
                break;
            }
            renamed.0 = found;
        }
        for (name, mut schema) in asked {
            renamed.apply(&mut schema);
            let name = if renamed.0.contains(&name) { given(&name) } else { name };
            all.insert(name, schema);
        }
        all.values_mut().for_each(plain);
        (all, renamed)
    }
}

impl Renamed {
    /// Gives references in what is asked their names.
    pub(super) fn apply(&self, schema: &mut Value) {
        walk(schema, &mut |name, value| {
            if name == "$ref"
                && let Some(target) = self.target(value)
            {
                *value = format!("{REFERENCE}{}", given(target)).into();
            }
        });
    }

    fn is_in(&self, schema: &Value) -> bool {
        let mut found = false;
        walk(&mut schema.clone(), &mut |name, value| {
            found |= name == "$ref" && self.target(value).is_some();
        });
        found
    }

    fn target<'a>(&self, reference: &'a Value) -> Option<&'a str> {
        reference.as_str()?.strip_prefix(REFERENCE).filter(|name| self.0.contains(*name))
    }
}

fn given(name: &str) -> String {
    format!("Given{name}")
}

/// Descriptions come from the documentation of the code, where brackets are links.
fn plain(schema: &mut Value) {
    walk(schema, &mut |name, value| {
        if name == "description"
            && let Some(text) = value.as_str()
        {
            let text = text.replace("[`", "`").replace("`]", "`");
            *value = text.replace("crate::", "").replace("Self::", "").into();
        }
    });
}

/// Shows each entry of each object in it to `see`.
fn walk(value: &mut Value, see: &mut impl FnMut(&str, &mut Value)) {
    match value {
        Value::Object(entries) => {
            for (name, entry) in entries {
                see(name, entry);
                walk(entry, see);
            }
        }
        Value::Array(entries) => entries.iter_mut().for_each(|entry| walk(entry, see)),
        _ => {}
    }
}

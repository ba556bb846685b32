//! JSON schemas of types whose text form is written by hand.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::{Digest, SplitRule};

/// A type that is a text of a certain pattern.
macro_rules! text {
    ($type:ty, $name:literal, $pattern:literal, $about:literal) => {
        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "pattern": $pattern, "description": $about })
            }
        }
    };
}

text!(Digest, "Digest", "^[0-9a-f]{64}$", "BLAKE3 of an object's bytes, in hexadecimal.");
text!(
    SplitRule,
    "SplitRule",
    "^(bytes|lines|guest|records:[0-9]+)$",
    "Where an input may be cut: after any byte, after a line feed, after each record of so many \
     bytes, or where the module says."
);

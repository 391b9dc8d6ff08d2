//! The shapes of fields whose Rust type says less than what they hold: numbers of minor units, moments and days as text.

use crate::amount::MAX_MINOR;
use crate::request::{MAX_METADATA, MAX_METADATA_VALUE};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use std::borrow::Cow;

macro_rules! shape {
    ($(#[$doc:meta])* $name:ident, $schema:tt) => {
        $(#[$doc])*
        pub(crate) struct $name;

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

shape!(
    /// So many minor units.
    Minor, { "type": "integer", "minimum": 0, "maximum": MAX_MINOR }
);
shape!(
    /// So many minor units, less than none for what is owed.
    SignedMinor, { "type": "integer", "minimum": -(MAX_MINOR as i64), "maximum": MAX_MINOR }
);
shape!(
    /// A moment, as [`crate::timestamp::Timestamp::to_rfc3339`] writes it.
    Moment, { "type": "string", "format": "date-time", "pattern": "Z$" }
);
shape!(
    /// A day, as [`crate::timestamp::iso_date`] writes it.
    Day, { "type": "string", "format": "date" }
);

/// What a merchant keeps with a payment.
pub(crate) fn metadata(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": MAX_METADATA,
        "additionalProperties": { "type": "string", "maxLength": MAX_METADATA_VALUE },
    })
}

//! JSON Schemas (draft 2020-12) of every event on the bus and every record of a topic, made from the types that are sent
//! and read. Nothing here is in a function: `cargo xtask docs` writes them to `schemas/`, tests hold events to them.

mod plain;
mod shape;

pub(crate) use shape::{Day, Minor, Moment, SignedMinor, metadata};

use crate::bank::BankMovement;
use crate::event::{ENVELOPE, Event, EventKind, Family};
use crate::ledger::{DEAD_VERSION, DeadHeaders};
use crate::payment_request::{PaymentAnswer, PaymentRequest, REQUEST_VERSION};
use crate::payout::PayoutView;
use crate::view::PaymentView;
use crate::webhook_view::EndpointEvent;
use plain::Plain;
use schemars::generate::SchemaSettings;
use schemars::transform::Transform;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};
use strum::IntoEnumIterator;

/// What a schema's `$id` begins with.
const ID: &str = "https://florin.example/schemas/";

/// A schema and where it stands, such as `events/payment.v1.json`.
#[derive(Clone, Debug)]
pub struct Document {
    /// Its path below `schemas/`; the name ends with the version of what it describes.
    pub path: String,
    /// The schema. It refers to nothing outside of itself.
    pub schema: Value,
}

/// Every schema that there is.
pub fn documents() -> Vec<Document> {
    let families = [Family::Payment, Family::Payout, Family::Bank].map(event);
    let mut documents = families.to_vec();
    documents.push(described::<EndpointEvent>(written(), "events/webhook-endpoint", "WebhookEndpointEvent", ENVELOPE));
    documents.push(events());
    documents.push(described::<PaymentRequest>(read(), "topics/payment-requests", "PaymentRequest", REQUEST_VERSION));
    documents.push(described::<PaymentAnswer>(written(), "topics/payment-answers", "PaymentAnswer", REQUEST_VERSION));
    documents.push(dead_letters("payment-events", "PaymentEventsDeadLetter"));
    documents.push(dead_letters("payment-requests", "PaymentRequestsDeadLetter"));
    documents
}

/// As we write it: what is always there is required.
fn written() -> SchemaGenerator {
    SchemaSettings::draft2020_12().for_serialize().into_generator()
}

/// As we read it: what has a default may be absent.
fn read() -> SchemaGenerator {
    SchemaSettings::draft2020_12().for_deserialize().into_generator()
}

/// The schema of a type.
fn described<T: JsonSchema>(mut generator: SchemaGenerator, place: &str, title: &str, version: u32) -> Document {
    let schema = T::json_schema(&mut generator);
    document(generator, schema, place, title, version)
}

/// One family's events: what EventBridge carries as `detail`.
fn event(family: Family) -> Document {
    let mut generator = written();
    let schema = of_family(&mut generator, family);
    let (name, place, _) = named(family);
    document(generator, schema, place, name, ENVELOPE)
}

/// Every family's events, on one topic.
fn events() -> Document {
    let mut generator = written();
    let mut families = Vec::new();
    for family in [Family::Payment, Family::Payout, Family::Bank] {
        let schema = of_family(&mut generator, family);
        let (name, ..) = named(family);
        generator.definitions_mut().insert(name.to_owned(), schema.to_value());
        families.push(json!({ "$ref": format!("#/$defs/{name}") }));
    }
    let schema = json_schema!({
        "description": "A record of payment-events: an event, by its type. The record's key is the id of what it is about, \
                        so that the events of one payment stay in order; its header `type` is the event's.",
        "oneOf": families,
        "x-extensible": true,
    });
    document(generator, schema, "topics/payment-events", "PaymentEvents", ENVELOPE)
}

/// A family's name, its file and what its events are about.
fn named(family: Family) -> (&'static str, &'static str, &'static str) {
    match family {
        Family::Payment => ("PaymentEvent", "events/payment", "a payment or one of its refunds"),
        Family::Payout => ("PayoutEvent", "events/payout", "a payout"),
        Family::Bank => ("BankEvent", "events/bank", "a movement on our own bank account, which is no merchant's"),
    }
}

/// The envelope, with the types and the data of that family.
fn of_family(generator: &mut SchemaGenerator, family: Family) -> Schema {
    let (data, subject) = match family {
        Family::Payment => (generator.subschema_for::<PaymentView>(), "pay"),
        Family::Payout => (generator.subschema_for::<PayoutView>(), "po"),
        Family::Bank => (generator.subschema_for::<BankMovement>(), "bnk"),
    };
    let kinds: Vec<String> =
        EventKind::iter().filter(|kind| kind.family() == family).map(|kind| kind.to_string()).collect();
    let mut schema = Event::json_schema(generator);
    let (_, _, about) = named(family);
    schema.insert("description".to_owned(), format!("An event about {about}.").into());
    refine(&mut schema, "id", &json!({ "pattern": format!("^{subject}_[0-9a-f]{{32}}:[1-9][0-9]*$") }));
    refine(&mut schema, "type", &json!({ "type": "string", "enum": kinds, "x-extensible": true }));
    refine(&mut schema, "data", data.as_value());
    // Only what is our own is nobody's.
    if family == Family::Bank {
        if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
            properties.remove("merchant_id");
        }
    } else if let Some(required) = schema.get_mut("required").and_then(Value::as_array_mut) {
        required.push("merchant_id".into());
    }
    schema
}

/// Adds to a property's schema.
fn refine(schema: &mut Schema, property: &str, more: &Value) {
    let property = schema.pointer_mut(&format!("/properties/{property}")).and_then(Value::as_object_mut);
    let (Some(property), Some(more)) = (property, more.as_object()) else { return };
    property.extend(more.clone());
}

/// What was put aside of a topic: its value is what nobody could read, so only what was added has a shape.
fn dead_letters(topic: &str, title: &str) -> Document {
    let mut generator = written();
    let headers = generator.subschema_for::<DeadHeaders>();
    let schema = json_schema!({
        "description": format!("A record of {topic}-dlq, its headers as an object: a record of {topic} that cannot be read, key \
                                and value as they came. Records without these headers are Lambda's own: invocations that it \
                                gave up, as its on-failure destinations have them."),
        "type": "object",
        "required": ["headers"],
        "properties": { "headers": headers },
    });
    document(generator, schema, &format!("topics/{topic}-dlq"), title, DEAD_VERSION)
}

/// A schema that stands alone.
fn document(mut generator: SchemaGenerator, mut schema: Schema, place: &str, title: &str, version: u32) -> Document {
    let path = format!("{place}.v{version}.json");
    schema.insert("$schema".to_owned(), generator.settings().meta_schema.as_deref().into());
    schema.insert("$id".to_owned(), format!("{ID}{path}").into());
    schema.insert("title".to_owned(), title.into());
    let definitions = generator.take_definitions(false);
    if !definitions.is_empty() {
        schema.insert("$defs".to_owned(), definitions.into());
    }
    Plain.transform(&mut schema);
    Document { path, schema: schema.to_value() }
}

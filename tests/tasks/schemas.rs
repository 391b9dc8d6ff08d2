//! Events and records, held to the files of `schemas/`.

use serde::Serialize;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

thread_local! {
    static VALIDATORS: RefCell<HashMap<String, Rc<jsonschema::Validator>>> = RefCell::default();
}

/// The validator of a schema such as `topics/payment-events.v1`.
fn validator(name: &str) -> Rc<jsonschema::Validator> {
    let read = || {
        let path = format!("{}/../schemas/{name}.json", env!("CARGO_MANIFEST_DIR"));
        let schema = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let options = jsonschema::options().with_draft(jsonschema::Draft::Draft202012).should_validate_formats(true);
        Rc::new(options.build(&schema).unwrap())
    };
    VALIDATORS.with_borrow_mut(|all| Rc::clone(all.entry(name.to_owned()).or_insert_with(read)))
}

/// What the schema of that name has against the document, one line each.
pub fn findings(name: &str, document: &impl Serialize) -> Vec<String> {
    let document = serde_json::to_value(document).unwrap();
    let errors = validator(name);
    errors.iter_errors(&document).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

/// The document is as the schema of that name says.
pub fn check(name: &str, document: &impl Serialize) {
    let findings = findings(name, document);
    assert!(findings.is_empty(), "{name}: {findings:?}");
}

/// An event is as the topic's schema and its family's say.
pub fn check_event(event: &payments::event::Event) {
    use payments::event::Family;
    let family = match event.kind.family() {
        Family::Payment => "events/payment.v1",
        Family::Payout => "events/payout.v1",
        Family::Bank => "events/bank.v1",
    };
    check(family, event);
    check("topics/payment-events.v1", event);
}

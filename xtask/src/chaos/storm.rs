//! Which calls a run breaks, and how often: rates from a seed, higher where there are few calls.

use bench::numbers::Numbers;

use crate::aws_proxy::plan::{Fault, Plan, Rule};

/// A service, and the least of ten thousand calls that each fault befalls; at most it is twice as many.
const SERVICES: [(&str, u64); 8] = [
    // Some thirty calls a payment.
    ("dynamodb", 4),
    ("lambda", 20),
    ("states", 25),
    ("kms", 20),
    ("events", 20),
    ("sqs", 30),
    ("s3", 20),
    // The clients' own calls.
    ("execute-api", 20),
];

/// The plan of a seed.
pub fn of(seed: u64) -> Plan {
    let mut numbers = Numbers::new(!seed);
    let mut rules = Vec::new();
    for (service, least) in SERVICES {
        for fault in Fault::ALL {
            let rate = least + numbers.number() % (least + 1);
            rules.push(Rule { service: service.to_owned(), operation: None, fault, rate });
        }
    }
    Plan { seed, rules }
}

/// Nothing is broken.
pub fn over() -> Plan {
    Plan::default()
}

//! What the roles in the template may do: named actions on named resources, and the vault for four functions only.

use std::collections::BTreeSet;

use serde_yaml_ng::Value;

use crate::files::{none, texts, yaml};

/// Statements that need a star: resource, statement, why.
const STARS: [(&str, &str, &str); 9] = [
    (
        "PaymentStateMachine",
        "DeliverLogs",
        "CloudWatch Logs has no resources for the actions of log delivery: AWS asks for the star",
    ),
    ("InvoiceFunction", "StoreInvoice", "S3 has no other name for the objects of a bucket than the star behind it"),
    ("ApiFunction", "HandOutInvoice", "S3 has no other name for the objects of a bucket than the star behind it"),
    ("ReconcileFunction", "StoreReport", "a report's name ends with its day"),
    ("PayoutStateMachine", "ReadPayees", "a list of payees for each day: the star is the day"),
    ("PayoutStateMachine", "FollowOwners", "Step Functions names the runs of a Distributed Map itself"),
    ("ListPayeesFunction", "KeepDocument", "a list of payees for each day: the star is the day"),
    ("SendPayoutsFunction", "KeepDocument", "a file for each mode, day and name below out/"),
    ("ReadBankFunction", "KeepDocument", "a message of the bank for each name below in/"),
];

/// What leads to card numbers.
const VAULT: [&str; 2] = ["VaultTable", "VaultKey"];

/// Functions that may touch the vault: resource, why.
const VAULT_USERS: [(&str, &str); 5] = [
    ("TokenizeFunction", "it seals a card and keeps it"),
    ("AuthorizeFunction", "it reads the sealed card, without the key"),
    ("SimulatedAcquirerFunction", "it opens the sealed card, without the table"),
    ("PresentCardFunction", "it opens the sealed card for Stripe, without the table"),
    ("AskAcquirerFunction", "it opens the sealed card for the acquirer, without the table"),
];

/// Who may read which of Stripe's keys: function, the parameters that name the secrets.
const STRIPE_KEYS: [(&str, [&str; 2]); 6] = [
    ("AuthorizeFunction", ["StripeTestSecretArn", "StripeLiveSecretArn"]),
    ("ExecuteFunction", ["StripeTestSecretArn", "StripeLiveSecretArn"]),
    ("VoidFunction", ["StripeTestSecretArn", "StripeLiveSecretArn"]),
    ("RefundFunction", ["StripeTestSecretArn", "StripeLiveSecretArn"]),
    ("PresentCardFunction", ["StripeTestCardSecretArn", "StripeLiveCardSecretArn"]),
    ("HearStripeFunction", ["StripeTestEventsSecretArn", "StripeLiveEventsSecretArn"]),
];

/// Who may do what with the key of signing secrets: resource, action, why.
const WEBHOOK_KEY_USERS: [(&str, &str, &str); 2] = [
    ("SubscribeFunction", "kms:Encrypt", "it makes secrets, and cannot read them back"),
    ("NotifyFunction", "kms:Decrypt", "it signs, and cannot make another secret"),
];

/// One statement of a role's own policy.
struct Statement<'a> {
    resource: &'a str,
    sid: &'a str,
    value: &'a Value,
}

#[test]
fn every_function_has_statements_of_its_own() {
    let template = yaml("template.yaml");
    let having: BTreeSet<_> = statements(&template).iter().map(|statement| statement.resource).collect();
    let without = roles(&template).into_iter().filter(|(name, _)| !having.contains(name));
    let findings: Vec<_> = without.map(|(name, _)| name.to_owned()).collect();
    none(&findings, "write Policies with a Statement for:");
}

#[test]
fn every_policy_is_a_document_in_the_template() {
    let template = yaml("template.yaml");
    let mut findings = Vec::new();
    for (name, resource) in roles(&template) {
        let policies = &resource["Properties"]["Policies"];
        let documents = policies.as_sequence().map(Vec::as_slice).unwrap_or_default();
        if !policies.is_null() && documents.is_empty() || documents.iter().any(|it| !it["Statement"].is_sequence()) {
            findings.push(name.to_owned());
        }
        if !resource["Properties"]["Role"].is_null() {
            findings.push(format!("{name} has a Role"));
        }
    }
    none(&findings, "write statements instead of managed policies, policy templates and roles from elsewhere:");
}

#[test]
fn no_statement_has_a_star() {
    let template = yaml("template.yaml");
    let mut findings = Vec::new();
    for statement in statements(&template).iter().filter(|statement| !is_star(statement)) {
        for key in ["Action", "Resource"] {
            let said = texts(&statement.value[key]);
            if said.is_empty() {
                findings.push(format!("{}, {}: no {key}", statement.resource, statement.sid));
            }
            let stars = said.into_iter().filter(|text| text.contains('*'));
            findings.extend(stars.map(|it| format!("{}, {}: {key} {it}", statement.resource, statement.sid)));
        }
    }
    none(&findings, "name each action and resource, or add the statement to STARS with AWS's reason:");
}

#[test]
fn no_statement_is_turned_around() {
    let template = yaml("template.yaml");
    let mut findings = Vec::new();
    for statement in statements(&template) {
        let turned = ["NotAction", "NotResource"].into_iter().filter(|key| !statement.value[*key].is_null());
        findings.extend(turned.map(|key| format!("{}, {}: {key}", statement.resource, statement.sid)));
    }
    none(&findings, "say what is allowed, not what is not:");
}

#[test]
fn every_exception_is_still_needed() {
    let template = yaml("template.yaml");
    let all = statements(&template);
    let starred = |(resource, sid): (&str, &str)| {
        let named = all.iter().filter(move |it| it.resource == resource && it.sid == sid);
        named.flat_map(|it| ["Action", "Resource"].map(|key| &it.value[key])).flat_map(texts).any(|it| it.contains('*'))
    };
    let old = STARS.into_iter().filter(|(resource, sid, _)| !starred((resource, sid)));
    let findings: Vec<_> = old.map(|(resource, sid, reason)| format!("{resource}, {sid}: {reason}")).collect();
    none(&findings, "remove from STARS what has no star any more:");
}

#[test]
fn a_machine_may_invoke_the_functions_of_its_steps_and_no_others() {
    let template = yaml("template.yaml");
    let all = statements(&template);
    let is_machine = |resource: &Value| resource["Type"].as_str() == Some("AWS::Serverless::StateMachine");
    for (name, machine) in roles(&template).into_iter().filter(|(_, resource)| is_machine(resource)) {
        let steps = texts(&machine["Properties"]["DefinitionSubstitutions"]).into_iter();
        let steps: BTreeSet<_> = steps.filter(|text| text.ends_with("Function.Arn")).collect();
        let invoking = all.iter().filter(|it| it.resource == name && allows(it, "lambda:InvokeFunction"));
        let invoked: BTreeSet<_> = invoking.flat_map(|it| texts(&it.value["Resource"])).collect();
        assert_eq!(invoked, steps, "let {name} invoke what its DefinitionSubstitutions name; the emulator never asks");
    }
}

#[test]
fn who_reaches_an_encrypted_object_may_use_its_key() {
    let template = yaml("template.yaml");
    let all = statements(&template);
    let (mut findings, mut held) = (Vec::new(), 0);
    for (action, key_action) in [("s3:PutObject", "kms:GenerateDataKey"), ("s3:GetObject", "kms:Decrypt")] {
        for statement in all.iter().filter(|it| allows(it, action)) {
            for text in texts(&statement.value["Resource"]) {
                let bucket = text.strip_prefix("${").and_then(|text| text.split_once(".Arn}"));
                let Some((bucket, _)) = bucket else { continue };
                let rules = &template["Resources"][bucket]["Properties"]["BucketEncryption"];
                let Some(key) = texts(rules).into_iter().find(|text| text.ends_with("Key.Arn")) else { continue };
                let may = |it: &&Statement<'_>| it.resource == statement.resource && allows(it, key_action);
                held += 1;
                if !all.iter().filter(may).any(|it| texts(&it.value["Resource"]).contains(&key)) {
                    findings.push(format!("{}, {}: {key_action} on {key}", statement.resource, statement.sid));
                }
            }
        }
    }
    assert!(held > 0, "no statement reaches an encrypted bucket: mend this test");
    none(&findings, "allow what S3 asks for in the caller's name; the emulator never asks:");
}

#[test]
fn the_ledger_cannot_reach_card_numbers() {
    let template = yaml("template.yaml");
    let all = statements(&template);
    let ledger: Vec<_> = all.iter().filter(|statement| statement.resource == "PostLedgerFunction").collect();
    assert!(!ledger.is_empty(), "PostLedgerFunction has no statements: mend template.yaml or this test");
    let findings: Vec<_> = ledger.into_iter().filter(|it| reaches_vault(it)).map(|it| it.sid.to_owned()).collect();
    none(&findings, "remove these statements of PostLedgerFunction; the ledger works on amounts:");
}

#[test]
fn only_five_functions_reach_the_vault() {
    let template = yaml("template.yaml");
    let all = statements(&template);
    let reaching: BTreeSet<_> = all.iter().filter(|it| reaches_vault(it)).map(|it| it.resource).collect();
    let listed = VAULT_USERS.map(|(resource, _)| resource).into_iter().collect::<BTreeSet<_>>();
    assert_eq!(reaching, listed, "remove the statement, or list the function in VAULT_USERS with the reason");
}

#[test]
fn one_key_of_stripes_shows_cards_and_another_moves_money() {
    let template = yaml("template.yaml");
    let all = statements(&template);
    let mut found = BTreeSet::new();
    for statement in all.iter().filter(|it| allows(it, "secretsmanager:GetSecretValue")) {
        let secrets: Vec<_> =
            texts(&statement.value["Resource"]).into_iter().filter(|it| it.ends_with("Arn")).collect();
        found.insert((statement.resource, <[&str; 2]>::try_from(secrets).expect("a secret for each mode")));
    }
    assert_eq!(found, BTreeSet::from(STRIPE_KEYS), "remove the statement, or list the function in STRIPE_KEYS");
    let showing = all.iter().filter(|it| texts(&it.value["Resource"]).contains(&"PresentCardFunction.Arn"));
    let showing: Vec<_> = showing.map(|it| (it.resource, texts(&it.value["Action"]))).collect();
    for mode in ["Test", "Live"] {
        let asserted = texts(&template["Rules"][format!("Stripe{mode}HasTwoKeys")]["Assertions"]).join(" ");
        let (one, other) = (format!("Stripe{mode}SecretArn"), format!("Stripe{mode}CardSecretArn"));
        assert!(asserted.contains(&one) && asserted.contains(&other), "assert that {one} has {other} beside it");
    }
    assert_eq!(showing, [("AuthorizeFunction", vec!["lambda:InvokeFunction"])], "only authorize shows cards to Stripe");
}

#[test]
fn signing_secrets_are_sealed_by_one_function_and_opened_by_another() {
    let template = yaml("template.yaml");
    let mut found = BTreeSet::new();
    for statement in statements(&template) {
        let resources = texts(&statement.value["Resource"]);
        if resources.into_iter().any(|text| text.contains("WebhookKey")) {
            found.extend(texts(&statement.value["Action"]).into_iter().map(|action| (statement.resource, action)));
        }
    }
    let listed = WEBHOOK_KEY_USERS.map(|(resource, action, _)| (resource, action)).into_iter().collect::<BTreeSet<_>>();
    assert_eq!(found, listed, "remove the action, or list it in WEBHOOK_KEY_USERS with the reason");
}

#[test]
fn webhooks_without_tls_exist_on_the_emulator_only() {
    let template = yaml("template.yaml");
    let default = template["Parameters"]["WebhookTestReceiver"]["Default"].as_str();
    assert_eq!(default, Some(""), "give WebhookTestReceiver an empty default");
    let variables = ["SubscribeFunction", "NotifyFunction"].map(|name| {
        texts(&template["Resources"][name]["Properties"]["Environment"]["Variables"]["WEBHOOK_TEST_RECEIVER"])
    });
    let expected = ["IsLocal", "WebhookTestReceiver", "AWS::NoValue"];
    assert_eq!(variables, [expected, expected], "hand WebhookTestReceiver over if IsLocal, and nothing otherwise");
    let rule = &template["Rules"]["OnlyTestsReceiveWebhooksWithoutTls"];
    assert_eq!(texts(&rule["Assertions"]).first(), Some(&"WebhookTestReceiver"), "assert that it is empty elsewhere");
}

/// The resources that get a role of their own, functions and state machines.
fn roles(template: &Value) -> Vec<(&str, &Value)> {
    let resources = template["Resources"].as_mapping().expect("template.yaml has Resources: mend it");
    let named = resources.iter().map(|(name, resource)| (name.as_str().unwrap(), resource));
    let types = ["AWS::Serverless::Function", "AWS::Serverless::StateMachine"];
    named.filter(|(_, resource)| resource["Type"].as_str().is_some_and(|it| types.contains(&it))).collect()
}

fn statements(template: &Value) -> Vec<Statement<'_>> {
    let mut found = Vec::new();
    for (resource, value) in roles(template) {
        let policies = value["Properties"]["Policies"].as_sequence().into_iter().flatten();
        let listed = policies.filter_map(|policy| policy["Statement"].as_sequence()).flatten();
        for value in listed.flat_map(under_condition) {
            let sid = value["Sid"].as_str();
            let sid = sid.unwrap_or_else(|| panic!("a statement of {resource} has no Sid: add one"));
            found.push(Statement { resource, sid, value });
        }
    }
    found
}

/// A statement, or both sides of one that depends on a condition: its name, the statement, and nothing.
fn under_condition(value: &Value) -> Vec<&Value> {
    match value.as_sequence() {
        Some(sides) => sides.iter().filter(|side| side.is_mapping()).collect(),
        None => vec![value],
    }
}

fn allows(statement: &Statement<'_>, action: &str) -> bool {
    texts(&statement.value["Action"]).contains(&action)
}

fn is_star(statement: &Statement<'_>) -> bool {
    STARS.iter().any(|(resource, sid, _)| *resource == statement.resource && *sid == statement.sid)
}

fn reaches_vault(statement: &Statement<'_>) -> bool {
    texts(statement.value).into_iter().any(|text| VAULT.into_iter().any(|name| text.contains(name)))
}

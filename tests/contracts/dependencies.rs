//! Who may know whom: the domain knows nobody, functions do not know each other, one crate knows Lambda.

use std::collections::BTreeMap;

use toml::{Table, Value};

use crate::files::{folders, none, output, root, rust_files, text};

/// Crates that bring a clock, chance, a network or a runtime.
const OUTSIDE: [&str; 10] =
    ["tokio", "async-std", "chrono", "lambda_runtime", "reqwest", "krafka", "redis", "getrandom", "rand", "ring"];
/// How the names of the AWS crates start.
const AWS: &str = "aws-";
/// The features of `time` that look at the machine, as `cargo tree` writes them.
const MACHINE_TIME: [&str; 2] = ["local-offset", "rand"];
/// How code would ask the machine for the time.
const CLOCKS: [&str; 4] = ["SystemTime", "Instant::now", "now_utc", "now_local"];

/// One `Cargo.toml`.
struct Manifest {
    folder: String,
    name: String,
    /// The packages that it names in any list of dependencies.
    dependencies: Vec<String>,
}

#[test]
fn the_domain_depends_on_nothing_that_acts() {
    let tree = domain_tree();
    let names = tree.keys();
    let findings: Vec<_> =
        names.filter(|name| name.starts_with(AWS) || OUTSIDE.contains(&name.as_str())).cloned().collect();
    let ask = "crates/payments takes time, chance and the outside as values or ports; `cargo tree -p payments -i <crate>` \
               shows who brings:";
    none(&findings, ask);
}

#[test]
fn the_domain_depends_on_nothing_of_ours() {
    let ours: Vec<_> = manifests().into_iter().map(|manifest| manifest.name).collect();
    let tree = domain_tree();
    let names = tree.keys().cloned();
    let findings: Vec<_> = names.filter(|name| name != "payments" && ours.contains(name)).collect();
    none(&findings, "move what crates/payments needs into it, or pass it in; it must not depend on:");
}

#[test]
fn the_domains_time_crate_cannot_ask_the_machine() {
    let tree = domain_tree();
    let features = tree.get("time").expect("crates/payments uses `time`: mend the test");
    let findings: Vec<_> = MACHINE_TIME
        .into_iter()
        .filter(|feature| features.split(',').any(|enabled| enabled.trim() == *feature))
        .map(str::to_owned)
        .collect();
    none(
        &findings,
        "take these features of `time` out of [workspace.dependencies]; timestamps come from the Clock port:",
    );
}

#[test]
fn the_domains_source_never_asks_for_the_time() {
    let mut findings = Vec::new();
    for path in rust_files("crates/payments/src") {
        let source = std::fs::read_to_string(&path).unwrap();
        for (index, line) in source.lines().enumerate() {
            let found = CLOCKS.into_iter().filter(|clock| line.contains(clock));
            let shown = path.strip_prefix(root()).unwrap().display();
            findings.extend(found.map(|clock| format!("{shown}:{}: {clock}", index + 1)));
        }
    }
    none(&findings, "take the time as an argument, or from the Clock port:");
}

#[test]
fn no_function_depends_on_another() {
    let all = manifests();
    let functions: Vec<_> = all.iter().filter(|it| it.folder.starts_with("functions/")).collect();
    let mut findings = Vec::new();
    for function in &functions {
        let named = functions.iter().filter(|other| function.dependencies.contains(&other.name));
        findings.extend(named.map(|other| format!("{}/Cargo.toml names {}", function.folder, other.name)));
    }
    none(&findings, "move what two functions share to crates/:");
}

#[test]
fn only_the_task_crate_knows_the_lambda_runtime() {
    let all = manifests();
    let (task, others): (Vec<_>, Vec<_>) = all.iter().partition(|it| it.folder == "crates/task");
    let knows = |it: &&Manifest| it.dependencies.iter().any(|name| name == "lambda_runtime");
    assert!(task.iter().any(knows), "crates/task has lost lambda_runtime: mend its Cargo.toml or this test");
    let findings: Vec<_> = others.into_iter().filter(knows).map(|it| format!("{}/Cargo.toml", it.folder)).collect();
    none(&findings, "call `task` instead of lambda_runtime in:");
}

/// The packages that the domain is built with, and their enabled features.
fn domain_tree() -> BTreeMap<String, String> {
    let arguments = ["tree", "-p", "payments", "-e", "normal", "--prefix", "none", "--offline", "--format", "{p}|{f}"];
    let printed = output(env!("CARGO"), &arguments);
    let lines = printed.lines().filter_map(|line| line.split_once('|'));
    let tree: BTreeMap<_, _> = lines
        .map(|(package, features)| {
            let name = package.split(' ').next().unwrap().to_owned();
            (name, features.trim_end_matches("(*)").trim().to_owned())
        })
        .collect();
    assert!(tree.contains_key("payments"), "`cargo tree` writes in another way: mend the test");
    tree
}

fn manifests() -> Vec<Manifest> {
    let workspace: Table = text("Cargo.toml").parse().unwrap();
    let shared = &workspace["workspace"]["dependencies"];
    let parents = ["crates", "functions"].into_iter();
    let below = parents.flat_map(|parent| folders(parent).into_iter().map(move |name| format!("{parent}/{name}")));
    below.chain(["xtask".to_owned()]).map(|folder| manifest(folder, shared)).collect()
}

fn manifest(folder: String, shared: &Value) -> Manifest {
    let path = format!("{folder}/Cargo.toml");
    let parsed: Table = text(&path).parse().unwrap_or_else(|error| panic!("{path} is not TOML ({error}): mend it"));
    let mut dependencies = Vec::new();
    collect(&parsed, shared, &mut dependencies);
    let targets = parsed.get("target").and_then(Value::as_table);
    for target in targets.into_iter().flat_map(Table::values) {
        collect(target.as_table().unwrap(), shared, &mut dependencies);
    }
    let name = parsed["package"]["name"].as_str().unwrap().to_owned();
    Manifest { folder, name, dependencies }
}

/// Adds the packages of a table's three lists, by their own names even if they are renamed.
fn collect(table: &Table, shared: &Value, dependencies: &mut Vec<String>) {
    for list in ["dependencies", "dev-dependencies", "build-dependencies"] {
        let entries = table.get(list).and_then(Value::as_table);
        for (key, value) in entries.into_iter().flatten() {
            let inherited = value.get("workspace").is_some();
            let said = if inherited { shared.get(key).unwrap_or(value) } else { value };
            let package = said.get("package").and_then(Value::as_str).unwrap_or(key);
            dependencies.push(package.to_owned());
        }
    }
}

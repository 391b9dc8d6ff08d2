//! Where the repository's files are, and how the contracts read them.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_yaml_ng::Value;

/// The seven steps of a payment, by their folder below `functions/`.
pub const STEPS: [&str; 7] = ["validate", "authorize", "fraud-check", "execute", "settle", "void", "refund"];

/// The repository's root.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// A file of the repository as text.
pub fn text(path: &str) -> String {
    let read = std::fs::read_to_string(root().join(path));
    read.unwrap_or_else(|error| panic!("{path} cannot be read ({error}): add it or mend its name"))
}

/// A YAML file of the repository. CloudFormation's short tags are kept as tagged values.
pub fn yaml(path: &str) -> Value {
    let parsed = serde_yaml_ng::from_str(&text(path));
    parsed.unwrap_or_else(|error| panic!("{path} is not YAML ({error}): mend it"))
}

/// The names of the folders in a folder of the repository, sorted.
pub fn folders(path: &str) -> Vec<String> {
    let entries = std::fs::read_dir(root().join(path)).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let packages = paths.filter(|path| path.join("Cargo.toml").is_file());
    let mut names: Vec<_> = packages.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    names.sort();
    assert!(!names.is_empty(), "{path} has no package: mend the test's path");
    names
}

/// The Rust files below a folder of the repository.
pub fn rust_files(path: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![root().join(path)];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    assert!(!found.is_empty(), "{path} has no Rust file: mend the test's path");
    found
}

/// `fraud-check` as `FraudCheck`.
pub fn pascal(name: &str) -> String {
    let words = name.split('-');
    words.map(|word| format!("{}{}", word[..1].to_uppercase(), &word[1..])).collect()
}

/// What a program prints, run in the root.
pub fn output(program: &str, arguments: &[&str]) -> String {
    let ran = Command::new(program).args(arguments).current_dir(root()).output();
    let ran = ran.unwrap_or_else(|error| panic!("{program} does not start ({error}): install it"));
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "`{program} {}` failed, see why:\n{said}", arguments.join(" "));
    String::from_utf8(ran.stdout).unwrap()
}

/// Fails with all the findings at once.
pub fn none(findings: &[String], what_to_do: &str) {
    assert!(findings.is_empty(), "{what_to_do}\n  {}", findings.join("\n  "));
}

/// The texts in a value, through lists, maps and tags.
pub fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Sequence(values) => values.iter().flat_map(texts).collect(),
        Value::Mapping(mapping) => mapping.values().flat_map(texts).collect(),
        Value::Tagged(tagged) => texts(&tagged.value),
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}

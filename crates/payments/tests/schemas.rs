//! The files of `schemas/` are what the types say. `UPDATE_EXPECT=1` writes them.
#![allow(clippy::unwrap_used, reason = "a test's failure is its panic")]

use payments::schema::documents;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas")
}

/// The schemas as files: path and text.
fn expected() -> BTreeMap<String, String> {
    let text = |schema| serde_json::to_string_pretty(schema).unwrap() + "\n";
    documents().iter().map(|document| (document.path.clone(), text(&document.schema))).collect()
}

/// The files that are there.
fn found() -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    for part in ["events", "topics"] {
        for entry in fs::read_dir(folder().join(part)).into_iter().flatten() {
            let path = entry.unwrap().path();
            let name = format!("{part}/{}", path.file_name().unwrap().to_string_lossy());
            files.insert(name, fs::read_to_string(path).unwrap());
        }
    }
    files
}

#[test]
fn the_committed_schemas_are_what_the_types_say() {
    let expected = expected();
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        for (path, text) in &expected {
            let file = folder().join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        for stale in found().keys().filter(|path| !expected.contains_key(*path)) {
            fs::remove_file(folder().join(stale)).unwrap();
        }
    }
    let found = found();
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>(), "cargo xtask docs");
    for (path, text) in &expected {
        assert_eq!(found[path], *text, "schemas/{path} is stale: cargo xtask docs");
    }
}

//! The bugs that the simulation is tried with are still where the list says, and docs/simulated-bugs.md is about them.

use std::collections::BTreeSet;

use crate::files::text;

#[test]
fn every_planted_bug_is_in_the_sources_and_was_found() {
    // Reading the list refuses a bug whose place is gone.
    let workspace = xtask::Workspace::find().unwrap();
    let bugs = xtask::simulate::bugs(&workspace).unwrap();
    let listed: BTreeSet<&str> = bugs.iter().map(|bug| bug.name.as_str()).collect();
    let table = text("docs/simulated-bugs.md");
    let rows = table.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    let found: BTreeSet<&str> = rows.filter(|name| *name != "bug").collect();
    assert_eq!(found, listed, "run cargo xtask simulate --bugs");
    assert!(!table.contains("not found"), "a planted bug is not found");
    assert!(listed.len() >= 40);
}

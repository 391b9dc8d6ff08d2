//! Bugs that are planted in a copy of the sources: all of Rust at once, each switched on by its name at run time; definitions
//! one at a time.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::workspace::Workspace;

/// The list.
const BUGS: &str = "tests/simulation/bugs.toml";
/// The variable that names the bug that is switched on.
pub(super) const VARIABLE: &str = "FLORIN_BUG";
/// What the copy has of the workspace.
const COPIED: [&str; 12] = [
    "Cargo.toml",
    "Cargo.lock",
    "template.yaml",
    "openapi.yaml",
    "bench",
    "crates",
    "functions",
    "schemas",
    "statemachines",
    "tests",
    "xtask",
    "rust-toolchain.toml",
];
/// Stands at the end of crates/payments/src/lib.rs in the copy.
const SWITCH: &str = r#"
#[doc(hidden)]
pub mod bug {
    static ON: std::sync::OnceLock<String> = std::sync::OnceLock::new();

    #[doc(hidden)]
    pub fn is(name: &str) -> bool {
        ON.get_or_init(|| std::env::var("FLORIN_BUG").unwrap_or_default()) == name
    }
}
"#;

/// A bug.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bug {
    /// What it is called.
    pub name: String,
    /// Where it is planted.
    pub file: String,
    /// What stands there, once.
    pub before: String,
    /// What stands there then; in Rust, `BUG` is whether this one is switched on.
    pub after: String,
}

#[derive(Deserialize)]
struct List {
    bug: Vec<Bug>,
}

/// All bugs of the list; each has a name of its own and is somewhere in the sources, once.
pub fn bugs(workspace: &Workspace) -> Result<Vec<Bug>> {
    let text = fs::read_to_string(workspace.root().join(BUGS)).with_context(|| format!("reading {BUGS}"))?;
    let list: List = toml::from_str(&text).with_context(|| format!("reading {BUGS}"))?;
    let mut names = BTreeSet::new();
    for bug in &list.bug {
        if !names.insert(&bug.name) {
            bail!("{BUGS}: {} is there twice", bug.name);
        }
        let source =
            fs::read_to_string(workspace.root().join(&bug.file)).with_context(|| format!("reading {}", bug.file))?;
        plant(&source, bug, &bug.after)?;
    }
    Ok(list.bug)
}

fn plant(source: &str, bug: &Bug, after: &str) -> Result<String> {
    match source.matches(&bug.before).count() {
        1 => Ok(source.replacen(&bug.before, after, 1)),
        count => bail!("{}: expected `before` once in {}, found it {count} times", bug.name, bug.file),
    }
}

impl Bug {
    fn is_rust(&self) -> bool {
        self.file.ends_with(".rs")
    }
}

/// The copy.
pub(super) struct Copy(PathBuf);

impl Copy {
    /// Brings the copy up to date, and plants all bugs that are Rust.
    pub(super) fn make(workspace: &Workspace, bugs: &[Bug]) -> Result<Self> {
        let copy = Self(workspace.florin().join("bugs"));
        for name in COPIED {
            copy.take(workspace.root(), Path::new(name), bugs)?;
        }
        Ok(copy)
    }

    pub(super) fn root(&self) -> &Path {
        &self.0
    }

    /// Copies what changed only, and forgets what is gone: what is as it was is not built again.
    fn take(&self, from: &Path, path: &Path, bugs: &[Bug]) -> Result<()> {
        let source = from.join(path);
        if source.is_dir() {
            let there = names(&source)?;
            let copied = self.0.join(path);
            for gone in names(&copied).unwrap_or_default().difference(&there) {
                let gone = copied.join(gone);
                let removed = if gone.is_dir() { fs::remove_dir_all(&gone) } else { fs::remove_file(&gone) };
                removed.with_context(|| format!("removing {}", gone.display()))?;
            }
            return there.iter().try_for_each(|name| self.take(from, &path.join(name), bugs));
        }
        let mut bytes = fs::read(&source).with_context(|| format!("reading {}", source.display()))?;
        if path.extension().is_some_and(|extension| extension == "rs") {
            let text = String::from_utf8(bytes).with_context(|| format!("reading {}", source.display()))?;
            bytes = planted(text, path, bugs)?.into_bytes();
        }
        let target = self.0.join(path);
        if fs::read(&target).is_ok_and(|there| there == bytes) {
            return Ok(());
        }
        fs::create_dir_all(target.parent().context("a path without a folder")?)?;
        fs::write(&target, bytes).with_context(|| format!("writing {}", target.display()))
    }

    /// What the simulation has to be told for a bug that is not Rust: where its definition is.
    pub(super) fn switched_on(&self, bug: &Bug) -> Result<Vec<String>> {
        if bug.is_rust() {
            return Ok(Vec::new());
        }
        let source = fs::read_to_string(self.0.join(&bug.file))?;
        let target = self.0.join(format!("{}.{}", bug.name, bug.file.replace('/', "-")));
        fs::write(&target, plant(&source, bug, &bug.after)?)?;
        let option = if bug.file == "template.yaml" { "--template" } else { "--machine" };
        Ok(vec![option.to_owned(), target.to_str().context("a path that is not text")?.to_owned()])
    }
}

fn names(folder: &Path) -> Result<BTreeSet<OsString>> {
    let entries = fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))?;
    entries.map(|entry| Ok(entry?.file_name())).collect()
}

fn planted(mut text: String, path: &Path, bugs: &[Bug]) -> Result<String> {
    let in_payments = path.starts_with("crates/payments");
    for bug in bugs.iter().filter(|bug| Path::new(&bug.file) == path) {
        let switch = if in_payments { "crate" } else { "payments" };
        text = plant(&text, bug, &bug.after.replace("BUG", &format!("{switch}::bug::is({:?})", bug.name)))?;
    }
    if path == Path::new("crates/payments/src/lib.rs") {
        text.push_str(SWITCH);
    }
    Ok(text)
}

/// Each bug, where it is, after how many worlds it was found, and by what.
pub(super) fn table(bugs: &[Bug], found: &[(u64, Option<String>)]) -> String {
    let mut text = "# Planted bugs, and what finds them\n\nWritten by `cargo xtask simulate --bugs`. A bug is a change of one place \
                    of the product's own code, of the state machine or of the template (`tests/simulation/bugs.toml`); worlds \
                    are played from seed 0 until an invariant breaks.\n\n| bug | planted in | worlds | the first invariant that \
                    broke |\n|---|---|---|---|\n"
        .to_owned();
    for (bug, (worlds, invariant)) in bugs.iter().zip(found) {
        let invariant = invariant.as_deref().unwrap_or("**not found**");
        let _ = writeln!(text, "| {} | `{}` | {worlds} | {invariant} |", bug.name, bug.file);
    }
    text
}

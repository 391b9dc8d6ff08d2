//! Builds every function once and lays it out as `sam build` would, below `.florin/build`.
//!
//! It refuses to know what a function does. Unchanged binaries keep their bytes, so SAM CLI uploads nothing new.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::UNIX_EPOCH;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use tokio::process::Command;

use crate::state::write_whole;
use crate::template;
use crate::workspace::Workspace;

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    target_directory: PathBuf,
}

#[derive(Deserialize)]
struct Package {
    manifest_path: PathBuf,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

/// A function's folder name and where its binary ends up.
struct Function {
    folder: String,
    binary: PathBuf,
}

/// Cargo in the repository, as a user would start it: it told us about our own package, and ring's build script, for one,
/// would take that for a change and be built anew with all that stands on it.
pub fn cargo(workspace: &Workspace) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(workspace.root()).stdin(Stdio::null());
    let ours = ["CARGO_MANIFEST_", "CARGO_PKG_"];
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| ours.iter().any(|start| name.starts_with(start))) {
            command.env_remove(&name);
        }
    }
    command
}

async fn functions(workspace: &Workspace) -> Result<Vec<Function>> {
    let output = cargo(workspace)
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .stderr(Stdio::inherit())
        .output()
        .await
        .context("starting cargo")?;
    if !output.status.success() {
        bail!("cargo metadata ended with {}", output.status);
    }
    let metadata: Metadata = serde_json::from_slice(&output.stdout).context("reading cargo metadata")?;
    let below = workspace.root().join("functions").canonicalize().context("looking for functions/")?;
    let mut functions = Vec::new();
    for package in metadata.packages {
        let Ok(inside) = package.manifest_path.strip_prefix(&below) else {
            continue;
        };
        let folder = inside.parent().map(Path::display).map(|folder| folder.to_string()).unwrap_or_default();
        if !package.targets.iter().any(|target| target.name == folder && target.kind.iter().any(|kind| kind == "bin")) {
            bail!("functions/{folder} has no binary named {folder}");
        }
        let binary = metadata.target_directory.join("debug").join(&folder);
        functions.push(Function { folder, binary });
    }
    Ok(functions)
}

/// Compiles all functions in one go.
pub async fn compile(workspace: &Workspace) -> Result<usize> {
    let functions = functions(workspace).await?;
    if functions.is_empty() {
        bail!("no package below functions/");
    }
    let mut command = cargo(workspace);
    // The whole workspace, so that the tests find every crate built with the same features.
    command.args(["build", "--workspace", "--bins"]);
    let status = command.status().await.context("starting cargo build")?;
    if !status.success() {
        bail!("the functions do not compile");
    }
    Ok(functions.len())
}

/// Lays out the binaries and the template; answers with a digest of all that a deployment of it reads.
pub async fn lay_out(workspace: &Workspace) -> Result<String> {
    let functions = functions(workspace).await?;
    let root = workspace.root();
    let source = std::fs::read_to_string(root.join("template.yaml")).context("reading template.yaml")?;
    let rewritten = template::rewrite(&source, |path| root.join(path).is_file())?;
    let mut digest = Sha256::new();
    for folder in &rewritten.functions {
        let Some(function) = functions.iter().find(|function| function.folder == *folder) else {
            bail!("template.yaml deploys functions/{folder}, which is no member of the Cargo workspace");
        };
        let stamp = stamp(&function.binary).context("was it never built (--skip-build)?")?;
        digest.update(format!("{folder} {stamp} "));
        place(&workspace.build().join(folder), &function.binary)?;
    }
    digest.update(&rewritten.text);
    digest_local_files(root, &rewritten.text, &mut digest)?;
    write_whole(&workspace.build().join("template.yaml"), rewritten.text.as_bytes())?;
    Ok(hex::encode(digest.finalize()))
}

/// Size and time of change: cargo leaves both alone if nothing was to be done, and hashing takes seconds.
pub fn stamp(file: &Path) -> Result<String> {
    let metadata = std::fs::metadata(file).with_context(|| format!("looking at {}", file.display()))?;
    let changed = metadata.modified().context("a file system without times")?;
    let since = changed.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(format!("{}@{}.{:09}", metadata.len(), since.as_secs(), since.subsec_nanos()))
}

fn place(folder: &Path, binary: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    let bootstrap = folder.join("bootstrap");
    if stamp(&bootstrap).is_ok_and(|placed| stamp(binary).is_ok_and(|built| built == placed)) {
        return Ok(());
    }
    // A copy, not a hard link: cargo may write into the file it has, and SAM CLI may be reading it.
    std::fs::copy(binary, &bootstrap).with_context(|| format!("copying {}", binary.display()))?;
    let changed = std::fs::metadata(binary).and_then(|metadata| metadata.modified()).context("reading a time")?;
    let copied = File::options().write(true).open(&bootstrap).context("opening the copy")?;
    copied.set_modified(changed).context("giving the copy its time")
}

/// Files that the template points at change the deployment as well.
fn digest_local_files(root: &Path, text: &str, digest: &mut Sha256) -> Result<()> {
    for line in text.lines() {
        let Some((_, rest)) = line.split_once("../../") else {
            continue;
        };
        let end = rest.find([' ', ',', '}', '"', '\'']).unwrap_or(rest.len());
        let path = root.join(&rest[..end]);
        digest.update(std::fs::read(&path).with_context(|| format!("reading {}", path.display()))?);
    }
    Ok(())
}

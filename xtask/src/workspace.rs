//! Where things are: the repository and everything `.florin/` holds.
//!
//! It refuses to know what is done with a path.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// A repository with a SAM template, and its git-ignored `.florin/` folder.
#[derive(Clone, Debug)]
pub struct Workspace {
    root: PathBuf,
}

impl Workspace {
    /// The nearest folder upwards from here that has a `template.yaml` and a `samconfig.toml`.
    pub fn find() -> Result<Self> {
        let here = std::env::current_dir().context("reading the current folder")?;
        let root = here
            .ancestors()
            .find(|folder| folder.join("template.yaml").is_file() && folder.join("samconfig.toml").is_file())
            .with_context(|| format!("no template.yaml with a samconfig.toml in {} or above it", here.display()))?;
        Ok(Self { root: root.to_owned() })
    }

    /// The repository itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Everything that is written: git-ignored, deletable when nothing runs.
    pub fn florin(&self) -> PathBuf {
        self.root.join(".florin")
    }

    /// What runs, by pid and start time.
    pub fn state_file(&self) -> PathBuf {
        self.florin().join("state.json")
    }

    /// The virtual environment with the pinned tools.
    pub fn tools(&self) -> PathBuf {
        self.florin().join("tools")
    }

    /// A program of the virtual environment.
    pub fn tool(&self, name: &str) -> PathBuf {
        self.tools().join("bin").join(name)
    }

    /// What `sam build` would have written.
    pub fn build(&self) -> PathBuf {
        self.florin().join("build")
    }

    /// One log per server.
    pub fn log(&self, name: &str) -> PathBuf {
        self.florin().join("logs").join(format!("{name}.log"))
    }

    /// The servers' working folders and homes.
    pub fn data(&self) -> PathBuf {
        self.florin().join("data")
    }

    /// The servers' TMPDIR.
    pub fn temporary(&self) -> PathBuf {
        self.florin().join("tmp")
    }

    /// The poller's own account of what it does; its presence says that it has started.
    pub fn poller_report(&self) -> PathBuf {
        self.florin().join("poller.json")
    }

    /// A sample event.
    pub fn event(&self, function: &str) -> PathBuf {
        self.root.join("events").join(format!("{function}.json"))
    }

    /// Makes the folders that servers expect to exist.
    pub fn make_folders(&self) -> Result<()> {
        for folder in
            [self.florin().join("logs"), self.florin().join("bin"), self.data(), self.temporary(), self.build()]
        {
            std::fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
        }
        Ok(())
    }
}

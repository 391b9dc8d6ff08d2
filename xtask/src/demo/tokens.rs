//! The tokens that the demo's payments were made with, kept in `.florin/demo-tokens.json`.
//!
//! A token is part of a payment's body, and the same Idempotency-Key must come with the same body. Tokens of a stack
//! that has been made anew stand for nothing and are discarded.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::process::Process;
use crate::stack::Stack;
use crate::state::{Server, write_whole};

/// Tokens by the name of their line.
pub struct Tokens {
    path: PathBuf,
    kept: Kept,
}

#[derive(Default, Serialize, Deserialize)]
struct Kept {
    /// The emulator that the tokens were made in.
    emulator: Option<Process>,
    tokens: BTreeMap<String, String>,
}

impl Tokens {
    /// What an earlier run on this very stack has left.
    pub fn of(stack: &Stack) -> Self {
        let path = stack.workspace.florin().join("demo-tokens.json");
        Self::load(path, stack.process(Server::Ministack))
    }

    fn load(path: PathBuf, emulator: Option<Process>) -> Self {
        let kept = std::fs::read(&path).ok();
        let kept = kept.and_then(|text| serde_json::from_slice::<Kept>(&text).ok());
        let kept = kept.filter(|kept| kept.emulator == emulator && emulator.is_some());
        let kept = kept.unwrap_or_else(|| Kept { emulator, tokens: BTreeMap::new() });
        Self { path, kept }
    }

    /// The token of a line.
    pub fn get(&self, name: &str) -> Option<String> {
        self.kept.tokens.get(name).cloned()
    }

    /// Keeps a token; on disk before it is used, so that an interrupted run can be repeated.
    pub fn keep(&mut self, name: String, token: String) -> Result<()> {
        self.kept.tokens.insert(name, token);
        let text = serde_json::to_vec_pretty(&self.kept).context("encoding the tokens")?;
        write_whole(&self.path, &text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_outlive_a_run_but_not_their_stack() {
        let path = std::env::temp_dir().join(format!("demo-tokens-{}.json", std::process::id()));
        let emulator = Some(Process { pid: 7, started: 1 });
        let mut tokens = Tokens::load(path.clone(), emulator);
        tokens.keep("mer_a/k".to_owned(), "tok_1".to_owned()).unwrap();
        let again = Tokens::load(path.clone(), emulator).get("mer_a/k");
        let anew = Tokens::load(path.clone(), Some(Process { pid: 7, started: 2 })).get("mer_a/k");
        std::fs::remove_file(path).unwrap();
        assert_eq!((again.as_deref(), anew), (Some("tok_1"), None));
    }
}

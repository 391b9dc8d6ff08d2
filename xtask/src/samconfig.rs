//! The parts of `samconfig.toml` that its user and `up` must agree on: names, and parameters that do not change.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::workspace::Workspace;

/// The environment of the local stack, as in `sam deploy --config-env local`.
pub const ENVIRONMENT: &str = "local";

/// `[local.deploy.parameters]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct DeployParameters {
    /// The CloudFormation stack's name; functions are named after it.
    pub stack_name: String,
    /// Where artifacts are uploaded to.
    pub s3_bucket: String,
    #[serde(default)]
    parameter_overrides: Option<Overrides>,
}

/// SAM CLI takes a string as on its command line, or a list of such strings.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
enum Overrides {
    Line(String),
    List(Vec<String>),
}

impl DeployParameters {
    /// Reads the local environment.
    pub fn load(workspace: &Workspace) -> Result<Self> {
        let path = workspace.root().join("samconfig.toml");
        let text = std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        Self::parse(&text).with_context(|| format!("in {}", path.display()))
    }

    fn parse(text: &str) -> Result<Self> {
        #[derive(Deserialize)]
        struct Command {
            parameters: DeployParameters,
        }
        let mut environments: BTreeMap<String, toml::Value> = toml::from_str(text).context("not TOML")?;
        let commands = environments.remove(ENVIRONMENT).with_context(|| format!("no [{ENVIRONMENT}] environment"))?;
        let deploy = commands.get("deploy").with_context(|| format!("no [{ENVIRONMENT}.deploy.parameters]"))?;
        let command: Command =
            deploy.clone().try_into().with_context(|| format!("[{ENVIRONMENT}.deploy.parameters]"))?;
        Ok(command.parameters)
    }

    /// The file's overrides with ours on top. SAM CLI would let a command line replace the file's list whole.
    pub fn overrides_with(&self, ours: &[(&str, String)]) -> Result<Vec<String>> {
        let mut merged = BTreeMap::new();
        let words: Vec<&str> = match &self.parameter_overrides {
            None => Vec::new(),
            Some(Overrides::Line(line)) => line.split_whitespace().collect(),
            Some(Overrides::List(list)) => list.iter().map(String::as_str).collect(),
        };
        for word in words {
            let Some((name, value)) = word.split_once('=') else {
                bail!("parameter_overrides: write Name=Value without blanks, not {word:?}");
            };
            merged.insert(name.to_owned(), value.trim_matches('"').to_owned());
        }
        merged.extend(ours.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        Ok(merged.into_iter().map(|(name, value)| format!("{name}={value}")).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overrides_merge_and_ours_win() {
        let rows = [
            ("", vec!["Kafka=a"]),
            ("parameter_overrides = 'Environment=local Kafka=\"old\"'", vec!["Environment=local", "Kafka=a"]),
            ("parameter_overrides = ['Environment=local']", vec!["Environment=local", "Kafka=a"]),
        ];
        for (line, expected) in rows {
            let text =
                format!("version = 0.1\n[local.deploy.parameters]\nstack_name = 'florin'\ns3_bucket = 'b'\n{line}\n");
            let parameters = DeployParameters::parse(&text).unwrap();
            assert_eq!(parameters.overrides_with(&[("Kafka", "a".to_owned())]).unwrap(), expected, "{line}");
        }
    }
}

//! An OpenAPI document: its parts in their order, and what its references stand for.

use anyhow::{Context, Result, bail};
use serde_yaml_ng::Value;

/// The methods that OpenAPI knows, in the order in which they are shown.
const METHODS: [&str; 7] = ["get", "post", "put", "patch", "delete", "head", "options"];
/// A reference leads to what it means in one step, or a few.
const MOST_STEPS: usize = 8;

/// The whole document.
pub struct Document {
    root: Value,
}

/// A chapter of the reference.
pub struct Tag {
    pub name: String,
    pub description: String,
}

/// A method on a path.
pub struct Operation {
    /// `POST`.
    pub method: String,
    /// `/v1/payments/{payment_id}`.
    pub path: String,
    /// The chapter.
    pub tag: String,
    /// The operation itself.
    pub value: Value,
    /// Its parameters and the path's.
    pub parameters: Vec<Value>,
}

impl Operation {
    /// What it does, in some words.
    pub fn summary(&self) -> &str {
        self.value["summary"].as_str().unwrap_or(&self.path)
    }
}

/// A heading's address within its page, as GitHub makes it.
pub fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase();
    let kept = kept.chars().filter(|sign| sign.is_alphanumeric() || matches!(sign, ' ' | '-' | '_'));
    kept.map(|sign| if sign == ' ' { '-' } else { sign }).collect()
}

/// The entries of a mapping, in their order; none if there is no mapping.
pub fn entries(value: &Value) -> Vec<(&str, &Value)> {
    let entries = value.as_mapping().into_iter().flatten();
    entries.filter_map(|(name, value)| Some((name.as_str()?, value))).collect()
}

/// The items of a list; none if there is no list.
pub fn items(value: &Value) -> &[Value] {
    value.as_sequence().map(Vec::as_slice).unwrap_or_default()
}

/// A text on one line, for a cell of a table.
pub fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

/// A value as JSON on several lines, its fields in the document's order.
pub fn json(value: &Value) -> Result<String> {
    serde_json::to_string_pretty(value).context("an example that is no JSON")
}

impl Document {
    /// Reads the YAML, and checks that every operation has a chapter.
    pub fn parse(text: &str) -> Result<Self> {
        let document = Self { root: serde_yaml_ng::from_str(text).context("the contract is not YAML")? };
        for operation in document.operations() {
            if !document.tags().iter().any(|tag| tag.name == operation.tag) {
                bail!("{} {} has no tag of the list of tags", operation.method, operation.path);
            }
        }
        Ok(document)
    }

    /// The text at a place, or nothing.
    pub fn text(&self, path: &[&str]) -> &str {
        self.at(path).as_str().unwrap_or_default()
    }

    /// The value at a place.
    pub fn at(&self, path: &[&str]) -> &Value {
        path.iter().fold(&self.root, |value, name| &value[*name])
    }

    /// What the value stands for: itself, or what its `$ref` leads to; with the reference's last name.
    pub fn resolve<'a>(&'a self, value: &'a Value) -> Result<(Option<&'a str>, &'a Value)> {
        let mut found = (None, value);
        for _ in 0..MOST_STEPS {
            let Some(reference) = found.1["$ref"].as_str() else { return Ok(found) };
            let path: Vec<&str> = reference.trim_start_matches("#/").split('/').collect();
            let target = self.at(&path);
            if target.is_null() {
                bail!("{reference} leads nowhere");
            }
            found = (path.last().copied(), target);
        }
        bail!("a reference goes in circles")
    }

    /// The chapters.
    pub fn tags(&self) -> Vec<Tag> {
        let text = |tag: &Value, name: &str| tag[name].as_str().unwrap_or_default().trim().to_owned();
        let tags = items(&self.root["tags"]).iter();
        tags.map(|tag| Tag { name: text(tag, "name"), description: text(tag, "description") }).collect()
    }

    /// Every operation, by path.
    pub fn operations(&self) -> Vec<Operation> {
        let mut operations = Vec::new();
        for (path, methods) in entries(&self.root["paths"]) {
            for method in METHODS {
                let value = &methods[method];
                if value.is_null() {
                    continue;
                }
                let parameters = items(&methods["parameters"]).iter().chain(items(&value["parameters"]));
                operations.push(Operation {
                    method: method.to_uppercase(),
                    path: path.to_owned(),
                    tag: value["tags"][0].as_str().unwrap_or_default().to_owned(),
                    value: value.clone(),
                    parameters: parameters.cloned().collect(),
                });
            }
        }
        operations
    }
}

//! The template as `sam build` would leave it: code points at built binaries, other local files stay findable.
//!
//! Works on lines of text, so that CloudFormation's short tags and comments survive. It refuses to guess:
//! a shape that it does not know is an error which says what it expects.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Result, bail};

/// Properties whose value may be a path on this machine and must then exist.
const PATHS: [&str; 3] = ["DefinitionUri", "ContentUri", "TemplateURL"];
/// Where `AWS::Include` and nested applications have their path, but also a common word: only existing files count.
const LOCATION: &str = "Location";
/// Where the code of a function is.
const CODE: &str = "CodeUri";

/// The template below `.florin/build`, and the function folders that it deploys.
#[derive(Debug, PartialEq, Eq)]
pub struct Rewritten {
    /// The text to write.
    pub text: String,
    /// The folders below `functions/`.
    pub functions: BTreeSet<String>,
}

/// Rewrites a template in `root` for a place two folders below it. `exists` looks at paths relative to the root.
pub fn rewrite(template: &str, exists: impl Fn(&Path) -> bool) -> Result<Rewritten> {
    let mut rewritten = Rewritten { text: String::with_capacity(template.len()), functions: BTreeSet::new() };
    for (index, line) in template.lines().enumerate() {
        let line = rewrite_line(line, &exists, &mut rewritten.functions)
            .map_err(|error| error.context(format!("template.yaml, line {}: {}", index + 1, line.trim())))?;
        rewritten.text.push_str(&line);
        rewritten.text.push('\n');
    }
    Ok(rewritten)
}

fn rewrite_line(line: &str, exists: &impl Fn(&Path) -> bool, functions: &mut BTreeSet<String>) -> Result<String> {
    if line.trim_start().starts_with('#') {
        return Ok(line.to_owned());
    }
    if let Some((before, value, after)) = split_property(line, CODE) {
        let Some(folder) = function_folder(value) else {
            bail!("a CodeUri is `functions/<name>/` on its own line, not {value:?}");
        };
        functions.insert(folder.to_owned());
        return Ok(format!("{before}./{folder}/{after}"));
    }
    for property in PATHS.into_iter().chain([LOCATION]) {
        let Some((before, value, after)) = split_property(line, property) else {
            continue;
        };
        if value.starts_with("s3://") || value.starts_with("http") || value.starts_with('!') {
            return Ok(line.to_owned());
        }
        if !value.is_empty() && exists(Path::new(value)) {
            return Ok(format!("{before}../../{value}{after}"));
        }
        if property != LOCATION {
            bail!("{property} is a file of this repository, an address, or a tag on its own line, not {value:?}");
        }
    }
    Ok(line.to_owned())
}

/// What is before a property's value, the value without quotes, and what is after, if the line has the property.
fn split_property<'a>(line: &'a str, property: &str) -> Option<(&'a str, &'a str, &'a str)> {
    let key = format!("{property}:");
    let start = line.find(&key)?;
    let is_key = line[..start].chars().next_back().is_none_or(|before| matches!(before, ' ' | '{' | ',' | '-'));
    if !is_key {
        return None;
    }
    let rest = &line[start + key.len()..];
    let value_start = line.len() - rest.trim_start().len();
    let in_braces = line[..start].contains('{');
    let value = &line[value_start..];
    let end = value.find(" #").unwrap_or(value.len());
    let end = if in_braces { value[..end].find([',', '}']).unwrap_or(end) } else { end };
    let bare = value[..end].trim();
    let unquoted = bare.trim_matches(['"', '\'']);
    let value_end = value_start + value[..end].trim_end().len();
    Some((&line[..value_start], unquoted, &line[value_end..]))
}

fn function_folder(value: &str) -> Option<&str> {
    let folder = value.strip_prefix("./").unwrap_or(value).strip_prefix("functions/")?;
    let folder = folder.strip_suffix('/').unwrap_or(folder);
    (!folder.is_empty() && !folder.contains('/')).then_some(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: Result<&str, &str>) {
        let outcome =
            rewrite(line, |path| path == Path::new("openapi.yaml") || path == Path::new("statemachines/p.yaml"));
        match expected {
            Ok(text) => assert_eq!(outcome.unwrap().text.trim_end_matches('\n'), text),
            Err(part) => {
                let error = format!("{:#}", outcome.unwrap_err());
                assert!(error.contains(part), "{error}");
            }
        }
    }

    #[test]
    fn paths_move_and_everything_else_stays() {
        check("      CodeUri: functions/fraud-check/", Ok("      CodeUri: ./fraud-check/"));
        check("      CodeUri: ./functions/api # the API", Ok("      CodeUri: ./api/ # the API"));
        check("      CodeUri: 'functions/api/'", Ok("      CodeUri: ./api/"));
        check("      CodeUri: .", Err("functions/<name>/"));
        check("      CodeUri:", Err("line 1"));
        check("      DefinitionUri: statemachines/p.yaml", Ok("      DefinitionUri: ../../statemachines/p.yaml"));
        check("      DefinitionUri: statemachines/missing.yaml", Err("DefinitionUri is a file"));
        check("      DefinitionUri: s3://bucket/key", Ok("      DefinitionUri: s3://bucket/key"));
        check("  Parameters: { Location: openapi.yaml }", Ok("  Parameters: { Location: ../../openapi.yaml }"));
        check("    Location: openapi.yaml", Ok("    Location: ../../openapi.yaml"));
        check("    Location: !Sub s3://${Bucket}/a", Ok("    Location: !Sub s3://${Bucket}/a"));
        check("    Location: integration.header.Location", Ok("    Location: integration.header.Location"));
        check("    SomeLocation: openapi.yaml", Ok("    SomeLocation: openapi.yaml"));
        check("    # CodeUri: elsewhere", Ok("    # CodeUri: elsewhere"));
        check("    Value: !GetAtt A.Arn", Ok("    Value: !GetAtt A.Arn"));
    }
}

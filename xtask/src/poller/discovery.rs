//! Finds the mappings of the deployed stack: template, resources and parameters, as CloudFormation has them now.
//!
//! The emulator parses the whole template, and does nothing else meanwhile, each time it is asked for it: whoever looks
//! often asks first whether the stack has changed.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::types::{Stack, TemplateStage};
use serde_json::Value;

use super::intrinsics::Scope;
use super::mapping::{self, Mapping};

/// Follows the mappings of a stack.
pub struct Discovery {
    client: Client,
    stack: String,
    /// The stack as it was when its mappings were read last.
    known: Option<Revision>,
}

/// What changes whenever a stack does.
#[derive(PartialEq, Eq)]
struct Revision {
    stack_id: String,
    status: String,
    updated: String,
}

impl Discovery {
    /// Nothing is read yet.
    pub fn new(client: Client, stack: String) -> Self {
        Self { client, stack, known: None }
    }

    /// The mappings, if the stack is another than the last time.
    pub async fn news(&mut self) -> Result<Option<Vec<Mapping>>> {
        let now = Revision::of(&describe(&self.client, &self.stack).await?);
        if self.known.as_ref() == Some(&now) {
            return Ok(None);
        }
        let mappings = mappings(&self.client, &self.stack).await?;
        self.known = Some(now);
        Ok(Some(mappings))
    }
}

impl Revision {
    fn of(stack: &Stack) -> Self {
        let updated = stack.last_updated_time().or(stack.creation_time());
        Self {
            stack_id: stack.stack_id().unwrap_or_default().to_owned(),
            status: stack.stack_status().map(ToString::to_string).unwrap_or_default(),
            updated: updated.map(ToString::to_string).unwrap_or_default(),
        }
    }
}

async fn describe(client: &Client, stack: &str) -> Result<Stack> {
    let described = client.describe_stacks().stack_name(stack).send().await.context("describing the stack")?;
    described.stacks().first().cloned().context("an answer without a stack")
}

/// Reads the mappings of a stack.
pub async fn mappings(client: &Client, stack: &str) -> Result<Vec<Mapping>> {
    let (template, scope) = deployed(client, stack).await?;
    mapping::parse(&template, &scope)
}

/// Reads the processed template of a stack, and what its references stand for.
pub async fn deployed(client: &Client, stack: &str) -> Result<(Value, Scope)> {
    let template = client.get_template().stack_name(stack).template_stage(TemplateStage::Processed).send();
    let template = template.await.context("reading the processed template")?;
    let template = template.template_body().context("an answer without a template")?;
    let template: Value = serde_json::from_str(template).context("the processed template is no JSON")?;
    let scope = scope(client, stack, &template).await?;
    Ok((template, scope))
}

async fn scope(client: &Client, stack: &str, template: &Value) -> Result<Scope> {
    let described = describe(client, stack).await?;
    let parameters = described.parameters().iter().filter_map(|parameter| {
        let value = parameter.resolved_value().or(parameter.parameter_value())?;
        Some((parameter.parameter_key()?.to_owned(), value.to_owned()))
    });
    // arn:aws:cloudformation:<region>:<account>:stack/...
    let mut arn = described.stack_id().unwrap_or_default().split(':').skip(3);
    let (region, account) = (arn.next().unwrap_or_default(), arn.next().unwrap_or_default());
    let mut scope = Scope {
        parameters: parameters.collect(),
        physical_ids: BTreeMap::new(),
        types: BTreeMap::new(),
        conditions: template["Conditions"].clone(),
        stack_name: stack.to_owned(),
        account: account.to_owned(),
        region: region.to_owned(),
    };
    let mut pages = client.list_stack_resources().stack_name(stack).into_paginator().send();
    while let Some(page) = pages.next().await {
        for resource in page.context("listing the resources")?.stack_resource_summaries() {
            let deleted =
                resource.resource_status().is_some_and(|status| status.as_str().starts_with("DELETE_COMPLETE"));
            let (Some(logical), Some(physical), false) =
                (resource.logical_resource_id(), resource.physical_resource_id(), deleted)
            else {
                continue;
            };
            scope.physical_ids.insert(logical.to_owned(), physical.to_owned());
            scope.types.insert(logical.to_owned(), resource.resource_type().unwrap_or_default().to_owned());
        }
    }
    Ok(scope)
}

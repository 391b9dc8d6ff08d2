//! Finds the mappings of the deployed stack: template, resources and parameters, as CloudFormation has them now.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::types::TemplateStage;
use serde_json::Value;

use super::intrinsics::Scope;
use super::mapping::{self, Mapping};
use crate::aws;

/// Reads the mappings of a stack.
pub async fn mappings(client: &Client, stack: &str) -> Result<Vec<Mapping>> {
    let template = client.get_template().stack_name(stack).template_stage(TemplateStage::Processed).send();
    let template = template.await.context("reading the processed template")?;
    let template = template.template_body().context("an answer without a template")?;
    let template: Value = serde_json::from_str(template).context("the processed template is no JSON")?;
    let scope = scope(client, stack, &template).await?;
    mapping::parse(&template, &scope)
}

async fn scope(client: &Client, stack: &str, template: &Value) -> Result<Scope> {
    let described = client.describe_stacks().stack_name(stack).send().await.context("describing the stack")?;
    let described = described.stacks().first().context("an answer without a stack")?;
    let parameters = described.parameters().iter().filter_map(|parameter| {
        let value = parameter.resolved_value().or(parameter.parameter_value())?;
        Some((parameter.parameter_key()?.to_owned(), value.to_owned()))
    });
    let account = described.stack_id().and_then(|arn| arn.split(':').nth(4)).unwrap_or_default();
    let mut scope = Scope {
        parameters: parameters.collect(),
        physical_ids: BTreeMap::new(),
        types: BTreeMap::new(),
        conditions: template["Conditions"].clone(),
        stack_name: stack.to_owned(),
        account: account.to_owned(),
        region: aws::REGION.to_owned(),
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

//! Where a deployed stack puts its dead letters, as its processed template says: dead-letter queues of queues and of the
//! bus's rules, destinations of failed batches, dead-letter topics.
//!
//! Pure. It knows no queue and no topic by name.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::poller::intrinsics::Scope;

/// A queue of the stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queue {
    /// Its name.
    pub name: String,
    /// Its ARN, as messages name it.
    pub arn: String,
    /// Where it is spoken to.
    pub url: String,
}

/// A queue that takes dead letters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadQueue {
    /// Itself.
    pub queue: Queue,
    /// The queues whose messages are put here after too many tries.
    pub sources: Vec<Queue>,
    /// The queues that the bus's rules could not reach.
    pub targets: Vec<Queue>,
    /// The function that works these letters off by itself.
    pub worked_off_by: Option<String>,
}

/// A topic that takes dead letters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadTopic {
    /// Its name.
    pub name: String,
    /// The topic that its letters come from.
    pub topic: String,
}

/// A place with dead letters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In SQS.
    Queue(DeadQueue),
    /// In Kafka.
    Topic(DeadTopic),
}

/// The places of a stack by their short names: a queue's is without the stack's.
pub type Places = BTreeMap<String, Place>;

/// All places of a processed template that were deployed.
pub fn parse(template: &Value, scope: &Scope) -> Result<Places> {
    let resources = template["Resources"].as_object().context("a template without resources")?;
    let mut found = Found::default();
    // A resource behind a false condition has no physical id.
    let deployed = |id: &&String| scope.physical_ids.contains_key(*id);
    for id in resources.keys().filter(deployed).filter(|id| resources[*id]["Type"] == "AWS::SQS::Queue") {
        let arn = scope.resolve(&json!({ "Fn::GetAtt": [id, "Arn"] }))?;
        let arn = arn.as_str().context("an ARN is a string")?.to_owned();
        let name = arn.rsplit(':').next().unwrap_or_default().to_owned();
        found.queues.insert(arn.clone(), Queue { name, arn, url: scope.physical_ids[id].clone() });
    }
    for id in resources.keys().filter(deployed) {
        let properties = &resources[id]["Properties"];
        let read = match resources[id]["Type"].as_str() {
            Some("AWS::SQS::Queue") => found.read_queue(id, properties, scope),
            Some("AWS::Events::Rule") => found.read_rule(properties, scope),
            Some("AWS::Lambda::EventSourceMapping") => found.read_mapping(properties, scope),
            Some(_) | None => Ok(()),
        };
        read.with_context(|| format!("the resource {id}"))?;
    }
    Ok(found.places(&scope.stack_name))
}

/// What was read so far; queues by their ARN, topics by their name.
#[derive(Default)]
struct Found {
    queues: BTreeMap<String, Queue>,
    sources: BTreeMap<String, Vec<Queue>>,
    targets: BTreeMap<String, Vec<Queue>>,
    destinations: Vec<String>,
    readers: BTreeMap<String, String>,
    topics: BTreeMap<String, String>,
}

impl Found {
    fn read_queue(&mut self, id: &str, properties: &Value, scope: &Scope) -> Result<()> {
        let policy = scope.resolve(&properties["RedrivePolicy"])?;
        let Some(dead) = policy["deadLetterTargetArn"].as_str() else { return Ok(()) };
        let url = &scope.physical_ids[id];
        let source = self.queues.values().find(|queue| queue.url == *url).context("a queue without an ARN")?;
        self.sources.entry(dead.to_owned()).or_default().push(source.clone());
        Ok(())
    }

    fn read_rule(&mut self, properties: &Value, scope: &Scope) -> Result<()> {
        for target in properties["Targets"].as_array().into_iter().flatten() {
            let dead = scope.resolve(&target["DeadLetterConfig"])?;
            let Some(dead) = dead["Arn"].as_str() else { continue };
            let reached = scope.resolve(&target["Arn"])?;
            let reached = reached.as_str().and_then(|arn| self.queues.get(arn));
            let reached = reached.context("a dead-letter queue of a target that is no queue is not understood here")?;
            self.targets.entry(dead.to_owned()).or_default().push(reached.clone());
        }
        Ok(())
    }

    fn read_mapping(&mut self, properties: &Value, scope: &Scope) -> Result<()> {
        // What a stream's ARN is, the scope cannot say: only queues matter here.
        let source = scope.resolve(&properties["EventSourceArn"]).ok();
        if let Some(queue) = source.as_ref().and_then(Value::as_str).filter(|arn| self.queues.contains_key(*arn)) {
            let function = scope.resolve(&properties["FunctionName"])?;
            self.readers.insert(queue.to_owned(), function.as_str().context("FunctionName is a string")?.to_owned());
        }
        let failures = scope.resolve(&properties["DestinationConfig"])?;
        let Some(destination) = failures["OnFailure"]["Destination"].as_str() else { return Ok(()) };
        let Some(dead) = destination.strip_prefix("kafka://") else {
            self.destinations.push(destination.to_owned());
            return Ok(());
        };
        let topics = scope.resolve(&properties["Topics"])?;
        match topics.as_array().map(Vec::as_slice) {
            Some([Value::String(topic)]) => self.topics.insert(dead.to_owned(), topic.clone()),
            _ => bail!("Topics: expected one topic for the dead-letter topic {dead}"),
        };
        Ok(())
    }

    fn places(self, stack: &str) -> Places {
        let dead = self.sources.keys().chain(self.targets.keys()).chain(&self.destinations);
        let queues = dead.filter_map(|arn| self.queues.get(arn)).map(|queue| {
            let of = |list: &BTreeMap<String, Vec<Queue>>| list.get(&queue.arn).cloned().unwrap_or_default();
            let (sources, targets) = (of(&self.sources), of(&self.targets));
            let worked_off_by = self.readers.get(&queue.arn).cloned();
            let short = queue.name.strip_prefix(&format!("{stack}-")).unwrap_or(&queue.name).to_owned();
            (short, Place::Queue(DeadQueue { queue: queue.clone(), sources, targets, worked_off_by }))
        });
        let topics = self
            .topics
            .iter()
            .map(|(name, topic)| (name.clone(), Place::Topic(DeadTopic { name: name.clone(), topic: topic.clone() })));
        queues.chain(topics).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arn(id: &str) -> Value {
        json!({ "Fn::GetAtt": [id, "Arn"] })
    }

    fn template(resources: &Value) -> (Value, Scope) {
        let of_type = |resource: &Value| resource["Type"].as_str().unwrap().to_owned();
        let resources = resources.as_object().unwrap();
        let names = resources.keys().filter(|id| *id != "NotDeployed");
        let physical = |id: &String| match of_type(&resources[id]).as_str() {
            "AWS::SQS::Queue" => format!("http://sqs/1/florin-{}", id.to_lowercase()),
            _ => format!("florin-{}", id.to_lowercase()),
        };
        let scope = Scope {
            physical_ids: names.clone().map(|id| (id.clone(), physical(id))).collect(),
            types: names.map(|id| (id.clone(), of_type(&resources[id]))).collect(),
            stack_name: "florin".to_owned(),
            account: "1".to_owned(),
            region: "r".to_owned(),
            ..Scope::default()
        };
        (json!({ "Resources": resources }), scope)
    }

    fn queue(name: &str) -> Queue {
        let name = format!("florin-{name}");
        Queue { arn: format!("arn:aws:sqs:r:1:{name}"), url: format!("http://sqs/1/{name}"), name }
    }

    #[test]
    fn every_way_into_a_dead_letter_place_is_found() {
        let redrive = |to: &str| json!({ "RedrivePolicy": { "deadLetterTargetArn": arn(to), "maxReceiveCount": 10 } });
        let (template, scope) = template(&json!({
            "Work": { "Type": "AWS::SQS::Queue", "Properties": redrive("Dead") },
            "NotDeployed": { "Type": "AWS::SQS::Queue", "Properties": redrive("Nowhere") },
            "Dead": { "Type": "AWS::SQS::Queue" },
            "Lost": { "Type": "AWS::SQS::Queue", "Properties": redrive("Hopeless") },
            "Hopeless": { "Type": "AWS::SQS::Queue" },
            "Rule": { "Type": "AWS::Events::Rule", "Properties": { "Targets": [
                { "Arn": arn("Work"), "DeadLetterConfig": { "Arn": arn("Dead") } },
                { "Arn": { "Fn::GetAtt": ["Machine", "Arn"] } },
            ] } },
            "Worker": { "Type": "AWS::Lambda::Function" },
            "Stream": { "Type": "AWS::Lambda::EventSourceMapping", "Properties": {
                "EventSourceArn": { "Fn::GetAtt": ["Table", "StreamArn"] },
                "DestinationConfig": { "OnFailure": { "Destination": arn("Lost") } },
            } },
            "Reader": { "Type": "AWS::Lambda::EventSourceMapping", "Properties": {
                "EventSourceArn": arn("Lost"), "FunctionName": { "Ref": "Worker" },
            } },
            "Kafka": { "Type": "AWS::Lambda::EventSourceMapping", "Properties": {
                "Topics": ["events"], "DestinationConfig": { "OnFailure": { "Destination": "kafka://events-dlq" } },
            } },
        }));
        let dead = |name: &str, sources: &[&str], targets: &[&str], worked_off_by: Option<&str>| {
            let queues = |names: &[&str]| names.iter().map(|name| queue(name)).collect();
            let (sources, targets) = (queues(sources), queues(targets));
            let worked_off_by = worked_off_by.map(str::to_owned);
            (name.to_owned(), Place::Queue(DeadQueue { queue: queue(name), sources, targets, worked_off_by }))
        };
        let topic = DeadTopic { name: "events-dlq".to_owned(), topic: "events".to_owned() };
        let expected = Places::from([
            dead("dead", &["work"], &["work"], None),
            dead("hopeless", &["lost"], &[], None),
            dead("lost", &[], &[], Some("florin-worker")),
            ("events-dlq".to_owned(), Place::Topic(topic)),
        ]);
        assert_eq!(parse(&template, &scope).unwrap(), expected);
    }

    #[test]
    fn what_is_not_understood_is_an_error_that_names_the_resource() {
        let (several, scope) = template(&json!({
            "Kafka": { "Type": "AWS::Lambda::EventSourceMapping", "Properties": {
                "Topics": ["a", "b"], "DestinationConfig": { "OnFailure": { "Destination": "kafka://dlq" } },
            } },
        }));
        let error = format!("{:#}", parse(&several, &scope).unwrap_err());
        assert!(error.contains("the resource Kafka: Topics: expected one topic"), "{error}");
    }
}

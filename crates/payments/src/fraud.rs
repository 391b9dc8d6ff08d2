//! Fraud screening: rules over the amount, the card's velocity and what the gateway said. No counters, no model I/O.

use crate::amount::Amount;
use crate::currency::Currency;
use crate::gateway::Checks;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How far back the velocity rule looks: one hour.
pub const VELOCITY_WINDOW_SECONDS: i64 = 60 * 60;

/// A merchant's rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RiskRules {
    /// From this amount on (minor units, by currency) a person looks at the payment.
    #[serde(default)]
    pub review_from: BTreeMap<Currency, u64>,
    /// From this amount on (minor units, by currency) the payment is declined.
    #[serde(default)]
    pub decline_from: BTreeMap<Currency, u64>,
    /// How many payments one card may make at this merchant within the window; those beyond are declined.
    pub payments_per_card: u32,
}

impl Default for RiskRules {
    fn default() -> Self {
        Self { review_from: BTreeMap::new(), decline_from: BTreeMap::new(), payments_per_card: 20 }
    }
}

/// What the risk side decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Go on.
    Approve,
    /// A person decides.
    Review,
    /// Undo the hold.
    Decline,
}

/// Why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(extend("x-extensible" = true)))]
#[serde(rename_all = "snake_case")]
pub enum RiskReason {
    /// The amount is at or over the merchant's line.
    HighAmount,
    /// The card made too many payments within the window.
    CardVelocity,
    /// The issuer says that the verification code is wrong.
    CvcMismatch,
    /// The issuer says that the address is wrong.
    AddressMismatch,
}

/// The decision with its reasons.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Screening {
    /// The strictest of what the rules said.
    pub decision: Decision,
    /// Each rule that spoke, once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<RiskReason>,
}

/// What the rules look at.
#[derive(Clone, Copy, Debug)]
pub struct Signals {
    /// The payment's amount.
    pub amount: Amount,
    /// The payment's place among its card's payments at the merchant within the window: 1 for the first.
    pub card_payments: u32,
    /// What the issuer checked.
    pub checks: Checks,
}

/// Applies the rules. The strictest wins; each rule that speaks leaves its reason.
pub fn screen(rules: &RiskRules, signals: Signals) -> Screening {
    let reaches = |lines: &BTreeMap<Currency, u64>| {
        lines.get(&signals.amount.currency()).is_some_and(|line| signals.amount.minor() >= *line)
    };
    let mut findings = Vec::new();
    if reaches(&rules.decline_from) {
        findings.push((Decision::Decline, RiskReason::HighAmount));
    } else if reaches(&rules.review_from) {
        findings.push((Decision::Review, RiskReason::HighAmount));
    }
    if signals.card_payments > rules.payments_per_card {
        findings.push((Decision::Decline, RiskReason::CardVelocity));
    }
    if signals.checks.cvc == Some(false) {
        findings.push((Decision::Decline, RiskReason::CvcMismatch));
    }
    if signals.checks.address == Some(false) {
        findings.push((Decision::Review, RiskReason::AddressMismatch));
    }
    Screening {
        decision: findings.iter().map(|(decision, _)| *decision).max().unwrap_or(Decision::Approve),
        reasons: findings.into_iter().map(|(_, reason)| reason).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strictest_rule_wins_and_each_leaves_its_reason() {
        let euro: Currency = "EUR".parse().expect("listed");
        let rules = RiskRules {
            review_from: BTreeMap::from([(euro, 1000)]),
            decline_from: BTreeMap::from([(euro, 5000)]),
            payments_per_card: 3,
        };
        let check = |minor, card_payments, cvc, address, decision, reasons: &[RiskReason]| {
            let amount = Amount::try_new(minor, euro).expect("small");
            let screening =
                screen(&rules, Signals { amount, card_payments, checks: Checks { cvc, address, ..Checks::default() } });
            assert_eq!(screening, Screening { decision, reasons: reasons.to_vec() });
        };
        check(999, 3, Some(true), Some(true), Decision::Approve, &[]);
        check(1000, 1, None, None, Decision::Review, &[RiskReason::HighAmount]);
        check(5000, 1, None, None, Decision::Decline, &[RiskReason::HighAmount]);
        check(1, 4, None, None, Decision::Decline, &[RiskReason::CardVelocity]);
        check(
            1,
            1,
            Some(false),
            Some(false),
            Decision::Decline,
            &[RiskReason::CvcMismatch, RiskReason::AddressMismatch],
        );
    }
}

//! The ledger's accounts. An account's text is its key in the tables, and reads back as the same account.

use crate::gateway::GatewayName;
use crate::id::{InvalidId, MerchantId, Mode, string_serde};
use std::fmt;
use std::str::FromStr;

/// An account, in the world of one mode. Debits are positive, credits negative.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Account {
    /// What we owe a merchant.
    MerchantPayable {
        /// Whom.
        merchant_id: MerchantId,
        /// In which world.
        mode: Mode,
    },
    /// What we hold back of what we owe a merchant.
    MerchantReserve {
        /// From whom.
        merchant_id: MerchantId,
        /// In which world.
        mode: Mode,
    },
    /// What a gateway owes us.
    GatewayReceivable {
        /// Which.
        gateway: GatewayName,
        /// In which world.
        mode: Mode,
    },
    /// What we earned in fees.
    FeeRevenue {
        /// In which world.
        mode: Mode,
    },
    /// What gateways and card networks cost us.
    GatewayCost {
        /// In which world.
        mode: Mode,
    },
    /// Our money at the bank.
    Bank {
        /// In which world.
        mode: Mode,
    },
    /// What the bank was told to pay and has not paid yet.
    PayoutsInTransit {
        /// In which world.
        mode: Mode,
    },
    /// What is on the bank's statement and nobody can say why.
    Suspense {
        /// In which world.
        mode: Mode,
    },
}

impl Account {
    /// In which world it is.
    pub fn mode(&self) -> Mode {
        match self {
            Self::MerchantPayable { mode, .. }
            | Self::MerchantReserve { mode, .. }
            | Self::GatewayReceivable { mode, .. }
            | Self::FeeRevenue { mode }
            | Self::GatewayCost { mode }
            | Self::Bank { mode }
            | Self::PayoutsInTransit { mode }
            | Self::Suspense { mode } => *mode,
        }
    }

    /// Appends its text. Hashing a block does so for each posting, so nothing is formatted.
    pub(super) fn write_to(&self, bytes: &mut Vec<u8>) {
        self.parts().into_iter().for_each(|part| bytes.extend(part.as_bytes()));
    }

    /// The parts of its text.
    fn parts(&self) -> [&str; 4] {
        let mode = self.mode().as_str();
        match self {
            Self::MerchantPayable { merchant_id, .. } => [mode, ":merchant:", merchant_id.as_str(), ":payable"],
            Self::MerchantReserve { merchant_id, .. } => [mode, ":merchant:", merchant_id.as_str(), ":reserve"],
            Self::GatewayReceivable { gateway, .. } => [mode, ":gateway:", &gateway.0, ":receivable"],
            Self::FeeRevenue { .. } => [mode, ":own:", "fee-revenue", ""],
            Self::GatewayCost { .. } => [mode, ":own:", "gateway-cost", ""],
            Self::Bank { .. } => [mode, ":own:", "bank", ""],
            Self::PayoutsInTransit { .. } => [mode, ":own:", "payouts-in-transit", ""],
            Self::Suspense { .. } => [mode, ":own:", "suspense", ""],
        }
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts().into_iter().try_for_each(|part| f.write_str(part))
    }
}

impl FromStr for Account {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let unknown = || InvalidId("an account, such as test:merchant:mer_a:payable or live:own:bank");
        let (mode, rest) = text.split_once(':').ok_or_else(unknown)?;
        let mode = [Mode::Test, Mode::Live].into_iter().find(|known| known.as_str() == mode).ok_or_else(unknown)?;
        let (kind, name) = rest.split_once(':').ok_or_else(unknown)?;
        let gateway = |name: &str| GatewayName(name.to_owned());
        Ok(match (kind, name.rsplit_once(':').unwrap_or(("", name))) {
            ("merchant", (id, "payable")) => Self::MerchantPayable { merchant_id: id.parse()?, mode },
            ("merchant", (id, "reserve")) => Self::MerchantReserve { merchant_id: id.parse()?, mode },
            ("gateway", (name, "receivable")) if !name.is_empty() => {
                Self::GatewayReceivable { gateway: gateway(name), mode }
            }
            ("own", ("", "fee-revenue")) => Self::FeeRevenue { mode },
            ("own", ("", "gateway-cost")) => Self::GatewayCost { mode },
            ("own", ("", "bank")) => Self::Bank { mode },
            ("own", ("", "payouts-in-transit")) => Self::PayoutsInTransit { mode },
            ("own", ("", "suspense")) => Self::Suspense { mode },
            _ => return Err(unknown()),
        })
    }
}

string_serde!(Account);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_reads_back_from_its_text() {
        for text in [
            "test:merchant:mer_a:payable",
            "live:merchant:mer_a:reserve",
            "test:gateway:simulated:receivable",
            "live:own:fee-revenue",
            "live:own:gateway-cost",
            "live:own:bank",
            "live:own:payouts-in-transit",
            "test:own:suspense",
        ] {
            assert_eq!(text.parse::<Account>().expect(text).to_string(), text);
        }
    }

    #[test]
    fn what_is_no_account_is_refused() {
        for text in [
            "",
            "test",
            "test:own",
            "tset:own:bank",
            "test:own:safe",
            "test:own:bank:",
            "test:merchant:payable",
            "test:merchant:MER:payable",
            "test:merchant:mer_a:receivable",
            "test:gateway::receivable",
        ] {
            assert!(text.parse::<Account>().is_err(), "{text:?}");
        }
    }
}

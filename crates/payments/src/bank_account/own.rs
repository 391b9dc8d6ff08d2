//! Our own accounts, as a deployment names them.

use super::{AccountKind, BankAccount, HolderKind};
use crate::currency::Currency;
use crate::id::Mode;
use serde::{Deserialize, Serialize};

/// An account of ours: payouts of its mode and currency leave from it, gateways pay into it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnAccount {
    /// In which world.
    pub mode: Mode,
    /// Its currency.
    pub currency: Currency,
    /// What it is. An IBAN takes pain.001 files, an ACH account NACHA files.
    #[serde(flatten)]
    pub account: BankAccount,
    /// The ten characters by which the bank knows us in NACHA files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub company_id: Option<String>,
    /// How the bank's statements name the account, if not by its number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement_account: Option<String>,
}

impl OwnAccount {
    /// How the bank's statements name it.
    pub fn stated_as(&self) -> &str {
        let number = match &self.account {
            BankAccount::Iban { iban, .. } => iban.as_str(),
            BankAccount::Ach { account_number, .. } => account_number.as_str(),
        };
        self.statement_account.as_deref().unwrap_or(number)
    }
}

/// Our own accounts: at most one per mode and currency.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnAccounts(Vec<OwnAccount>);

impl OwnAccounts {
    /// Reads a list of accounts that belong to `name`, separated by commas: `<mode>:<currency>:<IBAN>:<BIC>`, or
    /// `<mode>:<currency>:<routing number>:<account number>:<company id>` and, if statements name the account otherwise,
    /// `:<that name>`. `None` if one is wrong, or two are for one mode and currency.
    pub fn read(text: &str, name: &str) -> Option<Self> {
        let entries = text.split(',').filter(|entry| !entry.is_empty());
        let accounts: Vec<OwnAccount> = entries.map(|entry| read_own(entry, name)).collect::<Option<_>>()?;
        let mut keys: Vec<_> = accounts.iter().map(|own| (own.mode, own.currency)).collect();
        keys.sort();
        keys.dedup();
        (keys.len() == accounts.len()).then_some(Self(accounts))
    }

    /// The account of that mode and currency.
    pub fn of(&self, mode: Mode, currency: Currency) -> Option<&OwnAccount> {
        self.0.iter().find(|own| own.mode == mode && own.currency == currency)
    }

    /// The account that statements name so, in that currency.
    pub fn stated(&self, number: &str, currency: Currency) -> Option<&OwnAccount> {
        self.0.iter().find(|own| own.stated_as() == number && own.currency == currency)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &OwnAccount> {
        self.0.iter()
    }
}

fn read_own(entry: &str, name: &str) -> Option<OwnAccount> {
    let parts: Vec<&str> = entry.split(':').collect();
    let [mode, currency, rest @ ..] = parts.as_slice() else { return None };
    let mode = [Mode::Test, Mode::Live].into_iter().find(|known| known.as_str() == *mode)?;
    let currency = currency.parse().ok()?;
    let name = name.to_owned();
    let (account, company_id, statement_account) = match rest {
        [iban, bic] => {
            let account = BankAccount::Iban { name, iban: iban.parse().ok()?, bic: Some(bic.parse().ok()?) };
            (account, None, None)
        }
        [routing, number, company, stated @ ..] if stated.len() <= 1 => {
            let (account_kind, holder_kind) = (AccountKind::Checking, HolderKind::Company);
            let (routing_number, account_number) = (routing.parse().ok()?, number.parse().ok()?);
            let account = BankAccount::Ach { name, routing_number, account_number, account_kind, holder_kind };
            let company =
                Some(*company).filter(|it| it.len() == 10 && it.bytes().all(|byte| byte.is_ascii_alphanumeric()))?;
            (account, Some(company.to_owned()), stated.first().map(|stated| (*stated).to_owned()))
        }
        _ => return None,
    };
    Some(OwnAccount { mode, currency, account, company_id, statement_account })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_accounts_are_read_or_refused_whole() {
        let euro = "test:EUR:NL62MOCK0000000011:MOCKNL2A";
        let dollar = "test:USD:999999992:1234567890:1234567890:NL35MOCK0000000012";
        let read = |text: &str| OwnAccounts::read(text, "Florin");
        let accounts = read(&format!("{euro},{dollar}")).expect("good");
        let stated: Vec<_> = accounts.iter().map(OwnAccount::stated_as).collect();
        assert_eq!(stated, ["NL62MOCK0000000011", "NL35MOCK0000000012"]);
        assert_eq!(read("").map(|none| none.iter().count()), Some(0));
        for wrong in [
            format!("{euro},{euro}"),
            format!("{euro}X"),
            euro.replace("62", "63"),
            euro.replace("test", "prod"),
            dollar.replace(":1234567890:NL", ":123:NL"),
            format!("{dollar}:more"),
            "test".to_owned(),
        ] {
            assert_eq!(read(&wrong), None, "{wrong}");
        }
    }
}

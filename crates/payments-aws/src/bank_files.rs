//! The bank files table: the files that we sent, numbered by mode and currency.

use crate::config::StartError;
use crate::table::{Put, Table, unavailable};
use aws_sdk_dynamodb::types::AttributeValue;
use payments::currency::Currency;
use payments::failure::Unavailable;
use payments::id::Mode;
use payments::payout::bank_file::BankFile;
use payments::ports::{BankFiles, FindBankFile, Saved};

/// The index of files by what the bank calls them.
const NAME_INDEX: &str = "by_name";

/// Files for the bank in DynamoDB.
#[derive(Clone, Debug)]
pub struct BankFilesTable(Table);

impl BankFilesTable {
    /// From `BANK_FILES_TABLE`.
    pub async fn from_env() -> Result<Self, StartError> {
        Ok(Self(Table::from_env("BANK_FILES_TABLE", "the bank files table").await?))
    }
}

impl BankFiles for BankFilesTable {
    async fn latest_file(&self, mode: Mode, currency: Currency) -> Result<Option<BankFile>, Unavailable> {
        let answer = self
            .0
            .client
            .query()
            .table_name(&self.0.name)
            .key_condition_expression("account = :account")
            .expression_attribute_values(":account", AttributeValue::S(BankFile::account(mode, currency)))
            .scan_index_forward(false)
            .limit(1)
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| unavailable("the bank files table", error))?;
        answer.items.unwrap_or_default().into_iter().next().map(|item| self.0.read(item)).transpose()
    }

    async fn begin_file(&self, file: &BankFile) -> Result<Saved, Unavailable> {
        match self.0.put_if(file, "attribute_not_exists(account)", &[]).await? {
            Put::Done => Ok(Saved::Done),
            // The SDK tries again by itself: what stands there may be this very file, whose answer was lost.
            Put::Refused(Some(there)) if there == *file => Ok(Saved::Done),
            Put::Refused(_) => Ok(Saved::Conflict),
        }
    }

    async fn end_file(&self, file: &BankFile) -> Result<(), Unavailable> {
        self.0.put(file).await
    }
}

impl FindBankFile for BankFilesTable {
    async fn find_file(&self, name: &str) -> Result<Option<BankFile>, Unavailable> {
        let answer = self
            .0
            .client
            .query()
            .table_name(&self.0.name)
            .index_name(NAME_INDEX)
            .key_condition_expression("#name = :name")
            .expression_attribute_names("#name", "name")
            .expression_attribute_values(":name", AttributeValue::S(name.to_owned()))
            .limit(1)
            .send()
            .await
            .map_err(|error| unavailable("the index of bank files", error))?;
        answer.items.unwrap_or_default().into_iter().next().map(|item| self.0.read(item)).transpose()
    }
}

//! What payouts are kept in, in memory: payouts, files for the bank, what was read of it, and movements on our accounts.

use payments::bank::BookedMovement;
use payments::currency::Currency;
use payments::failure::Unavailable;
use payments::id::{BankMovementId, Mode, Owner};
use payments::payout::bank_file::BankFile;
use payments::payout::message::ReadMessage;
use payments::payout::{Payout, PayoutKey, PayoutStatus};
use payments::ports::{
    BankFiles, BankMovements, Documents, FindBankFile, FindPayout, LoadPayout, OpenPayout, PayoutsToSend, ReadMessages,
    SavePayout, Saved,
};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// The payouts' tables and bucket.
#[derive(Default)]
pub struct Treasury {
    /// The latest version of each payout.
    pub payouts: RefCell<BTreeMap<PayoutKey, Payout>>,
    /// Versions that were not published yet.
    pub versions: RefCell<Vec<Payout>>,
    /// Movements that were not published yet.
    pub movements: RefCell<Vec<BookedMovement>>,
    /// Every movement.
    pub booked: RefCell<BTreeMap<BankMovementId, BookedMovement>>,
    /// Messages that were read.
    pub read: RefCell<BTreeMap<String, ReadMessage>>,
    /// Files for the bank.
    pub files: RefCell<Vec<BankFile>>,
    names: RefCell<BTreeMap<String, String>>,
    /// How many documents were kept.
    pub documents: RefCell<BTreeMap<String, usize>>,
}

impl Treasury {
    fn keep(&self, payout: &Payout) {
        self.payouts.borrow_mut().insert(payout.key.clone(), payout.clone());
        self.versions.borrow_mut().push(payout.clone());
    }
}

impl OpenPayout for Treasury {
    async fn latest_payout(&self, owner: &Owner, currency: Currency) -> Result<Option<Payout>, Unavailable> {
        let payouts = self.payouts.borrow();
        let own = payouts.values().filter(|it| it.owner == *owner && it.amount.currency() == currency);
        Ok(own.max_by_key(|payout| payout.key.number).cloned())
    }

    async fn open_payout(&self, payout: &Payout) -> Result<Saved, Unavailable> {
        if self.payouts.borrow().contains_key(&payout.key) {
            return Ok(Saved::Conflict);
        }
        self.keep(payout);
        Ok(Saved::Done)
    }
}

impl LoadPayout for Treasury {
    async fn payout(&self, key: &PayoutKey) -> Result<Option<Payout>, Unavailable> {
        Ok(self.payouts.borrow().get(key).cloned())
    }
}

impl SavePayout for Treasury {
    async fn save_payout(&self, payout: &Payout) -> Result<Saved, Unavailable> {
        let there = self.payouts.borrow().get(&payout.key).map(|there| there.version);
        if there.is_none_or(|version| version + 1 != payout.version) {
            return Ok(Saved::Conflict);
        }
        self.keep(payout);
        Ok(Saved::Done)
    }
}

impl PayoutsToSend for Treasury {
    async fn payouts_to_send(
        &self,
        mode: Mode,
        currency: Currency,
        limit: usize,
    ) -> Result<Vec<PayoutKey>, Unavailable> {
        let payouts = self.payouts.borrow();
        let unsent = payouts.values().filter(|it| it.stage.status() == PayoutStatus::Created);
        let of_account = unsent.filter(|it| it.owner.mode == mode && it.amount.currency() == currency);
        Ok(of_account.take(limit).map(|payout| payout.key.clone()).collect())
    }
}

impl FindPayout for Treasury {
    async fn find_payout(&self, reference: &str) -> Result<Option<PayoutKey>, Unavailable> {
        let payouts = self.payouts.borrow();
        Ok(payouts.values().find(|payout| payout.reference == reference).map(|payout| payout.key.clone()))
    }
}

impl BankFiles for Treasury {
    async fn latest_file(&self, mode: Mode, currency: Currency) -> Result<Option<BankFile>, Unavailable> {
        let account = BankFile::account(mode, currency);
        Ok(self.files.borrow().iter().filter(|file| file.account == account).max_by_key(|file| file.number).cloned())
    }

    async fn begin_file(&self, file: &BankFile) -> Result<Saved, Unavailable> {
        let same = |there: &BankFile| there.account == file.account && there.number == file.number;
        if self.files.borrow().iter().any(same) {
            return Ok(Saved::Conflict);
        }
        self.files.borrow_mut().push(file.clone());
        Ok(Saved::Done)
    }

    async fn end_file(&self, file: &BankFile) -> Result<(), Unavailable> {
        let mut files = self.files.borrow_mut();
        files.retain(|there| there.account != file.account || there.number != file.number);
        files.push(file.clone());
        Ok(())
    }
}

impl FindBankFile for Treasury {
    async fn find_file(&self, name: &str) -> Result<Option<BankFile>, Unavailable> {
        Ok(self.files.borrow().iter().find(|file| file.name == name).cloned())
    }
}

impl Documents for Treasury {
    async fn put_document(&self, key: &str, _: &str, bytes: &[u8]) -> Result<(), Unavailable> {
        self.documents.borrow_mut().insert(key.to_owned(), bytes.len());
        Ok(())
    }
}

impl ReadMessages for Treasury {
    async fn read_message(&self, message_id: &str) -> Result<Option<ReadMessage>, Unavailable> {
        Ok(self.read.borrow().get(message_id).cloned())
    }

    async fn close_message(&self, message: &ReadMessage) -> Result<ReadMessage, Unavailable> {
        let mut read = self.read.borrow_mut();
        Ok(read.entry(message.message_id.clone()).or_insert_with(|| message.clone()).clone())
    }

    async fn claim_name(&self, name: &str, message_id: &str) -> Result<bool, Unavailable> {
        let mut names = self.names.borrow_mut();
        Ok(names.entry(name.to_owned()).or_insert_with(|| message_id.to_owned()) == message_id)
    }
}

impl BankMovements for Treasury {
    async fn has_movement(&self, movement_id: &BankMovementId) -> Result<bool, Unavailable> {
        Ok(self.booked.borrow().contains_key(movement_id))
    }

    async fn add_movement(&self, movement: &BookedMovement) -> Result<(), Unavailable> {
        if self.booked.borrow_mut().insert(movement.movement_id.clone(), movement.clone()).is_none() {
            self.movements.borrow_mut().push(movement.clone());
        }
        Ok(())
    }
}

//! The desk's bank in memory: it takes files and has a mailbox; and what is kept of what it said.

use crate::exceptions_kept;
use crate::payout_world::Desk;
use payments::bank::BookedMovement;
use payments::failure::Unavailable;
use payments::id::BankMovementId;
use payments::payout::message::{ReadMessage, Waiting};
use payments::ports::*;
use payments::reconcile::{Book, Exception, ExceptionId};

impl BankOut for Desk {
    async fn hand_over(&self, _media_type: &str, bytes: &[u8]) -> Result<HandedOver, Unavailable> {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let name = match text.split_once("<MsgId>") {
            Some((_, rest)) => rest.split_once('<').unwrap().0.to_owned(),
            None => text[13..34].to_owned(),
        };
        self.call(|| {
            let mut taken = self.taken.borrow_mut();
            let (first, times) = taken.entry(name).or_insert_with(|| (bytes.to_vec(), 0));
            assert_eq!(*first, bytes, "the same file has to be the same bytes");
            *times += 1;
            if *times == 1 { HandedOver::Taken } else { HandedOver::SeenBefore }
        })
        .await
    }
}

impl BankIn for Desk {
    async fn waiting(&self) -> Result<Vec<Waiting>, Unavailable> {
        self.call(|| self.mailbox.borrow().iter().map(|(waiting, _)| waiting.clone()).collect()).await
    }

    async fn fetch(&self, message_id: &str) -> Result<Vec<u8>, Unavailable> {
        self.call(|| self.mailbox.borrow().iter().find(|(it, _)| it.id == message_id).unwrap().1.clone()).await
    }
}

impl ReadMessages for Desk {
    async fn read_message(&self, message_id: &str) -> Result<Option<ReadMessage>, Unavailable> {
        self.call(|| self.read.borrow().get(message_id).cloned()).await
    }

    async fn close_message(&self, message: &ReadMessage) -> Result<ReadMessage, Unavailable> {
        let key = message.message_id.clone();
        self.call(|| self.read.borrow_mut().entry(key).or_insert_with(|| message.clone()).clone()).await
    }

    async fn claim_name(&self, name: &str, message_id: &str) -> Result<bool, Unavailable> {
        self.call(|| {
            let mut names = self.names.borrow_mut();
            names.entry(name.to_owned()).or_insert_with(|| message_id.to_owned()) == message_id
        })
        .await
    }
}

impl Exceptions for Desk {
    async fn exception(&self, book: &Book, id: &ExceptionId) -> Result<Option<Exception>, Unavailable> {
        self.call(|| exceptions_kept::find(&self.exceptions, book, id)).await
    }

    async fn save_exception(&self, exception: &Exception) -> Result<Saved, Unavailable> {
        self.call(|| exceptions_kept::save(&self.exceptions, exception)).await
    }
}

impl BankMovements for Desk {
    async fn has_movement(&self, movement_id: &BankMovementId) -> Result<bool, Unavailable> {
        self.call(|| self.movements.borrow().contains_key(movement_id)).await
    }

    async fn add_movement(&self, movement: &BookedMovement) -> Result<(), Unavailable> {
        self.call(|| {
            self.movements.borrow_mut().entry(movement.movement_id.clone()).or_insert_with(|| movement.clone());
        })
        .await
    }
}

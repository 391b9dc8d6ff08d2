//! What a process may ask of stores and counters: the real handlers' ports over the world.

use crate::service::Service;
use crate::store::{OWNERS, owner};
use crate::world::{Lost, Process, World};
use payments::breaker::{Breaker, Call};
use payments::currency::Currency;
use payments::failure::Unavailable;
use payments::gateway::{GatewayKey, GatewayName};
use payments::id::*;
use payments::invoice::Invoice;
use payments::ledger::Account;
use payments::listing::{Cursor, ListFilter};
use payments::merchant::Merchant;
use payments::month::Month;
use payments::outbox::{Key, Outbox, Stretch, Subject};
use payments::payment::Payment;
use payments::ports::*;
use payments::retry::Declines;
use payments::timestamp::Timestamp;
use payments::token::{SealedCard, Token};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

impl From<Lost> for Unavailable {
    fn from(lost: Lost) -> Self {
        Self::new("a simulated service", if lost == Lost::Before { "nothing was done" } else { "nobody knows" })
    }
}

impl Clock for Process {
    fn now(&self) -> Timestamp {
        self.clock()
    }
}

impl LoadPayment for Process {
    async fn load(&self, payment_id: &PaymentId) -> Result<Option<Payment>, Unavailable> {
        let id = payment_id.clone();
        let found = self.call(Service::Payments, move |world| world.store.payments.borrow().get(&id).cloned()).await?;
        Ok(found.map(|payment| Payment::clone(&payment)))
    }
}

impl SavePayment for Process {
    async fn save(&self, payment: &Payment) -> Result<Saved, Unavailable> {
        let next = Rc::new(payment.clone());
        let saved = self.call(Service::Payments, move |world| world.store.save(world, &next)).await;
        self.note(|| {
            let stage = payments::stage::StageName::from(&payment.stage);
            format!("version {} {stage} by {}: {saved:?}", payment.version, payment.latest_change().by)
        });
        Ok(saved?)
    }
}

impl OpenPayment for Process {
    async fn open(&self, payment: &Payment) -> Result<Opened, Unavailable> {
        let first = Rc::new(payment.clone());
        let opened = self.call(Service::Payments, move |world| world.store.open(&first)).await;
        self.note(|| {
            format!(
                "opened: {}",
                opened.as_ref().map_or("lost", |opened| match opened {
                    Opened::New => "new",
                    Opened::Existing(_) => "was there",
                })
            )
        });
        Ok(opened?)
    }
}

impl ListPayments for Process {
    async fn list(&self, _: &Owner, _: &ListFilter, _: Option<&Cursor>) -> Result<Page, Unavailable> {
        Ok(Page { payments: Vec::new(), next: None })
    }
}

impl DuePayments for Process {
    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<PaymentId>, Unavailable> {
        let due = move |world: &World, stale| world.store.due(world, now, limit, stale);
        Ok(self.call_stale(Service::DueIndex, true, due).await?)
    }
}

impl Merchants for Process {
    async fn merchant(&self, owner: &Owner) -> Result<Option<Merchant>, Unavailable> {
        let place = (0..OWNERS.len()).find(|place| self::owner(*place) == *owner);
        let found = move |world: &World| place.map(|place| world.store.merchants[place].clone());
        Ok(self.call(Service::Merchants, found).await?)
    }
}

impl Volumes for Process {
    async fn volume(&self, _: &Owner, _: Month) -> Result<Option<BTreeMap<Currency, u64>>, Unavailable> {
        Ok(None)
    }
}

impl Tokens for Process {
    async fn token(&self, token_id: &TokenId) -> Result<Option<Token>, Unavailable> {
        let id = token_id.clone();
        let found = self.call(Service::Tokens, move |world| world.store.tokens.borrow().get(&id).cloned()).await?;
        Ok(found.map(|token| Token::clone(&token)))
    }
}

impl LoadCard for Process {
    async fn load(&self, token_id: &TokenId) -> Result<Option<SealedCard>, Unavailable> {
        let id = token_id.clone();
        let found = move |world: &World| {
            let token = world.store.tokens.borrow().get(&id).cloned()?;
            // Not a card's number: what stands for it in this world.
            let number = token.card.last4.clone();
            let Token { token_id, merchant_id, .. } = Token::clone(&token);
            Some(SealedCard { token_id, merchant_id, number, data_key: String::new() })
        };
        Ok(self.call(Service::Vault, found).await?)
    }
}

impl VerificationCodes for Process {
    async fn keep(&self, _: &TokenId, _: &str) -> Result<(), Unavailable> {
        Ok(self.call(Service::Codes, |_| ()).await?)
    }

    async fn find(&self, _: &TokenId) -> Result<Option<String>, Unavailable> {
        Ok(self.call(Service::Codes, |_| Some("code".to_owned())).await?)
    }

    async fn forget(&self, _: &TokenId) -> Result<(), Unavailable> {
        Ok(self.call(Service::Codes, |_| ()).await?)
    }
}

impl Velocity for Process {
    async fn count(&self, owner: &Owner, card: &CardFingerprint, payment_id: &PaymentId) -> Result<u32, Unavailable> {
        let (owner, card, id) = (owner.clone(), card.clone(), payment_id.clone());
        let count = move |world: &World| world.store.count(&owner, &card, &id, world.time.now());
        Ok(self.call(Service::Velocity, count).await?)
    }
}

impl Breakers for Process {
    async fn ask(&self, gateway: &GatewayName, _: Mode, now: Timestamp) -> Result<Breaker, Unavailable> {
        let gateway = gateway.clone();
        Ok(self.call(Service::Health, move |world| world.store.health.borrow_mut().ask(&gateway, now)).await?)
    }

    async fn is_open(&self, gateway: &GatewayName, _: Mode, now: Timestamp) -> Result<bool, Unavailable> {
        let gateway = gateway.clone();
        Ok(self.call(Service::Health, move |world| world.store.health.borrow().is_open(&gateway, now)).await?)
    }

    async fn record(&self, gateway: &GatewayName, _: Mode, call: Call, now: Timestamp) -> Result<(), Unavailable> {
        let gateway = gateway.clone();
        Ok(self.call(Service::Health, move |world| world.store.health.borrow_mut().record(&gateway, call, now)).await?)
    }
}

impl DeclinedCards for Process {
    async fn declined(
        &self,
        _: &Owner,
        card: &CardFingerprint,
        order: &GatewayKey,
        now: Timestamp,
    ) -> Result<Declines, Unavailable> {
        let (card, order) = (card.clone(), order.clone());
        let declined = move |world: &World| world.store.health.borrow_mut().declined(&card, &order, now);
        Ok(self.call(Service::Health, declined).await?)
    }
}

impl Turns for Process {
    async fn take_turn(&self, payment_id: &PaymentId, lasts: Duration) -> Result<bool, Unavailable> {
        let (id, lasts) = (payment_id.clone(), i64::try_from(lasts.as_millis()).unwrap_or(i64::MAX));
        let take = move |world: &World| {
            let now = world.time.now();
            let mut turns = world.store.turns.borrow_mut();
            let free = turns.get(&id).is_none_or(|over| *over <= now);
            if free {
                turns.insert(id.clone(), now + lasts);
            }
            free
        };
        Ok(self.call(Service::Turns, take).await?)
    }
}

impl RateLimit for Process {
    async fn admit(&self, _: &KeyId, _: u32) -> Result<Admission, Unavailable> {
        Ok(Admission::Admitted)
    }
}

impl Balances for Process {
    async fn balances(&self, account: &Account) -> Result<BTreeMap<Currency, i64>, Unavailable> {
        let account = account.to_string();
        Ok(self.call(Service::Journal, move |world| world.ledger.balance(&account)).await?)
    }
}

impl ListSettlements for Process {
    async fn settlements(
        &self,
        _: &Owner,
        _: Option<&str>,
        _: usize,
    ) -> Result<Vec<payments::billing::SettlementLine>, Unavailable> {
        Ok(Vec::new())
    }
}

impl LoadInvoice for Process {
    async fn invoice(&self, _: &Owner, _: &InvoiceId) -> Result<Option<Invoice>, Unavailable> {
        Ok(None)
    }
}

impl ListInvoices for Process {
    async fn invoices(&self, _: &Owner, _: Option<&InvoiceId>, _: usize) -> Result<Vec<Invoice>, Unavailable> {
        Ok(Vec::new())
    }
}

impl InvoiceLinks for Process {
    async fn link(&self, _: &Invoice, _: u32) -> Result<String, Unavailable> {
        Ok(String::new())
    }
}

impl ScanOutbox for Process {
    async fn scan(&self, table: Outbox, after: Option<&Key>, limit: usize) -> Result<OutboxPage, Unavailable> {
        let after = after.cloned();
        let page = move |world: &World| {
            let payments = world.store.payments.borrow();
            let behind = payments.values().filter(|payment| {
                let key = Key::Payment { payment_id: payment.payment_id.clone() };
                table == Outbox::Payments && after.as_ref().is_none_or(|after| key > *after)
            });
            let found: Vec<Rc<Payment>> = behind.take(limit).cloned().collect();
            found
        };
        let found = self.call(Service::Payments, page).await?;
        let last = found.last().filter(|_| found.len() == limit);
        let last = last.map(|payment| Key::Payment { payment_id: payment.payment_id.clone() });
        let subjects = found.iter().map(|payment| Subject::Payment(Box::new(Payment::clone(payment)))).collect();
        Ok(OutboxPage { subjects, last })
    }
}

impl Stretches for Process {
    async fn enqueue(&self, stretch: &Stretch) -> Result<(), Unavailable> {
        let text = serde_json::to_string(stretch).map_err(|error| Unavailable::new("a stretch", error))?;
        Ok(self.call(Service::Queue, move |world| world.consumers.given_up.send(text.clone())).await?)
    }
}

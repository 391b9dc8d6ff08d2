//! The merchants table in memory, over the world's planned failures.

use crate::world::World;
use payments::failure::Unavailable;
use payments::id::Owner;
use payments::key::{ApiKey, KeyRing};
use payments::merchant::Merchant;
use payments::ports::*;
use payments::timestamp::Timestamp;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

/// The merchants table in memory. Between a call's start and its effect, others may come.
#[derive(Default)]
pub struct Registry {
    pub world: World,
    pub profiles: RefCell<BTreeMap<String, Merchant>>,
    pub rings: RefCell<BTreeMap<String, KeyRing>>,
    pub index: RefCell<BTreeMap<String, Owner>>,
    pub random: Cell<u8>,
}

fn name(owner: &Owner) -> String {
    format!("{}#{}", owner.merchant_id, owner.mode)
}

impl Registry {
    async fn call<T>(&self, effect: impl FnOnce() -> T) -> Result<T, Unavailable> {
        tokio::task::yield_now().await;
        self.world.call(effect).await
    }
}

impl Clock for Registry {
    fn now(&self) -> Timestamp {
        self.world.now()
    }
}

impl Randomness for Registry {
    fn bits(&self) -> [u8; 16] {
        self.random.set(self.random.get() + 1);
        [self.random.get(); 16]
    }
}

impl Profiles for Registry {
    async fn profile(&self, owner: &Owner) -> Result<Option<Merchant>, Unavailable> {
        self.call(|| self.profiles.borrow().get(&name(owner)).cloned()).await
    }

    async fn save_profile(&self, merchant: &Merchant) -> Result<(), Unavailable> {
        self.call(|| drop(self.profiles.borrow_mut().insert(name(&merchant.owner()), merchant.clone()))).await
    }

    async fn profiles(&self, after: Option<&Owner>, limit: usize) -> Result<Vec<Merchant>, Unavailable> {
        let after = after.map(name).unwrap_or_default();
        self.call(|| {
            self.profiles
                .borrow()
                .range(after.clone()..)
                .filter(|(id, _)| **id > after)
                .map(|(_, it)| it.clone())
                .take(limit)
                .collect()
        })
        .await
    }
}

impl Merchants for Registry {
    async fn merchant(&self, owner: &Owner) -> Result<Option<Merchant>, Unavailable> {
        self.profile(owner).await
    }
}

impl KeyRings for Registry {
    async fn key_ring(&self, owner: &Owner) -> Result<KeyRing, Unavailable> {
        self.call(|| self.rings.borrow().get(&name(owner)).cloned().unwrap_or_else(|| KeyRing::empty(owner))).await
    }

    async fn index_key(&self, key: &ApiKey) -> Result<(), Unavailable> {
        self.call(|| drop(self.index.borrow_mut().insert(key.key_hash.clone(), key.owner()))).await
    }

    async fn save_key_ring(&self, ring: &KeyRing) -> Result<Saved, Unavailable> {
        self.call(|| {
            let mut rings = self.rings.borrow_mut();
            let version = rings.get(&name(&ring.owner())).map_or(0, |there| there.version);
            if version + 1 != ring.version {
                return Saved::Conflict;
            }
            rings.insert(name(&ring.owner()), ring.clone());
            Saved::Done
        })
        .await
    }
}

impl ApiKeys for Registry {
    async fn api_key(&self, key_hash: &str) -> Result<Option<ApiKey>, Unavailable> {
        let owner = self.index.borrow().get(key_hash).cloned();
        let Some(owner) = owner else { return Ok(None) };
        Ok(self.key_ring(&owner).await?.keys.into_iter().find(|key| key.key_hash == key_hash))
    }
}

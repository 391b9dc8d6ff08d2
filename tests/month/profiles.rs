//! Merchants' settings for those who pay them.

use crate::reconcile_world::Books;
use payments::failure::Unavailable;
use payments::id::Owner;
use payments::merchant::Merchant;
use payments::ports::Profiles;

impl Profiles for Books {
    async fn profile(&self, owner: &Owner) -> Result<Option<Merchant>, Unavailable> {
        Ok(self.world.merchants.borrow().get(&owner.to_string()).cloned())
    }

    async fn save_profile(&self, merchant: &Merchant) -> Result<(), Unavailable> {
        self.world.merchants.borrow_mut().insert(merchant.owner().to_string(), merchant.clone());
        Ok(())
    }

    async fn profiles(&self, after: Option<&Owner>, limit: usize) -> Result<Vec<Merchant>, Unavailable> {
        let merchants = self.world.merchants.borrow();
        let behind = merchants.values().filter(|merchant| after.is_none_or(|after| merchant.owner() > *after));
        Ok(behind.take(limit).cloned().collect())
    }
}

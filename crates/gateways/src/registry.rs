//! The gateways that a deployment has, behind one type. A gateway is registered here, in [`gateways`], and nowhere else.

use crate::iso8583::AcquirerFunction;
use crate::simulated::SimulatedGateway;
use crate::stripe::{PresentCardFunction, StripeGateway};
use payments::amount::Amount;
use payments::gateway::{
    Authorization, AuthorizeOrder, Capabilities, CaptureAnswer, CaptureOrder, DraftOrder, Drafted, Effect, GatewayName,
    NoAnswer, Question, RefundAnswer, RefundOrder, VoidAnswer, VoidOrder,
};
use payments::id::Mode;
use payments::ports::{Gateway, Gateways};
use payments_aws::{SecretPerMode, StartError};

/// Makes one type of several gateways: each call goes to the one that it is.
macro_rules! gateways {
    ($($(#[$doc:meta])* $name:ident($gateway:ty)),+ $(,)?) => {
        /// A gateway of this deployment.
        #[derive(Debug)]
        #[allow(clippy::large_enum_variant, reason = "a process has one of each")]
        pub enum AnyGateway {
            $($(#[$doc])* $name($gateway)),+
        }

        impl AnyGateway {
            /// Those whose variables are set.
            async fn all_from_env() -> Result<Vec<Self>, StartError> {
                let mut all = Vec::new();
                $(all.extend(<$gateway>::deployed().await?.map(Self::$name));)+
                Ok(all)
            }
        }

        impl Gateway for AnyGateway {
            fn name(&self) -> GatewayName {
                match self { $(Self::$name(gateway) => gateway.name()),+ }
            }

            fn capabilities(&self) -> Capabilities {
                match self { $(Self::$name(gateway) => gateway.capabilities()),+ }
            }

            fn takes(&self, mode: Mode, amount: Amount) -> bool {
                match self { $(Self::$name(gateway) => gateway.takes(mode, amount)),+ }
            }

            async fn ping(&self, mode: Mode) -> Result<(), NoAnswer> {
                match self { $(Self::$name(gateway) => gateway.ping(mode).await),+ }
            }

            async fn draft(&self, order: &DraftOrder) -> Result<Drafted, NoAnswer> {
                match self { $(Self::$name(gateway) => gateway.draft(order).await),+ }
            }

            async fn authorize(&self, order: &AuthorizeOrder) -> Result<Authorization, NoAnswer> {
                match self { $(Self::$name(gateway) => gateway.authorize(order).await),+ }
            }

            async fn capture(&self, order: &CaptureOrder) -> Result<CaptureAnswer, NoAnswer> {
                match self { $(Self::$name(gateway) => gateway.capture(order).await),+ }
            }

            async fn void(&self, order: &VoidOrder) -> Result<VoidAnswer, NoAnswer> {
                match self { $(Self::$name(gateway) => gateway.void(order).await),+ }
            }

            async fn refund(&self, order: &RefundOrder) -> Result<RefundAnswer, NoAnswer> {
                match self { $(Self::$name(gateway) => gateway.refund(order).await),+ }
            }

            async fn look_up(&self, question: &Question) -> Result<Option<Effect>, NoAnswer> {
                match self { $(Self::$name(gateway) => gateway.look_up(question).await),+ }
            }
        }
    };
}

gateways! {
    /// Stands for the card network in test mode.
    Simulated(SimulatedGateway),
    /// Stripe.
    Stripe(StripeGateway<SecretPerMode, PresentCardFunction>),
    /// A classic acquirer, by ISO 8583.
    Iso8583(AcquirerFunction),
}

/// The gateways of this deployment.
#[derive(Debug)]
pub struct DeployedGateways {
    all: Vec<AnyGateway>,
}

impl DeployedGateways {
    /// Those whose variables are set. Payments that no rule sends elsewhere go to the first of the registry.
    pub async fn from_env() -> Result<Self, StartError> {
        let all = AnyGateway::all_from_env().await?;
        if all.is_empty() {
            return Err(StartError::VariableMissing("SIMULATED_ACQUIRER_FUNCTION"));
        }
        Ok(Self { all })
    }
}

impl Gateways for DeployedGateways {
    type Gateway = AnyGateway;

    fn find(&self, name: &GatewayName) -> Option<&AnyGateway> {
        self.all.iter().find(|gateway| gateway.name() == *name)
    }

    fn standard(&self) -> GatewayName {
        self.all[0].name()
    }
}

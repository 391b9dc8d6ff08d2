//! How a step fails by name. The name is a contract: the workflow's Retry and Catch act on it.

use crate::id::PaymentId;
use crate::stage::StageName;

/// A step's error: a sentence for the log, a name for the workflow.
pub trait Failure: std::error::Error + 'static {
    /// The name that Step Functions sees: the variant's identifier.
    fn name(&self) -> &'static str;

    /// Whether the same call may succeed a moment later. The workflow's Retry lists exactly the names of such errors.
    fn transient(&self) -> bool;
}

/// Implements [`Failure`] for an enum whose names are made by `strum::EnumDiscriminants`, from the list of those that
/// pass by themselves.
#[macro_export]
macro_rules! failure {
    ($error:ty, $name:ty, transient: [$($transient:ident),* $(,)?], permanent: [$($permanent:ident),* $(,)?] $(,)?) => {
        impl $crate::failure::Failure for $error {
            fn name(&self) -> &'static str {
                <$name>::from(self).into()
            }

            fn transient(&self) -> bool {
                <$name>::from(self).transient()
            }
        }

        impl $name {
            /// Whether the same call may succeed a moment later.
            pub fn transient(self) -> bool {
                match self {
                    $(Self::$transient => true,)*
                    $(Self::$permanent => false,)*
                }
            }
        }
    };
}

/// A store, a queue or a service of ours did not do what it was asked; whether it did it unseen is not known.
#[derive(Debug, thiserror::Error)]
#[error("{what} is unavailable")]
pub struct Unavailable {
    /// Which port, in a word or two.
    pub what: &'static str,
    /// What it said.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

impl Unavailable {
    /// `what` did not answer as it should.
    pub fn new(what: &'static str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { what, source: source.into() }
    }
}

/// There is no payment of that id.
#[derive(Debug, thiserror::Error)]
#[error("there is no payment {0}")]
pub struct NotFound(pub PaymentId);

/// The step was called before its turn.
#[derive(Debug, thiserror::Error)]
#[error("payment {payment_id} is {stage}: an earlier step has to come first")]
pub struct OutOfTurn {
    /// The payment.
    pub payment_id: PaymentId,
    /// Where it is.
    pub stage: StageName,
}

impl OutOfTurn {
    /// The step came to that payment too early.
    pub fn of(payment: &crate::payment::Payment) -> Self {
        Self { payment_id: payment.payment_id.clone(), stage: StageName::from(&payment.stage) }
    }
}

/// A function that always answers.
impl Failure for std::convert::Infallible {
    fn name(&self) -> &'static str {
        match *self {}
    }

    fn transient(&self) -> bool {
        match *self {}
    }
}

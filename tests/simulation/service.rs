//! What a process may ask for something, and which processes there are.

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Service {
    Payments,
    DueIndex,
    Merchants,
    Tokens,
    Vault,
    Codes,
    Velocity,
    Health,
    Turns,
    GatewayA,
    GatewayB,
    Workflow,
    Lambda,
    Topic,
    Bus,
    Journal,
    Bills,
    Queue,
    DeadLetters,
    Api,
}

impl Service {
    pub const ALL: [Self; 20] = [
        Self::Payments,
        Self::DueIndex,
        Self::Merchants,
        Self::Tokens,
        Self::Vault,
        Self::Codes,
        Self::Velocity,
        Self::Health,
        Self::Turns,
        Self::GatewayA,
        Self::GatewayB,
        Self::Workflow,
        Self::Lambda,
        Self::Topic,
        Self::Bus,
        Self::Journal,
        Self::Bills,
        Self::Queue,
        Self::DeadLetters,
        Self::Api,
    ];
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Function {
    Client,
    Api,
    StateMachine,
    Validate,
    Authorize,
    FraudCheck,
    Execute,
    Settle,
    Void,
    Refund,
    Sweep,
    Publish,
    PostLedger,
    Bill,
    Ingest,
    Republish,
    Poller,
}

impl Function {
    /// How many calls one of its invocations makes, about, all of which have to be done.
    pub fn calls_in_batch(self) -> u32 {
        match self {
            // It walks over the table, and tells whatever it finds.
            Self::Republish => 64,
            Self::PostLedger | Self::Bill => 8,
            Self::Publish | Self::Ingest => 3,
            Self::Client
            | Self::Api
            | Self::StateMachine
            | Self::Validate
            | Self::Authorize
            | Self::FraudCheck
            | Self::Execute
            | Self::Settle
            | Self::Void
            | Self::Refund
            | Self::Sweep
            | Self::Poller => 1,
        }
    }

    /// The function of a state's `FunctionName`, such as `${FraudCheckFunctionArn}`.
    pub fn of_arn(name: &str) -> Option<Self> {
        Some(match name.strip_prefix("${")?.strip_suffix("FunctionArn}")? {
            "Validate" => Self::Validate,
            "Authorize" => Self::Authorize,
            "FraudCheck" => Self::FraudCheck,
            "Execute" => Self::Execute,
            "Settle" => Self::Settle,
            "Void" => Self::Void,
            "Refund" => Self::Refund,
            _ => return None,
        })
    }
}

//! `cargo xtask <command>`: reads the command line and calls the module of that name.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand, ValueEnum};
use xtask::{
    Stack, Workspace, aws_proxy, bench, chaos, demo, docs, down, explain_route, fault, fuzz, gateway_proxy, gateways,
    invoke, ledger, logs, merchant, month, poller, progress, reconcile, redrive, simulate, status, test, up,
};

/// Runs, watches and feeds the local stack.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Copy, ValueEnum)]
#[value(rename_all = "UPPER")]
enum WorkflowType {
    Express,
    Standard,
}

#[derive(Subcommand)]
enum Command {
    /// Start the local stack and deploy to it, or bring it up to date
    Up {
        /// The type of the payment state machine
        #[arg(long, value_enum, ignore_case = true, default_value = "EXPRESS")]
        workflow_type: WorkflowType,
        /// Deploy what was built before
        #[arg(long)]
        skip_build: bool,
        /// Deliver every Kafka batch twice, to test that functions bear it
        #[arg(long)]
        deliver_twice: bool,
    },
    /// Stop everything
    Down,
    /// Say what runs; exit code 1 unless all of it does
    Status,
    /// Print the environment of a shell that talks to the stack: eval "$(cargo xtask env)"
    Env,
    /// Print what a function has logged
    Logs {
        /// Its folder, e.g. fraud-check
        function: String,
        /// Go on until interrupted
        #[arg(long, short)]
        follow: bool,
        /// How far back, e.g. 10m
        #[arg(long)]
        since: Option<String>,
    },
    /// Invoke a function; exit code 1 if it fails
    Invoke {
        /// Its folder, e.g. fraud-check
        function: String,
        /// The event, - for stdin; events/<function>.json by default
        file: Option<PathBuf>,
    },
    /// Make a day's payments as merchants would, and audit the tables; exit code 1 unless all agrees
    Demo {
        /// Leave the stack up, if it was down
        #[arg(long)]
        keep: bool,
        /// The payments, one JSON object per line; events/payments/demo.jsonl by default
        #[arg(long)]
        file: Option<PathBuf>,
        /// Send the whole file twice: the second answers must be the first ones
        #[arg(long)]
        replay: bool,
        /// Payments at a time
        #[arg(long, default_value_t = 8, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=256))]
        concurrency: usize,
    },
    /// Pay while calls to AWS break and processes die, then hold API, acquirer and topics against one another; exit code 1 unless all agrees
    Chaos {
        /// Where all chance comes from; the clock says if absent
        #[arg(long)]
        seed: Option<u64>,
        /// How many payments
        #[arg(long, default_value_t = 2000)]
        payments: usize,
        /// Payments at a time
        #[arg(long, default_value_t = 12, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=256))]
        concurrency: usize,
    },
    /// Put merchants' settings, or list them, as an operator
    #[command(subcommand)]
    Merchant(merchant::MerchantCommand),
    /// Make, list, rotate and revoke merchants' API keys, as an operator
    #[command(subcommand)]
    Key(merchant::KeyCommand),
    /// Reconcile days that are over, look at today, and write pages a person can read; or work on exceptions
    Reconcile(reconcile::Reconcile),
    /// Put dead letters back to where they came from; exit code 1 if one could not be
    Redrive(redrive::Redrive),
    /// Say which gateways a payment would go to, and why; moves nothing
    ExplainRoute(explain_route::ExplainRoute),
    /// Hold every gateway to its contract, with every call broken in every way; exit code 1 if one does not keep it
    Gateways,
    /// Break the calls to a gateway, until told otherwise; without a fault, say which it is now
    Fault {
        /// Whose calls
        #[arg(value_enum)]
        gateway: fault::Gateway,
        /// How
        #[arg(value_enum)]
        fault: Option<fault::Fault>,
    },
    /// Pass calls on to a gateway's peer, or break them, until stopped; `up` runs this in the background
    #[command(hide = true)]
    GatewayProxy {
        /// Whose calls
        #[arg(value_enum)]
        gateway: fault::Gateway,
        #[command(flatten)]
        ports: gateway_proxy::Ports,
    },
    /// Pass calls of functions on to the emulator, or break them, until stopped; `up` runs this in the background
    #[command(hide = true)]
    AwsProxy {
        #[command(flatten)]
        ports: gateway_proxy::Ports,
    },
    /// Play a month in virtual time; exit code 1 unless everything adds up
    Month,
    /// Play the payment path in virtual time under faults, worlds from seeds; exit code 1 if anything broke
    Simulate(simulate::Simulate),
    /// Measure the ledger; exit code 1 if a limit does not hold
    #[command(subcommand)]
    Bench(bench::BenchCommand),
    /// Read the deployed ledger back
    #[command(subcommand)]
    Ledger(ledger::LedgerCommand),
    /// Run every test, those on the deployed stack too; exit code 1 unless all pass
    Test {
        /// Leave the stack up
        #[arg(long)]
        keep: bool,
    },
    /// Write docs/api.md from openapi.yaml
    Docs,
    /// Ask the deployed API all that openapi.yaml allows and forbids; exit code 1 if an answer is not as it says
    FuzzApi {
        /// At least so many requests
        #[arg(long, default_value_t = 20_000)]
        requests: u64,
        /// The few requests, always the same, that `test` makes
        #[arg(long)]
        short: bool,
    },
    /// Feed functions from Kafka until stopped; `up` runs this in the background
    Poller {
        /// Deliver every batch twice
        #[arg(long)]
        deliver_twice: bool,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse().command).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Answers whether the exit code is zero.
async fn run(command: Command) -> Result<bool> {
    let workspace = Workspace::find()?;
    match command {
        Command::Up { workflow_type, skip_build, deliver_twice } => {
            let workflow_type = match workflow_type {
                WorkflowType::Express => "EXPRESS",
                WorkflowType::Standard => "STANDARD",
            };
            let options = up::Options { workflow_type: workflow_type.to_owned(), skip_build, deliver_twice };
            greet(&up::up(&workspace, &options).await?);
        }
        Command::Down => down::down(&workspace).await?,
        Command::Status => return status::status(&workspace).await,
        Command::Env => status::print_environment(&workspace)?,
        Command::Logs { function, follow, since } => {
            logs::logs(&Stack::open(&workspace).await?, &function, &logs::Options { follow, since }).await?;
        }
        Command::Invoke { function, file } => {
            return invoke::invoke(&Stack::open(&workspace).await?, &function, file.as_deref()).await;
        }
        Command::Demo { keep, file, replay, concurrency } => {
            let options = demo::Options { keep, file, replay, concurrency };
            return demo::demo(&workspace, &options).await;
        }
        Command::Chaos { seed, payments, concurrency } => {
            let seed = seed.unwrap_or_else(chaos::any_seed);
            let broker = chaos::killer::Broker::Dies;
            return chaos::chaos(&workspace, &chaos::Options { seed, payments, concurrency, broker }).await;
        }
        Command::Merchant(command) => return merchant::merchant(&Stack::open(&workspace).await?, &command).await,
        Command::Key(command) => return merchant::key(&Stack::open(&workspace).await?, &command).await,
        Command::ExplainRoute(what) => {
            return explain_route::explain_route(&Stack::open(&workspace).await?, &what).await;
        }
        Command::Reconcile(command) => return reconcile::reconcile(&Stack::open(&workspace).await?, &command).await,
        Command::Redrive(what) => return redrive::redrive(&workspace, &what).await,
        Command::Gateways => return gateways::gateways(&workspace).await,
        Command::Fault { gateway, fault } => {
            let stack = Stack::open(&workspace).await?;
            let now = match fault {
                Some(fault) => fault::set(&stack.state, gateway, fault).await?,
                None => fault::read(&stack.state, gateway).await?,
            };
            progress::answer(now.to_string());
        }
        Command::GatewayProxy { gateway, ports } => gateway_proxy::run(gateway, ports).await?,
        Command::AwsProxy { ports } => aws_proxy::run(ports).await?,
        Command::Month => return month::month(&workspace).await,
        Command::Simulate(options) => return simulate::simulate(&workspace, &options).await,
        Command::Bench(command) => return bench::bench(&workspace, &command).await,
        Command::Ledger(command) => return ledger::ledger(&Stack::open(&workspace).await?, &command).await,
        Command::Test { keep } => return test::test(&workspace, keep).await,
        Command::Docs => docs::docs(&workspace).await?,
        Command::FuzzApi { requests, short } => {
            let extent = if short { fuzz::Extent::Short } else { fuzz::Extent::Requests(requests) };
            return fuzz::fuzz(&Stack::open(&workspace).await?, extent).await;
        }
        Command::Poller { deliver_twice } => poller::run(&workspace, deliver_twice).await?,
    }
    Ok(true)
}

/// Where the stack is, and what to do with it.
fn greet(stack: &Stack) {
    match stack.api_url() {
        Ok(url) => progress::answer(url),
        Err(_) => stack.outputs.iter().for_each(|(name, value)| progress::answer(format!("{name} = {value}"))),
    }
    progress::note("next: cargo xtask status | invoke <function> | logs <function> --follow | down");
}

//! The page: one self-contained HTML document, exceptions first. It needs no network, no script and no font.

use crate::document::{Aged, Document};
use payments::currency::Currency;
use payments::reconcile::{DayState, Open, Side, State, Totals};
use std::fmt::Write;

/// How the page looks, on light and on dark screens and on paper.
const STYLE: &str = include_str!("page.css");

/// The day as a page.
pub(crate) fn page(document: &Document) -> String {
    let Document { gateway, mode, day, .. } = document;
    let mut body = String::new();
    head(&mut body, document);
    if let Some(refused) = &document.refused {
        let (line, reason) = (refused.line, escape(&refused.reason));
        let text = "Nothing of it was taken over. This day and those after it wait for another report.";
        push(&mut body, format_args!("<section class=\"refused\"><h2>The report was refused</h2>"));
        push(&mut body, format_args!("<p><b>Line {line}:</b> {reason}</p><p>{text}</p></section>"));
    }
    exceptions(&mut body, "Exceptions of this day", &document.exceptions, "Nothing: all that was said agrees.");
    if !document.open_before.is_empty() {
        exceptions(&mut body, "Still open from earlier days", &document.open_before, "");
    }
    if !document.own.is_empty() {
        exceptions(&mut body, "Not the gateway's: files, invoices, payouts", &document.own, "");
    }
    if !document.late.is_empty() {
        exceptions(&mut body, "Came late, and is complete now", &document.late, "");
    }
    if document.refused.is_none() {
        totals(&mut body, document);
    }
    on_its_way(&mut body, &document.on_its_way);
    foot(&mut body, document);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{day} {} {mode} reconciliation</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n{body}</main>\n\
         </body>\n</html>\n",
        escape(&gateway.0),
    )
}

fn push(body: &mut String, text: std::fmt::Arguments<'_>) {
    body.write_fmt(text).expect("a string takes all that is written to it");
    body.push('\n');
}

fn head(body: &mut String, document: &Document) {
    let (word, class) = match (document.state, document.open()) {
        (DayState::Refused, _) => ("report refused".to_owned(), "bad"),
        (DayState::Preview, 0) => ("preview, all agrees so far".to_owned(), "soft"),
        (DayState::Preview, open) => (format!("preview, {open} so far"), "soft"),
        (DayState::Reconciled, 0) => ("nothing open".to_owned(), "good"),
        (DayState::Reconciled, open) => (format!("{open} open"), "bad"),
    };
    let (gateway, mode, day) = (escape(&document.gateway.0), document.mode, document.day);
    push(body, format_args!("<header><p class=\"over\">Reconciliation, {gateway} gateway, {mode} mode</p>"));
    push(body, format_args!("<h1>{day} <span class=\"state {class}\">{word}</span></h1>"));
    let counts = document.counts;
    push(
        body,
        format_args!(
            "<p class=\"counts\"><b>{}</b> report rows <b>{}</b> fundings <b>{}</b> ledger movements <b>{}</b> bank credits</p>\
             </header>",
            counts.rows, counts.fundings, counts.movements, counts.credits
        ),
    );
}

fn exceptions(body: &mut String, title: &str, list: &[Aged], none: &str) {
    push(body, format_args!("<section><h2>{title} <small>{}</small></h2>", list.len()));
    if list.is_empty() {
        push(body, format_args!("<p class=\"none\">{none}</p></section>"));
        return;
    }
    push(body, format_args!("<div class=\"wide\"><table><thead><tr><th>What</th><th>About</th>"));
    for witness in ["Report", "Ledger", "Bank"] {
        push(body, format_args!("<th class=\"number\">{witness}</th>"));
    }
    push(body, format_args!("<th class=\"number\">Age</th><th>State</th></tr></thead><tbody>"));
    list.iter().for_each(|aged| exception(body, aged));
    push(body, format_args!("</tbody></table></div></section>"));
}

fn exception(body: &mut String, aged: &Aged) {
    let exception = &aged.exception;
    let kind = exception.kind.to_string();
    let words = kind.replace('_', " ");
    push(body, format_args!("<tr><td><span class=\"kind {kind}\">{words}</span></td>"));
    let payment = exception.payment_id.as_ref().map(|id| format!("<br><code>{id}</code>")).unwrap_or_default();
    push(
        body,
        format_args!(
            "<td>{}<br><code>{}</code>{payment}<br><code class=\"id\">{}</code></td>",
            escape(&exception.detail),
            escape(&exception.reference),
            exception.id
        ),
    );
    for side in [exception.report, exception.ledger, exception.bank] {
        push(body, format_args!("<td class=\"number\">{}</td>", shown(side)));
    }
    let (days, business) = (aged.age_days, aged.age_business_days);
    push(body, format_args!("<td class=\"number\">{}<br><small>{business} business</small></td>", plural(days, "day")));
    let state = match (&exception.resolution, aged.state) {
        (Some(resolution), _) => format!(
            "{}<br><small>{} by {}, {}</small>",
            resolution.kind.to_string().replace('_', " "),
            escape(&resolution.note),
            escape(&resolution.by),
            resolution.at.get(..10).unwrap_or_default(),
        ),
        (None, State::Open) => "<b>open</b>".to_owned(),
        (None, state @ (State::Closed | State::Withdrawn | State::Resolved)) => state.to_string(),
    };
    push(body, format_args!("<td>{state}</td></tr>"));
}

/// An amount, its currency, and the cost if there is one; a dash where a witness says nothing.
fn shown(side: Option<Side>) -> String {
    let Some(side) = side else { return "<span class=\"nothing\">&mdash;</span>".to_owned() };
    let amount = minor(side.amount, side.currency);
    let cost = if side.cost == 0 {
        String::new()
    } else {
        format!("<br><small>cost {}</small>", minor(side.cost, side.currency))
    };
    format!("{amount} <span class=\"code\">{}</span>{cost}", side.currency)
}

fn totals(body: &mut String, document: &Document) {
    push(body, format_args!("<section><h2>Totals</h2>"));
    if document.totals.is_empty() {
        push(body, format_args!("<p class=\"none\">No money moved, and none is owed.</p>"));
    }
    push(body, format_args!("<div class=\"cards\">"));
    for (currency, it) in &document.totals {
        card(body, *currency, it);
    }
    push(body, format_args!("</div></section>"));
}

fn card(body: &mut String, currency: Currency, it: &Totals) {
    let say = |number: i64| minor(number, currency);
    push(body, format_args!("<article><h3>{currency}</h3><table><thead><tr><th>Moved on the day</th>"));
    push(body, format_args!("<th class=\"number\">Report</th><th class=\"number\">Ledger</th></tr></thead><tbody>"));
    for (name, report, ledger) in [
        ("captured", it.captured_by_report, it.captured_by_ledger),
        ("refunded", it.refunded_by_report, it.refunded_by_ledger),
        ("cost", it.cost_by_report, it.cost_by_ledger),
    ] {
        let differs = if report == ledger { "" } else { " class=\"differs\"" };
        push(body, format_args!("<tr{differs}><td>{name}</td><td class=\"number\">{}</td>", say(report)));
        push(body, format_args!("<td class=\"number\">{}</td></tr>", say(ledger)));
    }
    push(
        body,
        format_args!(
            "</tbody></table><table><thead><tr><th colspan=\"2\">Owed at the day's end</th></tr></thead><tbody>"
        ),
    );
    let fault = if it.unexplained == 0 { "" } else { "differs" };
    for (name, number, class) in [
        ("by the ledger", it.receivable_by_ledger, "sum"),
        ("by the reports", it.receivable_by_report, "sum"),
        ("&emsp;paid, on its way", it.funded, ""),
        ("&emsp;not paid yet", it.open, ""),
        ("explained by exceptions", it.explained, ""),
        ("unexplained", it.unexplained, fault),
    ] {
        push(body, format_args!("<tr class=\"{class}\"><td>{name}</td><td class=\"number\">{}</td></tr>", say(number)));
    }
    push(body, format_args!("</tbody></table></article>"));
}

fn on_its_way(body: &mut String, list: &[Open]) {
    if list.is_empty() {
        return;
    }
    push(body, format_args!("<section><h2>On its way to the bank <small>{}</small></h2>", list.len()));
    push(body, format_args!("<table><thead><tr><th>Reference</th><th class=\"number\">Amount</th>"));
    push(body, format_args!("<th class=\"number\">Expected on</th></tr></thead><tbody>"));
    for open in list {
        push(body, format_args!("<tr><td><code>{}</code></td>", escape(&open.reference)));
        push(body, format_args!("<td class=\"number\">{}</td>", shown(open.report)));
        push(body, format_args!("<td class=\"number\">{}</td></tr>", open.expected_on));
    }
    push(body, format_args!("</tbody></table></section>"));
}

fn foot(body: &mut String, document: &Document) {
    let at = document.reconciled_at.get(..16).unwrap_or_default().replace('T', " ");
    let text = "Report: what the gateway says. Ledger: its receivable account. Bank: our account's statement. \
                Refunds are negative.";
    push(body, format_args!("<footer><p>{text}</p><p>Worked through at {at} UTC.</p></footer>"));
}

/// Minor units with the currency's decimals and groups of three: `1,234.56`, with a real minus sign.
fn minor(minor: i64, currency: Currency) -> String {
    let sign = if minor < 0 { "\u{2212}" } else { "" };
    let decimals = currency.exponent() as usize;
    let digits = format!("{:0width$}", minor.unsigned_abs(), width = decimals + 1);
    let (whole, fraction) = digits.split_at(digits.len() - decimals);
    let mut grouped = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if decimals == 0 { format!("{sign}{grouped}") } else { format!("{sign}{grouped}.{fraction}") }
}

fn plural(number: u32, word: &str) -> String {
    if number == 1 { format!("1 {word}") } else { format!("{number} {word}s") }
}

/// What others wrote is text, never markup.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

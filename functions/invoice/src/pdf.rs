//! An invoice on paper: seller, buyer, number and dates, lines by currency, sums, and the note on value-added tax. The same
//! invoice makes the same bytes.

use crate::paper::{Face, LEFT, Paper, RIGHT};
use payments::amount::Amount;
use payments::billing::LineKind;
use payments::card::Brand;
use payments::currency::Currency;
use payments::fee::FeeTerms;
use payments::invoice::{Invoice, InvoiceLine, Total};
use payments::region::Region;

/// Where the columns of the lines begin; numbers end there.
const CARD: i16 = LEFT + 52;
const TERMS: i16 = LEFT + 170;
const COUNT: i16 = LEFT + 330;
const GROSS: i16 = LEFT + 410;
/// Points from one line of text to the next.
const LINE: i16 = 14;
/// Characters of the longest line of free text.
const FREE_TEXT: usize = 100;

/// The invoice as a PDF file.
pub fn pdf(invoice: &Invoice) -> Vec<u8> {
    let mut paper = Paper::new();
    head(&mut paper, invoice);
    for total in &invoice.totals {
        let lines: Vec<_> = invoice.lines.iter().filter(|line| line.currency == total.currency).collect();
        section(&mut paper, total, &lines);
    }
    tail(&mut paper, invoice);
    let title = format!("Invoice {}", invoice.number());
    let seller = invoice.seller.first().map(String::as_str).unwrap_or_default();
    paper.finish(&title, &format!("{seller} - {title}"))
}

fn head(paper: &mut Paper, invoice: &Invoice) {
    paper.text(LEFT, 22, Face::Bold, "Invoice");
    for (place, line) in invoice.seller.iter().enumerate() {
        paper.text_to(RIGHT, 9, Face::Plain, &cut(line));
        paper.down(if place + 1 < invoice.seller.len() { 12 } else { 0 });
    }
    paper.down(40);
    paper.text(LEFT, 8, Face::Plain, "Billed to");
    paper.text(TERMS + 60, 8, Face::Plain, "Number");
    paper.text_to(RIGHT, 8, Face::Bold, &invoice.number());
    paper.down(LINE);
    paper.text(LEFT, 11, Face::Bold, &cut(&invoice.buyer));
    paper.text(TERMS + 60, 8, Face::Plain, "Date of invoice");
    paper.text_to(RIGHT, 8, Face::Plain, &invoice.issued_on);
    paper.down(LINE);
    paper.text(LEFT, 8, Face::Plain, &format!("Merchant {}", invoice.owner.merchant_id));
    paper.text(TERMS + 60, 8, Face::Plain, "Month of supply (UTC)");
    paper.text_to(RIGHT, 8, Face::Plain, &invoice.month.to_string());
    paper.down(LINE);
    if invoice.owner.mode == payments::id::Mode::Test {
        paper.text(LEFT, 8, Face::Bold, "Test mode: no money was moved, none is owed.");
    }
    paper.text(TERMS + 60, 8, Face::Plain, "Invoice id");
    paper.text_to(RIGHT, 8, Face::Plain, invoice.invoice_id.as_str());
    paper.down(36);
}

/// The lines of one currency and their sum; the heads of the columns again on each page.
fn section(paper: &mut Paper, total: &Total, lines: &[&InvoiceLine]) {
    if !paper.has_room(4 * LINE) {
        paper.turn();
    }
    columns(paper, total.currency);
    for line in lines {
        if !paper.has_room(2 * LINE) {
            paper.turn();
            columns(paper, total.currency);
        }
        paper.text(LEFT, 8, Face::Plain, kind(line.kind));
        paper.text(CARD, 8, Face::Plain, &format!("{}, {}", brand(line.card.brand), region(line.card.region)));
        paper.text(TERMS, 8, Face::Plain, &terms(line.terms, line.currency));
        paper.text_to(COUNT, 8, Face::Plain, &line.count.to_string());
        paper.text_to(GROSS, 8, Face::Plain, &major(line.gross, line.currency));
        paper.text_to(RIGHT, 8, Face::Plain, &major(line.fee, line.currency));
        paper.down(LINE);
    }
    paper.down(-LINE + 4);
    paper.rule();
    paper.down(LINE + 4);
    paper.text(LEFT, 9, Face::Bold, &format!("Total fees in {}", total.currency));
    paper.text_to(RIGHT, 9, Face::Bold, &format!("{} {}", major(total.fee, total.currency), total.currency));
    paper.down(2 * LINE);
}

fn columns(paper: &mut Paper, currency: Currency) {
    paper.text(LEFT, 8, Face::Bold, currency.code());
    paper.text(CARD, 8, Face::Bold, "Card");
    paper.text(TERMS, 8, Face::Bold, "Terms");
    paper.text_to(COUNT, 8, Face::Bold, "Count");
    paper.text_to(GROSS, 8, Face::Bold, "Amount");
    paper.text_to(RIGHT, 8, Face::Bold, "Fee");
    paper.rule();
    paper.down(LINE + 4);
}

fn tail(paper: &mut Paper, invoice: &Invoice) {
    if !paper.has_room(5 * LINE) {
        paper.turn();
    }
    let notes = [
        "The fees were kept from the settlements of the month: nothing is to be paid on this invoice.",
        "Each share is rounded half to even to the smallest unit of its currency.",
        &invoice.vat_note,
    ];
    for note in notes {
        paper.text(LEFT, 8, Face::Plain, &cut(note));
        paper.down(LINE);
    }
}

fn kind(kind: LineKind) -> &'static str {
    match kind {
        LineKind::Capture => "Payments",
        LineKind::Refund => "Refunds",
        LineKind::ReserveRelease => "Releases",
    }
}

fn brand(brand: Brand) -> &'static str {
    match brand {
        Brand::Visa => "Visa",
        Brand::Mastercard => "Mastercard",
        Brand::AmericanExpress => "American Express",
        Brand::Discover => "Discover",
        Brand::Other => "Other brands",
    }
}

fn region(region: Region) -> &'static str {
    match region {
        Region::Domestic => "domestic",
        Region::Eea => "EEA",
        Region::Other => "international",
    }
}

/// `2.90 % + 0.30, at least 0.50`.
fn terms(terms: FeeTerms, currency: Currency) -> String {
    let share =
        (terms.basis_points > 0).then(|| format!("{}.{:02} %", terms.basis_points / 100, terms.basis_points % 100));
    let fixed = (terms.fixed_minor > 0).then(|| format!("{} each", major(terms.fixed_minor, currency)));
    let sum: Vec<String> = [share, fixed].into_iter().flatten().collect();
    let sum = if sum.is_empty() { "free".to_owned() } else { sum.join(" + ") };
    match terms.minimum_minor {
        0 => sum,
        least => format!("{sum}, at least {}", major(least, currency)),
    }
}

/// In major units with the currency's decimals, without its code. A sum may be more than one payment can be.
fn major(minor: u64, currency: Currency) -> String {
    match Amount::try_new(minor, currency) {
        Ok(amount) => amount.to_string().split(' ').next().unwrap_or_default().to_owned(),
        Err(_) => format!("{minor} minor units"),
    }
}

fn cut(text: &str) -> String {
    text.chars().take(FREE_TEXT).collect()
}

//! Files for the bank, held against the official schema (sepaxml's), against achkit and against the bank itself.

use crate::numbers::unique;
use crate::shop::Shop;
use gateways::bank::{CreditTransfer, PaymentOrder, file_name_at_the_bank, write};
use payments::amount::Amount;
use payments::bank_account::{BankAccount, OwnAccounts};
use serde_json::{Value, json};
use std::process::Command;

const OWN: &str = "test:EUR:NL62MOCK0000000011:MOCKNL2A,test:JPY:NL08MOCK0000000013:MOCKNL2A,\
    test:KWD:NL83MOCK0000000021:MOCKNL2A,test:USD:999999992:1234567890:1234567890:NL35MOCK0000000012";

/// Validates by the schema and reads NACHA back: the file's count and sum in minor units.
const CHECKER: &str = r#"
import json, sys, os, decimal
path, kind, exponent = sys.argv[1], sys.argv[2], int(sys.argv[3])
if kind == "xml":
    import sepaxml, xmlschema
    folder = os.path.join(os.path.dirname(sepaxml.__file__), "schemas")
    schema = xmlschema.XMLSchema(os.path.join(folder, "pain.001.001.09.xsd"))
    schema.validate(path)
    header = schema.to_dict(path)["CstmrCdtTrfInitn"]["GrpHdr"]
    total = decimal.Decimal(str(header["CtrlSum"])).scaleb(exponent)
    print(json.dumps({"count": int(header["NbOfTxs"]), "sum": int(total)}))
else:
    from achkit import parse, validate
    text = open(path).read()
    result = validate(text)
    assert result["ok"], result["errors"]
    batches = parse(text)["batches"]
    entries = [entry for batch in batches for entry in batch["entries"]]
    print(json.dumps({"count": len(entries), "sum": sum(entry["amount_cents"] for entry in entries)}))
"#;

/// Names that are hard to write, and accounts with and without a BIC, of companies and of persons.
fn order(code: &str, count: u64) -> PaymentOrder {
    let own = OwnAccounts::read(OWN, "Florin").unwrap();
    let currency = code.parse().unwrap();
    let from = own.of(payments::id::Mode::Test, currency).unwrap().clone();
    let names = [
        "Müller & Söhne <GmbH>",
        "桜のお茶",
        "Łódź \"Ż\" Sp. z o.o. 'i' inni, z bardzo długą nazwą, która się nie mieści wcale",
        "/",
    ];
    let transfers = (0..count).map(|index| {
        let name = names[index as usize % names.len()].to_owned();
        let odd = index % 2 == 1;
        let account = match code {
            "USD" => json!({
                "type": "ach", "name": name, "routing_number": if odd { "021000021" } else { "999999992" },
                "account_number": format!("{:08}", 10_000_000 + index),
                "account_kind": if odd { "savings" } else { "checking" },
                "holder_kind": if index % 3 == 0 { "person" } else { "company" },
            }),
            _ if odd => json!({ "type": "iban", "name": name, "iban": "NL44INGB0000000101" }),
            _ => json!({ "type": "iban", "name": name, "iban": "DE89370400440532013000", "bic": "COBADEFFXXX" }),
        };
        let to: BankAccount = serde_json::from_value(account).unwrap();
        let digits = format!("{}{index:08}", unique());
        let reference = digits[digits.len().saturating_sub(15)..].to_owned();
        let amount = Amount::try_new(1 + index * 1_234_567 % 9_999_999, currency).unwrap();
        CreditTransfer { reference, amount, to, remittance: format!("Payout // {index} é") }
    });
    let transfers = transfers.collect();
    let message_id = format!("FLORIN-{code}-{}", &unique()[..12]);
    PaymentOrder {
        number: 1,
        message_id,
        created_at: crate::shop::now(),
        day: crate::shop::now().to_rfc3339()[..10].to_owned(),
        from,
        transfers,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_file_is_valid_by_the_official_schema_and_taken_by_the_bank() {
    let stack = Shop::open().await.stack;
    for (code, count) in [("EUR", 1), ("EUR", 97), ("JPY", 3), ("KWD", 2), ("USD", 1), ("USD", 8), ("USD", 61)] {
        let order = order(code, count);
        let sum: u64 = order.transfers.iter().map(|transfer| transfer.amount.minor()).sum();
        let bytes = write(&order).unwrap();
        let kind = if code == "USD" { "ach" } else { "xml" };
        let path = stack.workspace.temporary().join(format!("{}.{kind}", order.message_id));
        std::fs::write(&path, &bytes).unwrap();
        let exponent = order.from.currency.exponent().to_string();
        let python = stack.workspace.tool("python");
        let ran = Command::new(python).args(["-c", CHECKER]).arg(&path).args([kind, &exponent]).output().unwrap();
        let said = String::from_utf8_lossy(&ran.stderr);
        assert!(ran.status.success(), "{code} {count}: {said}");
        let read: Value = serde_json::from_slice(&ran.stdout).unwrap();
        assert_eq!(read, json!({ "count": count, "sum": sum }), "{code} {count}");
        let url = format!("{}/_mock/validate", stack.state.bank().unwrap());
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let findings = client.post(url).body(bytes).send().await.unwrap().text().await.unwrap();
        assert!(findings.contains("0 findings"), "{code} {count}: {findings}");
        let name = file_name_at_the_bank(&order).unwrap();
        assert!(findings.contains(&name), "the bank calls it otherwise than {name}: {findings}");
    }
}

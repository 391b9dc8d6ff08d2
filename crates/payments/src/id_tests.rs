use super::*;

fn owner(merchant: &str, mode: Mode) -> Owner {
    Owner { merchant_id: merchant.parse().expect("a merchant id"), mode }
}

#[test]
fn payment_id_depends_on_merchant_mode_and_key() {
    let derive = |merchant, mode, key: &str| PaymentId::derive(&owner(merchant, mode), &key.parse().expect("key"));
    let id = derive("mer_a", Mode::Test, "k");
    assert_eq!(id, derive("mer_a", Mode::Test, "k"));
    assert_ne!(id, derive("mer_b", Mode::Test, "k"));
    assert_ne!(id, derive("mer_a", Mode::Live, "k"));
    assert_ne!(id, derive("mer_a", Mode::Test, "k2"));
    assert_eq!(id.as_str().parse::<PaymentId>(), Ok(id));
}

#[test]
fn ids_refuse_what_is_not_theirs() {
    for text in ["", "pay_", "pay_0123", "tok_00000000000000000000000000000000", "pay_0000000000000000000000000000000G"]
    {
        assert!(text.parse::<PaymentId>().is_err(), "{text:?}");
    }
    for text in ["", " ", "a b", "ä", &"x".repeat(256)] {
        assert!(text.parse::<IdempotencyKey>().is_err(), "{text:?}");
    }
    for text in ["mer_", "mer_A", "m_a", "mer_a#b"] {
        assert!(text.parse::<MerchantId>().is_err(), "{text:?}");
    }
}

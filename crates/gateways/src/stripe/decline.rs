//! Stripe's words for a no, in ours. What is not listed is `do_not_honor`, which is hard: an unknown no is not tried again.

use payments::gateway::DeclineCode;

/// Stripe's `decline_code`, or its `code` where the issuer gave none.
pub(super) fn decline(code: &str) -> DeclineCode {
    match code {
        "insufficient_funds" | "card_velocity_exceeded" | "withdrawal_count_limit_exceeded" => {
            DeclineCode::InsufficientFunds
        }
        "lost_card" => DeclineCode::LostCard,
        "stolen_card" | "pickup_card" => DeclineCode::StolenCard,
        "expired_card" | "invalid_expiry_month" | "invalid_expiry_year" => DeclineCode::ExpiredCard,
        "incorrect_cvc" | "invalid_cvc" => DeclineCode::IncorrectCvc,
        "approve_with_id" | "issuer_not_available" | "processing_error" | "reenter_transaction" | "try_again_later" => {
            DeclineCode::ProcessingError
        }
        "authentication_required"
        | "authentication_not_handled"
        | "mobile_device_authentication_required"
        | "payment_intent_authentication_failure" => DeclineCode::AuthenticationRequired,
        _ => DeclineCode::DoNotHonor,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every code of docs.stripe.com/declines/codes: ours, and whether the card may be tried again.
    #[test]
    fn every_code_has_a_word_and_is_soft_or_hard() {
        use DeclineCode::*;
        const SOFT: bool = true;
        const HARD: bool = false;
        let rows: &[(DeclineCode, bool, &str)] = &[
            (InsufficientFunds, SOFT, "insufficient_funds card_velocity_exceeded withdrawal_count_limit_exceeded"),
            (
                ProcessingError,
                SOFT,
                "approve_with_id issuer_not_available processing_error reenter_transaction try_again_later",
            ),
            (
                AuthenticationRequired,
                SOFT,
                "authentication_required authentication_not_handled mobile_device_authentication_required \
                 payment_intent_authentication_failure",
            ),
            (LostCard, HARD, "lost_card"),
            (StolenCard, HARD, "stolen_card pickup_card"),
            (ExpiredCard, HARD, "expired_card invalid_expiry_month invalid_expiry_year"),
            (IncorrectCvc, HARD, "incorrect_cvc invalid_cvc"),
            (
                DoNotHonor,
                HARD,
                "call_issuer card_declined card_not_supported currency_not_supported do_not_honor do_not_try_again \
                 duplicate_transaction fraudulent generic_decline incorrect_address incorrect_number incorrect_pin \
                 incorrect_zip invalid_account invalid_amount invalid_number invalid_pin merchant_blacklist \
                 new_account_information_available no_action_taken not_permitted offline_pin_required \
                 online_or_offline_pin_required pin_try_exceeded restricted_card revocation_of_all_authorizations \
                 revocation_of_authorization security_violation service_not_allowed stop_payment_order \
                 testmode_decline transaction_not_allowed a_word_of_next_year",
            ),
        ];
        for (ours, soft, codes) in rows {
            for code in codes.split_ascii_whitespace() {
                assert_eq!((decline(code), decline(code).is_soft()), (*ours, *soft), "{code}");
            }
        }
    }
}

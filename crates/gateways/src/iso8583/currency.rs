//! Currencies by their numbers, ISO 4217. Minor units are ours and ISO's.

use payments::amount::Amount;
use payments::currency::Currency;

const NUMBERS: &str = "AED784 AFN971 ALL008 AMD051 AOA973 ARS032 AUD036 AWG533 AZN944 BAM977 BBD052 BDT050 BHD048 BIF108 \
    BMD060 BND096 BOB068 BRL986 BSD044 BTN064 BWP072 BYN933 BZD084 CAD124 CDF976 CHF756 CLP152 CNY156 COP170 CRC188 CUP192 \
    CVE132 CZK203 DJF262 DKK208 DOP214 DZD012 EGP818 ERN232 ETB230 EUR978 FJD242 FKP238 GBP826 GEL981 GHS936 GIP292 GMD270 \
    GNF324 GTQ320 GYD328 HKD344 HNL340 HTG332 HUF348 IDR360 ILS376 INR356 IQD368 IRR364 ISK352 JMD388 JOD400 JPY392 KES404 \
    KGS417 KHR116 KMF174 KPW408 KRW410 KWD414 KYD136 KZT398 LAK418 LBP422 LKR144 LRD430 LSL426 LYD434 MAD504 MDL498 MGA969 \
    MKD807 MMK104 MNT496 MOP446 MRU929 MUR480 MVR462 MWK454 MXN484 MYR458 MZN943 NAD516 NGN566 NIO558 NOK578 NPR524 NZD554 \
    OMR512 PAB590 PEN604 PGK598 PHP608 PKR586 PLN985 PYG600 QAR634 RON946 RSD941 RUB643 RWF646 SAR682 SBD090 SCR690 SDG938 \
    SEK752 SGD702 SHP654 SLE925 SOS706 SRD968 SSP728 STN930 SVC222 SYP760 SZL748 THB764 TJS972 TMT934 TND788 TOP776 TRY949 \
    TTD780 TWD901 TZS834 UAH980 UGX800 USD840 UYU858 UZS860 VES928 VND704 VUV548 WST882 XAF950 XCD951 XOF952 XPF953 YER886 \
    ZAR710 ZMW967";
/// Field 4 has twelve digits.
const MAX_MINOR: u64 = 999_999_999_999;

/// The currency's number.
pub(super) fn number(currency: Currency) -> Option<&'static str> {
    NUMBERS.split_ascii_whitespace().find_map(|entry| entry.strip_prefix(currency.code()))
}

/// Whether field 4 and field 49 can say it.
pub(super) fn sayable(amount: Amount) -> bool {
    amount.minor() <= MAX_MINOR && number(amount.currency()).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_currency_has_a_number_of_its_own() {
        let letters = || (b'A'..=b'Z').map(char::from);
        let codes = letters().flat_map(|a| letters().flat_map(move |b| letters().map(move |c| format!("{a}{b}{c}"))));
        let currencies: Vec<Currency> = codes.filter_map(|code| code.parse().ok()).collect();
        let numbers: BTreeSet<&str> = currencies.iter().map(|currency| number(*currency).expect("a number")).collect();
        assert_eq!(numbers.len(), currencies.len());
        assert_eq!(NUMBERS.split_ascii_whitespace().count(), currencies.len());
        assert!(numbers.iter().all(|number| number.len() == 3 && number.parse::<u16>().is_ok()));
        assert_eq!(number("EUR".parse().expect("a currency")), Some("978"));
        assert_eq!(number("JPY".parse().expect("a currency")), Some("392"));
    }

    #[test]
    fn what_twelve_digits_cannot_say_is_not_asked() {
        let euros = |minor| Amount::try_new(minor, "EUR".parse().expect("a currency")).expect("an amount");
        assert!(sayable(euros(MAX_MINOR)));
        assert!(!sayable(euros(MAX_MINOR + 1)));
    }
}

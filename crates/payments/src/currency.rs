//! ISO 4217 currencies and the number of decimals of each; nothing about exchange rates.

use std::fmt;
use std::str::FromStr;

/// Currencies without a minor unit (ISO 4217, list one).
const EXPONENT_0: &str = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF";
/// Currencies with two decimals.
const EXPONENT_2: &str = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF \
    CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR \
    ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR \
    MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP \
    STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VES WST XCD YER ZAR ZMW";
/// Currencies with three decimals.
const EXPONENT_3: &str = "BHD IQD JOD KWD LYD OMR TND";

/// A currency that a card payment can be made in, by its ISO 4217 code.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(extend("enum" = codes(), "x-extensible" = true)))]
pub struct Currency(#[cfg_attr(feature = "schema", schemars(with = "String"))] [u8; 3]);

/// Every currency's code, sorted.
#[cfg(feature = "schema")]
fn codes() -> Vec<&'static str> {
    let mut codes: Vec<_> =
        [EXPONENT_0, EXPONENT_2, EXPONENT_3].into_iter().flat_map(str::split_ascii_whitespace).collect();
    codes.sort_unstable();
    codes
}

impl Currency {
    /// The code's letters, in ASCII.
    #[inline]
    pub(crate) fn letters(self) -> [u8; 3] {
        self.0
    }

    /// The three-letter code, in capitals.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).expect("a currency is made from a listed ASCII code only")
    }

    /// How many decimals the major unit has: 0 for JPY, 2 for EUR, 3 for KWD.
    pub fn exponent(&self) -> u32 {
        if EXPONENT_0.contains(self.code()) {
            0
        } else if EXPONENT_3.contains(self.code()) {
            3
        } else {
            2
        }
    }
}

/// The code is not an ISO 4217 currency that cards are charged in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown currency: expected a three-letter ISO 4217 code in capitals, such as EUR")]
pub struct UnknownCurrency;

impl FromStr for Currency {
    type Err = UnknownCurrency;

    fn from_str(code: &str) -> Result<Self, UnknownCurrency> {
        let known = |list: &str| list.split_ascii_whitespace().any(|listed| listed == code);
        if !(known(EXPONENT_0) || known(EXPONENT_2) || known(EXPONENT_3)) {
            return Err(UnknownCurrency);
        }
        let bytes = <[u8; 3]>::try_from(code.as_bytes()).expect("every listed code has three letters");
        Ok(Self(bytes))
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

crate::id::string_serde!(Currency);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponents_follow_iso_4217() {
        let check = |code: &str, exponent| assert_eq!(code.parse::<Currency>().expect(code).exponent(), exponent);
        check("JPY", 0);
        check("EUR", 2);
        check("KWD", 3);
    }

    #[test]
    fn parse_refuses_what_is_not_a_listed_code() {
        for code in ["", "EU", "EURO", "eur", "XXX", "E R", "UR ", "CLF"] {
            assert_eq!(code.parse::<Currency>(), Err(UnknownCurrency), "{code:?}");
        }
    }
}

//! Aligned text: columns, amounts in their currency's decimals, durations. It refuses to know what the rows mean.

use std::time::Duration;

/// ISO 4217 currencies without decimals, and with three. All others have two.
const WITHOUT_DECIMALS: &str = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF";
const THREE_DECIMALS: &str = "BHD IQD JOD KWD LYD OMR TND";

/// Lines with the columns aligned: the first `left` columns to the left, the others to the right.
pub fn columns(rows: &[Vec<String>], left: usize) -> Vec<String> {
    let mut widths = Vec::<usize>::new();
    for row in rows {
        for (place, cell) in row.iter().enumerate() {
            let width = cell.chars().count();
            match widths.get_mut(place) {
                Some(widest) => *widest = width.max(*widest),
                None => widths.push(width),
            }
        }
    }
    let lines = rows.iter().map(|row| {
        let cells = row.iter().zip(&widths).enumerate();
        let cells = cells.map(|(place, (cell, width))| match place < left {
            true => format!("{cell:<width$}"),
            false => format!("{cell:>width$}"),
        });
        let line = cells.collect::<Vec<_>>().join("  ");
        format!("  {}", line.trim_end())
    });
    lines.collect()
}

/// `1999` EUR is `19.99`.
pub fn amount(minor: i128, currency: &str) -> String {
    let sign = if minor < 0 { "-" } else { "" };
    let decimals = match currency {
        _ if WITHOUT_DECIMALS.contains(currency) => return minor.to_string(),
        _ if THREE_DECIMALS.contains(currency) => 3,
        _ => 2,
    };
    let digits = format!("{:0>width$}", minor.unsigned_abs(), width = decimals + 1);
    let (whole, fraction) = digits.split_at(digits.len() - decimals);
    format!("{sign}{whole}.{fraction}")
}

/// The duration that `percent` of all do not exceed (nearest rank); `durations` are sorted.
pub fn percentile(durations: &[Duration], percent: usize) -> Option<Duration> {
    let rank = (durations.len() * percent).div_ceil(100).max(1);
    durations.get(rank - 1).copied()
}

/// How many per second, with one decimal.
pub fn rate(count: usize, elapsed: Duration) -> String {
    let tenths = count as u128 * 10_000 / elapsed.as_millis().max(1);
    format!("{}.{}", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_their_currencys_decimals() {
        let check = |minor, currency, expected: &str| assert_eq!(amount(minor, currency), expected);
        check(1999, "EUR", "19.99");
        check(-5, "EUR", "-0.05");
        check(0, "USD", "0.00");
        check(-1999, "JPY", "-1999");
        check(1234, "KWD", "1.234");
    }

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let durations: Vec<_> = (1..=200).map(Duration::from_millis).collect();
        let check = |percent, expected: u64| {
            assert_eq!(percentile(&durations, percent), Some(Duration::from_millis(expected)));
        };
        check(50, 100);
        check(90, 180);
        check(99, 198);
        assert_eq!(percentile(&[], 50), None);
        assert_eq!(rate(320, Duration::from_secs(20)), "16.0");
    }

    #[test]
    fn columns_are_aligned() {
        let rows = [["a", "1"], ["bcd", "234"]].map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(columns(&rows, 1), ["  a      1", "  bcd  234"]);
    }
}

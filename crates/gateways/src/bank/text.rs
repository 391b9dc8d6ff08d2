//! The characters that banks' files may carry: those of SEPA, which NACHA takes too.

/// Text as a bank's file may carry it: letters without accents, digits and `/-?:().,'+` and blanks; anything else
/// becomes a full stop. Cut to `length` characters, never empty.
pub fn plain(text: &str, length: usize) -> String {
    let mut out = String::new();
    for character in text.chars() {
        match character {
            'a'..='z' | 'A'..='Z' | '0'..='9' => out.push(character),
            '/' | '-' | '?' | ':' | '(' | ')' | '.' | ',' | '\'' | '+' | ' ' => out.push(character),
            '&' => out.push('+'),
            other => out.push_str(unaccented(other)),
        }
    }
    let cut: String = out.trim().chars().take(length).collect();
    // The SEPA rulebook lets no field begin or end with a slash, nor hold two in a row.
    let cut = cut.trim_matches(['/', ' ']).replace("//", "/-");
    if cut.is_empty() { "-".to_owned() } else { cut }
}

fn unaccented(character: char) -> &'static str {
    match character {
        'À'..='Ã' | 'Å' | 'Ā' | 'Ă' | 'Ą' => "A",
        'Ä' | 'Æ' => "Ae",
        'Ç' | 'Ć' | 'Ĉ' | 'Ċ' | 'Č' => "C",
        'Ď' | 'Đ' | 'Ð' => "D",
        'È'..='Ë' | 'Ē' | 'Ĕ' | 'Ė' | 'Ę' | 'Ě' => "E",
        'Ĝ' | 'Ğ' | 'Ġ' | 'Ģ' => "G",
        'Ì'..='Ï' | 'Ĩ' | 'Ī' | 'Ĭ' | 'Į' | 'İ' => "I",
        'Ķ' => "K",
        'Ĺ' | 'Ļ' | 'Ľ' | 'Ł' => "L",
        'Ñ' | 'Ń' | 'Ņ' | 'Ň' => "N",
        'Ò'..='Õ' | 'Ō' | 'Ŏ' | 'Ő' => "O",
        'Ö' | 'Ø' | 'Œ' => "Oe",
        'Ŕ' | 'Ŗ' | 'Ř' => "R",
        'Ś' | 'Ŝ' | 'Ş' | 'Š' | 'Ș' => "S",
        'Ţ' | 'Ť' | 'Ț' => "T",
        'Ù'..='Û' | 'Ũ' | 'Ū' | 'Ŭ' | 'Ů' | 'Ű' | 'Ų' => "U",
        'Ü' => "Ue",
        'Ý' | 'Ÿ' => "Y",
        'Ź' | 'Ż' | 'Ž' => "Z",
        'à'..='ã' | 'å' | 'ā' | 'ă' | 'ą' => "a",
        'ä' | 'æ' => "ae",
        'ç' | 'ć' | 'ĉ' | 'ċ' | 'č' => "c",
        'ď' | 'đ' | 'ð' => "d",
        'è'..='ë' | 'ē' | 'ĕ' | 'ė' | 'ę' | 'ě' => "e",
        'ĝ' | 'ğ' | 'ġ' | 'ģ' => "g",
        'ì'..='ï' | 'ĩ' | 'ī' | 'ĭ' | 'į' | 'ı' => "i",
        'ķ' => "k",
        'ĺ' | 'ļ' | 'ľ' | 'ł' => "l",
        'ñ' | 'ń' | 'ņ' | 'ň' => "n",
        'ò'..='õ' | 'ō' | 'ŏ' | 'ő' => "o",
        'ö' | 'ø' | 'œ' => "oe",
        'ŕ' | 'ŗ' | 'ř' => "r",
        'ś' | 'ŝ' | 'ş' | 'š' | 'ș' => "s",
        'ß' => "ss",
        'ţ' | 'ť' | 'ț' => "t",
        'ù'..='û' | 'ũ' | 'ū' | 'ŭ' | 'ů' | 'ű' | 'ų' => "u",
        'ü' => "ue",
        'ý' | 'ÿ' => "y",
        'ź' | 'ż' | 'ž' => "z",
        'Þ' | 'þ' => "th",
        _ => ".",
    }
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn plain_keeps_what_a_bank_s_file_may_carry() {
        let check = |text: &str, length, expected: &str| assert_eq!(plain(text, length), expected, "{text:?}");
        check("Harbor Books B.V.", 70, "Harbor Books B.V.");
        check("Müller & Söhne", 70, "Mueller + Soehne");
        check("Łódź <b>", 70, "Lodz .b.");
        check("  桜 tea ", 70, ". tea");
        check("//x//", 70, "x");
        check("a///b", 70, "a/-/b");
        check("Harbor Books", 6, "Harbor");
        check("", 6, "-");
        check("///", 6, "-");
    }
}

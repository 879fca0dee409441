//! What YAML readers take a plain scalar for.
//!
//! YAML 1.1 and 1.2 disagree on which plain scalars are text (<https://yaml.org/type/>, and the core schema in section
//! 10.3 of YAML 1.2.2). A scalar is text here only where both agree that it is.

/// What some reader takes a plain scalar for, if it is not text to all of them.
pub(crate) fn reading(text: &str) -> Option<&'static str> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Some("null"),
        "<<" => return Some("a merge key"),
        "=" => return Some("a default value"),
        _ => {}
    }
    if is_boolean(text) {
        return Some("a boolean");
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if is_number(unsigned) {
        return Some("a number");
    }
    is_date(text).then_some("a date")
}

/// YAML 1.1 booleans, in every case; the one-letter ones too.
fn is_boolean(text: &str) -> bool {
    ["true", "false", "yes", "no", "on", "off", "y", "n"].iter().any(|word| text.eq_ignore_ascii_case(word))
}

fn is_number(text: &str) -> bool {
    let all = |text: &str, digit: fn(&u8) -> bool| {
        text.bytes().all(|b| digit(&b) || b == b'_') && text.bytes().any(|b| digit(&b))
    };
    if [".inf", ".nan"].iter().any(|word| text.eq_ignore_ascii_case(word)) {
        return true;
    }
    if let Some((radix, digits)) = text.split_at_checked(2) {
        match radix {
            "0x" | "0X" => return all(digits, u8::is_ascii_hexdigit),
            "0o" | "0O" | "0b" | "0B" => return all(digits, u8::is_ascii_digit),
            _ => {}
        }
    }
    // Base 60 (`12:30:45`, `1:30.5`), whole numbers and fractions, with any exponent; somewhat wider than either
    // version, since a scalar that looks so much like a number is better quoted.
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['-', '+']).unwrap_or(exponent))),
        None => (text, None),
    };
    let in_mantissa = |b: u8| b.is_ascii_digit() || matches!(b, b'_' | b'.' | b':');
    mantissa.bytes().all(in_mantissa)
        && mantissa.bytes().any(|b| b.is_ascii_digit())
        && mantissa.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && exponent.is_none_or(|digits| all(digits, u8::is_ascii_digit))
}

/// `2027-6-30` and anything that goes on like a time after it.
fn is_date(text: &str) -> bool {
    let mut parts = text.splitn(3, '-');
    let (Some(year), Some(month), Some(rest)) = (parts.next(), parts.next(), parts.next()) else { return false };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let day_end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (day, time) = rest.split_at(day_end);
    year.len() == 4
        && [year, month, day].into_iter().all(digits)
        && month.len() <= 2
        && day.len() <= 2
        && (time.is_empty() || time.starts_with(['t', 'T', ' ', '\t']))
}

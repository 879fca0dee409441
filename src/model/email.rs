//! E-mail addresses: who is meant, never who it was.

use super::yaml::Field;

/// One plausible address, lower-cased.
///
/// ASCII only, since an address is compared with what is in commits and look-alikes would be somebody else; without
/// the characters that mean something in a mail header (RFC 5322, section 3.2.3).
pub(crate) fn email(field: &Field<'_>) -> Option<String> {
    field.formed("one e-mail address like `alice@vendor.example`", |text| {
        is_plausible(text).then(|| text.to_ascii_lowercase())
    })
}

fn is_plausible(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let local_character = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+/=?^_`{|}~.-".contains(&b);
    let label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    text.len() <= 254
        && local.len() <= 64
        && local.bytes().all(local_character)
        && local.split('.').all(|atom| !atom.is_empty())
        // Who begins with a dash could be taken for an option by a program, who is a pattern for everybody.
        && !local.starts_with('-')
        && !local.contains('*')
        && domain.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::is_plausible;

    #[test]
    fn plausible_addresses() {
        for text in ["a@b", "alice@vendor.example", "alice+git@vendor.example", "o'neil@mail.vendor.example"] {
            assert!(is_plausible(text), "{text}");
        }
    }

    #[test]
    fn what_is_none_or_more_than_one_or_means_something_in_a_header() {
        let long = format!("{}@vendor.example", "a".repeat(65));
        for text in [
            "",
            "alice",
            "@vendor.example",
            "alice@",
            "a@b@c",
            "a@b,c@d",
            "a@b c@d",
            "<a@b>",
            "A <a@b>",
            "a@b\r\nBcc: c@d",
            "\"a\"@b",
            "a@[127.0.0.1]",
            ".a@b",
            "a..b@c",
            "-a@b",
            "*@b",
            "a@*",
            "a@-b",
            "a@b-",
            "a@b.",
            "a(b)@c",
            "ä@b",
            "a@ä",
            "а@b",
            &long,
        ] {
            assert!(!is_plausible(text), "{text}");
        }
    }
}

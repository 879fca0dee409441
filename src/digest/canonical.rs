//! Canonical JSON (RFC 8785), made of the JSON that `serde_json` writes.
//!
//! That has no white space, and escapes strings as the RFC does (section 3.2.2.2). What is left to do is to sort the
//! members of objects by the UTF-16 code units of their names (3.2.3), and to write numbers as ECMAScript does (3.2.2.3):
//! ours are whole ones, which differ only where a double cannot hold them.

use std::cmp::Ordering;
use std::ops::Range;

/// The digits that every double can hold.
const EXACT: usize = 15;

/// A number that is not whole: ours never are.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no whole number")]
pub(super) struct NotWhole(String);

/// The canonical form of a text that `serde_json` wrote without white space.
pub(super) fn canonical(json: &[u8]) -> Result<Vec<u8>, NotWhole> {
    let mut writer = Writer { json, at: 0, out: Vec::with_capacity(json.len()) };
    writer.value()?;
    Ok(writer.out)
}

struct Writer<'j> {
    json: &'j [u8],
    at: usize,
    out: Vec<u8>,
}

/// A member of an object: its name as written, with its quotes, and where it is written.
struct Member<'j> {
    name: &'j [u8],
    written: Range<usize>,
}

impl<'j> Writer<'j> {
    fn next(&self) -> Option<u8> {
        self.json.get(self.at).copied()
    }

    /// Takes over what is there as it is.
    fn copy(&mut self, end: usize) {
        let end = end.min(self.json.len());
        self.out.extend_from_slice(&self.json[self.at..end]);
        self.at = end;
    }

    fn value(&mut self) -> Result<(), NotWhole> {
        match self.next() {
            Some(b'{') => self.object(),
            Some(b'[') => self.list(),
            Some(b'"') => {
                self.copy(self.end_of_string());
                Ok(())
            }
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => {
                let word = self.json[self.at..].iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
                self.copy(self.at + word);
                Ok(())
            }
        }
    }

    /// Behind the quote that ends the string here.
    fn end_of_string(&self) -> usize {
        let mut at = self.at + 1;
        while let Some(byte) = self.json.get(at) {
            match byte {
                b'"' => return at + 1,
                b'\\' => at += 2,
                _ => at += 1,
            }
        }
        at
    }

    fn number(&mut self) -> Result<(), NotWhole> {
        let more = |byte: &&u8| matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9');
        let end = self.at + self.json[self.at..].iter().take_while(more).count();
        let number = &self.json[self.at..end];
        let is_whole = !number.iter().any(|byte| matches!(byte, b'.' | b'e' | b'E'));
        if is_whole && number.len() <= EXACT {
            self.copy(end);
            return Ok(());
        }
        let number = String::from_utf8_lossy(number);
        match number.parse::<f64>() {
            // Whole numbers of 64 bits are less than those that ECMAScript writes with an exponent.
            Ok(double) if is_whole => self.out.extend_from_slice(double.to_string().as_bytes()),
            _ => return Err(NotWhole(number.into_owned())),
        }
        self.at = end;
        Ok(())
    }

    fn list(&mut self) -> Result<(), NotWhole> {
        self.copy(self.at + 1);
        while !matches!(self.next(), None | Some(b']')) {
            self.value()?;
            if self.next() == Some(b',') {
                self.copy(self.at + 1);
            }
        }
        self.copy(self.at + 1);
        Ok(())
    }

    fn object(&mut self) -> Result<(), NotWhole> {
        self.copy(self.at + 1);
        let start = self.out.len();
        let mut members: Vec<Member<'j>> = Vec::new();
        while !matches!(self.next(), None | Some(b'}')) {
            let from = self.out.len();
            let end = self.end_of_string();
            let name = &self.json[self.at..end];
            // With its colon.
            self.copy(end + 1);
            self.value()?;
            members.push(Member { name, written: from..self.out.len() });
            if self.next() == Some(b',') {
                self.copy(self.at + 1);
            }
        }
        if !members.is_sorted_by(|a, b| order(a.name, b.name).is_lt()) {
            members.sort_by(|a, b| order(a.name, b.name));
            let mut sorted = Vec::with_capacity(self.out.len() - start);
            for (at, member) in members.iter().enumerate() {
                if at > 0 {
                    sorted.push(b',');
                }
                sorted.extend_from_slice(&self.out[member.written.clone()]);
            }
            self.out.truncate(start);
            self.out.append(&mut sorted);
        }
        self.copy(self.at + 1);
        Ok(())
    }
}

/// How two names are sorted.
fn order(a: &[u8], b: &[u8]) -> Ordering {
    let is_plain = |name: &[u8]| name.iter().all(|byte| byte.is_ascii() && *byte != b'\\');
    if is_plain(a) && is_plain(b) {
        // Without the quote that ends them: there are characters before it.
        return a[..a.len() - 1].cmp(&b[..b.len() - 1]);
    }
    let read = |name: &[u8]| serde_json::from_slice::<String>(name).unwrap_or_default();
    read(a).encode_utf16().cmp(read(b).encode_utf16())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value, json};

    use super::*;

    fn of(value: &Value) -> Vec<u8> {
        canonical(&serde_json::to_vec(value).unwrap()).unwrap()
    }

    #[test]
    fn members_are_sorted_by_utf16() {
        // U+1F600 is D83D DE00 in UTF-16, which comes before U+FB33, and after it in UTF-8.
        let value = json!({ "\u{fb33}": 1, "\u{1f600}": 2, "\u{20ac}": 3, "a!": 4, "a": 5, "\n": 6, "\"": 7, "": 8 });
        let text = String::from_utf8(of(&value)).unwrap();
        let order: Vec<u32> = text.bytes().filter(u8::is_ascii_digit).map(|digit| u32::from(digit - b'0')).collect();
        assert_eq!(order, [8, 6, 7, 5, 4, 3, 2, 1]);
    }

    #[test]
    fn large_numbers_are_doubles_and_fractions_are_refused() {
        assert_eq!(of(&json!([9_007_199_254_740_993_u64, u64::MAX, i64::MIN])), {
            b"[9007199254740992,18446744073709552000,-9223372036854776000]"
        });
        assert_eq!(canonical(b"[1.5]"), Err(NotWhole("1.5".to_owned())));
        assert_eq!(canonical(b"1e3"), Err(NotWhole("1e3".to_owned())));
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            (0_u32..100).prop_map(Value::from),
            any::<String>().prop_map(Value::from),
            "[\\x00-\\x7f]{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            let name = prop_oneof![any::<String>(), "[a-c\"\\\\\\x00-\\x22]{0,3}", "[\u{e000}-\u{10ffff}]{1,2}"];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                // In any order: the map of a value would sort them.
                prop::collection::vec((name, inner), 0..6)
                    .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
            ]
        })
    }

    proptest! {
        #[test]
        fn it_is_what_another_implementation_writes(value in values()) {
            prop_assert_eq!(of(&value), serde_json_canonicalizer::to_vec(&value).unwrap());
        }

        #[test]
        fn members_may_come_in_any_order(members in prop::collection::btree_map("[a-d\"\\\\\u{e9}\u{1f600}\u{fb33}]{0,4}", values(), 0..8)
            .prop_map(|members| members.into_iter().collect::<Vec<_>>()).prop_shuffle())
        {
            let text: Vec<String> = members.iter().map(|(name, value)| format!("{}:{value}", json!(name))).collect();
            let text = format!("{{{}}}", text.join(","));
            let value: Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(canonical(text.as_bytes()).unwrap(), serde_json_canonicalizer::to_vec(&value).unwrap());
        }

        #[test]
        fn what_is_canonical_stays_so(value in values()) {
            let once = of(&value);
            prop_assert_eq!(canonical(&once).unwrap(), once);
        }
    }
}

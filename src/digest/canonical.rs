//! Canonical JSON (RFC 8785) of the values that most documents are made of, written into one buffer.
//!
//! # Guarantees
//! * The bytes are those of `serde_json_canonicalizer`, or none: a key that is not plain ASCII or there twice, a number
//!   that is no small integer, and a raw value are left to it.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::{CharEscape, CompactFormatter, Formatter};

/// The largest integer that every double below holds exactly, and that ECMAScript writes as it is.
const LARGEST: u64 = 1 << 53;

/// The canonical JSON of a value; `None` where it has something rare in it.
pub(super) fn plain<T: Serialize + ?Sized>(value: &T) -> Option<Vec<u8>> {
    let mut writer = Canonical { out: Vec::with_capacity(512), ..Canonical::default() };
    let mut serializer = Serializer::with_formatter(io::sink(), &mut writer);
    value.serialize(&mut serializer).ok()?;
    Some(writer.out)
}

/// Writes into its own buffer, where the fields of an object are put in order when it ends. The serializer's writer gets
/// nothing.
#[derive(Default)]
struct Canonical {
    out: Vec<u8>,
    /// The objects that are open: where its first field begins in `out`, and in `fields`.
    open: Vec<(usize, usize)>,
    /// Their fields.
    fields: Vec<Field>,
    /// Memory for putting them in order.
    sorted: Vec<u8>,
}

/// Where a field is in the buffer.
#[derive(Clone, Copy, Default)]
struct Field {
    start: usize,
    key_end: usize,
    end: usize,
}

fn rare() -> io::Error {
    io::ErrorKind::Unsupported.into()
}

impl Canonical {
    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.extend_from_slice(bytes);
        Ok(())
    }

    fn integer(&mut self, value: impl TryInto<i64>) -> io::Result<()> {
        let value: i64 = value.try_into().map_err(|_| rare())?;
        if value.unsigned_abs() > LARGEST {
            return Err(rare());
        }
        write!(self.out, "{value}")
    }

    /// The last field of the object that is open.
    fn field(&mut self) -> io::Result<&mut Field> {
        self.fields.last_mut().ok_or_else(rare)
    }

    /// Puts the fields of the object that ends in order.
    fn close(&mut self) -> io::Result<()> {
        let (start, first) = self.open.pop().ok_or_else(rare)?;
        let out = &self.out;
        // Without the quotes.
        let key = |field: &Field| out.get(field.start + 1..field.key_end - 1).unwrap_or_default();
        let fields = &mut self.fields[first..];
        if !fields.is_sorted_by(|a, b| key(a) < key(b)) {
            fields.sort_by(|a, b| key(a).cmp(key(b)));
            if !fields.is_sorted_by(|a, b| key(a) < key(b)) {
                return Err(rare());
            }
            self.sorted.clear();
            for (at, field) in fields.iter().enumerate() {
                if at > 0 {
                    self.sorted.push(b',');
                }
                self.sorted.extend_from_slice(&out[field.start..field.end]);
            }
            self.out.truncate(start);
            self.out.extend_from_slice(&self.sorted);
        }
        self.fields.truncate(first);
        Ok(())
    }
}

/// The methods of a formatter that write something, each into the buffer.
macro_rules! written {
    ($($name:ident($($value:ident: $type:ty)?) => |$to:ident| $body:expr;)*) => {$(
        fn $name<W: ?Sized + Write>(&mut self, _: &mut W $(, $value: $type)?) -> io::Result<()> {
            let $to = self;
            $body
        }
    )*};
}

impl Formatter for &mut Canonical {
    written! {
        write_null() => |to| to.put(b"null");
        write_bool(value: bool) => |to| to.put(if value { b"true" } else { b"false" });
        write_i8(value: i8) => |to| to.integer(value);
        write_i16(value: i16) => |to| to.integer(value);
        write_i32(value: i32) => |to| to.integer(value);
        write_i64(value: i64) => |to| to.integer(value);
        write_i128(value: i128) => |to| to.integer(value);
        write_u8(value: u8) => |to| to.integer(value);
        write_u16(value: u16) => |to| to.integer(value);
        write_u32(value: u32) => |to| to.integer(value);
        write_u64(value: u64) => |to| to.integer(value);
        write_u128(value: u128) => |to| to.integer(value);
        write_f32(_value: f32) => |_to| Err(rare());
        write_f64(_value: f64) => |_to| Err(rare());
        write_number_str(_value: &str) => |_to| Err(rare());
        write_raw_fragment(_value: &str) => |_to| Err(rare());
        begin_string() => |to| to.put(b"\"");
        end_string() => |to| to.put(b"\"");
        write_string_fragment(text: &str) => |to| to.put(text.as_bytes());
        write_char_escape(escape: CharEscape) => |to| CompactFormatter.write_char_escape(&mut to.out, escape);
        begin_array() => |to| to.put(b"[");
        end_array() => |to| to.put(b"]");
        begin_array_value(first: bool) => |to| if first { Ok(()) } else { to.put(b",") };
        end_array_value() => |_to| Ok(());
        begin_object() => |to| {
            to.out.push(b'{');
            to.open.push((to.out.len(), to.fields.len()));
            Ok(())
        };
        end_object() => |to| {
            to.close()?;
            to.put(b"}")
        };
        begin_object_key(first: bool) => |to| {
            if !first {
                to.out.push(b',');
            }
            to.fields.push(Field { start: to.out.len(), ..Field::default() });
            Ok(())
        };
        end_object_key() => |to| {
            let end = to.out.len();
            let start = to.field()?.start;
            if to.out[start..end].iter().any(|byte| !byte.is_ascii() || *byte == b'\\') {
                return Err(rare());
            }
            to.field()?.key_end = end;
            Ok(())
        };
        begin_object_value() => |to| to.put(b":");
        end_object_value() => |to| {
            let end = to.out.len();
            to.field()?.end = end;
            Ok(())
        };
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap};

    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    /// Any JSON, of which most is plain.
    fn any_json() -> impl Strategy<Value = Value> {
        let text = prop_oneof![4 => "[ -~]{0,8}", 1 => any::<String>()];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (-1000_i64..1000).prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            (-2.0..2.0_f64).prop_map(Value::from),
            text.clone().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 6, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::hash_map(text.clone(), inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn it_is_the_reference_or_nothing(value in any_json()) {
            if let Some(plain) = plain(&value) {
                prop_assert_eq!(plain, serde_json_canonicalizer::to_vec(&value).unwrap());
            }
        }

        #[test]
        fn fields_in_any_order_are_put_in_order(fields: HashMap<u16, (bool, HashMap<u8, String>)>) {
            let expected = serde_json_canonicalizer::to_vec(&fields).unwrap();
            prop_assert_eq!(plain(&fields), Some(expected));
        }
    }

    #[test]
    fn what_is_rare_is_left_to_the_reference() {
        #[derive(Serialize)]
        struct Twice {
            a: u8,
            #[serde(flatten)]
            more: BTreeMap<&'static str, u8>,
        }
        assert_eq!(plain(&Twice { a: 1, more: BTreeMap::from([("b", 2)]) }).unwrap(), br#"{"a":1,"b":2}"#);
        assert_eq!(plain(&Twice { a: 1, more: BTreeMap::from([("a", 2)]) }), None);
        for rare in [json!(0.5), json!(u64::MAX), json!(LARGEST + 1), json!({"ä": 1}), json!({"a\n": [1]})] {
            assert_eq!(plain(&json!([rare])), None, "{rare}");
        }
        for plain_one in [json!(LARGEST), json!(-9_007_199_254_740_992_i64), json!("ä\n\u{1}\u{7f}\"\\/"), json!({})] {
            let expected = serde_json_canonicalizer::to_vec(&plain_one).unwrap();
            assert_eq!(plain(&plain_one), Some(expected), "{plain_one}");
        }
    }
}

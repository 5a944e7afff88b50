//! Laws that hold for every value and every text.

use proptest::prelude::*;
use stairwell_json::{Document, Object, Value, locate, parse, validate};

fn values() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>()
            .prop_filter("JSON has finite numbers only", |number| number.is_finite())
            .prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    scalar.prop_recursive(5, 64, 20, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..20).prop_map(Value::from),
            prop::collection::vec((".{0,3}", inner), 0..24).prop_map(|members| {
                let members = members.into_iter().map(|(name, value)| (name.into(), value));
                Value::from(members.collect::<Object>())
            }),
        ]
    })
}

/// Texts of the characters that matter to the grammar.
fn nearly_json() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "{", "}", "[", "]", ",", ":", "\"", "\\", "\"a\"", "\\u12", "d800", "0", "-", "1", ".",
        "e", "true", "null", "x", " ", "\n", "\u{1}", "é", "😀", "\"b\":",
    ]);
    prop::collection::vec(pieces, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn what_is_printed_reads_back(value in values()) {
        let text = value.to_text();
        let again = parse(&text).expect("what was printed is JSON");
        prop_assert_eq!(&again, &value);
        prop_assert_eq!(again.to_text(), text);
        prop_assert_eq!(parse(&value.to_pretty_string()).expect("so is pretty text"), value);
    }

    #[test]
    fn documents_keep_their_text(value in values()) {
        let text = value.to_pretty_string();
        let document = Document::from_text(&text).expect("what was printed is JSON");
        prop_assert_eq!(document.value(), &value);
        prop_assert_eq!(document.text(), &text);
        prop_assert_eq!(document.len_bytes(), text.len());
        let made = Document::from(value.clone());
        prop_assert_eq!(made.text(), value.to_text());
        prop_assert!(made.clone().is_same(&made) && !made.is_same(&document));
    }

    #[test]
    fn any_text_is_read_or_refused(text in prop_oneof![any::<String>(), nearly_json()]) {
        let parsed = parse(&text);
        prop_assert_eq!(parsed.as_ref().err().cloned(), validate(&text).err());
        if let Err(error) = &parsed {
            prop_assert!(error.position.offset <= text.len());
            prop_assert_eq!(locate(&text, "/a"), error.position);
        }
        let reference = serde_json::from_str::<serde_json::Value>(&text);
        // The reference refuses what a Rust string cannot hold and numbers beyond a float.
        if !text.contains("\\u") && !text.contains('e') {
            prop_assert_eq!(parsed.is_ok(), reference.is_ok(), "{}", text);
        }
    }
}

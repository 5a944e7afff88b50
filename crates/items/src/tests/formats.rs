//! Texts and their items, in whatever pieces they come.

use std::sync::Arc;

use asl::CsvDelimiter;
use expect_test::{Expect, expect};
use proptest::prelude::*;

use crate::csv::{Csv, Headers};
use crate::failure::ITEM_BYTES_MAX;
use crate::json_items::JsonItems;
use crate::json_lines::JsonLines;
use crate::split::{Place, Split, Step, Window};

/// The items, a line for each, and the error that they ended with, if any.
fn items(split: &mut dyn Split, pieces: &[&[u8]]) -> Vec<(String, Place)> {
    let mut window = Window::at(0);
    let mut pieces = pieces.iter();
    let (mut items, mut at_end) = (Vec::new(), false);
    loop {
        match split.next(&mut window, at_end) {
            Ok(Step::Item(found)) => {
                let key = found.key.map(|key| format!("{key}: ")).unwrap_or_default();
                items.push((format!("{key}{}", found.value.text()), split.at(&window)));
            }
            Ok(Step::End) => return items,
            Ok(Step::More) if at_end => return items,
            Ok(Step::More) => match pieces.next() {
                Some(piece) => window.push(piece),
                None => at_end = true,
            },
            Err(error) => {
                items.push((format!("failed: {error}"), split.at(&window)));
                return items;
            }
        }
    }
}

fn lines(items: Vec<(String, Place)>) -> String {
    items.into_iter().map(|(item, _)| item + "\n").collect()
}

fn check(split: &dyn Fn() -> Box<dyn Split>, text: &[u8], expected: Expect) {
    let whole = lines(items(&mut *split(), &[text]));
    expected.assert_eq(&whole);
    let bytes: Vec<&[u8]> = text.chunks(1).collect();
    assert_eq!(whole, lines(items(&mut *split(), &bytes)), "in pieces of one byte");
}

fn csv(delimiter: CsvDelimiter, names: &[&str], text: &str, expected: Expect) {
    let names: Vec<Arc<str>> = names.iter().map(|name| Arc::from(*name)).collect();
    let headers = (!names.is_empty()).then(|| Arc::new(Headers::new(names).unwrap()));
    let split = move || Box::new(Csv::new(delimiter, headers.clone())) as Box<dyn Split>;
    check(&split, text.as_bytes(), expected);
}

fn json(pointer: Option<&str>, text: &str, expected: Expect) {
    let split = || Box::new(JsonItems::new(pointer)) as Box<dyn Split>;
    check(&split, text.as_bytes(), expected);
}

fn json_lines(text: &[u8], expected: Expect) {
    check(&|| Box::new(JsonLines::default()), text, expected);
}

const RECORDED: &str = "Value4,Value5,Value6\n,,,\ntrue,1,'HelloWorld'\nNull,None,\n   \n";

#[test]
fn csv_rows_are_as_recorded_from_aws() {
    csv(
        CsvDelimiter::Comma,
        &[],
        &format!("0,True,{{}}\n{RECORDED}"),
        expect![[r#"
        {"0":"Value4","{}":"Value6","True":"Value5"}
        {"0":"","{}":"","True":""}
        {"0":"true","{}":"'HelloWorld'","True":"1"}
        {"0":"Null","{}":"","True":"None"}
        {"0":"   ","{}":"","True":""}
    "#]],
    );
    csv(
        CsvDelimiter::Comma,
        &[],
        &format!("H1,\n{RECORDED}"),
        expect![[r#"
        {"":"Value5","H1":"Value4"}
        {"":"","H1":""}
        {"":"1","H1":"true"}
        {"":"None","H1":"Null"}
        {"":"","H1":"   "}
    "#]],
    );
    csv(
        CsvDelimiter::Comma,
        &["H1"],
        RECORDED,
        expect![[r#"
        {"H1":"Value4"}
        {"H1":""}
        {"H1":"true"}
        {"H1":"Null"}
        {"H1":"   "}
    "#]],
    );
    csv(
        CsvDelimiter::Comma,
        &[],
        "H1,H1,H3\n1,2,3\n",
        expect![[r#"
        failed: CSV headers cannot contain duplicates.
    "#]],
    );
}

#[test]
fn csv_quotes_and_backslashes() {
    csv(
        CsvDelimiter::Comma,
        &["a", "b"],
        "\"x,\ny\",\"say \"\"hi\"\"\"\r\nlast,row",
        expect![[r#"
        {"a":"x,\ny","b":"say \"hi\""}
        {"a":"last","b":"row"}
    "#]],
    );
    let escaped = "\\\"smile\\\",hello\\, world\n\"C:\\\\Program Files\\\\x\",\\a\\b\n";
    csv(
        CsvDelimiter::Comma,
        &["a", "b"],
        escaped,
        expect![[r#"
        {"a":"\"smile\"","b":"hello, world"}
        {"a":"C:\\Program Files\\x","b":"ab"}
    "#]],
    );
    csv(
        CsvDelimiter::Comma,
        &["a", "b"],
        "\"\"\n\na\"b,\"c\"d\n",
        expect![[r#"
        {"a":"","b":""}
        {"a":"a\"b","b":"cd"}
    "#]],
    );
}

#[test]
fn csv_delimiters() {
    csv(
        CsvDelimiter::Pipe,
        &[],
        "a|b\n1,2|3\n",
        expect![[r#"
        {"a":"1,2","b":"3"}
    "#]],
    );
    csv(
        CsvDelimiter::Semicolon,
        &[],
        "a;b\n1;2\n",
        expect![[r#"
        {"a":"1","b":"2"}
    "#]],
    );
    csv(
        CsvDelimiter::Space,
        &[],
        "a b\n1  2\n",
        expect![[r#"
        {"a":"1","b":""}
    "#]],
    );
    csv(
        CsvDelimiter::Tab,
        &[],
        "\u{FEFF}a\tb\n1\t2\n",
        expect![[r#"
        {"a":"1","b":"2"}
    "#]],
    );
}

#[test]
fn csv_that_is_bad() {
    csv(
        CsvDelimiter::Comma,
        &["a"],
        "1\n\"2\n",
        expect![[r#"
        {"a":"1"}
        failed: The object is not valid CSV: it ends within an item.
    "#]],
    );
    let headers = vec!["x"; 6_000].join(",");
    csv(
        CsvDelimiter::Comma,
        &[],
        &headers,
        expect![[r#"
        failed: CSV headers cannot be longer than 10240 bytes.
    "#]],
    );
    let split = || Box::new(Csv::new(CsvDelimiter::Comma, None)) as Box<dyn Split>;
    check(
        &split,
        b"a\nok\n\xFF\n",
        expect![[r#"
        {"a":"ok"}
        failed: The object is not valid CSV: not UTF-8 at byte 5.
    "#]],
    );
    csv(CsvDelimiter::Comma, &[], "", expect![""]);
    csv(CsvDelimiter::Comma, &[], "a,b", expect![""]);
}

#[test]
fn members_of_csv_items_are_in_the_order_of_a_hash_map() {
    let names: Vec<String> = (1..=14).map(|number| format!("column{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let row = "1,2,3,4,5,6,7,8,9,10,11,12,13,14";
    csv(
        CsvDelimiter::Comma,
        &names,
        row,
        expect![[r#"
        {"column1":"1","column12":"12","column11":"11","column10":"10","column5":"5","column4":"4","column3":"3","column2":"2","column14":"14","column13":"13","column9":"9","column8":"8","column7":"7","column6":"6"}
    "#]],
    );
}

#[test]
fn json_arrays() {
    json(
        None,
        r#" [1, "a b", {"x": [1, {"y": "]"}]}, null, [ ], -1.50e3 ] "#,
        expect![[r#"
        1
        "a b"
        {"x":[1,{"y":"]"}]}
        null
        []
        -1.50e3
    "#]],
    );
    json(None, "[]", expect![""]);
    json(
        None,
        "\u{FEFF}[\"\\u0041\\\"\\\\\"]",
        expect![[r#"
        "A\"\\"
    "#]],
    );
}

#[test]
fn the_members_of_an_object_are_items() {
    for pointer in [None, Some("")] {
        json(
            pointer,
            r#"{"granite": {"kg": 5}, "slate": 2}"#,
            expect![[r#"
                granite: {"Key":"granite","Value":{"kg":5}}
                slate: {"Key":"slate","Value":2}
            "#]],
        );
    }
}

#[test]
fn json_that_is_no_list() {
    let not_iterable = || {
        expect![[r#"
            failed: Attempting to map over non-iterable node.
        "#]]
    };
    for text in ["1", "\"text\"", "null"] {
        json(None, text, not_iterable());
    }
    for pointer in ["/b", "/a/0", "/a/x/1", "/c"] {
        json(Some(pointer), r#"{"a": {"x": [1]}, "c": 5}"#, not_iterable());
    }
}

#[test]
fn json_that_is_bad() {
    for (text, expected) in [
        ("", "failed: The object is not valid JSON: it ends within an item.\n"),
        ("[", "failed: The object is not valid JSON: it ends within an item.\n"),
        ("[1", "failed: The object is not valid JSON: it ends within an item.\n"),
        ("[12,", "12\nfailed: The object is not valid JSON: it ends within an item.\n"),
        ("[[1]", "[1]\nfailed: The object is not valid JSON: it ends within an item.\n"),
        (
            "[1] 2",
            "1\nfailed: The object is not valid JSON: there is more after its end at byte 4.\n",
        ),
        (
            "[1}",
            "1\nfailed: The object is not valid JSON: there is no comma between two values at byte 2.\n",
        ),
    ] {
        let whole = lines(items(&mut JsonItems::new(None), &[text.as_bytes()]));
        assert_eq!(whole.split('\n').count(), expected.split('\n').count(), "{text}: {whole}");
        assert_eq!(whole, expected, "{text}");
    }
    json(
        None,
        "[1, tru, 2]",
        expect![[r#"
        1
        failed: The object is not valid JSON: Unrecognized token 'tru': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false') at byte 4.
    "#]],
    );
    json(
        None,
        "[1,]",
        expect![[r#"
        1
        failed: The object is not valid JSON: No content to map due to end-of-input at byte 3.
    "#]],
    );
}

#[test]
fn items_pointers() {
    let text = r#"{"skip": {"deep": ["]", "\"", 1.5]}, "n": 12 , "s" : "x", "a/b": [[0], [ {"m~": {"k": 1, "l": [2]}} ]], "rest": [broken"#;
    json(
        Some("/a~1b/1"),
        text,
        expect![[r#"
        {"m~":{"k":1,"l":[2]}}
    "#]],
    );
    json(
        Some("/a~1b/1/0/m~0"),
        text,
        expect![[r#"
        k: {"Key":"k","Value":1}
        l: {"Key":"l","Value":[2]}
    "#]],
    );
    json(
        Some(""),
        r#"{"a b": 1, "": {}}"#,
        expect![[r#"
        a b: {"Key":"a b","Value":1}
        : {"Key":"","Value":{}}
    "#]],
    );
    json(Some("/x"), r#"{"x": {}}"#, expect![""]);
    json(
        Some("/x"),
        r#"{"x": {"a"}}"#,
        expect![[r#"
        failed: The object is not valid JSON: there is no colon after a name at byte 10.
    "#]],
    );
}

#[test]
fn lines_of_json() {
    json_lines(
        b"{\"a\": 1}\r\n\n  \n[1, 2]\n\"end\"",
        expect![[r#"
        {"a":1}
        [1,2]
        "end"
    "#]],
    );
    json_lines(
        b"\xEF\xBB\xBF1\n{\"a\":\n2}\n",
        expect![[r#"
        1
        failed: The object is not valid JSON: Unexpected end-of-input within/between Object entries at byte 5.
    "#]],
    );
    json_lines(
        b"1\n\"\xFF\"\n",
        expect![[r#"
        1
        failed: The object is not valid JSON: not UTF-8 at byte 2.
    "#]],
    );
    json_lines(b"", expect![""]);
}

#[test]
fn items_that_are_too_large() {
    let large = "x".repeat(ITEM_BYTES_MAX);
    let after_one = |text: String, split: &mut dyn Split| {
        let pieces: Vec<&[u8]> = text.as_bytes().chunks(100_000).collect();
        let items = items(split, &pieces);
        let (first, rest) = items.split_first().unwrap();
        assert_eq!(first.0.chars().last().unwrap(), '}', "the first item is good");
        rest.iter().map(|(line, _)| line.clone() + "\n").collect::<String>()
    };
    let message = |at| {
        format!(
            "failed: The item that begins at byte {at} exceeds the maximum size of 8388608 bytes.\n"
        )
    };
    let text = format!("{{}}\n\"{large}\"\n");
    assert_eq!(after_one(text, &mut JsonLines::default()), message(3));
    let text = format!("[{{}},\"{large}\"]");
    assert_eq!(after_one(text, &mut JsonItems::new(None)), message(4));
    let text = format!("a\nb\n{large},more\n");
    assert_eq!(after_one(text, &mut Csv::new(CsvDelimiter::Comma, None)), message(4));
}

/// Texts that look like the format and often are it.
fn texts() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "[",
        "]",
        "{",
        "}",
        "\"",
        "\\",
        ",",
        ":",
        "\n",
        "\r\n",
        " ",
        "a",
        "\"a\"",
        "\"k\":",
        "12",
        "null",
        "ä",
        "\"é\\\"\"",
        "{\"k\": [1]}",
        "\t",
        ";",
        "\u{FEFF}",
    ]);
    (prop::collection::vec(pieces, 0..40), prop::bool::ANY).prop_map(|(pieces, in_array)| {
        let text = pieces.concat();
        if in_array { format!("[{text}]") } else { text }
    })
}

fn splits() -> Vec<Box<dyn Fn() -> Box<dyn Split>>> {
    vec![
        Box::new(|| Box::new(JsonLines::default())),
        Box::new(|| Box::new(JsonItems::new(None))),
        Box::new(|| Box::new(JsonItems::new(Some("/k")))),
        Box::new(|| Box::new(JsonItems::new(Some("")))),
        Box::new(|| Box::new(Csv::new(CsvDelimiter::Comma, None))),
        Box::new(|| Box::new(Csv::new(CsvDelimiter::Semicolon, None))),
    ]
}

proptest! {
    #[test]
    fn pieces_do_not_matter(text in texts(), cuts in prop::collection::vec(0_usize..200, 0..8)) {
        let bytes = text.as_bytes();
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|cut| &bytes[cut[0]..cut[1]]).collect();
        for split in splits() {
            let whole = items(&mut *split(), &[bytes]);
            let cut = items(&mut *split(), &pieces);
            let without_last_error = |items: &[(String, Place)]| {
                let mut items = items.to_vec();
                // Which of several errors is met, and where, depends on what was at hand.
                if let Some((last, place)) = items.last_mut() && last.starts_with("failed") {
                    last.truncate("failed".len());
                    *place = Place { offset: 0, members: false };
                }
                items
            };
            prop_assert_eq!(without_last_error(&whole), without_last_error(&cut));
        }
    }
}

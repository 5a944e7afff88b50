//! Text to value and back: what is accepted, what is refused and in which words.

use stairwell_json::{Number, Object, Value, parse, validate};

fn check(text: &str, printed: &str) {
    let value = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    assert_eq!(value.to_text(), printed, "{text}");
    assert_eq!(value.to_string(), printed, "{text}");
    validate(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    assert_eq!(parse(printed).expect("what was printed is JSON"), value, "{text}");
}

#[test]
fn prints_what_it_read() {
    for (text, printed) in [
        ("null", "null"),
        (" true\n", "true"),
        ("\t\r\nfalse ", "false"),
        ("0", "0"),
        ("-0", "0"),
        ("-1", "-1"),
        ("9223372036854775807", "9223372036854775807"),
        ("-9223372036854775808", "-9223372036854775808"),
        ("9223372036854775808", "9223372036854775808"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        ("1.0", "1.0"),
        ("1.10", "1.10"),
        ("1e3", "1e3"),
        ("1E+3", "1E+3"),
        ("1.5E10", "1.5E10"),
        ("1e400", "1e400"),
        ("-0.0", "-0.0"),
        ("0.1", "0.1"),
        ("\"\"", "\"\""),
        ("\"a\\/b\"", "\"a/b\""),
        ("\"\\u0041\\u00e9\\u20AC\"", "\"Aé€\""),
        ("\"\\ud83d\\ude00\"", "\"😀\""),
        ("\"\\ud800\"", "\"\u{FFFD}\""),
        ("\"\\ud800x\"", "\"\u{FFFD}x\""),
        ("\"\\ude00\\ud83d\"", "\"\u{FFFD}\u{FFFD}\""),
        ("\"\\ud800\\ud83d\\ude00\"", "\"\u{FFFD}😀\""),
        ("\"\\b\\f\\n\\r\\t\\\"\\\\\"", "\"\\b\\f\\n\\r\\t\\\"\\\\\""),
        ("\"\\u0000\\u001f\\u007f\"", "\"\\u0000\\u001F\u{7f}\""),
        ("\"seven..", ""),
        ("[]", "[]"),
        ("[ ]", "[]"),
        ("{ }", "{}"),
        ("[1 , [2,[ ]], {}]", "[1,[2,[]],{}]"),
        ("{\"b\" : 1, \"a\":{\"c\":[null]}}", "{\"b\":1,\"a\":{\"c\":[null]}}"),
        ("{\"a\":1,\"b\":2,\"a\":3}", "{\"a\":3,\"b\":2}"),
        ("{\"\":0}", "{\"\":0}"),
        ("\"größer als acht Zeichen, € und 😀\"", "\"größer als acht Zeichen, € und 😀\""),
    ] {
        if printed.is_empty() {
            assert!(parse(text).is_err(), "{text}");
        } else {
            check(text, printed);
        }
    }
}

#[test]
fn finds_the_end_of_strings_at_any_offset() {
    for length in 0..40 {
        for special in ["\\n", "\\\"", "\\u0001", "é", "\u{80}", " "] {
            for after in [0, 3, 9] {
                let inner = format!("{}{special}{}", "x".repeat(length), "y".repeat(after));
                check(&format!("[\"{inner}\",1]"), &format!("[\"{inner}\",1]"));
            }
        }
    }
}

const VALUES: &str = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')";

/// `<values>` in the message stands for the list of what a value can be.
fn refuse(text: &str, message: &str, line: usize, column: usize) {
    let error = parse(text).expect_err(text);
    assert_eq!(error.message, message.replace("<values>", VALUES), "{text}");
    assert_eq!((error.position.line, error.position.column), (line, column), "{text}");
    assert_eq!(validate(text), Err(error), "{text}");
}

#[test]
fn refuses_in_the_words_of_jackson() {
    let close_marker = "Unexpected end-of-input: expected close marker for";
    let start = |column: usize| {
        format!(
            "[Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: \
             1, column: {column}]"
        )
    };
    refuse("", "No content to map due to end-of-input", 1, 1);
    refuse("not", "Unrecognized token 'not': was expecting <values>", 1, 4);
    refuse("[nul]", "Unrecognized token 'nul': was expecting <values>", 1, 5);
    refuse("nulls", "Unrecognized token 'nulls': was expecting <values>", 1, 6);
    refuse(
        "NaN",
        "Non-standard token 'NaN': enable \
        `JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS` to allow",
        1,
        1,
    );
    refuse(
        "{'a': 1}",
        "Unexpected character (''' (code 39)): \
        was expecting double-quote to start field name",
        1,
        2,
    );
    refuse(
        "{\n  \"a\": 1,\n}",
        "Unexpected character ('}' (code 125)): \
        was expecting double-quote to start field name",
        3,
        1,
    );
    refuse("'a'", "Unexpected character (''' (code 39)): expected a valid value <values>", 1, 1);
    refuse("[1,]", "Unexpected character (']' (code 93)): expected a valid value <values>", 1, 4);
    refuse("[,1]", "Unexpected character (',' (code 44)): expected a valid value <values>", 1, 2);
    refuse(
        "{\"a\":}",
        "Unexpected character ('}' (code 125)): expected a valid value <values>",
        1,
        6,
    );
    refuse(
        "€",
        "Unexpected character ('€' (code 8364 / 0x20ac)): expected a valid value <values>",
        1,
        1,
    );
    refuse("+1", "Unexpected character ('+' (code 43)): expected a valid value <values>", 1, 1);
    refuse(".5", "Unexpected character ('.' (code 46)): expected a valid value <values>", 1, 1);
    refuse(
        "{\"a\" 1}",
        "Unexpected character ('1' (code 49)): \
        was expecting a colon to separate field name and value",
        1,
        6,
    );
    refuse(
        "[1 2]",
        "Unexpected character ('2' (code 50)): \
        was expecting comma to separate Array entries",
        1,
        4,
    );
    refuse(
        "{\"a\":1 \"b\":2}",
        "Unexpected character ('\"' (code 34)): \
        was expecting comma to separate Object entries",
        1,
        8,
    );
    refuse("{", &format!("{close_marker} Object (start marker at {})", start(1)), 1, 2);
    refuse("[[1]", &format!("{close_marker} Array (start marker at {})", start(1)), 1, 5);
    refuse("[1,", "Unexpected end-of-input within/between Array entries", 1, 4);
    refuse("{\"a\"", "Unexpected end-of-input within/between Object entries", 1, 5);
    refuse("{\"a\":", "Unexpected end-of-input within/between Object entries", 1, 6);
    refuse("{\"a", "Unexpected end-of-input in field name", 1, 4);
    refuse("\"a", "Unexpected end-of-input: was expecting closing quote for a string value", 1, 3);
    refuse("\"\\", "Unexpected end-of-input in character escape sequence", 1, 3);
    refuse("\"\\u12", "Unexpected end-of-input in character escape sequence", 1, 6);
    refuse(
        "\"\\u12g4\"",
        "Unexpected character ('g' (code 103)): \
        expected a hex-digit for character escape sequence",
        1,
        6,
    );
    refuse("\"\\x\"", "Unrecognized character escape 'x' (code 120)", 1, 3);
    refuse(
        "\"a\nb\"",
        "Illegal unquoted character ((CTRL-CHAR, code 10)): has to be escaped \
        using backslash to be included in string value",
        1,
        3,
    );
    refuse(
        "{\"a\tb\":1}",
        "Illegal unquoted character ((CTRL-CHAR, code 9)): has to be escaped \
        using backslash to be included in name",
        1,
        4,
    );
    refuse("01", "Invalid numeric value: Leading zeroes not allowed", 1, 2);
    refuse(
        "-a",
        "Unexpected character ('a' (code 97)) in numeric value: \
        expected digit (0-9) to follow minus sign, for valid numeric value",
        1,
        2,
    );
    refuse(
        "1.x",
        "Unexpected character ('x' (code 120)) in numeric value: \
        Decimal point not followed by a digit",
        1,
        3,
    );
    refuse(
        "1e+]",
        "Unexpected character (']' (code 93)) in numeric value: \
        Exponent indicator not followed by a digit",
        1,
        4,
    );
    refuse("-", "Unexpected end-of-input in a Number value", 1, 2);
    refuse(
        "1a",
        "Unexpected character ('a' (code 97)): \
        Expected space separating root-level values",
        1,
        2,
    );
    refuse("1 2", "Trailing token (of type VALUE_NUMBER_INT) found after value", 1, 3);
    refuse("{}{}", "Trailing token (of type START_OBJECT) found after value", 1, 3);
    refuse("{} x", "Unrecognized token 'x': was expecting <values>", 1, 5);
    refuse(
        "[1}",
        &format!("Unexpected close marker '}}': expected ']' (for Array starting at {})", start(1)),
        1,
        3,
    );
    refuse(
        "]",
        &format!("Unexpected close marker ']': expected '}}' (for root starting at {})", start(1)),
        1,
        1,
    );
    refuse(
        "\u{FEFF}1",
        "Unexpected character ('\u{FEFF}' (code 65279 / 0xfeff)): \
        expected a valid value <values>",
        1,
        1,
    );
}

#[test]
fn quotes_the_exception_whole() {
    expect_test::expect![[r#"
        Unrecognized token 'undefined': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')
         at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1, column: 10]"#]]
    .assert_eq(&parse("undefined").unwrap_err().located_message());
}

#[test]
fn nests_a_thousand_levels_and_no_more() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    check(&nested(1_000), &nested(1_000));
    let objects = "{\"a\":".repeat(1_000) + "1" + &"}".repeat(1_000);
    check(&objects, &objects);
    refuse(
        &nested(1_001),
        "Document nesting depth (1001) exceeds the maximum allowed (1000, from \
         `StreamReadConstraints.getMaxNestingDepth()`)",
        1,
        1_001,
    );
    assert!(parse(&"[".repeat(1_000_000)).is_err());
}

#[test]
fn values_nested_deeper_than_the_stack_do_no_harm() {
    let nest = |levels: usize| {
        (0..levels).fold(Value::Null, |inner, level| {
            if level % 2 == 0 {
                Value::from(vec![inner])
            } else {
                Object::from_iter([("a".into(), inner)]).into()
            }
        })
    };
    let (deep, same) = (nest(1_000_000), nest(1_000_000));
    assert!(deep == same);
    assert!(deep != nest(1_000_001));
    let text = deep.to_text();
    assert_eq!(text.len(), 500_000 * "[{\"a\":}]".len() + "null".len());
    assert!(*stairwell_json::Document::from_trusted_text(&text).value() == deep);
    let shared = deep.clone();
    drop(deep);
    assert_eq!(shared.to_text(), text);
}

#[test]
fn objects_of_any_size_are_found_by_name() {
    let text: String = (0..100_000).map(|at| format!("\"name{at}\":{at},")).collect();
    let text = format!("{{{text}\"name7\":\"again\",\"last\":true}}");
    let value = parse(&text).unwrap();
    let object = value.as_object().unwrap();
    assert_eq!(object.len(), 100_001);
    assert_eq!(object.get("name99999"), Some(&Value::from(99_999)));
    assert_eq!(object.get("name7"), Some(&Value::from("again")));
    assert_eq!(object.iter().nth(7).unwrap().1, &Value::from("again"));
    assert_eq!(object.get("name100000"), None);

    let mut few: Object = (0..18).map(|at| (format!("n{at}").into(), Value::from(at))).collect();
    assert_eq!(few.remove("n3"), Some(Value::from(3)));
    assert_eq!(few.get("n4"), Some(&Value::from(4)));
    assert_eq!(few.remove("n0"), Some(Value::from(0)));
    few.insert("n17", 170);
    few.insert("n3", 30);
    *few.get_mut("n5").unwrap() = Value::Null;
    let names: Vec<&str> = few.iter().map(|(name, _)| &**name).collect();
    assert_eq!(names.join(" "), "n1 n2 n4 n5 n6 n7 n8 n9 n10 n11 n12 n13 n14 n15 n16 n17 n3");
    assert_eq!(few.get("n17"), Some(&Value::from(170)));
    assert_eq!(few.remove("n0"), None);
}

#[test]
fn equality_is_of_meaning() {
    for (left, right, equal) in [
        ("1", "1.0", true),
        ("1", "1e0", true),
        ("100", "1E2", true),
        ("0", "-0", true),
        ("0", "-0.0", true),
        ("9007199254740993", "9007199254740992", false),
        ("9007199254740993", "9007199254740992.0", false),
        ("9223372036854775807", "9223372036854775808", false),
        ("9223372036854775807", "9.223372036854775807E18", false),
        ("9223372036854775808", "9.223372036854775807E18", true),
        ("123456789012345678901", "123456789012345678902", false),
        ("123456789012345678901", "123456789012345678901", true),
        ("-123456789012345678901", "123456789012345678901", false),
        ("1.10", "1.1", true),
        ("1", "\"1\"", false),
        ("{\"a\":1,\"b\":[2]}", "{\"b\":[2.0],\"a\":1}", true),
        ("{\"a\":1}", "{\"b\":1}", false),
        ("{\"a\":null}", "{}", false),
        ("[1,2]", "[2,1]", false),
        ("[1]", "[1,1]", false),
        ("[[1],[2]]", "[[1],[3]]", false),
        ("[]", "{}", false),
        ("null", "false", false),
    ] {
        assert_eq!(parse(left).unwrap() == parse(right).unwrap(), equal, "{left} == {right}");
    }
    let ordered = [
        "-1e400",
        "-99999999999999999999",
        "-9223372036854775808",
        "-1.5",
        "-1",
        "0",
        "0.5",
        "1",
        "9223372036854775807",
        "9223372036854775808",
        "99999999999999999999",
        "1e400",
    ];
    for pair in ordered.windows(2) {
        let [left, right] = pair else { unreachable!("windows are pairs") };
        let (left, right) = (Number::parse(left).unwrap(), Number::parse(right).unwrap());
        assert!(left.compare(&right).is_lt() && right.compare(&left).is_gt(), "{left} < {right}");
    }
}

#[test]
fn floats_print_as_in_java() {
    for (number, text) in [
        (1.0, "1.0"),
        (-0.0, "-0.0"),
        (100.0, "100.0"),
        (123.456, "123.456"),
        (9_999_999.0, "9999999.0"),
        (1e7, "1.0E7"),
        (12_345_678.9, "1.23456789E7"),
        (1e10, "1.0E10"),
        (1e21, "1.0E21"),
        (0.001, "0.001"),
        (0.0012, "0.0012"),
        (0.25, "0.25"),
        (0.000_999, "9.99E-4"),
        (1e-5, "1.0E-5"),
        (f64::MAX, "1.7976931348623157E308"),
        (f64::MIN_POSITIVE, "2.2250738585072014E-308"),
        (4.9e-324, "4.9E-324"),
        (1e-323, "9.9E-324"),
        (2e23, "2.0E23"),
        (1.0 / 3.0, "0.3333333333333333"),
        (3.3, "3.3"),
        (f64::NAN, "\"NaN\""),
        (f64::NEG_INFINITY, "\"-Infinity\""),
    ] {
        assert_eq!(Number::from(number).to_string(), text);
    }
}

#[test]
fn numbers_know_how_they_were_written() {
    let kind = |text: &str| match Number::parse(text) {
        None => "no number",
        Some(Number::Int(_)) => "int",
        Some(Number::Float(_)) => "float",
        Some(Number::Text(_)) => "text",
    };
    for (text, expected) in [
        ("1", "int"),
        ("-5", "int"),
        ("1.5", "float"),
        ("1.0E10", "float"),
        ("1e10", "text"),
        ("1.50", "text"),
        ("-0", "int"),
        ("0", "int"),
        ("99999999999999999999", "text"),
        ("", "no number"),
        ("-", "no number"),
        ("01", "no number"),
        ("1.", "no number"),
        (".1", "no number"),
        ("1e", "no number"),
        ("1e+", "no number"),
        ("+1", "no number"),
        (" 1", "no number"),
        ("1 ", "no number"),
        ("0x1", "no number"),
        ("inf", "no number"),
    ] {
        assert_eq!(kind(text), expected, "{text}");
    }
    let number = |text: &str| Number::parse(text).unwrap();
    assert_eq!(number("12").as_i64(), Some(12));
    assert_eq!(number("12.0").as_i64(), None);
    assert_eq!(number("-0").as_i64(), Some(0));
    assert_eq!(number("1e2").as_i64(), None);
    assert_eq!(number("1e2").as_f64(), 100.0);
    assert!(number("99999999999999999999").is_integer_text());
    assert!(!number("1.0").is_integer_text() && !number("1E2").is_integer_text());
}

#[test]
fn numbers_are_read_as_the_caller_wants() {
    let lengths = |text: &str| Number::from(text.len() as i64);
    let value = stairwell_json::parse_with_numbers("[10, {\"a\": -1.5e3}]", lengths).unwrap();
    assert_eq!(value.to_text(), "[2,{\"a\":6}]");
}

#[test]
fn pretty_text_is_for_people() {
    let value = parse(r#"{"a":[1,{"b":null}],"c":[],"d":{},"e":"x"}"#).unwrap();
    expect_test::expect![[r#"
        {
          "a": [
            1,
            {
              "b": null
            }
          ],
          "c": [],
          "d": {},
          "e": "x"
        }"#]]
    .assert_eq(&value.to_pretty_string());
    assert_eq!(parse("3").unwrap().to_pretty_string(), "3");
}

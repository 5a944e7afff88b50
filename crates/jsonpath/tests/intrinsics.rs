//! Intrinsic functions: what they return, what they refuse and in which words. Most rows are what
//! the live service answered.

use std::cell::Cell;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use stairwell_jsonpath::{EvaluationError, Intrinsic, Scope};

fn evaluate(call: &str, input: &str) -> Result<String, EvaluationError> {
    let input = json::parse(input).expect("the input is JSON");
    let context = json::parse(
        r#"{"Execution": {"Input": {"csv": "x,y,z", "n": 2}, "Name": "run-1"},
            "StateMachine": {"Name": "one-two-three"}}"#,
    )
    .expect("the context is JSON");
    let variables = json::parse(r#"{"name": "John", "place": {"city": "Bonn"}, "bias": 4.3}"#)
        .expect("the variables are JSON");
    let scope = Scope {
        input: &input,
        context: &context,
        variables: variables.as_object().expect("the variables are an object"),
        visits: &Cell::default(),
    };
    let intrinsic = Intrinsic::parse(call).unwrap_or_else(|error| panic!("{call}: {error}"));
    assert_eq!(intrinsic.text(), call.trim());
    intrinsic.evaluate(&scope, &mut ChaCha8Rng::seed_from_u64(1)).map(|value| value.to_string())
}

fn check(call: &str, input: &str, expected: &str) {
    assert_eq!(evaluate(call, input).as_deref(), Ok(expected), "{call} on {input}");
}

fn refuse_with(call: &str, input: &str, reason: &str) {
    let message =
        format!("There was an error while evaluating the intrinsic function: {call}. {reason}");
    let expected = EvaluationError::Intrinsic { message };
    assert_eq!(evaluate(call, input), Err(expected), "{call} on {input}");
}

/// Refused with the words that go with most mistakes.
fn refuse(call: &str, input: &str) {
    let function = call.split_once('(').expect("it is a call").0;
    refuse_with(call, input, &format!("Invalid arguments in {function}"));
}

#[test]
fn format() {
    let one = "States.Format('Formatting argument {}.', $)";
    for (input, filled) in [
        ("\"\"", ""),
        ("\" \"", " "),
        ("\"HelloWorld\"", "HelloWorld"),
        ("null", "null"),
        ("1", "1"),
        ("1.1", "1.1"),
        ("true", "true"),
        ("-9007199254740991", "-9007199254740991"),
        ("\"{\\\"Arg1\\\": 1}\"", "{\\\"Arg1\\\": 1}"),
        ("{\"Arg1\": 1, \"Arg2\": []}", "{Arg1=1, Arg2=[]}"),
        ("[1, \"a\", null, [true, {\"k\": \"v\"}], {}]", "[1, a, null, [true, {k=v}], {}]"),
    ] {
        check(one, input, &format!("\"Formatting argument {filled}.\""));
    }
    check(
        "States.Format('fst={} and snd={}.', $.a, $.b)",
        "{\"a\":1,\"b\":{\"x\":[]}}",
        "\"fst=1 and snd={x=[]}.\"",
    );
    check("States.Format('no placeholders')", "{}", "\"no placeholders\"");
    check("States.Format('')", "{}", "\"\"");
    check("States.Format('{}{}{}', 1, 'a', false)", "{}", "\"1afalse\"");
    check(
        "States.Format($.template, $.name)",
        "{\"template\":\"Hello {}\",\"name\":\"Ada\"}",
        "\"Hello Ada\"",
    );
    check(
        "States.Format($.template)",
        "{\"template\":\"it\\\\'s \\\\{\\\\} \\\\\\\\ \\\\n\"}",
        "\"it's {} \\\\ \\\\n\"",
    );
    check(
        "States.Format('Name: \\'{}\\', \"{}\"', $.a, $.b)",
        "{\"a\":\"x\",\"b\":\"y\"}",
        "\"Name: 'x', \\\"y\\\"\"",
    );
    check("States.Format('\\{\\} {}', 1)", "{}", "\"{} 1\"");
    check("States.Format('a\\\\b')", "{}", "\"a\\\\b\"");
    check("States.Format('  {}  ', $.a)", "{\"a\":\"x\"}", "\"  x  \"");
    check("States.Format('{}', '{}')", "{}", "\"{}\"");
    check(
        "States.Format('Hello {}, welcome to {}!', $name, $place.city)",
        "{}",
        "\"Hello John, welcome to Bonn!\"",
    );
    check(
        "States.Format('{}:{}', $.name, $$.Execution.Input.n)",
        "{\"name\":\"job\"}",
        "\"job:2\"",
    );
    check(
        "States.Format('{}', States.JsonToString($.o))",
        "{\"o\":{\"k\":1}}",
        "\"{\\\"k\\\":1}\"",
    );
    check("States.Format('{}|{}', $.a[0:2], $.b[*])", "{\"a\":[1,2,3],\"b\":[]}", "\"[1, 2]|[]\"");
    check("States.Format('größer {}', '€')", "{}", "\"größer €\"");
    let alone = |missing: char, found: char| {
        format!("Invalid template in States.Format: matching '{missing}' not found for '{found}'.")
    };
    refuse_with("States.Format('Hello {', $.a)", "{\"a\":\"x\"}", &alone('}', '{'));
    refuse_with("States.Format('Hello {{}}', $.a)", "{\"a\":\"x\"}", &alone('}', '{'));
    refuse_with("States.Format('{a}', $.a)", "{\"a\":\"x\"}", &alone('}', '{'));
    refuse_with("States.Format('}')", "{}", &alone('{', '}'));
    refuse_with("States.Format($.t)", "{\"t\":\"a } b\"}", &alone('{', '}'));
    let count = "Invalid arguments in States.Format: number of arguments do not match the \
        occurrences of {}.";
    refuse_with("States.Format('{} {}', $.a)", "{\"a\":\"x\"}", count);
    refuse_with("States.Format('{}', $.a, $.a)", "{\"a\":\"x\"}", count);
    refuse_with("States.Format('{}')", "{}", count);
    refuse_with("States.Format('', 1)", "{}", count);
    refuse("States.Format()", "{}");
    refuse("States.Format($.template, 1)", "{\"template\":123}");
    refuse("States.Format(1)", "{}");
}

#[test]
fn string_to_json() {
    for (text, value) in [
        ("\"\"", "null"),
        ("\" \"", "null"),
        ("\"\\n\\t\"", "null"),
        ("\"null\"", "null"),
        ("\"-0\"", "0"),
        ("\"1\"", "1"),
        ("\"1.1\"", "1.1"),
        ("\"1.10\"", "1.1"),
        ("\"1e3\"", "1000.0"),
        ("\"[1e2,{\\\"a\\\":-0}]\"", "[100.0,{\"a\":0}]"),
        ("\"123456789012345678901\"", "123456789012345678901"),
        ("\"true\"", "true"),
        ("\"\\\"HelloWorld\\\"\"", "\"HelloWorld\""),
        ("\"[1, 2, \\\"HelloWorld\\\"]\"", "[1,2,\"HelloWorld\"]"),
        ("\"{\\\"Arg1\\\": 1, \\\"Arg2\\\": []}\"", "{\"Arg1\":1,\"Arg2\":[]}"),
        ("\" {\\\"a\\\":1} \"", "{\"a\":1}"),
        ("\"{\\\"a\\\":\\\"it's\\\"}\"", "{\"a\":\"it's\"}"),
    ] {
        check("States.StringToJson($)", text, value);
    }
    check("States.StringToJson('{\"a\": \"b\"}')", "{}", "{\"a\":\"b\"}");
    check("States.StringToJson('\\{\"a\": 1\\}')", "{}", "{\"a\":1}");
    check(
        "States.StringToJson(States.JsonToString($))",
        "{\"a\":[1.5,null]}",
        "{\"a\":[1.5,null]}",
    );
    let refuse_text = |text: &str, reason: &str, column: usize| {
        refuse_with(
            "States.StringToJson($)",
            &json::Value::from(text).to_string(),
            &format!(
                "Cannot convert String to Json in States.StringToJson, caused by: {reason}\n at \
             [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); \
             line: 1, column: {column}]"
            ),
        );
    };
    refuse_text(
        "{bad json}",
        "Unexpected character ('b' (code 98)): was expecting double-quote \
        to start field name",
        2,
    );
    refuse_text(
        "{\"a\":1",
        "Unexpected end-of-input: expected close marker for Object (start \
        marker at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); \
        line: 1, column: 1])",
        7,
    );
    refuse_text(
        "undefined",
        "Unrecognized token 'undefined': was expecting (JSON String, Number, \
        Array, Object or token 'null', 'true' or 'false')",
        10,
    );
    for input in ["123", "null", "true", "{\"a\":1}", "[1]"] {
        refuse("States.StringToJson($)", input);
    }
    refuse("States.StringToJson()", "{}");
    refuse("States.StringToJson('1', '2')", "{}");
    refuse("States.StringToJson(1)", "{}");
}

#[test]
fn json_to_string() {
    for value in [
        "null",
        "0",
        "1",
        "1.1",
        "1.10",
        "true",
        "false",
        "\"HelloWorld\"",
        "[]",
        "{}",
        "[1,2,\"HelloWorld\"]",
        "{\"Arg1\":1,\"Arg2\":[]}",
        "[-1,3.5,-9007199254740991]",
        "{\"b\":{\"a\":[true,null]},\"a\":\"é\\n\"}",
    ] {
        check("States.JsonToString($)", value, &json::Value::from(value).to_string());
    }
    check("States.JsonToString($)", "{ \"a\" : [ 1 ] }", "\"{\\\"a\\\":[1]}\"");
    check("States.JsonToString('x')", "{}", "\"\\\"x\\\"\"");
    check("States.JsonToString(null)", "{}", "\"null\"");
    check("States.JsonToString(States.Array($.a, 2))", "{\"a\":1}", "\"[1,2]\"");
    check("States.JsonToString($.a[*])", "{\"a\":[1,2]}", "\"[1,2]\"");
    refuse("States.JsonToString()", "{}");
    refuse("States.JsonToString($, $)", "{}");
}

#[test]
fn array() {
    check("States.Array()", "{}", "[]");
    check("States.Array(42, true, null, 'hello')", "{}", "[42,true,null,\"hello\"]");
    check("States.Array(false, '', 0, null)", "{}", "[false,\"\",0,null]");
    check("States.Array(-1, 1.50, 1e3, 0.0)", "{}", "[-1,1.50,1e3,0.0]");
    check("States.Array($.a, $.b)", "{\"a\":{\"k\":1},\"b\":[1,2]}", "[{\"k\":1},[1,2]]");
    check("States.Array( $.a , $.b )", "{\"a\":1,\"b\":2}", "[1,2]");
    check("States.Array(1, States.Array(2, 3))", "{}", "[1,[2,3]]");
    check("States.Array($, $$.Execution.Name, $name)", "7", "[7,\"run-1\",\"John\"]");
    check("States.Array('a,b', 'c)', 'd\\'e')", "{}", "[\"a,b\",\"c)\",\"d'e\"]");
    check("States.Array('{}', '\\{\\}', '\\\\')", "{}", "[\"{}\",\"{}\",\"\\\\\"]");
    check("States.Array($['a,b'], $[\"c)\"])", "{\"a,b\":1,\"c)\":2}", "[1,2]");
    check("States.Array($.a[?(@ in [1,2])], $.a.length())", "{\"a\":[1,3]}", "[[1],2]");
    check("States.Array($.a[0,1],$.a[0:1])", "{\"a\":[1,3]}", "[[1,3],[1]]");
    check(" States.Array(1) ", "{}", "[1]");
    let nine = format!("{}1{}", "States.Array(".repeat(10), ")".repeat(10));
    check(&nine, "{}", "[[[[[[[[[[1]]]]]]]]]]");
}

#[test]
fn array_contains() {
    let call = "States.ArrayContains($.a, $.w)";
    for (array, wanted, found) in [
        ("[]", "null", false),
        ("[]", "[]", false),
        ("[]", "1", false),
        ("[[1,2,3],2]", "null", false),
        ("[[1,2,3],2]", "[1,2,3]", true),
        ("[[1,2,3],2]", "[1,3,2]", false),
        ("[{\"1\":2,\"2\":[]}]", "[]", false),
        ("[{\"1\":2,\"2\":[]}]", "{\"1\":2,\"2\":[]}", true),
        ("[true,false]", "true", true),
        ("[true,false]", "false", true),
        ("[1,2,3]", "2", true),
        ("[1,2,3]", "5", false),
        ("[1,null,3]", "null", true),
        ("[{\"a\":1}]", "{\"a\":1,\"extra\":null}", false),
        ("[0,1,-1,-1.5]", "false", false),
        ("[1]", "1.0", false),
        // AWS compares texts.
        ("[{\"a\":1,\"b\":2}]", "{\"b\":2,\"a\":1}", false),
        ("[\"-1\",\"9007199254740991\"]", "9007199254740991", true),
        ("[\"true\",\"false\"]", "true", true),
        ("[null,\"\",\" \",0,[0,1,false]]", "[0,1,false]", true),
    ] {
        check(call, &format!("{{\"a\":{array},\"w\":{wanted}}}"), &found.to_string());
    }
    check("States.ArrayContains(States.Array(1, 2, 3), 2)", "{}", "true");
    refuse("States.ArrayContains('not-array', 'x')", "{}");
    refuse("States.ArrayContains($.a)", "{\"a\":[1]}");
    refuse("States.ArrayContains($.a, 2, 999)", "{\"a\":[1]}");
}

#[test]
fn array_get_item() {
    check("States.ArrayGetItem($, 0)", "[\"a\",\"b\"]", "\"a\"");
    check("States.ArrayGetItem($, 1)", "[\"a\",{\"b\":2}]", "{\"b\":2}");
    check("States.ArrayGetItem($, 0)", "[null]", "null");
    check("States.ArrayGetItem($, 1.2)", "[10,20,30]", "20");
    check("States.ArrayGetItem($, 1.9)", "[10,20,30]", "20");
    check("States.ArrayGetItem($, -0.5)", "[10,20,30]", "10");
    check("States.ArrayGetItem($, 999)", "[]", "null");
    check("States.ArrayGetItem($.a, $.i)", "{\"a\":[1,2,3],\"i\":2}", "3");
    refuse("States.ArrayGetItem($, 3)", "[10,20,30]");
    refuse("States.ArrayGetItem($, -1)", "[10,20,30]");
    refuse("States.ArrayGetItem($, '1')", "[10,20,30]");
    refuse("States.ArrayGetItem($, null)", "[10]");
    refuse("States.ArrayGetItem($, 4294967296)", "[10]");
    refuse("States.ArrayGetItem('not-array', 0)", "{}");
    refuse("States.ArrayGetItem($)", "[1]");
    refuse("States.ArrayGetItem($, 1, 999)", "[1]");
    check(
        "States.ArrayGetItem(States.StringSplit($$.StateMachine.Name, '-'), \
        States.MathAdd(States.ArrayLength(States.StringSplit($$.StateMachine.Name, '-')), -1))",
        "{}",
        "\"three\"",
    );
}

#[test]
fn array_length_and_partition() {
    check("States.ArrayLength($)", "[]", "0");
    check("States.ArrayLength($)", "[1,[2,3],null]", "3");
    check("States.ArrayLength(States.Array())", "{}", "0");
    check("States.ArrayLength($.a[*])", "{}", "0");
    refuse("States.ArrayLength($)", "{\"k\":1}");
    refuse("States.ArrayLength('not-array')", "{}");
    refuse("States.ArrayLength()", "{}");
    refuse("States.ArrayLength($, 999)", "[1]");
    refuse("States.ArrayLength(States.JsonToString($))", "[1,2,3]");
    for (array, size, parts) in [
        ("[]", "1", "[]"),
        ("[]", "5", "[]"),
        ("[0]", "1", "[[0]]"),
        ("[0]", "3", "[[0]]"),
        ("[0,1]", "1", "[[0],[1]]"),
        ("[0,1,2]", "2", "[[0,1],[2]]"),
        ("[0,1,2,3]", "2", "[[0,1],[2,3]]"),
        ("[0,1,2,3]", "3", "[[0,1,2],[3]]"),
        ("[0,1,2,3]", "2147483647", "[[0,1,2,3]]"),
        ("[[1],[2],{}]", "2", "[[[1],[2]],[{}]]"),
        // Fractions are cut off.
        ("[1,2,3,4,5]", "2.6", "[[1,2],[3,4],[5]]"),
        ("[1,2,3,4,5]", "2.4", "[[1,2],[3,4],[5]]"),
    ] {
        check(&format!("States.ArrayPartition($, {size})"), array, parts);
    }
    for size in ["0", "-1", "0.49", "0.6", "-0.4", "-0.6", "'2'", "null", "true", "2147483648"] {
        refuse(&format!("States.ArrayPartition($, {size})"), "[1,2,3]");
    }
    refuse("States.ArrayPartition('not-array', 2)", "{}");
    refuse("States.ArrayPartition($)", "[1]");
    refuse("States.ArrayPartition($, 2, 999)", "[1]");
}

#[test]
fn array_range() {
    for (arguments, range) in [
        ("1, 9, 2", "[1,3,5,7,9]"),
        ("1, 10, 2", "[1,3,5,7,9]"),
        ("0, 3, 1", "[0,1,2,3]"),
        ("-2, 2, 2", "[-2,0,2]"),
        ("3, 3, 1", "[3]"),
        ("3, 3, -1", "[3]"),
        ("5, 1, -2", "[5,3,1]"),
        ("5, 1, 1", "[]"),
        ("1, 5, -1", "[]"),
        ("0, 0, 99", "[0]"),
        // Fractions are cut off.
        ("1.4, 5.6, 2.2", "[1,3,5]"),
        ("1.6, 1.4, 1", "[1]"),
        ("5.4, -0.6, -2.4", "[5,3,1]"),
        ("-2147483648, 2147483647, 2147483647", "[-2147483648,-1,2147483646]"),
    ] {
        check(&format!("States.ArrayRange({arguments})"), "{}", range);
    }
    check("States.ArrayLength(States.ArrayRange(1, 1000, 1))", "{}", "1000");
    check("States.ArrayLength(States.ArrayRange(1000, 1, -1))", "{}", "1000");
    for arguments in [
        "1, 1001, 1",
        "1001, 1, -1",
        "1, 10, 0",
        "1, 10, 0.49",
        "'a', 5, 1",
        "1, 'b', 1",
        "1, 5, 'c'",
        "1, 5, null",
        "1, 5",
        "1, 5, 1, 99",
        "",
        "-2147483648, 2147483647, 1",
    ] {
        refuse(&format!("States.ArrayRange({arguments})"), "{}");
    }
    check(
        "States.ArrayRange(States.MathAdd($.base, 1), States.MathAdd($.base, 5), 2)",
        "{\"base\":0}",
        "[1,3,5]",
    );
}

#[test]
fn array_unique() {
    for (array, unique) in [
        ("[]", "[]"),
        ("[1,2,3,3,3,4]", "[1,2,3,4]"),
        ("[1,2,2,3,3,4]", "[1,2,3,4]"),
        ("[\"a\",\"b\",\"a\",\"c\",\"b\"]", "[\"a\",\"b\",\"c\"]"),
        ("[null,null,1,null]", "[null,1]"),
        ("[1,\"1\",1,\"01\"]", "[1,\"1\",\"01\"]"),
        ("[{\"a\":1},{\"a\":1}]", "[{\"a\":1}]"),
        ("[{\"a\":1,\"b\":2},{\"b\":2,\"a\":1}]", "[{\"a\":1,\"b\":2}]"),
        ("[1,1.0]", "[1.0,1]"),
        // The order is that of a `HashSet`.
        ("[true,false,true,false]", "[false,true]"),
        ("[[1,2],[1,2],[2,1]]", "[[2,1],[1,2]]"),
        ("[4,3,2,1]", "[1,2,3,4]"),
        ("[17,1,16,0]", "[16,0,17,1]"),
        ("[0,-1,5]", "[0,-1,5]"),
        ("[\"b\",\"a\"]", "[\"a\",\"b\"]"),
        ("[\"Hello\",\"World\",\"x\"]", "[\"Hello\",\"x\",\"World\"]"),
        ("[{},[],0,\"\",null]", "[{},0,\"\",null,[]]"),
        ("[2147483648,-2147483649]", "[2147483648,-2147483649]"),
    ] {
        check("States.ArrayUnique($)", array, unique);
    }
    let twenty = "[null,null,true,true,false,false,1,1,1.1,0,0,\"HelloWorld\",\"HelloWorld\",[],\
        [],[null],[null],{\"a\":1,\"b\":2},{\"a\":1,\"b\":2},{\"a\":1,\"b\":1}]";
    check("States.ArrayLength(States.ArrayUnique($))", twenty, "11");
    check("States.ArrayLength(States.ArrayUnique(States.ArrayRange(1, 1000, 1)))", "{}", "1000");
    refuse("States.ArrayUnique('not-array')", "{}");
    refuse("States.ArrayUnique($)", "{\"a\":1}");
    refuse("States.ArrayUnique()", "{}");
    refuse("States.ArrayUnique($, $)", "[1]");
}

#[test]
fn base64() {
    for (text, code) in [
        ("", ""),
        ("hello", "aGVsbG8="),
        (" ", "IA=="),
        ("Data to encode", "RGF0YSB0byBlbmNvZGU="),
        ("✓", "4pyT"),
        ("こんにちは", "44GT44KT44Gr44Gh44Gv"),
        ("🚀", "8J+agA=="),
        ("line1\nline2", "bGluZTEKbGluZTI="),
        ("abc\u{0}def", "YWJjAGRlZg=="),
    ] {
        let (text, code) = (json::Value::from(text).to_string(), format!("\"{code}\""));
        check("States.Base64Encode($)", &text, &code);
        check("States.Base64Decode($)", &code, &text);
    }
    for (code, text) in [
        ("!!!aGVs!bG8=!!!", "hello"),
        (" YWJjZA== ", "abcd"),
        ("YWJj\\nZA==", "abcd"),
        ("YWJjZA", "abcd"),
        ("abc", "i\u{FFFD}"),
        ("YW==cd", "a"),
        ("4pyT_-8", "✓\u{FFFD}\u{FFFD}"),
        ("a", ""),
        ("====", ""),
        ("/w==", "\u{FFFD}"),
    ] {
        check("States.Base64Decode($)", &format!("\"{code}\""), &format!("\"{text}\""));
    }
    let longest = format!("\"{}\"", "a".repeat(10_000));
    let too_long = format!("\"{}\"", "a".repeat(10_001));
    for function in ["States.Base64Encode", "States.Base64Decode"] {
        let call = |arguments: &str| format!("{function}({arguments})");
        assert!(evaluate(&call("$"), &longest).is_ok());
        // Counted in UTF-16 units.
        assert!(evaluate(&call("$"), &format!("\"{}\"", "😀".repeat(5_000))).is_ok());
        refuse(&call("$"), &format!("\"{}\"", "😀".repeat(5_001)));
        refuse(&call("$"), &too_long);
        for input in ["123", "{}", "[\"x\"]", "null", "true"] {
            refuse(&call("$"), input);
        }
        refuse(&call(""), "{}");
        refuse(&call("'a', 'b'"), "{}");
    }
    check("States.Base64Decode(States.Base64Encode($))", "\"hello\"", "\"hello\"");
}

#[test]
fn hash() {
    for (data, algorithm, digest) in [
        ("\"hello\"", "MD5", "5d41402abc4b2a76b9719d911017c592"),
        ("\"hello\"", "SHA-1", "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d"),
        (
            "\"hello\"",
            "SHA-256",
            "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
        ),
        ("\"input data\"", "MD5", "812f45842bc6d66ee14572ce20db8e86"),
        ("\"input data\"", "SHA-1", "aaff4a450a104cd177d28d18d74485e8cae074b7"),
        (
            "\"input data\"",
            "SHA-256",
            "b4a697a057313163aee33cd8d40c66e9f0f177e00cac2de32475ffff6169c3e3",
        ),
        (
            "\"input data\"",
            "SHA-384",
            "d28a7d5cf25a74f11a50a18452b75e04bb3d70c9dd0510d6123aa008c7\
            56511b87525bdc835ebb27e1fb9e9374a15562",
        ),
        (
            "\"input data\"",
            "SHA-512",
            "6ce4adb348546d4f449c4d25aad9a7c9cb711d9e91982d3f0b29ca2f3f\
            47d4ce2deba23bf2954f0f1d593fc50283731a533d30d425402d4f91316d871303aac4",
        ),
        ("\"\"", "SHA-256", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("\"✓\"", "SHA-256", "1dabba21cdad44541f6b15796f8d22978fc7ea10c46aeceeeeb66c23b3ac7604"),
        ("\"🚀\"", "SHA-256", "ebbc0b2870eb323f2b6cffa5c493ceef81ae7eb36afc73d4e0367301631daec5"),
        ("\"abc\\u0000def\"", "MD5", "a5e4d5963ae44c1f4bfb37b1a3d55a3c"),
    ] {
        let input = format!("{{\"d\":{data},\"a\":\"{algorithm}\"}}");
        check("States.Hash($.d, $.a)", &input, &format!("\"{digest}\""));
        check(&format!("States.Hash($.d, '{algorithm}')"), &input, &format!("\"{digest}\""));
    }
    // Other values by their JSON text.
    for value in ["123", "null", "{\"a\":[1]}", "[]"] {
        let of_text = evaluate("States.Hash(States.JsonToString($), 'MD5')", value);
        assert_eq!(evaluate("States.Hash($, 'MD5')", value), of_text);
        assert!(of_text.is_ok());
    }
    assert!(evaluate("States.Hash($, 'MD5')", &format!("\"{}\"", "a".repeat(10_000))).is_ok());
    refuse("States.Hash($, 'MD5')", &format!("\"{}\"", "a".repeat(10_001)));
    for algorithm in ["'md5'", "'sha-256'", "'SHA256'", "'SHA-257'", "'MD-5'", "''", "123", "null"]
    {
        refuse(&format!("States.Hash('data', {algorithm})"), "{}");
    }
    refuse("States.Hash()", "{}");
    refuse("States.Hash('hello')", "{}");
    refuse("States.Hash('hello', 'SHA-256', 'extra')", "{}");
}

#[test]
fn json_merge() {
    let call = "States.JsonMerge($.a, $.b, false)";
    for (left, right, merged) in [
        ("{\"x\":1}", "{\"y\":2}", "{\"x\":1,\"y\":2}"),
        ("{\"x\":1,\"y\":2}", "{\"y\":3,\"z\":4}", "{\"x\":1,\"y\":3,\"z\":4}"),
        ("{}", "{\"x\":1}", "{\"x\":1}"),
        ("{\"x\":1}", "{}", "{\"x\":1}"),
        ("{\"n\":{\"a1\":1}}", "{\"n\":{\"a3\":3}}", "{\"n\":{\"a3\":3}}"),
        ("{\"l\":[1,2]}", "{\"l\":[3]}", "{\"l\":[3]}"),
        ("{\"n\":{\"l\":true},\"k\":1}", "{\"n\":null}", "{\"n\":null,\"k\":1}"),
        (
            "{\"a\":{\"a1\":1,\"a2\":2},\"b\":2,\"d\":3}",
            "{\"a\":{\"a3\":1,\"a4\":2},\"c\":3,\"d\":4}",
            "{\"a\":{\"a3\":1,\"a4\":2},\"b\":2,\"d\":4,\"c\":3}",
        ),
    ] {
        check(call, &format!("{{\"a\":{left},\"b\":{right}}}"), merged);
    }
    let by_path = "States.JsonMerge($.a, $.b, $.deep)";
    check(by_path, "{\"a\":{},\"b\":{\"x\":1},\"deep\":false}", "{\"x\":1}");
    for deep in ["true", "\"false\"", "null", "0", "{}", "[]"] {
        refuse(by_path, &format!("{{\"a\":{{}},\"b\":{{}},\"deep\":{deep}}}"));
    }
    check(
        "States.JsonMerge(States.StringToJson('{\"c\": \"false\"}'), $.i, false)",
        "{\"i\":{\"d\":1}}",
        "{\"c\":\"false\",\"d\":1}",
    );
    refuse("States.JsonMerge($, $, true)", "{}");
    for (left, right) in [("null", "{}"), ("{}", "null"), ("[]", "{}"), ("{}", "\"x\"")] {
        refuse(call, &format!("{{\"a\":{left},\"b\":{right}}}"));
    }
    refuse("States.JsonMerge($, $)", "{}");
    refuse("States.JsonMerge($, $, false, 1)", "{}");
    refuse("States.JsonMerge()", "{}");
}

#[test]
fn math_add() {
    for (left, right, sum) in [
        ("-9", "3", "-6"),
        ("1.49", "1.5", "3"),
        ("1.5", "1.51", "4"),
        ("-1.49", "-1.5", "-2"),
        ("-1.5", "-1.51", "-3"),
        ("1.49", "0", "1"),
        ("1.49", "-1.49", "0"),
        ("1.5", "0", "2"),
        ("-1.5", "0", "-1"),
        ("-1.51", "0", "-2"),
        ("0.5", "0", "1"),
        ("2.5", "0", "3"),
        ("-0.5", "0.5", "1"),
        ("-0.5", "0", "0"),
        ("-2.5", "0", "-2"),
        ("-3.5", "0", "-3"),
        ("1.6", "2.7", "5"),
        ("0.1", "0.2", "0"),
        ("0.49999999999999994", "0", "0"),
        ("2147483647", "0", "2147483647"),
        ("-2147483648", "0", "-2147483648"),
        ("2147483646", "1", "2147483647"),
        ("-2147483647", "-1", "-2147483648"),
        ("1e1", "1.0", "11"),
    ] {
        let input = format!("{{\"a\":{left},\"b\":{right}}}");
        check("States.MathAdd($.a, $.b)", &input, sum);
        check(&format!("States.MathAdd({left}, {right})"), "{}", sum);
    }
    check("States.MathAdd(States.MathAdd(States.MathAdd(44, 9), 6), $bias)", "{}", "63");
    for arguments in [
        "2147483647, 1",
        "-2147483648, -1",
        "3000000000, 1",
        "-3000000000, 1",
        "2147483647.5, 0",
        "'a', 1",
        "1, 'b'",
        "null, 1",
        "true, 1",
        "false, '2'",
        "'-1', 2",
        "1",
        "1, 2, 999",
        "",
        "$, 1",
        "99999999999999999999, 0",
    ] {
        refuse(&format!("States.MathAdd({arguments})"), "[1]");
    }
}

#[test]
fn math_random() {
    // Each answered by the live service, and by `new java.util.Random(seed)`.
    for (arguments, number) in [
        ("1, 100, 42", "63"),
        ("1, 1000, 1", "106"),
        ("1, 1000, 2", "806"),
        ("1, 10, -10", "1"),
        ("1, 10, 0", "7"),
        ("1, 10, 42", "9"),
        ("1, 5, 42", "3"),
        ("-5, 5, 42", "-5"),
        ("2147483640, 2147483647, 1", "2147483644"),
    ] {
        check(&format!("States.MathRandom({arguments})"), "{}", number);
    }
    check("States.MathRandom(1.9, 10.9, 42.9)", "{}", "9");
    check(
        "States.MathRandom(States.MathAdd($.b, 1), States.MathAdd($.b, 5), 42)",
        "{\"b\":0}",
        "3",
    );
    let input = json::Value::Null;
    let (context, variables) = (json::Value::Null, json::Object::new());
    let scope =
        Scope { input: &input, context: &context, variables: &variables, visits: &Cell::default() };
    let mut random = ChaCha8Rng::seed_from_u64(7);
    for (arguments, range) in [
        ("1.6, 5.4", 1..5),
        ("-99999, -9999", -99_999..-9_999),
        ("12.5, 44.51", 12..44),
        ("-2147483648, 2147483647", -2_147_483_648..2_147_483_647),
        ("0, 1", 0..1),
    ] {
        let call = Intrinsic::parse(&format!("States.MathRandom({arguments})")).unwrap();
        let mut draw = || call.evaluate(&scope, &mut random).unwrap().as_i64().unwrap();
        let draws: std::collections::BTreeSet<i64> = (0..200).map(|_| draw()).collect();
        assert!(draws.iter().all(|number| range.contains(number)), "{arguments}: {draws:?}");
        let few = usize::try_from(range.end - range.start).map_or(usize::MAX, |length| length);
        assert!(draws.len() >= few.min(30), "{arguments}: {draws:?}");
    }
    for arguments in [
        "1, 1",
        "10, 5",
        "1.4, 1.6",
        "1.49, 1.49",
        "'a', 10",
        "1, 'b'",
        "1, 10, 'seed'",
        "1, 10, null",
        "null, 10",
        "1",
        "1, 10, 5, 99",
        "",
        "0, 3000000000",
    ] {
        refuse(&format!("States.MathRandom({arguments})"), "{}");
    }
}

#[test]
fn string_split() {
    for (text, delimiters, tokens) in [
        ("a,b,c", ",", "[\"a\",\"b\",\"c\"]"),
        ("1+2,3.4", ".+,", "[\"1\",\"2\",\"3\",\"4\"]"),
        ("a,,b", ",", "[\"a\",\"b\"]"),
        (",a,b,", ",", "[\"a\",\"b\"]"),
        (",", ",", "[]"),
        ("", ",", "[]"),
        ("", "", "[]"),
        ("abc", "", "[\"abc\"]"),
        ("a.b|c", ".|", "[\"a\",\"b\",\"c\"]"),
        ("1a2b3ab4", "ab", "[\"1\",\"2\",\"3\",\"4\"]"),
        ("null,, ,-1", ",", "[\"null\",\" \",\"-1\"]"),
        ("añb€c", "ñ€", "[\"a\",\"b\",\"c\"]"),
    ] {
        let input = json::Value::from(vec![text.into(), delimiters.into()]).to_string();
        check("States.StringSplit($[0], $[1])", &input, tokens);
    }
    check("States.StringSplit($$.Execution.Input.csv, ',')", "{}", "[\"x\",\"y\",\"z\"]");
    check(
        "States.StringSplit($, ',')",
        "\"Value1,Value2,Value3\\nValue4,Value5,Value6\\n,,,\\ntrue,1,'HelloWorld'\\nNull,None,\\n   \\n\"",
        "[\"Value1\",\"Value2\",\"Value3\\nValue4\",\"Value5\",\"Value6\\n\",\"\\ntrue\",\"1\",\
        \"'HelloWorld'\\nNull\",\"None\",\"\\n   \\n\"]",
    );
    for input in [
        "[123,\",\"]",
        "[\"a\",1]",
        "[null,\",\"]",
        "[\"a\",null]",
        "[false,\",\"]",
        "[\"a,b\",[\",\"]]",
    ] {
        refuse("States.StringSplit($[0], $[1])", input);
    }
    refuse("States.StringSplit()", "{}");
    refuse("States.StringSplit('a')", "{}");
    refuse("States.StringSplit('a', ',', 'x')", "{}");
}

#[test]
fn uuid() {
    let one = evaluate("States.UUID()", "{}").expect("it needs nothing");
    let shape: String =
        one.chars().map(|digit| if digit.is_ascii_hexdigit() { 'x' } else { digit }).collect();
    assert_eq!(shape, "\"xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx\"");
    assert_eq!(&one[15..16], "4");
    assert!("89ab".contains(&one[20..21]));
    let pair = evaluate("States.Array(States.UUID(), States.UUID())", "{}").expect("nor do two");
    let pair = json::parse(&pair).unwrap();
    assert_ne!(pair.as_array().unwrap()[0], pair.as_array().unwrap()[1]);
    refuse("States.UUID(1)", "{}");
}

#[test]
fn an_argument_without_a_value_is_named() {
    let check = |call: &str, path: &str, reason: &str| {
        let expected = EvaluationError::NoResult { path: path.into(), reason: reason.into() };
        assert_eq!(evaluate(call, "{\"a\":1}"), Err(expected), "{call}");
    };
    check("States.StringToJson($.missing)", "$.missing", "No results for path: $['missing']");
    check("States.Format('{}', $.b.c)", "$.b.c", "Missing property in path $['b']");
    check("States.Array(1, States.Array($.a, $$.no ))", "$$.no", "No results for path: $['no']");
    check("States.Array($nope.x)", "$nope.x", "No results for path: $nope");
    check("States.Array($.x[0] , 1)", "$.x[0]", "Missing property in path $['x']");
}

#[test]
fn the_outermost_call_is_named() {
    let call = "States.Array(1, States.ArrayLength(States.UUID()))";
    refuse_with(call, "{}", "Invalid arguments in States.ArrayLength");
}

#[test]
fn needs_are_known_from_the_text() {
    let needs = Intrinsic::parse("States.Array($.a, $$.b, States.Format('{}{}', $x, $y.z), $x)")
        .unwrap()
        .needs();
    assert!(needs.context);
    assert_eq!(needs.variables, ["x".into(), "y".into()]);
    let needs = Intrinsic::parse("States.Array($.a, '$$.b')").unwrap().needs();
    assert!(!needs.context && needs.variables.is_empty());
}

#[test]
fn what_is_no_call_is_refused() {
    for (call, offset) in [
        ("", 0),
        ("x", 0),
        ("States", 0),
        ("States.", 0),
        ("States.Array", 12),
        ("States.Array(", 13),
        ("States.Array($.a", 16),
        ("States.Array($.a,", 17),
        ("States.Array($.a, )", 18),
        ("States.Array(,)", 13),
        ("States.Array($.a) trailing", 18),
        ("States.Array($.a))", 17),
        ("States.Array($.a $.b)", 17),
        ("States.Array ($.a)", 12),
        ("States.Array([1,2])", 13),
        ("States.Array({})", 13),
        ("States.Array(1.)", 13),
        ("States.Array(.5)", 13),
        ("States.Array(01)", 13),
        ("States.Array(+1)", 13),
        ("States.Array(undefined)", 13),
        ("States.Array(True)", 13),
        ("States.Array(\"x\")", 13),
        ("States.Array('x)", 13),
        ("States.Array(x.y)", 13),
        ("States.Array(@.a)", 13),
        ("States.Array($.)", 15),
        ("States.NoSuchIntrinsic($.value)", 0),
        ("states.Array()", 0),
        ("States.array()", 0),
        ("Array()", 0),
        ("States.Array(States.Nope())", 13),
        ("States.Format('He said, \\\"Hello\\\"')", 24),
        ("States.Base64Decode('YWJj\\nZA==')", 25),
        ("States.Array('\\u0041')", 14),
        ("States.Array('\\", 14),
        ("$.a", 0),
    ] {
        let error = Intrinsic::parse(call).expect_err(call);
        assert_eq!(error.offset, offset, "{call}: {}", error.message);
        assert!(!error.message.is_empty());
    }
    let error = Intrinsic::parse("States.NoSuchIntrinsic($.value)").unwrap_err();
    assert_eq!(error.message, "'States.NoSuchIntrinsic' is no intrinsic function");
    let eleven = format!("{}1{}", "States.Array(".repeat(11), ")".repeat(11));
    assert!(Intrinsic::parse(&eleven).is_err());
    assert!(Intrinsic::parse(&"States.Array(".repeat(100_000)).is_err());
}

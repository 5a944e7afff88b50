//! What the reference implementation (jsonata-js 2.0.6) answers where it is easy to answer
//! something else. Found by holding random expressions against it (`fuzz/src/differential`).

mod cases;

use cases::{check_all, check_all_as};
use stairwell_jsonata::Options;

const DOCUMENT: &str = r#"{
    "one": [7], "none": [], "n": 7,
    "orders": [{"id": "o1", "n": 2}, {"id": "o2", "n": 5}]
}"#;

#[test]
fn the_first_step_binds_an_index_or_an_item() {
    check_all(
        DOCUMENT,
        &[
            (
                "($o := orders; $o#$i.{'n': $i, 'id': id})",
                r#"[{"n":0,"id":"o1"},{"n":1,"id":"o2"}]"#,
            ),
            ("($o := orders; $o@$v.($v.id & $string($count($v))))", r#"["o11","o21"]"#),
            ("{'a': 1, 'b': [5]#$i}", r#"{"a":1,"b":5}"#),
            ("[5, 6]#$i", "[5,6]"),
            ("(orders)#$i.{'n': $i}", r#"[{"n":0},{"n":1}]"#),
            ("$append(orders, [])#$i.{'n': $i}", r#"[{"n":0},{"n":1}]"#),
            ("{'x': 4}#$i.{'n': $i, 'x': x}", r#"{"n":0,"x":4}"#),
            // An array constructor before other steps is evaluated once, and binds nothing.
            ("[1, 2]#$i.{'i': $i}", "[{},{}]"),
        ],
    );
}

#[test]
fn an_array_constructor_begins_a_path() {
    check_all(
        DOCUMENT,
        &[
            ("[].name", "[]"),
            ("[nope].name", "[]"),
            ("[].*[]", "[[]]"),
            ("[1..3][-1].[nope]", "undefined"),
            ("[1..3][-1].nope", "undefined"),
            ("['ab'][0].$", r#"["a","b"]"#),
            ("none.name", "undefined"),
        ],
    );
}

#[test]
fn an_order_of_one_item_is_that_item() {
    check_all(
        DOCUMENT,
        &[
            ("one^($)", "7"),
            ("one^(>$)", "7"),
            ("(one)^($)", "7"),
            ("[7]^($)", "7"),
            ("[one^($)]", "[7]"),
            ("one^($)[0]", "7"),
            ("one[]^($)", "[7]"),
            ("none^($)", "undefined"),
            ("[2, 1]^($)", "[1,2]"),
        ],
    );
}

#[test]
fn integers_keep_their_digits() {
    check_all(
        DOCUMENT,
        &[
            ("$string(5890840712243076)", r#""5890840712243076""#),
            ("'' & 9007199254740991", r#""9007199254740991""#),
            ("$string([5890840712243076, 0.1 + 0.2])", r#""[5890840712243076,0.3]""#),
            ("$string(1e20)", r#""100000000000000000000""#),
            ("$string(1e21)", r#""1e+21""#),
            ("$string(-5890840712243076)", r#""-5890840712243076""#),
            ("$string(1/3)", r#""0.333333333333333""#),
        ],
    );
}

#[test]
fn there_is_no_negative_zero() {
    check_all(
        DOCUMENT,
        &[
            ("-0", "0"),
            ("[-0.0, 0 * -1, $round(-0.4), $number('-0')]", "[0,0,0,0]"),
            ("$string(-0)", r#""0""#),
        ],
    );
    check_all_as(
        &Options::STEP_FUNCTIONS,
        DOCUMENT,
        &[("$parse('-0')", "0"), ("$parse('[-0, {\"a\": -0}]')", r#"[0,{"a":0}]"#)],
    );
}

#[test]
fn what_is_no_number_is_told_as_text() {
    check_all(
        DOCUMENT,
        &[
            ("1/0", r#""Infinity""#),
            ("{'a': [-1/0]}", r#"{"a":["-Infinity"]}"#),
            ("$parseInteger('abc', '0')", r#""NaN""#),
            ("$parseInteger('12abc', '0')", "12"),
            ("$parseInteger('iv', 'I')", r#""NaN""#),
            ("$parseInteger('one hundred and one', 'w')", "101"),
            ("$round(3, -2.5)", r#""NaN""#),
            ("$round(0.1, 400)", r#""NaN""#),
            ("$round(0, 1e21)", r#""NaN""#),
            ("$abs($parseInteger('abc', '0'))", r#""NaN""#),
            ("$formatNumber($parseInteger('abc', '0'), '0')", r#""-NaN""#),
        ],
    );
}

#[test]
fn times_by_odd_pictures_and_zones() {
    check_all(
        DOCUMENT,
        &[
            ("$toMillis('20', '[Y,2-2]')", "-1577923200000"),
            ("$toMillis('99-01-05', '[Y,2-2]-[M01]-[D01]')", "915494400000"),
            ("$toMillis('2018-04-31', '[Y,2-2]-[M01]-[D01]')", "undefined"),
            ("$toMillis('2020-02-30')", "1583020800000"),
            ("$fromMillis(0, '[H01]:[m01]', 'Z')", r#""NaN:NaN""#),
            ("$fromMillis(0, '[H01]:[m01][Z]', '-0530')", r#""17:30-06:30""#),
            ("$fromMillis(0, '[H01]:[m01][Z]', '+0530')", r#""05:30+05:30""#),
        ],
    );
}

#[test]
fn patterns_look_around_and_refer_back() {
    check_all(
        DOCUMENT,
        &[
            ("$contains('ab2', /b(?=2)/)", "true"),
            ("$contains('ab', /b(?=2)/)", "false"),
            ("$contains('ab', /(?<!a)b/)", "false"),
            ("$replace('foobar foobaz', /(?<=foo)ba[rz]\\b/, 'x')", r#""foox foox""#),
            ("$match('a11b', /(\\d)\\1/).match", r#""11""#),
            ("$match('aXbx', /(?<q>x).*\\k<q>/i).match", r#""Xbx""#),
            ("$match('a\\u0001', /a\\1/).index", "0"),
            ("$replace('sſSkK', /[sk]/i, 'x')", r#""xſxxx""#),
            ("$replace('sſSéÉ', /[^sé]/i, 'x')", r#""sxSéÉ""#),
            ("$contains('ſ', /s/i)", "false"),
            ("$contains('É', /é/i)", "true"),
        ],
    );
}

#[test]
fn what_is_nothing_counts_for_no_group() {
    check_all(
        "{\"b\": [1, {\"c\": \"x\"}]}",
        &[("b.c[[0..1]]{'k': $}", r#"{"k":"x"}"#), ("b.c{'k': $}", r#"{"k":"x"}"#)],
    );
}

#[test]
fn separators_stand_where_the_reference_implementation_puts_them() {
    check_all(
        DOCUMENT,
        &[
            ("$formatNumber(99, '#,#,#0')", r#""9,9,""#),
            ("$formatNumber(9, '#,#,#0')", r#"",,9""#),
            ("$formatNumber(999, '#,#,#0')", r#"",9,99""#),
            ("$formatNumber(12345, '#,#,#0')", r#""12,3,45""#),
            ("$formatNumber(12345, '#,##0.00')", r#""12,345.00""#),
        ],
    );
}

#[test]
fn parts_of_milliseconds_are_cut_in_the_zone_of_the_picture() {
    check_all(
        DOCUMENT,
        &[("$fromMillis(1.5, '[f]', '-0500')", r#""2""#), ("$fromMillis(1.5, '[f]')", r#""1""#)],
    );
}

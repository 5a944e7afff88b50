//! Expressions that try to hang, to take all memory or to overflow the stack. Each ends with a
//! value or an error, on a thread with 2 MiB of stack.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use stairwell_jsonata::{Bindings, Environment, Expression, Limits, Options};

const STACK_BYTES: usize = 2 << 20;

/// Evaluates with limits that are reached soon, so that the tests are quick.
fn outcome(expression: &str) -> String {
    let limits = Limits { steps_max: 1_000_000, allocated_bytes_max: 64 << 20, ..Limits::DEFAULT };
    outcome_within(expression, limits)
}

fn outcome_within(expression: &str, limits: Limits) -> String {
    let expression = expression.to_owned();
    let work = move || {
        let parsed = match Expression::parse_with(&expression, &Options::JSONATA) {
            Ok(parsed) => parsed,
            Err(error) => return error.code.to_owned(),
        };
        let mut random = ChaCha8Rng::seed_from_u64(7);
        let mut environment =
            Environment { now_milliseconds: 0, random: &mut random, limits: &limits, steps: 0 };
        match parsed.evaluate(&Bindings::NONE, &mut environment) {
            Ok(Some(value)) => value.to_string(),
            Ok(None) => "undefined".to_owned(),
            Err(error) => error.code.to_owned(),
        }
    };
    let thread = std::thread::Builder::new().stack_size(STACK_BYTES);
    let handle = thread.spawn(work).expect("a thread can be started");
    handle.join().expect("no panic")
}

#[track_caller]
fn check(expression: &str, expected: &str) {
    assert_eq!(outcome(expression), expected, "{expression:.200}");
}

#[test]
fn endless_recursion_ends() {
    check("($f := function($n) { 1 + $f($n) }; $f(1))", "U1001");
    check("($f := function($n) { $f($n) }; $f(1))", "U1001");
    check("($f := function($n) { $n ~> $f }; $f(1))", "U1001");
    check("($f := function($n) { $n.$f($n) }; $f(1))", "U1001");
    check("($f := function($n) { [$f($n)] }; $f(1))", "U1001");
    check("($f := function($n) { {'a': $f($n)} }; $f(1))", "U1001");
    check("($f := function($n) { $map([$n], $f) }; $f(1))", "U1001");
    check("($f := function($n) { $sort([$n, 2], $f) }; $f(1))", "U1001");
    check("($f := function($n) { [1][$f($n)] }; $f(1))", "U1001");
    check("($f := function($n) { [2, 1]^($f($n)) }; $f(1))", "U1001");
    check("($f := function($n) { $n ~> |$|{'a': $f($n)}| }; $f({}))", "U1001");
    check("($f := function($n) { $replace('a', /a/, $f) }; $f(1))", "U1001");
    check("($f := function($n) { ($g := $f; $g($n); 1) }; $f(1))", "U1001");
    check("$eval('$eval(\"$eval($)\", $)', '$eval($)')", "D3121");
    check("($f := $eval; $e := '$eval($, $)'; $eval($e, $e))", "D3121");
    check("($y := function($g) { $g($g) }; $y($y))", "U1001");
    check("($a := function() { $b() }; $b := function() { 1 + $a() }; $a())", "U1001");
}

#[test]
fn endless_loops_end() {
    check(
        "$reduce([1..100000], function($a, $x) { $reduce([1..100000], function($b, $y) { $y }) })",
        "U1001",
    );
    check("[1..1000].[1..1000].[1..1000]", "U1001");
    check("$map([1..1000], function($x) { $map([1..1000], function($y) { [1..1000] }) })", "U1001");
    check("[1..100000][$ in [1..100000]]", "U1001");
    check("[1..100000].$distinct([1..1000])", "U1001");
    check("$sort([1..100000], function($a, $b) { true })", "U1001");
    check("$distinct([1..20000].{'a': $})", "U1001");
}

#[test]
fn long_texts_are_refused() {
    check("$pad('', 1e10)", "D2015");
    check("$pad('', -1e300)", "D2015");
    check("$pad('a', 1e9, 'abc')", "D2015");
    check("$length($pad('', 100000))", "100000");
    check("$join([1..100000].$pad('', 1000))", "U1001");
    check("$length($join([1..1000].$pad('', 10000)))", "D2015");
    check("$replace($pad('', 100000, 'a'), 'a', $pad('', 100000))", "D2015");
    check("$replace($pad('', 100000, 'a'), /a/, $pad('', 100000))", "D2015");
    check("$replace($pad('', 10000, 'a'), /a/, function($m) { $pad('', 100000) })", "D2015");
    check("$reduce([1..100], function($s, $x) { $s & $s }, 'x')", "D2015");
    check("$string($reduce([1..60], function($s, $x) { {'a': $s, 'b': $s} }, 'x'))", "U1001");
    check("$formatInteger(1e18, 'I')", "D2015");
    check("$length($formatNumber(1, $pad('0.', 1000, '0')))", "1000");
    check("$length($formatNumber(1, $pad('0.', 100000, '0')))", "U1001");
    check("$formatInteger(1, $pad('0', 100000, '0,.'))", "U1001");
    check("$replace($pad('', 5000000, 'x'), /x+/, $pad('', 5000000, '$0'))", "U1001");
    check("$replace($pad('', 5000, 'x'), /x+/, $pad('', 5000, '$0'))", "D2015");
    check("$length($formatInteger(1, $pad('0', 1000, '0')))", "1000");
    check("$length($fromMillis(0, $join([1..10000].('[Y0000000000]'))))", "100000");
    check("$encodeUrlComponent($pad('', 3000000, '€'))", "D2015");
    check("$length($base64encode($pad('', 300000, 'x')))", "400000");
}

#[test]
fn large_results_are_refused() {
    check("$reduce([1..60], function($s, $x) { [$s, $s] }, 'x')", "D2015");
    check("$reduce([1..60], function($s, $x) { {'a': $s, 'b': $s} }, 'x')", "U1001");
    check("$reduce([1..30], function($s, $x) { $append($s, $s) }, [1])", "D2015");
    check("[1..1e9]", "D2014");
    check("[1..5000000]", "D2015");
    check("$count([1..900000])", "900000");
    check("$spread([1..100000].{'a': 1})[0]", r#"{"a":1}"#);
    check("$zip([1..100000], [1..100000], [1..100000])[99999]", "[100000,100000,100000]");
    check(
        "($f := function($n, $l) { $n = 0 ? $l : $f($n - 1, $append($l, $l)) }; $f(50, [1]))",
        "D2015",
    );
}

#[test]
fn comparing_what_is_shared_ends() {
    let shared = "$reduce([1..60], function($s, $x) { [[$s], [$s]] }, '')";
    check(&format!("{shared} = {shared}"), "U1001");
    check(&format!("$distinct([{shared}, {shared}])"), "U1001");
    check(&format!("$boolean({shared})"), "U1001");
    check(&format!("$count({shared}.**)"), "U1001");
    check(&format!("$keys({shared})"), "U1001");
    check(&format!("{shared}.a"), "U1001");
    check(&format!("{shared} ~> |**|{{'a': 1}}|"), "U1001");
}

#[test]
fn deep_values_are_refused_and_dropped() {
    let deep = "$reduce([1..20000], function($s, $x) { [[$s]] }, 1)";
    check(deep, "U1001");
    check(&format!("$string({deep})"), "U1001");
    check(&format!("{deep} = {deep}"), "U1001");
    check(&format!("$count({deep})"), "1");
    check(&format!("{deep}.a"), "U1001");
    check("$count($keys($reduce([1..20000], function($s, $x) { {'a': $s} }, 1)))", "1");
    check("$type($reduce([1..20000], function($s, $x) { function() { $s } }, 1))", "\"function\"");
    let chain = |link: &str, end: &str| {
        format!(
            "($f := function($g, $n) {{ $n = 0 ? $g : $f({link}, $n - 1) }};
              $chain := $f($string, 20000); {end})"
        )
    };
    check(&chain("$g ~> $string", "$type($chain)"), "\"function\"");
    check(&chain("$g ~> $string", "$chain('x')"), "U1001");
    check(&chain("$g(?)", "$type($chain)"), "\"function\"");
    check(&chain("$g(?)", "$chain('x')"), "U1001");
    check(&chain("function($x) { $g($x) }", "$chain('x')"), "\"x\"");
    check(&chain("function($x) { $g($x) & '' }", "$chain('x')"), "U1001");
    check(
        "($f := function($g, $n) { $n = 0 ? 'end' : $f(function() { $g }, $n - 1) }; $f(1, 20000))",
        "\"end\"",
    );
}

#[test]
fn nested_texts_are_refused() {
    let nested = |open: &str, inner: &str, close: &str, depth: usize| {
        format!("{}{inner}{}", open.repeat(depth), close.repeat(depth))
    };
    for depth in [1_000, 100_000] {
        check(&nested("(", "1", ")", depth), "S0500");
        check(&nested("[", "1", "]", depth), "S0500");
        check(&nested("{'a':", "1", "}", depth), "S0500");
        check(&nested("-", "a", "", depth), "S0500");
        check(&nested("a[", "1", "]", depth), "S0500");
        check(&nested("$f(", "1", ")", depth), "S0500");
        check(&nested("function(){", "1", "}", depth), "S0500");
        check(&nested("|", "a", "|b|", depth), "S0500");
        check(&nested("1 ? ", "1", "", depth), "S0500");
        check(&nested("1 ? 1 : ", "1", "", depth), "S0500");
        check(&nested("$a := ", "1", "", depth), "S0500");
        check(&nested("a^(", "b", ")", depth), "S0500");
        check(&nested("1 + ", "1", "", depth), "S0500");
        check(&nested("1 ~> ", "$string", "", depth), "S0500");
    }
    check(&nested("(", "1", ")", 100), "1");
    check(&nested("[", "1", "]", 100).replace(['[', ']'], ""), "1");
    check(&nested("-", "1", "", 70), "1");
    check(&nested("1 ? ", "1", "", 70), "1");
    check(&nested("false ? 1 : ", "2", "", 70), "2");
    check(&nested("1 + ", "1", "", 500), "501");
    check(&nested("'a' & ", "'b'", "", 500).replace("'a' & ", "'' & "), "\"b\"");
    check(&nested("function(){", "1", "}", 70), "D1000");
    check(&nested("a.", "a", "", 10_000), "undefined");
    check(&nested("", "a", "[0]", 10_000), "undefined");
    check(&nested("(1;", "1", ")", 70), "1");
}

/// Nothing that the parser does takes time that grows with the square of the text.
#[test]
fn long_texts_are_parsed_soon() {
    let many = |count: usize, part: &dyn Fn(usize) -> String, separator: &str| {
        (0..count).map(part).collect::<Vec<_>>().join(separator)
    };
    check(&many(50_000, &|_| "a".to_owned(), "."), "undefined");
    check(&many(50_000, &|_| "%".to_owned(), "."), "S0500");
    check(&many(400, &|_| "a.b".to_owned(), ".%."), "undefined");
    check(&many(50_000, &|index| format!("$x{index}"), "."), "undefined");
    check(&format!("({})", many(50_000, &|index| format!("$x{index} := {index}"), ";")), "49999");
    check(&format!("[{}]", many(50_000, &|index| format!("$x{index}"), ",")), "[]");
    check(&format!("[{}]", many(50_000, &|index| format!("x{index}"), ",")), "[]");
    check(&format!("{{{}}}.x", many(30_000, &|index| format!("'x{index}':1"), ",")), "undefined");
    check(&format!("$f({})", many(50_000, &|index| format!("x{index}"), ",")), "S0500");
    check(&format!("function({}) {{ 1 }}", many(1_000, &|at| format!("$x{at}"), ",")), "S0500");
    check(&format!("function($a)<{}>{{ 1 }}", "n".repeat(1_000)), "S0500");
    check(&many(20_000, &|index| format!("a@$x{index}"), "."), "undefined");
    check(&format!("a@$x{}", "[$x]".repeat(20_000)), "undefined");
    check(&format!("a^({})", many(50_000, &|index| format!("x{index}"), ",")), "undefined");
    check(&format!("/{}/", "{".repeat(50_000)), "S0302");
    check(&format!("/{}/", "a".repeat(50_000)), "S0303");
    check(&format!("/{}/", "\\{".repeat(10_000)), "D1000");
    check(&format!("1{}", "/*x*/".repeat(50_000)), "1");
    check(&format!("{}1", "/*x*/".repeat(50_000)), "1");
    check(
        &format!("'{}'", "\\n".repeat(50_000)).replace('n', "/"),
        &format!("\"{}\"", "/".repeat(50_000)),
    );
    check(&"x".repeat(2 << 20), "S0500");
}

#[test]
fn regular_expressions_do_not_explode() {
    check("$contains($pad('', 5000, 'a'), /(a+)+b/)", "false");
    check("$contains($pad('', 5000, 'a'), /(a|a)*b/)", "false");
    check("$contains('a', /((a{100}){100}){100}/)", "S0303");
    check("$contains('a', /a{1,100000}/)", "S0303");
    check("$match($pad('', 100000, 'ab'), /a|b/)[99999].index", "99999");
    check("$count($split($pad('', 100000, 'ab'), /b/))", "50001");
    check("$contains($pad('', 100000, 'x'), /(x{1,500}y){1,20}/)", "U1001");
    check("$contains($pad('', 1000000, 'x'), /(x{1,100}y)/)", "U1001");
    check("$replace($pad('', 100, 'x'), /x*?/, '')", "D1004");
}

#[test]
fn numbers_at_the_edges_do_no_harm() {
    check("$substring('abc', -1e300, 1e300)", "\"abc\"");
    check("$substring('abc', 1e300)", "\"\"");
    check("$round(1.5, 1e9)", "\"NaN\"");
    check("$round(1.5, -1e9)", "0");
    check("$round(1.5, -1e300)", r#""NaN""#);
    check("$formatBase(1e300, 2) ~> $length()", "997");
    check("$fromMillis(1e300)", "D1001");
    check("$fromMillis(-8.64e15)", "\"-1821-04-20T00:00:00.000Z\"");
    check("[1,2,3][1e300]", "undefined");
    check("[1,2,3][-1e300]", "undefined");
    check("$split('a b', ' ', 1e300)", r#"["a","b"]"#);
    check("$power(10, 400)", "D3061");
    check("$toMillis('99999999999999999999', '[Y]')", "D1001");
    check("$formatInteger(1e300, 'w') ~> $length() > 100", "true");
    check("$formatNumber(1e300, '#,##0') ~> $length()", "401");
    check("$formatNumber(0, '0.0e0')", "\"0.0e0\"");
    check("$formatNumber(-5, '0.0e0')", "\"-5.0e0\"");
}

#[test]
fn a_limit_is_exact() {
    let items = |sequence_items_max| Limits { sequence_items_max, ..Limits::DEFAULT };
    assert_eq!(outcome_within("$count([1..10])", items(10)), "10");
    assert_eq!(outcome_within("$count([1..11])", items(10)), "D2015");
    let bytes = |value_bytes_max| Limits { value_bytes_max, ..Limits::DEFAULT };
    assert_eq!(outcome_within("$length('12345' & '67890')", bytes(10)), "10");
    assert_eq!(outcome_within("$length('12345' & '678901')", bytes(10)), "D2015");
    let depth = |depth_max| Limits { depth_max, ..Limits::DEFAULT };
    assert_eq!(outcome_within("((1))", depth(3)), "1");
    assert_eq!(outcome_within("((1))", depth(2)), "U1001");
    let steps = |steps_max| Limits { steps_max, ..Limits::DEFAULT };
    assert_eq!(outcome_within("1 + 1", steps(4)), "2");
    assert_eq!(outcome_within("1 + 1", steps(3)), "U1001");
}

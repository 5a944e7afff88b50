//! The language: paths, operators, constructors, functions, order, joins, transforms, syntax.

mod cases;

use cases::{check_all, check_all_as};
use stairwell_jsonata::Options;

const PEOPLE: &str = r#"{
    "First": "Fred", "Age": 28,
    "Address": {"Street": "Hursley Park", "City": "Winchester"},
    "Phone": [
        {"type": "home", "number": "1"}, {"type": "office", "number": "2"},
        {"type": "office", "number": "3"}, {"type": "mobile", "number": "4"}
    ],
    "Email": [
        {"type": "work", "address": ["a@x", "b@x"]},
        {"type": "home", "address": ["c@y"]}
    ],
    "Other": {"Over 18 ?": true, "Misc": null, "Alternative.Address": {"Street": "Brick Lane"}},
    "numbers": [3, 1, 2],
    "nested": [[1, 2], [3, [4, 5]], []],
    "one": [7],
    "none": [],
    "zero": 0
}"#;

#[test]
fn paths() {
    check_all(
        PEOPLE,
        &[
            ("First", r#""Fred""#),
            ("Address.City", r#""Winchester""#),
            ("Other.Misc", "null"),
            ("Other.Nothing", "undefined"),
            ("Nothing.at.all", "undefined"),
            ("First.length", "undefined"),
            ("Other.`Over 18 ?`", "true"),
            ("Other.'Over 18 ?'", "true"),
            ("Other.\"Alternative.Address\".Street", r#""Brick Lane""#),
            ("Phone.number", r#"["1","2","3","4"]"#),
            ("Phone[0].number", r#""1""#),
            ("Phone[-1].number", r#""4""#),
            ("Phone[-2].number", r#""3""#),
            ("Phone[8].number", "undefined"),
            ("Phone.number[0]", r#"["1","2","3","4"]"#),
            ("(Phone.number)[0]", r#""1""#),
            ("(Phone.number)[-1]", r#""4""#),
            ("Phone[[0..1]].number", r#"["1","2"]"#),
            ("Phone[[0, 0, 3]].number", r#"["1","1","4"]"#),
            ("Phone[1.9].number", r#""2""#),
            ("Email.address", r#"["a@x","b@x","c@y"]"#),
            ("Email.address[0]", r#"["a@x","c@y"]"#),
            ("Email[0].address", r#"["a@x","b@x"]"#),
            ("Email[1].address", r#"["c@y"]"#),
            ("Email[1].address[0]", r#""c@y""#),
            ("nested", "[[1,2],[3,[4,5]],[]]"),
            ("nested[0]", "[1,2]"),
            ("nested[1]", "[3,[4,5]]"),
            ("nested[1][1]", "[4,5]"),
            ("nested[0][0]", "1"),
            ("nested.$", "[1,2,3,[4,5]]"),
            ("one", "[7]"),
            ("one.$", "7"),
            ("none", "[]"),
            ("none.a", "undefined"),
            ("none.$", "undefined"),
            ("$.First", r#""Fred""#),
            ("$$.First", r#""Fred""#),
            ("Address.$$.First", r#""Fred""#),
            ("Address.(City)", r#""Winchester""#),
            ("Address.(Street & ', ' & City)", r#""Hursley Park, Winchester""#),
            ("Phone.(number & type)", r#"["1home","2office","3office","4mobile"]"#),
            ("Address.[Street, City]", r#"["Hursley Park","Winchester"]"#),
            ("Phone.[number]", r#"[["1"],["2"],["3"],["4"]]"#),
            ("Phone[0].[number]", r#"["1"]"#),
            ("Phone.[type, number][0]", r#"["home","office","office","mobile"]"#),
            ("[Address, Other].Street", r#""Hursley Park""#),
            ("[Address, Other.'Alternative.Address'].Street", r#"["Hursley Park","Brick Lane"]"#),
            ("[Address, Other.'Alternative.Address'].City", r#""Winchester""#),
            ("Phone.number.length", "undefined"),
            ("$.7", "S0213"),
            ("Address.true", "S0213"),
        ],
    );
    check_all(
        "[{\"a\": 1}, {\"a\": 2}]",
        &[
            ("$", r#"[{"a":1},{"a":2}]"#),
            ("$[0]", r#"{"a":1}"#),
            ("$[0].a", "1"),
            ("$.a", "[1,2]"),
            ("a", "[1,2]"),
            ("$$[1].a", "2"),
            ("$count($)", "2"),
            ("{'n': $count($)}", r#"{"n":2}"#),
            ("*", r#"[{"a":1},{"a":2}]"#),
            ("*.a", "[1,2]"),
        ],
    );
    check_all("5", &[("$", "5"), ("$ + 1", "6"), ("a", "undefined")]);
    check_all("", &[("$", "undefined"), ("a.b", "undefined"), ("1", "1"), ("null", "null")]);
}

#[test]
fn predicates() {
    check_all(
        PEOPLE,
        &[
            ("Phone[type='office'].number", r#"["2","3"]"#),
            ("Phone[type='mobile'].number", r#""4""#),
            ("Phone[type='mobile']", r#"{"type":"mobile","number":"4"}"#),
            ("Phone[type='fax'].number", "undefined"),
            ("Phone[type='office'][0].number", r#""2""#),
            ("Phone[type='office' and number='3'].number", r#""3""#),
            ("Phone[$number(number) > 2].number", r#"["3","4"]"#),
            ("Phone[number in ['1', '4']].type", r#"["home","mobile"]"#),
            ("Phone[type].number", r#"["1","2","3","4"]"#),
            ("Phone[missing].number", "undefined"),
            ("Phone[true][false]", "undefined"),
            ("numbers[$ > 1]", "[3,2]"),
            ("numbers[$ > 2]", "3"),
            ("numbers[$ = 2]", "2"),
            ("First[0]", r#""Fred""#),
            ("First[1]", "undefined"),
            ("Age[$ > 20]", "28"),
            ("$[Age > 20].First", r#""Fred""#),
            ("missing[0]", "undefined"),
            ("missing['a' + 1]", "T2001"),
            ("[1, 2, 3][[1, -1]]", "[2,3]"),
            ("[][0]", "undefined"),
        ],
    );
}

#[test]
fn sequences_and_arrays() {
    check_all(
        PEOPLE,
        &[
            (
                "Phone[]",
                r#"[{"type":"home","number":"1"},{"type":"office","number":"2"},{"type":"office","number":"3"},{"type":"mobile","number":"4"}]"#,
            ),
            ("Phone[type='mobile'][].number", r#"["4"]"#),
            ("Phone[][type='mobile'].number", r#"["4"]"#),
            ("Phone[type='mobile'].number[]", r#"["4"]"#),
            ("First[]", r#"["Fred"]"#),
            ("Address.City[]", r#"["Winchester"]"#),
            ("Address[].City", r#"["Winchester"]"#),
            ("missing[]", "undefined"),
            ("one[]", "[7]"),
            ("(Address.City)[]", r#""Winchester""#),
            ("[]", "[]"),
            ("[1]", "[1]"),
            ("[1, 2][0]", "1"),
            ("[[1]]", "[[1]]"),
            ("[numbers]", "[3,1,2]"),
            ("[numbers, 4]", "[3,1,2,4]"),
            ("[[numbers], 4]", "[[3,1,2],4]"),
            ("[missing]", "[]"),
            ("[null]", "[null]"),
            ("[First, missing, Age]", r#"["Fred",28]"#),
            ("[1..3]", "[1,2,3]"),
            ("[1..1]", "[1]"),
            ("[3..1]", "[]"),
            ("[-1..1]", "[-1,0,1]"),
            ("[1..3, 7..9]", "[1,2,3,7,8,9]"),
            ("[0..2].($ * $)", "[0,1,4]"),
            ("[1..$count(numbers)]", "[1,2,3]"),
            ("[1.5..3]", "T2003"),
            ("['a'..3]", "T2003"),
            ("[1..'b']", "T2004"),
            ("[1..missing]", "[]"),
            ("[1..10000001]", "D2014"),
            ("(1, 2)", "S0202"),
        ],
    );
}

#[test]
fn objects_and_groups() {
    check_all(
        PEOPLE,
        &[
            ("{}", "{}"),
            ("{'a': 1, 'b': {'c': [1]}}", r#"{"a":1,"b":{"c":[1]}}"#),
            ("{'a': missing, 'b': null}", r#"{"b":null}"#),
            ("{missing: 1}", "{}"),
            ("{First: Age}", r#"{"Fred":28}"#),
            ("{'a': 1, 'a': 2}", "D1009"),
            ("{1: 2}", "T1003"),
            ("{null: 2}", "T1003"),
            ("{First: 1, 'Fred': 2}", "D1009"),
            ("Phone{type: number}", r#"{"home":"1","office":["2","3"],"mobile":"4"}"#),
            ("Phone{type: number[]}", r#"{"home":["1"],"office":["2","3"],"mobile":["4"]}"#),
            ("Phone{type: $count($)}", r#"{"home":1,"office":2,"mobile":1}"#),
            ("Phone{type: $sum($.$number(number))}", r#"{"home":1,"office":5,"mobile":4}"#),
            (
                "Phone.{type: number}",
                r#"[{"home":"1"},{"office":"2"},{"office":"3"},{"mobile":"4"}]"#,
            ),
            ("Phone{number: 1, 'x': 2}", r#"{"1":1,"x":2,"2":1,"3":1,"4":1}"#),
            ("Phone{type: number, type & '': number}", "D1009"),
            ("missing{'a': 1}", r#"{"a":1}"#),
            ("missing{'a': b}", "{}"),
            ("Phone{type: number}.office", "{}"),
            ("Phone{type: number}{'a': 1}", "S0210"),
            ("$.Address{City: Street}", r#"{"Winchester":"Hursley Park"}"#),
            ("(Phone){type: number}.mobile", r#""4""#),
            ("{'a': {'b': 1}}.a.b", "1"),
            ("{'f': function($x) { $x + 1 }}.f(2)", "3"),
            ("{'Zahl': zero}", r#"{"Zahl":0}"#),
        ],
    );
}

#[test]
fn arithmetic() {
    check_all(
        PEOPLE,
        &[
            ("1 + 2 * 3", "7"),
            ("(1 + 2) * 3", "9"),
            ("10 - 2 - 3", "5"),
            ("7 / 2", "3.5"),
            ("6 / 2", "3"),
            ("7 % 3", "1"),
            ("-7 % 3", "-1"),
            ("7.5 % 2", "1.5"),
            ("-Age", "-28"),
            ("--1", "1"),
            ("- -1", "1"),
            ("3-1", "2"),
            ("2 * -3", "-6"),
            ("0.1 + 0.2", "0.30000000000000004"),
            ("1e3", "1000"),
            ("1.5e-7", "1.5e-7"),
            ("1e21", "1e+21"),
            ("123456789012345680000", "123456789012345680000"),
            ("9007199254740993", "9007199254740992"),
            ("-0", "0"),
            ("1 + missing", "undefined"),
            ("missing * 2", "undefined"),
            ("-missing", "undefined"),
            ("'1' + 1", "T2001"),
            ("1 - '1'", "T2002"),
            ("true + 1", "T2001"),
            ("1 * null", "T2002"),
            ("[1] + 1", "T2001"),
            ("-'a'", "D1002"),
            ("missing + 'a'", "T2002"),
            ("1 / 0", r#""Infinity""#),
            ("1 / 0 + 1", "D1001"),
            ("10e300 * 10e300 > 1", "true"),
            ("10e1000", "S0102"),
            ("5 % 0 + 1", "T2001"),
        ],
    );
}

#[test]
fn comparisons_and_logic() {
    check_all(
        PEOPLE,
        &[
            ("1 = 1", "true"),
            ("1 = 1.0", "true"),
            ("1 = '1'", "false"),
            ("1 != 2", "true"),
            ("'a' = 'a'", "true"),
            ("null = null", "true"),
            ("missing = missing", "false"),
            ("missing != 1", "false"),
            ("missing = null", "false"),
            ("[1, [2]] = [1, [2]]", "true"),
            ("[1, 2] = [2, 1]", "false"),
            ("{'a': 1, 'b': 2} = {'b': 2, 'a': 1}", "true"),
            ("{'a': 1} = {'a': 2}", "false"),
            ("{'a': 1} = {'a': 1, 'b': 2}", "false"),
            ("numbers = [3, 1, 2]", "true"),
            ("1 < 2", "true"),
            ("2 <= 2", "true"),
            ("'b' > 'a'", "true"),
            ("'a' >= 'b'", "false"),
            ("'B' < 'a'", "true"),
            ("missing < 1", "undefined"),
            ("1 > missing", "undefined"),
            ("1 < '2'", "T2009"),
            ("true < false", "T2010"),
            ("null < 1", "T2010"),
            ("1 < [2]", "T2010"),
            ("missing < true", "T2010"),
            ("true and true", "true"),
            ("true and false", "false"),
            ("false or true", "true"),
            ("missing or false", "false"),
            ("missing and true", "false"),
            ("1 and 'a'", "true"),
            ("0 or ''", "false"),
            ("[] or {}", "false"),
            ("[0, 0] or [[0], [1]]", "true"),
            ("null or [null]", "false"),
            ("false and $error('not evaluated')", "false"),
            ("true or $error('not evaluated')", "true"),
            ("true or false and false", "true"),
            ("(true or false) and false", "false"),
            ("1 in [1, 2]", "true"),
            ("3 in numbers", "true"),
            ("'x' in 'x'", "true"),
            ("1 in []", "false"),
            ("missing in [1]", "false"),
            ("1 in missing", "false"),
            ("'1' in [1]", "false"),
            ("1 + 1 = 2 and 2 * 2 = 4", "true"),
            ("and", "undefined"),
        ],
    );
    check_all(
        r#"{"and": 1, "or": 2, "in": 3, "null": 4}"#,
        &[
            ("and and and", "true"),
            ("and + or + in", "6"),
            ("`null`", "4"),
            ("$.in in [3]", "true"),
        ],
    );
}

#[test]
fn concatenation_and_literals() {
    check_all(
        PEOPLE,
        &[
            ("'a' & 'b' & 'c'", r#""abc""#),
            ("'a' & 1 & true & null", r#""a1truenull""#),
            ("'a' & missing", r#""a""#),
            ("missing & missing", r#""""#),
            ("'a' & [1, 2]", r#""a[1,2]""#),
            ("'a' & {'b': 1}", r#""a{\"b\":1}""#),
            ("'' & 1.50", r#""1.5""#),
            ("'' & 1e-7", r#""1e-7""#),
            ("'' & 1e21", r#""1e+21""#),
            ("'' & (1/3)", r#""0.333333333333333""#),
            ("'' & $sum", r#""""#),
            ("\"double \\\"quoted\\\"\"", r#""double \"quoted\"""#),
            ("'it is a \"quote\"'", r#""it is a \"quote\"""#),
            ("'\\u0041\\n\\t\\\\\\/'", r#""A\n\t\\/""#),
            ("'\\uD83D\\uDE02'", "\"😂\""),
            ("'ünïcödé'", "\"ünïcödé\""),
            ("'unterminated", "S0101"),
            ("\"unterminated'", "S0101"),
            ("'\\y'", "S0103"),
            ("'\\u12'", "S0104"),
            ("'\\u00zz'", "S0104"),
            ("`unterminated", "S0105"),
            ("/* a comment */ 1 /* another */", "1"),
            ("1 /* unclosed", "S0106"),
            ("/*/ 2 /*/ 1", "1"),
            ("true", "true"),
            ("false", "false"),
            ("null", "null"),
            ("1.", "S0207"),
            (".5", "S0211"),
            ("00", "S0201"),
        ],
    );
}

#[test]
fn conditions_and_blocks() {
    check_all(
        PEOPLE,
        &[
            ("true ? 1 : 2", "1"),
            ("false ? 1 : 2", "2"),
            ("false ? 1", "undefined"),
            ("missing ? 1 : 2", "2"),
            ("[] ? 1 : 2", "2"),
            ("'a' ? 1 : 2", "1"),
            ("Age > 18 ? 'adult' : 'child'", r#""adult""#),
            ("false ? 1 : false ? 2 : 3", "3"),
            ("true ? false ? 1 : 2 : 3", "2"),
            ("true ? 1 : $error('not evaluated')", "1"),
            ("()", "undefined"),
            ("(1; 2; 3)", "3"),
            ("(1; 2;)", "2"),
            ("((1))", "1"),
            ("missing ?: 5", "5"),
            ("0 ?: 5", "5"),
            ("Age ?: 5", "28"),
            ("missing ?? 5", "5"),
            ("0 ?? 5", "0"),
            ("null ?? 5", "null"),
            ("missing ?? other ?? 6", "6"),
        ],
    );
    check_all_as(
        &Options::STEP_FUNCTIONS,
        "",
        &[("missing ?: 5", "S0211"), ("missing ?? 5", "S0211"), ("true ? 'a' : 'b'", r#""a""#)],
    );
}

#[test]
fn variables() {
    check_all(
        PEOPLE,
        &[
            ("($x := 1; $x)", "1"),
            ("$x := 5", "5"),
            ("($x := $y := 2; $x + $y)", "4"),
            ("($x := 1; ($x := 2); $x)", "1"),
            ("($x := 1; ($y := $x; $x := 2; $y + $x))", "3"),
            ("($x := 1; ($x := $x + 1; $x) + $x)", "3"),
            ("$undefined", "undefined"),
            ("($x := missing; $x)", "undefined"),
            ("($x := 1; ($x := missing; $x))", "undefined"),
            ("(false ? $x := 1; $x)", "undefined"),
            ("($x := 1; [1..3].($x + $))", "[2,3,4]"),
            ("Phone.($n := number; $n & $n)", r#"["11","22","33","44"]"#),
            ("($f := Phone[0]; $f.number)", r#""1""#),
            ("($sum := 3; $sum)", "3"),
            ("($string := function($x) { 'mine' }; $string(1))", r#""mine""#),
            ("(1 := 2)", "S0212"),
            ("a := 2", "S0212"),
            ("($a := [1,2]; $a[0] := 3)", "S0212"),
            ("($a := 1; $b := function() { ($a := $a + 1; $a) }; $b() + $b() + $a)", "5"),
        ],
    );
}

#[test]
fn functions() {
    check_all(
        PEOPLE,
        &[
            ("(function($x) { $x * 2 })(3)", "6"),
            ("function($x) { $x * 2 }(3)", "6"),
            ("λ($x) { $x * 2 }(3)", "6"),
            ("($f := function($x, $y) { $x & $y }; $f('a', 'b'))", r#""ab""#),
            ("($f := function($x, $y) { $exists($y) }; $f(1))", "false"),
            ("($f := function($x) { $x }; $f(1, 2))", "1"),
            ("($f := function() { 5 }; $f())", "5"),
            ("($x := 1; $f := function() { $x }; $x := 2; $f())", "2"),
            ("($add := function($x) { function($y) { $x + $y } }; $add(1)(2))", "3"),
            (
                "($add := function($x) { function($y) { $x + $y } }; $one := $add(1); $ten := $add(10); $one(5) & $ten(5))",
                r#""615""#,
            ),
            (
                "($factorial := function($n) { $n <= 1 ? 1 : $n * $factorial($n - 1) }; $factorial(10))",
                "3628800",
            ),
            (
                "($even := function($n) { $n = 0 ? true : $odd($n - 1) }; $odd := function($n) { $n = 0 ? false : $even($n - 1) }; $even(1000))",
                "true",
            ),
            (
                "($count := function($n, $a) { $n = 0 ? $a : $count($n - 1, $a + 1) }; $count(100000, 0))",
                "100000",
            ),
            (
                "($loop := function($n) { ($m := $n - 1; $m > 0 ? $loop($m) : 'done') }; $loop(50000))",
                r#""done""#,
            ),
            ("Address.(function() { City })()", r#""Winchester""#),
            ("($f := function() { First }; Address.$f())", r#""Fred""#),
            ("$map([1, 2], function($x) { $x = 1 ? 'one' : 'other' })", r#"["one","other"]"#),
            ("(function($x) { function($y) { $x } })(1)(2)", "1"),
            ("First()", "T1006"),
            ("missing()", "T1006"),
            ("string(1)", "T1005"),
            ("sum([1])", "T1005"),
            ("$unknown(1)", "T1006"),
            ("(1)(2)", "T1006"),
            ("function(x) { 1 }", "S0208"),
            ("function($x, 2) { 1 }", "S0208"),
            ("function($x) $x", "S0202"),
            ("$sum", "D1000"),
            ("[function() { 1 }]", "D1000"),
            ("{'f': $sum}", "D1000"),
            (
                "($y := λ($f) { λ($x) { $x($x) }(λ($g) { $f((λ($a) { $g($g)($a) })) }) }; $y(λ($f) { λ($n) { $n < 2 ? 1 : $n * $f($n - 1) } })(6))",
                "720",
            ),
        ],
    );
}

#[test]
fn partial_application_and_chains() {
    check_all(
        PEOPLE,
        &[
            ("($add := function($x, $y) { $x - $y }; $f := $add(?, 1); $f(5))", "4"),
            ("($add := function($x, $y) { $x - $y }; $f := $add(1, ?); $f(5))", "-4"),
            (
                "($f := function($x, $y, $z) { $x & $y & $z }; $g := $f(?, 'b', ?); $h := $g('a', ?); $h('c'))",
                r#""abc""#,
            ),
            ("($first5 := $substring(?, 0, 5); $first5('Hello World'))", r#""Hello""#),
            ("$map(['a', 'b'], $pad(?, 3, '-'))", r#"["a--","b--"]"#),
            ("substring(?, 0)", "T1007"),
            ("$nothing(?)", "T1008"),
            ("[1, 2, 3] ~> $sum", "6"),
            ("[1, 2, 3] ~> $sum()", "6"),
            ("'a,b' ~> $split(',')", r#"["a","b"]"#),
            ("'a,b' ~> $split(',') ~> $join('-') ~> $uppercase", r#""A-B""#),
            ("($f := $trim ~> $uppercase; $f('  x y '))", r#""X Y""#),
            (
                "($twice := function($f) { $f ~> $f }; $inc := function($n) { $n + 1 }; $twice($inc)(5))",
                "7",
            ),
            ("'x' ~> function($s) { $s & $s }", r#""xx""#),
            ("First ~> $uppercase ~> $length", "4"),
            ("missing ~> $sum", "undefined"),
            ("1 ~> 2", "T2006"),
            ("'a' ~> missing", "T2006"),
            ("numbers ~> $map(function($n) { $n * 2 }) ~> $sum()", "12"),
            ("'abc' ~> /b/ ~> function($m) { $m.start }", "1"),
        ],
    );
}

#[test]
fn signatures() {
    check_all(
        PEOPLE,
        &[
            ("λ($x)<n:n>{ $x }(1)", "1"),
            ("λ($x)<n:n>{ $x }('1')", "T0410"),
            ("λ($x)<n>{ $x }(1, 2)", "T0410"),
            ("λ($x)<n?>{ $exists($x) }()", "false"),
            ("λ($x)<s->{ $x }('a')", r#""a""#),
            ("First.(λ($x)<s->{ $x & '!' })()", r#""Fred!""#),
            ("Age.(λ($x)<s->{ $x })()", "T0411"),
            ("λ($x)<a<n>>{ $x }([1, 2])", "[1,2]"),
            ("λ($x)<a<n>>{ $x }(1)", "[1]"),
            ("λ($x)<a<n>>{ $x }(['a'])", "T0412"),
            ("λ($x)<a<n>>{ $x }([1, 'a'])", "T0412"),
            ("λ($x)<a>{ $x }('a')", r#"["a"]"#),
            ("λ($x)<(ns)>{ $x }('a')", r#""a""#),
            ("λ($x)<(ns)>{ $x }(true)", "T0410"),
            ("λ($x)<f>{ $x(2) }(function($n) { $n * 2 })", "4"),
            ("λ($x)<f>{ $x }(2)", "T0410"),
            ("λ($x)<l>{ $x }(null)", "null"),
            ("λ($x)<o>{ $x }({'a': 1})", r#"{"a":1}"#),
            ("λ($x)<o>{ $x }([])", "T0410"),
            ("λ($x)<j>{ $x }($sum)", "T0410"),
            ("λ($x, $y)<n-n:n>{ $x + $y }(1, 2)", "3"),
            ("Age.(λ($x, $y)<n-n:n>{ $x + $y })(2)", "30"),
            ("λ($x)<n+>{ $x }(1, 2, 3)", "1"),
            ("λ($x)<n<n>>{ $x }(1)", "S0401"),
            ("λ($x)<(a<n>s)>{ $x }(1)", "S0402"),
            ("$substring('abc')", "T0410"),
            ("$substring('abc', 1, 1, 1)", "T0410"),
            ("$length(5)", "T0410"),
            ("$sum('a')", "T0412"),
            ("$sum([1, 'a'])", "T0412"),
            ("$join([1, 2])", "T0412"),
            ("Age.$length()", "T0411"),
            ("First.$length()", "4"),
            ("First.$substring(1)", r#""red""#),
            (
                "Phone.$string()",
                r#"["{\"type\":\"home\",\"number\":\"1\"}","{\"type\":\"office\",\"number\":\"2\"}","{\"type\":\"office\",\"number\":\"3\"}","{\"type\":\"mobile\",\"number\":\"4\"}"]"#,
            ),
        ],
    );
}

#[test]
fn wildcards() {
    check_all(
        PEOPLE,
        &[
            ("Address.*", r#"["Hursley Park","Winchester"]"#),
            ("*.City", r#""Winchester""#),
            ("Other.*.Street", r#""Brick Lane""#),
            ("**.Street", r#"["Hursley Park","Brick Lane"]"#),
            ("**.number", r#"["1","2","3","4"]"#),
            ("$count(nested.**)", "5"),
            ("First.*", "undefined"),
            ("First.**", r#""Fred""#),
            ("Phone[0].*", r#"["home","1"]"#),
            ("missing.*", "undefined"),
            ("missing.**", "undefined"),
            ("*[type='home'].number", r#""1""#),
            ("{'a': [1]}.*", "[1]"),
            ("{'a': 1}.*", "1"),
            ("[[1, [2]], 3].*", "[1,2]"),
        ],
    );
}

const ORDERS: &str = r#"{
    "orders": [
        {"id": "o1", "items": [{"sku": "b", "price": 30, "qty": 1}, {"sku": "a", "price": 10, "qty": 5}]},
        {"id": "o2", "items": [{"sku": "c", "price": 20, "qty": 2}]}
    ],
    "products": [{"sku": "a", "name": "Ant"}, {"sku": "b", "name": "Bee"}, {"sku": "c", "name": "Cat"}]
}"#;

#[test]
fn order() {
    check_all(
        ORDERS,
        &[
            ("orders.items^(price).sku", r#"["a","c","b"]"#),
            ("orders.items^(>price).sku", r#"["b","c","a"]"#),
            ("orders.items^(<price).sku", r#"["a","c","b"]"#),
            ("orders.items^(sku)[0].sku", r#""a""#),
            ("orders.items^(qty * price).sku", r#"["b","c","a"]"#),
            ("[3, 1, 2]^($)", "[1,2,3]"),
            ("[3, 1, 2]^(>$)", "[3,2,1]"),
            ("['b', 'A', 'a']^($)", r#"["A","a","b"]"#),
            ("[{'a':1,'b':2},{'a':1,'b':1},{'a':0,'b':3}]^(a, >b).b", "[3,2,1]"),
            ("[{'a':2},{'b':1},{'a':1}]^(a)", r#"[{"a":1},{"a":2},{"b":1}]"#),
            ("[{'a':2},{'b':1},{'a':1}]^(>a)", r#"[{"a":2},{"a":1},{"b":1}]"#),
            ("[{'a':1},{'a':'x'}]^(a)", "T2007"),
            ("[{'a':true},{'a':false}]^(a)", "T2008"),
            ("[1]^($error('not evaluated'))", "1"),
            ("missing^(a)", "undefined"),
            ("products^(name).name[0]", r#"["Ant","Bee","Cat"]"#),
            ("(products^(>name))[0].name", r#""Cat""#),
        ],
    );
}

#[test]
fn joins() {
    check_all(
        ORDERS,
        &[
            ("orders#$i.{'id': id, 'at': $i}", r#"[{"id":"o1","at":0},{"id":"o2","at":1}]"#),
            ("orders.items#$i.($i & sku)", r#"["0b","1a","0c"]"#),
            ("orders#$o.items#$i.($o & $i & sku)", r#"["00b","01a","10c"]"#),
            ("orders.items#$i[$i = 1].sku", r#""a""#),
            ("orders@$o.items.($o.id & sku)", "undefined"),
            ("orders@$o.$o.items.sku", r#"["b","a","c"]"#),
            ("orders@$o.$o.items.($o.id & sku)", r#"["o1b","o1a","o2c"]"#),
            ("orders@$o.products@$p.($o.id & $p.sku)", r#"["o1a","o1b","o1c","o2a","o2b","o2c"]"#),
            (
                "orders.items@$i.$$.products@$p[$i.sku = $p.sku].{'n': $p.name, 'q': $i.qty}",
                r#"[{"n":"Bee","q":1},{"n":"Ant","q":5},{"n":"Cat","q":2}]"#,
            ),
            ("orders.items[price > 15]#$i.($i & sku)", r#"["0b","1c"]"#),
            ("(orders.items)[price > 15]#$i.($i & sku)", r#"["0b","1c"]"#),
            ("orders.items^(price)#$i.($i & sku)", r#"["0a","1c","2b"]"#),
            ("orders@$o.$o.items@$i{$o.id: $i.sku}", r#"{"o1":["b","a"],"o2":"c"}"#),
            ("products@$p#$i[$p.sku = 'b'].$i", "1"),
            ("products@o.sku", "S0214"),
            ("products#1.sku", "S0214"),
            ("products[0]@$p.sku", "S0215"),
            ("products^(sku)@$p.sku", "S0216"),
        ],
    );
}

#[test]
fn parents() {
    check_all(
        ORDERS,
        &[
            ("orders.items.(%.id & sku)", r#"["o1b","o1a","o2c"]"#),
            (
                "orders.items.{'order': %.id, 'sku': sku}",
                r#"[{"order":"o1","sku":"b"},{"order":"o1","sku":"a"},{"order":"o2","sku":"c"}]"#,
            ),
            ("orders.items[%.id = 'o2'].sku", r#""c""#),
            ("orders.items.sku.%.price", "[30,10,20]"),
            ("orders.items.sku.%.%.id", r#"["o1","o1","o2"]"#),
            ("orders.items^(%.id, price).sku", r#"["a","b","c"]"#),
            ("orders.items#$i.(%.id & $i)", r#"["o10","o11","o20"]"#),
            ("orders.(items.(%.id))", r#"["o1","o1","o2"]"#),
            ("orders.%.products[0].name", r#""Ant""#),
            ("%", "S0217"),
            ("%.id", "S0217"),
            ("orders.%.%", "S0217"),
            ("{'a': 1}.%", "S0217"),
            ("orders.$sum(items.price).%", "S0217"),
        ],
    );
}

#[test]
fn transforms() {
    check_all(
        ORDERS,
        &[
            (
                "$ ~> |products|{'name': $uppercase(name)}| ~> $lookup('products') ~> $map(function($p) { $p.name })",
                r#"["ANT","BEE","CAT"]"#,
            ),
            ("products[0] ~> |$|{'x': 1}|", r#"{"sku":"a","name":"Ant","x":1}"#),
            ("products[0] ~> |$|{}, 'name'|", r#"{"sku":"a"}"#),
            ("products[0] ~> |$|{'x': 1}, ['sku', 'name']|", r#"{"x":1}"#),
            (
                "($t := $ ~> |orders.items|{'total': price * qty}, ['price', 'qty']|; $t.orders.items)",
                r#"[{"sku":"b","total":30},{"sku":"a","total":50},{"sku":"c","total":40}]"#,
            ),
            ("($ ~> |orders|{'n': 1}|).products = products", "true"),
            ("($t := $ ~> |orders|{'id': 'x'}|; orders.id)", r#"["o1","o2"]"#),
            ("products[0] ~> |missing|{'x': 1}|", r#"{"sku":"a","name":"Ant"}"#),
            ("products[0] ~> |$|missing|", r#"{"sku":"a","name":"Ant"}"#),
            ("missing ~> |$|{'x': 1}|", "undefined"),
            ("products[0] ~> |$|5|", "T2011"),
            ("products[0] ~> |$|[]|", "T2011"),
            ("products[0] ~> |$|{}, 5|", "T2012"),
            ("5 ~> |$|{}|", "T0410"),
            ("($clone := 5; products[0] ~> |$|{}|)", "T2013"),
            ("products ~> |$|{'sku': 'z'}| ~> $map(function($p) { $p.sku })", r#"["z","z","z"]"#),
            ("({'a': {'b': 1}} ~> |a|{'b': b + 1}| ~> |a|{'b': b + 1}|).a.b", "3"),
            ("{'a': {'b': {}}} ~> |a|{'c': 1}|", r#"{"a":{"b":{},"c":1}}"#),
            ("{'a': 1} ~> |$|{'self': $}|", r#"{"a":1,"self":{"a":1}}"#),
        ],
    );
}

#[test]
fn syntax_errors() {
    check_all(
        "",
        &[
            ("", "S0207"),
            ("   ", "S0207"),
            ("1 +", "S0207"),
            ("(1 + ", "S0203"),
            ("[1, 2", "S0203"),
            ("{'a': 1", "S0203"),
            ("{'a' 1}", "S0202"),
            ("{'a': 1,}", "S0211"),
            ("$f(1, ", "S0203"),
            ("a b", "S0201"),
            ("1 2", "S0201"),
            ("(1))", "S0201"),
            (")", "S0211"),
            ("]", "S0211"),
            ("*+", "S0207"),
            ("a..b", "S0201"),
            ("a!b", "S0204"),
            ("a ~ b", "S0204"),
            ("=1", "S0211"),
            ("a[1", "S0203"),
            ("a{'x': 1}.b", r#"{"x":1}"#),
            ("$x{'a': 1}[0]", "S0209"),
            ("//", "S0301"),
            ("/abc", "S0302"),
            ("/(?#a)/", "S0303"),
            ("/[b-a]/", "S0303"),
            ("$x[] / 2", "S0302"),
            ("/[/", "S0302"),
            ("/(/", "S0302"),
            ("/a)/", "S0302"),
        ],
    );
}

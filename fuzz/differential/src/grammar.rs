//! Random expressions, most of them of a sensible kind.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

/// What the expressions look at: `$`, `$$` and `$states.input`.
pub(crate) const DOCUMENT: &str = r#"{"a":{"b":[1,2.5,-3,{"c":"x"}],"c":null},"one":[7],"none":[],
    "n":7,"s":"Ada Lovelace","flag":true,"orders":[
    {"id":"o1","n":2,"tags":["x","y"],"lines":[{"k":"p","n":1},{"k":"q","n":2}]},
    {"id":"o2","n":5,"tags":[],"lines":[{"k":"p","n":3}]},{"id":"o3","n":1,"lines":[]}],
    "nest":[[1,2],[3,[4,5]],[]],"mixed":[1,"1",true,null,{"id":1},[2]],
    "solo":[{"id":"z","n":9}],"odd key":{"$ref":1},"empty":{},"zero":0,"text":"a1b22c333"}"#;

/// Names of members of the document and of its parts.
const NAMES: [&str; 22] = [
    "a",
    "b",
    "c",
    "n",
    "id",
    "k",
    "tags",
    "lines",
    "orders",
    "one",
    "none",
    "nest",
    "mixed",
    "solo",
    "`odd key`",
    "`$ref`",
    "empty",
    "zero",
    "flag",
    "s",
    "text",
    "nope",
];

/// Variables; `orders`, `list` and `count` are bound from outside.
const VARIABLES: [&str; 9] =
    ["$orders", "$list", "$count_", "$i", "$v", "$x", "$y", "$nope", "$one"];

const TEXTS: [&str; 14] = [
    "'x'",
    "\"o1\"",
    "''",
    "'Ada'",
    "'a1b22c333'",
    "'12'",
    "'-0'",
    "'id'",
    "'n'",
    "'2020-02-30'",
    "'é😀'",
    "'0x1F'",
    "'a,b,,c'",
    "'#0.00'",
];

const NUMBERS: [&str; 18] = [
    "0",
    "1",
    "2",
    "3",
    "7",
    "10",
    "1.5",
    "0.1",
    "2.5",
    "100",
    "1e3",
    "1e21",
    "123456789.125",
    "5890840712243076",
    "0.000001",
    "9007199254740993",
    "1e-7",
    "99",
];

const PATTERNS: [&str; 16] = [
    "/a/",
    "/[0-9]+/",
    "/x*/",
    "/(a)(b)?/",
    "/b(?=2)/",
    "/(\\d)\\1/",
    "/A/i",
    "/^/m",
    "/\\s/",
    "/l|d/",
    "/(?!a)./",
    "/\\w+/",
    "/[^a-c]/",
    "/(?<=a)\\d/",
    "/$/",
    "/e$/",
];

const OPERATORS: [&str; 18] = [
    "+", "-", "*", "/", "%", "&", "=", "!=", "<", "<=", ">", ">=", "in", "and", "or", "~>", "&",
    "=",
];

/// Functions, and for each argument the kind that it usually takes.
const FUNCTIONS: [(&str, &str); 60] = [
    ("abs", "n"),
    ("append", "aa"),
    ("average", "a"),
    ("boolean", "x"),
    ("ceil", "n"),
    ("contains", "sp"),
    ("count", "a"),
    ("distinct", "a"),
    ("each", "of"),
    ("exists", "x"),
    ("filter", "af"),
    ("floor", "n"),
    ("formatBase", "nn"),
    ("join", "as"),
    ("keys", "o"),
    ("length", "s"),
    ("lookup", "os"),
    ("lowercase", "s"),
    ("map", "af"),
    ("match", "sp"),
    ("max", "a"),
    ("merge", "a"),
    ("min", "a"),
    ("not", "x"),
    ("number", "s"),
    ("pad", "sn"),
    ("power", "nn"),
    ("reduce", "ag"),
    ("replace", "sps"),
    ("reverse", "a"),
    ("round", "nn"),
    ("sift", "of"),
    ("single", "af"),
    ("sort", "a"),
    ("sort", "ag"),
    ("split", "sp"),
    ("spread", "o"),
    ("sqrt", "n"),
    ("string", "x"),
    ("substring", "snn"),
    ("substringAfter", "ss"),
    ("substringBefore", "ss"),
    ("sum", "a"),
    ("trim", "s"),
    ("type", "x"),
    ("uppercase", "s"),
    ("zip", "aa"),
    ("clone", "o"),
    ("base64encode", "s"),
    ("encodeUrlComponent", "s"),
    ("decodeUrlComponent", "s"),
    ("formatNumber", "nP"),
    ("formatInteger", "nI"),
    ("parseInteger", "sI"),
    ("fromMillis", "nDZ"),
    ("toMillis", "TD"),
    ("assert", "xs"),
    ("error", "s"),
    ("zip", "a"),
    ("string", "xb"),
];

const NUMBER_PICTURES: [&str; 9] =
    ["'#,##0.00'", "'0'", "'#.##'", "'00.0e0'", "'0%'", "'#;(#)'", "'x'", "'#,#,#0'", "'##.##0'"];

const INTEGER_PICTURES: [&str; 10] =
    ["'0'", "'000'", "'#,##0'", "'w'", "'Ww'", "'I'", "'a'", "'1;o'", "'w;o'", "'A'"];

const DATE_PICTURES: [&str; 14] = [
    "'[Y0001]-[M01]-[D01]'",
    "'[Y]-[M]-[D]T[H]:[m]:[s].[f]'",
    "'[D1] [MNn] [Y]'",
    "'[Y,2-2]-[M01]-[D01]'",
    "'[Y01]/[M01]/[D01]'",
    "'[H01]:[m01]'",
    "'[h]:[m] [P]'",
    "'[d]'",
    "'[FNn,3-3] [W]'",
    "'[X0001]-W[W01]-[F1]'",
    "'[Y0001]-[d001]'",
    "'[M01]-[D01]'",
    "'[dwo] day of [Y]'",
    "'[Z]'",
];

const TIMESTAMPS: [&str; 14] = [
    "'2020-02-29'",
    "'2019-02-29'",
    "'2020-02-30'",
    "'2021-13-01'",
    "'20/01/05'",
    "'99-01-05'",
    "'12:34'",
    "'2018-04-16T10:20:30.5Z'",
    "'2020-366'",
    "'2019-366'",
    "'5 January 2018'",
    "'2018-W15-1'",
    "'31'",
    "'2018-04-31'",
];

const ZONES: [&str; 9] =
    ["'+0000'", "'-0500'", "'+05:30'", "'UTC'", "'Z'", "'0530'", "'x'", "''", "'+1'"];

/// Writes one expression.
pub(crate) struct Grammar {
    random: ChaCha8Rng,
    out: String,
    depth: u32,
}

/// How deep parts are nested.
const DEPTH_MAX: u32 = 5;
/// After so many bytes parts become short.
const BYTES_MAX: usize = 160;

/// The expression of an iteration.
pub(crate) fn expression(seed: u64, iteration: u64) -> String {
    let random = ChaCha8Rng::seed_from_u64(seed ^ iteration.rotate_left(32));
    let mut grammar = Grammar { random, out: String::new(), depth: 0 };
    grammar.any();
    grammar.out
}

impl Grammar {
    fn below(&mut self, bound: usize) -> usize {
        (self.random.next_u64() % bound as u64) as usize
    }

    fn push(&mut self, text: &str) {
        self.out.push_str(text);
    }

    fn pick(&mut self, texts: &[&str]) {
        let text = texts[self.below(texts.len())];
        self.push(text);
    }

    fn is_short(&self) -> bool {
        self.depth >= DEPTH_MAX || self.out.len() > BYTES_MAX
    }

    fn any(&mut self) {
        if self.is_short() {
            return self.leaf();
        }
        self.depth += 1;
        match self.below(20) {
            0..=6 => self.path(),
            7..=9 => self.call(),
            10..=11 => self.binary(),
            12 => self.array(),
            13 => self.object(),
            14 => self.block(),
            15 => self.condition(),
            16 => self.apply(),
            17 => self.negation(),
            18 => self.transform(),
            _ => self.leaf(),
        }
        self.depth -= 1;
    }

    fn leaf(&mut self) {
        match self.below(12) {
            0..=3 => self.pick(&NAMES),
            4 => self.pick(&TEXTS),
            5 => self.pick(&NUMBERS),
            6..=7 => self.pick(&VARIABLES),
            8 => self.push("$states.input.orders"),
            9 => self.push("$"),
            10 => self.pick(&["true", "false", "null", "$$", "*", "[]", "{}", "%", "**"]),
            _ => self.pick(&["$states.input.one", "orders.lines", "nest", "$sum", "mixed"]),
        }
    }

    /// A step or the start of a path.
    fn step(&mut self) {
        match self.below(16) {
            0..=6 => self.pick(&NAMES),
            7 => self.pick(&["*", "%", "**", "$", "%.%"]),
            8..=9 => self.pick(&VARIABLES),
            10 => self.array(),
            11 => self.object(),
            12..=13 => self.block(),
            14 => self.call(),
            _ => self.pick(&["$", "'n'", "$states.input", "(lines; tags)", "$x := n", "`odd key`"]),
        }
        while self.below(5) < 2 && self.out.len() < BYTES_MAX * 2 {
            self.suffix();
        }
    }

    fn suffix(&mut self) {
        match self.below(14) {
            0..=1 => self.pick(&["[0]", "[-1]", "[1]", "[[0..1]]", "[true]", "[9]", "[0.7]"]),
            2 => self.push("[]"),
            3..=4 => self.within("[", "]"),
            5..=6 => self.pick(&["#$i", "@$v", "#$x", "@$y"]),
            7 => {
                self.pick(&["^(", "^(>", "^(<"]);
                self.pick(&["$", "n", "id", "$.n", "n, id", ">n, <id", "nope", "$i", "%.n"]);
                self.push(")");
            }
            8 => self.within("{", "}"),
            9 => self.pick(&["[n > 1]", "[$i > 0]", "[k = 'p']", "[%.id = 'o1']", "[id]"]),
            10 => self.pick(&["{id: n}", "{'k': $}", "{k: $sum(n)}", "{'k' & n: $count($)}"]),
            11 => self.pick(&[".{'i': $i, 'v': $v}", ".$string()", ".[$i, n]", ".$v", ".$i"]),
            _ => {
                self.push(".");
                self.pick(&NAMES);
            }
        }
    }

    fn within(&mut self, open: &str, close: &str) {
        if self.is_short() {
            return self.push("[0]");
        }
        self.push(open);
        if open == "{" {
            self.pick(&["id", "'k' & n", "'key'", "k", "n"]);
            self.push(": ");
        }
        self.any();
        self.push(close);
    }

    fn path(&mut self) {
        self.step();
        for _ in 0..self.below(4) {
            self.push(".");
            self.step();
        }
    }

    fn binary(&mut self) {
        let parts = self.below(2) + 1;
        self.any();
        for _ in 0..parts {
            self.push(" ");
            self.pick(&OPERATORS);
            self.push(" ");
            self.any();
        }
    }

    fn negation(&mut self) {
        self.push("-");
        self.step();
    }

    fn condition(&mut self) {
        self.any();
        self.push(" ? ");
        self.any();
        if self.below(3) > 0 {
            self.push(" : ");
            self.any();
        }
    }

    fn array(&mut self) {
        self.push("[");
        for index in 0..self.below(4) {
            if index > 0 {
                self.push(", ");
            }
            match self.below(5) {
                0 => self.pick(&["1..3", "0..n", "-1..1", "3..1", "n..9", "1..2.5"]),
                _ => self.any(),
            }
        }
        self.push("]");
    }

    fn object(&mut self) {
        self.push("{");
        for index in 0..self.below(3) {
            if index > 0 {
                self.push(", ");
            }
            self.pick(&["'a'", "'n'", "id", "'k'", "'x y'", "'k' & n"]);
            self.push(": ");
            self.any();
        }
        self.push("}");
    }

    fn block(&mut self) {
        self.push("(");
        if self.below(3) == 0 {
            self.pick(&["$x := ", "$y := ", "$v := ", "$i := "]);
            self.any();
            self.push("; ");
        }
        self.any();
        self.push(")");
    }

    fn apply(&mut self) {
        self.any();
        self.push(" ~> ");
        match self.below(4) {
            0 => {
                self.pick(&["$count", "$string", "$sum()", "$join(',')", "$map($string)", "$keys"])
            }
            1 => self.pick(&["$sort", "$reverse", "$distinct", "$append(1)", "$spread", "$merge"]),
            2 => self.function(1),
            _ => self.call(),
        }
    }

    fn transform(&mut self) {
        self.pick(&["$ ~> |", "orders ~> |", "$orders ~> |", "a ~> |"]);
        self.pick(&["$", "lines", "orders", "b", "*", "orders.lines", "n", "tags", "nope"]);
        self.push("|");
        self.pick(&[
            "{'n': 0}",
            "{'id': n, 'new': true}",
            "{}",
            "{'n': n + 1}",
            "1",
            "nope",
            "'x'",
        ]);
        if self.below(2) == 0 {
            self.push(", ");
            self.pick(&["'n'", "['id', 'k']", "nope", "1", "[]"]);
        }
        self.push("|");
    }

    /// A function of that many parameters.
    fn function(&mut self, parameters: usize) {
        if self.below(4) == 0 {
            return self.pick(&["$string", "$sum", "$type", "$boolean", "$append(?, 1)", "$nope"]);
        }
        let names = ["$x", "$y", "$i", "$v"];
        let count = if self.below(5) == 0 { self.below(4) } else { parameters };
        self.pick(&["function(", "λ("]);
        self.push(&names[..count].join(", "));
        self.push(")");
        if self.below(8) == 0 {
            self.pick(&["<x:x>", "<n:n>", "<s-:s>", "<a<n>:n>", "<x?:x>", "<(sn)n?:x>"]);
        }
        self.push("{");
        match self.below(3) {
            0 => self.pick(&["$x", "$y", "$x & $y", "$x.n", "$x > $y", "$x = 1", "$x + 1"]),
            _ => self.any(),
        }
        self.push("}");
    }

    fn call(&mut self) {
        let (name, kinds) = FUNCTIONS[self.below(FUNCTIONS.len())];
        self.push("$");
        self.push(name);
        self.push("(");
        let mut kinds = kinds.as_bytes();
        match self.below(12) {
            0 => kinds = &kinds[1..],
            1 => kinds = &kinds[..kinds.len() - 1],
            2 => kinds = b"xx",
            _ => {}
        }
        for (index, kind) in kinds.iter().enumerate() {
            if index > 0 {
                self.push(", ");
            }
            let odd = self.below(8) == 0;
            self.argument(if odd { b'x' } else { *kind });
        }
        self.push(")");
    }

    fn argument(&mut self, kind: u8) {
        match kind {
            b'n' => match self.below(3) {
                0 => self.pick(&NUMBERS),
                1 => self.pick(&["n", "-1", "zero", "-2.5", "$count_", "1/3", "orders.n"]),
                _ => self.any(),
            },
            b's' => match self.below(3) {
                0 => self.pick(&TEXTS),
                1 => self.pick(&["s", "text", "id", "$string(n)", "orders[0].id", "nope"]),
                _ => self.any(),
            },
            b'a' => match self.below(3) {
                0 => self.pick(&["one", "none", "nest", "mixed", "orders", "$list", "orders.n"]),
                1 => self.array(),
                _ => self.any(),
            },
            b'o' => match self.below(3) {
                0 => self.pick(&["a", "$", "orders[0]", "empty", "orders", "`odd key`", "solo"]),
                1 => self.object(),
                _ => self.any(),
            },
            b'f' => self.function(1),
            b'g' => self.function(2),
            b'p' if self.below(3) > 0 => self.pick(&PATTERNS),
            b'p' => self.pick(&TEXTS),
            b'b' => self.pick(&["true", "false", "n", "nope"]),
            b'P' => self.pick(&NUMBER_PICTURES),
            b'I' => self.pick(&INTEGER_PICTURES),
            b'D' => self.pick(&DATE_PICTURES),
            b'T' => self.pick(&TIMESTAMPS),
            b'Z' => self.pick(&ZONES),
            _ => self.any(),
        }
    }
}

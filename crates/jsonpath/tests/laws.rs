//! Laws that hold for every text and every value.

use std::cell::Cell;

use json::{Object, Value};
use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use stairwell_jsonpath::{Expression, Intrinsic, Path, ReferencePath, Scope, Template};

fn values() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3..30_i64).prop_map(Value::from),
        (-3.0..3.0).prop_map(Value::from),
        "[abc,é]{0,3}".prop_map(Value::from),
    ];
    scalar.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec(("[abc]", inner), 0..4).prop_map(|members| {
                let members = members.into_iter().map(|(name, value)| (name.into(), value));
                Value::from(members.collect::<Object>())
            }),
        ]
    })
}

/// Texts of the pieces that matter to the grammar.
fn nearly_paths() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "$",
        "$$",
        ".",
        "..",
        "a",
        "b",
        "é",
        "[",
        "]",
        "[0]",
        "[-1]",
        "[*]",
        ".*",
        "'",
        "\"",
        "\\",
        ",",
        ":",
        "1",
        "-",
        "(",
        ")",
        "?",
        "@",
        "@.a",
        "[?(",
        ")]",
        "==",
        "<",
        "=~",
        "/",
        "!",
        "&&",
        "||",
        " in ",
        "length()",
        ".max()",
        "States.Array(",
        "States.Format('{}', ",
        "{}",
        " ",
        "null",
    ]);
    prop::collection::vec(pieces, 0..14).prop_map(|pieces| pieces.concat())
}

fn paths() -> impl Strategy<Value = String> {
    let steps = prop_oneof![
        "\\.[abc]",
        "\\[[0-2]\\]",
        "\\['[abc]'\\]",
        Just("[-1]".to_owned()),
        Just("[*]".to_owned()),
        Just("..a".to_owned()),
        Just("..[0]".to_owned()),
        Just("[0:2]".to_owned()),
        Just("['a','b']".to_owned()),
        Just("[?(@.a)]".to_owned()),
        Just("[?(@ == 1 || @.b != 'a')]".to_owned()),
        Just(".length()".to_owned()),
        Just(".first()".to_owned()),
    ];
    prop::collection::vec(steps, 0..5).prop_map(|steps| format!("${}", steps.concat()))
}

fn references() -> impl Strategy<Value = String> {
    let steps = prop_oneof!["\\.[abc]", "\\['[abc]'\\]", "\\[[0-2]\\]"];
    prop::collection::vec(steps, 0..4).prop_map(|steps| format!("${}", steps.concat()))
}

proptest! {
    #[test]
    fn any_text_is_compiled_or_refused(text in prop_oneof![any::<String>(), nearly_paths()]) {
        let offsets = [
            Path::parse(&text).err(),
            Intrinsic::parse(&text).err(),
            ReferencePath::parse(&text).err(),
            Expression::parse(&text).err(),
        ];
        for error in offsets.into_iter().flatten() {
            prop_assert!(error.offset <= text.len());
        }
    }

    #[test]
    fn what_was_compiled_can_be_evaluated(text in nearly_paths(), input in values()) {
        if let Ok(expression) = Expression::parse(&text) {
            let variables = Object::new();
            let scope = Scope { input: &input, context: &input, variables: &variables, visits: &Cell::default() };
            let result = expression.evaluate(&scope, &mut ChaCha8Rng::seed_from_u64(1));
            prop_assert_eq!(
                expression.evaluate(&scope, &mut ChaCha8Rng::seed_from_u64(1)), result
            );
            prop_assert_eq!(expression.text(), text.trim());
        }
    }

    #[test]
    fn an_indefinite_path_yields_a_list(path in paths(), input in values()) {
        let variables = Object::new();
        let scope = Scope { input: &input, context: &Value::Null, variables: &variables, visits: &Cell::default() };
        let compiled = Path::parse(&path).expect("it was made of steps");
        let selected = compiled.select(&scope);
        if !compiled.is_definite() && !path.contains("()") {
            let matches = selected.expect("an indefinite path never fails");
            prop_assert!(matches.as_array().is_some());
        }
    }

    #[test]
    fn a_wildcard_lists_what_the_path_before_it_selects(
        path in references(),
        input in values(),
    ) {
        let variables = Object::new();
        let scope = Scope { input: &input, context: &Value::Null, variables: &variables, visits: &Cell::default() };
        let select = |path: &str| Path::parse(path).expect("it is a path").select(&scope);
        let reference = ReferencePath::parse(&path).expect("it is a reference path");
        prop_assert_eq!(select(&path).ok(), reference.get(&input));
        let all = select(&format!("{path}[*]")).expect("an indefinite path never fails");
        let expected: Vec<Value> = match reference.get(&input) {
            Some(Value::Array(items)) => items.to_vec(),
            Some(Value::Object(members)) => members.iter().map(|(_, value)| value.clone()).collect(),
            _ => Vec::new(),
        };
        prop_assert_eq!(all, Value::from(expected));
    }

    #[test]
    fn what_is_put_can_be_got(path in references(), target in values(), value in values()) {
        let path = ReferencePath::parse(&path).expect("it is a reference path");
        if let Ok(result) = path.put(&target, value.clone()) {
            prop_assert_eq!(path.get(&result), Some(value.clone()));
            prop_assert_eq!(path.put(&result, value.clone()).expect("it is there now"), result.clone());
            if let Some(before) = path.get(&target) {
                let restored = path.put(&result, before).expect("it is there now");
                prop_assert_eq!(restored.to_text(), target.to_text());
            }
        } else {
            prop_assert_eq!(path.get(&target), None);
        }
    }

    #[test]
    fn a_template_without_expressions_is_itself(value in values()) {
        let template = Template::compile(&value).expect("it has no expressions");
        prop_assert_eq!(template.literal(), Some(&value));
    }
}

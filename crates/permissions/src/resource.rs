//! The resources of a request.
//!
//! A form is the text of an ARN with `${Partition}`, `${Region}`, `${Account}` and paths of
//! members in braces. After a path may stand `|text`, its value where it is absent; `#n`, the n-th
//! part from the end of what slashes divide; `~`, what names an object or a parameter: decoded,
//! without its first slash and without a version; `!text`, not known where it contains the text.
//! `*` alone is all resources.

use json::Value;

use crate::Place;
use crate::member::Names;

/// The resources that the first form gives whose members are there; none stands for one that is not
/// known. A list of items may have several.
pub(crate) fn resources(
    forms: &[String],
    request: &Value,
    names: Names,
    place: &Place<'_>,
) -> Vec<Option<String>> {
    for form in forms {
        let found = fill(form, request, names, place);
        if found.iter().any(Option::is_some) {
            return found;
        }
    }
    vec![None]
}

/// Everything that the form may stand for.
fn fill(form: &str, request: &Value, names: Names, place: &Place<'_>) -> Vec<Option<String>> {
    let parts = parts(form);
    let mut members = parts.iter().filter_map(|part| part.member());
    if let (Some(member), None) = (members.next(), members.next()) {
        let values = values(member, request, names).into_iter();
        return values.map(|value| one(form, &parts, &value?, place)).collect();
    }
    let mut filled = vec![Some(String::new())];
    for part in &parts {
        let values = match part.member() {
            Some(member) => values(member, request, names),
            None => vec![part.text(place)],
        };
        let more = |start: Option<String>| joined(start.as_deref(), &values);
        filled = filled.into_iter().flat_map(more).collect();
    }
    filled
}

fn joined(start: Option<&str>, values: &[Option<String>]) -> Vec<Option<String>> {
    values.iter().map(|value| Some(format!("{}{}", start?, value.as_deref()?))).collect()
}

/// The resource by the value of the form's only member. Many names may be given as the ARN: of the
/// form's service, that is the resource.
fn one(form: &str, parts: &[Part<'_>], value: &str, place: &Place<'_>) -> Option<String> {
    let is_arn = value.starts_with("arn:");
    if parts.len() == 1 {
        // A name alone would not say which resource it is.
        let path = form.trim_matches(['{', '}']).to_ascii_lowercase();
        return (is_arn || path.ends_with("arn")).then(|| value.to_owned());
    }
    if is_arn && value.split(':').nth(2) == form.split(':').nth(2) {
        return Some(value.to_owned());
    }
    let text = |part: &Part<'_>| match part.member() {
        Some(_) => Some(value.to_owned()),
        None => part.text(place),
    };
    parts.iter().map(text).collect()
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Part<'a> {
    Text(&'a str),
    /// `${Region}`
    Place(&'a str),
    /// `{path}`
    Member(&'a str),
}

impl<'a> Part<'a> {
    fn member(&self) -> Option<&'a str> {
        match *self {
            Part::Member(member) => Some(member),
            Part::Text(_) | Part::Place(_) => None,
        }
    }

    /// What a part that is no member stands for.
    fn text(&self, place: &Place<'_>) -> Option<String> {
        let text = match *self {
            Part::Text(text) => text,
            Part::Place("Partition") => place.partition,
            Part::Place("Region") => place.region,
            Part::Place("Account") => place.account,
            Part::Place(_) | Part::Member(_) => return None,
        };
        Some(text.to_owned())
    }
}

fn parts(form: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = form;
    while let Some(open) = rest.find('{') {
        let close = rest[open..].find('}').map_or(rest.len() - 1, |close| open + close);
        let inner = &rest[open + 1..close];
        let is_place = rest[..open].ends_with('$');
        let text = &rest[..open - usize::from(is_place)];
        if !text.is_empty() {
            parts.push(Part::Text(text));
        }
        parts.push(if is_place { Part::Place(inner) } else { Part::Member(inner) });
        rest = &rest[close + 1..];
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest));
    }
    parts
}

/// The texts of a member, with what is done to them.
fn values(member: &str, request: &Value, names: Names) -> Vec<Option<String>> {
    let mut is_in_brackets = false;
    let end = member.find(|sign| {
        is_in_brackets = sign == '[' || is_in_brackets && sign != ']';
        !is_in_brackets && matches!(sign, '|' | '#' | '~' | '!')
    });
    let (path, how) = member.split_at(end.unwrap_or(member.len()));
    let found = names.find(request, path).into_iter();
    let found = found.map(|found| found.and_then(|found| found.text()));
    found.map(|text| changed(text.filter(|text| !text.is_empty()), how)).collect()
}

fn changed(text: Option<&str>, how: &str) -> Option<String> {
    let Some(sign) = how.chars().next() else { return text.map(str::to_owned) };
    let argument = &how[1..];
    match sign {
        '|' => Some(text.unwrap_or(argument).to_owned()),
        '#' => {
            let from_end: usize = argument.parse().ok()?;
            text?.rsplit('/').nth(from_end.checked_sub(1)?).map(str::to_owned)
        }
        '!' => text.filter(|text| !text.contains(argument)).map(str::to_owned),
        _ => {
            let name = text?.split("?versionId=").next()?;
            let name = name.strip_prefix('/').unwrap_or(name);
            decoded(name)
        }
    }
}

/// A text without its `%41`s; none where it is not UTF-8.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match byte.filter(|_| *first == b'%') {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(forms: &[&str], request: &str, expected: &[Option<&str>]) {
        let place = Place { partition: "aws", region: "r", account: "1" };
        let forms: Vec<String> = forms.iter().map(|form| (*form).to_owned()).collect();
        let request = json::parse(request).expect("JSON");
        let found = resources(&forms, &request, Names::Wire, &place);
        let found: Vec<Option<&str>> = found.iter().map(Option::as_deref).collect();
        assert_eq!(found, expected, "{forms:?} of {}", request.to_text());
    }

    #[test]
    fn forms_are_filled_from_members() {
        let table = "arn:${Partition}:dynamodb:${Region}:${Account}:table/{T}";
        check(&["*"], "{}", &[Some("*")]);
        check(&[], "{}", &[None]);
        check(&[table], r#"{"T":"t"}"#, &[Some("arn:aws:dynamodb:r:1:table/t")]);
        check(
            &[table],
            r#"{"T":"arn:aws:dynamodb:x:2:table/u"}"#,
            &[Some("arn:aws:dynamodb:x:2:table/u")],
        );
        check(
            &[table],
            r#"{"T":"arn:aws:s3:::u"}"#,
            &[Some("arn:aws:dynamodb:r:1:table/arn:aws:s3:::u")],
        );
        check(&[table], "{}", &[None]);
        check(&["{aArn}", "{bArn}"], r#"{"bArn":"x"}"#, &[Some("x")]);
        check(&["{task}"], r#"{"task":"name"}"#, &[None]);
        check(&["{task}"], r#"{"task":"arn:t"}"#, &[Some("arn:t")]);
    }

    #[test]
    fn members_are_cut_and_decoded() {
        let queue = "arn:aws:sqs:r:{U#2}:{U#1}";
        check(&[queue], r#"{"U":"http://h:1/123/q"}"#, &[Some("arn:aws:sqs:r:123:q")]);
        check(&[queue], r#"{"U":"q"}"#, &[None]);
        let source = "arn:aws:s3:::{S~}";
        check(&[source], r#"{"S":"/b/a%20c?versionId=7"}"#, &[Some("arn:aws:s3:::b/a c")]);
        let key = "arn:aws:kms:r:1:key/{K!alias/}";
        check(&[key], r#"{"K":"7"}"#, &[Some("arn:aws:kms:r:1:key/7")]);
        check(&[key], r#"{"K":"alias/a"}"#, &[None]);
    }

    #[test]
    fn every_item_of_a_list_is_a_resource() {
        let bus = "arn:aws:events:r:1:event-bus/{E[].B|default}";
        let entries = r#"{"E":[{"B":"a"},{},{"B":"arn:aws:events:r:2:event-bus/c"}]}"#;
        check(
            &[bus],
            entries,
            &[
                Some("arn:aws:events:r:1:event-bus/a"),
                Some("arn:aws:events:r:1:event-bus/default"),
                Some("arn:aws:events:r:2:event-bus/c"),
            ],
        );
    }
}

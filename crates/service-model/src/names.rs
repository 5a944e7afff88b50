//! Names as the AWS SDK for Java 2 makes them, which those of Step Functions come from.

/// The name of a member as a parameter or in a result: `RoleArn` of `roleArn`, `SsekmsKeyId` of
/// `SSEKMSKeyId`, `ETag` of `ETag`.
pub fn parameter_name(wire_name: &str) -> String {
    capitalized(&uncapitalized(wire_name))
}

/// A name with its first word in lower case: the acronym that it begins with, if it does.
pub(crate) fn uncapitalized(name: &str) -> String {
    let characters: Vec<char> = name.chars().collect();
    let is_in_acronym = |at: usize| {
        let next_is_lower = characters.get(at + 1).is_some_and(|next| next.is_lowercase());
        characters[at].is_uppercase() && !next_is_lower
    };
    let words_end = (1..characters.len()).find(|at| !is_in_acronym(*at));
    let words_end = words_end.unwrap_or(characters.len());
    let (first, rest) = characters.split_at(words_end);
    first
        .iter()
        .flat_map(|character| character.to_lowercase())
        .chain(rest.iter().copied())
        .collect()
}

/// The name of the exception that an error is: `NoSuchBucketException` of `NoSuchBucket`,
/// `DbInstanceNotFoundException` of `DBInstanceNotFoundFault`.
pub fn error_class(shape_name: &str) -> String {
    let shape_name = shape_name.strip_suffix("Fault").unwrap_or(shape_name);
    let name =
        words(shape_name).iter().map(|word| capitalized(&word.to_lowercase())).collect::<String>();
    if name.ends_with("Exception") { name } else { name + "Exception" }
}

/// A name with its first letter in upper case.
pub(crate) fn capitalized(name: &str) -> String {
    let mut characters = name.chars();
    let first = characters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(characters).collect()
}

/// The words of a name: `DB`, `Instance`, `Not`, `Found`.
fn words(name: &str) -> Vec<String> {
    let characters: Vec<char> = name.chars().collect();
    let mut words = Vec::new();
    let mut word = String::new();
    for (at, character) in characters.iter().copied().enumerate() {
        if !character.is_ascii_alphanumeric() {
            words.extend((!word.is_empty()).then(|| std::mem::take(&mut word)));
            continue;
        }
        let before = at.checked_sub(1).map(|before| characters[before]);
        let after = characters.get(at + 1);
        let begins = before.is_some_and(|before| {
            let is_capital = character.is_ascii_uppercase();
            let after_is_letter_or_digit = after.is_some_and(char::is_ascii_alphanumeric);
            let after_is_small = after.is_some_and(char::is_ascii_lowercase);
            (before.is_ascii_lowercase() && is_capital && after_is_letter_or_digit)
                || (before.is_ascii_uppercase() && is_capital && after_is_small)
                || (before.is_ascii_digit() && character.is_ascii_alphabetic())
        });
        if begins {
            words.extend((!word.is_empty()).then(|| std::mem::take(&mut word)));
        }
        word.push(character);
    }
    words.extend((!word.is_empty()).then_some(word));
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_named_as_by_the_sdk() {
        for (wire, parameter) in [
            ("roleArn", "RoleArn"),
            ("Bucket", "Bucket"),
            ("ETag", "ETag"),
            ("SSEKMSKeyId", "SsekmsKeyId"),
            ("ChecksumCRC32", "ChecksumCRC32"),
            ("DBInstanceIdentifier", "DbInstanceIdentifier"),
            ("MD5OfMessageBody", "Md5OfMessageBody"),
            ("S", "S"),
            ("BOOL", "Bool"),
            ("x", "X"),
            ("", ""),
        ] {
            assert_eq!(parameter_name(wire), parameter);
        }
    }

    #[test]
    fn errors_are_classes_of_the_sdk() {
        for (shape, class) in [
            ("NoSuchBucket", "NoSuchBucketException"),
            ("ConditionalCheckFailedException", "ConditionalCheckFailedException"),
            ("DBInstanceNotFoundFault", "DbInstanceNotFoundException"),
            ("KMSDisabledException", "KmsDisabledException"),
            ("InvalidToken", "InvalidTokenException"),
            ("EC2ThrottledException", "Ec2ThrottledException"),
            ("AWSOrganizationsNotInUseException", "AwsOrganizationsNotInUseException"),
        ] {
            assert_eq!(error_class(shape), class);
        }
    }
}

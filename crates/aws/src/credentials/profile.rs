//! The shared `config` and `credentials` files.
//! See <https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html>.

use std::collections::BTreeMap;

/// The settings of one profile, those of the credentials file first.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Profile {
    settings: BTreeMap<String, String>,
}

impl Profile {
    /// The profile of that name in the texts of the two files; none where neither has it.
    pub(crate) fn read(config: &str, credentials: &str, name: &str) -> Option<Profile> {
        let in_config = |section: &str| {
            section == name && name == "default"
                || section.strip_prefix("profile").is_some_and(|rest| rest.trim() == name)
        };
        let mut settings = section(config, in_config).unwrap_or_default();
        let of_credentials = section(credentials, |section| section == name);
        if settings.is_empty() && of_credentials.is_none() {
            return None;
        }
        settings.extend(of_credentials.unwrap_or_default());
        Some(Profile { settings })
    }

    /// The value of a setting, if it has one.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.settings.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

/// The settings of the sections of that name.
fn section(text: &str, is_wanted: impl Fn(&str) -> bool) -> Option<BTreeMap<String, String>> {
    let mut found: Option<BTreeMap<String, String>> = None;
    let mut is_inside = false;
    for line in text.lines() {
        // What is indented belongs to a nested setting, of which none is used here.
        if line.starts_with([' ', '\t']) || line.starts_with(['#', ';']) {
            continue;
        }
        let line = line.trim();
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.split(']').next()) {
            is_inside = is_wanted(name.trim());
            if is_inside {
                found.get_or_insert_default();
            }
        } else if let (true, Some((name, value))) = (is_inside, line.split_once('=')) {
            let value = value.split(" #").next().unwrap_or_default();
            let settings = found.get_or_insert_default();
            settings.insert(name.trim().to_lowercase(), value.trim().to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_are_read_from_both_files() {
        let config = "[default]\nregion = eu-west-1\n[profile  dev] # ours\n\
                      role_arn=arn:aws:iam::1:role/r\nsource_profile = default\ns3 =\n  a = b\n";
        let credentials = "; mine\n[default]\naws_access_key_id = A # key\n\
                           AWS_SECRET_ACCESS_KEY=S=\n\n[dev]\nregion=us-east-1\n";
        let profile = |name: &str| Profile::read(config, credentials, name);
        let default = profile("default").expect("it is there");
        assert_eq!(default.get("aws_access_key_id"), Some("A"));
        assert_eq!(default.get("aws_secret_access_key"), Some("S="));
        assert_eq!(default.get("region"), Some("eu-west-1"));
        let dev = profile("dev").expect("it is there");
        assert_eq!(dev.get("role_arn"), Some("arn:aws:iam::1:role/r"));
        assert_eq!(dev.get("region"), Some("us-east-1"));
        assert_eq!(dev.get("s3"), None);
        assert_eq!(profile("other"), None);
        assert_eq!(Profile::read("", "", "default"), None);
    }
}

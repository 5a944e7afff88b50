//! The shared `config` and `credentials` files.
//! See <https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html>.

use std::collections::BTreeMap;

/// What the two files say.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct SharedFiles {
    profiles: BTreeMap<String, Section>,
    sso_sessions: BTreeMap<String, Section>,
    services: BTreeMap<String, Section>,
}

/// The settings of a profile, a session of SSO, or a section of services.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Section {
    settings: BTreeMap<String, String>,
    /// What is indented below a setting without a value, by the setting's name.
    nested: BTreeMap<String, BTreeMap<String, String>>,
}

/// What a header in the files stands for.
enum Header<'t> {
    Profile(&'t str),
    SsoSession(&'t str),
    Services(&'t str),
    /// One that means nothing here.
    Other,
}

impl SharedFiles {
    /// What the texts of the two files say. Where both have a setting of a profile, that of the
    /// credentials file counts.
    pub(crate) fn read(config: &str, credentials: &str) -> SharedFiles {
        let mut files = SharedFiles::default();
        // `[profile default]` counts before `[default]`.
        let has_profile_default = config.lines().any(|line| {
            header(line).and_then(|name| name.strip_prefix("profile")).map(str::trim)
                == Some("default")
        });
        files.add(config, |name| match name.split_once([' ', '\t']) {
            Some(("profile", name)) => Header::Profile(name.trim()),
            Some(("sso-session", name)) => Header::SsoSession(name.trim()),
            Some(("services", name)) => Header::Services(name.trim()),
            None if name == "default" && !has_profile_default => Header::Profile(name),
            _ => Header::Other,
        });
        files.add(credentials, Header::Profile);
        files
    }

    fn add<'t>(&mut self, text: &'t str, meaning: impl Fn(&'t str) -> Header<'t>) {
        let mut section: Option<&mut Section> = None;
        let mut parent = String::new();
        for line in text.lines() {
            if line.trim().is_empty() || line.starts_with(['#', ';']) {
                continue;
            }
            if let Some(name) = header(line) {
                parent.clear();
                section = match meaning(name) {
                    Header::Profile(name) => Some(self.profiles.entry(name.to_owned())),
                    Header::SsoSession(name) => Some(self.sso_sessions.entry(name.to_owned())),
                    Header::Services(name) => Some(self.services.entry(name.to_owned())),
                    Header::Other => None,
                }
                .map(std::collections::btree_map::Entry::or_default);
                continue;
            }
            let (Some(section), Some((name, value))) = (&mut section, line.split_once('=')) else {
                continue;
            };
            let value = value.split(" #").next().unwrap_or_default();
            let (name, value) = (name.trim().to_lowercase(), value.trim().to_owned());
            if line.starts_with([' ', '\t']) {
                // What continues a value is of no setting that is used here.
                if !parent.is_empty() {
                    section.nested.entry(parent.clone()).or_default().insert(name, value);
                }
                continue;
            }
            parent.clear();
            if value.is_empty() {
                parent.clone_from(&name);
            }
            section.settings.insert(name, value);
        }
    }

    /// A profile.
    pub(crate) fn profile(&self, name: &str) -> Option<&Section> {
        self.profiles.get(name)
    }

    /// A session of SSO.
    pub(crate) fn sso_session(&self, name: &str) -> Option<&Section> {
        self.sso_sessions.get(name)
    }

    /// The endpoints of services that a profile names a section of: by the service's name, such as
    /// `cost_explorer`.
    pub(crate) fn endpoints_of(&self, profile: &Section) -> Vec<(&str, &str)> {
        let section = profile.get("services").and_then(|name| self.services.get(name));
        let services = section.into_iter().flat_map(|section| &section.nested);
        let endpoints = services.filter_map(|(service, settings)| {
            Some((service.as_str(), settings.get("endpoint_url")?.as_str()))
        });
        endpoints.filter(|(_, url)| !url.is_empty()).collect()
    }
}

impl Section {
    /// The value of a setting, if it has one.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.settings.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

/// The name in a line that begins a section.
fn header(line: &str) -> Option<&str> {
    Some(line.strip_prefix('[')?.split(']').next().unwrap_or_default().trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_are_read_from_both_files() {
        let config = "[default]\nregion = eu-west-1\n[profile  dev] # ours\n\
                      role_arn=arn:aws:iam::1:role/r\nsource_profile = default\ns3 =\n  a = b\n\
                      [dev]\nregion = nowhere\n";
        let credentials = "; mine\n[default]\naws_access_key_id = A # key\n\
                           AWS_SECRET_ACCESS_KEY=S=\n\n[dev]\nregion=us-east-1\n";
        let files = SharedFiles::read(config, credentials);
        let default = files.profile("default").expect("it is there");
        assert_eq!(default.get("aws_access_key_id"), Some("A"));
        assert_eq!(default.get("aws_secret_access_key"), Some("S="));
        assert_eq!(default.get("region"), Some("eu-west-1"));
        let dev = files.profile("dev").expect("it is there");
        assert_eq!(dev.get("role_arn"), Some("arn:aws:iam::1:role/r"));
        assert_eq!(dev.get("region"), Some("us-east-1"));
        assert_eq!((dev.get("s3"), dev.get("a")), (None, None));
        assert_eq!(files.profile("other"), None);
        assert_eq!(SharedFiles::read("", ""), SharedFiles::default());
    }

    #[test]
    fn the_longer_name_of_the_default_profile_counts() {
        let config = "[default]\nregion = a\n[profile default]\nregion = b\n";
        let files = SharedFiles::read(config, "");
        assert_eq!(files.profile("default").and_then(|it| it.get("region")), Some("b"));
    }

    #[test]
    fn sessions_and_services_have_sections_of_their_own() {
        let config = "[profile p]\nservices = local\nsso_session = s\n\
                      [sso-session s]\nsso_region = eu-west-1\n\
                      [services local]\ndynamodb =\n  endpoint_url = http://localhost:8000\n\
                      cost_explorer =\n\tendpoint_url=http://localhost:1\n  other = x\ns3 =\n";
        let files = SharedFiles::read(config, "");
        let profile = files.profile("p").expect("it is there");
        let expected =
            vec![("cost_explorer", "http://localhost:1"), ("dynamodb", "http://localhost:8000")];
        assert_eq!(files.endpoints_of(profile), expected);
        let session = files.sso_session("s").expect("it is there");
        assert_eq!(session.get("sso_region"), Some("eu-west-1"));
        assert_eq!(files.endpoints_of(session), []);
    }
}

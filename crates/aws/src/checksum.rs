//! Checksums that S3 holds against the bodies it gets: the one that was asked for, else CRC32, as
//! the AWS SDKs send them. Answers show it. A part of an upload has one only where it is asked for,
//! since the upload must have been begun with the same.
//! See <https://docs.aws.amazon.com/sdkref/latest/guide/feature-dataintegrity.html>.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use crc::{CRC_32_ISCSI, CRC_32_ISO_HDLC, CRC_64_NVME, Crc, Table};
use service_model::{Location, Member, ShapeKind};
use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::Call;
use crate::codec::WireRequest;

/// The header that names the algorithm. Operations that know it take a checksum.
const ALGORITHM: &str = "x-amz-sdk-checksum-algorithm";
/// What the headers of checksums begin with.
const CHECKSUM: &str = "x-amz-checksum-";

static CRC32: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISO_HDLC);
static CRC32C: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISCSI);
static CRC64NVME: Crc<u64, Table<16>> = Crc::<u64, Table<16>>::new(&CRC_64_NVME);

/// Adds the checksum of the body where the operation takes one and the parameters have none. An
/// algorithm that is not known here is left to the service to refuse.
pub(crate) fn add(call: &Call<'_>, wire: &mut WireRequest) {
    let input = call.operation.input.map(|input| &call.service.shape(input).kind);
    let Some(ShapeKind::Structure(members)) = input else { return };
    let header = |member: &Member| {
        let is_header = member.wire.location == Some(Location::Header);
        is_header.then(|| member.wire_name().to_lowercase())
    };
    let takes_checksum = members.members.iter().any(|it| header(it).as_deref() == Some(ALGORITHM));
    let has_checksum = || wire.headers.iter().any(|(name, _)| is_checksum(name));
    if !takes_checksum || has_checksum() {
        return;
    }
    let asked = wire.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(ALGORITHM));
    let unasked = (call.operation.name != "UploadPart").then_some("CRC32");
    let Some(algorithm) = asked.map(|(_, algorithm)| algorithm.as_str()).or(unasked) else {
        return;
    };
    let (algorithm, is_asked) = (algorithm.to_owned(), asked.is_some());
    let Some(checksum) = checksum(&algorithm, &wire.body) else { return };
    let name = format!("{CHECKSUM}{}", algorithm.to_lowercase());
    wire.headers.push((name, BASE64_STANDARD.encode(checksum)));
    if !is_asked {
        wire.headers.push((ALGORITHM.to_owned(), algorithm));
    }
}

fn is_checksum(header: &str) -> bool {
    let header = header.to_lowercase();
    let what = header.strip_prefix(CHECKSUM);
    what.is_some_and(|what| !matches!(what, "algorithm" | "type" | "mode"))
}

fn checksum(algorithm: &str, body: &[u8]) -> Option<Vec<u8>> {
    Some(match algorithm {
        "CRC32" => CRC32.checksum(body).to_be_bytes().to_vec(),
        "CRC32C" => CRC32C.checksum(body).to_be_bytes().to_vec(),
        "CRC64NVME" => CRC64NVME.checksum(body).to_be_bytes().to_vec(),
        "SHA1" => Sha1::digest(body).to_vec(),
        "SHA256" => Sha256::digest(body).to_vec(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use json::Value;

    #[test]
    fn checksums_are_what_their_specifications_say_of_123456789() {
        for (algorithm, expected) in [
            ("CRC32", "cbf43926"),
            ("CRC32C", "e3069283"),
            ("CRC64NVME", "ae8b14860a799888"),
            ("SHA1", "f7c3bc1d808e04732adf679965ccc34ca7ae3441"),
        ] {
            let found = checksum(algorithm, b"123456789").expect("it is known");
            let found: String = found.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(found, expected, "{algorithm}");
        }
    }

    /// The headers with checksums of a call of S3.
    fn check(operation: &str, parameters: &str, expected: &[(&str, &str)]) {
        let parameters: Value = json::parse(parameters).expect("the test says JSON");
        let call = Call::of_test("s3", operation, &parameters);
        let given = parameters.as_object().expect("parameters are an object");
        let mut wire = crate::codec::request(&call, given).expect("it can be written");
        add(&call, &mut wire);
        let mut found: Vec<(String, String)> = wire.headers;
        found.retain(|(name, _)| name.to_lowercase().contains("checksum"));
        let found: Vec<_> = found.iter().map(|(name, text)| (&**name, &**text)).collect();
        assert_eq!(found, expected, "{operation}");
    }

    #[test]
    fn a_body_for_s3_comes_with_its_checksum() {
        let crc32 = [("x-amz-checksum-crc32", "y/Q5Jg=="), (ALGORITHM, "CRC32")];
        let body = r#"{"Bucket":"b","Key":"k","Body":"123456789"}"#;
        check("putObject", body, &crc32);
        let asked = r#"{"Bucket":"b","Key":"k","Body":"123456789","ChecksumAlgorithm":"CRC32C"}"#;
        check("putObject", asked, &[(ALGORITHM, "CRC32C"), ("x-amz-checksum-crc32c", "4waSgw==")]);
        let given = r#"{"Bucket":"b","Key":"k","Body":"1","ChecksumCRC32":"given"}"#;
        check("putObject", given, &[("x-amz-checksum-crc32", "given")]);
        let part = r#"{"Bucket":"b","Key":"k","Body":"1","UploadId":"u","PartNumber":1}"#;
        check("uploadPart", part, &[]);
        check("getObject", r#"{"Bucket":"b","Key":"k"}"#, &[]);
    }
}

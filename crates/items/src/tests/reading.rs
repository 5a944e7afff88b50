//! Readers, from the request to the items.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use asl::{CsvHeaders, InputType, ManifestType, ReaderAction, ReaderConfig, ReaderTransformation};
use engine::Failure;
use expect_test::{Expect, expect};
use json::Document;
use runtime::{Access, Item, MapRunData, OpenItems, ReaderPosition};
use store::Scope;

use super::memory::{Memory, PATIENCE};
use crate::{Folder, MapData, Objects};

pub(crate) fn get(key: &str, config: ReaderConfig) -> OpenItems {
    let parameters = format!(r#"{{"Bucket":"bucket","Key":"{key}"}}"#);
    request(ReaderAction::GetObject, &parameters, config)
}

fn list(parameters: &str, config: ReaderConfig) -> OpenItems {
    request(ReaderAction::ListObjectsV2, parameters, config)
}

fn request(action: ReaderAction, parameters: &str, config: ReaderConfig) -> OpenItems {
    OpenItems {
        scope: Scope { account: "123456789012".into(), region: "us-east-1".into() },
        access: Access::default(),
        map_run_arn: "arn:aws:states:us-east-1:123456789012:mapRun:m/l:id".into(),
        action,
        parameters: Document::from_text(parameters).unwrap(),
        config,
        position: None,
    }
}

pub(crate) fn config(input_type: InputType) -> ReaderConfig {
    let csv_headers = (input_type == InputType::Csv).then_some(CsvHeaders::FirstRow);
    ReaderConfig { input_type: Some(input_type), csv_headers, ..ReaderConfig::default() }
}

fn line(item: &Item) -> String {
    let key = item.key.as_ref().map(|key| format!("{key}: ")).unwrap_or_default();
    format!("{} {key}{}\n", item.source, item.value.text())
}

/// All items, and what they ended with; with the position before each.
pub(crate) async fn read_all(
    data: &MapData,
    request: OpenItems,
    limit: usize,
) -> (String, Vec<(usize, ReaderPosition)>) {
    let (mut text, mut positions, mut count) = (String::new(), Vec::new(), 0);
    let failed =
        |failure: Failure| format!("{}: {}\n", failure.error.unwrap(), failure.cause.unwrap());
    let mut reader = match data.open(request).await {
        Ok(reader) => reader,
        Err(failure) => return (failed(failure), positions),
    };
    loop {
        positions.push((count, reader.position()));
        match reader.read(limit).await {
            Ok(items) if items.is_empty() => return (text, positions),
            Ok(items) => {
                assert!(items.len() <= limit);
                count += items.len();
                text.extend(items.iter().map(line));
            }
            Err(failure) => return (text + &failed(failure), positions),
        }
    }
}

/// The items, whatever the limit, and from each position on.
async fn check_with(objects: impl Objects + 'static, request: OpenItems, expected: Expect) {
    let data = MapData::new(Arc::new(objects), PATIENCE);
    let (all, positions) = read_all(&data, request.clone(), 1).await;
    expected.assert_eq(&all);
    let (in_threes, _) = read_all(&data, request.clone(), 3).await;
    assert_eq!(all, in_threes);
    for (count, position) in positions {
        let resumed = OpenItems { position: Some(position.clone()), ..request.clone() };
        let (rest, _) = read_all(&data, resumed, 2).await;
        let expected: String = all.lines().skip(count).map(|line| line.to_owned() + "\n").collect();
        assert_eq!(rest, expected, "from item {count} on, at {position:?}");
    }
}

async fn check(objects: &[(&str, &[u8])], request: OpenItems, expected: Expect) {
    check_with(Memory::with(objects), request, expected).await;
}

#[tokio::test]
async fn objects_of_each_kind() {
    let text = br#"[{"a": 1}, "two", [3]]"#;
    check(
        &[("k", text)],
        get("k", config(InputType::Json)),
        expect![[r#"
        S3://bucket/k {"a":1}
        S3://bucket/k "two"
        S3://bucket/k [3]
    "#]],
    )
    .await;
    check(
        &[("k", b"{\"a\":1}\n2\n3")],
        get("k", config(InputType::Jsonl)),
        expect![[r#"
        S3://bucket/k {"a":1}
        S3://bucket/k 2
        S3://bucket/k 3
    "#]],
    )
    .await;
    check(
        &[("k", b"a,b\n1,\"x\ny\"\n2,z\n")],
        get("k", config(InputType::Csv)),
        expect![[r#"
        S3://bucket/k {"a":"1","b":"x\ny"}
        S3://bucket/k {"a":"2","b":"z"}
    "#]],
    )
    .await;
    let given = ReaderConfig {
        csv_headers: Some(CsvHeaders::Given(vec!["x".into()])),
        ..config(InputType::Csv)
    };
    check(
        &[("k", b"1,2\n3\n")],
        get("k", given),
        expect![[r#"
        S3://bucket/k {"x":"1"}
        S3://bucket/k {"x":"3"}
    "#]],
    )
    .await;
    let pointed = ReaderConfig { items_pointer: Some("/in".into()), ..config(InputType::Json) };
    check(
        &[("k", br#"{"out": [0], "in": {"a": 1, "b": [2]}}"#)],
        get("k", pointed),
        expect![[r#"
        S3://bucket/k a: {"Key":"a","Value":1}
        S3://bucket/k b: {"Key":"b","Value":[2]}
    "#]],
    )
    .await;
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn compressed_objects() {
    let text = b"a,b\n1,2\n3,4\n";
    let expected = || {
        expect![[r#"
            S3://bucket/k {"a":"1","b":"2"}
            S3://bucket/k {"a":"3","b":"4"}
        "#]]
    };
    check(&[("k", &gzip(text))], get("k", config(InputType::Csv)), expected()).await;
    let members = [gzip(&text[..6]), gzip(&text[6..])].concat();
    check(&[("k", &members)], get("k", config(InputType::Csv)), expected()).await;
    let zstd = zstd::encode_all(&text[..], 3).unwrap();
    check(&[("k", &zstd)], get("k", config(InputType::Csv)), expected()).await;
    let frames =
        [zstd::encode_all(&text[..6], 3).unwrap(), zstd::encode_all(&text[6..], 3).unwrap()];
    check(&[("k", &frames.concat())], get("k", config(InputType::Csv)), expected()).await;
}

#[tokio::test]
async fn compressed_objects_that_break_off() {
    let lines: String = (0..2_000).map(|number| format!("{number}\n")).collect();
    let (gzip, zstd) = (gzip(lines.as_bytes()), zstd::encode_all(lines.as_bytes(), 3).unwrap());
    for compressed in [gzip, zstd] {
        let mut memory = Memory::with(&[("k", &compressed[..compressed.len() - 9])]);
        memory.chunk_bytes = 700;
        let data = MapData::new(Arc::new(memory), PATIENCE);
        let (all, _) = read_all(&data, get("k", config(InputType::Jsonl)), 1_000).await;
        let last = all.lines().last().unwrap();
        assert!(
            last.starts_with("States.ItemReaderFailed: The object cannot be decompressed"),
            "{last}"
        );
    }
}

#[tokio::test]
async fn what_is_not_there() {
    let missing = get("k", config(InputType::Json));
    check(&[], missing, expect![[r#"
        States.ItemReaderFailed: The specified key does not exist. (Service: Amazon S3; Status Code: 404; Error Code: NoSuchKey; Request ID: null; S3 Extended Request ID: null; Proxy: null)
    "#]])
    .await;
    for action in [ReaderAction::GetObject, ReaderAction::ListObjectsV2] {
        let parameters = match action {
            ReaderAction::GetObject => r#"{"Bucket":"other","Key":"k"}"#,
            ReaderAction::ListObjectsV2 => r#"{"Bucket":"other"}"#,
        };
        check(&[], request(action, parameters, config(InputType::Json)), expect![[r#"
            States.ItemReaderFailed: The specified bucket does not exist (Service: Amazon S3; Status Code: 404; Error Code: NoSuchBucket; Request ID: null; S3 Extended Request ID: null; Proxy: null)
        "#]])
        .await;
    }
}

#[tokio::test]
async fn parameters_that_are_bad() {
    for (parameters, expected) in [
        (r#"{"Key":"k"}"#, "The field 'Bucket' is required in the parameters of the resource."),
        (
            r#"{"Bucket":5,"Key":"k"}"#,
            "The value of the field 'Bucket' in the parameters of the resource is not a string.",
        ),
        (
            r#"{"Bucket":"bucket","Key":"k","Range":"0-1"}"#,
            "The field 'Range' in the parameters of the resource is not supported by Stairwell.",
        ),
    ] {
        let data = MapData::new(Arc::new(Memory::with(&[])), PATIENCE);
        let request = request(ReaderAction::GetObject, parameters, config(InputType::Json));
        let (text, _) = read_all(&data, request, 1).await;
        assert_eq!(text, format!("States.ItemReaderFailed: {expected}\n"));
    }
}

#[tokio::test]
async fn items_before_an_error_are_not_lost() {
    check(
        &[("k", b"[1,2,3,")],
        get("k", config(InputType::Json)),
        expect![[r#"
        S3://bucket/k 1
        S3://bucket/k 2
        S3://bucket/k 3
        States.ItemReaderFailed: The object is not valid JSON: it ends within an item.
    "#]],
    )
    .await;
}

#[tokio::test]
async fn connections_that_break() {
    let text: String = (0..50).map(|number| format!("{number}\n")).collect();
    let mut memory = Memory::with(&[("k", text.as_bytes())]);
    memory.chunks_max = Some(2);
    let broken = memory.broken.clone();
    let data = MapData::new(Arc::new(memory), PATIENCE);
    let (all, _) = read_all(&data, get("k", config(InputType::Jsonl)), 7).await;
    assert_eq!(all.lines().count(), 50, "{all}");
    assert!(broken.load(Ordering::Relaxed) > 5);

    let mut memory = Memory::with(&[("k", text.as_bytes())]);
    memory.chunks_max = Some(0);
    check_with(
        memory,
        get("k", config(InputType::Jsonl)),
        expect![[r#"
        States.ItemReaderFailed: the connection broke
    "#]],
    )
    .await;
}

#[tokio::test]
async fn objects_that_change_while_they_are_read() {
    let memory = Memory::with(&[("k", b"[1,2,3]")]);
    let objects = Arc::new(memory);
    let data = MapData::new(objects.clone(), PATIENCE);
    let request = get("k", config(InputType::Json));
    let (_, positions) = read_all(&data, request.clone(), 1).await;
    objects.put("k", b"[4,5,6]");
    let resumed = OpenItems { position: Some(positions[1].1.clone()), ..request };
    let (text, _) = read_all(&data, resumed, 1).await;
    assert_eq!(text, "States.ItemReaderFailed: The object 'k' changed while it was read\n");
}

#[tokio::test]
async fn listings() {
    let objects: &[(&str, &[u8])] =
        &[("a/", b""), ("a/1", b"x"), ("a/2", b"yy"), ("a/3", b""), ("b", b"")];
    let none = ReaderConfig::default();
    check(objects, list(r#"{"Bucket":"bucket","Prefix":"a/"}"#, none.clone()), expect![[r#"
        S3://bucket {"Etag":"\"0\"","Key":"a/","LastModified":1.789180622E9,"Size":0,"StorageClass":"STANDARD"}
        S3://bucket {"Etag":"\"0\"","Key":"a/1","LastModified":1.789180622E9,"Size":1,"StorageClass":"STANDARD"}
        S3://bucket {"Etag":"\"0\"","Key":"a/2","LastModified":1.789180622E9,"Size":2,"StorageClass":"STANDARD"}
        S3://bucket {"Etag":"\"0\"","Key":"a/3","LastModified":1.789180622E9,"Size":0,"StorageClass":"STANDARD"}
    "#]])
    .await;
    let after = list(r#"{"Bucket":"bucket","StartAfter":"a/3"}"#, none);
    check(objects, after, expect![[r#"
        S3://bucket {"Etag":"\"0\"","Key":"b","LastModified":1.789180622E9,"Size":0,"StorageClass":"STANDARD"}
    "#]])
    .await;
}

#[tokio::test]
async fn objects_of_a_listing() {
    let flatten = |input_type| ReaderConfig {
        transformation: ReaderTransformation::LoadAndFlatten,
        ..config(input_type)
    };
    let objects: &[(&str, &[u8])] =
        &[("a/", b""), ("a/1", b"h\n1\n2\n"), ("a/2", b"h\n"), ("a/3", b"g\n3\n"), ("b", b"never")];
    let parameters = r#"{"Bucket":"bucket","Prefix":"a/"}"#;
    check(
        objects,
        list(parameters, flatten(InputType::Csv)),
        expect![[r#"
        S3://bucket/a/1 {"h":"1"}
        S3://bucket/a/1 {"h":"2"}
        S3://bucket/a/3 {"g":"3"}
    "#]],
    )
    .await;
    let objects: &[(&str, &[u8])] = &[("1", b"[1]"), ("2", b"[]"), ("3", b"no"), ("4", b"[4]")];
    let whole = list(r#"{"Bucket":"bucket"}"#, flatten(InputType::Json));
    check(
        objects,
        whole,
        expect![[r#"
        S3://bucket/1 1
        States.ItemReaderFailed: Attempting to map over non-iterable node.
    "#]],
    )
    .await;
}

#[tokio::test]
async fn inventories() {
    let manifest =
        br#"{"sourceBucket":"s","destinationBucket":"arn:aws:s3:::bucket","version":"2016-11-30",
        "fileFormat":"CSV","fileSchema":"Bucket, Key, Size",
        "files":[{"key":"i/1.csv.gz","size":1,"MD5checksum":"x"},{"key":"i/2.csv.gz"}]}"#;
    let first = gzip(b"\"s\",\"a%20b\",\"12\"\n\"s\",\"c\",\"0\"\n");
    let second = gzip(b"\"s\",\"d\",\"1\"\n");
    let objects: &[(&str, &[u8])] =
        &[("manifest.json", manifest), ("i/1.csv.gz", &first), ("i/2.csv.gz", &second)];
    check(
        objects,
        get("manifest.json", config(InputType::Manifest)),
        expect![[r#"
        S3://bucket/i/1.csv.gz {"Bucket":"s","Size":"12","Key":"a%20b"}
        S3://bucket/i/1.csv.gz {"Bucket":"s","Size":"0","Key":"c"}
        S3://bucket/i/2.csv.gz {"Bucket":"s","Size":"1","Key":"d"}
    "#]],
    )
    .await;
    let orc = br#"{"fileFormat":"ORC","fileSchema":"x","files":[]}"#;
    check(&[("m", orc)], get("m", config(InputType::Manifest)), expect![[r#"
        States.ItemReaderFailed: The manifest cannot be read: inventories in the format 'ORC' are not supported.
    "#]])
    .await;
}

#[tokio::test]
async fn athena_manifests() {
    let athena = |input_type| ReaderConfig {
        manifest_type: Some(ManifestType::AthenaData),
        ..config(input_type)
    };
    let objects: &[(&str, &[u8])] = &[
        ("m.csv", b"s3://bucket/out/1\ns3://bucket/out/2\n"),
        ("out/1", b"{\"a\":1}\n"),
        ("out/2", b"{\"a\":2}\n{\"a\":3}\n"),
    ];
    check(
        objects,
        get("m.csv", athena(InputType::Jsonl)),
        expect![[r#"
        S3://bucket/out/1 {"a":1}
        S3://bucket/out/2 {"a":2}
        S3://bucket/out/2 {"a":3}
    "#]],
    )
    .await;
    check(&[("m.csv", b"nothing")], get("m.csv", athena(InputType::Jsonl)), expect![[r#"
        States.ItemReaderFailed: The manifest cannot be read: 'nothing' is not the address of an object.
    "#]])
    .await;
    check(&objects[..2], get("m.csv", athena(InputType::Jsonl)), expect![[r#"
        S3://bucket/out/1 {"a":1}
        States.ItemReaderFailed: The specified key does not exist. (Service: Amazon S3; Status Code: 404; Error Code: NoSuchKey; Request ID: null; S3 Extended Request ID: null; Proxy: null)
    "#]])
    .await;
}

#[tokio::test]
async fn folders() {
    let root = tempfile::tempdir().unwrap();
    let put = |key: &str, text: &str| {
        let path = root.path().join("bucket").join(key);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    // Byte by byte `-` comes before `/`, and `0` after it.
    for key in ["a/1", "a/b/2", "a-b", "a0", "c"] {
        put(key, &format!("[\"{key}\"]"));
    }
    let flatten = ReaderConfig {
        transformation: ReaderTransformation::LoadAndFlatten,
        ..config(InputType::Json)
    };
    let folder = || Folder::new(root.path());
    check_with(
        folder(),
        list(r#"{"Bucket":"bucket"}"#, flatten.clone()),
        expect![[r#"
        S3://bucket/a-b "a-b"
        S3://bucket/a/1 "a/1"
        S3://bucket/a/b/2 "a/b/2"
        S3://bucket/a0 "a0"
        S3://bucket/c "c"
    "#]],
    )
    .await;
    let prefix = list(r#"{"Bucket":"bucket","Prefix":"a/"}"#, flatten.clone());
    check_with(
        folder(),
        prefix,
        expect![[r#"
        S3://bucket/a/1 "a/1"
        S3://bucket/a/b/2 "a/b/2"
    "#]],
    )
    .await;
    for prefix in ["../", "nothing/", "a/../", "a/1/"] {
        let parameters = format!(r#"{{"Bucket":"bucket","Prefix":"{prefix}"}}"#);
        check_with(folder(), list(&parameters, flatten.clone()), expect![""]).await;
    }
    check_with(
        folder(),
        get("a/b/2", config(InputType::Json)),
        expect![[r#"
        S3://bucket/a/b/2 "a/b/2"
    "#]],
    )
    .await;
    check_with(
        folder(),
        get("../bucket/c", config(InputType::Json)),
        expect![[r#"
        States.ItemReaderFailed: The key '../bucket/c' names no file
    "#]],
    )
    .await;
    for key in ["a", "missing", "c/x"] {
        check_with(folder(), get(key, config(InputType::Json)), expect![[r#"
            States.ItemReaderFailed: The specified key does not exist. (Service: Amazon S3; Status Code: 404; Error Code: NoSuchKey; Request ID: null; S3 Extended Request ID: null; Proxy: null)
        "#]])
        .await;
    }
}

//! The objects that Map Runs read their items from.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use asl::{CsvDelimiter, CsvHeaders, InputType, ManifestType, ReaderAction, ReaderConfig};
use items::{Folder, MapData, Patience};
use json::Document;
use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use runtime::{Access, MapRunData, OpenItems, ReaderPosition};
use store::Scope;
use tokio::runtime::Runtime;

/// How many items are read at most.
const ITEMS_MAX: usize = 2_000;

/// A folder of a bucket, which ends with the process, and what reads it.
struct Reading {
    file: PathBuf,
    data: MapData,
    threads: Runtime,
}

static READING: LazyLock<Reading> = LazyLock::new(|| {
    let root = std::env::temp_dir().join(format!("stairwell-fuzz-{}", std::process::id()));
    let bucket = root.join("bucket");
    fs::create_dir_all(&bucket).expect("a temporary folder can be made");
    let patience = Patience { attempts: 1, first_delay: Duration::ZERO };
    let data = MapData::new(Arc::new(Folder::new(&root)), patience);
    let threads = tokio::runtime::Builder::new_current_thread().enable_all().build();
    Reading { file: bucket.join("items"), data, threads: threads.expect("a runtime") }
});

/// A file gives the same items however many are read at once and from whichever position on, or
/// the same failure. The first byte says what it is.
pub fn items(data: &[u8]) {
    let Some((kind, content)) = data.split_first() else { return };
    let Reading { file, data, threads } = &*READING;
    fs::write(file, content).expect("a temporary file can be written");
    let request = request(config(*kind));
    let (all, positions) = threads.block_on(read(data, request.clone(), 1));
    let (in_threes, _) = threads.block_on(read(data, request.clone(), 3));
    assert_eq!(all, in_threes, "however many are read at once");
    let middle = positions.len() / 2;
    if let Some((count, position)) = positions.get(middle) {
        let resumed = OpenItems { position: Some(position.clone()), ..request };
        let (rest, _) = threads.block_on(read(data, resumed, 2));
        let expected = &all[*count..];
        // What is behind the limit was not read the first time.
        let rest = if all.len() < ITEMS_MAX { &rest } else { &rest[..expected.len()] };
        assert_eq!(expected, rest, "from item {count} on");
    }
}

fn config(kind: u8) -> ReaderConfig {
    let of = |input_type| ReaderConfig { input_type: Some(input_type), ..ReaderConfig::default() };
    let csv = |headers| ReaderConfig { csv_headers: Some(headers), ..of(InputType::Csv) };
    match kind % 8 {
        0 => of(InputType::Json),
        1 => ReaderConfig { items_pointer: Some("/a/0".into()), ..of(InputType::Json) },
        2 => of(InputType::Jsonl),
        3 => csv(CsvHeaders::FirstRow),
        4 => ReaderConfig {
            csv_delimiter: CsvDelimiter::Semicolon,
            ..csv(CsvHeaders::Given(vec!["one".into(), "two".into()]))
        },
        5 => of(InputType::Parquet),
        6 => of(InputType::Manifest),
        _ => ReaderConfig { manifest_type: Some(ManifestType::AthenaData), ..of(InputType::Jsonl) },
    }
}

fn request(config: ReaderConfig) -> OpenItems {
    OpenItems {
        scope: Scope { account: "123456789012".into(), region: "us-east-1".into() },
        access: Access::default(),
        map_run_arn: "arn:aws:states:us-east-1:123456789012:mapRun:m/l:id".into(),
        action: ReaderAction::GetObject,
        parameters: Document::from_text(r#"{"Bucket":"bucket","Key":"items"}"#)
            .expect("it is JSON"),
        config,
        position: None,
    }
}

/// All items, and the failure that they end with, if any; with the position before each read.
async fn read(
    data: &MapData,
    request: OpenItems,
    limit: usize,
) -> (Vec<String>, Vec<(usize, ReaderPosition)>) {
    let failed = |failure: engine::Failure| {
        format!("{}: {}", failure.error.unwrap_or_default(), failure.cause.unwrap_or_default())
    };
    let (mut all, mut positions) = (Vec::new(), Vec::new());
    let mut reader = match data.open(request).await {
        Ok(reader) => reader,
        Err(failure) => return (vec![failed(failure)], positions),
    };
    while all.len() < ITEMS_MAX {
        positions.push((all.len(), reader.position()));
        match reader.read(limit).await {
            Ok(items) if items.is_empty() => return (all, positions),
            Ok(items) => {
                assert!(items.len() <= limit, "no more than were asked for");
                all.extend(
                    items.iter().map(|item| {
                        format!("{} {:?} {}", item.source, item.key, item.value.text())
                    }),
                );
            }
            Err(failure) => {
                all.push(failed(failure));
                return (all, positions);
            }
        }
    }
    all.truncate(ITEMS_MAX);
    (all, positions)
}

/// Files of each kind.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let parquet = parquet();
    let files: [(u8, &[u8]); 12] = [
        (0, br#"[{"a": 1}, "two", [3], null, 1e5]"#),
        (0, br#"{"a": 1, "b": {"c": "\u00e9"}}"#),
        (1, br#"{"b": [1], "a": [[1, 2, {"x": "y"}], 3], "c": 5}"#),
        (2, b"{\"a\":1}\n2\n\n\"three\"\r\n[4]"),
        (3, b"one,two\n1,\"a,\"\"b\"\"\"\n\"x\ny\",\n\n3"),
        (4, b"1;2\n\"a;b\";c\r\nd\\;e;f"),
        (5, &parquet),
        (
            6,
            br#"{"sourceBucket":"s","destinationBucket":"arn:aws:s3:::bucket","version":
            "2016-11-30","fileFormat":"CSV","fileSchema":"Bucket, Key","files":[{"key":"items",
            "size":1,"MD5checksum":"d41d8cd98f00b204e9800998ecf8427e"}]}"#,
        ),
        (7, b"s3://bucket/items\n"),
        (2, GZIP),
        (2, ZSTANDARD),
        (3, b"\xef\xbb\xbfone,one\n1"),
    ];
    files.iter().map(|(kind, file)| [&[*kind], *file].concat()).collect()
}

/// Two lines of JSON, compressed.
const GZIP: &[u8] = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xab\x56\x4a\x54\xb2\x32\xac\xe5\
    \xaa\x06\xd1\x46\xb5\x5c\x00\x66\xc0\x5a\x19\x10\x00\x00\x00";
/// A line of JSON, compressed.
const ZSTANDARD: &[u8] = b"\x28\xb5\x2f\xfd\x20\x08\x41\x00\x00{\"a\":1}\n";

/// A file of three rows with a number and a text.
fn parquet() -> Vec<u8> {
    const SCHEMA: &str = "message rows { REQUIRED INT64 id; OPTIONAL BYTE_ARRAY name (UTF8); }";
    let write = || -> Result<Vec<u8>, ParquetError> {
        let schema = Arc::new(parse_message_type(SCHEMA)?);
        let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::default())?;
        let mut group = writer.next_row_group()?;
        if let Some(mut column) = group.next_column()? {
            column.typed::<Int64Type>().write_batch(&[1, 2, 3], None, None)?;
            column.close()?;
        }
        if let Some(mut column) = group.next_column()? {
            let names = ["one", "three"].map(ByteArray::from);
            column.typed::<ByteArrayType>().write_batch(&names, Some(&[1, 0, 1]), None)?;
            column.close()?;
        }
        group.close()?;
        writer.into_inner()
    };
    write().expect("it is written to memory")
}

//! Rows of Parquet files.

use std::sync::Arc;

use asl::InputType;
use expect_test::expect;
use parquet::basic::Compression;
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int32Type, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use runtime::OpenItems;

use super::memory::{Memory, PATIENCE};
use super::reading::{config, get, read_all};
use crate::MapData;

const SCHEMA: &str = "message rows {
    REQUIRED INT64 id;
    OPTIONAL BYTE_ARRAY name (UTF8);
    REQUIRED DOUBLE price;
    REQUIRED BOOLEAN good;
    REQUIRED INT32 day (DATE);
    REQUIRED INT64 at (TIMESTAMP_MILLIS);
}";

/// A file with groups of that many rows.
fn file(groups: &[i64], compression: Compression) -> Vec<u8> {
    let schema = Arc::new(parse_message_type(SCHEMA).unwrap());
    let properties = Arc::new(WriterProperties::builder().set_compression(compression).build());
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, properties).unwrap();
    let mut first = 0;
    for count in groups {
        let ids: Vec<i64> = (first..first + count).collect();
        first += count;
        let mut group = writer.next_row_group().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<Int64Type>().write_batch(&ids, None, None).unwrap();
        column.close().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        let levels: Vec<i16> = ids.iter().map(|id| i16::from(id % 3 != 1)).collect();
        let names: Vec<ByteArray> = ids
            .iter()
            .filter(|id| *id % 3 != 1)
            .map(|id| ByteArray::from(format!("nämé {id}").as_str()))
            .collect();
        column.typed::<ByteArrayType>().write_batch(&names, Some(&levels), None).unwrap();
        column.close().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        let prices: Vec<f64> = ids.iter().map(|id| *id as f64 / 4.0).collect();
        column.typed::<DoubleType>().write_batch(&prices, None, None).unwrap();
        column.close().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        let good: Vec<bool> = ids.iter().map(|id| id % 2 == 0).collect();
        column.typed::<BoolType>().write_batch(&good, None, None).unwrap();
        column.close().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        let days: Vec<i32> = ids.iter().map(|id| 20_000 + i32::try_from(*id).unwrap()).collect();
        column.typed::<Int32Type>().write_batch(&days, None, None).unwrap();
        column.close().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        let times: Vec<i64> = ids.iter().map(|id| 1_719_248_780_000 + id * 500).collect();
        column.typed::<Int64Type>().write_batch(&times, None, None).unwrap();
        column.close().unwrap();
        group.close().unwrap();
    }
    writer.into_inner().unwrap()
}

fn data(bytes: &[u8]) -> MapData {
    let mut memory = Memory::with(&[("k", bytes)]);
    memory.chunk_bytes = 100_000;
    MapData::new(Arc::new(memory), PATIENCE)
}

#[tokio::test]
async fn rows() {
    let data = data(&file(&[2, 1], Compression::SNAPPY));
    let request = get("k", config(InputType::Parquet));
    let (all, positions) = read_all(&data, request.clone(), 1).await;
    expect![[r#"
        S3://bucket/k {"id":0,"name":"nämé 0","price":0.0,"good":true,"day":"2024-10-04","at":"2024-06-24T17:06:20Z"}
        S3://bucket/k {"id":1,"name":null,"price":0.25,"good":false,"day":"2024-10-05","at":"2024-06-24T17:06:20.500Z"}
        S3://bucket/k {"id":2,"name":"nämé 2","price":0.5,"good":true,"day":"2024-10-06","at":"2024-06-24T17:06:21Z"}
    "#]].assert_eq(&all);
    for (count, position) in positions {
        let resumed = OpenItems { position: Some(position), ..request.clone() };
        let (rest, _) = read_all(&data, resumed, 2).await;
        let expected: String = all.lines().skip(count).map(|line| line.to_owned() + "\n").collect();
        assert_eq!(rest, expected);
    }
}

#[tokio::test]
async fn many_rows_in_each_compression() {
    let compressions = [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(Default::default()),
        Compression::ZSTD(Default::default()),
    ];
    for compression in compressions {
        let data = data(&file(&[1_000, 1, 700], compression));
        let request = get("k", config(InputType::Parquet));
        let (all, positions) = read_all(&data, request.clone(), 333).await;
        assert_eq!(all.lines().count(), 1_701);
        let (count, position) = positions[4].clone();
        let resumed = OpenItems { position: Some(position), ..request };
        let (rest, _) = read_all(&data, resumed, 333).await;
        assert_eq!(rest.lines().count(), 1_701 - count);
    }
}

#[tokio::test]
async fn files_that_are_bad() {
    let good = file(&[100], Compression::SNAPPY);
    let mut broken = good.clone();
    broken[4..200].fill(0xA5);
    for bytes in [&b""[..], b"PAR1", b"not a file at all", &good[..good.len() - 20], &broken] {
        let data = data(bytes);
        let (text, _) = read_all(&data, get("k", config(InputType::Parquet)), 1_000).await;
        let expected = "States.ItemReaderFailed: The object is not valid Parquet: ";
        assert!(text.starts_with(expected), "{text}");
    }
}

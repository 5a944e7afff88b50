//! `ItemReader` and `ResultWriter` of Map states in DISTRIBUTED mode.

use expect_test::{Expect, expect};

use crate::check_state;

fn check(fields: &str, expect: Expect) {
    let state = format!(
        r#""Type":"Map","End":true,{fields},"ItemProcessor":{{"StartAt":"P",
        "ProcessorConfig":{{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"}},
        "States":{{"P":{{"Type":"Succeed"}}}}}}"#
    );
    check_state(&state, expect);
}

fn check_reader(action: &str, config: &str, expect: Expect) {
    let reader = format!(
        r#""ItemReader":{{"Resource":"arn:aws:states:::s3:{action}",
        "Parameters":{{"Bucket":"b","Key":"k"}},"ReaderConfig":{config}}}"#
    );
    check(&reader, expect);
}

#[test]
fn readers_that_fit() {
    for config in [
        r#"{"InputType":"JSON","ItemsPointer":"/a","MaxItems":5}"#,
        r#"{"InputType":"CSV","CSVHeaderLocation":"GIVEN","CSVHeaders":["a"],"CSVDelimiter":"TAB"}"#,
        r#"{"InputType":"CSV","CSVHeaderLocation":"FIRST_ROW","ManifestType":"ATHENA_DATA"}"#,
        r#"{"InputType":"PARQUET"}"#,
        r#"{"InputType":"PARQUET","ManifestType":"ATHENA_DATA"}"#,
        r#"{"InputType":"MANIFEST"}"#,
        r#"{"InputType":"MANIFEST","ManifestType":"S3_INVENTORY"}"#,
        r#"{"ManifestType":"S3_INVENTORY"}"#,
        r#"{"InputType":"JSONL","Transformation":"NONE"}"#,
    ] {
        check_reader("getObject", config, expect!["ok"]);
    }
    for config in [
        "{}",
        r#"{"MaxItems":5,"Transformation":"NONE"}"#,
        r#"{"InputType":"JSON","Transformation":"LOAD_AND_FLATTEN","ItemsPointer":"/a"}"#,
    ] {
        check_reader("listObjectsV2", config, expect!["ok"]);
    }
}

#[test]
fn readers_that_do_not_fit() {
    check_reader(
        "getObject",
        r#"{"MaxItems":1}"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/ItemReader/ReaderConfig
            The field 'InputType' of the field 'ReaderConfig' is required for the resource 's3:getObject'"#]],
    );
    check_reader(
        "getObject",
        r#"{"InputType":"JSON","Transformation":"LOAD_AND_FLATTEN"}"#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/S/ItemReader/ReaderConfig
                The value 'LOAD_AND_FLATTEN' of the field 'Transformation' is only supported for the resource 's3:listObjectsV2'"#]],
    );
    for input_type in ["JSON", "MANIFEST"] {
        check_reader(
            "getObject",
            &format!(r#"{{"InputType":"{input_type}","ManifestType":"ATHENA_DATA"}}"#),
            expect![[r#"
                Error SCHEMA_VALIDATION_FAILED at /States/S/ItemReader/ReaderConfig
                    The value 'ATHENA_DATA' of the field 'ManifestType' requires the field 'InputType' to be one of [CSV, JSONL, PARQUET]"#]],
        );
    }
    check_reader(
        "getObject",
        r#"{"InputType":"JSONL","ManifestType":"S3_INVENTORY"}"#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/S/ItemReader/ReaderConfig
                The value 'S3_INVENTORY' of the field 'ManifestType' does not support the field 'InputType' but with the values [CSV, MANIFEST]"#]],
    );
    check_reader(
        "listObjectsV2",
        r#"{"ManifestType":"S3_INVENTORY"}"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/ItemReader/ReaderConfig
            The field 'ManifestType' is not supported for the resource 's3:listObjectsV2'"#]],
    );
    for config in [
        r#"{"Transformation":"LOAD_AND_FLATTEN"}"#,
        r#"{"Transformation":"LOAD_AND_FLATTEN","InputType":"MANIFEST"}"#,
    ] {
        check_reader(
            "listObjectsV2",
            config,
            expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/S/ItemReader/ReaderConfig
                The value 'LOAD_AND_FLATTEN' of the field 'Transformation' requires the field 'InputType' to be one of [CSV, JSON, JSONL, PARQUET]"#]],
        );
    }
    check_reader(
        "getObject",
        r#"{"InputType":"JSONL","ItemsPointer":"/a"}"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/ItemReader/ReaderConfig
            The field 'ItemsPointer' is only supported where the field 'InputType' is 'JSON'"#]],
    );
    check_reader(
        "putObject",
        r#"{"InputType":"JSON"}"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/ItemReader/Resource
            The resource is not supported by the field 'ItemReader'"#]],
    );
}

#[test]
fn writers() {
    for writer in [
        r#"{"Resource":"arn:aws:states:::s3:putObject","Parameters":{"Bucket":"b"}}"#,
        r#"{"Resource":"arn:aws:states:::s3:putObject","Parameters":{"Bucket":"b"},
            "WriterConfig":{"Transformation":"FLATTEN","OutputType":"JSONL"}}"#,
        r#"{"WriterConfig":{"Transformation":"COMPACT","OutputType":"JSON"}}"#,
    ] {
        check(&format!(r#""ResultWriter":{writer}"#), expect!["ok"]);
    }
    // It is saved, and fails when it runs.
    check(r#""ResultWriter":{}"#, expect!["ok"]);
    check(
        r#""ResultWriter":{"Resource":"arn:aws:states:::s3:putObject"}"#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/S/ResultWriter
                These fields are required: [Parameters]"#]],
    );
    check(
        r#""ResultWriter":{"WriterConfig":{"Transformation":"COMPACT"}}"#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/S/ResultWriter/WriterConfig
                These fields are required: [OutputType]"#]],
    );
    check(
        r#""ResultWriter":{"Resource":"arn:aws:states:::s3:putObject","Parameters":{"Bucket":7}}"#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/S/ResultWriter/Parameters/Bucket
                Expected value of type [STRING]"#]],
    );
    check(
        r#""ItemReader":{"Resource":"arn:aws:states:::s3:getObject","Parameters":{"Bucket":"b",
            "Key":["k"]},"ReaderConfig":{"InputType":"JSON"}}"#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/S/ItemReader/Parameters/Key
                Expected value of type [STRING]"#]],
    );
    check(
        r#""ResultWriter":{"WriterConfig":{"Transformation":"COMPACT","OutputType":"JSONL"}}"#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/S/ResultWriter
                The value 'JSONL' of the field 'OutputType' is not supported by this version of Stairwell without the field 'Resource'"#]],
    );
}

//! Answers of AWS's services, in each of their protocols.

use std::time::Duration;

use aws::{Answer, Call, HttpAnswer, Names};
use http::{HeaderMap, StatusCode};
use json::{Object, Value};

/// A service and an operation of it: each protocol, and what is special in answers, such as members
/// in headers, bodies that are read as they are, maps, and lists without a wrapper.
const OPERATIONS: [(&str, &str); 14] = [
    ("sqs", "receiveMessage"),
    ("dynamodb", "getItem"),
    ("lambda", "listFunctions"),
    ("lambda", "invoke"),
    ("s3", "listObjectsV2"),
    ("s3", "getObject"),
    ("s3", "headObject"),
    ("s3", "copyObject"),
    ("ec2", "describeInstances"),
    ("sns", "getTopicAttributes"),
    ("iam", "getRole"),
    ("sts", "assumeRole"),
    ("route53", "listHostedZones"),
    ("apigateway", "getRestApis"),
];
const STATUSES: [u16; 6] = [200, 204, 301, 400, 404, 503];
const NAMES: [Names; 3] = [Names::Sdk, Names::Model, Names::Optimised];

/// An answer is a result, a refusal or said to be garbled, and always the same. The first byte says
/// which operation was called, the second which status it has and what the members are called; then
/// come lines of headers, an empty line, and the body.
pub fn answer(data: &[u8]) {
    let [operation, about, rest @ ..] = data else { return };
    let (service, action) = OPERATIONS[usize::from(*operation) % OPERATIONS.len()];
    let service = service_model::service(service).expect("it is a service of AWS");
    let status = STATUSES[usize::from(about & 15) % STATUSES.len()];
    let none = Value::from(Object::new());
    let call = Call {
        service,
        operation: service.operation(action).expect("it is an operation of the service"),
        parameters: &none,
        account: "123456789012",
        region: "us-east-1",
        role: None,
        names: NAMES[usize::from(about >> 4) % NAMES.len()],
        idempotency_token: "token",
        patience: Duration::from_secs(1),
        answer_bytes_max: usize::MAX,
    };
    let (head, body) = split(rest);
    let answer = || HttpAnswer {
        status: StatusCode::from_u16(status).expect("it is one"),
        headers: headers(head),
        body: body.to_vec().into(),
    };
    let told = || match Answer::read(&call, answer()) {
        Ok(answer) => {
            let text = answer.result.to_text();
            assert!(json::parse(&text).is_ok(), "a result is JSON: {text}");
            format!("{text} {} {}", answer.status, answer.request_id)
        }
        Err(error) => error.to_string(),
    };
    assert_eq!(told(), told());
}

/// The part before an empty line, and the part after it; all of it is body where there is none.
fn split(data: &[u8]) -> (&[u8], &[u8]) {
    let place = data.windows(2).position(|two| two == b"\n\n");
    place.map_or((&[], data), |place| (&data[..place], &data[place + 2..]))
}

fn headers(head: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in head.split(|byte| *byte == b'\n') {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let name = http::HeaderName::from_bytes(&line[..colon]);
        if let (Ok(name), Ok(value)) = (name, http::HeaderValue::from_bytes(&line[colon + 1..])) {
            headers.append(name, value);
        }
    }
    headers
}

/// Answers as the services give them; the first bytes choose operation, status and names.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    const BODIES: [&str; 14] = [
        r#"{"Messages":[{"MessageId":"m","ReceiptHandle":"r","Body":"b","Attributes":
        {"SentTimestamp":"1700000000000"},"MessageAttributes":{"a":{"DataType":"Binary",
        "BinaryValue":"AAECAw=="}}}]}"#,
        r#"{"Item":{"id":{"S":"1"},"n":{"N":"1.50"},"b":{"B":"AA=="},"l":{"L":[{"M":{"x":
        {"NULL":true}}}]},"s":{"SS":["a","b"]},"t":{"BOOL":false}},
        "ConsumedCapacity":{"CapacityUnits":0.5}}"#,
        r#"{"NextMarker":null,"Functions":[{"FunctionName":"f","MemorySize":128,"Environment":
        {"Variables":{"A":"b"}},"LastModified":"2024-01-02T03:04:05.000+0000"}]}"#,
        "X-Amz-Function-Error:Unhandled\nX-Amz-Log-Result:bG9n\n\n{\"errorMessage\":\"m\"}",
        r#"<?xml version="1.0" encoding="UTF-8"?><ListBucketResult
        xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name><KeyCount>2</KeyCount>
        <IsTruncated>false</IsTruncated><Contents><Key>a&amp;b</Key><Size>3</Size><LastModified>
        2024-01-02T03:04:05.000Z</LastModified></Contents><Contents><Key>&#x41;</Key></Contents>
        <CommonPrefixes><Prefix>p/</Prefix></CommonPrefixes></ListBucketResult>"#,
        "ETag:\"e\"\nLast-Modified:Tue, 02 Jan 2024 03:04:05 GMT\nx-amz-meta-a:b\n\
         Content-Length:4\nx-amz-request-id:R\n\nbody",
        "Content-Length:18446744073709551616\nx-amz-missing-meta:x\nExpires:never\n\n",
        r#"<?xml version="1.0"?><Error><Code>InternalError</Code><Message>We encountered an internal
        error.</Message><RequestId>R</RequestId><HostId>H</HostId></Error>"#,
        r#"<DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>r
        </requestId><reservationSet><item><instancesSet><item><instanceId>i-1</instanceId>
        <launchTime>2024-01-02T03:04:05.000Z</launchTime><tagSet><item><key>k</key><value>v</value>
        </item></tagSet></item></instancesSet></item></reservationSet>
        </DescribeInstancesResponse>"#,
        r#"<GetTopicAttributesResponse xmlns="https://sns.amazonaws.com/doc/2010-03-31/">
        <GetTopicAttributesResult><Attributes><entry><key>TopicArn</key><value>arn</value></entry>
        <entry><key>Policy</key><value>{}</value></entry></Attributes></GetTopicAttributesResult>
        <ResponseMetadata><RequestId>r</RequestId></ResponseMetadata>
        </GetTopicAttributesResponse>"#,
        r#"<GetRoleResponse><GetRoleResult><Role><RoleName>r</RoleName><CreateDate>
        2024-01-02T03:04:05Z</CreateDate><Tags><member><Key>k</Key><Value>v</Value></member></Tags>
        <MaxSessionDuration>3600</MaxSessionDuration></Role></GetRoleResult></GetRoleResponse>"#,
        r#"<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>no</Message>
        </Error><RequestId>r</RequestId></ErrorResponse>"#,
        r#"<ListHostedZonesResponse xmlns="https://route53.amazonaws.com/doc/2013-04-01/">
        <HostedZones><HostedZone><Id>/hostedzone/Z</Id><Name>a.</Name><Config><PrivateZone>true
        </PrivateZone></Config><ResourceRecordSetCount>2</ResourceRecordSetCount></HostedZone>
        </HostedZones><IsTruncated>0</IsTruncated><MaxItems>100</MaxItems>
        </ListHostedZonesResponse>"#,
        r#"{"item":[{"id":"a","createdDate":1700000000,"tags":{"k":"v"},"warnings":[]}],
        "position":""}"#,
    ];
    let of = |(number, body): (usize, &&str)| {
        let about = [number as u8, (number as u8 % 3) << 4];
        [&about[..], body.as_bytes()].concat()
    };
    let refused = |(number, body): (usize, &&str)| {
        let about = [number as u8, 3 | (number as u8 % 3) << 4];
        [&about[..], b"x-amzn-ErrorType:ThrottlingException:http://x/\n\n", body.as_bytes()]
            .concat()
    };
    let all = BODIES.iter().enumerate();
    all.clone().map(of).chain(all.map(refused)).collect()
}

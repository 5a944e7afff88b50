//! Texts to begin with.

/// What expressions look at.
pub(crate) const SAMPLE: &str = r#"{"a": {"b": [1, 2.5, -3, {"c": "x"}]}, "name": "Ada", "n": 7,
    "list": [{"a": 1, "k": "one"}, {"a": 2, "k": "two"}, {"a": 3, "k": "three"}],
    "text": "{\"k\": [true, null]}", "flag": true, "none": null, "odd key": {"$ref": 1}}"#;

const PATHS: [&str; 22] = [
    "$",
    "$.a.b[0]",
    "$.a.b[-1].c",
    "$.a.b[0:2]",
    "$.a.b[*]",
    "$..a",
    "$.list[?(@.a > 1)].k",
    "$.list[?(@.k == 'two' && @.a in [1, 2])]",
    "$.list[?(@.k =~ /t.*/i)]",
    "$.list[?(!@.a)]",
    "$['odd key']['$ref']",
    "$['a','n']",
    "$.list[0,2].a",
    "$.list.length()",
    "$.a.b.max()",
    "$.*",
    "$$",
    "$$.n",
    "$total",
    "$list[0].a",
    "$.list[(@.length-1)]",
    "$.missing.deep[3]",
];

const INTRINSICS: [&str; 26] = [
    "States.Format('{} is {}', $.name, $.n)",
    "States.Format('\\{{}\\} \\'', $.a)",
    "States.StringToJson($.text)",
    "States.JsonToString($.a)",
    "States.Array($.n, 'x', null, true, -1.5e3)",
    "States.Array()",
    "States.ArrayPartition($.list, 2)",
    "States.ArrayContains($.a.b, 2.5)",
    "States.ArrayRange(1, 9, 2)",
    "States.ArrayRange(9, 1, -3)",
    "States.ArrayGetItem($.list, 1)",
    "States.ArrayLength($.list)",
    "States.ArrayUnique($.a.b)",
    "States.Base64Encode($.name)",
    "States.Base64Decode('QWRh')",
    "States.Hash($.name, 'SHA-1')",
    "States.Hash($.a, 'MD5')",
    "States.JsonMerge($.a, $$, false)",
    "States.MathRandom(1, 10)",
    "States.MathRandom(1, 10, 3)",
    "States.MathAdd($.n, -1.5)",
    "States.StringSplit('a,b;;c', ',;')",
    "States.UUID()",
    "States.Format('{}', States.Array(States.UUID(), $total))",
    "States.ArrayGetItem(States.StringSplit($.name, 'd'), 0)",
    "$.a.b",
];

const EXPRESSIONS: [&str; 30] = [
    "$states.input.n + 1",
    "$states.input.name & '-' & $total",
    "$sum($states.input.list.a)",
    "$states.input.list[a > 1].k",
    "$states.input.list^(>a).{'k': k, 'twice': a * 2}",
    "$map($states.input.a.b, function($v, $i) { $v & $i })",
    "$reduce([1..5], function($i, $j) { $i * $j })",
    "($f := function($n) { $n < 2 ? 1 : $n * $f($n - 1) }; $f(6))",
    "$states.input.list{k: a}",
    "$merge([$states.input, {'x': [1, 2, 3][-1]}])",
    "$match($states.input.name, /(a)(d*)/i)",
    "$replace('a-b-c', /-(b)/, '$1')",
    "$formatNumber(1234.5, '#,##0.00')",
    "$fromMillis(1700000000000, '[Y0001]-[M01]-[D01]')",
    "$toMillis('2024-01-02T03:04:05Z')",
    "$formatInteger(1999, 'I')",
    "$parseInteger('twelve', 'w')",
    "$states.input.**.c",
    "$states.input.list@$l.$states.input.a.b[$ = $l.a]",
    "$states.input.list#$i[$i > 0]",
    "$sort($states.input.a.b, function($l, $r) { $string($l) > $string($r) })",
    "$partition([1..7], 3)",
    "$hash('x', 'SHA-256') & $base64encode('y')",
    "$parse($states.input.text).k[0]",
    "$exists($states.input.missing) ? 1 : $boolean([])",
    "$states.input ~> |list|{'a': a + 1}, ['k']|",
    "$spread($states.input.a) ~> $count()",
    "$each($states.input, function($v, $k) { $k })",
    "$zip([1, 2], ['a', 'b'], [true])",
    "$random() < 1 and $uuid() != ''",
];

const DEFINITIONS: [&str; 8] = [
    r#"{"StartAt": "A", "States": {"A": {"Type": "Pass", "Result": {"x": 1}, "ResultPath": "$.r",
        "Parameters": {"y.$": "$.n", "z.$": "States.UUID()"}, "Next": "B"},
        "B": {"Type": "Succeed", "OutputPath": "$.r"}}}"#,
    r#"{"StartAt": "A", "TimeoutSeconds": 50, "States": {"A": {"Type": "Choice", "Default": "B",
        "Choices": [{"And": [{"Variable": "$.n", "NumericGreaterThan": 3},
        {"Not": {"Variable": "$.flag", "BooleanEquals": false}}], "Next": "A2"}]},
        "A2": {"Type": "Pass", "Next": "A"}, "B": {"Type": "Fail", "Error": "E", "Cause": "c"}}}"#,
    r#"{"StartAt": "A", "States": {"A": {"Type": "Wait", "SecondsPath": "$.n", "Next": "B"},
        "B": {"Type": "Wait", "Timestamp": "2030-01-01T00:00:00Z", "End": true}}}"#,
    r#"{"StartAt": "A", "States": {"A": {"Type": "Parallel", "Branches": [{"StartAt": "X",
        "States": {"X": {"Type": "Wait", "Seconds": 3, "End": true}}}, {"StartAt": "Y",
        "States": {"Y": {"Type": "Fail", "Error": "E"}}}], "Retry": [{"ErrorEquals": ["E"],
        "MaxAttempts": 2}], "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.e",
        "Next": "B"}], "End": true}, "B": {"Type": "Pass", "End": true}}}"#,
    r#"{"StartAt": "A", "States": {"A": {"Type": "Map", "ItemsPath": "$.list",
        "MaxConcurrency": 2, "ItemSelector": {"v.$": "$$.Map.Item.Value", "all.$": "$"},
        "ItemProcessor": {"StartAt": "I", "States": {"I": {"Type": "Task",
        "Resource": "arn:aws:states:us-east-1:123456789012:activity:work", "TimeoutSeconds": 9,
        "HeartbeatSeconds": 4, "Retry": [{"ErrorEquals": ["States.Timeout"],
        "JitterStrategy": "FULL", "MaxDelaySeconds": 5}], "End": true}}}, "End": true}}}"#,
    r#"{"StartAt": "A", "States": {"A": {"Type": "Task", "Resource":
        "arn:aws:states:::states:startExecution.sync:2", "Parameters": {"StateMachineArn":
        "arn:aws:states:us-east-1:123456789012:stateMachine:child", "Input": {"n.$": "$.n"}},
        "TimeoutSeconds": 20, "ResultSelector": {"o.$": "$.Output"}, "Catch": [{"ErrorEquals":
        ["States.TaskFailed"], "Next": "B"}], "End": true}, "B": {"Type": "Succeed"}}}"#,
    r#"{"StartAt": "A", "States": {"A": {"Type": "Task", "Resource":
        "arn:aws:states:::states:startExecution.waitForTaskToken", "HeartbeatSeconds": 3,
        "Parameters": {"StateMachineArn":
        "arn:aws:states:us-east-1:123456789012:stateMachine:child", "Input":
        {"token.$": "$$.Task.Token"}}, "End": true}}}"#,
    r#"{"StartAt": "A", "States": {"A": {"Type": "Parallel", "Branches": [{"StartAt": "T",
        "States": {"T": {"Type": "Task", "Resource": "arn:aws:states:::states:startExecution",
        "Parameters": {"StateMachineArn":
        "arn:aws:states:us-east-1:123456789012:stateMachine:child"}, "End": true}}},
        {"StartAt": "M", "States": {"M": {"Type": "Map", "ItemsPath": "$.list", "Iterator":
        {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 1, "End": true}}},
        "End": true}}}], "End": true}}}"#,
];

/// The methods and bodies of the requests that are signed.
pub(crate) const SIGNED: [(&str, &str); 2] = [("GET", ""), ("POST", "Param1=value1")];

const REQUESTS: [&str; 9] = [
    // AWS's signing test vectors: in the header, with a body, in the query, with a session token.
    "GET /?Param2=value2&Param1=value1\nHost:example.amazonaws.com\n\
     X-Amz-Date:20150830T123600Z\nAuthorization:AWS4-HMAC-SHA256 \
     Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
     SignedHeaders=host;x-amz-date, \
     Signature=b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500\n\n",
    "POST /\nHost:example.amazonaws.com\nX-Amz-Date:20150830T123600Z\nContent-Length:13\n\
     Content-Type:application/x-www-form-urlencoded\n\
     x-amz-content-sha256:9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e\n\
     Authorization:AWS4-HMAC-SHA256 \
     Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
     SignedHeaders=content-length;content-type;host;x-amz-content-sha256;x-amz-date, \
     Signature=d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b\n\nParam1=value1",
    "GET /?X-Amz-Algorithm=AWS4-HMAC-SHA256&\
     X-Amz-Credential=AKIDEXAMPLE%2F20150830%2Fus-east-1%2Fservice%2Faws4_request&\
     X-Amz-Date=20150830T123600Z&X-Amz-SignedHeaders=host&X-Amz-Expires=3600&\
     X-Amz-Signature=e93c787ed7f371d5c6b165c1b38ede9550f4dce4144713e844b25b7192d3865d\n\
     Host:example.amazonaws.com\n\n",
    "GET /\nHost:example.amazonaws.com\nX-Amz-Date:20150830T123600Z\nX-Amz-Security-Token:\
     6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267\n\
     Authorization:AWS4-HMAC-SHA256 \
     Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
     SignedHeaders=host;x-amz-date;x-amz-security-token, \
     Signature=07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8\n\n",
    // Dates of another kind, and what lacks something.
    "GET /\nHost:h\nDate:Sun, 30 Aug 2015 12:36:00 GMT\nAuthorization:AWS4-HMAC-SHA256 \
     Credential=A/B/20150830/us-east-1/service/aws4_request,SignedHeaders=host,Signature=00ff\n\n",
    "GET /\nX-Amz-Date:99991231T235959Z\nAuthorization:AWS4-HMAC-SHA256 \
     Credential=A/99991231/r/s/aws4_request, SignedHeaders=:authority, Signature=zz\n\n",
    "GET /\nAuthorization:AWS4-HMAC-SHA256\n\n",
    "GET /?X-Amz-Signature=0&X-Amz-Expires=604801&X-Amz-Algorithm=AWS4-HMAC-SHA256\n\n",
    "GET /?X-Amz-Credential=%2525%252F%2F%2F%2F%2Faws4_request&X-Amz-Algorithm=AWS4-HMAC-SHA256&\
     X-Amz-Date=20150830T123600Z&X-Amz-SignedHeaders=host&X-Amz-Signature=%30%30\n\n",
];

const POLICIES: [&str; 8] = [
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"states:*",
        "Resource":"arn:aws:states:*:111111111111:stateMachine:ord?rs"}]}"#,
    r#"{"Version":"2012-10-17","Statement":{"Sid":"a","Effect":"Allow","NotAction":["iam:*","s3:*"],
        "NotResource":["arn:aws:s3:::bucket/*"],"Condition":{"IpAddress":
        {"aws:SourceIp":["127.0.0.0/8","::1/128"]},"Bool":{"aws:SecureTransport":false}}}}"#,
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},
        {"Effect":"Deny","Action":"s3:Get*","Resource":"arn:aws:s3:::bucket/${aws:username}/*",
        "Condition":{"StringNotEqualsIfExists":{"aws:SourceVpce":"vpce-1"}}}]}"#,
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:PassRole"],
        "Resource":"*","Condition":{"ForAllValues:StringLike":{"aws:TagKeys":["t*","c*"]},
        "DateGreaterThan":{"aws:CurrentTime":"2020-01-01T00:00:00Z"},"NumericLessThanEquals":
        {"aws:EpochTime":"1804164645"},"Null":{"aws:TokenIssueTime":"true"}}}]}"#,
    r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:AssumeRole",
        "Principal":{"Service":["states.amazonaws.com","lambda.amazonaws.com"]},"Condition":
        {"StringEquals":{"aws:SourceAccount":"111111111111"},"ArnLike":{"aws:SourceArn":
        "arn:aws:states:*:111111111111:stateMachine:*"}}}}"#,
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":
        {"AWS":["111111111111","arn:aws:iam::111111111111:user/ann"]}},{"Effect":"Deny",
        "Action":"sts:*","NotPrincipal":{"AWS":"arn:aws:iam::111111111111:role/worker"}}]}"#,
    r#"{"Version":"2008-10-17","Id":"i","Statement":[{"Effect":"Allow","Principal":"*",
        "Action":"sts:AssumeRole","Condition":{"ForAnyValue:StringEqualsIgnoreCase":
        {"aws:TagKeys":"TEAM"}}}]}"#,
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":
        "arn:aws:s3:::${aws:PrincipalTag/team, 'none'}/${*}","Condition":{"BinaryEquals":
        {"a":"QQ=="}}}]}"#,
];

pub(crate) fn policies() -> Vec<Vec<u8>> {
    bytes(&POLICIES)
}

pub(crate) fn requests() -> Vec<Vec<u8>> {
    bytes(&REQUESTS)
}

pub(crate) fn paths() -> Vec<Vec<u8>> {
    bytes(&PATHS)
}

pub(crate) fn intrinsics() -> Vec<Vec<u8>> {
    bytes(&INTRINSICS)
}

pub(crate) fn expressions() -> Vec<Vec<u8>> {
    bytes(&EXPRESSIONS)
}

pub(crate) fn definitions() -> Vec<Vec<u8>> {
    bytes(&DEFINITIONS)
}

/// JSON of all kinds, and what is not quite JSON.
pub(crate) fn texts() -> Vec<Vec<u8>> {
    let others = [
        SAMPLE,
        "[1, -0, 1e5, 1.0, 12345678901234567890, 0.1e-7]",
        r#""\u00e9\ud83d\ude00\n\/""#,
        r#""\ud83d""#,
        "[[[[[[[[[[]]]]]]]]]]",
        "nul",
        "{\"a\": 1, \"a\": 2}",
        "",
        "0123456789abcdef0123456789abcdef000000000000000000000005\
         0123456789abcdef0123456789abcdef",
    ];
    let mut seeds = definitions();
    seeds.extend(bytes(&others));
    seeds
}

/// Definitions, each with inputs for its execution after a zero byte.
pub(crate) fn steps() -> Vec<Vec<u8>> {
    let inputs: [&[u8]; 3] =
        [&[1, 1, 2, 3, 1, 4, 1], &[2, 2, 2, 34, 1, 66, 5, 1, 1], &[3, 1, 3, 1, 3, 1, 6, 1, 7]];
    let definitions = DEFINITIONS
        .iter()
        .flat_map(|text| inputs.iter().map(|inputs| [text.as_bytes(), &[0], *inputs].concat()));
    definitions.collect()
}

fn bytes(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

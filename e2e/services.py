"""moto, with the answers put right in which it differs from AWS, as a server on the port given.

Recordings of AWS can be held against an engine only where the services behind it answer as AWS's do.
Each correction says what AWS does and where moto does otherwise. None of them knows an engine.
"""

import json
import sys
import time

from moto.dynamodb.responses import DynamoHandler
from moto.events.models import EventsBackend
from moto.events.utils import EventTemplateParser
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.s3.models import FakeKey
from moto.s3.responses import S3Response
from moto.sns.models import Subscription
from moto.sns.responses import SNSResponse
from moto.core.responses import ActionResult
from werkzeug.serving import run_simple


def s3():
    """Objects are encrypted with AES256 where nothing is said, and answers say so (since 2023); a
    checksum comes with its type. moto says neither.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/default-encryption-faq.html"""
    plain = FakeKey.response_dict.fget

    def response_dict(key):
        headers = plain(key)
        headers.setdefault("x-amz-server-side-encryption", "AES256")
        return headers

    FakeKey.response_dict = property(response_dict)
    put, get = S3Response.put_object, S3Response.get_object

    def with_type(answer):
        status, headers, body = answer
        if any(name.startswith("x-amz-checksum-") for name in headers):
            headers.setdefault("x-amz-checksum-type", "FULL_OBJECT")
        return status, headers, body

    S3Response.put_object = lambda response: with_type(put(response))
    S3Response.get_object = lambda response: with_type(get(response))


def sns():
    """Topics that say nothing else sign by version 1, and the answer for a FIFO topic has a sequence
    number. moto signs by version 2, and gives none.
    https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
    https://docs.aws.amazon.com/sns/latest/api/API_Publish.html"""
    data, publish = Subscription.get_post_data, SNSResponse.publish
    Subscription.get_post_data = lambda *args, **named: {
        **data(*args, **named),
        "SignatureVersion": "1",
    }

    def numbered(response):
        answer = publish(response)
        if not (response._get_param("TopicArn") or "").endswith(".fifo"):
            return answer
        return ActionResult({**answer.result, "SequenceNumber": f"{time.time_ns():020}"})

    SNSResponse.publish = numbered


def dynamodb():
    """UpdateItem tells the consumed capacity where it is asked to. moto always does.
    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateItem.html"""
    update = DynamoHandler.update_item

    def update_item(handler):
        answer = update(handler)
        if handler.body.get("ReturnConsumedCapacity", "NONE") == "NONE":
            answer.result.pop("ConsumedCapacity", None)
        return answer

    DynamoHandler.update_item = update_item


def events():
    """Events have an `account`, and a detail that is no object is malformed. moto leaves the account
    out on the way to a queue, and breaks at such a detail.
    https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html"""
    template = EventTemplateParser.DEFAULT_EVENT_INPUT_TEMPLATE
    EventTemplateParser.DEFAULT_EVENT_INPUT_TEMPLATE = template.replace(
        '"region":', '"account": "<account>", "region":'
    )
    put = EventsBackend.put_events

    def put_events(backend, events):
        def spoiled(event):
            try:
                is_object = isinstance(json.loads(event.get("Detail") or "{}"), dict)
            except ValueError:
                is_object = True  # moto finds that by itself
            return event if is_object else {**event, "Detail": "no JSON"}

        return put(backend, [spoiled(event) for event in events])

    EventsBackend.put_events = put_events


def main():
    s3()
    sns()
    dynamodb()
    events()
    app = DomainDispatcherApplication(create_backend_app)
    run_simple("127.0.0.1", int(sys.argv[1]), app, threaded=True)


if __name__ == "__main__":
    main()

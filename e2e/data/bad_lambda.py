"""A Lambda endpoint on a free port, which it prints, whose functions misbehave as they are named."""

import asyncio

FAILED = b'{"errorType": "Own", "errorMessage": "on purpose"}'


def answer(status, body, headers=b"", length=None):
    length = len(body) if length is None else length
    head = b"HTTP/1.1 %s\r\ncontent-length: %d\r\n%s\r\n" % (status, length, headers)
    return head + body


async def serve(reader, writer):
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            function = head.split("/functions/")[1].split("/")[0]
            length = [it.split(":")[1] for it in head.split("\r\n") if it.startswith("content-length:")]
            await reader.readexactly(int(length[0]) if length else 0)
            if function == "hang":
                await asyncio.sleep(1000)
            elif function == "trickle":
                writer.write(answer(b"200 OK", b"", length=100_000))
                while True:
                    writer.write(b" ")
                    await writer.drain()
                    await asyncio.sleep(0.2)
            elif function == "drop":
                return
            elif function == "cut":
                writer.write(answer(b"200 OK", b'{"a":', length=1000))
                return
            elif function == "fail":
                writer.write(answer(b"200 OK", FAILED, b"x-amz-function-error: Unhandled\r\n"))
            elif function == "throttle":
                headers = b"x-amzn-errortype: TooManyRequestsException\r\n"
                writer.write(answer(b"429 Too Many Requests", b'{"message":"Slower"}', headers))
            else:
                writer.write(answer(b"200 OK", b'"fine"'))
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=1000)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())

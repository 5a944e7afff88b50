#!/usr/bin/env python3
"""Writes data/managed_policies.bin: AWS's managed policies, as they are now.

    pip install moto
    python3 crates/identity/generate.py

moto holds what ListPolicies and GetPolicyVersion of an account give. Left out are the policies of
service-linked roles, which AWS lets nobody attach. The form of the file is described in
src/aws_managed.rs.
"""

import datetime
import importlib.util
import json
import pathlib
import struct
import zlib

OUT = pathlib.Path(__file__).parent / "data" / "managed_policies.bin"
BLOCK_BYTES = 64 * 1024


def policies():
    # Only the data: the package imports half of itself otherwise.
    root = pathlib.Path(importlib.util.find_spec("moto").origin).parent
    found = {}
    exec((root / "iam" / "aws_managed_policies.py").read_text(), found)
    return json.loads(found["aws_managed_policies_data"])


def milliseconds(text):
    return int(datetime.datetime.fromisoformat(text).timestamp() * 1000)


def main():
    rows, blocks, block, size = [], [], [], 0

    def close():
        text = json.dumps(block, separators=(",", ":"), ensure_ascii=False).encode()
        blocks.append((zlib.compress(text, 9)[2:-4], len(text)))
        block.clear()

    everything = policies().items()
    attachable = [(row["Path"] + name, row) for name, row in everything
                  if not row["Path"].startswith("/aws-service-role/")]
    for name, row in sorted(attachable):
        document = json.dumps(row["Document"], separators=(",", ":"), ensure_ascii=False)
        rows.append([name, int(row["DefaultVersionId"][1:]), milliseconds(row["CreateDate"]),
                     milliseconds(row["UpdateDate"]), len(blocks), len(block)])
        block.append(document)
        size += len(document)
        if size >= BLOCK_BYTES:
            close()
            size = 0
    if block:
        close()
    head = {"blocks": [[len(packed), length] for packed, length in blocks], "policies": rows}
    head = json.dumps(head, separators=(",", ":")).encode()
    packed_head = zlib.compress(head, 9)[2:-4]
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_bytes(struct.pack("<II", len(packed_head), len(head)) + packed_head
                    + b"".join(packed for packed, _ in blocks))
    print(f"{len(rows)} policies in {len(blocks)} blocks, {OUT.stat().st_size} bytes")


if __name__ == "__main__":
    main()

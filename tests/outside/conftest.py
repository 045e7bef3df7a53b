"""A bucket of its own for each test, on an S3 server in this process."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import boto3
import pytest
from botocore.config import Config
from moto.server import ThreadedMotoServer

from calotype.outside.objects import Bucket


@dataclass
class Peer:
    """The server, a client to look behind the scenes, and the bucket."""

    server: ThreadedMotoServer
    client: Any
    bucket: Bucket

    def unfinished(self) -> list[str]:
        """Keys of multipart uploads that were neither completed nor aborted."""
        listed = self.client.list_multipart_uploads(Bucket=self.bucket.name)
        return [upload["Key"] for upload in listed.get("Uploads", [])]

    def keys(self) -> set[str]:
        """Every object, temporary ones too."""
        listed = self.client.list_objects_v2(Bucket=self.bucket.name)
        return {found["Key"].removeprefix(f"{self.bucket.prefix}/") for found in listed.get("Contents", [])}


@pytest.fixture(scope="session")
def s3_server() -> Iterator[ThreadedMotoServer]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def peer(s3_server: ThreadedMotoServer) -> Iterator[Peer]:
    host, port = s3_server.get_host_and_port()
    bucket = Bucket(f"photos-{uuid4()}", "of/mine", f"http://{host}:{port}", "us-east-1", "key", "secret")
    client = boto3.client(
        "s3",
        endpoint_url=bucket.endpoint,
        region_name=bucket.region,
        aws_access_key_id=bucket.access_key_id,
        aws_secret_access_key=bucket.secret_access_key,
        config=Config(s3={"addressing_style": "path"}),
    )
    client.create_bucket(Bucket=bucket.name)
    yield Peer(s3_server, client, bucket)
    client.close()

"""A bucket of its own for each test, on an S3 server in this process."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import pytest
from botocore.config import Config as BotoConfig
from moto.server import ThreadedMotoServer

from calotype.core.config import Config


@dataclass
class Peer:
    """The server, a client to look behind the scenes, and the bucket."""

    server: ThreadedMotoServer
    client: Any
    endpoint: str
    name: str
    prefix: str = "of/mine"

    def config(self, data: Path, *, min_free_mib: int = 0, name: str = "") -> Config:
        """The configuration that reaches this bucket, or another on the same server."""
        return Config(
            data=data,
            media=f"s3://{name or self.name}/{self.prefix}/",
            s3_endpoint=self.endpoint,
            s3_access_key_id="key",
            s3_secret_access_key="secret",
            min_free_mib=min_free_mib,
        )

    def unfinished(self) -> list[str]:
        """Keys of multipart uploads that were neither completed nor aborted."""
        listed = self.client.list_multipart_uploads(Bucket=self.name)
        return [upload["Key"] for upload in listed.get("Uploads", [])]

    def keys(self) -> set[str]:
        """Every object, temporary ones too."""
        listed = self.client.list_objects_v2(Bucket=self.name)
        return {found["Key"].removeprefix(f"{self.prefix}/") for found in listed.get("Contents", [])}


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
    endpoint, name = f"http://{host}:{port}", f"photos-{uuid4()}"
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="key",
        aws_secret_access_key="secret",
        config=BotoConfig(s3={"addressing_style": "path"}),
    )
    client.create_bucket(Bucket=name)
    yield Peer(s3_server, client, endpoint, name)
    client.close()

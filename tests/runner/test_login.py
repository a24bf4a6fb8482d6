"""Every way to log in works, and says what is wrong without saying the secret."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from python_runner.demo import stand_in
from python_runner.errors import RunnerError, UsageError
from python_runner.snowflake.client import Snowflake
from tests.conftest import Warehouse

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
TOKEN = "token-hunter2"
PASSPHRASE = "phrase-hunter2"


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A stand-in that knows the user's public key and token, and how to reach it; without a proof."""
    folder = tmp_path_factory.mktemp("login")
    stand_in.create_database(folder)
    public = KEY.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STAND_IN_PUBLIC_KEY", public.decode())
        patch.setenv("STAND_IN_TOKEN", TOKEN)
        try:
            server = stand_in.start(folder, password="hunter2")
            yield {name: value for name, value in server.environment.items() if name != "SNOWFLAKE_PASSWORD"}
        finally:
            stand_in.stop(folder)


def key_file(path: Path, key: rsa.RSAPrivateKey = KEY, passphrase: str | None = None) -> str:
    encryption = (
        serialization.BestAvailableEncryption(passphrase.encode()) if passphrase else serialization.NoEncryption()
    )
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption))
    return str(path)


def log_in(environment: dict[str, str], **proof: str) -> None:
    settings = Warehouse(environment | {f"SNOWFLAKE_{name}".upper(): value for name, value in proof.items()}).settings
    with Snowflake(settings) as snowflake:
        assert snowflake.fetch("select 1 as one").column("one").to_pylist() == [1]


def test_by_password_key_or_token(environment: dict[str, str], tmp_path: Path) -> None:
    log_in(environment, password="hunter2")
    log_in(environment, token=TOKEN)
    log_in(environment, private_key_path=key_file(tmp_path / "plain"))
    encrypted = key_file(tmp_path / "encrypted", passphrase=PASSPHRASE)
    log_in(environment, private_key_path=encrypted, private_key_passphrase=PASSPHRASE)


@pytest.mark.parametrize("proof", ["password", "token", "private_key_path"])
def test_a_refused_login_names_the_variable(environment: dict[str, str], tmp_path: Path, proof: str) -> None:
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    given = key_file(tmp_path / "key", stranger) if proof == "private_key_path" else "wrong-hunter2"
    with pytest.raises(RunnerError, match=f"refused the login.*SNOWFLAKE_{proof.upper()}$") as raised:
        log_in(environment, **{proof: given})
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize("passphrase", [{}, {"private_key_passphrase": "wrong-hunter2"}], ids=["none", "wrong"])
def test_a_key_that_cannot_be_read_is_an_error_of_usage(
    environment: dict[str, str], tmp_path: Path, passphrase: dict[str, str]
) -> None:
    encrypted = key_file(tmp_path / "encrypted", passphrase=PASSPHRASE)
    with pytest.raises(UsageError, match="SNOWFLAKE_PRIVATE_KEY_PASSPHRASE") as raised:
        log_in(environment, private_key_path=encrypted, **passphrase)
    assert "hunter2" not in str(raised.value)
    (tmp_path / "nonsense").write_text("nonsense")
    with pytest.raises(UsageError, match="is no private key that can be read"):
        log_in(environment, private_key_path=str(tmp_path / "nonsense"))

"""Signed files: read back by the library itself, changed ones are told, and what cannot sign is refused at once."""

import datetime
import io
import json

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("c2pa")

import c2pa
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from aegean.config import UserError
from aegean.data.info import DataInfo
from aegean.data.io.hearing import wav_bytes
from aegean.data.io.origin import COMPOSITE, GENERATED, TYPES, Origin, read_origin, with_origin
from aegean.data.io.signed import signing

DAY = datetime.timedelta(days=1)
KEYS = {
    "P-256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "P-384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "RSA": lambda: rsa.generate_private_key(65537, 2048),
    "Ed25519": ed25519.Ed25519PrivateKey.generate,
}


def name(words):
    return x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, words), x509.NameAttribute(NameOID.ORGANIZATION_NAME, "A")]
    )


def certificate(key, words, issuer, signer, days=30):
    """That of a signer; of an authority where it signs itself."""
    now, own = datetime.datetime.now(datetime.UTC), key is signer
    bits = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only"), False
    )
    usage = x509.KeyUsage(digital_signature=not own, key_cert_sign=own, crl_sign=own, decipher_only=False, **bits)
    made = (
        x509.CertificateBuilder(name(issuer), name(words), key.public_key(), x509.random_serial_number())
        .not_valid_before(now - 2 * DAY)
        .not_valid_after(now + days * DAY)
        .add_extension(x509.BasicConstraints(own, None), True)
        .add_extension(usage, True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), False)
    )
    if not own:
        made = made.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), False)
    return made.sign(signer, None if isinstance(signer, ed25519.Ed25519PrivateKey) else hashes.SHA256())


def pem(key, password=None):
    how = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how)


def identity(folder, kind="P-256", days=30):
    """Files of a certificate with the authority behind it, and of its key."""
    root, key = KEYS["P-256"](), KEYS[kind]()
    chain = certificate(key, "ada", "root", root, days), certificate(root, "root", "root", root)
    folder.mkdir(exist_ok=True)
    (folder / "chain.pem").write_bytes(b"".join(one.public_bytes(serialization.Encoding.PEM) for one in chain))
    (folder / "key.pem").write_bytes(pem(key))
    return str(folder / "chain.pem"), str(folder / "key.pem")


@pytest.fixture(scope="module")
def ada(tmp_path_factory):
    return identity(tmp_path_factory.mktemp("ada"))


def file_of(mime):
    if mime == "audio/wav":
        info = DataInfo("s", (1, 800), (0.0,), (1.0,), "float32", rate=8000, kind="audio")
        return wav_bytes(np.sin(np.arange(800, dtype=np.float32))[None, None] / 2, info)
    out = io.BytesIO()
    Image.fromarray(np.arange(192, dtype=np.uint8).reshape(8, 8, 3)).save(out, mime.removeprefix("image/"))
    return out.getvalue()


def read(data, mime):
    """What stands in a file, and whether its signature is that of these bytes."""
    with c2pa.Reader(mime, io.BytesIO(data)) as reader:
        found = json.loads(reader.json())
        (action,) = found["manifests"][found["active_manifest"]]["assertions"][0]["data"]["actions"]
        return reader.get_validation_state(), action


@pytest.mark.parametrize("mime", ["image/png", "image/jpeg", "audio/wav"])
def test_a_signed_file_is_read_back_and_one_that_was_changed_is_told(ada, mime):
    origin = Origin(COMPOSITE, "0123456789abcdef" * 2, 7)
    stamped = with_origin(file_of(mime), origin)
    signed = signing(*ada)(stamped, TYPES + origin.source)
    state, action = read(signed, mime)
    assert state == "Valid" and action["digitalSourceType"] == TYPES + COMPOSITE
    assert origin.model in read_origin(signed) and len(signed) < len(stamped) + 30_000
    changed = signed.replace(origin.model.encode(), b"f" * 32)
    assert read(changed, mime)[0] == "Invalid"


@pytest.mark.parametrize("kind", ["P-384", "RSA", "Ed25519"])
def test_other_kinds_of_keys_sign(tmp_path, kind):
    data = signing(*identity(tmp_path, kind))(file_of("image/png"), TYPES + GENERATED)
    assert read(data, "image/png")[0] == "Valid"


def test_what_cannot_sign_is_refused(ada, tmp_path):
    chain, key = ada
    for said, pair in {
        "no file": (tmp_path / "gone.pem", key),
        "no certificate": (key, key),
        "no private key": (chain, chain),
        "not the private key": (chain, identity(tmp_path / "other")[1]),
        "cannot sign": identity(tmp_path / "old", days=-1),
    }.items():
        with pytest.raises(UserError, match=said):
            signing(*pair)
    (tmp_path / "locked.pem").write_bytes(pem(KEYS["P-256"](), b"secret"))
    with pytest.raises(UserError, match="without a password"):
        signing(chain, tmp_path / "locked.pem")


def test_sample_signs_pictures_and_nothing_else(tiny_runs, tmp_path, done, refused, ada):
    done("sample", tiny_runs / "vae", "--count", 2, "--out", f"{tmp_path}/s/", "--sign", *ada)
    for file in (tmp_path / "s").iterdir():
        assert read(file.read_bytes(), "image/png")[0] == "Valid"
    for run, out, more in (("vae", "s.npz", ()), ("rows", "rows/", ()), ("vae", "s.png", ("--no-mark",))):
        assert "sign" in refused("sample", tiny_runs / run, "--out", f"{tmp_path}/{out}", "--sign", *ada, *more)
        assert not (tmp_path / out).exists()

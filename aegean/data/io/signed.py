"""Signed provenance: a C2PA manifest in a picture or a sound, under the user's own certificate. Nothing leaves the
machine: no time stamp is asked for, so a signature can be checked while its certificate is valid."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from aegean import __version__
from aegean.config import UserError
from aegean.data.io.show import png

Sign = Callable[[bytes, str], bytes]  # a PNG, JPEG or WAV, and its digital source type -> the same, signed

FORMATS = {b"\x89PNG": "image/png", b"\xff\xd8": "image/jpeg", b"RIFF": "audio/wav"}
LIMIT = 1 << 20  # bytes of a certificate or key
SETTINGS = {"builder": {"thumbnail": {"enabled": False}}}  # one of a small picture is larger than the picture


def signing(certificate: str | Path, key: str | Path) -> Sign:
    """How files are signed. certificate: PEM, with those that vouch for it behind it. key: its private key, PEM without
    a password. UserError: the extra is missing, or they are not what C2PA allows; tried on a picture at once."""
    try:
        import c2pa
    except ImportError:
        raise UserError("Signed files need the library c2pa-python: pip install 'aegean[c2pa]'") from None
    chain, secret, algorithm = _read(certificate, key)
    signer = c2pa.Signer.from_info(c2pa.C2paSignerInfo(algorithm, chain, secret, None))
    context = c2pa.Context.from_dict(SETTINGS)

    def sign(data: bytes, source: str) -> bytes:
        action = {"action": "c2pa.created", "digitalSourceType": source}
        manifest = {
            "claim_generator_info": [{"name": "aegean", "version": __version__}],
            "assertions": [{"label": "c2pa.actions", "data": {"actions": [action]}}],
        }
        mime = next(mime for magic, mime in FORMATS.items() if data.startswith(magic))
        out = io.BytesIO()
        try:
            c2pa.Builder(json.dumps(manifest), context).sign(signer, mime, io.BytesIO(data), out)
        except c2pa.C2paError as error:
            raise UserError(f"{certificate} cannot sign: {error}") from None
        return out.getvalue()

    sign(png(Image.fromarray(np.zeros((1, 1), np.uint8))), "")
    return sign


def _read(certificate: str | Path, key: str | Path) -> tuple[bytes, bytes, str]:
    """Both in the form that is asked for, and the algorithm of the key. UserError: damaged, or not of each other."""
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization

    chain, text = (_bytes(file) for file in (certificate, key))
    try:
        owner = x509.load_pem_x509_certificates(chain)[0].public_key()
    except ValueError:
        raise UserError(f"{certificate} is no certificate in PEM (-----BEGIN CERTIFICATE-----).") from None
    try:
        private = serialization.load_pem_private_key(text, None)
    except (TypeError, ValueError):
        raise UserError(f"{key} is no private key in PEM without a password.") from None
    if private.public_key() != owner:
        raise UserError(f"{key} is not the private key of {certificate}.")
    form = serialization.PrivateFormat.PKCS8
    secret = private.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    return chain, secret, _algorithm(private, key)


def _algorithm(private: Any, key: str | Path) -> str:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if isinstance(private, ed25519.Ed25519PrivateKey):
        return "ed25519"
    if isinstance(private, rsa.RSAPrivateKey):
        return "ps256"
    found = {256: "es256", 384: "es384", 521: "es512"}
    if isinstance(private, ec.EllipticCurvePrivateKey) and private.curve.key_size in found:
        return found[private.curve.key_size]
    raise UserError(f"{key} is of a kind that C2PA does not know; expected ECDSA (P-256, P-384, P-521), RSA, Ed25519.")


def _bytes(file: str | Path) -> bytes:
    path = Path(file)
    if not path.is_file():
        raise UserError(f"{file} is no file.")
    with path.open("rb") as stream:
        return stream.read(LIMIT)

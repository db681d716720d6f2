"""A judge asked the same thing in other ways: how often it contradicts itself, without a single label."""

from genspace.certificate._certify import (
    Certificate,
    CertificateDocument,
    Contradiction,
    certify,
    keep,
    kept,
    varied,
    versions_for,
)
from genspace.certificate._ways import DEFAULT_WAYS, WAYS

__all__ = [
    "DEFAULT_WAYS",
    "WAYS",
    "Certificate",
    "CertificateDocument",
    "Contradiction",
    "certify",
    "keep",
    "kept",
    "varied",
    "versions_for",
]

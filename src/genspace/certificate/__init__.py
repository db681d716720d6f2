"""How often a judge contradicts itself when it is asked the same thing in other ways; needs no labels."""

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

"""TLS to the broker, made of the files that the settings name."""

import ssl
from pathlib import Path


def tls_context(ca_file: Path | None, cert_file: Path | None, key_file: Path | None) -> ssl.SSLContext:
    """Whom to trust (without a file whom the system trusts), and how to prove who we are.

    ValueError names the file that is of no use.
    """
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except OSError as error:  # ssl.SSLError is one
        raise ValueError(f"ca_file {ca_file} holds no certificate that can be used: {_why(error)}") from error
    if cert_file is not None:
        try:
            # Nobody is there to be asked for a password.
            context.load_cert_chain(cert_file, key_file, password=lambda: b"")
        except (OSError, ValueError) as error:
            raise ValueError(
                f"cert_file {cert_file} and key_file {key_file} must be a certificate and its key without password, "
                f"both PEM: {_why(error)}"
            ) from error
    return context


def _why(error: Exception) -> str:
    """In OpenSSL's words where it has any."""
    reason = getattr(error, "reason", None)
    words = reason.replace("_", " ").lower() if isinstance(reason, str) else None
    return words or getattr(error, "strerror", None) or str(error)

"""Whose certificates are trusted.

This module is part of the bootstrap's text too (``penstock.compiler.packaging.bootstrap``): no Penstock, and no syntax
newer than 3.7.
"""

from __future__ import annotations

import os
import ssl

_WITH_A_BUNDLE = ("certifi", "botocore")
"""Packages that bring ``cacert.pem``, for systems without one."""


def tls_context(ca_bundle: str | None) -> ssl.SSLContext:
    """Trusts the file ``ca_bundle``, else what the system (or SSL_CERT_FILE) trusts, else what an installed package
    brings.

    Raises OSError where the file cannot be read.
    """
    if ca_bundle:
        return ssl.create_default_context(cafile=ca_bundle)
    context = ssl.create_default_context()
    folder = ssl.get_default_verify_paths().capath
    if not context.get_ca_certs() and not (folder and os.path.isdir(folder) and os.listdir(folder)):
        from importlib.util import find_spec

        for package in _WITH_A_BUNDLE:
            spec = find_spec(package)
            bundle = os.path.join(os.path.dirname(spec.origin), "cacert.pem") if spec and spec.origin else ""
            if os.path.exists(bundle):
                context.load_verify_locations(cafile=bundle)
                break
    return context

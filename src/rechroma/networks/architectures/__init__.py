"""The architectures, one module each; :mod:`rechroma.networks.registry` lists them."""

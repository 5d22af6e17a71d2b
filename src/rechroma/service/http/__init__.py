"""The HTTP application: app factory, routes, uploads, server-sent events and OpenAPI document."""

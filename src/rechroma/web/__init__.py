"""The page: photographs are dropped, looked at in color, put right and taken home.

What the browser gets is in `static/`, as it stands there: ES modules and CSS that nothing is made
of. All that it does goes through the REST API.
"""

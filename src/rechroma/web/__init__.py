"""The web page: upload photographs, view them in color, correct them and download the results.

`static/` holds ES modules and CSS that are served as they are, without a build. The page uses
nothing but the REST API, or, as a static site (`site`), the model in the browser.
"""

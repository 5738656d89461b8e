"""Charts as SVG that stands alone inside a page: no scripts, no fonts, colours from the page's style sheet."""

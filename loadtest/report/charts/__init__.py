"""Charts as SVG that stands alone inside a page.

They have no scripts and no fonts, and take their colours from the page's style sheet.
"""

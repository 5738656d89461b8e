"""The demo: a whole gateway started, asked, loaded, shown and stopped."""

"""The demo: a whole gateway is started, asked, put under load, shown and stopped."""

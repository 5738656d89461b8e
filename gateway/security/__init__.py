"""Who may come in, how much they may ask for, and how requests are read; `door` is what the routes see."""

"""Who may come in, and how much they may ask for; `door` is what the routes see."""

"""What people look at: verdict, charts and the HTML page."""

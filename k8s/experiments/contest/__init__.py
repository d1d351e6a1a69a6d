"""What `compare` is made of: run folders read, figures, repeats, the front, the table and the page. Standard library only."""

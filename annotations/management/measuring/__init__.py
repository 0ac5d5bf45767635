"""What `manage.py measure` can measure: one measurement a module."""

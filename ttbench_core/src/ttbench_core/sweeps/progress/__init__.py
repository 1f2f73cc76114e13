"""What people see while a sweep runs."""

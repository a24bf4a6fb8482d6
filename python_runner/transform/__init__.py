"""Running dbt and reading its manifest."""

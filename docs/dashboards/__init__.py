"""The Grafana dashboards, a module for each; ``docs/make_dashboards.py`` writes their files."""

"""A developer's project on localstage: its template and code packaged, deployed, watched."""

"""Rules of who is served what: permissions, channel access, allowlist, flood control."""

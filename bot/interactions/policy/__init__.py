"""Access policy: permissions, channel access, allowlist, flood control, limits."""

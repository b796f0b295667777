"""Discord side of `/search`: the cog and its paging buttons."""

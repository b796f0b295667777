"""Markdown texts as Hypothesis draws them: prose, lists, headings, code, tables."""

from hypothesis import strategies as st

words = st.text(alphabet="abcäß", min_size=1, max_size=8)
prose = st.lists(words, min_size=1, max_size=120).map(" ".join)
markdown = st.lists(
    st.one_of(
        prose,
        prose.map("- {}".format),
        words.map("# {}".format),
        words.map("### {}".format),
        words.map("```sh\n# {}\n```".format),
        st.just("| a | b |\n|---|---|\n| 1 | 2 |"),
        st.just(""),
    ),
    max_size=12,
).map("\n\n".join)

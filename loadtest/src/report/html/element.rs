//! Elements of a page, from which no text can escape: names are the program's own words, and whatever
//! else goes in is text, written as such. Entered by every room that draws or tells.

use std::fmt::{self, Display, Write};

use crate::report::visible::{TEXT_CHARS_MAX, is_hidden};

/// An element with what is in it.
#[derive(Clone, Debug)]
pub(super) struct Element {
    name: &'static str,
    attributes: Vec<(&'static str, String)>,
    nodes: Vec<Node>,
}

#[derive(Clone, Debug)]
enum Node {
    Element(Element),
    Text(String),
    /// Text of the program's own that needs no escape, such as a style sheet.
    Fixed(&'static str),
}

/// An empty element.
pub(super) fn element(name: &'static str) -> Element {
    Element {
        name,
        attributes: Vec::new(),
        nodes: Vec::new(),
    }
}

impl Element {
    /// With an attribute.
    pub(super) fn with(mut self, name: &'static str, value: impl Display) -> Self {
        self.attributes.push((name, value.to_string()));
        self
    }

    /// With a class.
    pub(super) fn class(self, names: impl Display) -> Self {
        self.with("class", names)
    }

    /// With a text.
    pub(super) fn text(mut self, text: impl Display) -> Self {
        self.nodes.push(Node::Text(text.to_string()));
        self
    }

    /// With a text that goes in as it is.
    pub(super) fn fixed(mut self, text: &'static str) -> Self {
        self.nodes.push(Node::Fixed(text));
        self
    }

    /// With another element in it.
    pub(super) fn child(mut self, child: Self) -> Self {
        self.nodes.push(Node::Element(child));
        self
    }

    /// With others in it, in order; an `Option` is none or one.
    pub(super) fn children(mut self, children: impl IntoIterator<Item = Self>) -> Self {
        self.nodes.extend(children.into_iter().map(Node::Element));
        self
    }
}

impl Display for Element {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "<{}", self.name)?;
        for (name, value) in &self.attributes {
            write!(out, " {name}=\"")?;
            escape(out, value.chars())?;
            out.write_char('"')?;
        }
        out.write_char('>')?;
        if matches!(self.name, "meta" | "link") {
            return Ok(());
        }
        for node in &self.nodes {
            match node {
                Node::Element(element) => element.fmt(out)?,
                Node::Text(text) => {
                    let mut chars = text.chars();
                    escape(out, chars.by_ref().take(TEXT_CHARS_MAX))?;
                    if chars.next().is_some() {
                        out.write_char('…')?;
                    }
                }
                Node::Fixed(text) => out.write_str(text)?,
            }
        }
        write!(out, "</{}>", self.name)
    }
}

fn escape(out: &mut fmt::Formatter<'_>, chars: impl Iterator<Item = char>) -> fmt::Result {
    for char in chars {
        match char {
            '&' => out.write_str("&amp;")?,
            '<' => out.write_str("&lt;")?,
            '>' => out.write_str("&gt;")?,
            '"' => out.write_str("&quot;")?,
            '\'' => out.write_str("&#39;")?,
            '\n' => out.write_char('\n')?,
            char if is_hidden(char) => {
                write!(out, "{}", char.escape_unicode())?;
            }
            char => out.write_char(char)?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_nest() {
        let list = element("ul")
            .class("a b")
            .children([1, 2].map(|n| element("li").text(n)));
        assert_eq!(
            list.to_string(),
            "<ul class=\"a b\"><li>1</li><li>2</li></ul>"
        );
        assert_eq!(
            element("meta").with("name", "x").to_string(),
            "<meta name=\"x\">"
        );
        assert_eq!(
            element("style").fixed("a > b").to_string(),
            "<style>a > b</style>"
        );
    }

    #[test]
    fn no_text_gets_out() {
        let hostile = "</p><script>alert(1)</script>\" onload='x' &amp;";
        let escaped =
            "&lt;/p&gt;&lt;script&gt;alert(1)&lt;/script&gt;&quot; onload=&#39;x&#39; &amp;amp;";
        let found = element("p")
            .with("title", hostile)
            .text(hostile)
            .to_string();
        assert_eq!(found, format!("<p title=\"{escaped}\">{escaped}</p>"));
    }

    #[test]
    fn what_does_not_show_is_shown() {
        let found = element("p").text("a\0b\u{1b}[31m\u{202e}c\nd").to_string();
        assert_eq!(found, "<p>a\\u{0}b\\u{1b}[31m\\u{202e}c\nd</p>");
    }

    #[test]
    fn long_texts_are_cut() {
        let found = element("p")
            .text("é".repeat(TEXT_CHARS_MAX + 1))
            .to_string();
        assert_eq!(
            found.chars().count(),
            TEXT_CHARS_MAX + "<p>…</p>".chars().count()
        );
        let whole = element("p").text("é".repeat(TEXT_CHARS_MAX)).to_string();
        assert!(!whole.contains('…'));
        let path = "L1 2".repeat(TEXT_CHARS_MAX);
        let drawn = element("path").with("d", &path).to_string();
        assert!(drawn.contains(&path), "what is drawn is whole");
    }
}

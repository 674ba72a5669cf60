//! `{{name}}` in a check's later steps: a captured value, as it is or as its place wants it.

/// How a value is put in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// As it was captured.
    Plain,
    /// For an address or a form: all but letters, digits and `-._~` is percent-encoded.
    UrlEncode,
    /// As a JSON text, with its quotes.
    Json,
}

/// What stands between `{{` and `}}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placeholder<'a> {
    /// The captured value's name.
    pub name: &'a str,
    /// How it is put in.
    pub filter: Filter,
}

impl Placeholder<'_> {
    /// Reads `name`, `name|urlencode` or `name|json`.
    ///
    /// # Errors
    /// The filter, which is none.
    pub fn read(inside: &str) -> Result<Placeholder<'_>, &str> {
        let Some((name, filter)) = inside.split_once('|') else {
            return Ok(Placeholder { name: inside.trim(), filter: Filter::Plain });
        };
        let filter = match filter.trim() {
            "urlencode" => Filter::UrlEncode,
            "json" => Filter::Json,
            other => return Err(other),
        };
        Ok(Placeholder { name: name.trim(), filter })
    }
}

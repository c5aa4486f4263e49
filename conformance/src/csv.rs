//! The tables in `data/`.

use std::collections::HashMap;

/// A row: column name to text.
pub type Row = HashMap<String, String>;

/// Reads a table of `data/`.
///
/// # Panics
/// If it cannot be read or a row has another number of fields than the heading.
pub fn table(name: &str) -> Vec<Row> {
    let path = format!("{}/data/{name}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
    let mut lines = text.lines().map(fields);
    let heading = lines.next().expect("a heading");
    lines
        .map(|fields| {
            assert_eq!(fields.len(), heading.len(), "{path}: {fields:?}");
            heading.iter().cloned().zip(fields).collect()
        })
        .collect()
}

/// Splits one line at its commas; a field may be in double quotes, a doubled quote inside stands for one.
pub fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                fields.last_mut().expect("one").push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            c => fields.last_mut().expect("one").push(c),
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_field_keeps_commas_and_quotes() {
        assert_eq!(fields(r#"a,"b,""c""",d"#), ["a", r#"b,"c""#, "d"]);
    }
}

//! Names that resemble a misspelt one.

/// How many names are suggested at most.
const MAX_SUGGESTIONS: usize = 3;
/// How many names are listed if none is near.
const MAX_LISTED: usize = 24;

/// A hint for an unknown name: those of `names` that differ little from it, else all of them.
pub(crate) fn hint(unknown: &str, names: &[&str]) -> String {
    let limit = (unknown.chars().count() / 3).max(1);
    let mut near: Vec<(usize, &str)> = names
        .iter()
        .map(|&name| (distance(unknown, name), name))
        .filter(|(distance, _)| *distance <= limit)
        .collect();
    near.sort_unstable();
    near.truncate(MAX_SUGGESTIONS);
    if !near.is_empty() {
        return format!("did you mean {}?", join(near.into_iter().map(|(_, name)| name)));
    }
    let more = if names.len() > MAX_LISTED { " and others" } else { "" };
    match names.len() {
        0 => "this code may only use locals and mathematical functions".to_owned(),
        _ => format!("this code may use {}{more}", join(names.iter().copied().take(MAX_LISTED))),
    }
}

fn join<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// Number of insertions, deletions and replacements between two words, ignoring case.
fn distance(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.chars().map(|c| c.to_ascii_lowercase()).collect();
    let right: Vec<char> = right.chars().map(|c| c.to_ascii_lowercase()).collect();
    // A long name of one side only cannot be near; this bounds the work for hostile input.
    if left.len().abs_diff(right.len()) > right.len().max(8) {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        assert_eq!(distance("isyn", "Isyn"), 0);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "ab"), 2);
    }

    #[test]
    fn near_names_first() {
        let names = ["Isyn", "V", "tau"];
        assert_eq!(hint("isin", &names), "did you mean `Isyn`?");
        assert_eq!(hint("other", &names), "this code may use `Isyn`, `V`, `tau`");
    }
}

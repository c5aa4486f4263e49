//! Writes the described part of the corpus.

use std::{fs, path::Path};

fn main() -> std::io::Result<()> {
    for seed in ferrozmq_fuzz::seeds::seeds() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(seed.path());
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(path, seed.bytes)?;
    }
    Ok(())
}

//! A program that loads the library at run time and unloads it, with threads that live on.

use interop::chapter::count;
use interop::{Program, Subject};

#[test]
fn the_library_can_be_loaded_and_unloaded_again_and_again() {
    let subject = Subject::from_env();
    let program = subject.build("interop/c").join("reload");
    let library = subject.library().display().to_string();
    let rounds = count(20, 3);
    let program = Program::start(&program, &[("LIBRARY", &library), ("ROUNDS", &rounds)]);
    assert_eq!(program.finish(), [format!("{rounds} rounds")]);
}

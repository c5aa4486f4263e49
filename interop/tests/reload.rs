//! Programs that load the library at run time and unload it: with threads that live on, and from a plugin whose
//! constructor and destructor use it.

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

#[test]
fn a_plugin_s_constructor_and_destructor_may_use_it() {
    let subject = Subject::from_env();
    let programs = subject.build("interop/c");
    let plugin = programs.join("plugin.so").display().to_string();
    let libraries = subject.lib_dir().display().to_string();
    for endpoint in ["inproc://plugin", "ipc://*", "tcp://127.0.0.1:*"] {
        let variables = [("PLUGIN", &*plugin), ("ENDPOINT", endpoint), ("LD_LIBRARY_PATH", &libraries)];
        let program = Program::start(&programs.join("plugin"), &variables);
        assert_eq!(
            program.finish(),
            ["used in the constructor", "used in the destructor", "unloaded"],
            "{endpoint}"
        );
    }
}

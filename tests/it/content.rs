//! What an environment is made of: values, templates, and services in their order.

mod depends;
mod imports;
mod root;
mod templates;

use crate::world::{World, files_below};

/// Gates and values as YAML, and services: (name, source folder, more fields, target below `srv`).
fn written(world: &mut World, who: &str, name: &str, spec: &str, services: &[(&str, &str, &str, &str)]) {
    let empty = if services.is_empty() { " []" } else { "" };
    let mut spec = format!("{}\nservices:{empty}\n", spec.trim_end());
    for (service, path, more, target) in services {
        let target = world.target(target).display().to_string();
        spec += &format!("  - {{ name: {service}, type: files, path: {path}, target: {target}{more} }}\n");
    }
    let text = crate::world::document("Environment", name, &spec);
    world.file(who, &format!("environments/{name}/environment.yaml"), &text);
}

/// The file of a target on the host.
fn on_host(world: &World, target: &str, file: &str) -> Option<String> {
    files_below(&world.target(target)).get(file).map(|bytes| String::from_utf8_lossy(bytes).into_owned())
}

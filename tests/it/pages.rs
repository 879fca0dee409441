//! The pages of the project are held against the program.

use std::fs;
use std::path::Path;

use countersign::settings::Settings;

use crate::shell::{Shell, blocks, is_as_expected};

#[test]
fn the_readme_shows_what_the_demo_prints() {
    let readme = fs::read_to_string("README.md").unwrap();
    assert!(readme.contains("\n    countersign demo\n"), "the command that is run here is the README's");
    let shown = blocks("README.md", &["text"]);
    assert_eq!(shown.len(), 1);
    let told = Shell::bare().run("countersign demo");
    assert!(is_as_expected(&shown[0].1, &told), "{told}\nis not\n{}", shown[0].1);
}

#[test]
fn the_settings_page_shows_every_field_with_its_default() {
    let page = blocks("docs/operating.md", &["yaml"]);
    assert_eq!(page.len(), 1);
    let read = |text: &str| Settings::parse("settings.yaml", Path::new("/etc/countersign"), text.as_bytes());
    let shown = read(&page[0].1).unwrap();
    let smallest = fs::read_to_string("fixtures/settings/good-smallest.yaml").unwrap();
    assert_eq!(shown, read(&smallest).unwrap());
}

#[test]
fn links_between_pages_lead_somewhere() {
    let mut pages = vec!["README.md".to_owned(), "CHANGELOG.md".to_owned()];
    for folder in ["docs", "examples"] {
        for entry in fs::read_dir(folder).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            pages.push(format!("{folder}/{name}"));
        }
    }
    for page in pages.iter().filter(|page| page.ends_with(".md")) {
        let text = fs::read_to_string(page).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link) {
            let local = link.split('#').next().unwrap();
            if !local.is_empty() && !local.contains("://") {
                let path = Path::new(page).parent().unwrap().join(local);
                assert!(path.exists(), "{page} links to `{link}`, which is not there");
            }
        }
    }
}

//! The modules of a crate and the paths that they use.

use std::{fmt, fs};

use anyhow::Context;
use syn::spanned::Spanned;
use syn::visit::Visit;
use syn::{Attribute, Item, ItemMod, Meta, UseTree};

/// The path of a module from the crate root, without `crate`.
pub(super) type Path = Vec<String>;

/// A module and the paths that it uses, without tests.
#[derive(Debug)]
pub(super) struct Module {
    pub(super) path: Path,
    pub(super) uses: Vec<Use>,
}

impl fmt::Display for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&name(&self.path))
    }
}

/// A path with its first segment resolved: `crate`, or the name of another crate.
#[derive(Debug)]
pub(super) struct Use {
    segments: Path,
    pub(super) line: usize,
}

impl Use {
    /// The segments after `crate`. `None` if the path leads to another crate.
    pub(super) fn in_crate(&self) -> Option<&[String]> {
        self.segments.split_first().filter(|(first, _)| *first == "crate").map(|(_, rest)| rest)
    }

    /// Whether the path starts with one of the prefixes.
    pub(super) fn starts_with_any(&self, prefixes: &[&[&str]]) -> bool {
        let starts = |prefix: &&[&str]| {
            prefix.len() <= self.segments.len() && prefix.iter().zip(&self.segments).all(|(a, b)| a == b)
        };
        prefixes.iter().any(starts)
    }
}

impl fmt::Display for Use {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&name(&self.segments))
    }
}

/// A module path as text.
pub(super) fn name(path: &[String]) -> String {
    if path.is_empty() { "crate".to_owned() } else { path.join("::") }
}

/// Reads all modules of the crate with this root file.
pub(super) fn read(root: &std::path::Path) -> anyhow::Result<Vec<Module>> {
    let mut modules = Vec::new();
    read_module(root, &root.with_file_name(""), Path::new(), &mut modules)?;
    Ok(modules)
}

/// Reads the file of a module, and those of its child modules, which are in `folder`.
fn read_module(
    file: &std::path::Path,
    folder: &std::path::Path,
    path: Path,
    modules: &mut Vec<Module>,
) -> anyhow::Result<()> {
    let source = fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let syntax = syn::parse_file(&source).with_context(|| file.display().to_string())?;
    modules.push(Module { uses: uses(&path, &syntax), path: path.clone() });
    for item in &syntax.items {
        let Item::Mod(ItemMod { content: None, attrs, ident, .. }) = item else { continue };
        if !is_for_tests(attrs) {
            let name = ident.to_string();
            let file = folder.join(format!("{name}.rs"));
            read_module(&file, &folder.join(&name), [path.clone(), vec![name]].concat(), modules)?;
        }
    }
    Ok(())
}

/// Parses a module from its source, for tests.
#[cfg(test)]
pub(super) fn parse(path: &str, source: &str) -> syn::Result<Module> {
    let path: Path = path.split("::").map(str::to_owned).collect();
    Ok(Module { uses: uses(&path, &syn::parse_file(source)?), path })
}

fn uses(path: &Path, syntax: &syn::File) -> Vec<Use> {
    let mut collector = Collector { module: path, uses: Vec::new() };
    collector.visit_file(syntax);
    collector.uses
}

struct Collector<'a> {
    module: &'a Path,
    uses: Vec<Use>,
}

impl Collector<'_> {
    /// Adds a path whose first segment leads out of the module: `crate`, `super`, or another crate.
    fn add(&mut self, segments: &[String], line: usize) {
        let supers = segments.iter().take_while(|segment| *segment == "super").count();
        let segments = match segments.first().map(String::as_str) {
            Some("super") => {
                let parent = &self.module[..self.module.len().saturating_sub(supers)];
                [&["crate".to_owned()], parent, &segments[supers..]].concat()
            }
            Some("self") => return,
            _ => segments.to_vec(),
        };
        // A path of one segment names no item in another module.
        if segments.len() > 1 {
            self.uses.push(Use { segments, line });
        }
    }

    fn add_tree(&mut self, tree: &UseTree, prefix: &[String]) {
        match tree {
            UseTree::Path(path) => self.add_tree(&path.tree, &[prefix, &[path.ident.to_string()]].concat()),
            UseTree::Name(name) if name.ident == "self" => self.add(prefix, name.span().start().line),
            UseTree::Name(name) => self.add(&[prefix, &[name.ident.to_string()]].concat(), name.span().start().line),
            UseTree::Rename(name) => self.add(&[prefix, &[name.ident.to_string()]].concat(), name.span().start().line),
            UseTree::Glob(glob) => self.add(prefix, glob.span().start().line),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.add_tree(tree, prefix)),
        }
    }
}

impl<'ast> Visit<'ast> for Collector<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_for_tests(attributes(item)) {
            syn::visit::visit_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.add_tree(&item.tree, &[]);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Path = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.add(&segments, path.span().start().line);
        syn::visit::visit_path(self, path);
    }
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Mod(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Const(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        _ => &[],
    }
}

/// Whether a `cfg` requires tests or a fuzzer.
fn is_for_tests(attributes: &[Attribute]) -> bool {
    let names_tests = |list: &syn::MetaList| {
        let text = list.tokens.to_string();
        text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| matches!(word, "test" | "doctest"))
            && !text.contains("not (test")
    };
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) => list.path.is_ident("cfg") && names_tests(list),
        _ => false,
    })
}

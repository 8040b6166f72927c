//! A network's weights in somebody else's file: under other names, behind a prefix.
//!
//! Nobody has to say what stands before the names: it is what the file's names begin with where
//! they end as the network's do.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
};

use super::{ARCHS, Arch};
use crate::{
    Error, OtherWeights, Result,
    weights::{LoadReport, StateDict, Weight},
};

/// Another program's names of a network's weights.
#[derive(Debug, Clone, Copy)]
pub struct Naming {
    pub whose: &'static str,
    /// The name there of one of ours; nothing for what is not of the body.
    pub theirs: fn(&str) -> Option<String>,
}

/// Ours, which are torchvision's.
const OURS: Naming = Naming { whose: "torchvision", theirs: |name| Some(name.to_owned()) };

/// fastai's, of a network whose body is its first child.
pub(super) fn first_child(name: &str) -> Option<String> {
    Some(format!("0.{}", name.strip_prefix("features.")?))
}

/// Parts that PyTorch's wrappers put anywhere into a name: those of several devices, of
/// `torch.compile`, of checkpointed activations.
const WRAPPERS: [&str; 5] = [
    "module",
    "_orig_mod",
    "_forward_module",
    "_fsdp_wrapped_module",
    "_checkpoint_wrapped_module",
];

/// Where several networks fit, one whose prefix has such a part is meant: the average over the steps
/// rather than the last one, the network that was trained rather than the one that follows it.
const PREFERRED: [&str; 5] = ["ema", "averaged", "teacher", "encoder_q", "base_encoder"];

/// This share of a body's parameters, and of its tensors, must be there.
const LEAST: f64 = 0.9;

/// Up to this many names are shown.
const SHOWN: usize = 4;

fn namings(arch: &Arch) -> impl Iterator<Item = Naming> {
    std::iter::once(OURS).chain(arch.names.iter().copied())
}

/// A name without what PyTorch's wrappers put into it.
fn unwrapped(name: &str) -> String {
    let parts = name.split('.').filter(|part| !WRAPPERS.contains(part));
    parts.collect::<Vec<_>>().join(".")
}

/// What stands before `end` in `name`, if it ends so.
fn prefix<'a>(name: &'a str, end: &str) -> Option<&'a str> {
    name.strip_suffix(end).filter(|prefix| prefix.is_empty() || prefix.ends_with('.'))
}

/// The architecture whose weights these are, whoever named them and whatever stands before the
/// names.
pub fn recognize(weights: &StateDict) -> Option<&'static Arch> {
    let weights: Vec<(String, &[usize])> =
        weights.iter().map(|(name, weight)| (unwrapped(name), &weight.shape[..])).collect();
    let is_there = |end: &str, wanted: &[usize]| {
        weights.iter().any(|(name, shape)| prefix(name, end).is_some() && *shape == wanted)
    };
    ARCHS.iter().rev().find(|arch| {
        arch.known_by.is_some_and(|(name, shape)| {
            let theirs = namings(arch).filter_map(|naming| (naming.theirs)(name));
            theirs.into_iter().any(|end| is_there(&end, shape))
        })
    })
}

/// The weights of a body by our names, with a report of what else there is behind the same prefix.
/// `body` has the fresh ones.
///
/// # Errors
/// [`Error::OtherWeights`] if they are mostly not there, or beside many others.
pub(super) fn of_body(
    arch: &Arch,
    body: &StateDict,
    weights: StateDict,
) -> Result<(StateDict, LoadReport)> {
    let weights = weights.renamed(unwrapped);
    let ends = ends(&weights);
    let best = namings(arch)
        .flat_map(|naming| places(naming, body, &ends))
        .max_by_key(|place| (place.parameters, Reverse(place.rank())));
    let Some(place) = best else { return Err(other_weights(arch, body, &weights, 0, 0)) };
    let mut found = StateDict::default();
    let mut report = LoadReport::default();
    let mut used = Vec::new();
    let mut children = Vec::new();
    for (ours, fresh) in body.iter() {
        let Some(theirs) = (place.naming.theirs)(ours) else {
            report.missing.push(ours.to_owned());
            continue;
        };
        let child = theirs.split('.').next().unwrap_or_default().to_owned();
        if !children.contains(&child) {
            children.push(child);
        }
        let name = format!("{}{theirs}", place.prefix);
        match weights.get(&name).and_then(|weight| fitted(weight, &fresh.shape)) {
            Some(weight) => found.insert(ours, weight.shape, weight.values),
            None => report.missing.push(ours.to_owned()),
        }
        used.push(name);
    }
    used.sort();
    let behind = weights.iter().filter_map(|(name, _)| {
        let is_used = used.binary_search_by(|used| used.as_str().cmp(name)).is_ok();
        name.strip_prefix(&place.prefix).filter(|_| !is_used)
    });
    report.unexpected = behind.map(str::to_owned).collect();
    let in_body = |name: &&String| {
        children.iter().any(|child| name.split('.').next() == Some(child.as_str()))
    };
    let others = report.unexpected.iter().filter(in_body).count();
    let all: usize = body.iter().map(|(_, weight)| weight.values.len()).sum();
    let is_whole = place.parameters as f64 >= LEAST * all as f64
        && found.len() as f64 >= LEAST * body.len() as f64
        && others as f64 <= (1.0 - LEAST) * body.len() as f64;
    match is_whole {
        true => Ok((found, report)),
        false => Err(other_weights(arch, body, &weights, found.len(), others)),
    }
}

fn other_weights(
    arch: &Arch,
    body: &StateDict,
    weights: &StateDict,
    found: usize,
    others: usize,
) -> Error {
    let names = |state: &StateDict| state.iter().take(SHOWN).map(|(name, _)| name.into()).collect();
    Error::OtherWeights(Box::new(OtherWeights {
        arch: arch.name,
        found,
        all: body.len(),
        others,
        there: names(weights),
        expected: names(body),
        like: recognize(weights).map(|like| like.name).filter(|like| *like != arch.name),
    }))
}

/// A prefix behind which there are weights of a body, by somebody's names.
struct Place {
    naming: Naming,
    prefix: String,
    parameters: usize,
}

impl Place {
    /// Lower is better.
    fn rank(&self) -> (usize, usize, String) {
        let parts = || self.prefix.split(['.', '_']).map(str::to_ascii_lowercase);
        let is_in = |wanted: &&str| {
            parts().any(|part| part == *wanted)
                || self.prefix.split('.').any(|part| part == *wanted)
        };
        let at = PREFERRED.iter().position(is_in).unwrap_or(PREFERRED.len());
        (at, self.prefix.len(), self.prefix.clone())
    }
}

/// Weights by every end of their names, each with what stands before it.
type Ends<'a> = HashMap<&'a str, Vec<(&'a str, &'a Weight)>>;

fn ends(weights: &StateDict) -> Ends<'_> {
    let mut ends = Ends::new();
    for (name, weight) in weights.iter() {
        let starts = name.match_indices('.').map(|(at, _)| at + 1);
        for at in std::iter::once(0).chain(starts) {
            ends.entry(&name[at..]).or_default().push((&name[..at], weight));
        }
    }
    ends
}

fn places(naming: Naming, body: &StateDict, ends: &Ends<'_>) -> Vec<Place> {
    let mut parameters: BTreeMap<&str, usize> = BTreeMap::new();
    for (ours, fresh) in body.iter() {
        let Some(theirs) = (naming.theirs)(ours) else { continue };
        for (prefix, weight) in ends.get(theirs.as_str()).into_iter().flatten() {
            if fits(&weight.shape, &fresh.shape) {
                *parameters.entry(prefix).or_default() += fresh.values.len();
            }
        }
    }
    let place = |(prefix, parameters): (&str, usize)| Place {
        naming,
        prefix: prefix.to_owned(),
        parameters,
    };
    parameters.into_iter().map(place).collect()
}

/// Whether a weight is of this shape, or becomes so by [`fitted`].
fn fits(found: &[usize], wanted: &[usize]) -> bool {
    match (found, wanted) {
        ([outputs, 3, kernel @ ..], [wanted_outputs, 1, wanted_kernel @ ..])
        | ([outputs, 1, kernel @ ..], [wanted_outputs, 3, wanted_kernel @ ..])
            if kernel.len() == 2 =>
        {
            outputs == wanted_outputs && kernel == wanted_kernel
        }
        _ => found == wanted,
    }
}

/// A weight of this shape. A convolution of color images takes gray ones with its weights summed
/// over the channels, as if each were the gray one; one of gray images takes color by a third each.
fn fitted(weight: &Weight, shape: &[usize]) -> Option<Weight> {
    if !fits(&weight.shape, shape) {
        return None;
    }
    if weight.shape == shape {
        return Some(weight.clone());
    }
    let plane: usize = shape[2..].iter().product();
    let kernels = weight.values.chunks_exact(plane * weight.shape[1]);
    let values = match shape[1] {
        1 => kernels
            .flat_map(|kernel| (0..plane).map(|at| kernel.iter().skip(at).step_by(plane).sum()))
            .collect(),
        n => kernels
            .flat_map(|kernel| {
                kernel.iter().map(|value| value / n as f32).collect::<Vec<_>>().repeat(n)
            })
            .collect(),
    };
    Some(Weight { shape: shape.to_vec(), values })
}

#[cfg(test)]
mod tests;

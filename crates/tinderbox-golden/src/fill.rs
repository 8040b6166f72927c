//! The deterministic fill: inputs and weights made from their names, with integers only.

/// FNV-1a, 64 bits.
pub fn fnv1a64(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The generator's numbers for `key`, multiples of 2⁻²³ in `[-1, 1)`.
pub fn uniform(seed: u64, key: &str) -> impl Iterator<Item = f64> {
    let hash = match seed {
        0 => fnv1a64(key.as_bytes()),
        seed => fnv1a64(format!("{seed}:{key}").as_bytes()),
    };
    (1u64..).map(move |i| {
        let z = hash.wrapping_add(i.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let z = z ^ (z >> 31);
        (z >> 40) as f64 / f64::from(1 << 23) - 1.0
    })
}

/// Values of a `role` of the vision fixtures: floats.
///
/// # Panics
/// If the role is unknown, or one of integers.
pub fn floats(seed: u64, key: &str, role: &str, shape: &[usize]) -> Vec<f32> {
    let elements: usize = shape.iter().product();
    let fan_in = elements as f64 / shape.first().copied().unwrap_or(1) as f64;
    let scale = |u: f64| match role {
        "weight" => (6.0 / fan_in).sqrt() * u,
        "scale" => 1.0 + 0.5 * u,
        "small" => 0.1 * u,
        "half" => 0.5 * u,
        "x" => u,
        "img" => f64::midpoint(u, 1.0),
        other => panic!("the fill has no role {other:?}"),
    };
    uniform(seed, key).take(elements).map(|u| scale(u) as f32).collect()
}

/// Values by the recipe of `golden/README.md`, which goes by the key and the number of axes.
pub fn recipe(seed: u64, key: &str, shape: &[usize]) -> Vec<f32> {
    let elements: usize = shape.iter().product();
    let fan_in = elements as f64 / shape.first().copied().unwrap_or(1) as f64;
    let name = key.rsplit('.').next().unwrap_or(key);
    let values = uniform(seed, key).take(elements);
    let scale = |u: f64| match (name, shape.len()) {
        _ if key.starts_with("input") => u,
        ("weight_g" | "weight", 1) | ("weight_g", _) => 1.0 + 0.1 * u,
        ("running_var", _) => 1.0 + 0.25 * u,
        ("num_batches_tracked", _) => 0.0,
        ("gamma", 1) => 0.5 + 0.1 * u,
        (_, 2..) => u * (3.0 / fan_in).sqrt(),
        _ => 0.1 * u,
    };
    if matches!((name, shape.len()), ("weight_u" | "weight_v", 1)) {
        let values: Vec<f64> = values.collect();
        let norm = values.iter().map(|u| u * u).sum::<f64>().sqrt();
        return values.into_iter().map(|u| (u / norm) as f32).collect();
    }
    values.map(|u| scale(u) as f32).collect()
}

/// Values of the role `intK`: integers in `0..k`.
pub fn integers(seed: u64, key: &str, k: u64, shape: &[usize]) -> Vec<i64> {
    let elements: usize = shape.iter().product();
    uniform(seed, key)
        .take(elements)
        .map(|u| (f64::midpoint(u, 1.0) * k as f64).floor() as i64)
        .collect()
}

/// The role of a model's state, which follows from the end of its key and its axes.
pub fn state_role(key: &str, shape: &[usize]) -> &'static str {
    let name = key.rsplit('.').next().unwrap_or(key);
    match name {
        "running_mean" => "small",
        "running_var" | "weight_g" => "scale",
        _ if shape.len() >= 2 => "weight",
        _ if name.starts_with("weight") => "scale",
        "bias" => "small",
        _ => "half",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The test vectors of `golden/README.md`.
    #[test]
    fn the_generator_gives_the_published_numbers() {
        let first = |seed, key: &str| uniform(seed, key).next().unwrap();
        assert_eq!(fnv1a64(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert!((first(0, "") - 0.527_389_049_5).abs() < 1e-9);
        assert!((first(0, "layer1.weight") + 0.550_994_277_0).abs() < 1e-9);
        assert!((first(7, "layer1.weight") - 0.639_716_386_8).abs() < 1e-9);
    }

    #[test]
    fn a_states_role_follows_from_its_key() {
        assert_eq!(state_role("2.running_var", &[8]), "scale");
        assert_eq!(state_role("0.weight", &[8, 3, 3, 3]), "weight");
        assert_eq!(state_role("0.weight_g", &[8, 1, 1, 1]), "scale");
        assert_eq!(state_role("2.weight", &[8]), "scale");
        assert_eq!(state_role("2.bias", &[8]), "small");
        assert_eq!(state_role("gamma", &[1]), "half");
    }
}

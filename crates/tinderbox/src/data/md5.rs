//! MD5, by which data sets are published. It finds broken downloads; it does not keep anyone from forging
//! a file.
//!
//! [RFC 1321](https://www.rfc-editor.org/rfc/rfc1321), 1992.

/// The digest in hexadecimal digits.
pub(super) fn md5(bytes: &[u8]) -> String {
    let mut state = [0x6745_2301_u32, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];
    let (blocks, rest) = bytes.as_chunks::<64>();
    for block in blocks {
        step(&mut state, block);
    }
    // A one bit, zeros, and the length in bits fill up the last block.
    let mut last = rest.to_vec();
    last.push(0x80);
    last.resize((last.len() + 8).next_multiple_of(64), 0);
    let end = last.len() - 8;
    last[end..].copy_from_slice(&(bytes.len() as u64).wrapping_mul(8).to_le_bytes());
    for block in last.as_chunks::<64>().0 {
        step(&mut state, block);
    }
    let bytes = state.iter().flat_map(|word| word.to_le_bytes());
    bytes.fold(String::new(), |digits, byte| digits + &format!("{byte:02x}"))
}

/// One block of 64 bytes.
fn step(state: &mut [u32; 4], block: &[u8; 64]) {
    const ROTATIONS: [[u32; 4]; 4] =
        [[7, 12, 17, 22], [5, 9, 14, 20], [4, 11, 16, 23], [6, 10, 15, 21]];
    let (words, _) = block.as_chunks::<4>();
    let [mut a, mut b, mut c, mut d] = *state;
    for i in 0..64 {
        let (mixed, word) = match i / 16 {
            0 => ((b & c) | (!b & d), i),
            1 => ((d & b) | (!d & c), 5 * i + 1),
            2 => (b ^ c ^ d, 3 * i + 5),
            _ => (c ^ (b | !d), 7 * i),
        };
        let constant = (((i + 1) as f64).sin().abs() * 4_294_967_296.0) as u32;
        let sum = a
            .wrapping_add(mixed)
            .wrapping_add(constant)
            .wrapping_add(u32::from_le_bytes(words[word % 16]));
        let next = b.wrapping_add(sum.rotate_left(ROTATIONS[i / 16][i % 4]));
        (a, d, c, b) = (d, c, b, next);
    }
    for (state, word) in state.iter_mut().zip([a, b, c, d]) {
        *state = state.wrapping_add(word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The test suite of the RFC, and lengths around a block.
    #[test]
    fn digests_are_those_of_the_standard() {
        for (text, digest) in [
            ("", "d41d8cd98f00b204e9800998ecf8427e"),
            ("abc", "900150983cd24fb0d6963f7d28e17f72"),
            ("message digest", "f96b697d7cb7938d525a2f31aaf161d0"),
            (
                "12345678901234567890123456789012345678901234567890123456789012345678901234567890",
                "57edf4a22be3c955ac49da2e2107b67a",
            ),
        ] {
            assert_eq!(md5(text.as_bytes()), digest, "{text}");
        }
        assert_eq!(md5(&[b'a'; 56]), "3b0c8ac703f828b04c6c197006d17218");
        assert_eq!(md5(&[b'a'; 64]), "014842d480b571495a4a0363793f7367");
    }
}

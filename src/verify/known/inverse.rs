//! Inversion modulo 2^255 − 19 by division steps: some 0.7 µs, where raising to the power p − 2 takes 5.
//!
//! The method is that of Bernstein and Yang, "Fast constant-time gcd computation and modular inversion" (2019): a
//! greatest common divisor of p and x that looks at the lowest bits alone. 62 steps at a time are done on one machine
//! word, and told as a 2 × 2 matrix that is then applied to the long numbers. Everything here is public, so the
//! time may depend on the numbers: runs of zero bits are taken in one go.
//!
//! ```text
//!   f, g = p, x          d, e = 0, 1          invariant: d·x ≡ f and e·x ≡ g (mod p)
//!   until g = 0:  (f, g) = M·(f, g) / 2^62,   (d, e) = M·(d, e) / 2^62 mod p
//!   f = ±1, so x⁻¹ = ±d
//! ```

/// A number below 2^310 or its negative: 5 limbs of 62 bits, the lowest first; only the last one is signed.
type Long = [i64; 5];

const LIMB_BITS: u32 = 62;
const LIMB_MASK: i64 = (1 << LIMB_BITS) - 1;

/// 2^255 − 19 = 128 · 2^248 − 19, in limbs.
const P: Long = [LIMB_MASK - 18, LIMB_MASK, LIMB_MASK, LIMB_MASK, 127];

/// 1/19 modulo 2^62, which is −1/p: what makes a number a multiple of 2^62 by adding p often enough.
const MINUS_P_INVERSE: u64 = inverse_of_odd(19) & LIMB_MASK as u64;

/// More batches than any number below p needs: (49 · 255 + 57) / 17 = 738 steps at most (section 11 of the paper).
const BATCHES_MAX: usize = 12;

const _: () = assert!(BATCHES_MAX as u32 * LIMB_BITS >= (49 * 255 + 57) / 17);
const _: () = assert!(19u64.wrapping_mul(inverse_of_odd(19)) == 1);

/// What 62 steps do to (f, g), times 2^62: `(u·f + v·g, q·f + r·g)`; the sum of the absolutes in a row is ≤ 2^62.
struct Matrix {
    u: i64,
    v: i64,
    q: i64,
    r: i64,
}

/// The inverse of `x`, both with the lowest byte first; anything if `x` is a multiple of p. The result may be above p.
pub(super) fn modulo_p(x: &[u8; 32]) -> [u8; 32] {
    let (mut f, mut g) = (P, from_bytes(x));
    let (mut d, mut e) = ([0; 5], [1, 0, 0, 0, 0]);
    let mut delta = 1;
    for _ in 0..BATCHES_MAX {
        let (next, matrix) =
            steps(delta, f[0] as u64 | (f[1] as u64) << 62, g[0] as u64 | (g[1] as u64) << 62);
        delta = next;
        (d, e) = (matrix_row(matrix.u, matrix.v, &d, &e), matrix_row(matrix.q, matrix.r, &d, &e));
        (f, g) = (exact_row(matrix.u, matrix.v, &f, &g), exact_row(matrix.q, matrix.r, &f, &g));
        if g == [0; 5] {
            break;
        }
    }
    to_bytes(&d, f[4] < 0)
}

/// 62 division steps on the lowest 64 bits of f, which is odd, and g.
fn steps(mut delta: i64, mut f: u64, mut g: u64) -> (i64, Matrix) {
    let Matrix { mut u, mut v, mut q, mut r } = Matrix { u: 1, v: 0, q: 0, r: 1 };
    let mut left = LIMB_BITS;
    loop {
        // While g is even a step halves it; to keep to whole numbers the other row doubles. A one above the bits
        // that are left ends the run.
        let zeros = (g | 1 << left).trailing_zeros();
        g >>= zeros;
        u <<= zeros;
        v <<= zeros;
        delta += i64::from(zeros);
        left -= zeros;
        if left == 0 {
            return (delta, Matrix { u, v, q, r });
        }
        if delta > 0 {
            delta = -delta;
            (f, g) = (g, f.wrapping_neg());
            (u, q) = (q, -u);
            (v, r) = (r, -v);
        }
        // As long as delta stays below 1 each step adds f or nothing to g: as many of them as 6 bits of 1/f tell are
        // one multiple of f.
        let bits = (1 - delta).min(i64::from(left)).min(6) as u32;
        let multiple = g.wrapping_mul(minus_inverse_of_6_bits(f)) & ((1 << bits) - 1);
        g = g.wrapping_add(f.wrapping_mul(multiple));
        q += u * multiple as i64;
        r += v * multiple as i64;
    }
}

/// −1/f modulo 2^6: f² is 1 modulo 8, so f is its own inverse there, and one Newton step doubles the bits.
fn minus_inverse_of_6_bits(f: u64) -> u64 {
    f.wrapping_mul(f.wrapping_mul(f).wrapping_sub(2))
}

/// (a·x + b·y) / 2^62 for a sum that is a multiple of it.
fn exact_row(a: i64, b: i64, x: &Long, y: &Long) -> Long {
    shifted_sum(a, b, x, y, 0)
}

/// (a·x + b·y) / 2^62 modulo p. What was below m times p in size is below (m + 1) times p afterwards, so after all
/// batches it is below 14 times p, and there is no need to reduce on the way.
fn matrix_row(a: i64, b: i64, x: &Long, y: &Long) -> Long {
    let low = a.wrapping_mul(x[0]).wrapping_add(b.wrapping_mul(y[0])) as u64;
    let multiple = low.wrapping_mul(MINUS_P_INVERSE) & LIMB_MASK as u64;
    shifted_sum(a, b, x, y, multiple as i64)
}

/// (a·x + b·y + multiple·p) / 2^62.
fn shifted_sum(a: i64, b: i64, x: &Long, y: &Long, multiple: i64) -> Long {
    let product = |at: usize| i128::from(a) * i128::from(x[at]) + i128::from(b) * i128::from(y[at]);
    let mut sum = product(0) - 19 * i128::from(multiple);
    debug_assert_eq!(sum as i64 & LIMB_MASK, 0);
    let mut out = [0; 5];
    for at in 1..5 {
        sum = (sum >> LIMB_BITS) + product(at);
        if at == 4 {
            sum += 128 * i128::from(multiple);
        }
        out[at - 1] = sum as i64 & LIMB_MASK;
    }
    out[4] = (sum >> LIMB_BITS) as i64;
    out
}

fn from_bytes(bytes: &[u8; 32]) -> Long {
    let [a, b, c, d] = words(bytes);
    let limb = |low: u64, high: u64, bit: u32| ((low >> bit | high << (64 - bit)) as i64) & LIMB_MASK;
    [a as i64 & LIMB_MASK, limb(a, b, 62), limb(b, c, 60), limb(c, d, 58), (d >> 56) as i64]
}

/// Above −14·p and below 14·p: made positive by adding 14·p, and then below 2^255 by folding what is above.
fn to_bytes(number: &Long, negative: bool) -> [u8; 32] {
    let sign = if negative { -1 } else { 1 };
    let mut limbs = [0u64; 5];
    let mut carry = 0i128;
    for at in 0..5 {
        let sum = i128::from(number[at]) * sign + 14 * i128::from(P[at]) + carry;
        limbs[at] = sum as u64 & LIMB_MASK as u64;
        carry = sum >> LIMB_BITS;
    }
    // Bits 255 and up: each counts 19. The second time it is a carry at most.
    for _ in 0..2 {
        let mut fold = (limbs[4] >> 7) * 19;
        limbs[4] &= 127;
        for limb in &mut limbs {
            let sum = *limb + fold;
            *limb = sum & LIMB_MASK as u64;
            fold = sum >> LIMB_BITS;
        }
    }
    let words = [
        limbs[0] | limbs[1] << 62,
        limbs[1] >> 2 | limbs[2] << 60,
        limbs[2] >> 4 | limbs[3] << 58,
        limbs[3] >> 6 | limbs[4] << 56,
    ];
    let mut out = [0; 32];
    for (bytes, word) in out.chunks_exact_mut(8).zip(words) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    out
}

/// 32 bytes as 4 words, the lowest first.
pub(super) fn words(bytes: &[u8; 32]) -> [u64; 4] {
    let mut words = [0; 4];
    for (word, bytes) in words.iter_mut().zip(bytes.as_chunks::<8>().0) {
        *word = u64::from_le_bytes(*bytes);
    }
    words
}

/// The inverse modulo 2^64, by Newton's steps.
const fn inverse_of_odd(number: u64) -> u64 {
    let mut inverse = number;
    let mut step = 0;
    while step < 6 {
        inverse = inverse.wrapping_mul(2u64.wrapping_sub(number.wrapping_mul(inverse)));
        step += 1;
    }
    inverse
}

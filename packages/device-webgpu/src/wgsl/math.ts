/**
 * The functions of a real variable in WGSL, form as in `helpers.ts`. Polynomials are minimax fits made for this file (Remez, on the ranges named beside
 * them); arguments are reduced by integer operations on bits and by products that are exact, so that an optimiser that reorders sums costs
 * an ulp and not the result. Owns accuracy and edges: NaN, infinities, signed zero, overflow. Read `helpers.ts` for the parts.
 */
import type { Helper } from './helpers.js';

export const mathHelpers = {
  // A difference that is exact and must not be merged with what is added next: optimisers reorder sums, but not across a clamp.
  kept: {
    calls: [],
    text: `fn kept@(x: F) -> F {
  return clamp(x, F(-65536.0), F(65536.0));
}`,
  },
  // 2^n for n from -126 to 127.
  power_of_two: {
    calls: [],
    text: `fn power_of_two@(n: I) -> F {
  return bitcast<F>((n + I(127)) << U(23u));
}`,
  },
  // x * 2^n, in two steps so that neither factor overflows.
  scaled: {
    calls: ['power_of_two'],
    text: `fn scaled@(x: F, n: I) -> F {
  let half = clamp(n, I(-252), I(254)) >> U(1u);
  return x * power_of_two@(half) * power_of_two@(clamp(n, I(-252), I(254)) - half);
}`,
  },
  // e^r - 1 for |r| <= ln(2) / 2.
  small_expm1: {
    calls: [],
    text: `fn small_expm1@(r: F) -> F {
  let q = fma(fma(fma(fma(F(0.001395060297), r, F(0.008368953502)), r, F(0.04166620412)), r, F(0.16666518306)), r, F(0.50000000957));
  return fma(r * r, q, r);
}`,
  },
  // The multiple of ln(2) that is nearest to x, and x less it.
  exp_steps: {
    calls: [],
    text: `fn exp_steps@(x: F) -> F {
  return round(x * F(1.4426950408889634));
}`,
  },
  exp_rest: {
    calls: ['kept'],
    text: `fn exp_rest@(x: F, n: F) -> F {
  return fma(n, F(-1.4286068203094172e-6), kept@(fma(n, F(-0.693145751953125), x)));
}`,
  },
  exp_: {
    calls: ['exp_steps', 'exp_rest', 'small_expm1', 'scaled', 'infinity', 'is_nan'],
    text: `fn exp_@(x: F) -> F {
  let inside = clamp(x, F(-104.0), F(89.0));
  let n = exp_steps@(inside);
  let y = scaled@(F(1.0) + small_expm1@(exp_rest@(inside, n)), I(n));
  return select(select(select(y, F(0.0), x < F(-104.0)), F(infinity()), x > F(88.722839)), x, is_nan@(x));
}`,
  },
  expm1_: {
    calls: ['exp_', 'exp_steps', 'exp_rest', 'small_expm1', 'power_of_two'],
    text: `fn expm1_@(x: F) -> F {
  let inside = clamp(x, F(-40.0), F(40.0));
  let n = exp_steps@(inside);
  let scale = power_of_two@(I(n));
  let y = fma(scale, small_expm1@(exp_rest@(inside, n)), scale - F(1.0));
  let near = select(y, x, x == F(0.0));
  return select(near, exp_@(x) - F(1.0), !(abs(x) < F(17.0)));
}`,
  },
  // |x|, times 2^149 where it is subnormal, which adapters may take for 0.
  normalized: {
    calls: [],
    text: `fn normalized@(x: F) -> F {
  let size = bitcast<U>(x) & U(0x7fffffffu);
  return select(bitcast<F>(size), F(size), size < U(0x800000u));
}`,
  },
  // log(1 + f) for f from sqrt(1/2) - 1 to sqrt(2) - 1.
  small_log1p: {
    calls: [],
    text: `fn small_log1p@(f: F) -> F {
  let s = f / (f + F(2.0));
  let z = s * s;
  let tail = z * fma(fma(fma(F(0.2358194755), z, F(0.2853735249)), z, F(0.4000033376)), z, F(0.6666666566));
  let half = F(0.5) * f * f;
  return f - (half - s * (half + tail));
}`,
  },
  log_: {
    calls: ['normalized', 'small_log1p', 'infinity', 'not_a_number', 'is_nan'],
    text: `fn log_@(x: F) -> F {
  let bits = bitcast<I>(normalized@(x)) - I(0x3f3504f3);
  let k = F(bits >> U(23u)) - select(F(0.0), F(149.0), (bitcast<U>(x) & U(0x7f800000u)) == U(0u));
  let f = bitcast<F>((bits & I(0x7fffff)) + I(0x3f3504f3)) - F(1.0);
  let y = fma(k, F(0.693145751953125), fma(k, F(1.4286068203094172e-6), small_log1p@(f)));
  let positive = select(y, x, x >= F(infinity()));
  let defined = select(positive, F(not_a_number()), (bitcast<U>(x) >> U(31u)) == U(1u));
  let edge = select(defined, F(-infinity()), (bitcast<U>(x) & U(0x7fffffffu)) == U(0u));
  return select(edge, x, is_nan@(x));
}`,
  },
  log1p_: {
    calls: ['small_log1p', 'log_'],
    text: `fn log1p_@(x: F) -> F {
  let near = select(small_log1p@(x), x, x == F(0.0));
  return select(log_@(x + F(1.0)), near, (x > F(-0.29)) & (x < F(0.41)));
}`,
  },
  sqrt_: {
    calls: ['infinity', 'not_a_number', 'is_nan'],
    text: `fn sqrt_@(x: F) -> F {
  let edge = select(F(not_a_number()), x, (x == F(0.0)) | is_nan@(x) | (x >= F(infinity())));
  return select(edge, sqrt(max(x, F(0.0))), (x > F(0.0)) & (x < F(infinity())));
}`,
  },
  tanh_: {
    calls: ['expm1_', 'is_nan'],
    text: `fn tanh_@(x: F) -> F {
  let t = expm1_@(F(2.0) * min(abs(x), F(10.0)));
  let y = t / (t + F(2.0));
  let signed = bitcast<F>(bitcast<U>(y) | (bitcast<U>(x) & U(0x80000000u)));
  return select(signed, x, is_nan@(x));
}`,
  },
  // Fits: erf(x) / x - 1 in x^2 up to 0.875; log(1 - erf(x)) from 0.875 to 4.
  erf_: {
    calls: ['exp_', 'is_nan'],
    text: `fn erf_@(x: F) -> F {
  let a = min(abs(x), F(4.0));
  let z = a * a;
  let p = fma(fma(fma(fma(fma(fma(F(8.675392391e-5), z, F(-8.211104093e-4)), z, F(0.005206747444)), z, F(-0.02686158471)), z, F(0.1128373300)), z, F(-0.3761263607)), z, F(0.1283791669));
  let q = fma(fma(fma(fma(fma(fma(fma(F(-2.045135698e-5), a, F(4.270829583e-4)), a, F(-0.004135644846)), a, F(0.02502714231)), a, F(-0.1081390293)), a, F(-0.6334734737)), a, F(-1.129453160)), a, F(1.620246999e-4));
  let y = select(F(1.0) - exp_@(q), fma(a, p, a), a < F(0.875));
  let signed = bitcast<F>(bitcast<U>(y) | (bitcast<U>(x) & U(0x80000000u)));
  return select(signed, x, is_nan@(x));
}`,
  },
  atan_: {
    calls: ['is_nan'],
    text: `fn atan_@(x: F) -> F {
  let a = abs(x);
  let large = a > F(2.414213562);
  let medium = (a > F(0.414213562)) & !large;
  let y = select(select(a, (a - F(1.0)) / (a + F(1.0)), medium), F(-1.0) / a, large);
  let base = select(select(F(0.0), F(0.7853981634), medium), F(1.5707963268), large);
  let z = y * y;
  let p = fma(fma(fma(fma(F(-0.060903556645), z, F(0.10599356888)), z, F(-0.14244422317)), z, F(0.19998529553)), z, F(-0.33333316445));
  let sum = base + fma(y * z, p, y);
  let signed = bitcast<F>(bitcast<U>(sum) | (bitcast<U>(x) & U(0x80000000u)));
  return select(signed, x, is_nan@(x));
}`,
  },
  // Exact, by long division of the significands in digits of 8 bits.
  float_remainder: {
    calls: ['not_a_number'],
    text: `fn float_remainder(x: f32, y: f32) -> f32 {
  let a = bitcast<u32>(x) & 0x7fffffffu;
  let b = bitcast<u32>(y) & 0x7fffffffu;
  if (a >= 0x7f800000u || b == 0u || b > 0x7f800000u) { return not_a_number(); }
  if (a < b) { return x; }
  let exponent = max(b >> 23u, 1u);
  let divisor = select((b & 0x7fffffu) | 0x800000u, b, b < 0x800000u);
  var rest = select((a & 0x7fffffu) | 0x800000u, a, a < 0x800000u) % divisor;
  for (var left = max(a >> 23u, 1u) - exponent; left > 0u; left -= min(left, 8u)) {
    rest = (rest << min(left, 8u)) % divisor;
  }
  let sign = bitcast<u32>(x) & 0x80000000u;
  let shift = max(countLeadingZeros(rest), 8u) - 8u;
  if (rest == 0u || shift >= exponent) { return bitcast<f32>(sign | (rest << (exponent - 1u))); }
  return bitcast<f32>(sign | ((exponent - shift) << 23u) | ((rest << shift) & 0x7fffffu));
}`,
    four: `fn float_remainder_4(x: vec4<f32>, y: vec4<f32>) -> vec4<f32> {
  return vec4<f32>(float_remainder(x.x, y.x), float_remainder(x.y, y.y), float_remainder(x.z, y.z), float_remainder(x.w, y.w));
}`,
  },
  multiply_high: {
    calls: [],
    single: true,
    text: `fn multiply_high(a: u32, b: u32) -> u32 {
  let low = (a & 0xffffu) * (b & 0xffffu);
  let first = (a >> 16u) * (b & 0xffffu) + (low >> 16u);
  let second = (a & 0xffffu) * (b >> 16u) + (first & 0xffffu);
  return (a >> 16u) * (b >> 16u) + (first >> 16u) + (second >> 16u);
}`,
  },
  // For |x| >= 2^13: x less the nearest multiple of pi/2, and that multiple modulo 4 (Payne and Hanek 1983), with 2/pi to 256 bits.
  reduce_large: {
    calls: ['multiply_high'],
    single: true,
    text: `fn reduce_large(x: f32) -> vec2<f32> {
  var two_over_pi = array<u32, 9>(0u, 0xa2f9836eu, 0x4e441529u, 0xfc2757d1u, 0xf534ddc0u, 0xdb629599u, 0x3c439041u, 0xfe5163abu, 0xdebbc561u);
  let bits = bitcast<u32>(x);
  let significand = (bits & 0x7fffffu) | 0x800000u;
  let at = ((bits >> 23u) & 255u) - 120u;
  let first = at >> 5u;
  let shift = at & 31u;
  var words: array<u32, 3>;
  for (var i = 0u; i < 3u; i++) {
    let beyond = select(two_over_pi[min(first + i + 1u, 8u)] >> (32u - max(shift, 1u)), 0u, shift == 0u);
    words[i] = (two_over_pi[min(first + i, 8u)] << shift) | beyond;
  }
  let low = significand * words[2];
  let middle_part = significand * words[1];
  let middle = middle_part + multiply_high(significand, words[2]);
  let carry = select(0u, 1u, middle < middle_part);
  let top = significand * words[0] + multiply_high(significand, words[1]) + carry;
  var fraction = (top << 2u) | (middle >> 30u);
  var rest = (middle << 2u) | (low >> 30u);
  var quadrant = top >> 30u;
  let negative = fraction >= 0x80000000u;
  if (negative) {
    quadrant += 1u;
    rest = ~rest;
    fraction = ~fraction;
  }
  let size = (f32(fraction) * 2.3283064365386963e-10 + f32(rest) * 5.421010862427522e-20) * 1.5707963267948966;
  let r = select(size, -size, negative != (x < 0.0));
  return vec2<f32>(r, f32(select(quadrant & 3u, (4u - quadrant) & 3u, x < 0.0)));
}`,
  },
  // sin(x + turns * pi / 2).
  sine_1: {
    calls: ['kept', 'reduce_large', 'not_a_number'],
    single: true,
    text: `fn sine_1(x: f32, turns: i32) -> f32 {
  if ((bitcast<u32>(x) & 0x7f800000u) == 0x7f800000u) { return not_a_number(); }
  let n = round(clamp(x, -8192.0, 8192.0) * 0.6366197723675814);
  var r = fma(n, -7.549789948768648e-8, kept(fma(n, -4.837512969970703e-4, kept(fma(n, -1.5703125, x)))));
  var quadrant = i32(n);
  if (abs(x) >= 8192.0) {
    let reduced = reduce_large(x);
    r = reduced.x;
    quadrant = i32(reduced.y);
  }
  quadrant += turns;
  let z = r * r;
  let s = fma(r * z, fma(fma(-0.00019518604676, z, 0.0083321910352), z, -0.16666655242), r);
  let c = fma(z * z, fma(fma(2.4432324e-5, z, -0.0013887309469), z, 0.041666645557), fma(z, -0.5, 1.0));
  let y = select(s, c, (quadrant & 1) == 1);
  return select(y, -y, (quadrant & 2) == 2);
}`,
  },
  sin_: {
    calls: ['sine_1'],
    text: `fn sin_(x: f32) -> f32 {
  return select(sine_1(x, 0), x, x == 0.0);
}`,
    four: `fn sin__4(x: vec4<f32>) -> vec4<f32> {
  let y = vec4<f32>(sine_1(x.x, 0), sine_1(x.y, 0), sine_1(x.z, 0), sine_1(x.w, 0));
  return select(y, x, x == vec4<f32>());
}`,
  },
  cos_: {
    calls: ['sine_1'],
    text: `fn cos_(x: f32) -> f32 {
  return sine_1(x, 1);
}`,
    four: `fn cos__4(x: vec4<f32>) -> vec4<f32> {
  return vec4<f32>(sine_1(x.x, 1), sine_1(x.y, 1), sine_1(x.z, 1), sine_1(x.w, 1));
}`,
  },
  // a^y for a from 0 on that is not NaN, and y not NaN. log2(a) = k + w + rest, where k and w have few bits, so that products with halves of y are exact.
  power_of_size: {
    calls: ['kept', 'normalized', 'small_expm1', 'scaled', 'infinity'],
    text: `fn power_of_size@(a: F, y: F) -> F {
  let bits = bitcast<I>(normalized@(a)) - I(0x3f3504f3);
  let k = F(bits >> U(23u)) - select(F(0.0), F(149.0), bitcast<U>(a) < U(0x800000u));
  let f = bitcast<F>((bits & I(0x7fffff)) + I(0x3f3504f3)) - F(1.0);
  let d = f + F(2.0);
  let s = f / d;
  let s_high = bitcast<F>(bitcast<U>(s) & U(0xfffff000u));
  let d_high = bitcast<F>(bitcast<U>(d) & U(0xfffff000u));
  let s_low = (kept@(f - s_high * d_high) - s_high * (f - kept@(d_high - F(2.0)))) / d;
  let z = s * s;
  let tail = s * z * fma(fma(fma(F(0.2358194755), z, F(0.2853735249)), z, F(0.4000033376)), z, F(0.6666666566));
  // 2 / ln(2) is 2.884765625 + 6.244567779e-4, the first of 12 bits.
  let main = s_high * F(2.884765625);
  let w = round(main * F(4096.0)) * F(0.000244140625);
  let rest = kept@(main - w) + fma(s_high, F(6.244567779e-4), fma(s_low, F(2.885390082), tail * F(1.442695041)));
  let y_high = bitcast<F>(bitcast<U>(y) & U(0xfffff000u));
  let y_low = y - y_high;
  let n = round(clamp(y * (k + w + rest), F(-200.0), F(200.0)));
  let r = kept@(kept@(y_high * k - n) + y_high * w) + (y_low * k + y_low * w + y * rest);
  let result = scaled@(F(1.0) + small_expm1@(clamp(r, F(-0.51), F(0.51)) * F(0.6931471806)), I(n));
  let up = select((a < F(1.0)), (a > F(1.0)), (y > F(0.0)));
  let whole = select(F(0.0), F(infinity()), up);
  let at_edge = (a == F(0.0)) | (a >= F(infinity())) | (abs(y) >= F(infinity())) | (abs(n) > F(160.0));
  return select(result, select(whole, F(1.0), (a == F(1.0)) | (y == F(0.0))), at_edge | (y == F(0.0)));
}`,
  },
  pow_: {
    calls: ['power_of_size', 'is_nan', 'not_a_number', 'infinity'],
    text: `fn pow_@(x: F, y: F) -> F {
  let size = power_of_size@(abs(x), y);
  let integral = floor(y) == y;
  let odd = integral & (abs(y) < F(16777216.0)) & ((I(clamp(y, F(-16777216.0), F(16777216.0))) & I(1)) == I(1));
  let negative = (bitcast<U>(x) >> U(31u)) == U(1u);
  let defined = integral | (x == F(0.0)) | (abs(x) >= F(infinity()));
  let signed = select(size, -size, negative & odd);
  let value = select(signed, F(not_a_number()), negative & !defined);
  let known = select(value, F(not_a_number()), is_nan@(x) | is_nan@(y));
  return select(known, F(1.0), (x == F(1.0)) | ((bitcast<U>(y) & U(0x7fffffffu)) == U(0u)));
}`,
  },
} as const satisfies Record<string, Helper>;

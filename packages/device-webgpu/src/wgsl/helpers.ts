/**
 * WGSL functions that kernels call, each written once for one point and for four: `F`, `I`, `U`, `B` stand for f32, i32, u32, bool or vectors
 * of four of them, and `@` ends the names that exist in both forms. WGSL promises little about NaN, infinities and the accuracy of its own
 * functions, and adapters use that: so NaN is found by its bits and the functions are computed here. Owns the parts that others are made
 * of; `math.ts` has the functions of a real variable.
 */
import type { Width } from './kinds.js';
import { mathHelpers } from './math.js';

/** A helper by name: what it calls, and its text. */
export interface Helper {
  readonly calls: readonly string[];
  readonly text: string;
  /** Only for one point. */
  readonly single?: true;
  /** The text for four points, where the same form does not do; it calls the forms for one point. */
  readonly four?: string;
}

const bitHelpers = {
  // A variable, because WGSL refuses constant expressions that are not finite.
  infinity: {
    calls: [],
    single: true,
    text: `fn infinity() -> f32 {
  var bits = 0x7f800000u;
  return bitcast<f32>(bits);
}`,
  },
  not_a_number: {
    calls: [],
    single: true,
    text: `fn not_a_number() -> f32 {
  var bits = 0x7fc00000u;
  return bitcast<f32>(bits);
}`,
  },
  // A variable, because compilers of shaders take the constants 0 and -0 of a module for one.
  negative_zero: {
    calls: [],
    single: true,
    text: `fn negative_zero() -> f32 {
  var bits = 0x80000000u;
  return bitcast<f32>(bits);
}`,
  },
  is_nan: {
    calls: [],
    text: `fn is_nan@(x: F) -> B {
  return (bitcast<U>(x) & U(0x7fffffffu)) > U(0x7f800000u);
}`,
  },
  nan_max: {
    calls: ['is_nan'],
    text: `fn nan_max@(x: F, y: F) -> F {
  return select(select(x, y, (x < y) | is_nan@(y)), x, is_nan@(x));
}`,
  },
  times_zero: {
    calls: ['not_a_number'],
    text: `fn times_zero@(x: F) -> F {
  let bits = bitcast<U>(x);
  let zero = bitcast<F>(bits & U(0x80000000u));
  return select(zero, F(not_a_number()), (bits & U(0x7f800000u)) == U(0x7f800000u));
}`,
  },
  plus_zero: {
    calls: [],
    text: `fn plus_zero@(x: F) -> F {
  let bits = bitcast<U>(x);
  return bitcast<F>(select(bits, U(0u), bits == U(0x80000000u)));
}`,
  },
  zero_over: {
    calls: ['not_a_number', 'is_nan'],
    text: `fn zero_over@(x: F) -> F {
  let zero = bitcast<F>(bitcast<U>(x) & U(0x80000000u));
  return select(zero, F(not_a_number()), (x == F(0.0)) | is_nan@(x));
}`,
  },
  over_zero: {
    calls: ['infinity', 'not_a_number', 'is_nan'],
    text: `fn over_zero@(x: F) -> F {
  let unbounded = select(F(infinity()), F(-infinity()), x < F(0.0));
  return select(unbounded, F(not_a_number()), (x == F(0.0)) | is_nan@(x));
}`,
  },
  over_itself: {
    calls: ['not_a_number'],
    text: `fn over_itself@(x: F) -> F {
  let unbounded = (bitcast<U>(x) & U(0x7f800000u)) == U(0x7f800000u);
  return select(F(1.0), F(not_a_number()), unbounded | (x == F(0.0)));
}`,
  },
  // Truncates towards 0, saturates, and makes NaN 0.
  to_integer: {
    calls: ['is_nan'],
    text: `fn to_integer@(x: F) -> I {
  let inside = I(clamp(x, F(-2147483648.0), F(2147483520.0)));
  return select(select(inside, I(2147483647), x >= F(2147483648.0)), I(0), is_nan@(x));
}`,
  },
  float16_bits: {
    calls: [],
    text: `fn float16_bits@(x: F) -> U {
  let bits = bitcast<U>(x);
  let size = bits & U(0x7fffffffu);
  let odd = (size >> U(13u)) & U(1u);
  let normal = (size + U(0xc8000fffu) + odd) >> U(13u);
  // Below 2^-14 the step is 2^-24: the significand moves right, and what falls out rounds.
  let shift = min(U(126u) - min(size >> U(23u), U(113u)), U(31u));
  let significand = (size & U(0x7fffffu)) | U(0x800000u);
  let kept = significand >> shift;
  let half = U(1u) << (shift - U(1u));
  let rest = significand & ((U(1u) << shift) - U(1u));
  let up = (rest > half) | ((rest == half) & ((kept & U(1u)) == U(1u)));
  let subnormal = select(U(0u), select(kept, kept + U(1u), up), shift < U(26u));
  let finite = select(normal, subnormal, size < U(0x38800000u));
  let special = select(U(0x7c00u), U(0x7e00u), size > U(0x7f800000u));
  return select(finite, special, size >= U(0x477ff000u)) | ((bits >> U(16u)) & U(0x8000u));
}`,
  },
  float16_value: {
    calls: [],
    text: `fn float16_value@(bits: U) -> F {
  let size = bits & U(0x7fffu);
  let normal = bitcast<F>((size << U(13u)) + U(0x38000000u));
  let special = bitcast<F>((size << U(13u)) | U(0x7f800000u));
  let subnormal = F(size) * F(5.960464477539063e-8);
  let value = select(select(normal, special, size >= U(0x7c00u)), subnormal, size < U(0x400u));
  return bitcast<F>(bitcast<U>(value) | ((bits & U(0x8000u)) << U(16u)));
}`,
  },
  bfloat16_bits: {
    calls: [],
    text: `fn bfloat16_bits@(x: F) -> U {
  let bits = bitcast<U>(x);
  let rounded = (bits + U(0x7fffu) + ((bits >> U(16u)) & U(1u))) >> U(16u);
  return select(rounded, U(0x7fc0u), (bits & U(0x7fffffffu)) > U(0x7f800000u));
}`,
  },
  bfloat16_value: {
    calls: [],
    text: `fn bfloat16_value@(bits: U) -> F {
  return bitcast<F>(bits << U(16u));
}`,
  },
  half_of_word: {
    calls: [],
    single: true,
    text: `fn half_of_word(word: u32, index: i32) -> u32 {
  return (word >> ((u32(index) & 1u) * 16u)) & 0xffffu;
}`,
  },
  four_halves: {
    calls: [],
    single: true,
    text: `fn four_halves(words: vec2<u32>) -> vec4<u32> {
  return vec4<u32>(words.x & 0xffffu, words.x >> 16u, words.y & 0xffffu, words.y >> 16u);
}`,
  },
  two_words: {
    calls: [],
    single: true,
    text: `fn two_words(halves: vec4<u32>) -> vec2<u32> {
  return vec2<u32>(halves.x | (halves.y << 16u), halves.z | (halves.w << 16u));
}`,
  },
  round_to_float16: {
    calls: ['float16_bits', 'float16_value'],
    text: `fn round_to_float16@(x: F) -> F {
  return float16_value@(float16_bits@(x));
}`,
  },
  round_to_bfloat16: {
    calls: ['bfloat16_bits', 'bfloat16_value'],
    text: `fn round_to_bfloat16@(x: F) -> F {
  return bfloat16_value@(bfloat16_bits@(x));
}`,
  },
  quotient: {
    calls: [],
    text: `fn quotient@(x: I, y: I) -> I {
  return select(x / select(y, I(1), y == I(0)), I(0), y == I(0));
}`,
  },
  remainder: {
    calls: [],
    text: `fn remainder@(x: I, y: I) -> I {
  return select(x % select(y, I(1), y == I(0)), x, y == I(0));
}`,
  },
} as const satisfies Record<string, Helper>;

const table: Readonly<Record<string, Helper>> = { ...bitHelpers, ...mathHelpers };

export type HelperName = keyof typeof bitHelpers | keyof typeof mathHelpers;

/** The helpers that a kernel uses, each once, callees first. */
export class Helpers {
  readonly #texts = new Map<string, string>();

  /** The name by which `name` is called for `width` points; its text comes along. */
  use(name: HelperName, width: Width = 1): string {
    return this.#use(name, width);
  }

  #use(name: string, width: Width): string {
    const helper = table[name];
    if (helper === undefined) throw new RangeError(`webgpu: there is no helper ${name}`);
    const wide = width === 4 && helper.single !== true;
    const full = wide ? `${name}_4` : name;
    if (this.#texts.has(full)) return full;
    if (wide && helper.four !== undefined) this.#use(name, 1);
    for (const callee of helper.calls) this.#use(callee, helper.four === undefined ? width : 1);
    this.#texts.set(full, wide ? (helper.four ?? widened(helper.text)) : narrowed(helper.text));
    return full;
  }

  get texts(): readonly string[] {
    return [...this.#texts.values()];
  }
}

const letters: Readonly<Record<string, string>> = { F: 'f32', I: 'i32', U: 'u32', B: 'bool' };

function narrowed(text: string): string {
  return text.replace(/@/g, '').replace(/\b[FIUB]\b/g, (letter) => letters[letter] as string);
}

function widened(text: string): string {
  return text.replace(/@/g, '_4').replace(/\b[FIUB]\b/g, (letter) => `vec4<${letters[letter]}>`);
}

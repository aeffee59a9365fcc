/**
 * Elements of a slot as WGSL sees them: the type of the binding, and the text that reads or writes one element or four next to each other. Halves lie
 * two in a word (native where the adapter has f16): one that is written alone goes through atomics, since its neighbour may be another
 * thread's. Owns representation in memory; which slot is seen how is the kernel module's.
 */
import type { DType } from '@torchlet/device';
import type { HelperName } from './helpers.js';
import { kindOf, typeName, type Width } from './kinds.js';
import { bare } from './writer.js';

/** `vector`: every access of the kernel is to four elements from a multiple of four on. */
export type View = 'scalar' | 'vector';

export interface Elements {
  readonly name: string;
  readonly dtype: DType;
  readonly view: View;
  /** Whether the kernel writes the slot. */
  readonly written: boolean;
  /** Whether float16 has a type of its own. */
  readonly native: boolean;
  /** Elements of the slot. */
  readonly size: number;
}

type UseHelper = (name: HelperName, width?: Width) => string;

type Form = 'word' | 'bool' | 'packed' | 'native';

function formOf({ dtype, native }: Elements): Form {
  if (dtype === 'float16') return native ? 'native' : 'packed';
  if (dtype === 'bfloat16') return 'packed';
  return dtype === 'bool' ? 'bool' : 'word';
}

const halfNames = {
  float16: ['float16_bits', 'float16_value'],
  bfloat16: ['bfloat16_bits', 'bfloat16_value'],
} as const;

function half(dtype: DType): readonly [bits: HelperName, value: HelperName] {
  return halfNames[dtype as keyof typeof halfNames];
}

/** The type of the binding. Its length is known, which spares adapters from asking for it at each access. */
export function arrayType(elements: Elements): string {
  const perElement = elements.view === 'vector' ? 4 : formOf(elements) === 'packed' ? 2 : 1;
  const { size, view } = elements;
  const length = view === 'vector' ? Math.floor(size / perElement) : Math.ceil(size / perElement);
  return `array<${elementType(elements)}, ${Math.max(1, length)}>`;
}

function elementType(elements: Elements): string {
  const { dtype, view, written } = elements;
  const width = view === 'vector' ? 4 : 1;
  const form = formOf(elements);
  switch (form) {
    case 'word':
      return typeName(kindOf(dtype), width);
    case 'bool':
      return typeName('u32', width);
    case 'native':
      return width === 4 ? 'vec4<f16>' : 'f16';
    case 'packed':
      if (width === 4) return 'vec2<u32>';
      return written ? 'atomic<u32>' : 'u32';
    default: {
      const never: never = form;
      return never;
    }
  }
}

/** Whether the text of an index is repeated neither by a load nor by a store, so that it may be any expression. */
export function mayInline(elements: Elements): boolean {
  const form = formOf(elements);
  return form !== 'packed';
}

/** The element at `index`; in a vector view the four from `index` on. The index is cheap text unless `mayInline`. */
export function loadText(elements: Elements, index: string, helper: UseHelper): string {
  const { name, dtype, view, written } = elements;
  const width = view === 'vector' ? 4 : 1;
  const form = formOf(elements);
  const at = width === 4 ? `${name}[${quartered(index)}]` : `${name}[${bare(index)}]`;
  switch (form) {
    case 'word':
      return at;
    case 'bool':
      return width === 4 ? `(${at} != vec4<u32>())` : `(${at} != 0u)`;
    case 'native':
      return `${typeName('f32', width)}(${at})`;
    case 'packed': {
      const value = helper(half(dtype)[1], width);
      if (width === 4) return `${value}(${helper('four_halves')}(${at}))`;
      const word = `${name}[${index} >> 1u]`;
      return `${value}(${helper('half_of_word')}(${written ? `atomicLoad(&${word})` : word}, ${index}))`;
    }
    default: {
      const never: never = form;
      return never;
    }
  }
}

/** Lines that write `value` at `index`, both cheap text. */
export function storeLines(elements: Elements, index: string, value: string, helper: UseHelper): string[] {
  const { name, dtype, view } = elements;
  const width = view === 'vector' ? 4 : 1;
  const form = formOf(elements);
  const at = width === 4 ? `${name}[${quartered(index)}]` : `${name}[${bare(index)}]`;
  switch (form) {
    case 'word':
      return [`${at} = ${value};`];
    case 'bool':
      return [`${at} = ${typeName('u32', width)}(${value});`];
    case 'native': {
      const bits = `${helper('float16_bits', width)}(${value})`;
      if (width === 1) return [`${at} = bitcast<vec2<f16>>(${bits}).x;`];
      return [`${at} = bitcast<vec4<f16>>(${helper('two_words')}(${bits}));`];
    }
    case 'packed': {
      const bits = `${helper(half(dtype)[0], width)}(${value})`;
      if (width === 4) return [`${at} = ${helper('two_words')}(${bits});`];
      const word = `${name}[${index} >> 1u]`;
      const shift = `((u32(${index}) & 1u) * 16u)`;
      return [`atomicAnd(&${word}, ~(0xffffu << ${shift}));`, `atomicOr(&${word}, ${bits} << ${shift});`];
    }
    default: {
      const never: never = form;
      return never;
    }
  }
}

function quartered(index: string): string {
  return /^\d+$/.test(index) ? String(Number(index) / 4) : `${index} >> 2u`;
}

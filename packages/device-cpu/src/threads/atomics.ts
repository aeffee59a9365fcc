/** The instructions of WebAssembly with which threads speak. Owns their tables; what is said is `sharing.ts`. */
import { family } from '../wasm/index.js';

/** On words of 32 bits. */
export const atomic32 = family('i32', ['fe10 i:i@ atomicLoad', 'fe17 ii:@ atomicStore', 'fe1e ii:i@ atomicRmwAdd']);

/** On words of 64 bits. */
export const atomic64 = family('i64', [
  'fe11 i:l@ atomicLoad',
  'fe18 il:@ atomicStore',
  'fe49 ill:l@ atomicRmwCmpxchg',
]);

/** Waking others, and waiting until notified or the nanoseconds are over, while the word at the pointer is as expected. */
export const waiting = family('memory', [
  'fe0 ii:i@ atomicNotify',
  'fe1 iil:i@ atomicWait32',
  'fe2 ill:i@ atomicWait64',
]);

export const { unreachable } = family('control', ['0 : unreachable']);

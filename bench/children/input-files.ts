/** The shared inputs as Node has them: files in a folder. What is made of them is `shared-inputs.ts`. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { DigitFiles } from './shared-inputs.js';

function bytes(folder: string, name: string): ArrayBuffer {
  const file = readFileSync(path.join(folder, name));
  return file.buffer.slice(file.byteOffset, file.byteOffset + file.byteLength) as ArrayBuffer;
}

export function readDigits(folder: string): DigitFiles {
  return {
    images: new Float32Array(bytes(folder, 'x.f32')),
    labels: new Uint8Array(bytes(folder, 'y.u8')),
    order: new Int32Array(bytes(folder, 'perm.i32')),
  };
}

export function normalNumbers(folder: string): Float32Array {
  return new Float32Array(bytes(folder, 'randn.f32'));
}

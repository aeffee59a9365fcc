/** A small WebAssembly assembler: build a module (`module-builder.ts`), write functions (`function-builder.ts`) of instructions. Owns the list of what emitters use. */
export { call, type Callable, FunctionBuilder, type Label, type Statement } from './function-builder.js';
export { f32, f64, i32, i64, memory, select, unreachable } from './instructions.js';
export { importsOf, type MemoryImport, ModuleBuilder } from './module-builder.js';
export { f32x4, f64x2, i8x16, i16x8, i32x4, i64x2, shuffle, shuffleLanes, v128 } from './vector-instructions.js';
export { printFunction, printModule } from './text.js';
export {
  constant,
  type Instruction,
  type Lanes,
  type Local,
  type Operand,
  tee,
  type Value,
  type ValueType,
  vector,
} from './value.js';
